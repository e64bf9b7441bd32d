"""Takes one fact apart into several, a line each."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from core.language import tr, trn
from core.spec.facts import Fact
from core.text import statements
from ui import style
from ui.widgets import basics


class SplitDialog(QDialog):
    parts_wanted = Signal(list)

    def __init__(self, fact: Fact, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Split {name}", name=fact.name))
        self.resize(560, 260)
        self.edit = QPlainTextEdit(tabChangesFocus=True)
        self.edit.setAccessibleName(tr("Resulting facts"))
        parts = [one.text for one in statements.split(fact.quote)]
        self.edit.setPlainText("\n".join(parts if len(parts) > 1 else [fact.text]))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.split = self.buttons.addButton(tr("Split up"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)
        self.edit.textChanged.connect(self._show_count)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        layout.addWidget(basics.label(tr("One fact per line. The rows stay with the first one."), wrap=True, dim=True))
        layout.addWidget(self.edit)
        layout.addWidget(self.buttons)
        self._show_count()

    def parts(self) -> list[str]:
        lines = (" ".join(line.split()) for line in self.edit.toPlainText().split("\n"))
        return list(dict.fromkeys(line for line in lines if line))

    def _show_count(self) -> None:
        count = len(self.parts())
        basics.allow(self.split, "" if count > 1 else tr("Enter at least two facts, one per line."))
        self.split.setText(trn("Split into {n}", "Split into {n}", count) if count > 1 else tr("Split up"))

    def _on_accepted(self) -> None:
        self.parts_wanted.emit(self.parts())
        self.accept()
