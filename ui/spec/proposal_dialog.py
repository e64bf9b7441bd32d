"""Shows a text proposed by a model beside the present one; each change can be accepted."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.language import tr, trn
from ui import style
from ui.widgets import basics
from ui.widgets.diff_accept_view import SideBySide

SHORT_SHARE = 0.6  # of the present length, below which a model has probably left parts out
SHORT_TEXT = 400  # characters of a text that may well be made shorter


class ProposalDialog(QDialog):
    """Compares a proposed text with the current one.

    `taken` gives the merged text, the text it was made from, and the number of accepted changes.
    """

    taken = Signal(str, str, int)

    def __init__(self, old: str, new: str, model: str, is_edited: bool = False, parent: QWidget | None = None) -> None:
        """`is_edited`: whether the text was edited after the model read it."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Suggested changes"))
        self.resize(style.scaled(1120), style.scaled(720))
        self._old = old
        self.note = basics.Note()
        self._show_warnings(old, new, is_edited)
        self.sides = SideBySide(choosing=True)
        self.take = basics.primary_button("")
        self.leave = QPushButton(tr("Cancel"))
        self._lay_out()
        self.sides.show_texts(
            old, new, tr("Your text"), tr("Suggested by {model}", model=basics.short_model_name(model))
        )
        self.sides.chosen_changed.connect(self._show_button)
        self.take.clicked.connect(self._on_take)
        self.leave.clicked.connect(self.reject)
        self._show_button()
        self.sides.pane.setFocus()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(basics.label(tr("Alt+↑ and Alt+↓ move between changes, Space accepts one."), dim=True))
        buttons.addStretch()
        for button in (self.take, self.leave):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.note)
        layout.addWidget(self.sides, 1)
        layout.addLayout(buttons)

    def _show_warnings(self, old: str, new: str, is_edited: bool) -> None:
        parts = []
        shorter = len(old) > SHORT_TEXT and len(new) < SHORT_SHARE * len(old)
        if shorter:
            parts.append(tr("The suggested text is much shorter than yours: the model may have left out parts."))
        if is_edited:
            parts.append(
                tr(
                    "You have edited the text since the model read it. Where both of you changed a line, the "
                    "model's version is shown."
                )
            )
        self.note.show_text("\n".join(parts), "warning" if shorter else "note")

    def _show_button(self) -> None:
        count = len(self.sides.accepted_changes())
        self.take.setText(trn("Apply {n} change", "Apply {n} changes", count))
        basics.set_enabled(self.take, "" if count else tr("Accept a change first."))

    def _on_take(self) -> None:
        self.taken.emit(self.sides.merged_text(), self._old, len(self.sides.accepted_changes()))
        self.accept()
