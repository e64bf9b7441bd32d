"""The live chart of training metrics of one job or several, and its export as a picture or a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QImage, QKeySequence, QPainter, QPalette, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from core.formats import csv_cells
from core.formats.output_files import replace_file
from core.language import tr
from core.settings import Settings
from core.training import metrics
from core.training.metrics import MetricSeries
from ui import style
from ui.charts import curve_thinning
from ui.charts.curve_legend import CurveLegend, colour_of, has_several_jobs, paint_swatch, swatch_size
from ui.charts.curve_thinning import Curve, CurveView
from ui.widgets import basics, context_menus, file_dialogs
from ui.widgets.drop_down import DropDown
from ui.widgets.flow_layout import FlowLayout
from ui.widgets.message_bar import Notice

if TYPE_CHECKING:
    from ui.charts.curve_axes_and_zoom import CurvePlot

DEFAULT_SMOOTHING = 60  # percent
AWAITED_PAGE, CURVES_PAGE, NO_CURVE_PAGE = range(3)  # pages
PICTURE_SCALE = 2  # pixels of the saved picture for each of the screen's


@dataclass(frozen=True, slots=True)
class CurveJob:
    """A job as the chart shows it. `total`: its number of steps, if known. `over`: no more points will come."""

    id: int
    title: str
    series: dict[str, MetricSeries] = field(default_factory=dict)
    total: int | None = None
    over: bool = False


class CurveChart(QWidget):
    """The chart of training metrics, with its legend, choices and export.

    The plot is built when it is first visible. Choices and zoom are kept when points are added.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """`settings` store the folder for its files."""
        super().__init__()
        self._settings = settings or Settings()
        self._jobs: list[CurveJob] = []
        self.slots: dict[int, int] = {}  # colours, by job
        self.lines: dict[tuple[int, str], curve_thinning.CurveLine] = {}
        self._view = CurveView()
        self.plot: CurvePlot | None = None
        self._make_controls()
        self.legend = CurveLegend()
        self.legend.changed.connect(self._draw)
        self._lay_out()

    def _make_controls(self) -> None:
        self.measure, self.axis = DropDown(), DropDown()
        self.measure.setAccessibleName(tr("Contents of the chart"))
        self.measure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.axis.setAccessibleName(tr("Horizontal axis"))
        self.axis.addItem(tr("by step"), False)
        self.axis.addItem(tr("by share of the job"), True)
        self.log = QCheckBox(tr("Log scale"))
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(DEFAULT_SMOOTHING)
        self.smoothing.setFixedWidth(style.scaled(90))
        self.smoothing.setAccessibleName(tr("Smoothing"))
        self.whole = QPushButton(tr("Show all"))
        basics.explain(self.whole, _mouse_help())
        self.whole.setEnabled(False)
        self.save = QPushButton(tr("Save"))
        self.save.setMenu(self._build_save_menu())
        context_menus.offer(self, self.whole, None, *self.save.menu().actions())
        self.measure.currentIndexChanged.connect(lambda _index: self._on_measure())
        self.axis.currentIndexChanged.connect(lambda _index: self._on_view())
        self.log.toggled.connect(lambda _on: self._on_view())
        self.smoothing.valueChanged.connect(lambda _value: self._on_view())
        self.whole.clicked.connect(lambda _checked: self._on_show_all())

    def _on_show_all(self) -> None:
        if self.plot:
            self.plot.reset()

    def _build_save_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("&Picture (PNG)…"), self._on_save_picture)
        menu.addAction(tr("&Data (CSV)…"), self._on_save_table)
        menu.addAction(tr("&Copy the picture"), self.copy_picture)
        return menu

    def _lay_out(self) -> None:
        tools = QWidget()
        row = FlowLayout(tools, style.SPACE)
        smooth = QWidget()
        pair = FlowLayout(smooth, style.SPACE // 2)
        pair.addWidget(QLabel(tr("Smoothing")))
        pair.addWidget(self.smoothing)
        for part in (self.measure, self.axis, smooth, self.log, self.whole, self.save):
            row.addWidget(part)
        self.hint = basics.Note()
        body = QWidget()
        self._body = QVBoxLayout(body)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(style.SPACE // 2)
        for below in (tools, self.legend, self.hint):
            self._body.addWidget(below)
        self._body.addStretch()
        awaited = basics.EmptyState(
            tr("No curve yet"),
            tr("Loss and accuracy appear here with the first steps."),
        )
        none = basics.EmptyState(
            tr("No curve"),
            tr("The job ended without figures: neither its events nor a result file holds any."),
        )
        self.pages = QStackedLayout(self)
        for page in (awaited, body, none):
            self.pages.addWidget(page)
        self.setMinimumHeight(style.scaled(180))

    def show_jobs(self, jobs: list[CurveJob]) -> None:
        """Show `jobs`. With the same jobs and more points, zoom and choices are kept."""
        if _is_same(jobs, self._jobs):
            return
        if [job.id for job in jobs] != [job.id for job in self._jobs] and self.plot is not None:
            self.plot.reset()
        self._jobs = list(jobs)
        self._assign_slots()
        self._offer_measures()
        nothing = NO_CURVE_PAGE if jobs and all(job.over for job in jobs) else AWAITED_PAGE
        self.pages.setCurrentIndex(CURVES_PAGE if self.measure.count() else nothing)
        self._on_measure()

    def curves(self) -> list[Curve]:
        """The curves of the chosen metric, those that are switched off too."""
        measure = self.measure.currentData()
        named = [(job, name, *metrics.split_name(name)) for job in self._jobs for name in job.series]
        order = ("train", "valid", "full_valid", "")
        found = [(job, name, part) for job, name, part, of in named if of == measure and len(job.series[name])]
        found.sort(key=lambda one: (self._jobs.index(one[0]), order.index(one[2])))
        return [
            Curve(
                job.id,
                name,
                self._curve_title(job, part, measure),
                part,
                job.series[name],
                _total_steps(job),
                self.slots[job.id],
            )
            for job, name, part in found
        ]

    def picture(self) -> QImage:
        """The visible plot with its legend, to save or to copy."""
        assert self.plot
        self.plot.hide_cross()
        title = self._jobs[0].title if len(self._jobs) == 1 else self.measure.currentText()
        return draw_picture(self.plot, self.legend.shown_curves(), title)

    def copy_picture(self) -> None:
        """Put the visible plot with its legend on the clipboard."""
        if self.plot is not None and self.measure.count():
            QGuiApplication.clipboard().setImage(self.picture())
            Notice(self.window(), tr("The picture is on the clipboard."))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.plot is None:
            self._make_plot()
            self._draw()

    def _make_plot(self) -> None:
        from ui.charts.curve_axes_and_zoom import CurvePlot

        self.plot = CurvePlot()
        self.plot.setAccessibleName(tr("Curves of the training"))
        self.plot.zoomed.connect(self.whole.setEnabled)
        self.plot.pointed.connect(self._describe)
        self._body.takeAt(self._body.count() - 1)
        self._body.insertWidget(1, self.plot, 1)
        QWidget.setTabOrder(self.save, self.plot)
        QWidget.setTabOrder(self.plot, self.legend)
        QShortcut(
            QKeySequence.StandardKey.Copy, self.plot, self.copy_picture, context=Qt.ShortcutContext.WidgetShortcut
        )

    def _assign_slots(self) -> None:
        """Assign a colour to each job, kept while the job is shown."""
        self.slots = {job.id: self.slots[job.id] for job in self._jobs if job.id in self.slots}
        free = (slot for slot in range(len(self._jobs)) if slot not in set(self.slots.values()))
        for job in self._jobs:
            if job.id not in self.slots:
                self.slots[job.id] = next(free)

    def _offer_measures(self) -> None:
        found = {metrics.split_name(name)[1] for job in self._jobs for name, one in job.series.items() if len(one)}
        first = [measure for measure in (metrics.LOSS, metrics.ACCURACY) if measure in found]
        offered = first + sorted(found - set(first))
        if offered != [self.measure.itemData(index) for index in range(self.measure.count())]:
            before = self.measure.currentData()
            self.measure.blockSignals(True)
            self.measure.clear()
            for measure in offered:
                self.measure.addItem(metrics.measure_title(measure), measure)
            self.measure.setCurrentIndex(max(0, self.measure.findData(before)) if offered else -1)
            self.measure.blockSignals(False)

    def _curve_title(self, job: CurveJob, part: str, measure: str) -> str:
        part_title = metrics.split_title(part)
        if len(self._jobs) == 1:
            return part_title or metrics.measure_title(measure)
        return f"{job.title} · {part_title}" if part_title else job.title

    def _on_measure(self) -> None:
        self.legend.show_curves(self.curves())
        self._draw()

    def _on_view(self) -> None:
        self._view = CurveView(self.axis.currentData(), self.log.isChecked(), self.smoothing.value() / 100)
        self.lines.clear()
        self._draw()

    def _draw(self) -> None:
        shown = self.legend.shown_curves()
        if self.plot is None:
            return
        # A line is made anew only where its numbers have changed.
        lines = {curve.key: self._reuse_or_build_line(curve) for curve in shown}
        self.lines = lines
        self.plot.show_lines(list(lines.values()), self._view, self.measure.currentText())
        self.whole.setEnabled(self.plot.is_zoomed)
        self._show_hint()
        self._describe()

    def _reuse_or_build_line(self, curve: Curve) -> curve_thinning.CurveLine:
        line = self.lines.get(curve.key)
        if (
            line is None
            or line.curve.whole != curve.whole
            or not curve_thinning.is_equal(line.curve.series, curve.series)
        ):
            return curve_thinning.build_line(curve, self._view)
        line.curve = curve
        return line

    def _show_hint(self) -> None:
        if self.legend.count() and not self.lines:
            self.hint.show_text(tr("All curves are switched off. Select one above."))
        elif self._view.log and any(len(line.x) < len(line.curve.series) for line in self.lines.values()):
            self.hint.show_text(tr("Values of zero or less cannot be shown on a log scale and are left out."))
        else:
            self.hint.show_text("")

    def _describe(self) -> None:
        """Describe the curves for a screen reader: at the cross-hair, else their first and last values."""
        assert self.plot
        points = self.plot.points()
        if points:
            sentences = [tr("{line}: {value} at step {step}", line=point.line.curve.title, value=f"{point.value:.4g}", step=point.step)
                    for point in points]  # fmt: skip
        else:
            sentences = [_summarise_curve(line.curve) for line in self.lines.values()]
        self.plot.setAccessibleDescription("\n".join(sentences))

    def _on_save_picture(self) -> None:
        image = self.picture()
        self._ask_path(tr("Save the picture"), "png", lambda path: save_picture(image, path))

    def _on_save_table(self) -> None:
        shown = self.legend.shown_curves()
        self._ask_path(tr("Save the numbers"), "csv", lambda path: save_table(shown, path))

    def _ask_path(self, title: str, suffix: str, save: Callable[[Path], None]) -> None:
        file_dialogs.save_dialog(
            self, self._settings, file_dialogs.REPORTS, title, f"{self.measure.currentText()}.{suffix}",
            lambda path: self._save(save, path), f"{suffix.upper()} (*.{suffix})",
        ).open()  # fmt: skip

    def _save(self, save: Callable[[Path], None], path: Path) -> None:
        try:
            save(path)
        except JukuError as error:
            Notice(self.window(), f"{error.title}\n{error.message}", "error", lasting=True)
        else:
            Notice(self.window(), tr("“{name}” was written.", name=path.name))


def _is_same(jobs: list[CurveJob], others: list[CurveJob]) -> bool:
    """Whether both would be drawn the same: most events of a job bring no new point."""
    facts = [[(job.id, job.title, job.total, job.over, job.series.keys()) for job in some] for some in (jobs, others)]
    return facts[0] == facts[1] and all(
        curve_thinning.is_equal(one, other.series[name])
        for job, other in zip(jobs, others, strict=True)
        for name, one in job.series.items()
    )


def _total_steps(job: CurveJob) -> int:
    last = max((int(one.steps[-1]) for one in job.series.values() if len(one)), default=1)
    return max(job.total or 0, last)


def _summarise_curve(curve: Curve) -> str:
    steps, values = curve.series.steps, curve.series.values
    return tr(
        "{line}: {first} at step {start}, {last} at step {end}",
        line=curve.title, first=f"{values[0]:.4g}", start=int(steps[0]), last=f"{values[-1]:.4g}", end=int(steps[-1]),
    )  # fmt: skip


def _mouse_help() -> str:
    return tr(
        "The wheel zooms the steps, with Ctrl the values. Drag to zoom into a rectangle, with Shift to move. "
        "Keys: arrows, plus, minus, 0."
    )


def draw_picture(plot: QWidget, shown: Sequence[Curve], title: str) -> QImage:
    """The plot with a title above and a legend below, at twice the screen's resolution."""
    font_metrics = plot.fontMetrics()
    places, legend = _place_legend(font_metrics, [curve.title for curve in shown], plot.width() - 2 * style.SPACE)
    head = font_metrics.height() + style.SPACE
    image = QImage(
        plot.width() * PICTURE_SCALE, (plot.height() + head + legend) * PICTURE_SCALE, QImage.Format.Format_RGB32
    )
    image.setDevicePixelRatio(PICTURE_SCALE)
    image.fill(plot.palette().color(QPalette.ColorRole.Base))
    painter = QPainter(image)
    painter.setFont(plot.font())
    text = plot.palette().color(QPalette.ColorRole.Text)
    painter.setPen(text)
    painter.drawText(
        QRectF(style.SPACE, style.SPACE / 2, plot.width(), font_metrics.height()), Qt.AlignmentFlag.AlignVCenter, title
    )
    QWidget.render(plot, painter, QPoint(0, head))  # the view has one of its own, which paints the scene alone
    for curve, place in zip(shown, places, strict=True):
        place.translate(style.SPACE, plot.height() + head)
        _paint_legend_entry(painter, place, curve, text, curve.slot if has_several_jobs(shown) else None)
    painter.end()
    return image


def _place_legend(font_metrics: QFontMetrics, titles: Sequence[str], width: int) -> tuple[list[QRectF], int]:
    """The rectangles of the legend's entries, and the legend's height."""
    places, left, top = [], 0, 0
    line = font_metrics.height() + 6
    for title in titles:
        needed = min(width, swatch_size().width() + font_metrics.horizontalAdvance(title) + 3 * style.SPACE)
        if left and left + needed > width:
            left, top = 0, top + line
        places.append(QRectF(left, top, needed, line))
        left += needed
    return places, (top + line + style.SPACE) if titles else style.SPACE


def _paint_legend_entry(painter: QPainter, place: QRectF, curve: Curve, text: object, slot: int | None) -> None:
    paint_swatch(
        painter,
        QRectF(place.left(), place.top(), swatch_size().width(), place.height()),
        colour_of(curve.slot),
        curve.part,
        slot,
    )
    painter.setPen(text)
    place.setLeft(place.left() + swatch_size().width() + style.SPACE / 2)
    title = painter.fontMetrics().elidedText(curve.title, Qt.TextElideMode.ElideMiddle, round(place.width()))
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)


def save_picture(image: QImage, path: Path) -> None:
    """Write a PNG file. Raises `FormatError` when it cannot be written; an existing file is kept then."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide takes text, against its stub
    with replace_file(path) as file:
        file.write(buffer.data().data())


def save_table(shown: Sequence[Curve], path: Path) -> None:
    """Write the values as CSV. Raises `FormatError` when it cannot be written."""
    text = metrics.to_csv([(curve.title, curve.series) for curve in shown])
    with replace_file(path) as file:
        file.write((csv_cells.BOM + text).encode())
