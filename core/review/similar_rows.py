"""Finds near duplicates among rows: their questions are nearly the same, and their answers do not differ.

Questions of one pattern (“State the rule about points.”, “… about fouls.”) are as similar as typing errors;
only their answers show that they are meant to be different.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from core.dataset.row_json import RowTexts, read_texts
from core.lazy_rapidfuzz import fuzz
from core.storage import compressed_texts
from core.text import contradicting_answers, near_duplicates

MIN_ANSWER_SIMILARITY = 70.0  # per cent of the characters that the answers of two near duplicates share
MAX_COMPARED_CLUSTERS = 50  # newest clusters that a row is compared with
ROWS_PER_QUERY = 10_000  # rows of one SQL query


def load_row_texts(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, RowTexts]:
    """The texts of these rows by id; read pack by pack, so that no pack is decompressed twice. Deleted rows are missing."""
    reader = compressed_texts.PackReader(db, kept=1)
    texts: dict[int, RowTexts] = {}
    for start in range(0, len(ids), ROWS_PER_QUERY):
        chunk = ids[start : start + ROWS_PER_QUERY]
        marks = ",".join("?" * len(chunk))
        sql = f"SELECT id, pack, slot FROM example WHERE id IN ({marks}) ORDER BY pack, slot"
        texts |= {id: read_texts(reader.text((pack, slot))) for id, pack, slot in db.execute(sql, chunk)}
    return texts


@dataclass(frozen=True, slots=True)
class _Cluster:
    question: str
    answer: str
    ids: list[int]


def cluster_rows(texts: dict[int, RowTexts]) -> list[list[int]]:
    """Cluster the rows of one group of `near_duplicates`: lists of two or more ids, each near the first of its cluster.

    Rows are taken in the order of their texts, each compared with the newest `MAX_COMPARED_CLUSTERS` clusters.
    """
    found_clusters: list[_Cluster] = []
    newest: deque[_Cluster] = deque(maxlen=MAX_COMPARED_CLUSTERS)
    rows = sorted(
        (near_duplicates.normalise(one.key), contradicting_answers.prepare_answer(one.answer), id)
        for id, one in texts.items()
    )
    for question, answer, id in rows:
        home = next(
            (one for one in reversed(newest) if _is_near_duplicate(question, answer, one.question, one.answer)), None
        )
        if home is None:
            found_clusters.append(home := _Cluster(question, answer, []))
            newest.append(home)
        home.ids.append(id)
    return sorted(sorted(cluster.ids) for cluster in found_clusters if len(cluster.ids) > 1)


def compute_similarity(one: RowTexts, other: RowTexts) -> float:
    """How similar two rows' questions are, in per cent; 0 below the limit, or where both have answers that contradict."""
    similarity = near_duplicates.compute_similarity(
        near_duplicates.normalise(one.key), near_duplicates.normalise(other.key)
    )
    answers = (contradicting_answers.prepare_answer(one.answer), contradicting_answers.prepare_answer(other.answer))
    return (
        similarity
        if similarity >= near_duplicates.MIN_SIMILARITY
        and not (all(answers) and contradicting_answers.compare_answers(*answers, one.question))
        else 0.0
    )


def _is_near_duplicate(question: str, answer: str, other_question: str, other_answer: str) -> bool:
    if near_duplicates.compute_similarity(question, other_question) < near_duplicates.MIN_SIMILARITY:
        return False
    if answer == other_answer:
        return True
    alike = fuzz.ratio(answer, other_answer, score_cutoff=MIN_ANSWER_SIMILARITY)
    return bool(alike) and not contradicting_answers.compare_answers(answer, other_answer)
