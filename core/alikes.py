"""Tells which rows nearly say the same: they ask nearly the same, and their answers do not differ.

Questions made after one pattern (“State the rule about points.”, “… about fouls.”) are as like as slips of the pen are;
only their answers show that they are meant to be different.
"""

from collections import deque
from dataclasses import dataclass

from rapidfuzz import fuzz

from core import contradictions, duplicates
from core.contradictions import READ
from core.grading import normalise
from core.said import Said

ANSWERED = 70.0  # per cent of the characters that the answers of two rows share which nearly say the same
LEADERS = 50  # clusters that a row of a group is compared with


@dataclass(frozen=True, slots=True)
class _Cluster:
    asked: str
    answer: str
    ids: list[int]


def clusters(said: dict[int, Said]) -> list[list[int]]:
    """Ids of rows that nearly say the same as the first of their cluster, of two rows and more, from one group of
    `duplicates`. Rows are gone through in the order of their words, each compared with the newest `LEADERS` clusters.
    """
    found: list[_Cluster] = []
    newest: deque[_Cluster] = deque(maxlen=LEADERS)
    rows = sorted((duplicates.normalise(one.key), normalise(one.answer[:READ]), id) for id, one in said.items())
    for asked, answer, id in rows:
        home = next((one for one in reversed(newest) if _belongs(asked, answer, one)), None)
        if home is None:
            found.append(home := _Cluster(asked, answer, []))
            newest.append(home)
        home.ids.append(id)
    return sorted(sorted(cluster.ids) for cluster in found if len(cluster.ids) > 1)


def likeness(one: Said, other: Said) -> float:
    """How much two rows ask the same, in per cent; 0 where it is not nearly the same, or their answers contradict."""
    found = duplicates.similarity(duplicates.normalise(one.key), duplicates.normalise(other.key))
    answers = normalise(one.answer[:READ]), normalise(other.answer[:READ])
    return found if found >= duplicates.SIMILAR and not contradictions.contradiction(*answers) else 0.0


def _belongs(asked: str, answer: str, cluster: _Cluster) -> bool:
    if duplicates.similarity(asked, cluster.asked) < duplicates.SIMILAR:
        return False
    if answer == cluster.answer:
        return True
    alike = fuzz.ratio(answer, cluster.answer, score_cutoff=ANSWERED)
    return bool(alike) and not contradictions.contradiction(answer, cluster.answer)
