"""The actions on the rows of the grid, with their shortcuts and menus."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from core.dataset import examples, filters
from core.dataset.filters import Filter
from core.errors import JukuError
from core.formats import clipboard_text
from core.language import tr, trn
from core.spec import spec
from ui.dataset import bulk_actions
from ui.dataset import copy_paste_drag as dataset_clipboard
from ui.dataset.grid_columns import ALL_COLUMNS, CHOICES, COLUMNS, cell_value, filter_terms
from ui.dataset.grid_view import GridView
from ui.widgets.message_bar import Notice
from ui.widgets.value_texts import value_text
from ui.workspace import Workspace

Key = QKeySequence.StandardKey
MAX_VALUE_SHOWN = 30  # characters of a cell in an entry of the menu


CellForm = Callable[[sqlite3.Connection, Sequence[int], Sequence[int]], str]  # the cells of rows and columns as a text


class RowActions(QObject):
    """The QActions of the grid and its menus. Those that open a dialog have no slot here: the tab connects them."""

    pasted = Signal()  # rows are about to come from the clipboard
    paste_ended = Signal()  # they have come, or never will
    text_pasted = Signal(str)  # rows of a file that were on the clipboard
    files_pasted = Signal(list)  # the paths of files that were
    filter_wanted = Signal(tuple)  # the conditions, `Term`s, under which rows have the value of a cell or have not
    search_wanted = Signal(str)  # the text of a cell

    def __init__(self, workspace: Workspace, table: GridView, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._table, self._owner = workspace, table, owner
        self._build_edit_actions()
        self._build_bulk_actions()
        self._build_dialog_actions()
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._on_menu)
        table.too_many.connect(self._on_too_many)
        table.selectionModel().selectionChanged.connect(lambda *_: self.update_enabled())
        self.update_enabled()

    def _build_edit_actions(self) -> None:
        self.edit_cell = self._build_table_action(tr("&Edit the cell"), "F2", self._on_edit)
        self.edit_json = self._build_action(tr("Edit as &JSON…"), "Ctrl+J")
        self.cut = self._build_table_action(tr("Cu&t"), Key.Cut, self._on_cut)
        self.copy = self._build_table_action(tr("&Copy"), Key.Copy, self._on_copy)
        self.copy_with_headings = self._build_table_action(
            tr("Copy with &headings"), "Ctrl+Shift+C", lambda: self._on_copy(with_headings=True)
        )
        self.copy_column = self._build_table_action(tr("C&opy only this column"), "Ctrl+Alt+C", self._on_copy_column)
        self.copy_markdown = self._build_action(tr("Copy as a &Markdown table"), "", self._on_copy_markdown)
        # Text fields take the key for themselves; anywhere else in the tab it brings rows, also where none are yet.
        self.paste = self._build_action(tr("&Paste"), Key.Paste, self._on_paste)
        self.fill_down = self._build_table_action(tr("Fill &down"), "Ctrl+D", self._on_fill_down)
        self.duplicate = self._build_table_action(tr("D&uplicate"), "Ctrl+Shift+D", self._on_duplicate)
        self.select_all = self._build_table_action(tr("Select &all"), Key.SelectAll, self._table.selectAll)
        self.invert_selection = self._build_table_action(
            tr("In&vert the selection"), "Ctrl+Shift+A", self._table.invert_selection
        )
        # Also from the pane below: one row after the other is read and mended there.
        self.next_row = self._build_action(tr("Next row"), "Alt+PgDown", lambda: self._table.go_by(1))
        self.previous_row = self._build_action(tr("Previous row"), "Alt+PgUp", lambda: self._table.go_by(-1))
        self.go_to_row = self._build_action(tr("Go to ro&w…"), "Ctrl+G", self._on_go_to_row)
        self.delete = self._build_table_action(tr("&Delete"), Key.Delete, self._on_delete)

    def _build_bulk_actions(self) -> None:
        self.approve = self._build_action(tr("&Approve"), "Alt+A", lambda: self.apply_bulk("status", "approved"))
        self.reject = self._build_action(tr("&Reject"), "Alt+R", lambda: self.apply_bulk("status", "rejected"))
        self.mark_draft = self._build_action(tr("Mark as dra&ft"), "Alt+D", lambda: self.apply_bulk("status", "draft"))
        self.add_tags = self._build_action(tr("Add ta&gs…"), "Ctrl+T", lambda: self._open_bulk_dialog("add_tag"))
        self.bulk_edit = self._build_action(tr("&Bulk edit…"), "Ctrl+B", lambda: self._open_bulk_dialog("split"))

    def _build_dialog_actions(self) -> None:
        self.add_row = self._build_action(tr("Add &row"), "Ctrl+Return")
        self.search = self._build_action(tr("&Search"), Key.Find)
        self.replace = self._build_action(tr("Find and re&place…"), "Ctrl+H")
        self.judge = self._build_action(tr("Let a model &judge…"))
        self.approve_kinds = self._build_action(tr("Approve drafts by &kind…"), "Alt+Shift+A")
        self.versions = self._build_action(tr("&Versions…"))
        self.token_counts = self._build_action(tr("&Tokens and cost…"))
        self.link_facts = self._build_action(tr("&Link rows to facts…"))
        self.hold_out = self._build_action(tr("&Keep some for the exam…"))
        self.import_rows = self._build_action(tr("&Import…"))
        self.export_rows = self._build_action(tr("E&xport…"))

    def _build_action(
        self, text: str, key: Key | str | None = None, slot: Callable[[], object] | None = None
    ) -> QAction:
        """An action whose shortcut holds in the whole tab."""
        action = QAction(text, self)
        if key is not None:
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if slot is not None:
            action.triggered.connect(lambda _checked=False: slot())
        self._owner.addAction(action)
        return action

    def _build_table_action(self, text: str, key: Key | str, slot: Callable[[], object]) -> QAction:
        """An action whose shortcut holds only where the cells have the keyboard: text fields have their own Copy."""
        action = self._build_action(text, key, slot)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._owner.removeAction(action)
        self._table.addAction(action)
        return action

    def update_enabled(self) -> None:
        """Enable the actions on rows only while rows are selected."""
        has_selection = self._table.selectionModel().hasSelection()
        for action in (
            self.edit_cell, self.edit_json, self.cut, self.copy, self.copy_with_headings, self.copy_column,
            self.copy_markdown, self.fill_down, self.duplicate, self.delete,
            self.approve, self.reject, self.mark_draft, self.add_tags, self.bulk_edit,
        ):  # fmt: skip
            action.setEnabled(has_selection)

    def build_rows_menu(self, parent: QWidget) -> QMenu:
        """The menu of the tab's *Rows* button."""
        menu = QMenu(parent)
        _add_groups(
            menu,
            (self.add_row, self.duplicate, self.paste),
            (self.approve_kinds, self.judge, self.approve, self.reject, self.mark_draft, self.add_tags, self.bulk_edit, self.fill_down, self.delete),
            (self.replace, self.versions, self.token_counts),
            (self.link_facts, self.hold_out),
            (self.import_rows, self.export_rows),
            (self.select_all, self.invert_selection),
            (self.next_row, self.previous_row, self.go_to_row),
        )  # fmt: skip
        return menu

    def build_context_menu(self, parent: QWidget) -> QMenu:
        """The menu of the selected rows."""
        menu = QMenu(parent)
        _add_groups(
            menu,
            (self.edit_cell, self.edit_json),
            (
                self.cut, self.copy, self.copy_with_headings, self.copy_column, self.copy_markdown,
                self.paste, self.fill_down, self.duplicate,
            ),
            self._build_value_filters(menu),
            (
                self.judge, self.approve, self.reject, self.mark_draft,
                self._build_choices(menu, tr("&Split"), "split").menuAction(),
                self._build_choices(menu, tr("&Kind"), "kind").menuAction(),
                self.add_tags, self.bulk_edit,
            ),
            (self.delete,),
        )  # fmt: skip
        return menu

    def _build_value_filters(self, parent: QMenu) -> list[QAction]:
        """Filter by the value of the current cell, or exclude it; a text is searched for."""
        example, field = self._table.current_example(), self._table.current_field()
        if example is None:
            return []
        value = cell_value(example, field)
        same, other = QAction(tr("Filter by “{value}”", value=_shorten(value, field)), parent), QAction(parent)
        other.setText(tr("Exclude “{value}”", value=_shorten(value, field)))
        if terms := filter_terms(example, field):
            same.triggered.connect(lambda: self.filter_wanted.emit(terms))
            opposite = tuple(replace(term, excluded=not term.excluded) for term in terms)
            other.triggered.connect(lambda: self.filter_wanted.emit(opposite))
            return [same, other]
        if field in examples.TEXT_FIELDS and value and filters.parse(value) == Filter(text=value):
            same.triggered.connect(lambda: self.search_wanted.emit(value))
            return [same]
        return []

    def _build_choices(self, parent: QMenu, title: str, field: str) -> QMenu:
        """A menu that sets the column `field` of the selected rows to one of its values."""
        menu = QMenu(title, parent)
        for value in ALL_COLUMNS[COLUMNS.index(field)].choices:
            menu.addAction(value_text(value) or tr("(none)"), partial(self.apply_bulk, field, value))
        menu.setEnabled(self._table.selectionModel().hasSelection())
        return menu

    def _on_menu(self, place: QPoint) -> None:
        menu = self.build_context_menu(self._table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._table.viewport().mapToGlobal(place))

    def apply_bulk(self, action: str, value: str) -> None:
        """Apply one of the bulk edits to the selected rows."""
        if ids := self._table.selected_ids():
            bulk_actions.apply_action(self._workspace, ids, action, value, self._owner)

    def _open_bulk_dialog(self, action: str) -> None:
        if ids := self._table.selected_ids():
            bulk_actions.BulkDialog(self._workspace, ids, action, self._owner).open()

    def _on_delete(self) -> None:
        if ids := self._table.selected_ids():
            bulk_actions.delete(self._workspace, ids)

    def _on_go_to_row(self) -> None:
        if not (count := self._table.rows.rowCount()):
            return
        dialog = QInputDialog(self._owner)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Go to row"))
        dialog.setLabelText(tr("Number of the row, from 1 to {n}", n=f"{count:,}"))
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setIntRange(1, count)
        dialog.setIntValue(max(self._table.currentIndex().row() + 1, 1))
        dialog.intValueSelected.connect(self._on_row_number)
        dialog.open()

    def _on_row_number(self, number: int) -> None:
        self._table.go_to(min(number, self._table.rows.rowCount()) - 1)
        self._table.setFocus()

    def _on_duplicate(self) -> None:
        if ids := self._table.selected_ids():
            self.pasted.emit()  # the copies are shown and selected, as pasted rows are
            bulk_actions.duplicate(self._workspace, ids).add_done_callback(lambda _task: self.paste_ended.emit())

    def _on_fill_down(self) -> None:
        """Copy the first selected row's value in the cursor's column to the other selected rows."""
        ids, field = self._table.selected_ids(), self._table.current_field()
        if len(ids) < 2 or not field or not ALL_COLUMNS[COLUMNS.index(field)].editable:
            return
        first = examples.fetch(self._workspace.project.rows, ids[:1])
        if first:
            bulk_actions.fill(self._workspace, ids[1:], field, getattr(first[ids[0]], field), self._owner)

    def _on_copy(self, with_headings: bool = False) -> None:
        self._start_copy(
            lambda db, ids, columns: dataset_clipboard.format_cells(db, ids, columns, with_headings),
            self._table.header.shown_columns(),
        )

    def _on_copy_column(self) -> None:
        self._start_copy(_format_plain, [self._table.currentIndex().column()])

    def _on_copy_markdown(self) -> None:
        self._start_copy(dataset_clipboard.format_markdown, self._table.header.shown_columns())

    def _start_copy(self, form: CellForm, columns: list[int]) -> None:
        if ids := self._table.selected_ids():
            label = trn("Copy {n} row", "Copy {n} rows", len(ids))
            self._workspace.tasks.start(label, self._copy(ids, columns, form))

    async def _copy(self, ids: array[int], columns: list[int], form: CellForm) -> None:
        if len(ids) > dataset_clipboard.MAX_ROWS_COPIED:
            title = trn("{n} row is too many to copy", "{n} rows are too many to copy", len(ids))
            raise JukuError(title, tr("Nothing was copied. Export the rows to a file instead."))
        read = self._workspace.project.read
        text = await read(form, ids, columns)
        if len(ids) == len(columns) == 1:
            text = text.removesuffix("\r\n")  # one cell goes into the middle of a text, too
        QGuiApplication.clipboard().setText(text)

    def _on_cut(self) -> None:
        if ids := self._table.selected_ids():
            self._workspace.tasks.start("", self._cut(ids))

    async def _cut(self, ids: array[int]) -> None:
        # First: what cannot be copied must not be deleted.
        await self._copy(ids, self._table.header.shown_columns(), _format_plain)
        bulk_actions.delete(self._workspace, ids)

    def _on_paste(self) -> None:
        """Paste cells at the cursor in one undo step; import files and rows of a file."""
        if files := _files():
            self.files_pasted.emit(files)
            return
        text = QGuiApplication.clipboard().text()
        if not text:
            return
        cells = clipboard_text.parse_cells(text)
        current = self._table.currentIndex()
        is_file = dataset_clipboard.is_file(text) or clipboard_text.has_headings(text)
        if is_file or not current.isValid() or len(cells) > dataset_clipboard.MAX_ROWS_PASTED:
            self.pasted.emit()
            self.text_pasted.emit(text)
            return
        self._paste_cells(cells, self._target_ids(len(cells)), self._columns_from(current.column()))

    def _paste_cells(self, cells: list[list[str]], ids: array[int], columns: list[int]) -> None:
        try:
            pasted = dataset_clipboard.build_paste_plan(cells, ids, columns)
        except JukuError as error:
            self._workspace.tasks.failed.emit(error)
            return
        if count := pasted.count():
            prompt = spec.load(self._workspace.project.rows).system_prompt
            label = trn("Paste into {n} row", "Paste into {n} rows", count)
            if pasted.rows:
                self.pasted.emit()
            task = bulk_actions.start_write(self._workspace, label, dataset_clipboard.write_paste, pasted, prompt)
            task.add_done_callback(lambda _task: self.paste_ended.emit())
        replaced = self._describe_replaced(cells, pasted)
        if pasted.left_out or replaced:
            Notice(
                self._owner.window(),
                "\n".join(filter(None, (replaced, dataset_clipboard.format_left_out_cells(pasted)))),
                "warning",
                lasting=pasted.beyond > 0 or bool(replaced),
            )

    def _describe_replaced(self, cells: list[list[str]], pasted: dataset_clipboard.PastePlan) -> str:
        """How many rows a pasted table goes over, as text; one cell or one column is no table."""
        rows = len({id for id, _field, _value in pasted.edits})
        if not rows or len(cells) < 2 or max(map(len, cells)) < 2:
            return ""
        return trn("{n} row was replaced by the pasted cells. Undo brings it back.",
                   "{n} rows were replaced by the pasted cells. Undo brings them back.", rows)  # fmt: skip

    def has_rows(self) -> bool:
        """Whether the clipboard has rows rather than words to search for."""
        text = QGuiApplication.clipboard().text().strip()
        return bool(_files()) or dataset_clipboard.is_file(text) or any(character in text for character in "\t\n")

    def has_file(self) -> bool:
        """Whether the clipboard has files or rows of a file; “[1]” or “| a” may be search text."""
        text = QGuiApplication.clipboard().text().strip()
        long = "\n" in text or text.startswith(('{"', '[{"'))
        return bool(_files()) or (long and dataset_clipboard.is_file(text))

    def _target_ids(self, count: int) -> array[int]:
        """The rows for a paste of `count` rows: the selected ones, or those from the cursor down."""
        selected = self._table.selected_ids()
        if len(selected) > 1 and count in (1, len(selected)):
            return selected
        first = self._table.intervals()[0][0] if selected else self._table.currentIndex().row()
        return self._table.rows.ids()[first : first + count]

    def _columns_from(self, column: int) -> list[int]:
        shown = self._table.header.shown_columns()
        return shown[shown.index(column) :] if column in shown else shown

    def _on_edit(self) -> None:
        index = self._table.currentIndex()
        if index.isValid() and ALL_COLUMNS[index.column()].editable:
            self._table.edit(index)

    def _on_too_many(self, count: int) -> None:
        title = trn("{n} row is too many to drag", "{n} rows are too many to drag", count)
        text = tr(
            "Up to {most} rows can be dragged. Export the others to a file.",
            most=f"{dataset_clipboard.MAX_ROWS_DRAGGED:,}",
        )
        self._workspace.tasks.failed.emit(JukuError(title, text))


def _format_plain(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[int]) -> str:
    return dataset_clipboard.format_cells(db, ids, columns, False)


def _add_groups(menu: QMenu, *groups: Sequence[QAction]) -> None:
    """Add the groups of actions to `menu`, with a line between two of them."""
    for number, group in enumerate(groups):
        if number:
            menu.addSeparator()
        menu.addActions(list(group))


def _shorten(value: str, field: str) -> str:
    """A cell's value as part of a menu's entry."""
    shown = " ".join((value_text(value) if field in CHOICES else value).split()) or tr("(none)")
    return (shown if len(shown) <= MAX_VALUE_SHOWN else f"{shown[: MAX_VALUE_SHOWN - 1]}…").replace("&", "&&")


def _files() -> list[Path]:
    """The files copied in a file manager."""
    urls = QGuiApplication.clipboard().mimeData().urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
