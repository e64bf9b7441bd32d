"""The filter bar above the grid: one text field for the whole filter, and drop-downs that write into it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.checks import RULES
from core.dataset import filters
from core.dataset.filters import Filter, Term
from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.flow_layout import FlowLayout
from ui.widgets.value_texts import value_text

TYPING_PAUSE_MS = 150  # milliseconds between the last key and the search
MAX_BOX_CHARACTERS = 30  # average ones, that a drop-down is wide at most
MAX_NUMBER = 10_000_000
COUNT_COLUMNS = {
    "split": "split",
    "kind": "kind",
    "status": "status",
    "rule": "problems",
    "tag": "tags",
    "fact": "facts",
}


class FilterBar(QWidget):
    """The line that filters the rows, and the boxes that write into it, folded at first. `changed` comes after a pause in typing."""

    changed = Signal()
    save_wanted = Signal(str)  # a name for the present filter
    forget_wanted = Signal(str)  # the name of a saved filter

    def __init__(self) -> None:
        super().__init__()
        self.saved_filters: dict[str, str] = {}
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._typing.timeout.connect(self.changed)
        self._make_line()
        self.boxes = {name: _build_box(title) for name, title in _box_titles().items()}
        for name, box in self.boxes.items():
            box.activated.connect(lambda _index, name=name: self._on_choice(name))
        self.least, self.most = _number(tr("from")), _number(tr("to"))
        self.least.textEdited.connect(lambda text: self._rewrite(min_length=int(text) if text else None))
        self.most.textEdited.connect(lambda text: self._rewrite(max_length=int(text) if text else None))
        self._lay_out()
        self.show_counts({})
        self._follow()

    def _make_line(self) -> None:
        self.line = QLineEdit(placeholderText=tr("Search questions and answers"), clearButtonEnabled=True)
        self.line.setAccessibleName(tr("Search questions and answers"))
        self.line.setToolTip(
            tr("Also: split:test  status:draft  tag:study  -tag:old  fact:f03  length:>500  /regular expression/")
        )
        self.line.textChanged.connect(self._on_text)
        self.regex = basics.tool_button(".*", tr("Search with a regular expression"))
        self.regex.setCheckable(True)
        self.regex.setToolTip(tr("Search with a regular expression"))
        self.regex.toggled.connect(lambda _on: self._on_text(self.line.text()))
        self.more = basics.disclosure_button(tr("Filters"))
        self.more.setObjectName("filters")
        self.saved = QPushButton(tr("Saved filters"))
        self.saved.setMenu(QMenu(self.saved))
        self.saved.menu().aboutToShow.connect(self._fill_menu)
        self.clear_button = QPushButton(tr("Clear"))
        self.clear_button.setToolTip(tr("Show all rows"))
        self.clear_button.clicked.connect(self.clear)
        self.error_note = basics.Note()

    def _lay_out(self) -> None:
        self.top = QHBoxLayout()  # the tab puts its buttons at the end of it
        self.top.setSpacing(style.SPACE // 2)
        for widget in (self.line, self.regex, self.more):
            self.top.addWidget(widget, 1 if widget is self.line else 0)
        choices = QWidget()
        lists = FlowLayout(choices, gap=style.SPACE // 2)
        length = basics.label(tr("Length"), dim=True)
        for part in self.choices():
            if part is self.least:
                lists.addWidget(length)
            lists.addWidget(part)
        choices.hide()
        self.more.toggled.connect(choices.setVisible)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(self.top)
        layout.addWidget(choices)
        layout.addWidget(self.error_note)

    def choices(self) -> list[QWidget]:
        """What is folded at first, in the order of the tab key."""
        return [*self.boxes.values(), self.least, self.most, self.saved, self.clear_button]

    def filter(self) -> Filter:
        """The current filter."""
        typed = filters.parse(self.line.text())
        return replace(typed, regex=typed.regex or self.regex.isChecked()) if typed.text else typed

    def words(self) -> str:
        """The filter in the words that can be typed into the line."""
        return filters.format_filter(self.filter())

    def is_empty(self) -> bool:
        """Whether all rows are shown."""
        return self.filter() == Filter()

    def choose(self, words: str) -> None:
        """Set the filter to `words`, such as 'fact:f03' or 'rule:*', and search at once."""
        with QSignalBlocker(self.regex):
            self.regex.setChecked(False)
        self._set_line_text(words)

    def narrow(self, terms: Sequence[Term]) -> None:
        """Add conditions to the filter, and search at once."""
        self._set_line_text(filters.format_filter(filters.narrow(self.filter(), terms)))

    def search_text(self, text: str) -> None:
        """Search for `text` among the rows that the other conditions leave."""
        self.choose(filters.format_filter(replace(self.filter(), text=text, regex=False)))

    def clear(self) -> None:
        """Show all rows."""
        self.choose("")

    def forget(self) -> None:
        """Clear the filter without emitting `changed`: another project was opened."""
        with QSignalBlocker(self):
            self.clear()
            self.show_counts({})
            self.show_saved({})

    def show_counts(self, counts: dict[str, dict[str, int]]) -> None:
        """Offer the values of each column (split, problems, tags, …) with their numbers of rows."""
        every = {
            "split": tr("All splits"), "kind": tr("All kinds"), "status": tr("Any status"),
            "rule": tr("All checks"), "tag": tr("All tags"), "fact": tr("All facts"),
        }  # fmt: skip
        wanted = self.filter()
        for name, box in self.boxes.items():
            found = dict(counts.get(COUNT_COLUMNS[name], {}))
            if (chosen := getattr(wanted, name)) not in ("", "*"):
                found.setdefault(chosen, 0)  # no row has it any more, and it is still what is looked for
            titles = _value_titles(name, found)
            any = tr("With problems") if name == "rule" and found else ""
            _fill(box, every[name], found, titles, any)
        self._follow()

    def show_saved(self, saved: dict[str, str]) -> None:
        """Offer the saved filters, name -> words."""
        self.saved_filters = saved

    def _on_text(self, _text: str) -> None:
        self._follow()
        if self._show_pattern_error():
            self._typing.stop()
        else:
            self._typing.start()

    def _show_pattern_error(self) -> bool:
        """Show why the text is not a valid regular expression; it may be half typed, so nothing is searched."""
        typed, reason = self.filter(), ""
        if typed.regex:
            try:
                re.compile(typed.text)
            except re.error as error:
                reason = tr("This is not a regular expression yet: {reason}.", reason=error)
        self.error_note.show_text(reason, "warning")
        return bool(reason)

    def _on_choice(self, name: str) -> None:
        self._rewrite(**{name: self.boxes[name].currentData()})

    def _rewrite(self, **fields: Any) -> None:
        self._set_line_text(filters.format_filter(replace(self.filter(), **fields)))

    def _set_line_text(self, words: str) -> None:
        self.line.setText(words)  # its signals go out: by them its button for clearing comes and goes
        self._follow()
        self._typing.stop()
        if not self._show_pattern_error():
            self.changed.emit()

    def _follow(self) -> None:
        """Set the drop-downs to what the text says."""
        wanted = self.filter()
        for name, box in self.boxes.items():
            box.setCurrentIndex(max(0, box.findData(getattr(wanted, name))))
            box.setProperty("chosen", box.currentIndex() > 0)
        for field, number in ((self.least, wanted.min_length), (self.most, wanted.max_length)):
            if not field.hasFocus():
                field.setText("" if number is None else str(number))
        self.clear_button.setEnabled(not self.is_empty())
        chosen = sum(box.currentIndex() > 0 for box in self.boxes.values())
        chosen += sum(number is not None for number in (wanted.min_length, wanted.max_length))
        self.more.setText(tr("Filters ({n})", n=chosen) if chosen else tr("Filters"))

    def _fill_menu(self) -> None:
        menu = self.saved.menu()
        menu.clear()
        for name, words in self.saved_filters.items():
            action = menu.addAction(name.replace("&", "&&"))
            action.setToolTip(basics.plain_tooltip(words))
            action.triggered.connect(lambda _checked=False, words=words: self.choose(words))
        if self.saved_filters:
            menu.addSeparator()
        keep = menu.addAction(tr("Save this filter…"))
        keep.setEnabled(not self.is_empty())
        keep.triggered.connect(self._on_save)
        if self.saved_filters:
            delete_menu = menu.addMenu(tr("Delete"))
            for name in self.saved_filters:
                action = delete_menu.addAction(name.replace("&", "&&"))
                action.triggered.connect(lambda _checked=False, name=name: self.forget_wanted.emit(name))

    def _on_save(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(tr("Save this filter"))
        dialog.setLabelText(tr("Name"))
        dialog.setTextValue(self.words())
        dialog.textValueSelected.connect(self._on_name)
        dialog.open()

    def _on_name(self, name: str) -> None:
        if name.strip():
            self.save_wanted.emit(name.strip())


def _box_titles() -> dict[str, str]:
    return {
        "split": tr("Split"), "kind": tr("Kind"), "status": tr("Status"), "rule": tr("Problems"), "tag": tr("Tag"),
        "fact": tr("Fact"),
    }  # fmt: skip


def _value_titles(name: str, found: Iterable[str]) -> dict[str, str]:
    """The screen texts of a column's values."""
    if name == "rule":
        return {rule: RULES[rule].title() for rule in found if rule in RULES}
    return {value: value_text(value) for value in found} if name in ("split", "kind", "status") else {}


