"""The chat tab: one question, several panes side by side, each a model of any server under a condition."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QStyle,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.chat import conversations, corrections
from core.chat.conversations import ChatAnswer, ChatPane, ChatTurn, ConversationThread
from core.exam.prompt_conditions import PromptBuilder
from core.language import tr
from core.providers.models_api import is_tuned
from core.providers.request_code import RequestCode
from core.spec import spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.training import lineage
from ui import style
from ui.chat import suggested_questions
from ui.chat.conversation_actions import ConversationActions
from ui.chat.conversation_list import ConversationList
from ui.chat.correction_dialog import CorrectionDialog
from ui.chat.pane_headers import MAX_PANES, PaneHeaders
from ui.chat.question_row import ConversationView, QuestionRow
from ui.chat.sampling_settings import SamplingSettings
from ui.chat.send_question import QuestionSender
from ui.chat.suggested_questions import SuggestedQuestions
from ui.tab_base import Tab
from ui.widgets import basics, kept_inputs, server_texts
from ui.widgets.code_dialog import CodeDialog
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.widgets.message_bar import Notice
from ui.widgets.text_fields import QuestionField
from ui.workspace import Workspace

NEW_CONVERSATION = 0  # the id of a conversation in which nothing has been asked
SHORT_CONVERSATION = 2  # questions, below which there is still room
LIST_WIDTH = 210  # pixels of the list of conversations


class ChatTab(Tab):
    """The conversations at the left, the panes and their answers at the right."""

    icon = "chat"

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self._project: Project | None = None  # the one that is shown
        self.shown_thread: ConversationThread | None = None  # the conversation that is shown, up to the turn `leaf`
        self.leaf: int | None = None
        self._wanted: int | None = None  # the conversation that the window before has shown
        self._wanted_leaf: int | None = None
        self._sending = False  # whether a question is being noted
        self.panes, self.settings, self.list = PaneHeaders(workspace), SamplingSettings(), ConversationList()
        self.conversation_view, self.suggestions = ConversationView(self._build_row), SuggestedQuestions()
        self.next_questions = SuggestedQuestions(in_line=True)
        self._offered: list[str] = []  # questions of the project, for a conversation that is empty or short
        self.asking = QuestionSender(workspace, self.settings)
        self._trained_prompts = ThrottledReload(workspace, self, self._load_trained_prompts)
        self.acts = ConversationActions(workspace, self.list, self)
        self.question = QuestionField()
        self.question.setPlaceholderText(tr("Ask all panes one question (Enter sends, Shift+Enter starts a new line)"))
        self.send = basics.primary_button(tr("Send"))
        self.send.setMinimumWidth(style.scaled(100))
        self._lay_out()
        self._connect()
        self._show_state()

    # --- how it is built

    def _lay_out(self) -> None:
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.setObjectName("chat-sides")
        sides.setHandleWidth(style.SPACE)
        sides.addWidget(self.list)
        sides.addWidget(self._build_main())
        sides.setStretchFactor(1, 1)
        sides.setCollapsible(1, False)
        sides.setSizes([LIST_WIDTH, 1000])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.addWidget(sides)

    def _build_main(self) -> QWidget:
        line, heads = QHBoxLayout(), QHBoxLayout()
        line.addWidget(self.question, 1)
        line.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        heads.addWidget(self.panes)
        # As far from the right as the answers, which have a scroll bar beside them.
        heads.setContentsMargins(0, 0, self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent), 0)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty())
        self._pages.addWidget(self.conversation_view)
        page = basics.column(self._build_top(), heads, self._pages, self.next_questions, line, self.settings)
        layout = page.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.setSpacing(style.SPACE)
        return page

    def _build_top(self) -> QHBoxLayout:
        self.name = basics.heading("")
        self.add_pane = QPushButton(style.icon("add"), tr("Add a pane"))
        self.more = basics.tool_button("⋯", tr("More about this conversation"), has_tip=True)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setStyleSheet(style.NO_MENU_ARROW_SHEET)
        self.more.setMenu(self.acts.menu)
        top = QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.add_pane)
        top.addWidget(self.more)
        return top

    def _empty(self) -> QWidget:
        text = tr(
            "Every pane is asked the same question: a base model and your trained model, with nothing, the whole "
            "text, or the passages found by a search in the prompt."
        )
        return basics.EmptyState(tr("Ask and compare"), text, parts=[self.suggestions])

    def _connect(self) -> None:
        self.question.sent.connect(self._on_sent)
        self.question.textChanged.connect(self._show_state)
        self.send.clicked.connect(lambda _checked: self._on_clicked())
        self.add_pane.clicked.connect(lambda _checked: self._on_add_pane())
        self.panes.chosen.connect(self._on_chosen)
        self.panes.changed.connect(self._on_panes)
        self.panes.code_wanted.connect(self._on_code)
        self.asking.changed.connect(self._show_state)
        self.asking.ended.connect(lambda: self.workspace.tasks.start("", self._read_again()))
        self.list.new_wanted.connect(self.begin)
        self.list.chosen.connect(lambda id: self.workspace.tasks.start("", self._open(id)))
        self.acts.deleted.connect(self._on_deleted)
        for one in (self.suggestions, self.next_questions):
            one.chosen.connect(self._on_suggested)

    def title(self) -> str:
        return tr("Chat")

    # --- what is shown

    def main_widget(self) -> QWidget:
        return self.question

    def refresh(self, changes: Changes) -> None:
        if self.workspace.project is not self._project:
            self._project, self._sending = self.workspace.project, False
            self.asking.forget_builder()
            self.panes.begin()
            self.question.clear()
            self.list.search.clear()
            self.settings.begin()
            self.settings.show_trained({})
            self._show(None)
            self.workspace.tasks.start("", self._open_newest())
        if Table.SPEC in changes.tables:
            self.settings.show_project(spec.load(self.workspace.project.rows).system_prompt)
        if changes.tables & {Table.SPEC, Table.EXAMPLE}:
            self.asking.forget_builder()
        if Table.JOB in changes.tables:
            self._request_trained_prompts()
        if Table.EXAMPLE in changes.tables:
            self.workspace.tasks.start("", self._read_suggestions())
        if Table.CONVERSATION in changes.tables:
            self.workspace.tasks.start("", self._read_again())
            self.acts.search()

    def show_offers(self) -> None:
        self.panes.show_offers()

    def take_over(self, other: Tab) -> None:
        assert isinstance(other, ChatTab)
        kept_inputs.copy_input(other.question, self.question)
        kept_inputs.copy_inputs(other.settings, self.settings)
        self._wanted = other.shown_thread.conversation.id if other.shown_thread else NEW_CONVERSATION
        self._wanted_leaf = other.leaf
        self.panes.restore(other.panes.panes())

    def choose_model(self, provider: str, model: str) -> None:
        """Put `model` of a provider beside the base model."""
        self.panes.set_model(provider, model)
        self.question.setFocus()

    def begin(self) -> None:
        """A new conversation; it is kept from its first question on."""
        if not self.is_busy():
            self.panes.renumber()
            self._show(None)
            self.question.setFocus()

    def is_busy(self) -> bool:
        """Whether something is being asked."""
        return self._sending or self.asking.is_busy()

    async def _open_newest(self) -> None:
        found = await self.workspace.project.read(conversations.find_conversations)
        self.acts.show_found(found)
        wanted, self._wanted = self._wanted, None
        if found and self.shown_thread is None and not self.is_busy() and wanted != NEW_CONVERSATION:
            await self._open(wanted or found[0].id, self._wanted_leaf if wanted else None)

    async def _read_suggestions(self) -> None:
        self._offered = await suggested_questions.load(self.workspace.project)
        self.suggestions.show_questions(self._offered)
        self._show_next_questions()

    def _show_next_questions(self) -> None:
        """While there is room below the conversation: what has not been asked in it."""
        asked = {row.turn.text for row in self.conversation_view.rows}
        is_short = 0 < len(asked) <= SHORT_CONVERSATION and not self.is_busy()
        self.next_questions.show_questions([one for one in self._offered if one not in asked] if is_short else [])

    async def _open(self, id: int, turn: int | None = None) -> None:
        """Show a conversation, as far as it goes, or goes from `turn` on."""
        thread = await self.workspace.project.read(conversations.load, id)
        if not self.is_busy() and thread:
            self._show(thread, thread.newest(turn))

    def _show(self, thread: ConversationThread | None, leaf: int | None = None) -> None:
        path = self._remember_thread(thread, leaf)
        if thread and (panes := thread.panes(path)):
            self.panes.restore(panes)
        self.conversation_view.show_path(path)
        for row in self.conversation_view.rows:
            assert thread
            row.show_thread(thread, self.panes.numbers())
        self._show_state()

    def _remember_thread(self, thread: ConversationThread | None, leaf: int | None) -> list[ChatTurn]:
        """Take a conversation as the one that is shown; the turns up to `leaf`."""
        self.shown_thread, self.leaf = thread, leaf
        self.acts.show_thread(thread, leaf)
        self.list.select(thread.conversation.id if thread else 0)
        return thread.path(leaf) if thread and leaf else []

    async def _read_again(self) -> None:
        """Read the conversation again; its rows stay as they are, with the errors they show."""
        id = self.shown_thread.conversation.id if self.shown_thread else 0
        thread = await self.workspace.project.read(conversations.load, id)
        if thread and self.shown_thread and self.shown_thread.conversation.id == id:
            self.shown_thread = thread
            self.acts.show_thread(thread, self.leaf)
            self._show_state()

    def _build_row(self, turn: ChatTurn) -> QuestionRow:
        tasks = self.workspace.tasks
        row = QuestionRow(turn, lambda provider: server_texts.server_title(self.workspace, provider))
        row.edited.connect(lambda text: self._send(text, turn.parent))
        row.branch_chosen.connect(self._on_branch)
        row.again_wanted.connect(self._on_again)
        row.code_wanted.connect(lambda number: tasks.start("", self._show_sent_request(turn.id, number)))
        row.marked.connect(lambda id, mark, note: tasks.start("", self._write_mark(row, id, mark, note)))
        row.example_wanted.connect(self._on_example)
        return row

    def _show_state(self) -> None:
        """What can be done now."""
        is_busy, is_asking, rows = self.is_busy(), self.asking.is_busy(), self.conversation_view.rows
        self.send.setText(tr("Stop") if is_asking else tr("Send"))
        basics.set_enabled(self.send, "" if is_asking else self._missing_reason(is_busy))
        self.add_pane.setEnabled(not is_busy and len(self.panes.headers) < MAX_PANES)
        self.panes.allow(is_busy)
        self.acts.allow(is_busy)
        self.list.anew.setEnabled(not is_busy)
        self._pages.setCurrentIndex(int(bool(rows)))
        self.name.setText(self.shown_thread.conversation.title if self.shown_thread else tr("New conversation"))
        for row in rows:
            row.allow(is_busy, row is rows[-1])
        self._show_next_questions()

    def _missing_reason(self, is_busy: bool) -> str:
        """Why nothing can be asked now; '' where it can."""
        if not any(pane.model for pane in self.panes.panes()):
            return self.workspace.no_models(self.panes.panes()[0].provider)
        if is_busy:
            return tr("Answering…")
        return "" if self.question.toPlainText().strip() else tr("Enter a question.")

    # --- what is asked

    def _on_clicked(self) -> None:
        if self.asking.is_busy():
            self.asking.stop()
        else:
            self._on_sent()

    def _on_sent(self) -> None:
        question = self.question.toPlainText().strip()
        if question and self.send.isEnabled() and not self.is_busy():
            self.question.remember(question)
            self._send(question, self.leaf)

    def _on_suggested(self, question: str) -> None:
        self.question.setPlainText(question)
        self._on_sent()

    def _send(self, question: str, parent: int | None) -> None:
        """Ask all panes after the turn `parent`."""
        self._sending = True
        self._show_state()
        self.workspace.tasks.start("", self._note_and_ask(question, parent))

    async def _note_and_ask(self, question: str, parent: int | None) -> Changes:
        project, turns = self.workspace.project, list[tuple[int, int]]()
        id = self.shown_thread.conversation.id if self.shown_thread else 0
        try:
            changes = await project.write("", lambda db: turns.append(conversations.add_turn(db, id, parent, question)))
            thread = await project.read(conversations.load, turns[0][0])
            builder = await self.asking.prompt_builder()
            assert thread
            if self.question.toPlainText().strip() == question:
                self.question.clear()
            for row in self.conversation_view.show_path(self._remember_thread(thread, turns[0][1])):
                row.show_thread(thread, self.panes.numbers())
            self._ask(self.panes.numbers(), builder)
        finally:
            self._sending = False
            self._show_state()
        return changes

    def _ask(self, numbers: list[int], builder: PromptBuilder) -> None:
        """Ask these panes what was asked last."""
        assert self.shown_thread
        row, before = self.conversation_view.rows[-1], [row.turn for row in self.conversation_view.rows[:-1]]
        for number in numbers:
            header = self.panes.header(number)
            if header and header.pane().model:
                request = self.asking.request(header, self.shown_thread, before, row.turn.id, row.turn.text)
                self.asking.start(header, row.columns[number], request, builder)

    def _on_again(self, number: int) -> None:
        """Ask a pane again; before marks are replaced the person is asked."""
        marked = [one for one in self._answers(number) if one.mark is not None]
        if marked:
            self.acts.ask_to_replace(lambda: self.workspace.tasks.start("", self._ask_again(number)))
        else:
            self.workspace.tasks.start("", self._ask_again(number))

    async def _ask_again(self, number: int) -> None:
        builder = await self.asking.prompt_builder()
        if not self.is_busy() and self.conversation_view.rows:
            self._ask([number], builder)

    def _answers(self, number: int) -> list[ChatAnswer]:
        return self.shown_thread.answers_of(self.leaf, number) if self.shown_thread and self.leaf else []

    # --- what is done with it

    def _on_branch(self, turn: int) -> None:
        assert self.shown_thread
        self.workspace.tasks.start("", self._open(self.shown_thread.conversation.id, turn))

    def _on_add_pane(self) -> None:
        self.panes.add([one.pane.number for one in self.shown_thread.answers] if self.shown_thread else [])

    def _on_chosen(self) -> None:
        self._request_trained_prompts()
        self._show_state()

    def _request_trained_prompts(self) -> None:
        if self.workspace.tasks.can_start():
            self._trained_prompts.request()

    async def _load_trained_prompts(self, project: Project) -> None:
        """Under which system prompts the models of the panes were trained."""
        asked = {(pane.provider, pane.model) for pane in self.panes.panes() if is_tuned(pane.model)}
        found = {one[1]: await project.read(lineage.load_training_prompt, *one) for one in sorted(asked)}
        if project is self.workspace.project:
            self.settings.show_trained(
                {basics.short_model_name(model): one.prompt for model, one in found.items() if one}
            )

    def _on_panes(self) -> None:
        self._request_trained_prompts()
        for row in self.conversation_view.rows:
            row.show_panes(self.panes.numbers())
        self._show_state()

    def _on_deleted(self, id: int) -> None:
        if self.shown_thread and self.shown_thread.conversation.id == id:
            self._show(None)
            self.panes.renumber()

    async def _write_mark(self, row: QuestionRow, id: int, mark: int | None, note: str) -> None:
        project = self.workspace.project
        await project.write("", conversations.store_mark, id, mark, note)
        await self._read_again()
        for number, column in row.columns.items():
            found = self.shown_thread.answers_of(row.turn.id, number) if self.shown_thread else []
            if id in [answer.id for answer in found]:
                column.show_answers(found)

    def _on_example(self, answer: ChatAnswer, exam: bool) -> None:
        turns = self.shown_thread.turns if self.shown_thread else []
        question = next(turn.text for turn in turns if turn.id == answer.turn)
        dialog = CorrectionDialog(self.workspace, question, answer.text, exam, self.window())
        dialog.added.connect(self._on_added)
        dialog.open()

    def _on_added(self, exam: bool) -> None:
        text = tr("The question was added to the exam.") if exam else tr("The example was added.")
        notice = Notice(self.window(), text)
        words = f"split:{'test' if exam else 'train'} source:{corrections.SOURCE}"
        notice.add_button(tr("Show it"), lambda: self.show_examples.emit(words))

    def _on_code(self, number: int) -> None:
        """The request that a pane would send now: what is typed, or was asked last."""
        header, typed = self.panes.header(number), self.question.toPlainText().strip()
        if header is None or not header.pane().model:
            return
        before = [row.turn for row in self.conversation_view.rows]
        if not typed and before:
            typed = before.pop().text
        request = self.asking.request(header, self.shown_thread, before, 0, typed)
        self.workspace.tasks.start("", self._show_code(request.pane, lambda: self.asking.call(request)))

    async def _show_sent_request(self, turn: int, number: int) -> None:
        found = self.shown_thread.answers_of(turn, number) if self.shown_thread else []
        if found:
            pane = found[0].pane
            await self._show_code(pane, lambda: self.asking.load_sent_request(turn, number, pane.provider))

    async def _show_code(self, pane: ChatPane, call: Callable[[], Awaitable[RequestCode]]) -> None:
        title = " · ".join(
            (server_texts.server_title(self.workspace, pane.provider), basics.short_model_name(pane.model))
        )
        CodeDialog(self.workspace, await call(), title, self.window()).open()
