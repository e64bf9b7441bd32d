"""The command palette: a field to search all commands of the window, and the list of those with keys."""

import re

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from core.language import tr
from core.lazy_rapidfuzz import fuzz
from ui import style
from ui.menus import command_list
from ui.menus.command_list import WindowCommand
from ui.project.project_window import ProjectWindow
from ui.widgets import basics, tables

LEAST_SCORE = 80  # per cent of the letters of each word: one of five may be wrong
LEAST_MISTYPED = 4  # letters of a word that may be mistyped: shorter ones resemble too much
_WORD = re.compile(r"\w+")
PALETTE_SIZE = (640, 420)
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class CommandPalette(QDialog):
    """Every command, found by some of its letters; Return runs the chosen one after the palette is closed."""

    def __init__(self, window: ProjectWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Commands"))
        self._commands = command_list.list_commands(window)
        self.field = QLineEdit(placeholderText=tr("Type what you want to do"), clearButtonEnabled=True)
        self.field.setAccessibleName(tr("Search for a command"))
        self.table = build_table()
        self.nothing = QLabel(tr("No command has these letters."))
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        layout.addWidget(self.nothing)
        layout.addWidget(self.table, 1)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.table.itemActivated.connect(lambda _item: self._run())
        self.table.itemClicked.connect(lambda _item: self._run())
        self._search("")
        self.resize(*map(style.scaled, PALETTE_SIZE))

    def _search(self, text: str) -> None:
        self.shown = rank(self._commands, text)
        fill(self.table, self.shown)
        if self.shown:
            basics.select_row(self.table, 0)
        self.nothing.setVisible(not self.shown)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The field keeps the keyboard: arrows move in the list, Return runs."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in MOVES:
                self.table.event(event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
        return super().eventFilter(watched, event)

    def _run(self) -> None:
        place = self.table.currentRow()
        if not 0 <= place < len(self.shown) or not self.shown[place].is_enabled:
            return
        command, window = self.shown[place], self.parent()
        self.accept()
        if window is not None:
            QTimer.singleShot(0, window, command.run)  # a dialog that it opens is not the palette's


class ShortcutsDialog(QDialog):
    """All commands that have keys."""

    def __init__(self, window: ProjectWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.table = build_table()
        fill(self.table, [one for one in command_list.list_commands(window) if one.keys], dim=False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addWidget(buttons)
        self.resize(*map(style.scaled, PALETTE_SIZE))


def rank(commands: list[WindowCommand], text: str) -> list[WindowCommand]:
    """The commands that have the letters of `text`: the best first, what cannot be done now last."""
    wanted = text.casefold().strip()
    if not wanted:
        return sorted(commands, key=lambda one: not one.is_enabled)
    scored = [(_score(one, wanted), one) for one in commands]
    found = [(score, one) for score, one in scored if score >= LEAST_SCORE]
    return [one for _score, one in sorted(found, key=lambda pair: (not pair[1].is_enabled, -pair[0]))]


def _score(command: WindowCommand, wanted: str) -> float:
    """100 and more where the words stand in the path, here or in English; less for a word that is mistyped; 0 for no match."""
    name, words = command.name.casefold(), wanted.split()
    path, english = command.path.casefold(), command.english.casefold()
    if all(word in path for word in words):
        return 100 + 20 * (wanted in name) + 20 * name.startswith(wanted)
    if english and all(word in english for word in words):
        return 100 + 10 * (wanted in english)
    known = _WORD.findall(f"{path} {english}")
    return min((_resemblance(word, known) for word in words), default=0.0)


def _resemblance(word: str, known: list[str]) -> float:
    """How well a word is found among others, in per cent: as a part of one, or as one with a letter wrong."""
    if any(word in one for one in known):
        return 100.0
    if len(word) < LEAST_MISTYPED:
        return 0.0
    return max((fuzz.ratio(word, one[: len(word) + 1]) for one in known if abs(len(one) - len(word)) < 4), default=0.0)


def build_table() -> QTableWidget:
    """A table of commands: name, place, keys."""
    table = tables.build(tr("Commands"), [tr("Command"), tr("Where"), tr("Keys")])
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table


def fill(table: QTableWidget, commands: list[WindowCommand], dim: bool = True) -> None:
    """Show these commands; with `dim`, those that cannot be run now in the colour of disabled texts."""
    table.setRowCount(len(commands))
    for row, command in enumerate(commands):
        for column, text in enumerate((command.name, command.place, command.keys)):
            item = QTableWidgetItem(text)
            if dim and not command.is_enabled:
                item.setForeground(style.dim())
                item.setToolTip(tr("Not possible at present"))
            table.setItem(row, column, item)
