"""What is wrong with a row, line by line; a click goes to the place."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QListWidget, QListWidgetItem, QSizePolicy

from core import checks
from core.language import tr
from ui import style
from ui.dataset.problems_tree import severity_icon
from ui.widgets import basics


class ProblemList(QListWidget):
    """As high as its lines; hidden while there are none."""

    chosen = Signal(str)  # the JSON path of a problem

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Problems"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("ProblemList { border: 0; background: transparent; }")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setWordWrap(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)  # a narrower list has higher lines
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._on_item)
        self.itemActivated.connect(self._on_item)
        self.hide()

    def show_problems(self, problems: list[checks.Problem]) -> None:
        self.clear()
        for problem in problems:
            item = QListWidgetItem(severity_icon(problem.severity), problem.message, self)
            item.setData(Qt.ItemDataRole.UserRole, problem.path)
            item.setForeground(style.colours(problem.severity)[0])
            rule = checks.RULES[problem.rule]
            item.setToolTip(basics.tip(" – ".join(filter(None, [problem.path, rule.title(), rule.explanation()]))))
        self.setVisible(bool(problems))
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        # Not `sizeHintForRow`, which takes every line for one that has room.
        heights = sum(self.visualItemRect(self.item(row)).height() for row in range(self.count()))
        return QSize(super().sizeHint().width(), heights + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, min(self.sizeHint().height(), 6 * self.fontMetrics().lineSpacing()))

    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))
