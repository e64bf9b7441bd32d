"""A dialog that asks a model for rows, verdicts or facts, as a person uses it."""

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from shiboken6 import isValid

from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.filters import Filter
from core.storage.project import Project
from tests.support.fake_server import FakeServer
from tests.support.pages.dialogs import is_settled
from tests.support.pages.scene import Run, Scene
from tests.support.until import until
from ui.generation.llm_run_dialog import LlmRunDialog
from ui.llm_run_runner import LlmRunRunner
from ui.workspace import Workspace

MODEL = "base-model"


class LlmRunPage(Scene):
    """One of the dialogs over a project, and what they report; the server's answers are scripted."""

    def __init__(self, run: Run, project: Project, server: FakeServer) -> None:
        super().__init__(run, project, server.settings())
        self.server = server
        self.told: list[str] = []  # what came of the runs, in words

    async def show(self, make: Callable[[Workspace], LlmRunDialog]) -> None:
        """Open a dialog, and wait until it has read the project."""
        self.dialog = make(self.workspace)
        self.dialog.finished_with.connect(self.told.append)
        self.dialog.open()
        await self.settle()

    async def settle(self) -> None:
        await until(lambda: self.dialog.is_loaded and is_settled(self.dialog))

    async def finish(self) -> None:
        """Wait until the run that was begun has ended and its outcome is shown."""
        await until(lambda: self.told)
        await until(lambda: self.runner.progress(self.dialog.task) is None)
        await self.settle()

    @property
    def runner(self) -> LlmRunRunner:
        return self.workspace.llm_runs

    def play(  # type: ignore[override]
        self, make: Callable[[Workspace], LlmRunDialog], work: Callable[["LlmRunPage"], Coroutine[Any, Any, None]]
    ) -> None:
        """Open a dialog and await `work(self)`; afterwards nothing runs and the dialog is gone."""

        async def whole() -> None:
            await self.open()
            await self.workspace.load_offers()
            await self.show(make)
            await work(self)

        super().play(whole())

    async def close(self) -> None:
        await super().close()
        if isValid(self.dialog):  # closed, it deletes itself
            self.dialog.deleteLater()

    def answers(self, *texts: str) -> None:
        """What the model answers next."""
        for text in texts:
            self.server.answer(MODEL, text)

    def drafts(self) -> Collection[Example]:
        """The rows that wait for a person's approval."""
        rows = self.project.rows
        return examples.fetch(rows, examples.find_ids(rows, Filter(status="draft"))).values()
