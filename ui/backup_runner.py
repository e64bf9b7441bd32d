"""Backs the open project up in the background: when it has changed and some time has passed, and when it is closed."""

from __future__ import annotations

import asyncio
import logging
import time

from PySide6.QtCore import QObject, QTimer

from core.errors import FileChangedError, JukuError
from core.progress import Reporter
from core.storage import backups
from core.storage.project import Changes, Project
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
        project = workspace.project
        self._changed = bool(project.notice) and not project.read_only  # what was done before a crash has no backup yet
        self._has_reported = False
        self._last = time.monotonic()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._make)
        workspace.tasks.changed.connect(self._on_changed)

    def _on_changed(self, changes: Changes) -> None:
        self._changed = self._changed or bool(changes.tables - DERIVED_TABLES)
        minutes = self._workspace.settings.backup_minutes
        if self._changed and minutes > 0 and not self._timer.isActive():
            left = minutes * 60 - (time.monotonic() - self._last)
            self._timer.start(round(1000 * max(MIN_DELAY, left)))

    def _make(self) -> None:
        if self._changed and self._workspace.settings.backup_minutes > 0 and self._workspace.tasks.can_start():
            self._workspace.tasks.start("", self.make(self._workspace.project))

    async def make(self, project: Project) -> None:
        """Back `project` up. Raises `JukuError` the first time that it cannot be done."""
        self._changed, self._last = False, time.monotonic()
        try:
            await backups.back_up(project, Reporter())
        except JukuError as error:
            if self._has_reported and not isinstance(error, FileChangedError):  # which says where a person's rows are
                logger.info("no backup: %s", error)
                return
            self._has_reported = True
            raise
        except asyncio.CancelledError:
            self._changed = True
            raise

    def finish_project(self) -> bool:
        """Whether the project that is closed has changes to back up; resets the state for the next one."""
        changed = self._changed and self._workspace.settings.backup_minutes != NEVER_BACK_UP and BACK_UP_AT_CLOSE
        self._changed, self._has_reported, self._last = False, False, time.monotonic()
        self._timer.stop()
        return changed

    async def make_last(self, project: Project) -> FileChangedError | None:
        """Back up a project that is about to be closed. Returns the error if another program has replaced its file."""
        try:
            await backups.back_up(project, Reporter())
        except FileChangedError as error:
            return error
        except JukuError as error:
            logger.warning("no backup: %s", error)
        return None
