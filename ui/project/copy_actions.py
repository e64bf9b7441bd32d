"""Save a copy, Back up and Open a backup, in the File menu."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.activity_history import ActivityKind
from core.language import tr, trn
from core.storage import backups
from core.storage import project as projects
from core.storage.backups import Backup, CopyResult
from ui.project.backups_dialog import BackupsDialog
from ui.widgets import file_dialogs
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


class CopyActions(QObject):
    """Saves a copy of the project, makes and restores backups.

    `opened` gives the path of a project that a backup was restored to; `flush` saves what is typed and not saved yet.
    """

    opened = Signal(Path)

    def __init__(self, workspace: Workspace, window: QWidget, flush: Callable[[], Awaitable[None]]) -> None:
        super().__init__(window)
        self._workspace = workspace
        self._window, self._flush = window, flush

    def ask(self) -> None:
        """Ask where the copy goes."""
        name = f"{self._workspace.project.path.stem} {time.strftime('%Y-%m-%d')}"
        self._ask_where(tr("Save a copy"), name, self.save_to)

    def save_to(self, path: Path) -> None:
        """Save a copy of the project at `path`."""
        label = tr("Save a copy")
        self._workspace.tasks.start(label, self._save(path, label), kind=ActivityKind.EXPORT)

    async def _save(self, path: Path, label: str) -> None:
        await self._flush()
        reporter = self._workspace.tasks.reporter(label)
        self._show_result(await backups.save_copy(self._workspace.project, path, reporter))

    def back_up(self) -> None:
        """Make a backup beside those that make themselves: before a change that one is not sure of."""
        label = tr("Back up")
        self._workspace.tasks.start(label, self._back_up(label), kind=ActivityKind.EXPORT)

    async def _back_up(self, label: str) -> None:
        await self._flush()
        await self._workspace.backups.make_now(self._workspace.project, self._workspace.tasks.reporter(label))
        Notice(self._window, tr("A backup was made.")).add_button(tr("Open a backup…"), self.show_backups)

    def show_backups(self) -> None:
        """Open the list of backups."""
        dialog = BackupsDialog(self._workspace, self._window)
        dialog.chosen.connect(self._ask_for_backup)
        dialog.open()

    def _ask_for_backup(self, backup: Backup) -> None:
        """A backup is never worked on itself: it is opened as a copy."""
        day = time.strftime("%Y-%m-%d %H.%M", time.localtime(backup.made))
        name = f"{backup.name} – {tr('backup of {day}', day=day)}"
        self._ask_where(tr("Open a backup as a copy"), name, lambda path: self.restore_to(backup, path))

    def restore_to(self, backup: Backup, path: Path) -> None:
        """Copy a backup to `path` and open it there."""
        label = tr("Open a backup")
        self._workspace.tasks.start(label, self._restore(backup, path, label))

    async def _restore(self, backup: Backup, path: Path, label: str) -> None:
        copy = await backups.restore(backup.path, path, self._workspace.tasks.reporter(label))
        self.opened.emit(copy.path)

    def _ask_where(self, title: str, name: str, then: Callable[[Path], object]) -> None:
        """Ask for a new project file, by default beside the project; what is there is replaced only after a question."""
        kinds = f"{tr('Juku projects')} (*{projects.PROJECT_SUFFIX})"
        name = str(self._workspace.project.path.parent / f"{name}{projects.PROJECT_SUFFIX}")
        chosen = self._workspace.settings
        file_dialogs.save_dialog(self._window, chosen, file_dialogs.PROJECTS, title, name, then, kinds).open()

    def _show_result(self, result: CopyResult) -> None:
        if result.is_whole:
            rows = trn("{n} row", "{n} rows", result.rows)
            Notice(self._window, tr("The copy “{name}” was saved: {rows}.", name=result.path.name, rows=rows))
            return
        words = tr(
            "The copy “{name}” was saved, but the project is damaged, and so is the copy. Open a backup from before, and compare.",
            name=result.path.name,
        )
        Notice(self._window, words, "error", lasting=True).add_button(tr("Open a backup…"), self.show_backups)
