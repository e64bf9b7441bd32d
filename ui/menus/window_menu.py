"""The Window menu: this window, what is open in it, and the projects that other windows have open."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QMenu, QMessageBox

from core.language import tr
from ui import restart
from ui.project import recent_projects, single_instance, window_sockets
from ui.project.file_actions import PROJECT_FILES
from ui.project.project_window import ProjectWindow
from ui.widgets import basics, file_dialogs
from ui.workspace import Workspace


class WindowActions(QObject):
    """Fills the Window menu of `window`; what is open is looked up each time that the menu is."""

    def __init__(self, menu: QMenu, window: ProjectWindow, workspace: Workspace) -> None:
        super().__init__(menu)
        self._menu, self._window, self._workspace = menu, window, workspace
        basics.menu_action(menu, tr("&Minimize"), window.showMinimized, "Ctrl+M")
        basics.menu_action(menu, tr("Ma&ximize or restore"), self._on_maximize)
        menu.addSeparator()
        basics.menu_action(menu, tr("Open a project in a &new window…"), self._on_new_window, "Ctrl+Shift+N")
        self._fixed = menu.addSeparator()
        menu.aboutToShow.connect(self._show_open)

    def _show_open(self) -> None:
        entries = self._menu.actions()
        for action in entries[entries.index(self._fixed) + 1 :]:
            self._menu.removeAction(action)
            action.deleteLater()
        own = self._workspace.project.path
        here = basics.menu_action(self._menu, _escape(own.stem), partial(single_instance.raise_window, self._window))
        here.setCheckable(True)
        here.setChecked(True)
        for path in self._find_open_projects(own):
            basics.menu_action(self._menu, _escape(path.stem), partial(self._raise_other, path)).setCheckable(True)
        dialogs = [one for one in self._window.findChildren(QDialog) if one.isVisible() and not _is_question(one)]
        if dialogs:
            self._menu.addSeparator()
        for dialog in dialogs:
            show = partial(single_instance.raise_window, dialog)
            basics.menu_action(self._menu, _escape(dialog.windowTitle()), show)

    def _find_open_projects(self, own: Path) -> list[Path]:
        """The recent projects that another window has open now."""
        found = [one.path for one in recent_projects.load(self._workspace.settings) if one.is_there]
        return [path for path in found if path != own and window_sockets.is_open(path)]

    def _raise_other(self, path: Path) -> None:
        self._workspace.tasks.start("", self._send(path))

    async def _send(self, path: Path) -> None:
        await asyncio.to_thread(single_instance.send_to_open_window, path, [])

    def _on_maximize(self) -> None:
        is_large = self._window.windowState() & Qt.WindowState.WindowMaximized
        self._window.showNormal() if is_large else self._window.showMaximized()

    def _on_new_window(self) -> None:
        file_dialogs.open_dialog(
            self._window, self._workspace.settings, file_dialogs.PROJECTS, tr("Open a project in a new window"),
            lambda found: restart.open_window(found[0]),
            file_dialogs.name_filters(tr("Juku projects"), PROJECT_FILES),
        ).open()  # fmt: skip


def _is_question(dialog: QDialog) -> bool:
    """A question is in front already, and a window that has no title is none."""
    return isinstance(dialog, QMessageBox) or not dialog.windowTitle()


def _escape(text: str) -> str:
    return text.replace("&", "&&")
