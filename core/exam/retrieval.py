"""Finds the passages of a spec for a question: by their n-grams; by meaning where an encoder is installed or a server has one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, groupby, islice
from typing import TypeAlias

from core.errors import ProviderError
from core.exam import sentence_encoder
from core.lazy_numpy import np, npt
from core.providers import OnPause, Provider
from core.providers.retry_policy import ignore_pause
from core.storage import compressed_texts
from core.storage.project import Project
from core.text import search_terms, statements, tokenizer

FULL_PASSAGE_CHARACTERS = 320  # characters from which a passage is full
RANK_FUSION_K = 60  # of reciprocal rank fusion: how much less a lower rank counts (Cormack, Clarke and Büttcher 2009)
MAX_EMBEDDED_TEXTS = 256  # texts of one request for vectors
MAX_EMBEDDED_TOKENS = 50_000  # of one request for vectors, about; OpenAI takes 300,000
TOO_LARGE_STATUSES = (400, 413, 422)  # what a server answers to more texts than it takes at once

Vectors: TypeAlias = "npt.NDArray[np.float32]"


@dataclass(frozen=True, slots=True)
class Passage:
    """The spec's characters `start` to `end`, under the headings `heading`."""

    heading: str
    text: str
    start: int
    end: int

    @property
    def whole(self) -> str:
        """The text under its headings, as it is put into a prompt."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def tokens(self) -> int:
        """About how many tokens it has with its headings."""
        return estimate_tokens(self.whole)


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage with its `score`: higher is better; only scores of one search can be compared."""

    passage: Passage
    score: float


def split_passages(text: str) -> list[Passage]:
    """The spec in passages of a few sentences under one heading. They do not overlap."""
    found: list[Passage] = []
    for heading, group in groupby(statements.split_statements(text), key=lambda one: one.heading):
        start = end = -1
        for statement in group:
            if start >= 0 and statement.end - start > FULL_PASSAGE_CHARACTERS:
                found.append(Passage(heading, text[start:end].strip(), start, end))
                start = -1
            start = statement.start if start < 0 else start
            end = max(end, statement.end)
        if start >= 0:
            found.append(Passage(heading, text[start:end].strip(), start, end))
    return found


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, estimated from its characters."""
    wide = sum(sign > "\u2e80" for sign in text)
    return round(
        (len(text) - wide) / tokenizer.LATIN_CHARACTERS_PER_TOKEN + wide / tokenizer.JAPANESE_CHARACTERS_PER_TOKEN
    )


def limit_tokens(found: Sequence[FoundPassage], budget: int) -> list[FoundPassage]:
    """As many of the best as fit into `budget` tokens; the best one always."""
    fitting: list[FoundPassage] = []
    left = budget
    for one in found:
        left -= one.passage.tokens
        if fitting and left < 0:
            break
        fitting.append(one)
    return fitting


class PassageIndex:
    """Passages by the letters they are written in: three at a time, Japanese two at a time, since its words are short.

    Measured on the samples' exams: among the first two passages, the right one for 36 of 51 English questions (in
    pairs and words: 37) and for 41 of 51 Japanese ones (by threes: 32); among the first four, 47 and 44.
    """

    def __init__(self, texts: Sequence[Passage]) -> None:
        self.passages = list(texts)
        self._db = _open_memory()
        self._db.execute("CREATE VIRTUAL TABLE threes USING fts5(text, tokenize='trigram')")
        self._db.execute("CREATE VIRTUAL TABLE pairs USING fts5(text)")
        for number, one in enumerate(self.passages, 1):
            text = search_terms.normalise_words(one.whole)
            self._db.execute("INSERT INTO threes (rowid, text) VALUES (?, ?)", (number, text))
            self._db.execute(
                "INSERT INTO pairs (rowid, text) VALUES (?, ?)", (number, " ".join(search_terms.list_terms(text)))
            )

    def close(self) -> None:
        """Close the index."""
        self._db.close()

    def search(self, question: str, k: int) -> list[FoundPassage]:
        """The `k` passages that share the rarest n-grams with the question, the best first (BM25)."""
        text = search_terms.normalise_words(question)
        table, grams = (
            ("pairs", search_terms.list_terms(text)) if search_terms.is_japanese(text) else ("threes", _trigrams(text))
        )
        if not grams:
            return []
        wanted = " OR ".join(f'"{gram}"' for gram in dict.fromkeys(grams))
        sql = f"SELECT rowid, bm25({table}) FROM {table} WHERE {table} MATCH ? ORDER BY 2, 1 LIMIT ?"
        return [FoundPassage(self.passages[id - 1], -rank) for id, rank in self._db.execute(sql, (wanted, k))]


def _open_memory() -> sqlite3.Connection:
    from core.storage.connection import open_in_memory

    return open_in_memory()


def _trigrams(text: str) -> list[str]:
    """Runs of three characters: at the edges of words with the blank, so that short words count, too."""
    return [text[at : at + 3] for at in range(len(text) - 2)]


class EncodedPassages:
    """Passages by their meaning, offline (core/exam/sentence_encoder.py). Long work: for another thread."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(passages)
        places, parts = [], []
        for place, passage in enumerate(self._passages):
            for part in statements.split_statements(passage.text):
                places.append(place)
                parts.append(f"{passage.heading}\n{part.text}".strip())
        vectors = sentence_encoder.encode([one.whole for one in self._passages] + parts)
        self._wholes, self._parts = vectors[: len(self._passages)], vectors[len(self._passages) :]
        self._places = np.asarray(places, np.intp)

    def rank(self, question: str, k: int) -> tuple[list[FoundPassage], list[FoundPassage]]:
        """Two rankings of the `k` nearest passages: by the passage as a whole, and by its nearest statement."""
        (vector,) = sentence_encoder.encode([question])
        nearest = np.full(len(self._passages), -1, np.float32)
        np.maximum.at(nearest, self._places, self._parts @ vector)
        order = np.argsort(-nearest, kind="stable")[:k]
        by_part = [FoundPassage(self._passages[number], float(nearest[number])) for number in order]
        return rank_by_vector(vector, self._wholes, self._passages, k), by_part


