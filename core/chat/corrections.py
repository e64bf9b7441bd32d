"""From an answer that a person has read to a row: a corrected example, or a question of the exam."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from core.dataset import examples
from core.exam import key_points, retrieval
from core.exam.retrieval import Passage, PassageIndex
from core.formats import jsonl
from core.spec import facts, spec
from core.spec.facts import Fact

SOURCE = "chat"  # of the rows
PASSAGES = 6  # that are looked through for the facts of an answer
LIKE = 0.7  # share of the best one's score from which another fact is taken to be meant, too
MOST = 3  # facts that an answer is taken to speak of; where more fit alike, nobody knows
WEIGHTS = 1, 2  # of question and answer. Measured on the samples' exams: the right fact is first for 50 and 51 of 51.


@dataclass(frozen=True, slots=True)
class Guess:
    """All facts, those first that the question and its answer speak of; `meant` are the names of those taken to be so."""

    facts: list[Fact]
    meant: list[str]


def guess(db: sqlite3.Connection, question: str, answer: str) -> Guess:
    """Which facts an answer is about: of those whose quotes lie in the passages found for it, the likest ones."""
    known, text = [fact for fact in facts.load(db) if not fact.ignored], spec.load(db).text
    spans, said = facts.find_places(text, known), f"{question}\n{answer}"
    found = [one.passage for one in _search(retrieval.split_passages(text), said, PASSAGES)]
    near = [fact for fact in known if fact.id in spans and any(_meet(spans[fact.id], one) for one in found)]
    scores = _scores(near, question, answer)
    first = sorted((fact for fact in near if fact.name in scores), key=lambda fact: -scores[fact.name])
    meant = [fact.name for fact in first if scores[fact.name] >= LIKE * scores[first[0].name]]
    meant = meant if len(meant) <= MOST else []
    return Guess([*first, *(fact for fact in known if fact.name not in scores)], meant)


def _scores(near: Sequence[Fact], *said: str) -> dict[str, float]:
    """How well each fact fits question and answer, by their letters; one that shares none is left out."""
    texts = [Passage(fact.name, fact.text, fact.id, fact.id) for fact in near]
    scores: dict[str, float] = {}
    for text, weight in zip(said, WEIGHTS, strict=True):
        for one in _search(texts, text, len(texts)):
            scores[one.passage.heading] = scores.get(one.passage.heading, 0.0) + weight * one.score
    return scores


def _search(passages: Sequence[Passage], said: str, k: int) -> list[retrieval.FoundPassage]:
    index = PassageIndex(passages)
    try:
        return index.search(said, k)
    finally:
        index.close()


def _meet(span: tuple[int, int], passage: Passage) -> bool:
    return span[0] < passage.end and passage.start < span[1]


def suggest_key_points(question: str, answer: str, taught: Sequence[Fact]) -> str:
    """What an answer in the exam must say; without facts, what stands out in the answer itself."""
    told = " ".join(fact.text for fact in taught)
    return key_points.suggest_points(answer, told or answer, question)


def add(
    db: sqlite3.Connection,
    question: str,
    answer: str,
    taught: Sequence[Fact],
    kind: str,
    status: str = "draft",
    key_points: str | None = None,
) -> int:
    """Add a training row, or with `key_points` a question of the exam; its id."""
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
