"""Which facts a dialog works on: those that were chosen before it was opened, or all of them."""

from collections.abc import Collection

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QRadioButton, QVBoxLayout, QWidget

from core.language import tr, trn

NAMED = 5  # facts that are named one by one


class Scope(QWidget):
    """Hidden where none was chosen: then there is nothing to decide."""

    changed = Signal()

    def __init__(self, chosen: Collection[str] | None) -> None:
        super().__init__()
        self._chosen = set(chosen) if chosen else None
        self.these, self.all = QRadioButton(chosen_words(self._chosen or ())), QRadioButton(tr("&All facts"))
        self.these.setChecked(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.these, self.all):
            layout.addWidget(button)
        self.these.toggled.connect(lambda _on: self.changed.emit())
        if self._chosen is None:
            self.hide()

    def names(self) -> set[str] | None:
        """The names of the facts to work on; None is all."""
        return self._chosen if self.these.isChecked() else None


def chosen_words(names: Collection[str]) -> str:
    """How many facts are chosen, and which."""
    shown = sorted(names)[:NAMED]
    listed = ", ".join(shown) + (", …" if len(names) > NAMED else "")
    return trn("{n} chosen fact: {names}", "{n} chosen facts: {names}", len(names), names=listed)
