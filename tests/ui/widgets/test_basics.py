"""Parts that many places of the window use."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTableWidget, QVBoxLayout, QWidget

from ui.widgets import basics

HELD = Qt.KeyboardModifier


@pytest.mark.parametrize("held", [HELD.NoModifier, HELD.ControlModifier, HELD.ShiftModifier])
def test_a_row_is_selected_whatever_keys_are_held(qtbot, held):
    """A shortcut's Ctrl is still held while what it asked for is shown: the row must not be toggled by it."""
    table = QTableWidget(4, 2)
    qtbot.addWidget(table)
    QTest.keyPress(table, Qt.Key.Key_F5, held)
    assert QGuiApplication.keyboardModifiers() == held
    for row in (1, 1, 3):
        basics.select_row(table, row, 1)
        assert [index.row() for index in table.selectionModel().selectedRows()] == [row]
        assert table.currentColumn() == 1
    basics.select_row(table, 4)
    assert table.currentRow() == 3


@pytest.mark.parametrize("key", basics.USUAL_KEYS)
def test_usual_keys_work_where_the_desktop_defines_none(qapp, key, monkeypatch):
    """In a plain X session Ctrl+H in the spec did nothing."""
    monkeypatch.setattr(basics, "QKeySequence", lambda keys: QKeySequence(keys if isinstance(keys, str) else ""))
    assert basics.key_sequence(key).toString() == basics.USUAL_KEYS[key]


def test_a_tooltip_keeps_its_lines_and_is_no_markup():
    assert basics.plain_tooltip("<b>a\nb") == "<p>&lt;b&gt;a<br>b</p>"


def test_the_wheel_changes_a_number_only_where_it_has_the_focus(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    other, field = QLineEdit(), basics.integer_field(1, 9, 3)
    column = QVBoxLayout(page)
    column.addWidget(other)
    column.addWidget(field)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    other.setFocus()

    def wheel():
        place = QPointF(field.rect().center())
        turn = QWheelEvent(place, field.mapToGlobal(place), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
                           Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
        QApplication.sendEvent(field, turn)
        return field.value()

    assert wheel() == 3
    field.setFocus()
    assert wheel() == 2


def test_what_an_empty_page_says_is_in_the_middle_of_a_wide_window(qtbot):
    page = basics.EmptyState("No row matches", "Change the search words or the filters above.")
    qtbot.addWidget(page)
    page.resize(1600, 400)
    page.show()
    assert abs(page.text.geometry().center().x() - page.title.geometry().center().x()) <= 1
