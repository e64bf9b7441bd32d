"""Find and replace in many rows, with a preview of every change."""

from array import array
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.checks.rule_registry import clip
from core.dataset import bulk_edits, examples
from core.dataset.bulk_edits import Replacement
from core.dataset.filters import Choice, Filter
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.text_highlights import MARK_MEANING, MARKS_ROLE, MarkDelegate, Span, on_two_lines
from ui.workspace import Workspace

TYPING_PAUSE_MS = 250  # milliseconds between the last key and the search
MAX_CHANGES_SHOWN = 1000  # changes in the preview; all of them are made
Index = QModelIndex | QPersistentModelIndex
ROOT_INDEX = QModelIndex()
ROW_COLUMN, FIELD_COLUMN, BEFORE_COLUMN, AFTER_COLUMN = range(4)
MAX_TOOLTIP_CHARACTERS = 2000  # characters of a text that a tool tip shows


class ReplaceModel(QAbstractTableModel):
    """The replacements to make, as a Qt model.

    `left_out` are the ids of the rows without a tick; a row has one tick for all its fields.
    """

    ticked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changes: Sequence[Replacement] = ()
        self._marked: dict[int, tuple[tuple[str, list[Span]], tuple[str, list[Span]]]] = {}
        self.left_out: set[int] = set()

    def show_changes(self, changes: Sequence[Replacement]) -> None:
        """Show these changes."""
        self.beginResetModel()
        self._changes, self._marked = changes, {}
        self.endResetModel()

    def change(self, row: int) -> Replacement:
        """The change in line `row`."""
        return self._changes[row]

    def rowCount(self, parent: Index = ROOT_INDEX) -> int:
        return 0 if parent.isValid() else len(self._changes)

    def columnCount(self, parent: Index = ROOT_INDEX) -> int:
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Row"), tr("Field"), tr("Before"), tr("After"))[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        ticks = Qt.ItemFlag.ItemIsUserCheckable if index.column() == ROW_COLUMN else Qt.ItemFlag.NoItemFlags
        return super().flags(index) | ticks

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        change = self._changes[index.row()]
        if index.column() in (BEFORE_COLUMN, AFTER_COLUMN):
            return self._cell_text(index.row(), index.column(), role)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == ROW_COLUMN:
            return Qt.CheckState.Unchecked if change.id in self.left_out else Qt.CheckState.Checked
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{change.id:,}" if index.column() == ROW_COLUMN else field_names().get(change.field, change.field)
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.set_ticked(self._changes[index.row()].id, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def set_ticked(self, id: int, wanted: bool) -> None:
        """Include a row in the replacement, or leave it out."""
        (self.left_out.discard if wanted else self.left_out.add)(id)
        last = self.index(self.rowCount() - 1, ROW_COLUMN)
        self.dataChanged.emit(self.index(0, ROW_COLUMN), last, [Qt.ItemDataRole.CheckStateRole])
        self.ticked.emit()

    def _cell_text(self, row: int, column: int, role: int) -> object:
        """The cell's text with marks; differences are computed only for visible lines."""
        change = self._changes[row]
        if role == MARK_MEANING:
            return "error" if column == BEFORE_COLUMN else "good"
        if role == Qt.ItemDataRole.ToolTipRole:
            return basics.plain_tooltip(
                (change.before if column == BEFORE_COLUMN else change.after)[:MAX_TOOLTIP_CHARACTERS]
            )
        if role not in (Qt.ItemDataRole.DisplayRole, MARKS_ROLE):
            return None
        if row not in self._marked:
            self._marked[row] = on_two_lines(change.before, change.after)
        text, spans = self._marked[row][column - BEFORE_COLUMN]
        return text if role == Qt.ItemDataRole.DisplayRole else spans


def field_names() -> dict[str, str]:
    """The screen texts of the fields that can be searched."""
    return {
        "question": tr("Question"),
        "answer": tr("Answer"),
        "system": tr("System prompt"),
        "tags": tr("Tags"),
        "notes": tr("Notes"),
        "key_points": tr("Key points"),
    }


class ReplaceDialog(QDialog):
    """Searches and replaces text in rows, after a preview.

    Not modal: `show_choice` updates the rows chosen in the grid.
    """

    def __init__(self, workspace: Workspace, choice: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._preview = bulk_edits.ReplacePreview([], 0)
        self._pattern: bulk_edits.ReplacePattern | None = None
        self._ids: Sequence[int] = array("q")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Find and replace"))
        self.resize(style.scaled(960), style.scaled(620))
        self._work = LatestTask(workspace, self)
        self._is_writing = False
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._refreshing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._make_fields()
        self._make_preview()
        self._lay_out()
        self._connect()
        self.show_choice(choice)
        self.pattern_field.setFocus()

    def _make_fields(self) -> None:
        self.pattern_field = QLineEdit(clearButtonEnabled=True)
        self.replacement = QLineEdit(clearButtonEnabled=True)
        self.pattern_field.setAccessibleName(tr("Find"))
        self.replacement.setAccessibleName(tr("Replace with"))
        self.regex = QCheckBox(tr("Regular &expression"))
        basics.explain(self.regex, tr("For example (\\d+) yen finds any number; \\1 in the replacement stands for it."))
        self.match_case = QCheckBox(tr("Match &case"))
        self.fields = {field: QCheckBox(name) for field, name in field_names().items()}
        for field in ("question", "answer"):
            self.fields[field].setChecked(True)
        self.scope = DropDown()
        self.scope.setAccessibleName(tr("Which rows"))
        self.note = basics.Note()

    def _make_preview(self) -> None:
        self.model = ReplaceModel(self)
        self.table = QTableView(wordWrap=False, showGrid=False)
        self.table.setAlternatingRowColors(True)
        self.table.setModel(self.model)
        tables.set_up(self.table, tr("Every change, before and after"), several=True)
        self.table.setItemDelegate(MarkDelegate(self.table))
        header = self.table.horizontalHeader()
        tables.set_column_width(self.table, ROW_COLUMN, 90)
        for column in (BEFORE_COLUMN, AFTER_COLUMN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._nothing = EmptyState()
        self._pages = QStackedWidget()
        self._pages.addWidget(self._nothing)
        self._pages.addWidget(self.table)

    def _lay_out(self) -> None:
        self._form = QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("&Find:"), self.pattern_field)
        form.addRow(tr("&Replace with:"), self.replacement)
        form.addRow("", _build_row([self.regex, self.match_case]))
        boxes = list(self.fields.values())
        form.addRow(basics.label_for(tr("In:"), boxes[0]), _build_row([*boxes]))
        form.addRow(basics.label_for(tr("Rows:"), self.scope), _build_row([self.scope]))
        self.count = basics.label(wrap=True)
        self.replace_button = basics.primary_button(tr("Replace"))
        self._close = QPushButton(tr("Close"))
        for button in (self.replace_button, self._close):
            button.setAutoDefault(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.count, 3)
        buttons.addWidget(ProgressLine(self._work), 2)
        buttons.addWidget(self.replace_button)
        buttons.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._form)
        layout.addWidget(self.note)
        layout.addWidget(self._pages, 1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        for text in (self.pattern_field, self.replacement):
            text.textChanged.connect(lambda _text: self._typing.start())
        for box in (self.regex, self.match_case, *self.fields.values()):
            box.toggled.connect(lambda _on: self._start())
        self.scope.activated.connect(lambda _index: self._start())
        self._typing.timeout.connect(self._start)
        self._refreshing.timeout.connect(self._search_again)
        self.model.ticked.connect(self._show_count)
        self.replace_button.clicked.connect(self._on_replace)
        self._close.clicked.connect(self.close)
        self.finished.connect(lambda _result: self._work.stop())
        self._workspace.tasks.changed.connect(self._on_changes)
        QShortcut(QKeySequence("Ctrl+Return"), self, self._on_replace)

    def show_choice(self, choice: Choice) -> None:
        """Offer `choice` (a filter's rows or the ids of a selection) beside all rows."""
        chosen = choice if isinstance(choice, Filter) else array("q", choice)
        self.scope.clear()
        if not isinstance(chosen, Filter):
            self.scope.addItem(trn("The {n} selected row", "The {n} selected rows", len(chosen)), chosen)
        elif chosen != Filter(order=chosen.order, descending=chosen.descending):
            self.scope.addItem(tr("The rows that are shown"), chosen)
        self.scope.addItem(tr("All rows"), Filter())
        self._start()

    def pattern(self) -> bulk_edits.ReplacePattern:
        """The pattern and its replacement. Raises `FormatError` for an invalid regular expression."""
        return bulk_edits.ReplacePattern(
            self.pattern_field.text(),
            self.replacement.text(),
            regex=self.regex.isChecked(),
            match_case=self.match_case.isChecked(),
            fields=tuple(field for field, box in self.fields.items() if box.isChecked()),
        )

    def _start(self) -> None:
        """Search again; all changes are ticked."""
        self.model.left_out.clear()
        self.note.show_text("")
        self._search_again()

    def _search_again(self) -> None:
        self._typing.stop()
        self._pattern = None
        if not self.pattern_field.text() or not any(box.isChecked() for box in self.fields.values()):
            self._work.stop()
            self._show(bulk_edits.ReplacePreview([], 0))
            return
        try:
            pattern = self.pattern()
        except JukuError as error:
            self._work.stop()
            self._show_error(error)
            return
        choice = self.scope.currentData()
        self._work.start(lambda reporter: self._search(pattern, choice, reporter))

    async def _search(self, pattern: bulk_edits.ReplacePattern, choice: Choice, reporter: Reporter) -> None:
        project = self._workspace.project
        try:
            ids = await project.read(examples.find_ids, choice, reporter=reporter)
            preview = await project.read(
                bulk_edits.preview_replacements, pattern, ids, MAX_CHANGES_SHOWN, reporter, reporter=reporter
            )
        except JukuError as error:
            self._show_error(error)
            return
        self._pattern, self._ids = pattern, ids
        self._show(preview)

    def _show_error(self, error: JukuError) -> None:
        self._show(bulk_edits.ReplacePreview([], 0))
        self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")

    def _show(self, preview: bulk_edits.ReplacePreview) -> None:
        self._preview = preview
        self.model.show_changes(preview.changes)
        if not preview.changes:
            self._nothing.set_texts(*self._explain_empty())
        self._pages.setCurrentWidget(self.table if preview.changes else self._nothing)
        self._show_count()

    def _explain_empty(self) -> tuple[str, str]:
        if self._pattern is None:
            text = tr("Every change is shown here before it is made.")
            return tr("Enter a search term") if not self.pattern_field.text() else tr("Nothing to show yet"), text
        return tr("Nothing found"), tr("Nothing in the selected rows and fields would change.")

    def _show_count(self) -> None:
        left_out = len(self.model.left_out)
        rows = self._preview.total - left_out
        parts = [trn("{n} row changes", "{n} rows change", self._preview.total)] if self._preview.total else []
        if self._preview.more:
            parts.append(trn("the first {n} change is shown", "the first {n} changes are shown", self.model.rowCount()))
        elif self._preview.total:
            parts.append(trn("in {n} field", "in {n} fields", self.model.rowCount()))
        if left_out:
            parts.append(trn("{n} row is left out", "{n} rows are left out", left_out))
        self.count.setText(", ".join(parts))
        self.replace_button.setText(
            trn("Replace in {n} row", "Replace in {n} rows", rows) if rows > 0 else tr("Replace")
        )
        basics.set_enabled(self.replace_button, "" if rows > 0 and self._pattern else tr("Nothing found to replace."))

    def _on_replace(self) -> None:
        if not self.replace_button.isEnabled() or self._pattern is None:
            return
        pattern, ids = self._pattern, self._ids
        if self.model.left_out:
            ids = array("q", (id for id in ids if id not in self.model.left_out))
        label = tr("Replace “{find}” with “{new}”", find=clip(pattern.find), new=clip(pattern.replace))
        self._set_writing(True)
        self._work.start(lambda reporter: self._write(label, pattern, ids, reporter), label)

    async def _write(
        self, label: str, pattern: bulk_edits.ReplacePattern, ids: Sequence[int], reporter: Reporter
    ) -> Changes | None:
        try:
            changes = await self._workspace.project.write(
                label, bulk_edits.replace_text, pattern, ids, reporter, reporter=reporter
            )
        except JukuError as error:
            self._show_error(error)
            return None
        finally:
            self._set_writing(False)
        self.model.left_out.clear()
        done = changes.counts.get(Table.EXAMPLE, 0)
        self.note.show_text(
            trn("Replaced in {n} row. Undo reverts it.", "Replaced in {n} rows. Undo reverts it.", done), "good"
        )
        return changes

    def _set_writing(self, writing: bool) -> None:
        """Disable the fields while rows are replaced; Cancel stays enabled."""
        self._is_writing = writing
        self._form.setEnabled(not writing)
        self.table.setEnabled(not writing)
        self._close.setEnabled(not writing)
        if writing:
            self.replace_button.setEnabled(False)
        else:
            self._show_count()

    def _on_changes(self, changes: Changes) -> None:
        if self.isVisible() and Table.EXAMPLE in changes.tables:
            self._refreshing.start()

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: the grid stays usable beside it."""
        self.show()

    def reject(self) -> None:
        if not self._is_writing:
            super().reject()


def _build_row(parts: list[QWidget]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(style.SPACE)
    for part in parts:
        row.addWidget(part)
    row.addStretch()
    return row
