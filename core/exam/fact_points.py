"""Makes the key points of rows from the project's facts, which are loaded once for many rows."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from core.exam import key_points, point_making
from core.spec import facts

MAX_GIVEN_CHARACTERS = 300  # of key points that a model gives


@dataclass(frozen=True, slots=True)
class FactPoints:
    """The texts of the facts by their names, and all of them: a word that many have tells nothing."""

    by_name: dict[str, str]
    texts: tuple[str, ...]

    def suggest(self, answer: str, names: Iterable[str], question: str = "", kind: str = "") -> str:
        """The key points of an answer that states the facts `names` (see `point_making.suggest_points`).

        Facts that are not there are left out; without any the answer stands for itself.
        """
        taught = " ".join(self.by_name[name] for name in names if name in self.by_name)
        return point_making.suggest_points(answer, taught or answer, question, kind, self.texts)


def are_usable(points: str, question: str, answer: str) -> bool:
    """Whether key points that a model gives mark the answer as right, and tell it from what the question says."""
    if not points.strip() or len(points) > MAX_GIVEN_CHARACTERS:
        return False
    own, asked = (key_points.judge_points(text, points, question, answer) for text in (answer, question))
    return bool(own) and all(point.is_met for point in own) and not all(point.is_met for point in asked)


NO_FACTS = FactPoints({}, ())


def load(db: sqlite3.Connection) -> FactPoints:
    """What key points are made from, the ignored facts among them."""
    by_name = {fact.name: fact.text for fact in facts.load(db)}
    return FactPoints(by_name, tuple(by_name.values()))
