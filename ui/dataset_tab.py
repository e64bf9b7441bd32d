"""The question-answer grid: rows seen, searched, edited, repaired."""

from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core import dataset, spec
from core.checks import RULES
from core.dataset import Filter
from core.formats import jsonl
from core.language import tr, trn
from core.project import Changes
from ui import style, widgets
from ui.dataset_delegate import DatasetDelegate
from ui.dataset_detail import DatasetDetail
from ui.dataset_model import COLUMNS, DatasetModel
from ui.json_dialog import JsonDialog
from ui.tab import Tab
from ui.unread_dialog import UnreadDialog
from ui.workspace import Workspace

WIDTHS = {"problems": 70, "split": 90, "kind": 100, "facts": 90, "tags": 110}
TYPING = 200  # milliseconds between the last key and the search


class DatasetTab(Tab):
    icon = "examples"
    import_wanted = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.model = DatasetModel(workspace.project, self)
        self.model.edited.connect(self._on_edited)
        self._problems: dict[str, int] = {}  # rows by rule, in the whole project
        self._new_row = 0  # the id of a row that was added and waits to be typed into
        self._make_filter()
        self._make_table()
        self.detail = DatasetDetail()
        self.detail.edited.connect(self._on_edited)
        self.detail.edit_json.connect(self._on_edit_json)
        self._lay_out()
        self._show_buttons()

    def title(self) -> str:
        return tr("Examples")

    def _make_filter(self) -> None:
        self.search = QLineEdit(placeholderText=tr("Search questions and answers"), clearButtonEnabled=True)
        self.search.setAccessibleName(tr("Search questions and answers"))
        self.search.setToolTip(tr("Also: split:test  kind:reverse  tag:study  fact:f03  rule:role-unknown"))
        self._typing = QTimer(self, singleShot=True, interval=TYPING)
        self._typing.timeout.connect(self._reload)
        self.search.textChanged.connect(lambda _text: self._typing.start())
        self.split = _filter_box(tr("Split"))
        self.tag = _filter_box(tr("Tag"))
        self.rule = _filter_box(tr("Problems"))
        for box in (self.split, self.tag, self.rule):
            box.activated.connect(lambda _index: self._reload())
        self._fix = QPushButton()
        self._fix.clicked.connect(self._on_fix)
        self._count = widgets.label(dim=True)
        self._add = QPushButton(style.icon("add"), tr("Add row"))
        self._delete = QPushButton(style.icon("delete"), tr("Delete"))
        self._add.clicked.connect(self._on_add)
        self._delete.clicked.connect(self._on_delete)
        self._unread = QPushButton()
        self._unread.clicked.connect(self._on_unread)

    def _make_table(self) -> None:
        self.table = table = QTableView(alternatingRowColors=True, sortingEnabled=False, wordWrap=False)
        table.setModel(self.model)
        # With a selection model of its own the header does not ask every row when all are selected.
        header = table.horizontalHeader()
        header.setSelectionModel(QItemSelectionModel(self.model, table))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        table.setItemDelegate(DatasetDelegate(table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 12)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for column, field in enumerate(COLUMNS):
            if field in WIDTHS:
                table.setColumnWidth(column, WIDTHS[field])
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        table.selectionModel().currentRowChanged.connect(self._on_current)
        table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())
        QShortcut(QKeySequence.StandardKey.Delete, table, self._on_delete, context=Qt.ShortcutContext.WidgetShortcut)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(style.SPACE // 2)
        top.addWidget(self.search, 1)
        for widget in (self.split, self.tag, self.rule, self._fix):
            top.addWidget(widget)
        top.addSpacing(style.SPACE)
        top.addWidget(self._add)
        top.addWidget(self._delete)
        bottom = QHBoxLayout()
        bottom.addWidget(self._count, 1)
        bottom.addWidget(self._unread)
        self._nothing = _nothing(self.import_wanted.emit, self._on_add)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._nothing)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack, 1)
        column.addLayout(bottom)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        splitter.addWidget(upper)
        splitter.addWidget(self.detail)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[style.SPACE] * 4)
        layout.setSpacing(style.SPACE)
        layout.addLayout(top)
        layout.addWidget(splitter, 1)

    def filter(self) -> Filter:
        """What is shown now: the search's words, and the lists beside it."""
        typed = dataset.parse_filter(self.search.text())
        return Filter(
            text=typed.text,
            kind=typed.kind,
            fact=typed.fact,
            split=typed.split or self.split.currentData() or "",
            tag=typed.tag or self.tag.currentData() or "",
            rule=typed.rule or self.rule.currentData() or "",
        )

    def choose(self, words: str) -> None:
        """Show the rows that match `words`, such as 'fact:f03' or 'rule:*'."""
        for box in (self.split, self.tag, self.rule):
            box.setCurrentIndex(0)
        self.search.setText(words)
        self._typing.stop()
        self._reload()

    def refresh(self, changes: Changes) -> None:
        if self.model.project is not self.workspace.project:
            self.model.project = self.workspace.project
        if changes.tables & {"example", "unread"}:
            self._reload()

    async def flush(self) -> None:
        for id, field, value in self.detail.pending():
            await self.workspace.project.write(tr("Edit a row"), dataset.edit, id, field, value)

    def _reload(self) -> None:
        self.workspace.tasks.start("", self._load())

    async def _load(self) -> None:
        project = self.workspace.project
        ids = await project.read(dataset.find, self.filter())
        self._show_choices(
            await project.read(dataset.counts, "split"),
            await project.read(dataset.counts, "tags"),
            await project.read(dataset.counts, "problems"),
        )
        current = self._current_id()
        self.model.show_ids(ids)
        self._show_count(len(ids))
        unread = len(await project.read(dataset.unread))
        self._unread.setVisible(unread > 0)
        self._unread.setText(trn("{n} line could not be read…", "{n} lines could not be read…", unread))
        self._select(self._new_row if self._new_row and self._new_row in ids else current)

    def _show_choices(self, splits: dict[str, int], tags: dict[str, int], problems: dict[str, int]) -> None:
        _fill(self.split, tr("All splits"), splits)
        _fill(self.tag, tr("All tags"), tags)
        titles = {rule: RULES[rule].title() for rule in problems}
        _fill(self.rule, tr("With and without problems"), problems, titles, tr("With problems") if problems else "")
        self._total = sum(splits.values())
        self._problems = problems
        self._show_fix()

    def _show_fix(self) -> None:
        """Offer to fix all rows with the chosen problem, or with the one of the row that is looked at."""
        rule, count = self._fixable_rule(), 0
        if rule:
            count = self._problems[rule]
        self._fix.setVisible(count > 0)
        self._fix.setText(
            trn("Delete the {n} duplicate", "Delete the {n} duplicates", count)
            if rule == dataset.DUPLICATE
            else trn("Fix {n}", "Fix all {n}", count)
        )
        self._fix.setToolTip(widgets.tip(RULES[rule].title()) if rule else "")

    def _fixable_rule(self) -> str:
        shown = self.detail.problems()
        rules = [self.filter().rule, *shown]
        fixable = (rule for rule in rules if rule in self._problems)
        return next((rule for rule in fixable if RULES[rule].fixable or rule == dataset.DUPLICATE), "")

    def _show_count(self, shown: int) -> None:
        total = trn("{n} row", "{n} rows", self._total)
        self._count.setText(
            total if shown == self._total else tr("{shown} of {total}", shown=f"{shown:,}", total=total)
        )
        self._stack.setCurrentWidget(self.table if self._total else self._nothing)

    def _current_id(self) -> int:
        index = self.table.currentIndex()
        return self.model.id(index.row()) if index.isValid() and index.row() < self.model.rowCount() else 0

    def _select(self, id: int) -> None:
        row = self.model.row(id)
        if row is None and self.model.rowCount():
            row = 0
        if row is None:
            self.detail.show_example(None)
            return
        column = COLUMNS.index("question")
        if row != self.table.currentIndex().row():
            self.table.setCurrentIndex(self.model.index(row, column))
        self.detail.show_example(self.model.example(row))
        self._show_fix()
        if id and id == self._new_row:
            self._new_row = 0
            self.table.scrollToBottom()
            self.table.edit(self.model.index(row, column))

    def _show_buttons(self) -> None:
        self._delete.setEnabled(self.table.selectionModel().hasSelection())

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        self.detail.show_example(self.model.example(index.row()) if index.isValid() else None)
        self._show_fix()

    def _write(self, label: str, change: object, *args: object) -> None:
        self.workspace.tasks.start("", self.workspace.project.write(label, change, *args))  # type: ignore[arg-type]

    def _on_edited(self, id: int, field: str, value: str) -> None:
        self._write(tr("Edit a row"), dataset.edit, id, field, value)

    def _on_edit_json(self, id: int) -> None:
        example = dataset.fetch(self.workspace.project.rows, [id])[id]
        dialog = JsonDialog(tr("The row as JSON"), example.data, parent=self)
        dialog.saved.connect(lambda data: self._write(tr("Edit a row"), dataset.edit_data, id, data))
        dialog.open()

    def _on_add(self) -> None:
        """Add an empty row that is in view whatever the filter was, and start typing into it."""
        prompt = spec.load(self.workspace.project.rows).system_prompt
        row = dataset.read_row(jsonl.new_row(prompt, "", ""))
        self.choose("")
        self.workspace.tasks.start("", self._add_row(row))

    async def _add_row(self, row: dataset.Example) -> Changes:
        changes = await self.workspace.project.write(tr("Add a row"), dataset.add, [row])
        self._new_row = max(await self.workspace.project.read(dataset.find))
        return changes

    def _on_delete(self) -> None:
        ids = [self.model.id(index.row()) for index in self.table.selectionModel().selectedRows()]
        if ids:
            self._write(trn("Delete {n} row", "Delete {n} rows", len(ids)), dataset.delete, ids)

    def _on_fix(self) -> None:
        rule = self._fixable_rule()
        label = tr("Fix: {rule}", rule=RULES[rule].title())
        reporter = self.workspace.tasks.reporter(label)
        write = self.workspace.project.write(label, dataset.fix_all, rule, reporter, reporter=reporter)
        self.workspace.tasks.start(label, write)

    def _on_unread(self) -> None:
        UnreadDialog(self.workspace, self).open()

    def import_files(self, paths: list[Path]) -> None:
        """Add the rows of `paths`, one undo step a file."""
        for path in paths:
            label = tr("Import {name}", name=path.name)
            reporter = self.workspace.tasks.reporter(label)
            write = self.workspace.project.write(label, dataset.import_file, path, reporter, reporter=reporter)
            self.workspace.tasks.start(label, write)

    def export_file(self, path: Path) -> None:
        """Write the rows that are shown to `path`."""
        self.workspace.tasks.start(tr("Export {name}", name=path.name), self._export(path))

    async def _export(self, path: Path) -> None:
        await self.workspace.project.read(dataset.export_file, path, self.filter())


def _filter_box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return box


def _fill(
    box: QComboBox, everything: str, counts: dict[str, int], titles: dict[str, str] | None = None, any: str = ""
) -> None:
    """Offer everything, `any` of it ('*'), and each name with its count; the choice stays where it can."""
    chosen = box.currentData()
    box.clear()
    box.addItem(everything, "")
    if any:
        box.addItem(any, "*")
    for name, count in counts.items():
        box.addItem(f"{(titles or {}).get(name, name)} ({count:,})", name)
    box.setCurrentIndex(max(0, box.findData(chosen)))


def _nothing(on_import: object, on_add: object) -> QWidget:
    page = QWidget()
    about = widgets.EmptyState(
        tr("No examples yet"), tr("Drop a JSONL file here, import one, or add the first row by hand.")
    )
    bring, add = widgets.primary(tr("Import…")), QPushButton(tr("Add row"))
    bring.clicked.connect(on_import)
    add.clicked.connect(on_add)
    buttons = QHBoxLayout()
    buttons.addStretch()
    buttons.addWidget(bring)
    buttons.addWidget(add)
    buttons.addStretch()
    layout = QVBoxLayout(page)
    layout.addWidget(about, 1)
    layout.addLayout(buttons)
    layout.addStretch(1)
    return page
