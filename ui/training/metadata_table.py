"""A small table of names and values that go with a job to the server."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from core.language import tr
from core.providers import KEY

MOST = 15  # pairs; the protocol allows 16, and Juku needs one itself
LONGEST = (64, 512)  # characters of a name and of a value


class MetadataTable(QTableWidget):
    """There is always an empty line to go on in."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__(1, 2)
        self.setHorizontalHeaderLabels([tr("Name"), tr("Value")])
        self.setAccessibleName(tr("Notes for the job"))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.setFixedHeight(4 * self.verticalHeader().defaultSectionSize())
        self.itemChanged.connect(lambda _item: self._on_changed())

    def pairs(self) -> dict[str, str]:
        """What was entered; lines without a name or value are left out."""
        found = [(self._text(row, 0), self._text(row, 1)) for row in range(self.rowCount())]
        return {name: value for name, value in found if name and value}

    def problem(self) -> str:
        """What is wrong with the entries; '' where nothing is."""
        for name, value in self.pairs().items():
            if name == KEY:
                return tr("“{name}” is the name by which Juku finds its jobs: choose another one", name=name)
            if len(name) > LONGEST[0] or len(value) > LONGEST[1]:
                return tr("“{name}” is too long: names have at most {name_limit} characters, values {value_limit}",
                          name=name[:20], name_limit=LONGEST[0], value_limit=LONGEST[1])  # fmt: skip
        return ""

    def _text(self, row: int, column: int) -> str:
        item: QTableWidgetItem | None = self.item(row, column)
        return item.text().strip() if item else ""

    def _on_changed(self) -> None:
        last = self.rowCount() - 1
        if last + 1 < MOST and (self._text(last, 0) or self._text(last, 1)):
            self.insertRow(last + 1)
        self.edited.emit()