def _build_box(name: str) -> QComboBox:
    box = DropDown()
    box.setAccessibleName(name)
    # They shrink in a narrow window; what they offer is shown whole in their lists.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMinimumContentsLength(8)
    box.setMaximumWidth(MAX_BOX_CHARACTERS * box.fontMetrics().averageCharWidth())
    return box


def _number(placeholder: str) -> QLineEdit:
    field = QLineEdit(placeholderText=placeholder)
    field.setAccessibleName(f"{tr('Length')}: {placeholder}")
    field.setToolTip(tr("Characters in question and answer together"))
    field.setValidator(QIntValidator(0, MAX_NUMBER, field))
    field.setFixedWidth(max(style.scaled(62), field.fontMetrics().horizontalAdvance(placeholder) + 3 * style.SPACE))
    return field


def _fill(box: QComboBox, everything: str, counts: dict[str, int], titles: dict[str, str], any: str) -> None:
    """Fill a drop-down with "all", any ('*'), and each value with its count."""
    offered = [(everything, ""), *([(any, "*")] if any else [])]
    offered += [(f"{titles.get(name, name)} ({count:,})", name) for name, count in counts.items()]
    if [(box.itemText(index), box.itemData(index)) for index in range(box.count())] == offered:
        return  # a list that is open stays open
    box.clear()
    for text, name in offered:
        box.addItem(text, name)
