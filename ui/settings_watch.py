"""Reloads the settings when another window has saved them."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer

from core import paths, settings
from ui.server_connections import Connections

RELOAD_DELAY = 100  # milliseconds after which a file that was replaced is looked at
PROVIDER_SETTINGS = {"providers", "provider", "student_model", "writer", "judge"}  # what decides who is asked


class SettingsWatch(QObject):
    """Notices settings that another window has changed. It lives as long as its workspace."""

    def __init__(self, workspace: Connections) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._timer = QTimer(self, singleShot=True, interval=RELOAD_DELAY)
        self._timer.timeout.connect(self._check)
        # The folder, not the file: one that is replaced by another is no longer watched.
        folder = paths.config_folder()
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            watcher = QFileSystemWatcher([str(folder)], self)
            watcher.directoryChanged.connect(lambda _folder: self._timer.start())

    def _check(self) -> None:
        workspace = self._workspace
        if not workspace.tasks.can_start():
            return
        provider = workspace.settings.provider
        before = {entry.id: entry.base_url for entry in workspace.settings.providers}
        changed = settings.reload(workspace.settings)
        after = {entry.id: entry.base_url for entry in workspace.settings.providers}
        for id, url in before.items():
            if after.get(id) != url:
                workspace.tasks.start("", workspace.forget_provider(id))
        if "provider" in changed:
            workspace.drop_offers(provider)
            workspace.drop_offers(workspace.settings.provider)
            workspace.tasks.start("", workspace.load_offers())
        if changed & PROVIDER_SETTINGS:
            workspace.offers_changed.emit()
