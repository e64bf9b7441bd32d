"""What a colour says is also said by a shape, a line or a word, for those who do not see the colour."""

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTextCharFormat
from PySide6.QtWidgets import QPlainTextEdit

from ui import style
from ui.charts.curve_legend import paint_mark, paint_swatch
from ui.charts.trend_plot import SYMBOLS
from ui.spec.fact_table import STATE_MEANINGS, STATE_UNDERLINES
from ui.widgets.diff_row_painting import DIFF_SIGNS
from ui.widgets.severity_icon import severity_icon
from ui.widgets.text_highlights import highlight_spans


def picture(paint) -> QImage:
    image = QImage(32, 24, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return image


def test_jobs_in_a_chart_are_told_apart_by_marks_of_one_colour():
    black = QColor("black")
    marks = [picture(lambda painter, slot=slot: paint_mark(painter, QPointF(16, 12), black, slot)) for slot in range(8)]
    assert all(one != other for number, one in enumerate(marks) for other in marks[:number])
    swatches = [
        picture(lambda painter, part=part: paint_swatch(painter, QRectF(0, 0, 32, 24), black, part))
        for part in ("train", "valid", "full_valid")
    ]
    assert all(one != other for number, one in enumerate(swatches) for other in swatches[:number])


def test_lines_of_a_trend_have_symbols_of_their_own():
    assert len(set(SYMBOLS)) == len(SYMBOLS) >= len(style.SERIES)


def test_states_of_passages_have_lines_of_their_own():
    """One line for each colour; what needs nothing has none."""
    lines = {}
    for state, meaning in STATE_MEANINGS.items():
        lines.setdefault(meaning, set()).add(STATE_UNDERLINES.get(state, QTextCharFormat.UnderlineStyle.NoUnderline))
    assert all(len(styles) == 1 for styles in lines.values())
    assert len({next(iter(styles)) for styles in lines.values()}) == len(lines)


def test_marked_passages_are_underlined(qtbot):
    editor = QPlainTextEdit("One differs here.")
    qtbot.addWidget(editor)
    highlight_spans(editor, [(4, 11)], "warning")
    (mark,) = editor.extraSelections()
    assert mark.format.underlineStyle() != QTextCharFormat.UnderlineStyle.NoUnderline


def test_both_sides_of_a_difference_have_signs():
    assert set(DIFF_SIGNS) >= {"error", "good"} and len(set(DIFF_SIGNS.values())) == len(DIFF_SIGNS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_severities_have_shapes_of_their_own(qapp, dressed, theme):
    """Told apart in grey."""
    style.apply(qapp, theme)
    shapes = []
    for severity in ("error", "warning", "note"):
        image = severity_icon(severity).pixmap(16).toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        light = [image.pixelColor(x, y).value() for x in range(image.width()) for y in range(image.height())]
        middle = (min(light) + max(light)) / 2
        shapes.append(tuple(value > middle for value in light))
    assert len(set(shapes)) == 3
