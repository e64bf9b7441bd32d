"""What can be done with the rows of the grid: one action each, with its shortcut, in the menus and on the keyboard."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from core.dataset import examples
from core.errors import JukuError
from core.formats import clipboard
from core.language import tr, trn
from core.spec import spec
from ui.dataset import bulk_actions
from ui.dataset import clipboard as dataset_clipboard
from ui.dataset.drag_rows import MOST
from ui.dataset.grid_columns import ALL, COLUMNS
from ui.dataset.grid_view import GridView
from ui.widgets.message_bar import Notice
from ui.widgets.value_texts import word
from ui.workspace import Workspace

Key = QKeySequence.StandardKey
MARK = "status:"  # begins the names of the actions that set a status


class RowActions(QObject):
    """Acts on the selected rows of `table`; what opens a window of its own is asked for by `wanted`."""

    wanted = Signal(str)  # replace, judge, versions, tokens, link, hold_out, import, export, json, find, add
    pasted = Signal()  # rows are about to come from the clipboard
    paste_ended = Signal()  # they have come, or never will
    text_pasted = Signal(str)  # rows of a file that were on the clipboard
    files_pasted = Signal(list)  # the paths of files that were

    def __init__(self, workspace: Workspace, table: GridView, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._table, self._owner = workspace, table, owner
        self.actions: dict[str, QAction] = {}
        self._make_editing()
        self._make_bulk()
        self._make_windows()
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._on_menu)
        table.too_many.connect(self._on_too_many)
        table.selectionModel().selectionChanged.connect(lambda *_: self.show_state())
        self.show_state()

    def _make_editing(self) -> None:
        self._add("edit", tr("&Edit the cell"), self._on_edit, "F2", in_table=True)
        self._add("json", tr("Edit as &JSON…"), lambda: self.wanted.emit("json"), "Ctrl+J")
        self._add("cut", tr("Cu&t"), self._on_cut, Key.Cut, in_table=True)
        self._add("copy", tr("&Copy"), self.copy, Key.Copy, in_table=True)
        self._add("copy_headings", tr("Copy with &headings"), lambda: self.copy(True), "Ctrl+Shift+C", in_table=True)
        # Text fields take the key for themselves; anywhere else in the tab it brings rows, also where none are yet.
        self._add("paste", tr("&Paste"), self.paste, Key.Paste)
        self._add("fill", tr("Fill &down"), self.fill_down, "Ctrl+D", in_table=True)
        self._add("all", tr("Select &all"), self._table.selectAll, Key.SelectAll, in_table=True)
        self._add("delete", tr("&Delete"), self.delete, Key.Delete, in_table=True)

    def _make_bulk(self) -> None:
        for status, text, key in (
            ("approved", tr("&Approve"), "Alt+A"),
            ("rejected", tr("&Reject"), "Alt+R"),
            ("draft", tr("Mark as dra&ft"), "Alt+D"),
        ):
            self._add(MARK + status, text, lambda status=status: self.bulk("status", status), key)
        self._add("tag", tr("Add ta&gs…"), lambda: self.ask_bulk("add_tag"), "Ctrl+T")
        self._add("bulk", tr("&Bulk edit…"), lambda: self.ask_bulk("split"), "Ctrl+B")

    def _make_windows(self) -> None:
        for name, text, key in (
            ("add", tr("Add &row"), "Ctrl+Return"),
            ("find", tr("&Search"), Key.Find),
            ("replace", tr("Find and re&place…"), "Ctrl+H"),
            ("judge", tr("Let a model &judge…"), None),
            ("versions", tr("&Versions…"), None),
            ("tokens", tr("&Tokens and cost…"), None),
            ("link", tr("&Link rows to facts…"), None),
            ("hold_out", tr("&Keep some for the exam…"), None),
            ("import", tr("&Import…"), None),
            ("export", tr("E&xport…"), None),
        ):
            self._add(name, text, lambda name=name: self.wanted.emit(name), key)

    def _add(self, name: str, text: str, slot: Callable[[], object], key: object, in_table: bool = False) -> None:
        """With `in_table` the shortcut holds only where the cells have the keys: text fields have their own Copy."""
        action = QAction(text, self)
        if key is not None:
            action.setShortcut(QKeySequence(key))  # type: ignore[call-overload]
            inside = Qt.ShortcutContext.WidgetShortcut if in_table else Qt.ShortcutContext.WidgetWithChildrenShortcut
            action.setShortcutContext(inside)
        action.triggered.connect(lambda _checked=False: slot())
        (self._table if in_table else self._owner).addAction(action)
        self.actions[name] = action

    def show_state(self) -> None:
        """What needs rows is offered only while some are selected."""
        some = self._table.selectionModel().hasSelection()
        for name in ("edit", "json", "cut", "copy", "copy_headings", "fill", "delete", "tag", "bulk"):
            self.actions[name].setEnabled(some)
        for name, action in self.actions.items():
            if name.startswith(MARK):
                action.setEnabled(some)

    def menu(self, parent: QWidget, names: str) -> QMenu:
        """A menu of the actions `names`, where `-` is a line and `split`, `kind` and `columns` are menus of their own."""
        menu = QMenu(parent)
        for name in names.split():
            if name == "-":
                menu.addSeparator()
            elif name in ("split", "kind"):
                menu.addMenu(self._choices(menu, name))
            else:
                menu.addAction(self.actions[name])
        return menu

    def _choices(self, parent: QMenu, field: str) -> QMenu:
        menu = QMenu({"split": tr("&Split"), "kind": tr("&Kind")}[field], parent)
        for value in ALL[COLUMNS.index(field)].choices:
            action = menu.addAction(word(value) or tr("(none)"))
            action.triggered.connect(lambda _checked=False, value=value: self.bulk(field, value))
        menu.setEnabled(self._table.selectionModel().hasSelection())
        return menu

    def _on_menu(self, place: QPoint) -> None:
        menu = self.menu(
            self._table,
            f"edit json - cut copy copy_headings paste fill - judge {MARK}approved {MARK}rejected {MARK}draft "
            "split kind tag bulk - delete",
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._table.viewport().mapToGlobal(place))

    def bulk(self, action: str, value: str) -> None:
        if ids := self._table.selected_ids():
            bulk_actions.apply(self._workspace, ids, action, value, self._owner)

    def ask_bulk(self, action: str) -> None:
        if ids := self._table.selected_ids():
            bulk_actions.BulkDialog(self._workspace, ids, action, self._owner).open()

    def delete(self) -> None:
        if ids := self._table.selected_ids():
            bulk_actions.delete(self._workspace, ids)

    def fill_down(self) -> None:
        """Give all selected rows what the first of them has in the cursor's column."""
        ids, field = self._table.selected_ids(), self._table.current_field()
        if len(ids) < 2 or not field or not ALL[COLUMNS.index(field)].editable:
            return
        first = examples.fetch(self._workspace.project.rows, ids[:1])
        if first:
            bulk_actions.fill(self._workspace, ids[1:], field, getattr(first[ids[0]], field), self._owner)

    def copy(self, with_headings: bool = False) -> None:
        if ids := self._table.selected_ids():
            self._workspace.tasks.start(trn("Copy {n} row", "Copy {n} rows", len(ids)), self._copy(ids, with_headings))

    async def _copy(self, ids: array[int], with_headings: bool) -> None:
        if len(ids) > dataset_clipboard.MOST_COPIED:
            title = trn("{n} row is too many to copy", "{n} rows are too many to copy", len(ids))
            raise JukuError(title, tr("Nothing was copied. Export the rows to a file instead."))
        columns = self._table.header.shown()
        read = self._workspace.project.read
        text = await read(dataset_clipboard.copied, ids, columns, with_headings)
        QGuiApplication.clipboard().setText(text)

    def _on_cut(self) -> None:
        if ids := self._table.selected_ids():
            self._workspace.tasks.start("", self._cut(ids))

    async def _cut(self, ids: array[int]) -> None:
        await self._copy(ids, False)  # first: what cannot be copied must not be deleted
        bulk_actions.delete(self._workspace, ids)

    def paste(self) -> None:
        """Cells go where the cursor is, in one step; files and rows of a file are imported."""
        if files := _files():
            self.files_pasted.emit(files)
            return
        text = QGuiApplication.clipboard().text()
        if not text:
            return
        cells = clipboard.parse_cells(text)
        current = self._table.currentIndex()
        if dataset_clipboard.is_file(text) or not current.isValid() or len(cells) > dataset_clipboard.MOST_PASTED:
            self.pasted.emit()
            self.text_pasted.emit(text)
            return
        self._put(cells, self._targets(len(cells)), self._columns_from(current.column()))

    def _put(self, cells: list[list[str]], ids: array[int], columns: list[int]) -> None:
        try:
            pasted = dataset_clipboard.plan(cells, ids, columns)
        except JukuError as error:
            self._workspace.tasks.failed.emit(error)
            return
        if count := pasted.count():
            prompt = spec.load(self._workspace.project.rows).system_prompt
            label = trn("Paste into {n} row", "Paste into {n} rows", count)
            if pasted.rows:
                self.pasted.emit()
            task = bulk_actions.run(self._workspace, label, dataset_clipboard.put, pasted, prompt)
            task.add_done_callback(lambda _task: self.paste_ended.emit())
        if pasted.left_out:
            Notice(self._owner.window(), dataset_clipboard.left_out(pasted), "warning", lasting=pasted.beyond > 0)

    def has_rows(self) -> bool:
        """Whether what is on the clipboard is rows rather than a few words to search for."""
        text = QGuiApplication.clipboard().text().strip()
        return bool(_files()) or dataset_clipboard.is_file(text) or any(sign in text for sign in "\t\n")

    def has_file(self) -> bool:
        """Whether what is on the clipboard is files or rows of one; “[1]” or “| a” may be meant for the search."""
        text = QGuiApplication.clipboard().text().strip()
        long = "\n" in text or text.startswith(('{"', '[{"'))
        return bool(_files()) or (long and dataset_clipboard.is_file(text))

    def _targets(self, count: int) -> array[int]:
        """The rows a paste of `count` rows goes into: those selected, or from the cursor down as far as there are any."""
        selected = self._table.selected_ids()
        if len(selected) > 1 and count in (1, len(selected)):
            return selected
        first = self._table.intervals()[0][0] if selected else self._table.currentIndex().row()
        return self._table.rows.ids()[first : first + count]

    def _columns_from(self, column: int) -> list[int]:
        shown = self._table.header.shown()
        return shown[shown.index(column) :] if column in shown else shown

    def _on_edit(self) -> None:
        index = self._table.currentIndex()
        if index.isValid() and ALL[index.column()].editable:
            self._table.edit(index)

    def _on_too_many(self, count: int) -> None:
        title = trn("{n} row is too many to drag", "{n} rows are too many to drag", count)
        text = tr("Up to {most} rows can be dragged. Export the others to a file.", most=f"{MOST:,}")
        self._workspace.tasks.failed.emit(JukuError(title, text))


def _files() -> list[Path]:
    """The files that were copied in a file manager."""
    urls = QGuiApplication.clipboard().mimeData().urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
