"""Tells which rows nearly say the same: they ask nearly the same, and their answers do not differ.

Questions made after one pattern (“State the rule about points.”, “… about fouls.”) are as like as typing errors are;
only their answers show that they are meant to be different.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from core.dataset.row_json import RowTexts, read_texts
from core.storage import compressed_texts
from core.text import contradicting_answers, near_duplicates
from core.text.contradicting_answers import MAX_COMPARED_CHARACTERS
from core.text.normalise import normalise

ANSWERED = 70.0  # per cent of the characters that the answers of two rows share which nearly say the same
LEADERS = 50  # clusters that a row of a group is compared with


CHUNK = 10_000  # rows that are asked for at once


def load_row_texts(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, RowTexts]:
    """What is said in each of these rows; read by their packs, so that none is unpacked twice."""
    reader = compressed_texts.PackReader(db, kept=1)
    found: dict[int, RowTexts] = {}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        sql = f"SELECT id, pack, slot FROM example WHERE id IN ({marks}) ORDER BY pack, slot"
        found |= {id: read_texts(reader.text((pack, slot))) for id, pack, slot in db.execute(sql, chunk)}
    return found


@dataclass(frozen=True, slots=True)
class _Cluster:
    asked: str
    answer: str
    ids: list[int]


def clusters(said: dict[int, RowTexts]) -> list[list[int]]:
    """Ids of rows that nearly say the same as the first of their cluster, of two rows and more, from one group of
    `duplicates`. Rows are gone through in the order of their words, each compared with the newest `LEADERS` clusters.
    """
    found: list[_Cluster] = []
    newest: deque[_Cluster] = deque(maxlen=LEADERS)
    rows = sorted(
        (near_duplicates.normalise(one.key), normalise(one.answer[:MAX_COMPARED_CHARACTERS]), id)
        for id, one in said.items()
    )
    for asked, answer, id in rows:
        home = next((one for one in reversed(newest) if _repeats(asked, answer, one.asked, one.answer)), None)
        if home is None:
            found.append(home := _Cluster(asked, answer, []))
            newest.append(home)
        home.ids.append(id)
    return sorted(sorted(cluster.ids) for cluster in found if len(cluster.ids) > 1)


def likeness(one: RowTexts, other: RowTexts) -> float:
    """How much two rows ask the same, in per cent; 0 where it is not nearly the same, or their answers contradict."""
    found = near_duplicates.similarity(near_duplicates.normalise(one.key), near_duplicates.normalise(other.key))
    answers = normalise(one.answer[:MAX_COMPARED_CHARACTERS]), normalise(other.answer[:MAX_COMPARED_CHARACTERS])
    return (
        found
        if found >= near_duplicates.MIN_SIMILARITY and not contradicting_answers.compare_answers(*answers)
        else 0.0
    )


def repeats(one: RowTexts, other: RowTexts) -> bool:
    """Whether a row nearly says what another does."""
    answers = normalise(one.answer[:MAX_COMPARED_CHARACTERS]), normalise(other.answer[:MAX_COMPARED_CHARACTERS])
    return _repeats(near_duplicates.normalise(one.key), answers[0], near_duplicates.normalise(other.key), answers[1])


def _repeats(asked: str, answer: str, other_asked: str, other_answer: str) -> bool:
    if near_duplicates.similarity(asked, other_asked) < near_duplicates.MIN_SIMILARITY:
        return False
    if answer == other_answer:
        return True
    alike = fuzz.ratio(answer, other_answer, score_cutoff=ANSWERED)
    return bool(alike) and not contradicting_answers.compare_answers(answer, other_answer)
