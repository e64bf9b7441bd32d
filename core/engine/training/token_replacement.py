"""Other words for the questions of the rows: in each epoch some words of a prompt are replaced by ones of similar meaning.

A model that was trained on a few wordings of a question fails where a person uses another word. Which words are near,
the model's own input embeddings say: no table of synonyms is needed, in any language that the model knows. Replacing
words by others that are near in an embedding space: Wang and Yang (2015), "That's So Annoying!!!"; by random ones:
SwitchOut (arXiv 1808.07512). What the loss counts stays as it is.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow

NEIGHBOURS = 8  # of a token, at most
MIN_SIMILARITY = 0.3  # cosine of two embeddings, each without the mean of all
MAX_ROW_SHARE = 0.2  # a token in the prompts of more rows belongs to the template, or is a word like "the"
CHUNK = 4096  # embeddings that are compared at once
# What is replaced, and by what: a whole word in small letters, no name and no figure; of Japanese and Chinese two
# characters and more, with a kanji or katakana among them. “▁” and “Ġ” are a space before the word.
_LATIN = re.compile("[▁Ġ][a-z]{4,}")
_CJK = re.compile("(?=.*[\u30a1-\u30ff\u4e00-\u9fff])[\u3041-\u30ff\u4e00-\u9fff]{2,}")


class TokenReplacement:
    """Draws other prompts for rows. `share`: of the tokens that can be replaced, how many are, from 0 to 1.

    `embeddings`: the input embeddings, shape (vocabulary, d). `rows`: all rows that will be trained on.
    """

    def __init__(self, tokenizer: Any, embeddings: Any, rows: Sequence[TokenizedRow], share: float, seed: int) -> None:
        self._share, self._seed = share, seed
        self._tokens = [_read_token(one) for one in tokenizer.convert_ids_to_tokens(list(range(len(embeddings))))]
        counts = Counter(token for row in rows for token in {*_iterate_prompt(row)})
        rare = {token for token, count in counts.items() if count <= MAX_ROW_SHARE * len(rows)}
        self.neighbours: dict[int, list[int]] = {}
        for pattern in (_LATIN, _CJK):
            candidates = [id for id, token in enumerate(self._tokens) if pattern.fullmatch(token)]
            wanted = [id for id in candidates if id in rare]
            if wanted:
                self.neighbours |= _find_neighbours(embeddings, wanted, candidates)

    def apply(self, row: TokenizedRow, epoch: int, index: int) -> TokenizedRow:
        """The row with some tokens of its prompt replaced: the same ones each time for an epoch and the row's index."""
        dice = random.Random(f"{self._seed}/{epoch}/{index}/tokens")  # noqa: S311 - must repeat, need not be secret
        ids = [
            dice.choice(self.neighbours[id]) if self._can_replace(row, place) and dice.random() < self._share else id
            for place, id in enumerate(row.input_ids)
        ]
        return replace(row, input_ids=ids)

    def _can_replace(self, row: TokenizedRow, place: int) -> bool:
        """Whether a token of the prompt is a whole word that has neighbours."""
        if row.labels[place] != IGNORE_INDEX or row.input_ids[place] not in self.neighbours:
            return False
        if _CJK.fullmatch(self._tokens[row.input_ids[place]]):
            return True
        following = self._tokens[row.input_ids[place + 1]] if place + 1 < len(row.input_ids) else ""
        return not following[:1].isalpha() or following[0] == "Ġ"


def _map_characters_to_bytes() -> dict[str, int]:
    """The characters with which byte-level tokenizers (GPT-2, Qwen, Llama 3) write bytes: printable ones stand for themselves."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTES = _map_characters_to_bytes()


def _read_token(token: str | None) -> str:
    """A token as it reads: one of Chinese or Japanese is written as bytes by many tokenizers. '' for none."""
    if not token or token.isascii() or any(character not in _BYTES for character in token):
        return token or ""
    read = bytes(_BYTES[character] for character in token).decode("utf-8", "replace")
    return read if _CJK.fullmatch(read) else token


def _iterate_prompt(row: TokenizedRow) -> Iterator[int]:
    return (id for id, label in zip(row.input_ids, row.labels, strict=True) if label == IGNORE_INDEX)


def _find_neighbours(embeddings: Any, wanted: list[int], candidates: list[int]) -> dict[int, list[int]]:
    """The nearest candidates of each wanted token, for those that have any, the nearest first."""
    import torch

    table = embeddings.detach()
    mean = table.mean(0, dtype=torch.float32)

    def load(ids: list[int]) -> Any:
        return torch.nn.functional.normalize(table[ids].float() - mean, dim=1)

    own = load(wanted)
    similar = own.new_zeros((len(wanted), 0))
    found = torch.zeros((len(wanted), 0), dtype=torch.long, device=table.device)
    for start in range(0, len(candidates), CHUNK):
        ids = candidates[start : start + CHUNK]
        similar = torch.cat([similar, own @ load(ids).T], 1)
        found = torch.cat([found, torch.tensor(ids, device=table.device).expand(len(wanted), -1)], 1)
        similar, places = similar.topk(min(NEIGHBOURS + 1, similar.shape[1]), dim=1)
        found = found.gather(1, places)
    near = {
        id: [other for other, value in zip(others, values, strict=True) if other != id and value >= MIN_SIMILARITY]
        for id, others, values in zip(wanted, found.tolist(), similar.tolist(), strict=True)
    }
    return {id: others[:NEIGHBOURS] for id, others in near.items() if others}
