"""The prompts for chat models: shown, edited, reset."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core import language, prompts
from core.errors import JukuError
from core.language import tr, trn
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown

SAVE_DELAY = 600  # milliseconds after the last key until the prompt is saved
LIST_WIDTH = 230


class PromptsPage(QWidget):
    """Edits the prompts of the LLM runs.

    They are saved after a pause; a prompt that lacks a placeholder is not saved.
    """

    failed = Signal(JukuError)  # the prompt could not be saved

    def __init__(self) -> None:
        super().__init__()
        self._unsaved: dict[tuple[str, str], str] = {}  # by name and language
        self._warned = False  # whether the person knows that something will be lost
        self._shown = (prompts.PROMPT_NAMES[0], _first_language())
        self._typing = QTimer(self, singleShot=True, interval=SAVE_DELAY)
        self.list = QListWidget()
        self.list.setSpacing(style.HAIR)
        self.list.setWordWrap(True)
        self.list.setAccessibleName(tr("Prompts"))
        self.list.setFixedWidth(style.scaled(LIST_WIDTH))
        for name in prompts.PROMPT_NAMES:
            self.list.addItem(QListWidgetItem(prompts.title(name)))
        self.language = DropDown()
        for code in prompts.PROMPT_LANGUAGES:
            self.language.addItem(language.LANGUAGES[code], code)
        self.language.setCurrentIndex(self.language.findData(self._shown[1]))
        self.editor = QPlainTextEdit()
        self.editor.setFont(style.fixed_font())
        self.editor.setTabChangesFocus(True)
        self.placeholders = Placeholders()
        self.note = basics.Note()
        self.reset = QPushButton(tr("&Reset to the original"), autoDefault=False)
        self._lay_out()
        self._connect()
        self.list.setCurrentRow(0)
        self._show()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        self.title = basics.heading("")
        self.title.setWordWrap(True)
        name = basics.label(tr("Lan&guage"), dim=True)
        name.setBuddy(self.language)
        head.addWidget(self.title, 1)
        head.addWidget(name)
        head.addWidget(self.language)
        foot = QHBoxLayout()
        foot.addWidget(self.note, 1)
        foot.addWidget(self.reset)
        right = QVBoxLayout()
        right.setSpacing(style.SPACE)
        right.addLayout(head)
        right.addWidget(self.editor, 1)
        right.addWidget(self.placeholders)
        right.addLayout(foot)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.setSpacing(2 * style.SPACE)
        layout.addWidget(self.list)
        layout.addLayout(right, 1)

    def _connect(self) -> None:
        self.list.currentRowChanged.connect(lambda _row: self._choose())
        self.language.activated.connect(lambda _index: self._choose())
        self.editor.textChanged.connect(self._on_typed)
        self._typing.timeout.connect(self.save_typed)
        self.placeholders.wanted.connect(self._insert)
        self.reset.clicked.connect(lambda _checked: self._on_reset())

    def save_typed(self) -> None:
        """Save what is typed, unless it lacks a placeholder."""
        self._typing.stop()
        text = self._unsaved.get(self._shown)
        if text is not None and not prompts.missing_placeholders(self._shown[0], text):
            try:
                prompts.save(*self._shown, text)
            except JukuError as error:
                self.failed.emit(error)
            else:
                del self._unsaved[self._shown]
        self._show_state()

    def has_unsaved(self) -> bool:
        """Whether a prompt was typed that is not saved, since it lacks something."""
        self.save_typed()
        return bool(self._unsaved)

    def may_close(self) -> bool:
        """Save, and return whether nothing is lost by closing; True at a second call, after the warning."""
        self.save_typed()
        if not self._unsaved or self._warned:
            return True
        self._warned = True
        self._show_prompt(*next(iter(self._unsaved)))
        self.note.show_text(tr("This prompt is not saved. Close again to discard it."), "error")
        return False

    def _choose(self) -> None:
        self.save_typed()
        self._shown = prompts.PROMPT_NAMES[self.list.currentRow()], self.language.currentData()
        self._show()

    def _show_prompt(self, name: str, code: str) -> None:
        self.language.setCurrentIndex(self.language.findData(code))
        self.list.setCurrentRow(prompts.PROMPT_NAMES.index(name))
        self._choose()

    def _show(self) -> None:
        """Show the chosen prompt, with what was typed and could not be saved."""
        name = self._shown[0]
        self.title.setText(prompts.title(name))
        self.editor.setAccessibleName(prompts.title(name))
        self.editor.blockSignals(True)
        self.editor.setPlainText(self._unsaved.get(self._shown, prompts.load(*self._shown)))
        self.editor.blockSignals(False)
        self.placeholders.show_prompt(name)
        self._show_state()

    def _show_state(self) -> None:
        """Say whether the prompt is as Juku came with it, changed, or not to be saved; mark the changed ones."""
        name, code = self._shown
        text = self.editor.toPlainText()
        missing = prompts.missing_placeholders(name, text)
        self.placeholders.show_text(text, missing)
        self.reset.setEnabled(text != prompts.load_default(name, code))
        self.note.show_text(*self._state_texts(missing))
        for row, one in enumerate(prompts.PROMPT_NAMES):
            changed = any(self._is_changed(one, other) for other in prompts.PROMPT_LANGUAGES)
            title = prompts.title(one)
            self.list.item(row).setText(tr("{title}  –  changed", title=title) if changed else title)

    def _state_texts(self, missing: list[str]) -> tuple[str, str]:
        if missing:
            names = ", ".join(f"{{{one}}}" for one in missing)
            text = trn("Not saved: {names} is missing.", "Not saved: {names} are missing.", len(missing), names=names)
            return text, "error"
        if self._shown in self._unsaved:
            return "", ""
        if prompts.is_customized(*self._shown):
            return tr("Your own version is saved and used from now on."), "good"
        return tr("This is the built-in prompt."), ""

    def _is_changed(self, name: str, code: str) -> bool:
        return (name, code) in self._unsaved or prompts.is_customized(name, code)

    def _on_typed(self) -> None:
        self._warned = False
        self._unsaved[self._shown] = self.editor.toPlainText()
        self._typing.start()
        self._show_state()

    def _insert(self, placeholder: str) -> None:
        self.editor.insertPlainText(f"{{{placeholder}}}")
        self.editor.setFocus()

    def _on_reset(self) -> None:
        """As an edit, so that the editor's own undo brings back what was written."""
        cursor = self.editor.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(prompts.load_default(*self._shown))
        self.editor.moveCursor(QTextCursor.MoveOperation.Start)
        self.save_typed()