def rank_by_vector(question: Vectors, vectors: Vectors, texts: Sequence[Passage], k: int) -> list[FoundPassage]:
    """The `k` passages whose vectors have the highest cosine similarity with the question's.

    `question` has the shape (dimensions,), `vectors` (texts, dimensions).
    """
    scores = _normalise_vectors(vectors) @ _normalise_vectors(question[None])[0]
    order = np.argsort(-scores, kind="stable")[:k]
    return [FoundPassage(texts[number], float(scores[number])) for number in order]


def _normalise_vectors(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths, lengths, 1), np.float32)


def fuse_rankings(*rankings: Sequence[FoundPassage]) -> list[FoundPassage]:
    """One ranking of several, by reciprocal rank fusion: what ranks high in both comes first."""
    scores: dict[Passage, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, 1):
            scores[one.passage] = scores.get(one.passage, 0.0) + 1 / (RANK_FUSION_K + rank)
    return [FoundPassage(passage, score) for passage, score in sorted(scores.items(), key=lambda pair: -pair[1])]


async def embed(
    project: Project,
    provider: Provider,
    model: str,
    texts: Sequence[str],
    on_pause: OnPause = ignore_pause,
) -> Vectors:
    """The vectors of `texts`, an array of shape (texts, dimensions); each text is sent once, then stored in the project.

    Many are sent in one request, fewer where the server refuses so many. Raises `ProviderError` and `ProjectError`.
    """
    digests = [compressed_texts.digest(text.encode()) for text in texts]
    known = await project.read(_load_vectors, provider.id, model, digests)
    new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    most = MAX_EMBEDDED_TEXTS
    while new:
        block = _take_batch(new, most)
        try:
            new_vectors = await provider.embed(model, list(block.values()), on_pause)
        except ProviderError as error:
            if error.status not in TOO_LARGE_STATUSES or len(block) == 1:
                raise
            most = len(block) // 2
            continue
        rows = {digest: np.asarray(vector, np.float32) for digest, vector in zip(block, new_vectors, strict=True)}
        await project.write("", _store_vectors, provider.id, model, rows)
        known |= rows
        new = {digest: text for digest, text in new.items() if digest not in rows}
    return np.stack([known[digest] for digest in digests])


def _take_batch(texts: dict[int, str], most: int) -> dict[int, str]:
    """The first of `texts` that fit into one request."""
    fitting = accumulate(map(estimate_tokens, texts.values()))
    count = sum(tokens <= MAX_EMBEDDED_TOKENS for tokens in islice(fitting, most))
    return dict(islice(texts.items(), max(1, count)))


def _load_vectors(db: sqlite3.Connection, provider: str, model: str, digests: Sequence[int]) -> dict[int, Vectors]:
    found: dict[int, Vectors] = {}
    for digest in dict.fromkeys(digests):
        sql = "SELECT vector FROM passage_vector WHERE provider = ? AND model = ? AND digest = ?"
        with closing(db.execute(sql, (provider, model, digest))) as rows:
            for (blob,) in rows:
                found[digest] = np.frombuffer(blob, np.float32)
    return found


def _store_vectors(db: sqlite3.Connection, provider: str, model: str, rows: dict[int, Vectors]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO passage_vector (provider, model, digest, vector) VALUES (?, ?, ?, ?)",
        [(provider, model, digest, vector.tobytes()) for digest, vector in rows.items()],
    )
