"""The examples tab: the grid of rows with filter, detail view and problems."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core.checks import RULES
from core.dataset import bulk_edits, examples, filters, quarantine
from core.dataset.filters import Filter
from core.dataset.row_edits import RowEdit
from core.formats import jsonl
from core.language import tr, trn
from core.spec import spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui import style
from ui.dataset import bulk_actions, fix_action_texts, pages_without_rows
from ui.dataset.background_check import BackgroundCheck
from ui.dataset.filter_bar import FilterBar
from ui.dataset.grid_columns import severity
from ui.dataset.grid_model import GridModel
from ui.dataset.grid_view import GridView
from ui.dataset.open_dialogs import DatasetDialogs
from ui.dataset.row_actions import RowActions
from ui.dataset.row_detail import RowDetail
from ui.tab_base import Tab
from ui.widgets import basics
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.widgets.severity_icon import severity_icon
from ui.workspace import Workspace

FIRST_ROWS = 200  # rows that are painted before all are found
MAX_PASTED_SELECTED = 5_000  # rows that are selected because they were pasted
MAX_ROWS_CHECKED_SINGLY = 200  # edited rows that are looked at one by one, instead of searching anew
SHOW_SEARCHING_AFTER_MS = 300  # milliseconds of searching before it is said
Key = QKeySequence.StandardKey
COUNTED_COLUMNS = ("split", "kind", "status", "problems", "tags", "facts")


class DatasetTab(Tab):
    """Searches, shows and edits the rows of the open project."""

    icon = "examples"
    import_wanted = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.model = GridModel(workspace.project, self)
        self.model.edited.connect(self._on_edited)
        self._problems: dict[str, int] = {}  # rows by rule, in the whole project
        self.total = 0
        self._project: Project | None = None  # the one that is shown
        self._order, self._descending = "id", False
        self._pasted_from = 0  # the first id that rows from the clipboard can have; 0 where none are awaited
        self._wanted_row, self._type_into = 0, False  # the id of a row to go to once it is shown, and to type into
        self._wanted_selection = array("q")  # ids of rows that the window before has selected
        self._again = self._late = False  # rows have changed meanwhile; while a cell was typed into
        self._finding: asyncio.Task[None] | None = None
        self._panel: QWidget | None = None  # of the problems, built when it is first shown
        self._counting = ThrottledReload(workspace, self, self._load_counts)
        self._check = BackgroundCheck(workspace, self)
        self._make_table()
        self._make_buttons()
        self.detail = RowDetail()
        self.detail.edited.connect(self._on_edited)
        self.detail.edit_json.connect(self.dialogs.open_json)
        self._lay_out()

    def title(self) -> str:
        return tr("Examples")

    def _make_table(self) -> None:
        self.bar = FilterBar()
        self.bar.changed.connect(self._search)
        self.bar.save_wanted.connect(self._on_save_filter)
        self.bar.forget_wanted.connect(
            lambda name: self._write(tr("Delete a filter"), filters.delete_saved_filter, name)
        )
        self.table = GridView(self.model)
        self.table.header.restore_layout(self.workspace.settings.grid)
        self.model.sort_wanted.connect(self._on_sort)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_count())
        self.table.edit_ended.connect(self._on_edit_ended)
        self.dialogs = DatasetDialogs(self.workspace, self.table, self.filter, self)
        self.dialogs.row_chosen.connect(self.show_row)
        self.dialogs.questions_wanted.connect(lambda: self.choose("split:test"))
        self._make_actions()
        self.bar.line.installEventFilter(self)

    def _make_actions(self) -> None:
        self.rows = RowActions(self.workspace, self.table, self)
        self.rows.add_row.triggered.connect(self._on_add)
        self.rows.search.triggered.connect(self._on_search)
        self.rows.edit_json.triggered.connect(self._on_edit_json)
        self.rows.replace.triggered.connect(self.dialogs.open_replace)
        self.rows.judge.triggered.connect(self.dialogs.open_judge)
        self.rows.approve_kinds.triggered.connect(self.dialogs.open_approval)
        self.rows.versions.triggered.connect(self.dialogs.open_versions)
        self.rows.token_counts.triggered.connect(self.dialogs.open_token_counts)
        self.rows.link_facts.triggered.connect(self.dialogs.open_link_facts)
        self.rows.hold_out.triggered.connect(self.dialogs.open_hold_out)
        self.rows.import_rows.triggered.connect(self.import_wanted)
        self.rows.export_rows.triggered.connect(self.dialogs.open_export)
        self.rows.pasted.connect(self._on_pasted)
        self.rows.paste_ended.connect(self._on_paste_ended)
        self.rows.text_pasted.connect(lambda text: self.dialogs.import_rows(text, self._on_paste_ended))
        self.rows.files_pasted.connect(self.dialogs.import_rows)
        self.rows.filter_wanted.connect(self.bar.narrow)
        self.rows.search_wanted.connect(self.bar.search_text)

    def _make_buttons(self) -> None:
        self.fix_button = QPushButton()
        self.fix_button.clicked.connect(self._on_fix)
        self.judge_button = QPushButton()
        basics.explain(self.judge_button, tr("A chat model reads each draft beside its fact, before you approve it"))
        self.judge_button.clicked.connect(lambda _checked: self.dialogs.open_judge_for_drafts())
        self.approve_button = QPushButton(tr("Approve drafts by kind…"))
        basics.explain(self.approve_button, tr("Read samples of each kind, and approve all that is like them"))
        self.approve_button.clicked.connect(lambda _checked: self.dialogs.open_approval())
        self.unread_button = QPushButton()
        self.unread_button.clicked.connect(self.dialogs.open_quarantine)
        for button in (self.fix_button, self.approve_button, self.judge_button, self.unread_button):
            button.hide()  # until it is known what there is to do
        self.count_label = basics.label(dim=True)
        self._searching = QTimer(self, singleShot=True, interval=SHOW_SEARCHING_AFTER_MS)
        self._searching.timeout.connect(lambda: self.count_label.setText(tr("Searching…")))
        self.add_button = QPushButton(style.icon("add"), tr("Add row"))
        self.add_button.clicked.connect(self._on_add)
        self._rows = QPushButton(tr("Rows"))
        self._rows.setMenu(self.rows.build_rows_menu(self._rows))
        self._panel_button = basics.toggle_button(tr("Problems"))
        self._panel_button.toggled.connect(self._on_panel)

    def _lay_out(self) -> None:
        self.bar.top.addSpacing(style.SPACE)
        buttons = self.add_button, self._rows, self._panel_button
        for button in buttons:
            self.bar.top.addWidget(button)
        basics.order_focus(self.bar.more, *buttons, *self.bar.choices())
        bottom = QHBoxLayout()
        bottom.addWidget(self.count_label, 1)
        bottom.addWidget(self.approve_button)
        bottom.addWidget(self.judge_button)
        bottom.addWidget(self.fix_button)
        bottom.addWidget(self.unread_button)
        self.nothing = pages_without_rows.build_empty_page(self.import_wanted.emit, self._on_add)
        self.no_match = pages_without_rows.build_no_match_page(self.bar.clear)
        self.pages = QStackedWidget()
        for page in (self.table, self.nothing, self.no_match):
            self.pages.addWidget(page)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages, 1)
        column.addLayout(bottom)
        rows = _build_splitter(Qt.Orientation.Vertical, upper, self.detail)
        self._sides = _build_splitter(Qt.Orientation.Horizontal, rows)
        rows.setObjectName("examples-rows")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[style.SPACE] * 4)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.bar)
        layout.addWidget(self._sides, 1)

    def take_over(self, other: Tab) -> None:
        assert isinstance(other, DatasetTab)
        self._order, self._descending = other._order, other._descending
        self.table.header.show_order(other.table.header)
        self.bar.choose(other.bar.line.text())
        self.bar.regex.setChecked(other.bar.regex.isChecked())
        self.bar.more.setChecked(other.bar.more.isChecked())
        self._wanted_row, self._wanted_selection = other.table.current_id(), other.table.selected_ids()
        self._panel_button.setChecked(other._panel_button.isChecked())
        self._sides.setSizes(other._sides.sizes())

    def filter(self) -> Filter:
        """The current filter and order."""
        return replace(self.bar.filter(), order=self._order, descending=self._descending)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Paste rows of a file as rows even while the search field has the focus, as it has after an import.

        Cells are pasted so only into an empty project: elsewhere they would overwrite the row with the cursor.
        Undo and redo are the project's where the field itself has nothing to take back.
        """
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and isinstance(watched, QLineEdit)
            and (
                (event.matches(Key.Paste) and self._are_rows())
                or (event.matches(Key.Undo) and not watched.isUndoAvailable())
                or (event.matches(Key.Redo) and not watched.isRedoAvailable())
            )
        ):
            event.ignore()  # so that it is no key of the field, but the tab's own
            return True
        return super().eventFilter(watched, event)

    def _are_rows(self) -> bool:
        empty = self.pages.currentWidget() is self.nothing
        return self.rows.has_rows() if empty else self.rows.has_file()

    def choose(self, words: str) -> None:
        """Set the filter to `words`, such as 'fact:f03' or 'rule:*'."""
        self.bar.choose(words)

    def show_row(self, id: int) -> None:
        """Go to the row `id`; clear a filter that hides it."""
        row = self.model.row(id)
        if row is not None:
            self.table.go_to(row)
            return
        self._wanted_row = id
        self.bar.clear()

    def main_widget(self) -> QWidget:
        return self.table

    def refresh(self, changes: Changes) -> None:
        if self._project is not self.workspace.project:
            self._project = self.model.project = self.workspace.project
            self._begin()
            self._search()
        elif Table.EXAMPLE in changes.tables or (Table.FINDING in changes.tables and self.filter().uses_rules()):
            self._apply_changes(changes)
        elif Table.FINDING in changes.tables:
            self.model.forget()
            self._show_detail()  # the findings about the row are shown beside it, too
        if changes.tables & {Table.EXAMPLE, Table.UNREAD, Table.FINDING, Table.SAVED_FILTER}:
            self._counting.request()

    def _begin(self) -> None:
        """Another project was opened: forget search, selection and counts."""
        self.model.show_ids(array("q"))
        self.table.clearSelection()
        self.bar.forget()
        self._wanted_row, self._type_into, self._problems, self.total = 0, False, {}, 0
        self._pasted_from = 0

    def _apply_changes(self, changes: Changes) -> None:
        """Show the changed rows at once; search again unless the same rows are still shown."""
        ids = changes.ids.get(Table.EXAMPLE) if changes.ids else None
        self.model.forget(ids)
        if ids is None or not self._are_same_rows(ids):
            self._reload()
        else:
            self._show_detail()

    def _are_same_rows(self, ids: set[int]) -> bool:
        """Whether the same rows are still shown, found without a search."""
        if len(ids) > MAX_ROWS_CHECKED_SINGLY or self.filter() != Filter() or self.is_finding():
            return False
        there = examples.fetch(self.workspace.project.rows, list(ids))
        return all(id in there and self.model.row(id) is not None for id in ids)

    async def flush(self) -> None:
        self.workspace.settings.grid = self.table.header.layout_text()
        for id, edit in self.detail.pending():
            await self.workspace.project.write(tr("Edit a row"), examples.edit, id, edit)

    def is_finding(self) -> bool:
        """Whether a search is going on."""
        return self._finding is not None and not self._finding.done()

    def _search(self) -> None:
        """Search for other rows; cancels the current search."""
        if self._finding is not None:
            self._finding.cancel()
        self._searching.start()
        self._finding = self.workspace.tasks.start("", self._find(fresh=True))

    def _reload(self) -> None:
        """Search for the same rows again; during a search, after it."""
        if self.is_finding():
            self._again = True
        else:
            self._finding = self.workspace.tasks.start("", self._find(fresh=False))

    async def _find(self, fresh: bool) -> None:
        wanted, self._again = self.filter(), True
        try:
            if fresh and not wanted.text:
                self._show(await self._first_ids(wanted), wanted)
            while self._again:
                self._again = False
                self._show(await self.workspace.find(wanted), wanted)
        finally:
            if asyncio.current_task() is self._finding:
                self._searching.stop()
        self.total = self.model.rowCount() if self.bar.is_empty() and not self._late else self.total
        self._show_count()
        self._go_to_wanted_row()
        self._go_to_pasted_rows()
        self._show_detail()

    async def _first_ids(self, wanted: Filter) -> array[int]:
        project = self.workspace.project
        if wanted == Filter():
            return filters.find_first(
                project.rows, wanted, FIRST_ROWS
            )  # a millisecond: not to be kept waiting by slow reads
        return await project.read(filters.find_first, wanted, FIRST_ROWS)

    def _show(self, ids: array[int], wanted: Filter) -> None:
        if self.table.is_editing() and ids != self.model.ids():
            self._late = True  # a reset would take away what is being typed
            return
        with self.table.keep_place():
            self.model.show_ids(ids, ascending=wanted.order == "id" and not wanted.descending)
        if ids and not self.table.currentIndex().isValid():
            self.table.go_to(0)

    def _on_pasted(self) -> None:
        self._pasted_from = examples.get_next_id(self.workspace.project.rows)

    def _on_paste_ended(self) -> None:
        """Forget the paste when no rows came of it."""
        if (
            self._pasted_from
            and self.workspace.tasks.can_start()
            and examples.get_next_id(self.workspace.project.rows) <= self._pasted_from
        ):
            self._pasted_from = 0

    def _go_to_pasted_rows(self) -> None:
        """Select the pasted rows and scroll to them; clear a filter that hides all of them."""
        first = self._pasted_from
        if not first or examples.get_next_id(self.workspace.project.rows) <= first:
            return
        rows = [row for row, id in enumerate(self.model.ids()) if id >= first]
        if not rows and not self.bar.is_empty():
            self.bar.clear()
            return
        self._pasted_from = 0
        if rows:
            self.table.go_to(rows[0])
            self.table.select_rows(rows[:MAX_PASTED_SELECTED])
            self.table.scrollTo(self.table.currentIndex(), self.table.ScrollHint.PositionAtTop)

    def _go_to_wanted_row(self) -> None:
        row = self.model.row(self._wanted_row) if self._wanted_row else None
        if row is None:
            return
        self._wanted_row = 0
        self.table.go_to(row)
        self.table.scrollTo(self.table.currentIndex())
        if len(self._wanted_selection) > 1:
            self.table.select_rows([row for id in self._wanted_selection if (row := self.model.row(id)) is not None])
        self._wanted_selection = array("q")
        if self._type_into:
            self._type_into = False
            self.table.edit_cell(row, "question")

    def _on_edit_ended(self) -> None:
        if self._late:
            self._late = False
            self._reload()

    async def _load_counts(self, project: Project) -> None:
        counts = {}
        for column in COUNTED_COLUMNS:
            if self._finding is not None and not self._finding.done():
                await asyncio.wait([self._finding])  # there is one thread to read with: searching goes first
            counts[column] = await project.read(examples.count_values, column)
        unread = await project.read(quarantine.count)
        self.bar.show_saved(await project.read(filters.load_saved_filters))
        self.bar.show_counts(counts)
        self.total, self._problems = sum(counts["split"].values()), counts["problems"]
        self.unread_button.setVisible(unread > 0)
        self.unread_button.setText(trn("{n} line could not be read…", "{n} lines could not be read…", unread))
        drafts = counts["status"].get("draft", 0)
        self.approve_button.setVisible(drafts > 0)
        self.judge_button.setVisible(drafts > 0)
        self.judge_button.setText(trn("Let a model judge {n} draft…", "Let a model judge {n} drafts…", drafts))
        wrong = len(await project.read(filters.find, Filter(rule="*")))
        self._panel_button.setText(f"{tr('Problems')} ({wrong:,})" if wrong else tr("Problems"))
        self._panel_button.setIcon(severity_icon(severity(" ".join(self._problems))) if wrong else QIcon())
        self._show_fix()
        self._show_count()

    def _show_count(self) -> None:
        if self._searching.isActive():
            return
        shown, selected = self.model.rowCount(), self.table.count_selected()
        total = trn("{n} row", "{n} rows", self.total)
        parts = [total if shown >= self.total else tr("{shown} of {total}", shown=f"{shown:,}", total=total)]
        if selected > 1:
            parts.append(trn("{n} selected", "{n} selected", selected))
        self.count_label.setText("  ·  ".join(parts))
        empty = self.nothing if self.bar.is_empty() else self.no_match
        self.pages.setCurrentWidget(self.table if shown else empty)
        self.detail.setVisible(shown > 0 or empty is not self.nothing)

    def _show_fix(self) -> None:
        """Offer to fix all rows with the filtered problem, or with one of the current row."""
        rule = self._fixable_rule()
        count = self._problems[rule] if rule else 0
        self.fix_button.setVisible(count > 0)
        self.fix_button.setText(
            fix_action_texts.fix_button_text(rule, count, self.workspace.project.rows) if rule else ""
        )
        basics.explain(self.fix_button, RULES[rule].title() if rule else "")

    def _fixable_rule(self) -> str:
        rules = [self.filter().rule, *self.detail.problems()]
        return next((rule for rule in rules if rule in self._problems and fix_action_texts.can_fix(rule)), "")

    def _show_detail(self) -> None:
        row = self.table.currentIndex().row()
        example = self.model.example(row) if 0 <= row < self.model.rowCount() else None
        self.detail.show_example(example)
        self.detail.taught.show_row(self.workspace.project.rows, example)
        self._show_fix()

    def _on_current(self, _index: QModelIndex, _before: QModelIndex) -> None:
        self._show_detail()

    def _on_sort(self, order: str, descending: bool) -> None:
        if (order, descending) != (self._order, self._descending):
            self._order, self._descending = order, descending
            self._search()

    def _on_search(self) -> None:
        self.bar.line.setFocus()
        self.bar.line.selectAll()

    def _on_edit_json(self) -> None:
        if id := self.table.current_id():
            self.dialogs.open_json(id)

    def _on_panel(self, shown: bool) -> None:
        if self._panel is None:
            self._panel = self._build_panel()
        self._panel.setVisible(shown)

    def _build_panel(self) -> QWidget:
        from ui.dataset.problems_and_fixes import ProblemsPanel

        panel = ProblemsPanel(self.workspace, self._check)
        panel.chosen.connect(self.choose)
        panel.row_chosen.connect(self.show_row)
        panel.quarantine_wanted.connect(self.dialogs.open_quarantine)
        self._sides.addWidget(panel)
        self._sides.setSizes([self.width() * 2 // 3, self.width() // 3])
        return panel

    def _write(self, label: str, change: object, *args: object) -> None:
        self.workspace.tasks.start("", self.workspace.project.write(label, change, *args))  # type: ignore[arg-type]

    def _on_edited(self, id: int, edit: RowEdit) -> None:
        self._write(tr("Edit a row"), examples.edit, id, edit)

    def _on_save_filter(self, name: str) -> None:
        self._write(tr("Save a filter"), filters.save_filter, name, self.bar.words())

    def _on_add(self) -> None:
        """Add an empty row, visible under any filter, and start typing into it."""
        prompt = spec.load(self.workspace.project.rows).system_prompt
        row = examples.read_row(jsonl.new_row(prompt, "", ""))
        self.workspace.tasks.start("", self._add_row(row))

    async def _add_row(self, row: examples.Example) -> Changes:
        project = self.workspace.project
        changes = await project.write(tr("Add a row"), examples.add, [row])
        self._wanted_row = max(await project.read(filters.find_first, Filter(descending=True), 1))
        self._type_into = True
        if not self.bar.is_empty():
            self.bar.clear()
        return changes

    def _on_fix(self) -> None:
        rule = self._fixable_rule()
        bulk_actions.start_write(self.workspace, fix_action_texts.fix_label(rule), bulk_edits.fix_all, rule)

    def import_files(self, paths: list[Path]) -> None:
        """Import the rows of `paths`."""
        self._on_pasted()
        self.dialogs.import_rows(paths, self._on_paste_ended)


def _build_splitter(orientation: Qt.Orientation, *parts: QWidget) -> QSplitter:
    splitter = QSplitter(orientation, childrenCollapsible=False)
    for number, part in enumerate(parts):
        splitter.addWidget(part)
        splitter.setStretchFactor(number, 3 if number == 0 else 2)
    splitter.setSizes([340, 300])
    splitter.setHandleWidth(style.SPACE)
    return splitter
