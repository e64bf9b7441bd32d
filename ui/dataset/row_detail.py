"""The detail view of one row: its conversation, its fields, its facts and its problems."""

import sqlite3

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core import checks
from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.row_edits import JsonEdit, RowEdit, SetColumn
from core.errors import FormatError
from core.generation import fact_links
from core.language import end_sentence, tr
from core.review import findings
from core.spec import facts
from core.spec.facts import STALE_RULE, Fact
from ui import style
from ui.dataset.conversation_editor import ConversationEditor
from ui.widgets import basics, context_menus
from ui.widgets.drop_down import ScrollSafeDropDown
from ui.widgets.severity_icon import severity_icon
from ui.widgets.text_fields import CommittedTextEdit
from ui.widgets.value_texts import select_value

TEXT_FIELDS = ("notes", "key_points")
LINE_FIELDS = ("facts", "tags")
BOX_FIELDS = ("split", "kind", "status")
DOUBT_RULES = ("ungrounded", "answers-contradict", "split-leakage", "near-duplicate")


class ProblemList(QListWidget):
    """The problems of a row; as high as its lines, hidden while empty. A click emits the problem's JSON path."""

    chosen = Signal(str)  # the JSON path of a problem

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Problems"))
        context_menus.offer(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet(style.BARE_LIST_SHEET)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setWordWrap(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)  # a narrower list has higher lines
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._on_item)
        self.itemActivated.connect(self._on_item)
        self.hide()

    def show_problems(self, problems: list[checks.Problem]) -> None:
        """List the problems of a row, each with its icon and colour."""
        self.clear()
        for problem in problems:
            item = QListWidgetItem(severity_icon(problem.severity), problem.message, self)
            item.setData(Qt.ItemDataRole.UserRole, problem.path)
            item.setForeground(style.colours(problem.severity)[0])
            rule = checks.RULES[problem.rule]
            item.setToolTip(
                basics.plain_tooltip(" – ".join(filter(None, [problem.path, rule.title(), rule.explanation()])))
            )
        self.setVisible(bool(problems))
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        # Not `sizeHintForRow`, which takes every line for one that has room.
        heights = sum(self.visualItemRect(self.item(row)).height() for row in range(self.count()))
        return QSize(super().sizeHint().width(), heights + style.SPACE // 3)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, min(self.sizeHint().height(), 6 * self.fontMetrics().lineSpacing()))

    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))


class RowFacts(QWidget):
    """The facts a row teaches, what changed in them since, and doubts about the row. Hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self._taught, self._changed, self._doubts = basics.Note(), basics.Note(), basics.Note()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.HAIR)
        for note in (self._taught, self._changed, self._doubts):
            layout.addWidget(note)

    def show_row(self, db: sqlite3.Connection, row: Example | None) -> None:
        """Show the facts of a row, what changed in them, and what was found about the row."""
        taught = facts.load_by_names(db, row.facts) if row else []
        found = findings.load_for_row(db, row.id) if row else {}
        guess = fact_links.get_guess(db, row.id) if row and taught else None
        words = [f"{fact.name}: {fact.text}" for fact in taught]
        if guess is not None:
            words.append(tr("Linked to this fact by a guess ({percent} sure).", percent=f"{guess:.0%}"))
        self._taught.show_text("\n".join([*words, *_passage(row, taught)]))
        stale = row is not None and STALE_RULE in row.problems.split()
        self._changed.show_text("\n".join(_change(fact) for fact in taught if stale and fact.was), "warning")
        self._doubts.show_text("\n".join(found[rule] for rule in DOUBT_RULES if rule in found), "warning")
        self.setVisible(any(note.text() for note in (self._taught, self._changed, self._doubts)))


def _passage(row: Example | None, taught: list[Fact]) -> list[str]:
    """The passage that the row is based on, if it is not one of its facts'."""
    if not row or not row.quote or any(row.quote in (fact.quote, fact.text) for fact in taught):
        return []
    return [tr("Based on: “{passage}”", passage=row.quote)]


