"""The backups of this project or of all: date, number of rows, size."""

import asyncio
import time
from pathlib import Path

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QStackedWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from core.language import tr
from core.storage import backups
from core.storage.backups import Backup
from ui import style
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.latest_task_and_reload import LatestTask
from ui.workspace import Workspace

DATE_COLUMN, ROWS_COLUMN, SIZE_COLUMN, NAME_COLUMN = range(4)


class BackupsDialog(QDialog):
    """The list of backups. `chosen` gives the backup that is to be opened as a copy."""

    chosen = Signal(Backup)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._work = LatestTask(workspace, self)
        self.finished.connect(lambda _result: self._work.stop())  # it may be closed before it has them
        self._found: list[Backup] = []
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Open a backup"))
        self.all = QCheckBox(tr("Show the backups of &all projects"))
        columns = [tr("Date"), tr("Rows"), tr("Size"), tr("Project")]
        self.table = tables.build(self.windowTitle(), columns)
        self._set_up_table()
        self.pages = QStackedWidget()
        self._lay_out()
        self.resize(style.scaled(680), style.scaled(460))
        self._load()

    def _set_up_table(self) -> None:
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.itemDoubleClicked.connect(lambda _item: self._on_open())

    def _lay_out(self) -> None:
        words = tr(
            "A backup is opened as a copy, under a name that you choose. The project that is open now stays as it is."
        )
        self.pages.addWidget(self.table)
        self.pages.addWidget(
            EmptyState(
                tr("No backups yet"),
                tr("Juku makes them by itself while you work and when a project is closed. See Settings, Backups."),
            )
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        self.open_copy = basics.primary_button(tr("&Open as a copy…"))
        self.open_copy.clicked.connect(lambda _checked: self._on_open())
        self.open_copy.setEnabled(False)
        buttons.addButton(self.open_copy, QDialogButtonBox.ButtonRole.ActionRole)
        self.all.toggled.connect(lambda _on: self._load())
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.label(words, wrap=True))
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.all)
        layout.addWidget(buttons)

    def _load(self) -> None:
        everything = self.all.isChecked()
        self._work.start(lambda _reporter: self._show(everything))

    async def _show(self, everything: bool) -> None:
        folder = await self._workspace.project.read(backups.backup_folder)
        found = await asyncio.to_thread(_list_backups, None if everything else folder)
        self._found = [one for one, _rows in found]
        self.pages.setCurrentIndex(0 if found else 1)
        self.table.setRowCount(len(found))
        for number, (one, rows) in enumerate(found):
            self._fill(number, one, rows)
        if found:
            basics.select_row(self.table, 0)
        self._on_selected()

    def _fill(self, number: int, one: Backup, rows: int | None) -> None:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.made))
        count = tr("cannot be read") if rows is None else QLocale().toString(rows)
        for column, text in (
            (DATE_COLUMN, day),
            (ROWS_COLUMN, count),
            (SIZE_COLUMN, basics.format_bytes(one.size)),
            (NAME_COLUMN, one.name),
        ):
            item = QTableWidgetItem(text)
            if column in (ROWS_COLUMN, SIZE_COLUMN):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setData(Qt.ItemDataRole.UserRole, rows is not None)
            self.table.setItem(number, column, item)

    def selected_backup(self) -> Backup | None:
        """The selected backup, if it can be read."""
        row = self.table.currentRow()
        item = self.table.item(row, DATE_COLUMN) if row >= 0 else None
        return self._found[row] if item and item.data(Qt.ItemDataRole.UserRole) else None

    def _on_selected(self) -> None:
        self.open_copy.setEnabled(self.selected_backup() is not None)

    def _on_open(self) -> None:
        if backup := self.selected_backup():
            self.accept()
            self.chosen.emit(backup)


def _list_backups(folder: Path | None) -> list[tuple[Backup, int | None]]:
    """The backups in a folder, None: everywhere, with the number of their rows; None where one cannot be read."""
    found: list[tuple[Backup, int | None]] = []
    for one in backups.list_all_backups() if folder is None else backups.list_backups(folder):
        try:
            found.append((one, backups.count_rows(one.path)))
        except JukuError:
            found.append((one, None))
    return found
