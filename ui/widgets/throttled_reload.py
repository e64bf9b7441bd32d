"""Reads again what a tab shows: never twice at once, and not more often than an eye can follow."""

import asyncio
from collections.abc import Awaitable, Callable

from core.errors import JukuError
from core.storage.project import Project
from ui.workspace import Workspace

PAUSE = 0.3  # seconds between two loads while changes keep coming


class Reload:
    """Runs `load` for each `ask`; what is asked for while it runs is done once, afterwards."""

    def __init__(self, workspace: Workspace, load: Callable[[Project], Awaitable[None]]) -> None:
        self._workspace = workspace
        self._load = load
        self._task: asyncio.Task[None] | None = None
        self._project = workspace.project
        self._asked = False

    def ask(self) -> None:
        self._asked = True
        project = self._workspace.project
        if self._task is None or self._task.done() or self._project is not project:
            self._project = project
            self._task = self._workspace.tasks.start("", self._run(project))

    async def _run(self, project: Project) -> None:
        while self._asked and project is self._workspace.project:
            self._asked = False
            try:
                await self._load(project)
            except JukuError as error:  # what was asked for meanwhile is read all the same
                self._workspace.tasks.failed.emit(error)
            await asyncio.sleep(PAUSE)
