"""The chat tab as a person uses it: a question is asked, and each pane's model answers."""

from PySide6.QtWidgets import QPushButton

from core.chat import conversations
from core.chat.conversations import ChatAnswer, Conversation
from core.storage.project import Project
from tests.support.fake_server import FakeServer
from tests.support.pages.scene import Run, Scene
from tests.support.until import until
from ui.chat.answer_view import AnswerView
from ui.chat.tab import ChatTab
from ui.tab_base import ALL_TABLES

QUESTION = "How many players are on a Hobannu team?"


class ChatPage(Scene):
    """The tab over a project, with a server that has answered which models it offers."""

    def __init__(self, qtbot, run: Run, project: Project, server: FakeServer) -> None:
        self._qtbot = qtbot
        super().__init__(run, project, server.settings())
        run(self.open())

    async def open(self) -> None:
        await super().open()
        self.tab = ChatTab(self.workspace)
        self._qtbot.addWidget(self.tab)
        self.workspace.offers_changed.connect(self.tab.show_offers)
        self.workspace.tasks.changed.connect(self.tab.refresh)
        self.tab.resize(1000, 700)
        self.tab.show()
        self.tab.refresh(ALL_TABLES)
        await self.workspace.load_offers()
        await until(lambda: self.suggestions() and self.tab.list.search.isEnabled())

    async def ask(self, question: str = QUESTION) -> None:
        """Send a question and wait until all panes have answered."""
        self.tab.question.setPlainText(question)
        self.tab.send.click()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until no model answers, and the tab has read what was kept of the answers."""
        await until(lambda: not self.tab.is_busy())
        await until(
            lambda: (
                self.tab.shown_thread is None
                or self._kept_answers() == {(answer.id, answer.text) for answer in self.answers()}
                or len(self.stored_conversations()) > 1
            )
        )

    def _kept_answers(self) -> set[tuple[int, str]]:
        return set(self.project.rows.execute("SELECT id, text FROM chat_answer"))

    def suggestions(self) -> list[QPushButton]:
        """The questions that are suggested in an empty conversation."""
        return self.tab.suggestions.findChildren(QPushButton)

    def stored_conversations(self) -> list[Conversation]:
        """The stored conversations, the newest first."""
        return conversations.find_conversations(self.project.rows)

    def answers(self) -> list[ChatAnswer]:
        """All answers of the conversation that is shown."""
        return self.tab.shown_thread.answers

    def answers_of(self, pane: int) -> list[ChatAnswer]:
        """What a pane has answered to the last question."""
        return self.tab.shown_thread.answers_of(self.tab.leaf, pane)

    def request(self, pane: int) -> dict:
        """The body with which a pane would ask the last question's model again."""
        return conversations.load_request(self.project.rows, self.tab.leaf, pane)

    def column(self, pane: int, row: int = -1) -> AnswerView:
        """A pane's answer to a question, the last one unless `row` says which."""
        return self.tab.conversation_view.rows[row].columns[pane]

    def texts(self, row: int = -1) -> list[list[str]]:
        """Of each pane the texts of its answer, one for each sample."""
        return [self.column(number, row).texts() for number in self.tab.panes.numbers()]

    def models(self) -> list[str]:
        """The model of each pane."""
        return [pane.model for pane in self.tab.panes.panes()]
