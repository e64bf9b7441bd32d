"""The quarantine: lines of imported files that could not be read, why, and how to add them after all."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core import checks
from core.checks import RULES
from core.checks.rule_registry import clip
from core.dataset import quarantine
from core.dataset.quarantine import UnreadLine
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.dataset.quarantine_editor import QuarantineEditor
from ui.widgets import basics, context_menus, file_dialogs, tables
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.workspace import Workspace

MENDABLE_CHUNK = 200  # lines looked at at once while those that can be mended are counted
PAGE_LINES = 200  # lines read at once
MAX_CACHED_PAGES = 20  # that are kept
PREVIEW_BYTES = 300  # bytes of a line that the table shows
WAITING_TEXT = "…"

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class QuarantineModel(QAbstractTableModel):
    """The lines that could not be read, as a Qt model.

    They are read in pages, in another thread; cells that are not read yet show an ellipsis.
    """

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._ids: array[int] = array("q")
        self._pages: dict[int, dict[int, UnreadLine]] = {}
        self._wanted: set[int] = set()
        self._edition = 0  # a page that was asked for before the ids changed is not the same any more

    def show_ids(self, ids: array[int]) -> None:
        """Show the lines with these ids; pages are read when they become visible."""
        self._edition += 1
        self._wanted.clear()
        if ids == self._ids:
            self._pages.clear()
            return
        self.beginResetModel()
        self._ids, self._pages = ids, {}
        self.endResetModel()

    def ids(self) -> array[int]:
        """The ids of the lines, in the order shown."""
        return self._ids

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return (tr("File"), tr("Line"), tr("Reason"), tr("Text"))[section]
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.TextAlignmentRole and index.column() == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Role.DisplayRole, Role.ToolTipRole):
            return None
        entry = self._load_entry(index.row())
        if entry is None:
            return WAITING_TEXT if role == Role.DisplayRole else None
        if role == Role.DisplayRole:
            return (entry.source, f"{entry.line:,}", entry.message, format_line(entry.raw))[index.column()]
        return basics.plain_tooltip(_format_reason(entry)) if index.column() == 2 else None

    def _load_entry(self, row: int) -> UnreadLine | None:
        page = row // PAGE_LINES
        if page in self._pages:
            return self._pages[page].get(self._ids[row])
        if page not in self._wanted:
            self._wanted.add(page)
            self._workspace.tasks.start("", self._load(page, self._edition), self)
        return None

    async def _load(self, page: int, edition: int) -> None:
        ids = self._ids[page * PAGE_LINES : (page + 1) * PAGE_LINES]
        found = await self._workspace.project.read(quarantine.fetch, ids, PREVIEW_BYTES)
        if edition != self._edition:
            return
        self._wanted.discard(page)
        if len(self._pages) >= MAX_CACHED_PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[page] = found
        last = min((page + 1) * PAGE_LINES, len(self._ids)) - 1
        self.dataChanged.emit(self.index(page * PAGE_LINES, 0), self.index(last, 3))


def format_line(raw: bytes) -> str:
    """The beginning of a line's bytes for a table; bytes that are not UTF-8 are shown as \\xNN."""
    return clip(raw[:PREVIEW_BYTES].decode("utf-8", "backslashreplace"), PREVIEW_BYTES)


def _format_reason(entry: UnreadLine) -> str:
    rule = checks.RULES.get(entry.rule)
    return f"{entry.message} {rule.explanation()}" if rule else entry.message


