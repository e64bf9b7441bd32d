"""The current entry of a drop-down: whole where it has room, and cut so that it shows where it has none."""

import re

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QStyleOptionComboBox, QToolTip

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
