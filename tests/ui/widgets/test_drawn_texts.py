"""What is drawn where there is little room, or where one sign follows another: nothing is cut without dots."""

import pytest
from PySide6.QtWidgets import QLineEdit

from core import checks, language
from core.checks import Problem
from ui.chat.sampling_settings import SamplingSettings
from ui.dataset.row_detail import ProblemList
from ui.widgets import basics
from ui.widgets.drop_down import DropDown

LONG = "2026-11-29 · base-model · closed book, base-model · open book and 3 more · finished"


def drawn(widget, width):
    widget.setFixedWidth(width)
    return widget.grab().toImage()


def test_the_list_of_a_drop_down_is_as_wide_as_its_entries(qtbot, dressed):
    box = DropDown()
    qtbot.addWidget(box)
    box.addItems([f"{LONG} 1", f"{LONG} 2"])
    box.setFixedWidth(120)
    box.show()
    box.showPopup()
    assert box.view().viewport().width() >= box.view().sizeHintForColumn(0)
    box.hidePopup()


def test_a_drop_down_without_a_choice_shows_its_words(qtbot, dressed):
    box, empty = DropDown(), DropDown()
    for one in (box, empty):
        qtbot.addWidget(one)
        one.addItem("a")
        one.setCurrentIndex(-1)
    box.setPlaceholderText("No model yet")
    assert drawn(box, 200) != drawn(empty, 200)


def test_a_line_without_room_ends_with_dots(qtbot):
    line, short = basics.ElidedLabel(), basics.ElidedLabel()
    for one in (line, short):
        qtbot.addWidget(one)
    line.setText(LONG)
    cut = line.fontMetrics().elidedText(LONG, line.MODE, 200)
    short.setText(cut)
    assert cut.endswith("…") and drawn(line, 200) == drawn(short, 200)


@pytest.mark.parametrize("speech", ["en", "ja"])
def test_the_words_in_an_empty_field_are_whole(qtbot, dressed, speech):
    language.set_language(speech)
    settings = SamplingSettings()
    qtbot.addWidget(settings)
    settings.resize(640, 400)
    settings.show()
    settings.fold.click()
    for field in settings.findChildren(QLineEdit):
        assert field.width() > field.fontMetrics().horizontalAdvance(field.placeholderText()), field.placeholderText()


def test_signs_are_pictures(qtbot):
    """A sign in a text is drawn with the font of the letter that follows: two of one kind looked different."""
    rule = next(iter(checks.RULES))
    found = ProblemList()
    qtbot.addWidget(found)
    found.show_problems(
        [Problem(rule, "warning", "$", "ほぼ同じ行"), Problem(rule, "warning", "$", "「書かれていない」")]
    )
    assert [found.item(row).text() for row in range(2)] == ["ほぼ同じ行", "「書かれていない」"]
    pictures = [found.item(row).icon().pixmap(16).toImage() for row in range(2)]
    assert pictures[0] == pictures[1] and not pictures[0].isNull()