def _change(fact: Fact) -> str:
    return tr("{name} was: “{before}”, and is now: “{after}”", name=fact.name, before=fact.was, after=fact.quote)


class RowDetail(QStackedWidget):
    """The editor of one row below the grid.

    Typed text is committed when a field loses the focus, another row is shown, or by `pending`.
    """

    edited = Signal(int, object)  # id, RowEdit: for `examples.edit`
    edit_json = Signal(int)  # the row's id

    def __init__(self) -> None:
        super().__init__()
        self._example = Example("")
        self._found: list[checks.Problem] = []
        self.conversation = ConversationEditor()
        self.conversation.changed.connect(self._on_conversation)
        self._make_fields()
        self.problem_list = ProblemList()
        self.problem_list.chosen.connect(self.conversation.focus)
        self._note = basics.Note()
        self._failed = basics.Note()
        self._json = QPushButton(tr("Edit as JSON…"))
        self._json.clicked.connect(self._on_json)
        self.addWidget(basics.EmptyState(tr("No row selected"), tr("Select one above to read and edit it.")))
        self.addWidget(self._build_page())
        self.show_example(None)

    def _make_fields(self) -> None:
        self.split = ScrollSafeDropDown(tr("Split"), examples.SPLITS)
        self.kind = ScrollSafeDropDown(tr("Kind"), ("", *examples.KINDS))
        self.status = ScrollSafeDropDown(tr("Status"), examples.STATUSES)
        self.taught = RowFacts()
        self.facts, self.tags = _build_line_edit(tr("Facts")), _build_line_edit(tr("Tags"))
        self.notes = CommittedTextEdit(tr("Notes"), most=6)
        self.key_points = CommittedTextEdit(tr("Key points"), least=2, most=6)
        basics.explain(
            self.key_points,
            tr("What an answer must contain: points separated by “;”, alternatives by “|”; “!” excludes a word."),
        )
        for name in BOX_FIELDS:
            box = getattr(self, name)
            box.activated.connect(lambda place, name=name, box=box: self._emit_column(name, box.itemData(place)))
        for name in LINE_FIELDS:
            getattr(self, name).editingFinished.connect(lambda name=name: self._on_line(name))
        for name in TEXT_FIELDS:
            getattr(self, name).committed.connect(lambda value, name=name: self._emit_column(name, value))

    def _build_page(self) -> QWidget:
        page = QWidget()
        layout = QHBoxLayout(page)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.conversation, 3)
        layout.addWidget(self._build_side(), 2)
        return page

    def _build_side(self) -> QWidget:
        form = QFormLayout()
        form.setVerticalSpacing(style.SPACE // 2)
        self._key_points_label = basics.label(tr("Key points"))
        for text, field in (
            (tr("Split"), self.split), (tr("Kind"), self.kind), (tr("Status"), self.status), (tr("Facts"), self.facts),
            (tr("Tags"), self.tags), (self._key_points_label, self.key_points), (tr("Notes"), self.notes),
        ):  # fmt: skip
            form.addRow(text, field)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, style.SPACE // 2, 0)
        column.addWidget(self._failed)
        column.addWidget(self.problem_list)
        column.addWidget(self.taught)
        column.addLayout(form)
        column.addWidget(self._note)
        column.addWidget(self._json, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch()
        side = QScrollArea(widgetResizable=True)
        side.setFrameShape(QFrame.Shape.NoFrame)
        side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        side.setWidget(inner)
        return side

    @property
    def question(self) -> CommittedTextEdit | None:
        """The field of the last question."""
        return self.conversation.field("user")

    @property
    def answer(self) -> CommittedTextEdit | None:
        """The field of the last answer."""
        return self.conversation.field("assistant")

    def show_example(self, example: Example | None) -> None:
        """Show a row; None empties the page. What was typed into another row is saved first."""
        anew = example is None or example.id != self._example.id
        if anew:
            self.commit()
            self._failed.show_text("")
        self._example = example or Example("")
        self.setCurrentIndex(0 if example is None else 1)
        self.setEnabled(example is not None)
        self._show(anew)

    def problems(self) -> list[str]:
        """The rules that the shown row violates."""
        return self._example.problems.split()

    def commit(self) -> None:
        """Emit the edits that are typed and not committed."""
        for id, edit in self.pending():
            self.edited.emit(id, edit)

    def pending(self) -> list[tuple[int, RowEdit]]:
        """The edits that are typed and not committed, with the row's id; this commits them."""
        if not self._example.id:
            return []
        edits: list[RowEdit] = list(self.conversation.pending())
        typed = [(name, getattr(self, name).take_changed_text()) for name in TEXT_FIELDS]
        typed += [(name, _take_typed_text(getattr(self, name))) for name in LINE_FIELDS]
        edits += [SetColumn(name, value) for name, value in typed if value not in (None, getattr(self._example, name))]
        for edit in edits:
            self._apply(edit)
        return [(self._example.id, edit) for edit in edits]

    def _show(self, anew: bool = False) -> None:
        example = self._example
        for name in (*LINE_FIELDS, *TEXT_FIELDS, *BOX_FIELDS):
            _fill(getattr(self, name), getattr(example, name), anew)
        for part in (self._key_points_label, self.key_points):
            part.setVisible(example.split == "test" or bool(example.key_points))
        self._found = checks.check_line(example.data.encode()).problems if example.data else []
        self.conversation.show_row(example.data, self._found, anew)
        known = {problem.rule for problem in self._found}
        # A problem that only the whole dataset shows (a duplicate row) has no place in the row.
        whole = [rule for rule in example.problems.split() if rule not in known and rule in checks.RULES]
        self.problem_list.show_problems(
            [*self._found, *(checks.problem(rule, "", checks.RULES[rule].title()) for rule in whole)]
        )
        place = tr("From {source}, line {line}", source=example.source, line=f"{example.line or 0:,}")
        self._note.show_text(place if example.line else example.source)

    def _on_conversation(self, edit: JsonEdit) -> None:
        """Apply an edit of the conversation to the shown row at once, so the next edit builds on it, and emit it."""
        self.commit()
        try:
            changed = self._apply(edit)
        except FormatError as error:
            self._failed.show_text(f"{end_sentence(error.title)} {error.message}", "error")
            self._show()
            return
        self._failed.show_text("")
        if changed:
            self._show()
            self.edited.emit(self._example.id, edit)

    def _apply(self, edit: RowEdit) -> bool:
        """Apply an edit to the shown row before it is written; returns whether that changed anything."""
        before, self._example = self._example, examples.preview_edit(self._example, edit)
        return self._example != before

    def _emit_column(self, column: str, value: str) -> None:
        edit = SetColumn(column, value)
        if self._example.id and self._apply(edit):
            self.edited.emit(self._example.id, edit)

    def _on_line(self, name: str) -> None:
        if (typed := _take_typed_text(getattr(self, name))) is not None:
            self._emit_column(name, typed)

    def _on_json(self) -> None:
        self.commit()
        self.edit_json.emit(self._example.id)


def _fill(field: QWidget, value: str, anew: bool) -> None:
    if isinstance(field, CommittedTextEdit):
        field.show_text(value)
    elif isinstance(field, QComboBox):
        select_value(field, value)
    elif isinstance(field, QLineEdit) and (anew or not field.isModified()) and value != field.text():
        field.setText(value)


def _take_typed_text(line: QLineEdit) -> str | None:
    """The text typed since the last commit; None when it has not changed."""
    typed = line.text() if line.isModified() else None
    line.setModified(False)
    return typed


def _build_line_edit(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    return line
