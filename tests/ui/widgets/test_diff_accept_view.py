"""Two texts side by side: what is shown and marked, going from change to change, accepting single ones."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QCheckBox

from tests.core.text.test_diff import large
from tests.support.patience import PATIENCE, effort
from ui import style
from ui.widgets import diff_row_painting
from ui.widgets.diff_accept_view import SideBySide

OLD = "# Rules\n\nA match lasts 60 minutes.\n\nA goal counts one point.\n\nPlayers may not kick."
NEW = "# Rules\n\nA match lasts 70 minutes.\n\nA goal counts one point.\n\nPlayers may not kick.\n\nA whistle ends it."


@pytest.fixture
def show(qtbot):
    def show(old, new, choosing=False, size=(800, 400)):
        widget = SideBySide(choosing)
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        widget.show_texts(old, new, "Revision 1", "Now")
        widget.pane.setFocus()
        widget.grab()
        return widget

    return show


def test_what_changed_is_told_and_marked(show):
    widget = show(OLD, NEW)
    assert widget.summary.text() == "2 changes"
    assert [title.text() for title in widget.titles] == ["Revision 1", "Now"]
    assert widget.place.text() == "1 of 2"
    row = next(row for row in widget.pane.rows if row.hunk is not None)
    (old, gone), (new, come) = diff_row_painting.find_marks(row)
    assert [old[a:b] for a, b in gone] == ["6"]
    assert [new[a:b] for a, b in come] == ["7"]


def test_the_same_text_has_no_difference(show):
    widget = show(OLD, OLD)
    assert widget.summary.text() == "No difference"
    assert not widget.next.isEnabled()
    assert not show("", "").next.isEnabled()


def test_keys_go_from_change_to_change(show, qtbot):
    widget = show(OLD, NEW)
    qtbot.waitUntil(widget.isActiveWindow, timeout=int(PATIENCE * 1000))
    moved = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(widget.pane, key, Qt.KeyboardModifier.AltModifier)
        moved.append(widget.pane.current)
    assert moved == [1, 0, 1]
    qtbot.keyClick(widget.pane, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "\nA whistle ends it."


def test_changes_are_accepted_one_by_one(show, qtbot):
    widget = show(OLD, NEW, choosing=True)
    assert widget.merged_text() == OLD
    assert widget.summary.text() == "2 changes · 0 accepted"
    boxes = [box for box in widget.pane.findChildren(QCheckBox) if box.isVisible()]
    assert [box.accessibleName() for box in boxes] == ["Accept change 1", "Accept change 2"]
    with qtbot.waitSignal(widget.chosen_changed):
        qtbot.mouseClick(boxes[0], Qt.MouseButton.LeftButton)
    assert widget.merged_text() == OLD.replace("60", "70")
    assert widget.all.checkState() is Qt.CheckState.PartiallyChecked
    widget.pane.go_to(1)
    with qtbot.waitSignal(widget.chosen_changed):
        qtbot.keyClick(widget.pane, Qt.Key.Key_Space)
    assert widget.merged_text() == NEW
    assert widget.summary.text() == "2 changes · 2 accepted"
    widget.all.click()
    assert widget.merged_text() == OLD


def test_a_click_chooses_the_change_under_it(show, qtbot):
    widget = show(OLD, NEW)
    top = round(widget.pane.tops[-2]) - widget.pane.verticalScrollBar().value()
    qtbot.mouseClick(widget.pane.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, top + 5))
    assert widget.place.text() == "2 of 2"


def test_long_lines_are_wrapped_and_the_end_is_reached(show):
    widget = show("start\n" + "long " * 2000, "start\n" + "long " * 1999 + "short", size=(500, 300))
    pane, bar = widget.pane, widget.pane.verticalScrollBar()
    bar.setValue(bar.maximum())
    widget.grab()
    assert bar.value() == bar.maximum()
    assert pane.tops[-1] - bar.value() == pytest.approx(pane.viewport().height(), abs=1)


def test_markup_is_text(show):
    widget = show("<b>x</b>", "<img src=x>\u202e\ud800")
    row = widget.pane.rows[0]
    assert diff_row_painting.find_marks(row)[0][0] == "<b>x</b>"
    assert diff_row_painting.find_marks(row)[1][0] == "<img src=x>\ufffd\ufffd"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_changed_lines_have_their_colours(show, qapp, theme):
    style.apply(qapp, theme)
    image = show(OLD, NEW).pane.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    seen = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    for meaning in ("error", "good"):
        assert {diff_row_painting.background_colours(meaning)[0].rgb()} & seen


def test_long_texts_show_at_once(show):
    widget = show(OLD, NEW)
    old, new = large()

    def show_them():
        widget.show_texts(old, new)
        widget.grab()

    assert effort(show_them) < 0.5
    bar = widget.pane.verticalScrollBar()
    for step in range(20):
        bar.setValue(bar.maximum() * step // 20)
        assert effort(widget.grab) < 0.25
