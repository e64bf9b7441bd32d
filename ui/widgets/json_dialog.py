"""A dialog to edit a row as indented JSON text, checked while it is typed."""

import json
import re

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from core import checks
from core.dataset import row_json
from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.text_fields import document_text
from ui.widgets.text_highlights import utf16_length

MAX_PROBLEMS_SHOWN = 5  # problems that are listed below the text


class JsonDialog(QDialog):
    """Edits JSON. Shows `text` and its problems; `saved` gives the new text on one line."""

    saved = Signal(str)

    def __init__(self, title: str, text: str, reason: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(style.scaled(760), style.scaled(480))
        self.editor = QPlainTextEdit(row_json.indent_json(text))
        self.editor.setFont(style.fixed_font())
        self.editor.setAccessibleName(title)
        self.editor.setTabChangesFocus(True)
        self._before = self.text()
        self.state_note = basics.Note()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.save_button = buttons.button(QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(style.SPACE // 2)
        if reason:
            column.addWidget(basics.label(reason, wrap=True))
        column.addWidget(self.editor, 1)
        column.addWidget(self.state_note)
        column.addWidget(buttons)
        self.accepted.connect(self._on_accepted)
        self.editor.textChanged.connect(self._on_text)
        self._on_text()

    def text(self) -> str:
        """The text as one line; line breaks between its parts are for reading only."""
        return row_json.join_json_lines(document_text(self.editor.document()))

    def check(self, text: str) -> checks.CheckedLine:
        """The problems of `text`; the `text` of the result is None when it cannot be saved."""
        return checks.check_line(text.encode("utf-8", "surrogatepass"))

    def _on_accepted(self) -> None:
        if self.text() != self._before:
            self.saved.emit(self.text())

    def _on_text(self) -> None:
        typed = document_text(self.editor.document())
        checked = self.check(typed)
        basics.set_enabled(self.save_button, "" if checked.text is not None else tr("Fix the errors first."))
        mark_json_error(self.editor, typed if checked.text is None else "")
        worst = "error" if any(problem.severity == "error" for problem in checked.problems) else "warning"
        found = [format_problem(problem, typed) for problem in checked.problems[:MAX_PROBLEMS_SHOWN]]
        self.state_note.show_text("\n".join(found) or tr("No errors."), worst if found else "good")


def find_json_error(text: str) -> int | None:
    """The position in `text` where JSON parsing fails; None when it parses or fails for another reason."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    except (ValueError, RecursionError):
        return None
    return None


def format_problem(problem: checks.Problem, text: str) -> str:
    """A problem with its place: the JSON path, or line and column when the text has several lines."""
    at = find_json_error(text) if problem.rule == "json-broken" and "\n" in text else None
    if at is None:
        return f"{problem.path}  {problem.message}".strip()
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    # The message counts its column from the beginning of the text; only its reason is taken.
    reason = re.split(r"[:：]\s*", problem.message, maxsplit=1)[-1]
    return tr("Line {line}, column {column}: {reason}", line=line, column=column, reason=reason)


def mark_json_error(editor: QPlainTextEdit, text: str) -> None:
    """Highlight the character at which `text`, the editor's, cannot be parsed; '' removes the highlight."""
    at = find_json_error(text) if text else None
    if at is None:
        editor.setExtraSelections([])
        return
    front, back = style.colours("error")
    selection = QTextEdit.ExtraSelection()
    form = QTextCharFormat()
    form.setForeground(front)
    form.setBackground(back)
    selection.cursor = QTextCursor(editor.document())
    # The document counts in halves of UTF-16.
    place = utf16_length(text[:at])
    selection.cursor.setPosition(min(place, editor.document().characterCount() - 1))
    if not selection.cursor.movePosition(QTextCursor.MoveOperation.NextCharacter, QTextCursor.MoveMode.KeepAnchor):
        selection.cursor.movePosition(QTextCursor.MoveOperation.PreviousCharacter, QTextCursor.MoveMode.KeepAnchor)
    selection.format = form
    editor.setExtraSelections([selection])
