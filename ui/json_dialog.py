"""Edits a row as JSON text: to see all of it, and to repair what could not be read."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from core import checks
from core.language import tr
from ui import style, widgets


class JsonDialog(QDialog):
    """Shows `text` and what is wrong with it while it is typed; `saved` gives the new text."""

    saved = Signal(str)

    def __init__(self, title: str, text: str, reason: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(760, 440)
        self.editor = QPlainTextEdit(text)
        self.editor.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.editor.setAccessibleName(title)
        self._state = widgets.label(wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self._save = buttons.button(QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        if reason:
            layout.addWidget(widgets.label(reason, wrap=True))
        layout.addWidget(self.editor, 1)
        layout.addWidget(self._state)
        layout.addWidget(buttons)
        self.accepted.connect(lambda: self.saved.emit(self.text()))
        self.editor.textChanged.connect(self._on_text)
        self._on_text()

    def text(self) -> str:
        # A row is one line: line breaks between its parts are only for reading.
        return self.editor.toPlainText().replace("\n", " ").strip()

    def _on_text(self) -> None:
        checked = checks.check_line(self.text().encode("utf-8", "surrogatepass"))
        self._save.setEnabled(checked.text is not None)
        found = [f"{problem.path}  {problem.message}".strip() for problem in checked.problems]
        self._state.setText("\n".join(found[:5]) or tr("This row is in order."))
