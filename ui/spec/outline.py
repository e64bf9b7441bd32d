"""The headings of a Markdown text as a list to jump by."""

import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from core.language import tr

HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
FENCE = re.compile(r" {0,3}(```|~~~)")
INDENT = "    "


def headings(text: str) -> list[tuple[int, str, int]]:
    """Level, title and line (from 0) of each heading that is not in a block of code."""
    found, fence = [], ""
    for number, line in enumerate(text.split("\n")):
        if mark := FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence and (heading := HEADING.match(line)):
            found.append((len(heading[1]), heading[2], number))
    return found


class Outline(QListWidget):
    line_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Outline"))
        self.setUniformItemSizes(True)
        self._shown: list[tuple[int, str, int]] = []
        self.itemActivated.connect(self._on_chosen)
        self.itemClicked.connect(self._on_chosen)

    def show_text(self, text: str) -> None:
        found = headings(text)
        if found == self._shown:
            return
        self._shown = found
        self.clear()
        top = min((level for level, _title, _line in found), default=1)
        for level, title, line in found:
            item = QListWidgetItem(INDENT * (level - top) + (title or "–"))
            item.setData(Qt.ItemDataRole.UserRole, line)
            self.addItem(item)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.line_chosen.emit(item.data(Qt.ItemDataRole.UserRole))
