"""The chart of training: what it shows, that new points leave it where it is, and what leaves it as a file."""

import csv
import io

import numpy as np
import pyqtgraph
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from core.training.metrics import MetricSeries
from ui import style
from ui.charts import curve_thinning
from ui.charts.curve_chart_and_export import CurveChart, CurveJob
from ui.charts.curve_cross_hair_and_readout import LinePoints, find_readout_place
from ui.widgets.message_bar import Notice

UNCHECKED, CHECKED = Qt.CheckState.Unchecked, Qt.CheckState.Checked


def falling(points, least=0.5):
    steps = np.arange(1, points + 1)
    return MetricSeries(steps, least + 2.0 / steps)


def job(id=1, points=100, title="study", total=None, **more):
    valid = MetricSeries(np.array([50, 100]), np.array([0.9, 0.8]))
    return CurveJob(id, title, {"train_loss": falling(points), "valid_loss": valid, **more}, total)


@pytest.fixture
def chart(qtbot):
    chart = CurveChart()
    qtbot.addWidget(chart)
    chart.resize(900, 500)
    chart.show()
    chart.show_jobs([job()])
    return chart


def legend(chart):
    items = [chart.legend.item(index) for index in range(chart.legend.count())]
    return {item.text(): item for item in items}


def sight(chart):
    return [round(edge, 3) for axis in chart.plot.getViewBox().viewRange() for edge in axis]


def turn(chart, delta, modifier=Qt.KeyboardModifier.NoModifier):
    viewport = chart.plot.viewport()
    centre = QPointF(viewport.rect().center())
    where = QPointF(viewport.mapToGlobal(centre.toPoint()))
    none = Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False
    QApplication.sendEvent(viewport, QWheelEvent(centre, where, QPoint(), QPoint(0, delta), *none))


def drag(view, first, second, modifier=Qt.KeyboardModifier.NoModifier):
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    place = view.viewport()

    def send(kind, at, button, buttons):
        event = QMouseEvent(kind, QPointF(at), QPointF(place.mapToGlobal(at)), button, buttons, modifier)
        QApplication.sendEvent(place, event)

    send(QEvent.Type.MouseButtonPress, first, left, left)
    for step in range(1, 11):
        send(QEvent.Type.MouseMove, first + (second - first) * step / 10, none, left)
    send(QEvent.Type.MouseButtonRelease, second, left, none)


def test_before_the_first_number_it_says_what_will_be_there(chart):
    chart.show_jobs([CurveJob(1, "study")])
    assert chart.pages.currentIndex() == 0
    chart.show_jobs([job()])
    assert chart.pages.currentIndex() == 1


def test_loss_comes_first_and_the_choice_stays_while_it_can(chart):
    more = {"train_mean_token_accuracy": falling(5), "rewards/margin": falling(3), "full_valid_loss": falling(2)}
    chart.show_jobs([job(**more)])
    assert [chart.measure.itemText(index) for index in range(3)] == ["Loss", "Accuracy", "rewards/margin"]
    assert list(legend(chart)) == ["training", "validation", "full validation"]
    chart.measure.setCurrentIndex(1)
    chart.show_jobs([job(points=200, **more), job(2)])
    assert chart.measure.currentText() == "Accuracy"
    assert list(legend(chart)) == ["study · training"]
    chart.show_jobs([job(2)])
    assert chart.measure.currentText() == "Loss"


def test_a_job_keeps_its_colour_while_others_come_and_go(chart):
    chart.show_jobs([job(7), job(3)])
    assert chart.slots == {7: 0, 3: 1}
    chart.show_jobs([job(9), job(3)])
    assert chart.slots == {3: 1, 9: 0}


def test_a_line_is_switched_off_and_stays_so_when_it_grows(chart):
    legend(chart)["validation"].setCheckState(UNCHECKED)
    assert [name for _job, name in chart.lines] == ["train_loss"]
    chart.show_jobs([job(points=150)])
    chart.show_jobs([job(points=150), job(2, title="other")])
    assert {key for key in chart.lines} == {(1, "train_loss"), (2, "train_loss"), (2, "valid_loss")}
    for item in legend(chart).values():
        item.setCheckState(UNCHECKED)
    assert chart.hint.text() == "All curves are switched off. Select one above."
    chart.legend.itemDoubleClicked.emit(legend(chart)["study · training"])
    assert len(chart.lines) == 1
    chart.legend.itemDoubleClicked.emit(legend(chart)["study · training"])
    assert len(chart.lines) == 4
    assert not chart.hint.text()


