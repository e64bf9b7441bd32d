"""The list of servers in the settings: of each its name, what it can do and where its key lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from core.language import tr
from ui import style

LINES = Qt.ItemDataRole.UserRole
PAD = 6
TALL = "塾か"


@dataclass(frozen=True, slots=True)
class Line:
    """`told` are the dim lines below the name."""

    id: str
    title: str
    told: tuple[str, ...] = ()


class ServerList(QListWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_Lines(self))
        self.setAccessibleName(tr("Servers"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._ids: list[str] = []

    def show_lines(self, lines: Sequence[Line], chosen: str) -> None:
        """List these servers; the row of the one with the id `chosen` is selected, without a signal."""
        self.blockSignals(True)
        self.clear()
        self._ids = [line.id for line in lines]
        for line in lines:
            item = QListWidgetItem(line.title)
            item.setData(LINES, line.told)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, ", ".join(line.told))
            self.addItem(item)
        self.setCurrentRow(self._ids.index(chosen))
        self.blockSignals(False)

    def id(self) -> str:
        """The selected server's."""
        return self._ids[max(0, self.currentRow())]


class _Lines(QStyledItemDelegate):
    """A name, and dim lines below it."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        name, option.text = option.text, ""
        look = option.widget.style()
        look.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        front = option.palette.color(QPalette.ColorRole.HighlightedText if is_selected else QPalette.ColorRole.Text)
        place = option.rect.adjusted(PAD + 2, PAD, -PAD, 0)
        place.setHeight(_height(option))
        for number, text in enumerate((name, *index.data(LINES))):
            painter.setPen(front if is_selected or not number else style.dim())
            cut = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cut)
            place.translate(0, _height(option))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        lines = 1 + len(index.data(LINES))
        return QSize(60, lines * _height(option) + 2 * PAD)


def _height(option: QStyleOptionViewItem) -> int:
    """Of a line, also of one with signs that another font has to lend."""
    return max(option.fontMetrics.height(), option.fontMetrics.boundingRect(TALL).height()) + 1
