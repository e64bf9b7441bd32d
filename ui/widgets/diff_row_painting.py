"""One row of two texts side by side: its layout, its marks and its painting."""

import re
from dataclasses import dataclass
from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPalette, QTextCharFormat, QTextLayout, QTextOption

from core.text import diff
from core.text.diff import LinePair
from ui import style
from ui.widgets.text_highlights import Span, find_changes, on_one_line, to_utf16_spans

ROW_PADDING = 3  # pixels above and below a text
SIDE_MARGIN = 8  # pixels left and right of it
DIFF_SIGNS = {"error": "−", "good": "+"}
MAX_SHOWN_CHARACTERS = 10_000  # characters of a line that are shown
MAX_WORD_DIFF_CHARACTERS = (
    300  # characters whose words are compared at once; of longer lines the clauses first, to be quick
)
# Shown as a replacement character: they end lines, change the text direction, or are not characters.
_CLAUSE_PATTERN = re.compile(r"[^.,;:!?。、，．；：！？]*+[.,;:!?。、，．；：！？]*+\s?")
_INVISIBLE_CHARACTERS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
REPLACEMENT_CHARACTER = "\ufffd"

RowMarks = tuple[tuple[str, list[Span]], tuple[str, list[Span]]]  # text and marks of the old side, and of the new one


@dataclass(frozen=True, slots=True)
class DiffColumns:
    """The geometry in pixels: the width of one side, of its line numbers, and of the gap between the sides."""

    side: float
    gutter: float
    between: float

    @property
    def text(self) -> float:
        return max(40.0, self.side - self.gutter - 2 * SIDE_MARGIN)

    def left_edge(self, place: int) -> float:
        """The distance of column `place` from the left, in pixels."""
        return place * (self.side + self.between)


@dataclass(frozen=True, slots=True)
class RowLayout:
    """The text layouts of one row, and its height in pixels."""

    old: QTextLayout | None
    new: QTextLayout | None
    height: float


def find_marks(row: LinePair) -> RowMarks:
    """The shown text of both sides of a row, and the spans that changed."""
    old, new = _replace_invisible(row.old), _replace_invisible(row.new)
    removed: list[Span] = []
    added: list[Span] = []
    first = 0
    if row.hunk is not None and row.old is not None and row.new is not None and diff.are_similar(old, new):
        removed, added = _find_changes(old, new)
        first = diff.count_common_prefix(old, new)
    return _shorten(old, removed, first), _shorten(new, added, first)


def _find_changes(old: str, new: str) -> tuple[list[Span], list[Span]]:
    if max(len(old), len(new)) <= MAX_WORD_DIFF_CHARACTERS:
        return find_changes(old, new)
    clauses, others = _split_clauses(old), _split_clauses(new)
    starts, other_starts = ([0, *accumulate(map(len, side))] for side in (clauses, others))
    removed: list[Span] = []
    added: list[Span] = []
    for hunk in diff.find_hunks("\n".join(clauses), "\n".join(others)):
        start, other = starts[hunk.start], other_starts[hunk.new_start]
        one, two = old[start : starts[hunk.end]], new[other : other_starts[hunk.new_end]]
        is_short = max(len(one), len(two)) <= MAX_WORD_DIFF_CHARACTERS
        spans, more = find_changes(one, two) if is_short else ([(0, len(one))], [(0, len(two))])
        removed += ((a + start, b + start) for a, b in spans)
        added += ((a + other, b + other) for a, b in more)
    return removed, added


def _split_clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSE_PATTERN.findall(text) if clause]


def _replace_invisible(text: str | None) -> str:
    return _INVISIBLE_CHARACTERS.sub(REPLACEMENT_CHARACTER, text or "")


def _shorten(text: str, spans: list[Span], first: int) -> tuple[str, list[Span]]:
    return (text, spans) if len(text) <= MAX_SHOWN_CHARACTERS else on_one_line(text, spans, first, MAX_SHOWN_CHARACTERS)


def lay_out(row: LinePair, shown: RowMarks, columns: DiffColumns, font: QFont, least: float) -> RowLayout:
    """The row for these columns; `least` is the height of one line."""
    old = None if row.old is None else _layout(*shown[0], "error", font, columns.text)
    new = None if row.new is None else _layout(*shown[1], "good", font, columns.text)
    heights = [layout.boundingRect().height() for layout in (old, new) if layout]
    return RowLayout(old, new, max(least, *heights) + 2 * ROW_PADDING)


def _layout(text: str, spans: list[Span], meaning: str, font: QFont, width: float) -> QTextLayout:
    layout = QTextLayout(text, font)
    choice = QTextOption()
    choice.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(choice)
    layout.setFormats([_range(*span, meaning) for span in to_utf16_spans(text, spans)])
    layout.beginLayout()
    height = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, height))
        height += line.height()
    layout.endLayout()
    return layout


def _range(start: int, end: int, meaning: str) -> QTextLayout.FormatRange:
    found = QTextLayout.FormatRange()
    found.start, found.length, found.format = start, end - start, QTextCharFormat()
    found.format.setForeground(style.colours(meaning)[0])
    found.format.setBackground(background_colours(meaning)[1])
    found.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)  # seen also without its colour
    return found


def background_colours(meaning: str) -> tuple[QColor, QColor]:
    """The background of a line that changed, and of the words in it that did."""
    text, background = style.colours(meaning)
    return background, style.mix_colours(background, text, 0.24)


def paint(
    painter: QPainter, row: LinePair, laid: RowLayout, top: float, columns: DiffColumns, palette: QPalette
) -> None:
    """Paint both sides of a row, its line numbers and plus and minus signs, from `top` down."""
    sides = ((row.old_number, laid.old, "error"), (row.new_number, laid.new, "good"))
    for place, (number, layout, meaning) in enumerate(sides):
        room = QRectF(columns.left_edge(place), top, columns.side, laid.height)
        if layout is None:
            painter.fillRect(room, palette.color(QPalette.ColorRole.AlternateBase))
            painter.fillRect(room, _hatch_brush(palette))
            continue
        if row.hunk is not None:
            painter.fillRect(room, background_colours(meaning)[0])
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        height = layout.lineAt(0).height() if layout.lineCount() else laid.height
        edge = QRectF(room.left(), top + ROW_PADDING, columns.gutter, height)
        sign = painter.fontMetrics().horizontalAdvance("+") + 6
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(edge.adjusted(0, 0, -sign, 0), right, str(number))
        if row.hunk is not None:
            painter.setPen(style.colours(meaning)[0])
            painter.drawText(edge, right, DIFF_SIGNS[meaning])
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        layout.draw(painter, QPointF(room.left() + columns.gutter + SIDE_MARGIN, top + ROW_PADDING))


def _hatch_brush(palette: QPalette) -> QBrush:
    colour = QColor(palette.color(QPalette.ColorRole.Mid))
    colour.setAlpha(110)
    return QBrush(colour, Qt.BrushStyle.BDiagPattern)
