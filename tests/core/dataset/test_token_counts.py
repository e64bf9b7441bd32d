"""Tokens: exact counts, kept with the packs, summed up per split, and what they cost."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import examples as dataset_examples
from core.dataset import token_counts
from core.progress import Reporter
from core.text.tokenizer import TokenCounter
from tests.support.projects import new_example
from tools import bench_tokens

COUNTERS = {encoding: TokenCounter(encoding) for encoding in token_counts.ENCODINGS}


def rows(count, split="train", answer="Seven."):
    return [new_example(f"Question {n}?", answer, system="Be brief.", split=split) for n in range(count)]


def add(project, examples):
    asyncio.run(project.write("Add", dataset_examples.add, examples))


def refresh(project, encoding="o200k_base"):
    return asyncio.run(token_counts.count_missing_rows(project, encoding, Reporter()))


def summary(project, encoding="o200k_base"):
    return asyncio.run(project.read(token_counts.summarize, encoding, Reporter()))


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("ft:gpt-4.1-2025-04-14:org::id", "o200k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("ft:gpt-3.5-turbo:org::id", "cl100k_base"),
        ("smollm2-135m-instruct", "o200k_base"),
    ],
)
def test_encoding_of(model, encoding):
    assert token_counts.get_encoding(model) == encoding


def test_known_counts():
    # As OpenAI's own tokenizer counts them.
    assert COUNTERS["cl100k_base"].text("tiktoken is great!") == 6
    assert COUNTERS["o200k_base"].text("お誕生日おめでとう") == 8
    assert COUNTERS["cl100k_base"].text("お誕生日おめでとう") == 9
    assert COUNTERS["o200k_base"].text("") == 0


def test_half_a_character_does_not_stop_the_count():
    assert COUNTERS["o200k_base"].text("a\ud83d") == COUNTERS["o200k_base"].text("a\ufffd")


@pytest.fixture(scope="module")
def peers():
    return {encoding: bench_tokens.peer(encoding) for encoding in token_counts.ENCODINGS}


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_same_as_tiktoken(peers, text):
    for encoding, counter in COUNTERS.items():
        assert counter.text(text) == len(peers[encoding].encode(text, disallowed_special=()))


def test_a_row_is_counted_as_the_cookbook_does():
    counter = COUNTERS["o200k_base"]
    plain = {"role": "user", "content": "How many?"}
    named = {"role": "user", "content": "How many?", "name": "Aya"}
    one = counter.row(json.dumps({"messages": [plain]}))
    assert one == 3 + 3 + counter.text("user") + counter.text("How many?")
    assert counter.row(json.dumps({"messages": [named]})) == one + 1 + counter.text("Aya")


def test_rows_that_are_not_plain():
    counter = COUNTERS["o200k_base"]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}
    seen = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}
    assert counter.row(json.dumps({"messages": [seen]})) == 3 + 3 + 1 + counter.text("What is this?") + 85
    said = {"role": "assistant", "content": "Yes."}
    pair = {"input": {"messages": [said]}, "preferred_output": [said], "non_preferred_output": [said]}
    assert counter.row(json.dumps(pair)) == 3 + 3 * (3 + 1 + counter.text("Yes."))
    assert counter.row('{"prompt": "Hello", "completion": "World"}') == 3 + 1 + 1
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]
    assert counter.row(json.dumps({"messages": [said], "tools": tools})) > 3 + 3 + 1 + 2 + 10
    assert counter.row('{"messages": 3}') == 3


def test_hostile_text_takes_no_longer():
    for text in ("a" * 300_000, " " * 300_000, "あ" * 100_000, "!?" * 100_000):
        assert COUNTERS["o200k_base"].text(text) > 0


def test_counted_once_in_another_process(project):
    add(project, rows(70) + rows(5, "test"))
    assert summary(project).missing == 75
    refresh(project)
    found = summary(project)
    assert found.missing == 0
    assert {split: part.rows for split, part in found.splits.items()} == {"train": 70, "test": 5}
    expected = [COUNTERS["o200k_base"].row(row.data) for row in rows(70)]
    train = found.splits["train"]
    assert (train.tokens, train.smallest, train.largest) == (sum(expected), min(expected), max(expected))
    assert sum(bin.rows for bin in train.histogram) == 70
    assert len(train.longest) == token_counts.LONGEST_ROWS_LISTED
    assert refresh(project) is None
    assert summary(project, "cl100k_base").missing == 75


def test_an_edited_row_is_counted_anew(project):
    add(project, rows(3))
    refresh(project)
    asyncio.run(project.write("Edit", dataset_examples.set_field, 2, "answer", "word " * 500))
    assert summary(project).missing == 1
    refresh(project)
    assert summary(project).splits["train"].longest[0][0] == 2
    found = asyncio.run(project.read(token_counts.load_counts, [1, 2], "o200k_base"))
    assert found[2] > 500 > found[1]


def test_what_is_too_long_is_cut_and_drafts_do_not_count(project):
    draft = new_example("Q", "A", status="draft")
    add(project, [*rows(1, answer="word " * 70_000), draft])
    refresh(project)
    train = summary(project).splits["train"]
    assert (train.rows, train.over, train.trained) == (1, 1, token_counts.TOKEN_LIMIT)
    assert train.histogram == [token_counts.Bin(50_000, 100_000, 1)]
