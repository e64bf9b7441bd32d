"""The legend of the curves; each curve can be switched on and off."""

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem

from core.language import tr
from ui import style
from ui.charts.curve_thinning import Curve
from ui.widgets import basics

MAX_LEGEND_LINES = 3  # of the legend, before it scrolls
MAX_ENTRY_WIDTH = 320  # pixels of one entry
DASH_PATTERNS = {
    "valid": [4.0, 2.5],
    "full_valid": [1.0, 2.0],
}  # in widths of the pen; what was trained on is a whole line
CurveKey = tuple[int, str]


def swatch_size() -> QSize:
    """The size of a piece of a line in a legend."""
    return QSize(style.scaled(2 * style.SPACE), style.scaled(style.SPACE))


def colour_of(slot: int) -> QColor:
    """The colour of a job: four distinct ones, then darker and lighter shades, each seen on the chart's ground."""
    return _colour_of(slot % (3 * len(style.SERIES)), style.is_dark(), style.base_colour().name())


@cache
def _colour_of(slot: int, is_dark: bool, ground: str) -> QColor:
    shades = (125, 165, 90) if is_dark else (100, 135, 65)
    colour = QColor(style.SERIES[slot % len(style.SERIES)]).lighter(shades[slot // len(style.SERIES)])
    return style.readable_shade(colour, [(QColor(ground), style.EDGE_CONTRAST)])


def paint_mark(painter: QPainter, centre: QPointF, colour: QColor, slot: int, radius: float = 4.0) -> None:
    """Paint the mark of a job's lines: a circle, square, triangle or diamond, filled for the first four, then hollow.

    It tells the jobs apart for those who do not see their colours.
    """
    is_hollow = slot // len(style.SERIES) % 2 == 1
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush if is_hollow else colour)
    x, y, r = centre.x(), centre.y(), radius
    match slot % len(style.SERIES):
        case 0:
            painter.drawEllipse(centre, r, r)
        case 1:
            painter.drawRect(QRectF(x - 0.85 * r, y - 0.85 * r, 1.7 * r, 1.7 * r))
        case 2:
            painter.drawPolygon([QPointF(x, y - r), QPointF(x + r, y + 0.8 * r), QPointF(x - r, y + 0.8 * r)])
        case _:
            painter.drawPolygon([QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)])


def paint_swatch(painter: QPainter, place: QRectF, colour: QColor, part: str, slot: int | None = None) -> None:
    """Paint a piece of the line in the middle of `place`, with the mark of the job in `slot`."""
    pen = QPen(colour, style.HAIR, c=Qt.PenCapStyle.FlatCap)
    if part in DASH_PATTERNS:
        pen.setDashPattern(DASH_PATTERNS[part])
    painter.setPen(pen)
    middle = int(place.center().y())
    painter.drawLine(int(place.left()), middle, int(place.right()), middle)
    if slot is not None:
        paint_mark(painter, QPointF(place.center().x(), middle), colour, slot)


def has_several_jobs(curves: Sequence[Curve]) -> bool:
    """Whether the lines of several jobs have to be told apart."""
    return len({curve.slot for curve in curves}) > 1


class CurveLegend(QListWidget):
    """The legend: one entry per line.

    Space or a click on the box toggles it; a double click shows it alone, or all again.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Curves in the chart"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(swatch_size())
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setStyleSheet(style.BARE_LIST_SHEET)
        self.itemChanged.connect(lambda _item: self.changed.emit())
        self.itemDoubleClicked.connect(self._on_double_click)
        self._curves: list[Curve] = []
        self._hidden: set[CurveKey] = set()

    def show_curves(self, curves: Sequence[Curve]) -> None:
        """List `curves`; switched-off curves are remembered, also while they are not listed."""
        entries = [(curve.key, curve.title, curve.slot) for curve in curves]
        same = entries == [(curve.key, curve.title, curve.slot) for curve in self._curves]
        self._curves = list(curves)
        if not same:
            self._fill()

    def shown_curves(self) -> list[Curve]:
        """The curves that are not switched off."""
        hidden = self.hidden_keys()
        return [curve for curve in self._curves if curve.key not in hidden]

    def hidden_keys(self) -> set[CurveKey]:
        """The keys of the curves that are switched off."""
        for index in range(self.count()):
            key = self.item(index).data(Qt.ItemDataRole.UserRole)
            if self.item(index).checkState() == Qt.CheckState.Checked:
                self._hidden.discard(key)
            else:
                self._hidden.add(key)
        return self._hidden

    def _fill(self) -> None:
        self.blockSignals(True)
        hidden, size = set(self.hidden_keys()), self._size()
        self.clear()
        for curve in self._curves:
            item = QListWidgetItem(self._build_swatch_icon(curve), curve.title)
            item.setData(Qt.ItemDataRole.UserRole, curve.key)
            item.setToolTip(basics.plain_tooltip(curve.title))
            item.setCheckState(Qt.CheckState.Unchecked if curve.key in hidden else Qt.CheckState.Checked)
            item.setSizeHint(size)
            self.addItem(item)
        self.blockSignals(False)
        self.setGridSize(size)
        self._fit()

    def _size(self) -> QSize:
        """The size of every entry: as wide as the widest, so they form columns."""
        metrics = self.fontMetrics()
        text = max((metrics.horizontalAdvance(curve.title) for curve in self._curves), default=0)
        return QSize(
            min(style.scaled(MAX_ENTRY_WIDTH), text + swatch_size().width() + metrics.height() + 4 * style.SPACE),
            metrics.height() + style.SPACE // 2,
        )

    def _build_swatch_icon(self, curve: Curve) -> QIcon:
        scale = self.devicePixelRatioF()
        picture = QPixmap(swatch_size() * scale)
        picture.setDevicePixelRatio(scale)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        slot = curve.slot if has_several_jobs(self._curves) else None
        place = QRectF(0, 0, swatch_size().width(), swatch_size().height())
        paint_swatch(painter, place, colour_of(curve.slot), curve.part, slot)
        painter.end()
        return QIcon(picture)

    def _on_double_click(self, chosen: QListWidgetItem) -> None:
        others = [self.item(index) for index in range(self.count()) if self.item(index) is not chosen]
        alone = chosen.checkState() == Qt.CheckState.Checked
        alone = alone and all(item.checkState() == Qt.CheckState.Unchecked for item in others)
        self.blockSignals(True)
        chosen.setCheckState(Qt.CheckState.Checked)
        for item in others:
            item.setCheckState(Qt.CheckState.Checked if alone else Qt.CheckState.Unchecked)
        self.blockSignals(False)
        self.changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._fill()

    def _fit(self) -> None:
        """Resize to the needed number of lines, up to a maximum."""
        self.doItemsLayout()
        line = self.fontMetrics().height() + 6
        height = max(line, min(self.contentsSize().height(), MAX_LEGEND_LINES * line))
        if height != self.maximumHeight():
            self.setFixedHeight(height)
