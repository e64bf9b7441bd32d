"""Finds and highlights the differences between two texts, in table cells and in text fields."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QPalette, QTextCharFormat, QTextCursor, QTextLayout, QTextOption
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTextEdit

from core.checks.rule_registry import is_printable
from core.text.diff import count_common_prefix
from ui import style

Span = tuple[int, int]  # start and end, in characters of the text
Index = QModelIndex | QPersistentModelIndex

MARKS_ROLE = Qt.ItemDataRole.UserRole + 1  # a cell's spans
MARK_MEANING = Qt.ItemDataRole.UserRole + 2  # the colour of its marks: 'error' for what goes, 'good' for what comes
# Japanese is written without spaces, so each character is a word of its own.
WORD_PATTERN = re.compile(r"(?:(?![\u3040-\u30ff\u3400-\u9fff\uff00-\uffef])\w)+|\s+|.", re.DOTALL)
MAX_DIFF_WORDS = (
    2000  # words; beyond it, comparing them takes longer than anyone waits, and what differs is marked as one
)
LEAD_CHARACTERS = 24  # characters that are shown before the first mark of a long text
LINE_BREAK = "↵"


def find_changes(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """The spans removed from `before` and the spans added in `after`, in characters."""
    start = count_common_prefix(before, after)
    end = count_common_prefix(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    removed, added = [], []
    for first, second in _diff_words(old, new):
        removed.append((first[0] + start, first[1] + start))
        added.append((second[0] + start, second[1] + start))
    return _drop_empty(removed), _drop_empty(added)


def _diff_words(old: str, new: str) -> Iterator[tuple[Span, Span]]:
    words, others = WORD_PATTERN.findall(old), WORD_PATTERN.findall(new)
    if len(words) > MAX_DIFF_WORDS or len(others) > MAX_DIFF_WORDS:
        yield (0, len(old)), (0, len(new))
        return
    starts, other_starts = _word_starts(words), _word_starts(others)
    for what, a, b, c, d in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if what != "equal":
            yield _trim_common(old, new, (starts[a], starts[b]), (other_starts[c], other_starts[d]))


def _word_starts(words: list[str]) -> list[int]:
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found


def _trim_common(old: str, new: str, span: Span, other: Span) -> tuple[Span, Span]:
    """Both spans without the common first and last characters."""
    word, changed = old[slice(*span)], new[slice(*other)]
    start = count_common_prefix(word, changed)
    end = count_common_prefix(word[start:][::-1], changed[start:][::-1])
    return (span[0] + start, span[1] - end), (other[0] + start, other[1] - end)


def _drop_empty(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span[0] < span[1]]


def on_one_line(text: str, spans: Sequence[Span], first: int = 0, width: int = 400) -> tuple[str, list[Span]]:
    """`text` as one line of at most `width` characters that starts shortly before `first`, with the moved spans."""
    cut = first - LEAD_CHARACTERS if first > 2 * LEAD_CHARACTERS else 0
    shown = "".join(_visible_character(letter) for letter in text[cut : cut + width])
    lead = "…" if cut else ""
    moved = [(max(0, a - cut) + len(lead), min(b - cut, width) + len(lead)) for a, b in spans]
    return lead + shown + ("…" if cut + width < len(text) else ""), _drop_empty(moved)


def on_two_lines(before: str, after: str) -> tuple[tuple[str, list[Span]], tuple[str, list[Span]]]:
    """Both texts as lines that start shortly before their first difference, with their spans."""
    removed, added = find_changes(before, after)
    first = count_common_prefix(before, after)
    return on_one_line(before, removed, first), on_one_line(after, added, first)


def _visible_character(letter: str) -> str:
    return LINE_BREAK if letter == "\n" else letter if is_printable(letter) else " "


def to_utf16_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans in UTF-16 units, as Qt counts."""
    return [(utf16_length(text[:a]), utf16_length(text[:b])) for a, b in spans]


def utf16_length(text: str) -> int:
    """The length in UTF-16 units, as Qt counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class MarkDelegate(QStyledItemDelegate):
    """Paints a cell's text with its `MARKS_ROLE` in the colours of its `MARK_MEANING`, as plain text."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        spans: list[Span] = index.data(MARKS_ROLE) or []
        if not spans:
            super().paint(painter, option, index)
            return
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        look = option.widget.style() if option.widget else QApplication.style()
        look.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        margin = look.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, option.widget) + 1
        self._paint_text(painter, option, text, spans, index.data(MARK_MEANING), margin)

    def _paint_text(
        self, painter: QPainter, option: QStyleOptionViewItem, text: str, spans: list[Span], meaning: str, margin: int
    ) -> None:
        room: QRect = option.rect.adjusted(margin, 0, -margin, 0)
        shown = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        formats = [_range(*span, meaning) for span in to_utf16_spans(text, spans) if span[0] < utf16_length(shown)]
        layout = _build_layout(shown, option, formats)
        role = QPalette.ColorRole.HighlightedText if _is_selected(option) else QPalette.ColorRole.Text
        painter.save()
        painter.setClipRect(room)
        painter.setPen(option.palette.color(role))
        top = room.top() + (room.height() - layout.boundingRect().height()) / 2
        layout.draw(painter, QPointF(room.left(), top))
        painter.restore()


def _is_selected(option: QStyleOptionViewItem) -> bool:
    return bool(option.state & QStyle.StateFlag.State_Selected)


def _build_layout(text: str, option: QStyleOptionViewItem, formats: list[QTextLayout.FormatRange]) -> QTextLayout:
    layout = QTextLayout(text, option.font)
    layout.setFormats(formats)  # before the line is made: afterwards they would undo it
    choice = QTextOption()
    choice.setWrapMode(QTextOption.WrapMode.NoWrap)
    layout.setTextOption(choice)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return layout


def _range(start: int, end: int, meaning: str) -> QTextLayout.FormatRange:
    found = QTextLayout.FormatRange()
    found.start, found.length, found.format = start, end - start, _format(meaning)
    return found


def _format(meaning: str) -> QTextCharFormat:
    text, background = style.colours(meaning)
    found = QTextCharFormat()
    found.setForeground(text)
    found.setBackground(background)
    found.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)  # seen also without its colour
    found.setUnderlineColor(text)
    return found


def highlight_spans(editor: QPlainTextEdit, spans: Sequence[Span], meaning: str) -> None:
    """Mark `spans` of the editor's text."""
    selections = []
    for start, end in to_utf16_spans(editor.toPlainText(), spans):
        selection = QTextEdit.ExtraSelection()
        selection.format = _format(meaning)
        selection.cursor = QTextCursor(editor.document())
        selection.cursor.setPosition(start)
        selection.cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        selections.append(selection)
    editor.setExtraSelections(selections)
