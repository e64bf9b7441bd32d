"""Turns an answer that a person has read into a row: a corrected example, or a question of the exam."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from core.dataset import examples
from core.exam import fact_points, retrieval
from core.exam.retrieval import Passage, PassageIndex
from core.formats import jsonl
from core.spec import facts, spec
from core.spec.facts import Fact

SOURCE = "chat"  # of the rows
MAX_PASSAGES = 6  # that are looked through for the facts of an answer
MIN_SCORE_SHARE = 0.7  # share of the best one's score from which another fact is taken to be meant, too
MAX_FACTS = 3  # facts that an answer is taken to speak of; where more fit alike, nobody knows
QUESTION_AND_ANSWER_WEIGHTS = (
    1,
    2,
)  # of question and answer. Measured on the samples' exams: the right fact is first for 50 and 51 of 51.


@dataclass(frozen=True, slots=True)
class FactGuess:
    """All facts, those first that share n-grams with question and answer; `meant` are the names of those that fit well enough."""

    facts: list[Fact]
    meant: list[str]


def guess_facts(db: sqlite3.Connection, question: str, answer: str) -> FactGuess:
    """The facts that an answer is about: among those whose quotes are in the passages found for it, the most similar ones."""
    known, spec_text = [fact for fact in facts.load(db) if not fact.ignored], spec.load(db).text
    spans, query = facts.find_places(spec_text, known), f"{question}\n{answer}"
    found = [one.passage for one in _search(retrieval.split_passages(spec_text), query, MAX_PASSAGES)]
    near = [fact for fact in known if fact.id in spans and any(_overlaps(spans[fact.id], one) for one in found)]
    scores = _score_facts(near, question, answer)
    first = sorted((fact for fact in near if fact.name in scores), key=lambda fact: -scores[fact.name])
    meant = [fact.name for fact in first if scores[fact.name] >= MIN_SCORE_SHARE * scores[first[0].name]]
    meant = meant if len(meant) <= MAX_FACTS else []
    return FactGuess([*first, *(fact for fact in known if fact.name not in scores)], meant)


def _score_facts(near: Sequence[Fact], *queries: str) -> dict[str, float]:
    """How well each fact fits question and answer, by their letters; one that shares none is left out."""
    texts = [Passage(fact.name, fact.text, fact.id, fact.id) for fact in near]
    scores: dict[str, float] = {}
    for query, weight in zip(queries, QUESTION_AND_ANSWER_WEIGHTS, strict=True):
        for one in _search(texts, query, len(texts)):
            scores[one.passage.heading] = scores.get(one.passage.heading, 0.0) + weight * one.score
    return scores


def _search(passages: Sequence[Passage], query: str, k: int) -> list[retrieval.FoundPassage]:
    index = PassageIndex(passages)
    try:
        return index.search(query, k)
    finally:
        index.close()


def _overlaps(span: tuple[int, int], passage: Passage) -> bool:
    return span[0] < passage.end and passage.start < span[1]


def suggest_key_points(db: sqlite3.Connection, question: str, answer: str, taught: Sequence[Fact]) -> str:
    """The key points of an answer in the exam, from its facts; without facts, from the answer itself."""
    return fact_points.load(db).suggest(answer, (fact.name for fact in taught), question)


def add_row(
    db: sqlite3.Connection,
    question: str,
    answer: str,
    taught: Sequence[Fact],
    kind: str,
    status: str = "draft",
    key_points: str | None = None,
) -> int:
    """Add a training row, or with `key_points` a question of the exam; returns its id."""
    row = examples.read_row(
        jsonl.new_row(spec.load(db).system_prompt, question, answer),
        split="train" if key_points is None else "test",
        kind=kind,
        status=status,
        facts=" ".join(fact.name for fact in taught),
        quote=taught[0].quote if len(taught) == 1 else "",
        key_points=key_points or "",
        source=SOURCE,
    )
    (id,) = examples.add(db, [row])
    # A row that was undone may have had the same id.
    db.execute("DELETE FROM finding WHERE example = ?", (id,))
    return id
