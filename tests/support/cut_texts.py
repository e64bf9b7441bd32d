"""Which of the program's own texts are cut off in a window, as it is laid out now."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from babel.messages.pofile import read_po
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QRadioButton,
    QStyle,
    QStyleOptionButton,
    QTabBar,
    QTableView,
    QTextEdit,
    QToolButton,
    QWidget,
)

from core.paths import RESOURCES
from ui import style
from ui.widgets import screen_fit

TOLERANCE = 2  # pixels, of rounding
MAX_ROWS = 20  # rows of a view that are looked at
LEAST_LITERAL = 6  # letters of its own that a text with placeholders needs, to be told from data


def cut_texts(shown: Iterator[QWidget], speech: str) -> list[str]:
    """Each text that gets less room than it needs: where, what, and how many pixels it lacks."""
    found = []
    for widget in shown:
        for text, lack in _lacking(widget):
            if lack > TOLERANCE and is_own(text, speech, is_cell=isinstance(widget, QAbstractItemView)):
                found.append(f"{type(widget).__name__}: {text[:60]!r} lacks {lack} px")
    return found


def faults_of_view(root: QWidget, window: QWidget, room: tuple[int, int], speech: str) -> list[str]:
    """What is cut or out of sight in a tab of `window`, or in a dialog on a screen with this room."""
    found, top = list[str](), root.window()
    if top is not window:
        screen_fit.make_room_for(top, QSize(*room))
        found.extend(_hidden_buttons(top))
    return [*found, *cut_texts((one for one in root.findChildren(QWidget) if one.isVisible()), speech)]


def _hidden_buttons(dialog: QWidget) -> Iterator[str]:
    """The buttons at the end of a dialog that lie outside of it."""
    boxes = [box for box in dialog.findChildren(QDialogButtonBox) if box.isVisible()]
    for button in (button for box in boxes for button in box.findChildren(QPushButton) if button.isVisible()):
        place = button.mapTo(dialog, button.rect().bottomRight())
        if not dialog.rect().contains(place):
            yield f"the button {button.text()!r} is out of sight"


def _lacking(widget: QWidget) -> Iterator[tuple[str, int]]:
    for kind, check in CHECKS:
        if isinstance(widget, kind):
            yield from check(widget)
            return


def _label(label: QLabel) -> Iterator[tuple[str, int]]:
    if not label.text() or not label.pixmap().isNull():
        return
    room = label.contentsRect()
    if label.wordWrap():
        yield label.text(), label.heightForWidth(label.width()) - label.height()
        longest = max(re.split(r"\s+", label.text()), key=len) if label.text().isascii() else ""
        yield longest and label.text(), label.fontMetrics().horizontalAdvance(longest) - room.width()
    else:
        lines = label.text().replace("&", "").splitlines() if label.buddy() else label.text().splitlines()
        yield (
            label.text(),
            max((label.fontMetrics().horizontalAdvance(line) for line in lines), default=0) - room.width(),
        )
        yield label.text(), label.fontMetrics().height() - label.height()


def _button(button: QAbstractButton) -> Iterator[tuple[str, int]]:
    if not button.text():
        return
    text = re.sub("&(.)", r"\1", button.text())
    need = max(button.fontMetrics().horizontalAdvance(line) for line in text.splitlines())
    if isinstance(button, QCheckBox | QRadioButton):
        option = QStyleOptionButton()
        button.initStyleOption(option)
        part = (
            QStyle.SubElement.SE_CheckBoxContents
            if isinstance(button, QCheckBox)
            else QStyle.SubElement.SE_RadioButtonContents
        )
        room = button.style().subElementRect(part, option, button).width()
        yield text, need - room
        yield text, button.fontMetrics().height() * (1 + text.count("\n")) - button.height()
        return
    if isinstance(button, QPushButton):
        option = QStyleOptionButton()
        button.initStyleOption(option)
        room = button.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, button).width()
        if not button.icon().isNull():
            room -= button.iconSize().width() + 4
        yield text, need - room
    else:
        yield text, min(button.sizeHint().width(), need + 24) - button.width()
    yield text, button.fontMetrics().height() - button.height()


def _tab_bar(bar: QTabBar) -> Iterator[tuple[str, int]]:
    for number in range(bar.count()):
        place = bar.tabRect(number)
        yield bar.tabText(number), bar.tabSizeHint(number).width() - place.width()
    if bar.count():
        yield bar.tabText(bar.count() - 1), bar.tabRect(bar.count() - 1).right() - bar.width()


def _box(box: QComboBox) -> Iterator[tuple[str, int]]:
    from PySide6.QtWidgets import QStyleOptionComboBox

    option = QStyleOptionComboBox()
    QComboBox.initStyleOption(box, option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box).width()
    if not option.currentIcon.isNull():
        room -= option.iconSize.width() + 4
    for place in range(box.count()):  # each may be chosen
        yield box.itemText(place), box.fontMetrics().horizontalAdvance(box.itemText(place)) - room
    yield box.currentText(), box.fontMetrics().height() - box.height()


def _header(header: QHeaderView) -> Iterator[tuple[str, int]]:
    if header.orientation() != Qt.Orientation.Horizontal or header.model() is None:
        return
    for section in range(header.count()):
        if not header.isSectionHidden(section):
            text = header.model().headerData(section, Qt.Orientation.Horizontal)
            if isinstance(text, str) and text:
                need: QSize = header.sectionSizeFromContents(section)
                yield text, need.width() - header.sectionSize(section)
                yield text, need.height() - header.height()


def _field(field: QLineEdit) -> Iterator[tuple[str, int]]:
    if field.placeholderText() and not field.text():
        room = field.contentsRect().width() - 2 * 7
        yield field.placeholderText(), field.fontMetrics().horizontalAdvance(field.placeholderText()) - room
    yield field.placeholderText() or "x", field.fontMetrics().height() - field.height()


def _view(view: QAbstractItemView) -> Iterator[tuple[str, int]]:
    """Entries of lists, trees and tables, where the program wrote them."""
    model, header = view.model(), getattr(view, "horizontalHeader", lambda: None)()
    if model is None:
        return
    for row in range(min(model.rowCount(), MAX_ROWS)):
        for column in range(1 if isinstance(view, QListView) else model.columnCount()):
            place = model.index(row, column)
            room = view.visualRect(place).width()
            text = place.data()
            if isinstance(text, str) and text and room > 0 and (header is None or not header.isSectionHidden(column)):
                icon = place.data(Qt.ItemDataRole.DecorationRole)
                beside = (
                    6
                    + 2 * style.CELL_PADDING * isinstance(view, QTableView)
                    + (view.iconSize().width() + 4 if icon is not None else 0)
                )
                if header is None:
                    room = min(room, view.viewport().width() - view.visualRect(place).x())
                lines = text.splitlines() if not getattr(view, "wordWrap", lambda: False)() else []
                need = max((view.fontMetrics().horizontalAdvance(line) for line in lines), default=0)
                yield text, need + beside - room


def _nothing(_widget: QWidget) -> Iterator[tuple[str, int]]:
    return iter(())


CHECKS: tuple[tuple[type[QWidget], Callable[..., Iterator[tuple[str, int]]]], ...] = (
    (QLabel, _label), (QAbstractButton, _button), (QTabBar, _tab_bar), (QComboBox, _box), (QHeaderView, _header),
    (QLineEdit, _field), (QAbstractItemView, _view), (QGroupBox, _nothing), (QTextEdit, _nothing), (QToolButton, _button),
)  # fmt: skip


@cache
def _patterns(speech: str) -> tuple[set[str], list[re.Pattern[str]]]:
    """The texts of the program in a language: those without placeholders, and patterns of those with."""
    with (RESOURCES / "translations" / "ja" / "LC_MESSAGES" / "juku.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    texts: list[str] = []
    for message in messages:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        texts += ids if speech == "en" else [*strings, *(ids if not all(strings) else ())]
    plain = {_plain(text) for text in texts if "{" not in text}
    least = LEAST_LITERAL if speech == "en" else LEAST_LITERAL // 2
    patterns = [
        re.compile(re.sub(r"\\\{\w+\\\}", ".+?", re.escape(_plain(text))), re.DOTALL)
        for text in texts
        if "{" in text and len(re.sub(r"\{\w+\}|\W", "", text)) >= least
    ]
    return plain, patterns


def _plain(text: str) -> str:
    return re.sub(r"&(.)", r"\1", re.sub(r"\(&\w\)", "", text)).strip()


def is_own(text: str, speech: str, is_cell: bool = False) -> bool:
    """Whether the program wrote a text, and not a person or a model; in a cell only a text without placeholders."""
    plain, patterns = _patterns(speech)
    wanted = _plain(text).lstrip("✓▸▾ 0123456789")
    return bool(wanted) and (
        wanted in plain or (not is_cell and any(pattern.fullmatch(wanted) for pattern in patterns))
    )
