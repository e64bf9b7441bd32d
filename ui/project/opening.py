"""Opens a project in the window; if that fails, asks what to do instead."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.errors import JukuError, MissingLogError, ProjectInUseError
from core.language import tr
from core.storage import project as projects
from core.storage import project_lock
from core.storage.project import Project
from core.storage.project_lock import ProjectLockedError
from ui.project import single_instance
from ui.workspace import Workspace

Role = QMessageBox.ButtonRole


class ProjectOpener(QObject):
    """Opens projects, and asks what to do when one is locked or damaged.

    `replace` shows an opened project in place of the one before; `show_error` shows errors without a choice.
    """

    def __init__(
        self,
        workspace: Workspace,
        window: QWidget,
        replace: Callable[[Project], Awaitable[None]],
        show_error: Callable[[JukuError], object],
    ) -> None:
        super().__init__(window)
        self._workspace, self._window = workspace, window
        self._replace, self._show_error = replace, show_error

    async def open(self, path: Path, files: Sequence[Path] = ()) -> bool:
        """Open a project here; False where it is not: another window has it, which gets `files`, or it is refused.

        Raises `ProjectError` when the file cannot be opened for another reason.
        """
        if os.path.abspath(path) == str(self._workspace.project.path):  # noqa: ASYNC240, PTH100 - touches no disk
            return True
        await self._workspace.wait_until_closed(path)  # we would find ourselves to have it open
        try:
            opened = await asyncio.to_thread(projects.open_existing, path)
        except ProjectInUseError as error:
            if not await asyncio.to_thread(single_instance.send_to_open_window, path, files):
                self.explain(error)
            return False
        except MissingLogError as error:
            self.explain(error)
            return False
        await self._replace(opened)
        return True

    def explain(self, error: JukuError) -> None:
        """Say why a project was not opened, with what can be done about it."""
        if isinstance(error, MissingLogError):
            self._ask_without_log(error)
        elif isinstance(error, ProjectLockedError):
            self._ask_to_look(error)
        else:
            self._show_error(error)

    def _ask_without_log(self, error: MissingLogError) -> None:
        """A part of a project is missing: let the person choose whether to open the rest."""
        box = self._build_box(error)
        there = box.addButton(tr("Open what is there"), Role.AcceptRole)
        there.clicked.connect(lambda: self._start(lambda: projects.open_existing(error.path, without_log=True)))
        _open_box(box)

    def _ask_to_look(self, error: ProjectLockedError) -> None:
        """Another account or computer has it; taking over is offered only where nothing was heard of them for long."""

        def take_over() -> Project:
            project_lock.take_over(error)
            return projects.open_existing(error.path)

        box = self._build_box(error)
        look = box.addButton(tr("&Look at it (read only)"), Role.AcceptRole)
        look.clicked.connect(lambda: self._start(lambda: projects.open_read_only(error.path)))
        if error.can_take_over:
            take = box.addButton(tr("&Take it over"), Role.DestructiveRole)
            take.setAutoDefault(False)
            take.clicked.connect(lambda: self._start(take_over))
        _open_box(box)

    def _build_box(self, error: JukuError) -> QMessageBox:
        box = QMessageBox(QMessageBox.Icon.Warning, "Juku", "", parent=self._window)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(error.title)
        box.setInformativeText(error.message)
        return box

    def _start(self, opening: Callable[[], Project]) -> None:
        self._workspace.tasks.start("", self._open_by(opening))

    async def _open_by(self, opening: Callable[[], Project]) -> None:
        try:
            opened = await asyncio.to_thread(opening)
        except (ProjectInUseError, MissingLogError) as error:  # another process was faster
            self.explain(error)
        else:
            await self._replace(opened)


def _open_box(box: QMessageBox) -> None:
    box.setDefaultButton(box.addButton(tr("Cancel"), Role.RejectRole))
    box.open()
