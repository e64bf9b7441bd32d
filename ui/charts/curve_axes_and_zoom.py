"""The plot of the curves: axes, zoom and cross-hair. Imported when it is first shown, because pyqtgraph is slow to import."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

import pyqtgraph
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPalette
from PySide6.QtWidgets import QGraphicsSceneWheelEvent

from core.language import tr
from core.lazy_numpy import np
from ui import style
from ui.charts import curve_thinning
from ui.charts.curve_cross_hair_and_readout import CrossHair, CurvePoint
from ui.charts.curve_drawing import CurvesItem
from ui.charts.curve_thinning import CurveLine, CurveView

ZOOM_PER_NOTCH = 0.8  # of the width is left by one notch of the wheel
VERTICAL_PADDING = 0.06  # of the height, above and below the curves
TICK_DIGITS = 4
TICK_DENSITY = 1.8  # of the numbers along an axis, against pyqtgraph's usual; there are no marks between them


class ZoomBox(pyqtgraph.ViewBox):
    """The area of the curves, which the mouse zooms and moves.

    Wheel: zoom the steps, with Ctrl the values. Drag: zoom to a rectangle, with Shift move.
    """

    reset_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.disableAutoRange()
        self.setMouseMode(self.RectMode)
        self.fits_values = True  # the values in sight fill the height, so there is no moving up or down

    def wheelEvent(self, event: QGraphicsSceneWheelEvent, axis: int | None = None) -> None:
        if axis is None:
            axis = int(bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        self.zoom(
            ZOOM_PER_NOTCH ** (event.delta() / 120), axis, self.mapToView(event.pos()) if axis is not None else None
        )
        event.accept()

    def zoom(self, factor: float, axis: int, centre: QPointF | None = None) -> None:
        """Scale the view by `factor` along `axis` (0: steps, 1: values) around `centre`, else around the middle."""
        self.scaleBy([factor if number == axis else None for number in (0, 1)], center=centre)
        self.sigRangeChangedManually.emit([axis == 0, axis == 1])

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        held = event.modifiers() & Qt.KeyboardModifier.ShiftModifier  # type: ignore[attr-defined]
        if held or event.button() == Qt.MouseButton.MiddleButton:  # type: ignore[attr-defined]
            self._move(event)
        else:
            super().mouseDragEvent(event, axis)

    def showAxRect(self, place: QRectF, **_more: object) -> None:
        # Said before, or the values would be fitted to the steps as soon as those have changed.
        self.sigRangeChangedManually.emit([True, True])
        super().showAxRect(place, padding=0)

    def _move(self, event: object) -> None:
        event.accept()  # type: ignore[attr-defined]
        way = self.mapToView(event.lastPos()) - self.mapToView(event.pos())  # type: ignore[attr-defined]
        self.translateBy(x=way.x(), y=None if self.fits_values else way.y())
        self.sigRangeChangedManually.emit([True, False])

    def mouseClickEvent(self, event: object) -> None:
        if event.double():  # type: ignore[attr-defined]
            self.reset_wanted.emit()


class LogAxis(pyqtgraph.AxisItem):
    """The vertical axis.

    On a logarithmic scale its ticks are at 1, 2 and 5 of each decade, or even for a small range.
    """

    logMode: bool  # noqa: N815  pyqtgraph sets it

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float | None, list[float]]]:
        if not self.logMode:
            return super().tickValues(low, high, size)
        steps = (1,) if high - low > 5 else (1, 2, 5)
        found = [exponent + log10(step) for exponent in range(floor(low), ceil(high) + 1) for step in steps]
        found = [value for value in found if low <= value <= high]
        if len(found) >= 3:
            return [(1.0, found)]
        self.logMode = False
        try:
            even = super().tickValues(10**low, 10**high, size)[:1]
        finally:
            self.logMode = True
        return [(spacing, np.log10([value for value in values if value > 0]).tolist()) for spacing, values in even]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logMode:
            return [f"{10**value:.{TICK_DIGITS}g}" for value in values]
        return super().tickStrings(values, scale, spacing)


class StepAxis(pyqtgraph.AxisItem):
    """The horizontal axis, with ticks at whole steps or at shares of the job."""

    whole = True

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        levels = [(spacing, values) for spacing, values in super().tickValues(low, high, size) if spacing >= 1]
        if not self.whole:
            return super().tickValues(low, high, size)
        return levels or [(1.0, [float(step) for step in range(ceil(low), floor(high) + 1)])]


class CurvePlot(pyqtgraph.PlotWidget):
    """The axes and lines of the curves; added points do not move a view that the person has zoomed."""

    pointed = Signal()  # the cross-hair has moved, or is gone
    zoomed = Signal(bool)  # whether less than everything is shown

    def __init__(self) -> None:
        self._is_built = False  # Qt reports changes already while the view is built
        self._box = ZoomBox()
        axes = {"left": LogAxis("left"), "bottom": StepAxis("bottom")}
        super().__init__(viewBox=self._box, axisItems=axes)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.plotItem.setContentsMargins(
            style.HAIR, style.SPACE, style.SPACE, style.HAIR
        )  # room for the halves of the outermost numbers
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for name in axes:
            self.getAxis(name).enableAutoSIPrefix(False)
            self.getAxis(name).setStyle(maxTickLevel=0)
            self.getAxis(name).setTickDensity(TICK_DENSITY)
        self._lines: Sequence[CurveLine] = ()
        self._view = CurveView()
        self._zoomed = [False, False]
        self._painting, self._cross = CurvesItem(self._box, axes["left"]), CrossHair(self._box)
        self._box.sigRangeChangedManually.connect(self._on_zoomed)
        self._box.sigXRangeChanged.connect(lambda _box, _range: self._fit_height())
        self._box.reset_wanted.connect(self.reset)
        self.scene().sigMouseMoved.connect(self._on_moved)
        self._is_built = True
        self.update_colours()

    def show_lines(self, lines: Sequence[CurveLine], view: CurveView, measure: str) -> None:
        """Show `lines`, built for `view`. Another metric, scale or axis resets its zoom."""
        if view.log != self._view.log or measure != self._measure():
            self._zoomed[1] = False
        if view.share != self._view.share:
            self._zoomed[0] = False
        self._lines, self._view = lines, view
        self.getAxis("bottom").whole = not view.share
        self.getAxis("left").setLogMode(x=False, y=view.log)
        for side, title in (("left", measure), ("bottom", tr("% of the job") if view.share else tr("step"))):
            if self.getAxis(side).labelText != title:
                self.setLabel(side, title)
        self._painting.show_lines(lines)
        self._fit()
        if self._cross.x is not None:
            self.point_at(self._cross.x)

    def reset(self) -> None:
        """Reset the zoom."""
        self._zoomed = [False, False]
        self._fit()
        self.zoomed.emit(False)

    @property
    def is_zoomed(self) -> bool:
        """Whether a person has zoomed or moved one of the axes."""
        return any(self._zoomed)

    def update_colours(self) -> None:
        """Apply the colours of the theme."""
        colours = self.palette()
        self.setBackground(colours.color(QPalette.ColorRole.Base))
        for name in ("bottom", "left"):
            axis = self.getAxis(name)
            axis.setPen(colours.color(QPalette.ColorRole.Mid))
            axis.setTextPen(colours.color(QPalette.ColorRole.Text))
            axis.label.setDefaultTextColor(colours.color(QPalette.ColorRole.Text))
        for item in (self._painting, self._cross):
            item.set_palette(colours)

    def points(self) -> list[CurvePoint]:
        """The lines' points at the cross-hair."""
        return self._cross.points

    def point_at(self, x: float, y: float | None = None) -> None:
        """Move the cross-hair to the point nearest to `x`; `y` is the pointer's position."""
        found = [(line, curve_thinning.nearest_index(line, x)) for line in self._lines]
        found = [(line, index) for line, index in found if index >= 0]
        if not found:
            return self.hide_cross()
        at = min((float(line.x[index]) for line, index in found), key=lambda other: abs(other - x))
        placed = [(line, curve_thinning.nearest_index(line, at)) for line, _index in found]
        points = [CurvePoint(line, index, float(line.x[index]) == at) for line, index in placed]
        self._cross.show_points(at, y, points, self._format_title(at, points))
        self.pointed.emit()
        return None

    def hide_cross(self) -> None:
        """Remove the cross-hair and its readout."""
        self._cross.show_points(None, None, [], "")
        self.pointed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        low, high = self._box.viewRange()[0]
        at = self._cross.x
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                forward = event.key() == Qt.Key.Key_Right
                start = (low if forward else high) if at is None else at
                self._move_cross_hair(curve_thinning.next_x(self._lines, start, forward))
            case Qt.Key.Key_Home:
                self._move_cross_hair(curve_thinning.x_range(self._lines)[0])
            case Qt.Key.Key_End:
                self._move_cross_hair(curve_thinning.x_range(self._lines)[1])
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal | Qt.Key.Key_Minus:
                centre = (low + high) / 2 if at is None else at
                factor = 1 / ZOOM_PER_NOTCH if event.key() == Qt.Key.Key_Minus else ZOOM_PER_NOTCH
                self._box.zoom(factor, 0, QPointF(centre, sum(self._box.viewRange()[1]) / 2))
            case Qt.Key.Key_0:
                self.reset()
            case Qt.Key.Key_Escape if at is not None:
                self.hide_cross()
            case _:
                event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hide_cross()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._is_built:
            self.update_colours()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._painting.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._painting.update()

    def _measure(self) -> str:
        return str(self.getAxis("left").labelText)

    def _move_cross_hair(self, x: float | None) -> None:
        """Move the cross-hair to `x` and scroll to it."""
        if x is None:
            return
        low, high = self._box.viewRange()[0]
        if not low <= x <= high:
            start = x - (high - low) / 2
            self._box.setXRange(start, start + high - low, padding=0)
        self.point_at(x)

    def _format_title(self, at: float, points: list[CurvePoint]) -> str:
        steps = {int(point.line.steps[point.index]) for point in points if point.exact}
        if self._view.share:
            return tr("{share} % of the job", share=f"{at:.1f}")
        return tr("Step {step}", step=f"{min(steps):,}")

    def _on_moved(self, place: QPointF) -> None:
        if not self._box.sceneBoundingRect().contains(place):
            if self._cross.x is not None:
                self.hide_cross()
            return
        at = self._box.mapSceneToView(place)
        self.point_at(at.x(), self._box.mapFromScene(place).y())

    def _on_zoomed(self, axes: Sequence[bool]) -> None:
        self._zoomed = [before or bool(now) for before, now in zip(self._zoomed, axes, strict=True)]
        low, high = self._box.viewRange()[0]
        first, last = self._whole_range()
        if low <= first and high >= last:  # zoomed out again
            self._zoomed[0] = False
        self._box.fits_values = not self._zoomed[1]
        self.zoomed.emit(self.is_zoomed)

    def _whole_range(self) -> tuple[float, float]:
        first, last = curve_thinning.x_range(self._lines)
        return (0.0, 100.0) if self._view.share else (min(first, last - 1), last)

    def _fit(self) -> None:
        first, last = self._whole_range()
        room = (last - first) / 50
        self._box.setLimits(xMin=first - room, xMax=last + room, minXRange=min(2.0, last - first))
        if not self._zoomed[0]:
            self._box.setXRange(first - room, last + room, padding=0)
        self._fit_height()

    def _fit_height(self) -> None:
        self._box.fits_values = not self._zoomed[1]
        if self._zoomed[1]:
            return
        found = curve_thinning.y_range(self._lines, *self._box.viewRange()[0])
        if found:
            low, high = found
            room = VERTICAL_PADDING * (high - low) or 0.1 * abs(high) or 0.1
            self._box.setYRange(low - room, high + room, padding=0)
