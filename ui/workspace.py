"""What the tabs share: the open project with its search index, tasks, backups and runners, and the providers."""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from core import settings
from core.dataset.filters import Filter
from core.dataset.search_index_builder import Finder
from core.errors import FileChangedError, JukuError, ProjectError
from core.paths import real_path
from core.progress import Reporter
from core.storage import remembered_choices
from core.storage.connection import replaced_at_close_error
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui.async_tasks import cancel_all
from ui.backup_runner import BackupRunner
from ui.llm_run_runner import LlmRunRunner
from ui.queue_runner import QueueRunner
from ui.server_connections import Connections
from ui.settings_watch import SettingsWatch

INDEX_DELAY = 2_000  # milliseconds without a change before the search index is updated


class Workspace(Connections):
    """One open project, the provider it trains and chats with, those of the other roles, and what runs for it."""

    look_changed = Signal()  # the language or the size of the texts was chosen anew
    rows_wanted = Signal(str)  # rows are to be shown: the words of a filter

    def __init__(self, project: Project, chosen: settings.Settings, parent: QObject | None = None) -> None:
        super().__init__(project, chosen, parent)
        self.finder = Finder(project)
        self.tasks.changed.connect(self._on_changed)
        self._indexing = QTimer(self, singleShot=True, interval=INDEX_DELAY)
        self._indexing.timeout.connect(self._refresh_index)
        self._indexing.start()
        self._index_task: asyncio.Task[None] | None = None
        self._closing: dict[Path, asyncio.Task[None]] = {}  # projects that were left, by their path
        self._choices: tuple[Project, dict[str, str]] | None = None
        SettingsWatch(self)
        self.backups = BackupRunner(self)
        self.queue = QueueRunner(self)
        self.llm_runs = LlmRunRunner(self)

    async def find(self, filter: Filter) -> array[int]:
        """Ids of the rows that match; a newer search stops the older one."""
        return await self.finder.find(filter)

    def _on_changed(self, changes: Changes) -> None:
        self.finder.record_changes(changes)
        if Table.EXAMPLE in changes.counts:
            self._indexing.start()

    def _refresh_index(self) -> None:
        """Make the search index once no more rows have changed for a moment."""
        if self.tasks.can_start() and (self._index_task is None or self._index_task.done()):
            self._index_task = self.tasks.start("", self.finder.refresh(Reporter()))

    def bring_log_in(self) -> None:
        """Make the project one whole file now, and keep other programs out of it."""
        self.project.assert_locks()
        if self.project.has_log and self.tasks.can_start():
            self.tasks.start("", self._bring_log_in())

    async def _bring_log_in(self) -> None:
        with suppress(ProjectError):  # nobody has asked for it: the next write says what is wrong
            await self.project.checkpoint()

    def choice(self, place: str) -> str:
        """What the person has chosen in this project's window at a place of it; '' for nothing."""
        if self._choices is None or self._choices[0] is not self.project:
            self._choices = self.project, remembered_choices.load(self.project.rows)
        return self._choices[1].get(place, "")

    def keep_choice(self, place: str, value: str) -> None:
        """Choose it again after a restart; where the project cannot be written it holds for this session."""
        if value != self.choice(place):
            assert self._choices is not None
            self._choices[1][place] = value
            if not self.project.read_only and self.tasks.can_start():
                self.tasks.start("", self.project.write("", remembered_choices.store, place, value))

    def switch(self, project: Project) -> None:
        """Switch to another project; what still runs on the old one is cancelled first."""
        old = self.project
        closing = self.tasks.start("", self._close_old(old, self.tasks.running()))
        self._closing[old.path] = closing
        closing.add_done_callback(lambda _task: self._closing.pop(old.path, None))
        self.project = project
        self.backups.begin_project()
        self.finder = Finder(project)
        self._indexing.start()
        self.remember(project.path)

    async def wait_until_closed(self, path: Path) -> None:
        """Wait until a project that this window has left is closed: its last backup may take a while."""
        if self._closing and (closing := self._closing.get(await asyncio.to_thread(real_path, path))):
            await asyncio.wait([closing])

    async def _close_old(self, old: Project, running: list[asyncio.Task[None]]) -> None:
        await cancel_all(running)
        if error := await self._back_up_and_close(old):
            self.tasks.failed.emit(error)

    async def _back_up_and_close(self, project: Project) -> FileChangedError | None:
        """Back up what has changed, and close; what was saved where, if another program has exchanged the file.

        To be called when no task works on it any more: one that was writing has completed.
        """
        error = copy = None
        try:
            if self.backups.is_due_at_close(project):
                error = await self.backups.make_last(project)
        finally:
            copy = project.close()
        return replaced_at_close_error(project.path, copy) if copy else error

    def remember(self, path: Path) -> None:
        """Put a project first among the recent ones."""
        self.settings.add_recent(path)
        self.save_settings()

    def save_settings(self) -> None:
        """Save what was chosen; where it cannot be saved, that is shown."""
        try:
            settings.save(self.settings)
        except JukuError as error:
            self.tasks.failed.emit(error)

    async def close(self) -> None:
        """Stop the tasks, close the connections, back up and close the project."""
        self._indexing.stop()
        await self.tasks.close()
        await super().close()
        if error := await self._back_up_and_close(self.project):
            self.settings.left = str(error)
            with suppress(JukuError):  # the copy is beside the project all the same
                settings.save(self.settings)