def test_more_points_show_themselves_but_leave_what_was_zoomed_to(chart):
    assert sight(chart)[1] == pytest.approx(102, abs=1)
    chart.show_jobs([job(points=200)])
    assert sight(chart)[1] == pytest.approx(204, abs=1)
    assert not chart.whole.isEnabled()
    turn(chart, 240)
    before = sight(chart)
    assert before[1] - before[0] < 140
    assert chart.whole.isEnabled()
    chart.show_jobs([job(points=300)])
    assert sight(chart)[:2] == before[:2]
    chart.whole.click()
    assert sight(chart)[1] == pytest.approx(306, abs=1)
    assert not chart.whole.isEnabled()


def test_the_wheel_with_ctrl_zooms_over_the_values_and_a_rectangle_over_both(chart, monkeypatch):
    monkeypatch.setitem(pyqtgraph.CONFIG_OPTIONS, "mouseRateLimit", 0)  # here the pointer is faster than a hand
    low, high, bottom, top = sight(chart)
    turn(chart, 120, Qt.KeyboardModifier.ControlModifier)
    assert sight(chart)[:2] == [low, high]
    assert sight(chart)[3] - sight(chart)[2] == pytest.approx(0.8 * (top - bottom), abs=0.01)
    chart.whole.click()
    box, view = chart.plot.getViewBox(), chart.plot
    QApplication.processEvents()  # the axes take their room
    first, second = (view.mapFromScene(box.mapViewToScene(QPointF(*at))) for at in ((20, 1.0), (60, 0.6)))
    drag(view, first, second)
    assert sight(chart)[:2] == pytest.approx([20, 60], abs=0.3)
    assert sight(chart)[2:] == pytest.approx([0.6, 1.0], abs=0.02)
    drag(view, first, QPoint(first.x() + 50, first.y()), Qt.KeyboardModifier.ShiftModifier)
    assert sight(chart)[1] - sight(chart)[0] == pytest.approx(40, abs=0.5)
    assert sight(chart)[0] < 19
    assert sight(chart)[2:] == pytest.approx([0.6, 1.0], abs=0.02)
    QTest.keyClick(view, Qt.Key.Key_0)
    assert sight(chart) == [low, high, bottom, top]


def test_the_cross_hair_tells_every_line_and_the_step_that_is_not_its_own(chart):
    plot = chart.plot
    plot.point_at(60.3)
    told = [(point.step, round(point.value, 3), point.exact) for point in plot.points()]
    assert told == [(60, 0.533, True), (50, 0.9, False)]
    assert plot.accessibleDescription() == "training: 0.5333 at step 60\nvalidation: 0.9 at step 50"
    for key, step in ((Qt.Key.Key_Right, 61), (Qt.Key.Key_Left, 60), (Qt.Key.Key_Home, 1), (Qt.Key.Key_End, 100)):
        QTest.keyClick(plot, key)
        assert plot.points()[0].step == step
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert sight(chart)[0] < 1 < sight(chart)[1]  # brought into sight
    QTest.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.points() == []
    assert plot.accessibleDescription().startswith("training: 2.5 at step 1, 0.52 at step 100")


def test_the_readout_covers_no_end_of_a_line():
    place, none = QRectF(0, 0, 600, 300), np.zeros((0, 2))
    for x in range(0, 600, 50):
        for y in (20.0, 150.0, 280.0):
            box = find_readout_place(200, 100, place, x, LinePoints(none, np.array([[590.0, y]])))
            assert place.contains(box)
            assert not box.contains(QPointF(590, y))
    assert place.intersects(find_readout_place(900, 900, place, 10, LinePoints(none, none)))


def test_jobs_are_compared_by_the_share_that_is_done(chart):
    chart.show_jobs([job(1, 100, total=200), job(2, 50)])
    chart.axis.setCurrentIndex(1)
    ends = {key[0]: line.x[-1] for key, line in chart.lines.items() if key[1] == "train_loss"}
    assert ends == {1: 50.0, 2: 50.0}  # the validation of the second reaches step 100
    assert sight(chart)[:2] == [-2, 102]


def test_what_has_no_place_on_a_log_scale_is_left_out_and_said(chart):
    margin = MetricSeries(np.array([1, 2, 3]), np.array([-1.0, 0.0, 10.0]))
    chart.show_jobs([CurveJob(1, "study", {"train_margin": margin})])
    chart.log.setChecked(True)
    assert [line.y.tolist() for line in chart.lines.values()] == [[1.0]]
    assert "left out" in chart.hint.text()
    chart.log.setChecked(False)
    assert not chart.hint.text()


