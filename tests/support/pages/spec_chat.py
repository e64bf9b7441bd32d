"""The chat beside the spec as a person uses it: a change is asked for, and a proposal is looked at."""

from dataclasses import replace
from typing import TypeVar

from PySide6.QtWidgets import QWidget

from core.spec import spec
from core.storage.project import Project
from tests.support.fake_server import FakeServer
from tests.support.pages.scene import Run, Scene
from tests.support.until import until
from ui.spec.proposal_dialog import ProposalDialog
from ui.spec.spec_chat import SpecChat
from ui.spec.spec_chat_messages import AnswerMessage

W = TypeVar("W", bound=QWidget)


class SpecChatPage(Scene):
    """The chat over a project whose spec has the text `text`."""

    def __init__(self, qtbot, run: Run, project: Project, server: FakeServer, text: str) -> None:
        self._qtbot = qtbot
        self.spec = replace(spec.load(project.rows), text=text)
        self.wanted, self.places = [], []  # texts that are to be taken over; places that were clicked
        super().__init__(run, project, server.settings())
        run(self.open())

    async def open(self) -> None:
        await super().open()
        self.chat = SpecChat(self.workspace, lambda: self.spec)
        self._qtbot.addWidget(self.chat)
        self.chat.text_wanted.connect(lambda text, before: self.wanted.append((text, before)))
        self.chat.place_chosen.connect(self.places.append)
        self.chat.resize(460, 700)
        self.chat.show()

    def play(self, coroutine) -> None:
        async def whole() -> None:
            await self.workspace.load_offers()
            await coroutine

        super().play(whole())

    def messages(self, kind: type[W]) -> list[W]:
        """The messages of a kind that are shown, the oldest first."""
        return [part for part in self.chat.findChildren(kind) if not part.isHidden() and part.parent()]

    @property
    def answer(self) -> AnswerMessage:
        """The newest answer."""
        return self.messages(AnswerMessage)[-1]

    async def ask(self, text: str = "Longer, please.") -> None:
        """Send a question and wait for the answer."""
        self.chat.field.setPlainText(text)
        self.chat.send.click()
        await self.answered()

    async def answered(self) -> None:
        await until(lambda: not self.chat.is_busy())

    def dialog(self) -> ProposalDialog:
        """The window that shows a proposal's changes."""
        return next(one for one in self.chat.window().findChildren(ProposalDialog) if one.isVisible())
