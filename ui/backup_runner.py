"""Backs the open project up in the background: when it has changed and some time has passed, and when it is closed."""

from __future__ import annotations

import asyncio
import logging
import time

from PySide6.QtCore import QObject, QTimer

from core.errors import FileChangedError, JukuError
from core.progress import Reporter
from core.storage import backups
from core.storage.project import Project
from core.storage.schema import Table
from ui.server_connections import Connections

logger = logging.getLogger(__name__)
BACK_UP_AT_CLOSE = True  # tests of other things do without
MIN_DELAY = 30.0  # seconds between a change and the backup that holds it, so that one piece of work is in it as a whole
NEVER_BACK_UP = -1
DERIVED_TABLES = {Table.FINDING, Table.PASSAGE_VECTOR}  # tables that can be computed again at any time


class BackupRunner(QObject):
    """Backs up the open project when it has changed and some time has passed, and when it is closed.

    A failed backup is reported once and blocks nothing.
    """

    def __init__(self, workspace: Connections) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._has_reported = False
        self._last = time.monotonic()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._make)
        workspace.tasks.changed.connect(lambda _changes: self._on_changed())
        self.begin_project()

    def begin_project(self) -> None:
        """Begin with the project that is open now."""
        self._has_reported, self._last = False, time.monotonic()
        self._timer.stop()
        project = self._workspace.project
        project.unbacked_tables.clear()  # how a new project was filled can be done again
        if project.notice and not project.read_only:  # what was done before a crash has no backup yet
            project.unbacked_tables.add(Table.EXAMPLE)

    def _on_changed(self) -> None:
        minutes = self._workspace.settings.backup_minutes
        if _has_changed(self._workspace.project) and minutes > 0 and not self._timer.isActive():
            left = minutes * 60 - (time.monotonic() - self._last)
            self._timer.start(round(1000 * max(MIN_DELAY, left)))

    def _make(self) -> None:
        project = self._workspace.project
        if _has_changed(project) and self._workspace.settings.backup_minutes > 0 and self._workspace.tasks.can_start():
            self._workspace.tasks.start("", self.make(project))

    async def make(self, project: Project) -> None:
        """Back `project` up. Raises `JukuError` the first time that it cannot be done."""
        self._last = time.monotonic()
        changed = set(project.unbacked_tables)
        project.unbacked_tables.clear()  # before the backup: what is written from now on may not be in it
        try:
            await backups.back_up(project, Reporter())
        except JukuError as error:
            if self._has_reported and not isinstance(error, FileChangedError):  # which says where a person's rows are
                logger.info("no backup: %s", error)
                return
            self._has_reported = True
            raise
        except asyncio.CancelledError:
            project.unbacked_tables |= changed
            raise

    async def make_now(self, project: Project, reporter: Reporter) -> None:
        """Back `project` up because a person wants it, changed or not. Raises `JukuError` when it cannot be done."""
        changed = set(project.unbacked_tables)
        project.unbacked_tables.clear()  # as in `make`
        try:
            await backups.back_up(project, reporter)
        except BaseException:
            project.unbacked_tables |= changed
            raise
        self._last = time.monotonic()

    def is_due_at_close(self, project: Project) -> bool:
        """Whether a project that is about to be closed has changes to back up; to be asked when its tasks have ended."""
        return _has_changed(project) and self._workspace.settings.backup_minutes != NEVER_BACK_UP and BACK_UP_AT_CLOSE

    async def make_last(self, project: Project) -> FileChangedError | None:
        """Back up a project that is about to be closed. Returns the error if another program has replaced its file."""
        try:
            await backups.back_up(project, Reporter())
        except FileChangedError as error:
            return error
        except JukuError as error:
            logger.warning("no backup: %s", error)
        return None


def _has_changed(project: Project) -> bool:
    """Whether there is work of a person in it that no backup has."""
    return bool(project.unbacked_tables - DERIVED_TABLES)
