"""Imports a document into the spec: read in another process, shown as text, then appended or put in the spec's place."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QRadioButton, QVBoxLayout, QWidget

from core.checks.rule_registry import clip
from core.documents import Document
from core.language import tr
from core.storage import background_process
from ui import style
from ui.widgets import basics
from ui.widgets.length_and_time_texts import format_length
from ui.widgets.text_fields import document_text
from ui.workspace import Workspace

MAX_NOTES_SHOWN = 12  # of those that are shown; a document may leave out hundreds of lines
TYPING_PAUSE_MS = 250  # milliseconds between the last key and the count
APPEND_TEXT, REPLACE_TEXT = "append", "replace"


def reading(path: Path) -> str:
    """The text of the status bar while a document is read."""
    return tr("Import document {name}", name=clip(path.name, 60))


async def read_document(workspace: Workspace, path: Path) -> Document:
    """Read a document in a process of its own; cancelling the task ends it. Raises `JukuError`.

    Start the task with the label `reading(path)`, so that its progress is shown and it can be cancelled.
    """
    found = await background_process.run("core.documents", {"path": str(path)}, workspace.tasks.reporter(reading(path)))
    return Document(**found)


class DocumentImportDialog(QDialog):
    """Shows the imported text to edit; `accepted_text` gives it and "append" or "replace"."""

    accepted_text = Signal(str, Document)

    def __init__(self, document: Document, has_text: bool, parent: QWidget | None = None) -> None:
        """`has_text`: whether the spec has a text already, so that there is something to choose."""
        super().__init__(parent)
        self._document, self._has_text = document, has_text
        self.setWindowTitle(tr("Import a document"))
        self.resize(style.scaled(820), style.scaled(640))
        self.editor = QPlainTextEdit(document.text, tabChangesFocus=True)
        self.editor.setAccessibleName(tr("Text of the document"))
        self.length = basics.label(dim=True)
        self.note = basics.Note()
        self.note.show_text("\n".join(_shorten_notes(document.notes)), "warning")
        self.append = QRadioButton(tr("&Append to the spec"))
        self.replace = QRadioButton(tr("&Replace the text of the spec (Undo restores it)"))
        self.append.setChecked(has_text)
        self.replace.setChecked(not has_text)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.take = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.take.setText(tr("Import the text"))
        self.take.setProperty("primary", True)
        self._lay_out()
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._typing.timeout.connect(self._show_length)
        self.editor.textChanged.connect(self._typing.start)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.accepted.connect(self._on_accepted)
        self.finished.connect(lambda _result: self.deleteLater())
        self._show_length()
        self.editor.setFocus()

    def _lay_out(self) -> None:
        title = basics.heading(clip(self._document.title, 80))
        title.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        for part in (title, self.length, self.note):
            layout.addWidget(part)
        layout.addWidget(self.editor, 1)
        layout.addWidget(basics.label(tr("This is the new text in the spec. You can edit it here."), dim=True))
        layout.addSpacing(style.SPACE // 2)
        for choice in (self.append, self.replace):
            choice.setVisible(self._has_text)
            layout.addWidget(choice)
        layout.addSpacing(style.SPACE // 2)
        layout.addWidget(self._buttons)

    def document(self) -> Document:
        """The document with the text as it was edited."""
        return replace(self._document, text=document_text(self.editor.document()))

    def _show_length(self) -> None:
        text = self.editor.toPlainText()
        self.length.setText(format_length(text))
        basics.set_enabled(self.take, "" if text.strip() else tr("The text is empty."))

    def _on_accepted(self) -> None:
        self.accepted_text.emit(APPEND_TEXT if self.append.isChecked() else REPLACE_TEXT, self.document())


def _shorten_notes(notes: list[str]) -> list[str]:
    more = [tr("… and {n} more notes", n=len(notes) - MAX_NOTES_SHOWN)] if len(notes) > MAX_NOTES_SHOWN else []
    return [*notes[:MAX_NOTES_SHOWN], *more]