def test_odd_series_are_drawn_too(chart):
    """Drawing them raises nothing: one point, none, and values far apart."""
    odd = {
        "train_loss": MetricSeries(np.array([0]), np.array([1.0])),
        "valid_loss": MetricSeries(np.array([], np.int64), np.array([])),
        "full_valid_loss": MetricSeries(np.array([3, 2**31 - 1]), np.array([-1e12, 1e12])),
    }
    for jobs in ([CurveJob(1, "study", odd)], [CurveJob(1, "study", {"train_loss": odd["train_loss"]})], []):
        for log in (True, False):
            chart.show_jobs(jobs)
            chart.log.setChecked(log)
            chart.grab()
            if chart.plot:
                chart.plot.point_at(5.0)
            chart.grab()


@pytest.mark.parametrize("smoothing", [0, 60])
def test_ten_thousand_points_in_twenty_series_are_drawn(chart, smoothing):
    chart.smoothing.setValue(smoothing)
    chart.show_jobs([job(id, 10_000, f"sweep {id}") for id in range(1, 21)])
    empty = chart.grab().toImage()
    chart.legend.itemDoubleClicked.emit(chart.legend.item(0))
    assert chart.grab().toImage() != empty
    turn(chart, 1200)
    turn(chart, 120)
    chart.grab()


def test_a_new_theme_repaints_the_plot(chart, qapp):
    before = chart.plot.grab().toImage()
    style.apply(qapp, "dark")
    assert chart.plot.grab().toImage().pixelColor(3, 3).lightness() < 60 < before.pixelColor(3, 3).lightness()


def test_numbers_are_saved_as_they_were_told_and_no_spreadsheet_runs_a_title(chart, tmp_path, qtbot):
    chart.show_jobs([job(1, 3, "=HYPERLINK(1)"), job(2, 2, "other")])
    legend(chart)["other · training"].setCheckState(UNCHECKED)
    dialog = asked(chart, 1)
    dialog.fileSelected.emit(str(tmp_path / "curves.csv"))
    dialog.reject()
    rows = list(csv.reader(io.StringIO((tmp_path / "curves.csv").read_text("utf-8-sig"))))
    assert rows[0] == ["step", "'=HYPERLINK(1) · training", "'=HYPERLINK(1) · validation", "other · validation"]
    assert rows[1] == ["1", "2.5", "", ""]
    assert rows[-1] == ["100", "", "0.8", "0.8"]
    assert chart.findChild(Notice).text.text() == "“curves.csv” was written."


def test_a_picture_is_saved_and_copied_with_its_legend(chart, tmp_path, qapp):
    chart.plot.point_at(60)
    dialog = asked(chart, 0)
    assert chart.plot.points() == []
    dialog.fileSelected.emit(str(tmp_path / "curves.png"))
    dialog.reject()
    saved = QImage(str(tmp_path / "curves.png"))
    assert saved.width() == 2 * chart.plot.width()
    assert saved.height() > 2 * chart.plot.height()
    colours = {saved.pixelColor(x, y).name() for x in range(0, saved.width(), 5) for y in range(0, saved.height(), 3)}
    assert style.SERIES[0] in colours
    chart.plot.setFocus()
    QTest.keyClick(chart.plot, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    chart.copy_picture()
    assert qapp.clipboard().image().size() == saved.size()


def test_a_file_that_cannot_be_written_is_an_error_in_words(chart, tmp_path):
    dialog = asked(chart, 1)
    dialog.fileSelected.emit(str(tmp_path / "no folder" / "curves.csv"))
    dialog.reject()
    assert "cannot be written" in chart.findChild(Notice).text.text()


def asked(chart, entry):
    """The dialog that an entry of the menu opens."""
    chart.save.menu().actions()[entry].trigger()
    return chart.findChildren(QFileDialog)[-1]


def test_smoothing_is_the_corrected_moving_average():
    values = np.random.default_rng(1).normal(size=500)
    for weight in (0.01, 0.6, 0.99):
        mean, sums, expected = 0.0, 0.0, []
        for value in values:
            mean, sums = weight * mean + value, weight * sums + 1
            expected.append(mean / sums)
        assert np.allclose(curve_thinning.smooth(values, weight), expected, atol=1e-4)
    assert len(curve_thinning.smooth(values[:0], 0.5)) == 0


def test_thinning_keeps_both_ends_and_the_reach():
    x, y = np.arange(10_001, dtype=float), np.random.default_rng(2).normal(size=10_001)
    thin_x, thin_y = curve_thinning.thin(x, y, slice(3, 9_998), 500)
    assert len(thin_x) <= 502
    assert (thin_x[0], thin_x[-1], thin_y[0], thin_y[-1]) == (3, 9_997, y[3], y[9_997])
    assert np.all(np.diff(thin_x) > 0)
    filled, low, high = curve_thinning.column_extremes(x, y, np.arange(-100.0, 10_200.0, 100))
    assert len(filled) == 101
    assert (low.min(), high.max()) == (y.min(), y.max())
    assert all(low[1:] <= high[:-1])