class QuarantineDialog(QDialog):
    """Lists the lines, shows one below to edit, and adds those that can be fixed safely."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._work = LatestTask(workspace, self)
        self._counting = LatestTask(workspace, self)
        self.setWindowTitle(tr("Lines that could not be read"))
        self.resize(style.scaled(960), style.scaled(640))
        self._summary = basics.label(wrap=True)
        self.rule_box = DropDown()
        self.rule_box.setAccessibleName(tr("Reason"))
        self.rule_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.rule_box.activated.connect(lambda _index: self.refresh())
        self.model = QuarantineModel(workspace, self)
        self._make_table()
        self.edit = QuarantineEditor(workspace, self)
        self._make_buttons()
        self._lay_out()
        workspace.tasks.changed.connect(self._on_changed)
        self.refresh()

    def _make_table(self) -> None:
        self.table = QTableView(wordWrap=False)
        self.table.setAlternatingRowColors(True)
        self.table.setModel(self.model)
        tables.set_up(self.table, self.windowTitle(), several=True)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.table.horizontalHeader()
        for column, width in enumerate((160, 70, 330)):
            tables.set_column_width(self.table, column, width)
        header.setStretchLastSection(True)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())

    def _make_buttons(self) -> None:
        self.repair_all_button = QPushButton(tr("Fix what is safe to fix"))
        basics.explain(
            self.repair_all_button,
            tr("Imports each line with a trailing comma, curly quotes or another encoding after fixing it."),
        )
        self._save = QPushButton(tr("Save all lines to a file…"))
        self.delete_button = QPushButton(style.icon("delete"), tr("Delete"))
        self.repair_all_button.clicked.connect(self._on_repair_all)
        self._save.clicked.connect(self._on_save)
        self.delete_button.clicked.connect(self._on_delete)
        self.result_note = basics.Note()
        context_menus.offer(self.table, self._save, self.repair_all_button, self.delete_button)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._summary, 1)
        top.addWidget(self.rule_box)
        self.pages = QStackedWidget()
        nothing = basics.EmptyState(
            tr("No rows need attention"), tr("Every line of the imported files is in the project.")
        )
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        splitter.addWidget(self.table)
        splitter.addWidget(self.edit)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        self.pages.addWidget(splitter)
        self.pages.addWidget(nothing)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        for button in (self.repair_all_button, self._save, self.delete_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch()
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(top)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.result_note)
        layout.addWidget(ProgressLine(self._work))
        layout.addLayout(buttons)

    def refresh(self) -> None:
        """Read the list of lines again."""
        self._counting.stop()
        self._workspace.tasks.start("", self._load(self.rule_box.currentData() or ""), self)

    async def _load(self, rule: str) -> None:
        project = self._workspace.project
        rules = await project.read(quarantine.count_rules)
        if rule not in rules:
            rule = ""
        ids = await project.read(quarantine.find, rule)
        self._show_rules(rules, rule)
        row = max(0, self.table.currentIndex().row())
        self.model.show_ids(ids)
        total = sum(rules.values())
        self._summary.setText(
            trn(
                "{n} line was set aside with its bytes; all other lines of its file were imported.",
                "{n} lines were set aside with their bytes; all other lines of their files were imported.",
                total,
            )
            if total
            else ""
        )
        self.pages.setCurrentIndex(0 if total else 1)
        self._select(min(row, len(ids) - 1))
        self._counting.start(self._count_mendable)

    def _show_rules(self, rules: dict[str, int], chosen: str) -> None:
        self.rule_box.clear()
        self.rule_box.addItem(tr("All reasons"), "")
        for rule, count in rules.items():
            title = RULES[rule].title() if rule in RULES else rule
            self.rule_box.addItem(f"{title} ({count:,})", rule)
        self.rule_box.setCurrentIndex(max(0, self.rule_box.findData(chosen)))
        self.rule_box.setVisible(len(rules) > 1)

    def _select(self, row: int) -> None:
        if row < 0:
            self.edit.show_line(None)
        elif row != self.table.currentIndex().row() or not self.table.selectionModel().hasSelection():
            basics.select_row(self.table, row)
        else:
            self.edit.show_line(self.model.ids()[row])
        self._show_buttons()

    async def _count_mendable(self, reporter: Reporter) -> None:
        """Count in small chunks, so other reads of the window run between them."""
        ids = self.model.ids()
        found = 0
        self.repair_all_button.setText(tr("Fix what is safe to fix"))
        for start in range(0, len(ids), MENDABLE_CHUNK):
            found += await self._workspace.project.read(
                quarantine.count_repairable, ids[start : start + MENDABLE_CHUNK]
            )
        self.repair_all_button.setText(
            trn("Fix {n} line that is safe to fix", "Fix {n} lines that are safe to fix", found)
        )
        self.repair_all_button.setEnabled(found > 0 and not self._workspace.project.read_only)

    def _selected_ids(self) -> array[int]:
        """The ids of the selected lines, by ranges: all 100,000 may be selected."""
        ids = self.model.ids()
        found: array[int] = array("q")
        for part in self.table.selectionModel().selection().toList():
            found.extend(ids[part.top() : part.bottom() + 1])
        return found

    def _show_buttons(self) -> None:
        count, writable = len(self._selected_ids()), not self._workspace.project.read_only
        self.delete_button.setEnabled(count > 0 and writable)
        self.delete_button.setText(trn("Delete {n} line", "Delete {n} lines", count) if count > 1 else tr("Delete"))
        self._save.setText(tr("Save these lines to a file…") if count > 1 else tr("Save all lines to a file…"))
        self._save.setEnabled(len(self.model.ids()) > 0)
        self.repair_all_button.setVisible(len(self.model.ids()) > 0)

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        self.edit.show_line(self.model.ids()[index.row()] if index.isValid() else None)

    def _on_changed(self, changes: Changes) -> None:
        if Table.UNREAD in changes.tables:
            self.refresh()

    def _on_repair_all(self) -> None:
        label = tr("Fix lines")

        def work(reporter: Reporter) -> object:
            return self._workspace.project.write(label, quarantine.repair_all, reporter, reporter=reporter)

        self._work.start(work, label)  # type: ignore[arg-type]

    def _on_delete(self) -> None:
        ids = self._selected_ids()
        label = trn("Delete {n} unread line", "Delete {n} unread lines", len(ids))
        self._work.start(lambda _reporter: self._workspace.project.write(label, quarantine.delete, ids), label)

    def _on_save(self) -> None:
        title = tr("Save the lines unchanged")
        file_dialogs.save_dialog(
            self, self._workspace.settings, file_dialogs.LINES, title, "unread.txt", self.save
        ).open()

    def save(self, path: Path) -> None:
        """Save the original bytes of the selected lines, or of all when only one is selected."""
        selected = self._selected_ids()
        ids = selected if len(selected) > 1 else self.model.ids()

        async def work(reporter: Reporter) -> None:
            count = await self._workspace.project.read(quarantine.save, ids, path, reporter, reporter=reporter)
            self.result_note.show_text(
                trn("{n} line written to {path}", "{n} lines written to {path}", count, path=path), "good"
            )

        self._work.start(work, tr("Save lines"))

    def reject(self) -> None:
        """Close; Qt calls this for the window's close button too."""
        if drafts := self.edit.drafts():
            self._ask_to_lose(drafts)
            return
        self._work.stop()
        self._counting.stop()
        super().reject()

    def _ask_to_lose(self, drafts: int) -> None:
        box = QMessageBox(self)
        box.setWindowTitle(self.windowTitle())
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(
            trn(
                "You changed {n} line and did not import it. Close and discard the change?",
                "You changed {n} lines and did not import them. Close and discard the changes?",
                drafts,
            )
        )
        lose = box.addButton(tr("Discard the changes"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(tr("Keep editing"), QMessageBox.ButtonRole.RejectRole))
        lose.clicked.connect(self._on_lose)
        box.open()

    def _on_lose(self) -> None:
        self.edit.forget()
        self.close()
