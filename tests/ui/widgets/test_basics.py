"""Parts that many places of the window use."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidget

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
