"""Sends a question to the chat's panes in parallel: an error in one is shown there, and the others go on."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.chat import conversations
from core.chat.conversations import ChatTurn, ConversationThread, PaneRequest
from core.errors import JukuError, ProviderError
from core.exam import prompt_conditions
from core.exam.prompt_conditions import PromptBuilder
from core.language import tr
from core.providers import LOCAL, Provider, chat_body, request_code
from core.providers.model_identity import ModelIdentityError
from core.providers.request_code import RequestCode
from core.storage.project import Changes
from ui.chat.answer_view import AnswerView
from ui.chat.pane_headers import PaneHeader
from ui.chat.sampling_settings import SamplingSettings
from ui.workspace import Workspace

PREPARATION_POLL_SECONDS = 1.0


class QuestionSender(QObject):
    """Sends a question to all panes and stores the answers.

    `changed`: a pane begins or ends; `ended`: the last one has ended.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, workspace: Workspace, settings: SamplingSettings) -> None:
        super().__init__()
        self._workspace, self._settings = workspace, settings
        self._running: set[asyncio.Task[None]] = set()
        self._builder: PromptBuilder | None = None
        settings.retrieval_changed.connect(self.forget_builder)

    def is_busy(self) -> bool:
        """Whether a pane is still answering."""
        return bool(self._running)

    def forget_builder(self) -> None:
        """The spec, its rows or how passages are found has changed."""
        self._builder = None  # what still asks with the old one keeps it

    async def prompt_builder(self) -> PromptBuilder:
        """What the conditions take of the project, read once for many questions."""
        if self._builder is None:
            self._builder = await self._workspace.project.read(
                prompt_conditions.load_prompt_builder, self._settings.retrieval()
            )
        return self._builder

    def stop(self) -> None:
        """Stop all requests; the text that has arrived stays."""
        for task in self._running:
            task.cancel()

    def start(self, header: PaneHeader, column: AnswerView, request: PaneRequest, builder: PromptBuilder) -> None:
        """Send the request of a pane and show the answer in its column."""
        task = self._workspace.tasks.start("", self._ask(header, column, request, builder))
        self._running.add(task)
        task.add_done_callback(self._on_done)
        self.changed.emit()

    def request(
        self, header: PaneHeader, thread: ConversationThread | None, before: list[ChatTurn], turn: int, question: str
    ) -> PaneRequest:
        """The question as it goes to a pane that has answered the turns `before`."""
        history = thread.history(before, header.number) if thread else []
        return PaneRequest(
            turn, header.pane(), question, self._settings.system_prompt(), self._settings.sampling(), history
        )

    async def _ask(
        self, header: PaneHeader, column: AnswerView, request: PaneRequest, builder: PromptBuilder
    ) -> Changes:
        converts = header.needs_conversion()
        column.begin(request.sampling.n, converts)
        try:
            header.require_here()
            project = self._workspace.project
            provider = await self._workspace.provider(request.pane.provider)
            answer = conversations.ask(project, provider, builder, request, column.add)
            is_local = request.pane.provider == LOCAL
            changes = await (_follow_preparation(provider, request, column, answer) if is_local else answer)
            answers = await project.read(conversations.load_answers, request.turn, request.pane.number)
            column.show_answers(answers)
        except JukuError as error:
            text = f"{error.title}\n{error.message}".strip()
            column.fail(text, refused=isinstance(error, ModelIdentityError))
            return Changes("")
        except asyncio.CancelledError:
            column.fail(tr("Stopped: the answer is incomplete and was not saved."), "warning")
            raise
        return changes

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._running and self._workspace.tasks.can_start():
            self.ended.emit()
        self.changed.emit()

    async def call(self, request: PaneRequest) -> RequestCode:
        """The HTTP request of a question, as it would be sent now."""
        provider = await self._workspace.provider(request.pane.provider)
        prepared = await conversations.prepare(self._workspace.project, provider, await self.prompt_builder(), request)
        return request_code.build_request_code(
            provider, chat_body(request.pane.model, prepared.messages, request.sampling)
        )

    async def load_sent_request(self, turn: int, pane: int, provider: str) -> RequestCode:
        """The request that a pane has answered to a turn.

        Raises `JukuError` when it cannot be read, or there is no key for the provider.
        """
        body = await self._workspace.project.read(conversations.load_request, turn, pane)
        return request_code.build_request_code(await self._workspace.provider(provider), body)


async def _follow_preparation(
    provider: Provider, request: PaneRequest, column: AnswerView, answer: Coroutine[Any, Any, Changes]
) -> Changes:
    """The changes of an answer; until its model is ready, the progress is shown. Raises what `answer` raises."""
    try:
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(answer)
            follower = group.create_task(show_preparation(provider, request.pane.model, column))
            answering.add_done_callback(lambda _done: follower.cancel())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return answering.result()


async def show_preparation(provider: Provider, model: str, column: AnswerView) -> None:
    """Show how far the engine has made a model ready, until it writes.

    While a file that it answers from is made, of this model or another, all its answers wait.
    """
    while not column.has_text():
        await asyncio.sleep(PREPARATION_POLL_SECONDS)
        try:
            offers = await provider.offers()
        except ProviderError:
            return  # the answer tells what is wrong
        own = [one.progress for one in offers if one.id == model]
        for progress in (*own, *(one.answering_progress for one in offers)):
            if progress is not None and not column.has_text():
                column.show_preparation(progress)
                break
