"""The rescue of a model as a person does it, page by page."""

import shiboken6

from core.storage.project import Project
from tests.support.fake_server import FakeServer
from tests.support.pages.dialogs import settle
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.rescue.rescue_dialog import RescueDialog
from ui.workspace import Workspace


class RescuePage:
    """The dialog over a project, with a server that is OpenAI's."""

    def __init__(self, project: Project, server: FakeServer) -> None:
        self.workspace = Workspace(project, server.settings(preset="openai"))
        self.dialog = RescueDialog(self.workspace)
        for page in (self.dialog.whole, self.dialog.teaching):  # not this computer: no engine is started
            page.server_box.setCurrentIndex(page.server_box.findData("fake"))
        self.dialog.open()

    async def play(self, scene):
        try:
            (await self.workspace.provider()).poll_seconds = 0.01
            await self.loaded()
            await scene
        finally:
            if shiboken6.isValid(self.dialog):
                self.dialog.close()  # it deletes itself
            await cancel_all(self.workspace.tasks.running())
            await (await self.workspace.provider()).close()

    async def loaded(self):
        await until(lambda: self.dialog.models.model() or self.dialog.note.text())
        await self.settled()

    async def settled(self):
        await settle(self.dialog)

    async def asked(self):
        await until(lambda: self.workspace.llm_runs.progress("golden") is None)
        await self.settled()

    @property
    def rows(self):
        return self.workspace.project.rows
