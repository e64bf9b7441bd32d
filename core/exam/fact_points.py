"""Makes the key points of rows from the project's facts, which are loaded once for many rows."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from core.exam import point_making
from core.spec import facts


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


NO_FACTS = FactPoints({}, ())


def load(db: sqlite3.Connection) -> FactPoints:
    """What key points are made from, the ignored facts among them."""
    by_name = {fact.name: fact.text for fact in facts.load(db)}
    return FactPoints(by_name, tuple(by_name.values()))
