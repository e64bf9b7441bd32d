"""The current entry of a drop-down: whole where it has room, and cut so that it shows where it has none."""

import re

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QStyleOptionComboBox, QToolTip, QWidget

from core.paths import ROOT
from ui import style
from ui.widgets.drop_down import DropDown

TEXT = "プロジェクトと異なるシステムプロンプト (2)"
UI = ROOT / "ui"


@pytest.fixture
def box(qtbot, qapp):
    style.apply(qapp, "dark")
    box = DropDown()
    qtbot.addWidget(box)
    return box


def shown(box):
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    return option.currentText


@pytest.mark.parametrize("text", [TEXT, "UTF-8", "All models", "要点"])
def test_an_entry_that_has_room_is_whole(box, text):
    box.addItem(text)
    box.resize(box.sizeHint())
    assert shown(box) == text


def test_an_entry_without_room_ends_in_an_ellipsis_and_is_told(box):
    box.addItem(TEXT)
    box.resize(160, box.sizeHint().height())
    box.show()
    assert shown(box).endswith("…")
    assert TEXT.startswith(shown(box)[:-1])
    QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), box.mapToGlobal(QPoint(5, 5))))
    assert "システムプロンプト" in QToolTip.text()
    assert box.currentText() == TEXT


def test_every_drop_down_of_the_window_is_such_a_one():
    plain = [
        path.name for path in UI.glob("*.py") if re.search(r"QComboBox\((?!.*editable=True)", path.read_text("utf-8"))
    ]
    assert plain == [], "use ui.widgets.drop_down.DropDown"


def test_one_that_prefers_whole_texts_takes_the_room_there_is(qtbot):
    text = "All training rows (431 of 450)"
    line, whole = QWidget(), DropDown()
    row = QGridLayout(line)
    row.addWidget(whole, 0, 0)
    row.setColumnStretch(1, 1)
    qtbot.addWidget(line)
    whole.setMinimumContentsLength(8)
    whole.addItems([text, "None"])
    for prefers in (False, True):
        if prefers:
            whole.prefer_whole_text()
        else:
            whole.setSizeAdjustPolicy(DropDown.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        line.resize(600, 60)
        line.show()
        row.activate()
        assert whole.is_cut() is not prefers
    line.resize(100, 60)
    row.activate()
    assert line.minimumSizeHint().width() < 200 and whole.is_cut()
    whole.setCurrentText("None")
    assert whole.sizeHint().width() < whole.fontMetrics().horizontalAdvance(text)
