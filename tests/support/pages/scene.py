"""What a page over a project and servers needs: a workspace that is opened, and whose tasks end on the event loop."""

from collections.abc import Callable, Coroutine
from typing import Any

from core.errors import JukuError
from core.settings import Settings
from core.storage.project import Project
from tests.support.fake_server import KEY
from ui.server_connections import Connections
from ui.workspace import Workspace

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Scene:
    """A workspace over `project`; `play` ends all tasks, since outside of `run` nothing may happen."""

    def __init__(self, run: Run, project: Project, settings: Settings) -> None:
        self._run, self.project, self._settings = run, project, settings
        self.failures: list[JukuError] = []

    async def open(self) -> None:
        """Open the workspace with the servers' keys, also a second time, as after a restart."""
        self.workspace = Workspace(self.project, self._settings)
        self.workspace.tasks.failed.connect(self.failures.append)
        for entry in self._settings.providers:
            self.workspace.keys.keep_for_session(entry.id, KEY)

    def play(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Await `coroutine`, then end the tasks and the connections."""

        async def whole() -> None:
            try:
                await coroutine
            finally:
                await self.close()

        self._run(whole())

    async def close(self) -> None:
        """End the tasks and the connections; a second time it does nothing."""
        await self.workspace.tasks.close()
        await Connections.close(self.workspace)  # without the project, whose fixture closes it