class Placeholders(QWidget):
    """The placeholders that the program fills in: on the left those a prompt needs, on the right those it may use."""

    wanted = Signal(str)  # a placeholder to be written where the cursor is

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self.marks: dict[str, basics.Note] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(style.SPACE // 2)
        self._grid.setVerticalSpacing(style.SPACE // 2)
        for column in (1, 3):
            self._grid.setColumnStretch(column, 1)

    def show_prompt(self, name: str) -> None:
        """List the placeholders of the prompt `name`."""
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._name = name
        self.marks.clear()
        # What is said beside a button gets longer while one types: then no row may get higher and push the next ones.
        rows = max(len(prompts.REQUIRED_PLACEHOLDERS[name]), len(prompts.OPTIONAL_PLACEHOLDERS[name]))
        for row in range(1, self._grid.rowCount() + rows):
            self._grid.setRowMinimumHeight(row, 2 * self.fontMetrics().lineSpacing() if row <= rows else 0)
        self._fill(0, tr("Required"), prompts.REQUIRED_PLACEHOLDERS[name])
        if prompts.OPTIONAL_PLACEHOLDERS[name]:
            self._fill(2, tr("Optional"), prompts.OPTIONAL_PLACEHOLDERS[name])

    def _fill(self, column: int, title: str, names: tuple[str, ...]) -> None:
        self._grid.addWidget(_make_dim(title), 0, column, 1, 2)
        for row, name in enumerate(names, 1):
            button = QPushButton(f"{{{name}}}", autoDefault=False)
            basics.explain(button, tr("Insert at the cursor"))
            button.clicked.connect(lambda _checked, name=name: self.wanted.emit(name))
            self.marks[name] = basics.Note()
            self._grid.addWidget(button, row, column)
            self._grid.addWidget(self.marks[name], row, column + 1)

    def show_text(self, text: str, missing: list[str]) -> None:
        """Show beside each placeholder what it means, and whether the prompt has it."""
        descriptions = _describe_placeholders(self._name)
        for name, mark in self.marks.items():
            if name in missing:
                mark.show_text(tr("✗ {what} – missing", what=descriptions[name]), "error")
            elif f"{{{name}}}" in text:
                mark.show_text(f"✓ {descriptions[name]}", "good")
            else:
                mark.show_text(tr("{what} – not used", what=descriptions[name]))


def _make_dim(text: str) -> QLabel:
    return basics.label(text, dim=True)


def _first_language() -> str:
    """The screen's language, where there are prompts in it."""
    return (
        language.current_language()
        if language.current_language() in prompts.PROMPT_LANGUAGES
        else prompts.PROMPT_LANGUAGES[0]
    )


def _describe_placeholders(name: str) -> dict[str, str]:
    """What each placeholder of the prompt `name` means."""
    return {
        "fact": tr("the fact"),
        "quote": tr("its passage in the spec"),
        "wanted": tr("number of rows per kind"),
        "spec": tr("the name of the spec") if name == "examples" else tr("the text of the spec"),
        "existing": tr("the existing questions"),
        "neighbours": tr("the questions of neighbouring facts"),
        "system_prompt": tr("the system prompt"),
        "statements": tr("the statements"),
        "facts": tr("the facts with their names"),
        "names": tr("the names of the facts"),
        "before": tr("the fact before it changed"),
        "question": tr("the question"),
        "answer": tr("the answer"),
        "text": tr("the text of the spec"),
        "passages": tr("the passages that were found"),
        "passage": tr("the passage of the row’s facts"),
        "reference": tr("the reference answer"),
        "points": tr("its key points"),
        "first": tr("the first answer"),
        "second": tr("the second answer"),
        "domains": tr("the domains and their functions"),
    }
