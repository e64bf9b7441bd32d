"""A warning about the folder of a project: synchronised, or on a network drive."""

from __future__ import annotations

import asyncio

from PySide6.QtWidgets import QWidget

from core.storage import synced_folders
from core.storage.project import Project
from ui.widgets.message_bar import MessageBar
from ui.workspace import Workspace


class SyncedFolderBar(MessageBar):
    """Warns of a project in a synced folder or on a network drive.

    Stays until it is closed, or another project is opened.
    """

    def __init__(self, workspace: Workspace, window: QWidget) -> None:
        super().__init__(window)
        self._workspace = workspace

    def follow(self, project: Project) -> None:
        """Warn of the folder of `project` if there is a reason."""
        self.hide()
        self._workspace.tasks.start("", self._check_folder(project))

    async def _check_folder(self, project: Project) -> None:
        """On a network drive looking may take a while."""
        words = await asyncio.to_thread(synced_folders.location_warning, project.path)
        if words and project is self._workspace.project:
            self.show_text(words, "warning")
