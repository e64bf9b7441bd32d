"""What one row teaches: its facts in words, what they were when it was written, and why it is doubted."""

import sqlite3

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.dataset.examples import Example
from core.language import tr
from core.review import findings
from core.spec import facts
from core.spec.facts import STALE, Fact
from ui.widgets import basics

DOUBTED = ("ungrounded", "answers-contradict", "split-leakage", "near-duplicate")


class RowFacts(QWidget):
    """Hidden where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self._taught, self._changed, self._doubts = basics.Note(), basics.Note(), basics.Note()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for note in (self._taught, self._changed, self._doubts):
            layout.addWidget(note)

    def show_row(self, db: sqlite3.Connection, row: Example | None) -> None:
        taught = facts.named(db, row.facts) if row else []
        found = findings.of_row(db, row.id) if row else {}
        self._taught.say("\n".join([*(f"{fact.name}: {fact.text}" for fact in taught), *_passage(row, taught)]))
        stale = row is not None and STALE in row.problems.split()
        self._changed.say("\n".join(_change(fact) for fact in taught if stale and fact.was), "warning")
        self._doubts.say("\n".join(found[rule] for rule in DOUBTED if rule in found), "warning")
        self.setVisible(any(note.text() for note in (self._taught, self._changed, self._doubts)))


def _passage(row: Example | None, taught: list[Fact]) -> list[str]:
    """The passage that the row stands on, where it is another than its facts'."""
    if not row or not row.quote or any(row.quote in (fact.quote, fact.text) for fact in taught):
        return []
    return [tr("Based on: “{passage}”", passage=row.quote)]


def _change(fact: Fact) -> str:
    return tr("{name} was: “{before}”, and is now: “{after}”", name=fact.name, before=fact.was, after=fact.quote)
