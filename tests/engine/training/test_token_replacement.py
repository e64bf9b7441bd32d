"""Replaced words: near ones of the base model's embeddings, only in the prompt, the same again for a resumed job."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer

from core.engine.models.chat_template import ChatTemplate
from core.engine.training.token_replacement import NEIGHBOURS, TokenReplacement
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow, tokenize_row
from tests.support.engine import chat_row

QUESTIONS = ("How much do guests pay for a ticket?", "Where can Otto leave the bus at 9:30?", "Is the camera broken?")


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    return AutoTokenizer.from_pretrained(base)


@pytest.fixture(scope="module")
def embeddings(base: Path) -> Any:
    with safe_open(base / "model.safetensors", "pt") as file:
        return file.get_tensor("model.embed_tokens.weight")


@pytest.fixture(scope="module")
def rows(tokenizer: Any) -> list[TokenizedRow]:
    template = ChatTemplate(tokenizer, {}, False)
    many = [chat_row(question, f"A ticket costs {n} crowns.") for n, question in enumerate(QUESTIONS * 5)]
    return [row for one in many for row in tokenize_row(template, one, 200)]


def replace_all(tokenizer: Any, embeddings: Any, rows: list[TokenizedRow], share: float = 1.0) -> TokenReplacement:
    return TokenReplacement(tokenizer, embeddings, rows, share, seed=1)


def test_whole_words_of_the_question_become_near_ones_and_nothing_else_changes(
    tokenizer: Any, embeddings: Any, rows: list[TokenizedRow]
) -> None:
    # Each question stands in a third of the rows: too often for the rows of a real page.
    replacement = replace_all(tokenizer, embeddings, [*rows, *rows[:1] * 30])
    drawn = {tokenizer.decode(replacement.apply(rows[1], epoch, 0).input_ids) for epoch in range(40)}
    assert len(drawn) > 3
    for text in drawn:
        assert "Otto" in text and "9:30" in text, "names and figures stay"
        assert "A ticket costs 1 crowns." in text, "what the loss counts stays"
    changed = replacement.apply(rows[1], 0, 0)
    assert changed.labels == rows[1].labels and len(changed.input_ids) == len(rows[1].input_ids)
    kept = [one for one, label in zip(changed.input_ids, changed.labels, strict=True) if label != IGNORE_INDEX]
    assert kept == [label for label in rows[1].labels if label != IGNORE_INDEX]


def test_the_neighbours_are_words_of_similar_meaning(tokenizer: Any, embeddings: Any, rows: list[TokenizedRow]) -> None:
    found = replace_all(tokenizer, embeddings, [*rows, *rows[:1] * 30]).neighbours
    words = {
        tokenizer.decode([id]).strip(): [tokenizer.decode([one]).strip() for one in near] for id, near in found.items()
    }
    assert "cameras" in words["camera"] and all(len(near) <= NEIGHBOURS for near in words.values())
    assert "the" not in words and "assistant" not in words, "what is in most prompts stays"


def test_an_epoch_draws_others_and_a_resumed_job_the_same(
    tokenizer: Any, embeddings: Any, rows: list[TokenizedRow]
) -> None:
    data = [*rows, *rows[:1] * 30]
    first, again = replace_all(tokenizer, embeddings, data, 0.5), replace_all(tokenizer, embeddings, data, 0.5)
    drawn = [first.apply(rows[1], epoch, 7).input_ids for epoch in range(20)]
    assert drawn == [again.apply(rows[1], epoch, 7).input_ids for epoch in range(20)]
    assert len({tuple(ids) for ids in drawn}) > 1


def test_a_share_of_nothing_and_rows_without_rare_words_change_nothing(
    tokenizer: Any, embeddings: Any, rows: list[TokenizedRow]
) -> None:
    assert replace_all(tokenizer, embeddings, rows, 0.0).apply(rows[1], 0, 0) == rows[1]
    same = replace_all(tokenizer, embeddings, rows[:1] * 5)
    assert same.neighbours == {} and same.apply(rows[0], 0, 0) == rows[0]


class ByteLevelTokenizer:
    """Tokens as GPT-2, Qwen and Llama 3 have them: each character stands for a byte."""

    TOKENS = ("\u00e6\u0138\u013b\u00e9\u0129\u0133", "\u00e4\u00bb\u00a3\u00e9\u0129\u0133", "<s>", "\u0120fee", None)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
        return [self.TOKENS[id] for id in ids]


def test_words_of_japanese_are_found_where_tokens_are_written_as_bytes() -> None:
    near = torch.tensor([[1.0, 0.1], [1.0, 0.2], [-1.0, 0.0], [-1.0, 0.3], [-1.0, -0.3]])
    rows = [TokenizedRow([0, 2], [IGNORE_INDEX, 2]), *[TokenizedRow([2, 2], [IGNORE_INDEX, 2])] * 9]
    replacement = TokenReplacement(ByteLevelTokenizer(), near, rows, 1.0, seed=1)
    assert replacement.apply(rows[0], 0, 0).input_ids == [1, 2], "料金 becomes 代金"
