"""What is doubtful in the spec before any example is made of it; a click goes to the place."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from core.language import tr
from core.spec.lint import Remark
from ui import style
from ui.dataset.problems_tree import severity_icon
from ui.widgets import basics

PLACE = Qt.ItemDataRole.UserRole
SHOWN = 90  # characters of a passage


class RemarkList(QWidget):
    place_chosen = Signal(int)  # where a passage begins, in characters

    def __init__(self) -> None:
        super().__init__()
        self._list = QListWidget()
        self._list.setAccessibleName(tr("Remarks"))
        self._list.setWordWrap(True)
        self._list.itemClicked.connect(self._on_chosen)
        self._list.itemActivated.connect(self._on_chosen)
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
        self._stack.addWidget(self._list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(self._stack)
        self._count = 0

    def count(self) -> int:
        return self._count

    def show_remarks(self, remarks: list[Remark], text: str) -> None:
        """A remark, and below it each passage of `text` that it is about."""
        self._count = len(remarks)
        self._list.clear()
        for remark in remarks:
            start = remark.spans[0][0] if remark.spans else 0
            self._add(remark.message, start, bold=True)
            for first, last in remark.spans:
                self._add(_shortened(text[first:last]), first)
        self._stack.setCurrentIndex(1 if remarks else 0)

    def _add(self, text: str, place: int, bold: bool = False) -> None:
        item = QListWidgetItem(text if bold else f"      {text}")
        item.setData(PLACE, place)
        if bold:
            item.setIcon(severity_icon("warning"))
        font = item.font()
        font.setBold(bold)
        item.setFont(font)
        self._list.addItem(item)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(item.data(PLACE))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
