"""The lists beside the spec that one jumps by: its headings, and the remarks of the spec check."""

import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from core.language import tr
from core.spec.spec_lint import Remark
from ui import style
from ui.widgets import basics, context_menus
from ui.widgets.severity_icon import severity_icon

HEADING_LINE = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
CODE_FENCE = re.compile(r" {0,3}(```|~~~)")
LEVEL_INDENT = "    "
PLACE_ROLE = Qt.ItemDataRole.UserRole
MAX_PASSAGE_LENGTH = 90  # characters of a passage that are shown


def find_headings(text: str) -> list[tuple[int, str, int]]:
    """Level, title and line (from 0) of each heading outside code blocks."""
    found, fence = [], ""
    for number, line in enumerate(text.split("\n")):
        if mark := CODE_FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence and (heading := HEADING_LINE.match(line)):
            found.append((len(heading[1]), heading[2], number))
    return found


class Outline(QListWidget):
    """The headings of the text; a click emits the line."""

    line_chosen = Signal(int)  # the number of the heading's line, from 0

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Outline"))
        context_menus.offer(self)
        self.setUniformItemSizes(True)
        self._shown: list[tuple[int, str, int]] = []
        self.itemActivated.connect(self._on_chosen)
        self.itemClicked.connect(self._on_chosen)

    def show_text(self, text: str) -> None:
        """List the headings of `text`."""
        found = find_headings(text)
        if found == self._shown:
            return
        self._shown = found
        self.clear()
        top = min((level for level, _title, _line in found), default=1)
        for level, title, line in found:
            item = QListWidgetItem(LEVEL_INDENT * (level - top) + (title or "–"))
            item.setData(Qt.ItemDataRole.UserRole, line)
            self.addItem(item)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.line_chosen.emit(item.data(Qt.ItemDataRole.UserRole))


class RemarkList(QWidget):
    """What the check found doubtful in the spec, before any example is made of it; a click emits the place."""

    place_chosen = Signal(int)  # where a passage begins, in characters

    def __init__(self) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Remarks"))
        context_menus.offer(self.list)
        self.list.setWordWrap(True)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self._stack = QStackedWidget()
        self._stack.addWidget(
            basics.EmptyState(
                tr("No remarks"),
                tr(
                    "This shows what could teach the model something wrong: different figures for the same "
                    "thing, terms that are never explained, duplicate sentences."
                ),
            )
        )
        self._stack.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(self._stack)
        self._count = 0

    def count(self) -> int:
        """How many remarks there are."""
        return self._count

    def show_remarks(self, remarks: list[Remark], text: str) -> None:
        """List each remark, and below it its passages of `text`."""
        self._count = len(remarks)
        self.list.clear()
        for remark in remarks:
            start = remark.spans[0][0] if remark.spans else 0
            self._add(remark.message, start, bold=True)
            for first, last in remark.spans:
                self._add(_shorten(text[first:last]), first)
        self._stack.setCurrentIndex(1 if remarks else 0)

    def _add(self, text: str, place: int, bold: bool = False) -> None:
        item = QListWidgetItem(text if bold else f"      {text}")
        item.setData(PLACE_ROLE, place)
        if bold:
            item.setIcon(severity_icon("warning"))
        font = item.font()
        font.setBold(bold)
        item.setFont(font)
        self.list.addItem(item)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(item.data(PLACE_ROLE))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_PASSAGE_LENGTH else f"{line[:MAX_PASSAGE_LENGTH]}…"
