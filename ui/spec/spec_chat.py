"""Drafts and revises the spec by chat: a model proposes, the person accepts changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core import replies
from core.errors import JukuError
from core.generation import fact_refining, spec_drafting, spec_proposals
from core.generation.spec_drafting import SpecExchange
from core.language import tr, trn
from core.providers import LOCAL, Message, Sampling, request_runner
from core.spec.spec import Spec
from core.text import diff
from ui import style
from ui.async_tasks import Command
from ui.spec import spec_chat_messages
from ui.spec.proposal_dialog import ProposalDialog
from ui.spec.spec_chat_messages import AnswerMessage, QuestionMessage, RemarksMessage
from ui.widgets import basics
from ui.widgets.model_box import USABLE_STATES, ModelBox
from ui.widgets.text_fields import QuestionField
from ui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Answered:
    """A question and its whole answer; `state` is the spec that it was about."""

    asked: str
    model: str
    reply: str
    state: Spec
    is_shown: bool = True


class SpecChat(QWidget):
    """A conversation about the text that `current` returns; it is kept in memory only.

    `text_wanted` gives a merged text, and the one it was made from; `place_chosen` the start of a remark's passage,
    in characters of the text.
    """

    text_wanted = Signal(str, str)
    place_chosen = Signal(int)
    settings_wanted = Signal()

    def __init__(self, workspace: Workspace, current: Callable[[], Spec]) -> None:
        super().__init__()
        self._workspace, self._current = workspace, current
        self._exchanges: list[SpecExchange] = []
        self._answered: list[_Answered] = []
        self._answer: AnswerMessage | None = None  # the one that is being written
        self._task: asyncio.Task[None] | None = None
        self.model = ModelBox(workspace, "spec")
        self.model.setAccessibleName(tr("Model"))
        self.anew = QPushButton(tr("New conversation"))
        self.field = QuestionField()
        self.field.setAccessibleName(tr("Message"))
        self.field.setPlaceholderText(tr("Say what to write or change (Enter sends, Shift+Enter starts a new line)"))
        self.contradictions = QPushButton(tr("Find contradictions"))
        self.send = basics.primary_button(tr("Send"))
        self.send.setMinimumWidth(style.scaled(90))
        self.setFocusProxy(self.field)
        self._lay_out()
        self._connect()
        self.show_offers()

    # --- how it is built

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.model, 1)
        top.addWidget(self.anew)
        below = QHBoxLayout()
        below.addWidget(self.contradictions)
        below.addStretch()
        below.addWidget(self.send)
        talk = QWidget()
        column = QVBoxLayout(talk)
        column.setContentsMargins(0, style.SPACE // 2, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addLayout(top)
        column.addWidget(self._build_conversation(), 1)
        column.addWidget(self.field)
        column.addLayout(below)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._build_no_model_page())
        self.pages.addWidget(talk)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)

    def _build_no_model_page(self) -> QWidget:
        """The page shown when there is no model to ask."""
        empty = basics.EmptyState(
            tr("No model to chat with"),
            tr(
                "Write the spec here together with a chat model. Choose a provider that has one in the settings. "
                "Everything else works without it."
            ),
        )
        self.settings = QPushButton(style.icon("settings"), tr("Settings…"))
        column = empty.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertWidget(column.count() - 1, self.settings, 0, Qt.AlignmentFlag.AlignCenter)
        return empty

    def _build_conversation(self) -> QScrollArea:
        messages = QWidget()
        self._column = QVBoxLayout(messages)
        self._column.setContentsMargins(0, 0, style.SPACE // 2, 0)
        self.suggestions = self._build_suggestions()
        self._column.addWidget(self.suggestions)
        self._column.addStretch()
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(messages)
        self._bar = scroll.verticalScrollBar()
        self._at_end = True  # whether what comes is to be followed
        self._bar.valueChanged.connect(self._on_scrolled)
        self._bar.rangeChanged.connect(self._on_grown)
        return scroll

    def _build_suggestions(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addWidget(
            basics.label(
                tr(
                    "Say what the text should be about, or what should change. A model reads the whole text and "
                    "suggests changes; you review each of them before it is made."
                ),
                wrap=True,
                dim=True,
            )
        )
        self.hint = basics.Note()
        column.addWidget(self.hint)
        self.suggested: list[QPushButton] = []
        for title, text, is_whole in (
            (tr("Write a spec about …"), tr("Write a spec about "), False),
            (tr("Find gaps"), tr("What is missing in the text? Ask me about it."), True),
            (tr("Split into one fact per sentence"), tr("Make the sentences atomic: each states one checkable "
                                                        "fact and is clear on its own."), True),
        ):  # fmt: skip
            button = QPushButton(title)
            button.clicked.connect(lambda _checked, text=text, is_whole=is_whole: self._on_suggested(text, is_whole))
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
            self.suggested.append(button)
        return page

    def _connect(self) -> None:
        self.model.chosen.connect(lambda _model: self._show_buttons())
        self.anew.clicked.connect(lambda _checked: self.begin_anew())
        self.field.sent.connect(self._on_sent)
        self.field.textChanged.connect(self._show_buttons)
        self.send.clicked.connect(lambda _checked: self._on_clicked())
        self.contradictions.clicked.connect(lambda _checked: self._on_contradictions())
        self.settings.clicked.connect(lambda _checked: self.settings_wanted.emit())
        self._workspace.offers_changed.connect(self.show_offers)

    # --- which model

    def show_offers(self) -> None:
        """Offer the models that can be asked at once."""
        provider, model = self._workspace.role("writer")
        self._workspace.request_offers(provider)
        usable = [offer for offer in self._workspace.known_offers(provider) if offer.state in USABLE_STATES]
        self.model.show_offers(provider, usable, model)
        is_local = provider == LOCAL
        self.hint.show_text(
            tr("The small models on this computer are rarely good enough for this; a provider with a larger "
               "model works better.")
            if is_local else ""
        )  # fmt: skip
        self.pages.setCurrentIndex(int(bool(usable) or self.is_busy()))
        self.setFocusProxy(self.field if self.pages.currentIndex() else self.settings)  # not one that is hidden
        self._show_buttons()

    def _show_buttons(self) -> None:
        is_busy, has_model = self.is_busy(), bool(self.model.usable())
        self.send.setText(tr("Stop") if is_busy else tr("Send"))
        reason = "" if has_model else self._workspace.no_models(self._workspace.role("writer")[0])
        empty = "" if self.field.toPlainText().strip() else tr("Write what should change.")
        basics.set_enabled(self.send, "" if is_busy else reason or empty)
        basics.set_enabled(self.contradictions, reason or (tr("Answering…") if is_busy else ""))
        self.anew.setEnabled(self.suggestions.isHidden())

    # --- the conversation

    def is_busy(self) -> bool:
        """Whether an answer is being written."""
        return self._answer is not None

    def begin_anew(self) -> None:
        """Forget the conversation and stop the current answer."""
        task, self._task, self._answer = self._task, None, None
        if task is not None:
            task.cancel()
        self._exchanges.clear()
        self._answered.clear()
        spec_chat_messages.clear_messages(self._column, 1)
        self.suggestions.show()
        self._at_end = True
        self.show_offers()

    def take_over(self, other: SpecChat) -> None:
        """Show the conversation of another window's chat, and what was typed there."""
        for answered in other._answered:
            answer = self._begin(answered.asked, "", answered.is_shown)
            answer.model, answer.reply = answered.model, answered.reply
            self._answer = None
            if answered.is_shown:
                self._end(answer, answered.asked, answered.state)
            else:
                self._end_remarks(answer, answered.state)
        self.field.setPlainText(other.field.toPlainText())
        self.show_offers()

    def _on_suggested(self, text: str, is_whole: bool) -> None:
        self.field.setPlainText(text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.field.setFocus()
        if is_whole:
            self._on_sent()

    def _on_clicked(self) -> None:
        if self._task is not None and self._answer is not None:
            self._task.cancel()
        else:
            self._on_sent()

    def _on_sent(self) -> None:
        asked = self.field.toPlainText().strip()
        if self.is_busy() or not asked or not self.model.model_id():
            return
        self.field.remember(asked)
        self.field.clear()
        state = self._current()
        messages = spec_drafting.build_messages(state, self._exchanges, asked)
        answer = self._begin(asked, tr("Answering…"))
        work = self._ask(
            answer, messages, spec_drafting.choose_sampling(state.text), lambda: self._end(answer, asked, state)
        )
        self._start_work(answer, work)

    def _on_contradictions(self) -> None:
        state = self._current()
        if self.is_busy() or not self.model.model_id():
            return
        answer = self._begin(tr("Find contradictions"), tr("Reading the text…"), is_shown=False)
        if not state.text.strip():
            self._answer = None
            answer.fail(tr("There is no text yet to look through."), "note")
            self._show_buttons()
            return
        work = self._ask(
            answer,
            fact_refining.build_remarks_messages(state),
            Sampling(max_tokens=fact_refining.REPLY_TOKENS),
            lambda: self._end_remarks(answer, state),
            replies.STATEMENTS_SCHEMA,
        )
        self._start_work(answer, work)

    def _begin(self, asked: str, state: str, is_shown: bool = True) -> AnswerMessage:
        offer = self.model.offer()
        if offer is not None and offer.state == "available":
            state = tr("Preparing the model for its first use…")
        self._answer = answer = AnswerMessage(self.model.model_id(), state, is_shown)
        self.suggestions.hide()
        self._at_end = True
        for part in (QuestionMessage(asked), answer):
            self._add(part)
        self._show_buttons()
        return answer

    def _add(self, part: QWidget) -> None:
        self._column.insertWidget(self._column.count() - 1, part)

    def _start_work(self, answer: AnswerMessage, work: Command) -> None:
        self._task = self._workspace.tasks.start("", work)
        self._task.add_done_callback(lambda _task: self._on_done(answer))

    def _on_done(self, answer: AnswerMessage) -> None:
        if self._answer is answer:
            self._answer = self._task = None
            self.show_offers()

    async def _ask(
        self,
        answer: AnswerMessage,
        messages: Sequence[Message],
        sampling: Sampling,
        on_end: Callable[[], None],
        schema: dict[str, Any] | None = None,
    ) -> None:
        """Ask and stream the answer; an error is shown in place of the answer. `schema` is only sent where it is taken."""
        try:
            provider = await self._workspace.provider(self._workspace.role("writer")[0])
            chat = partial(
                provider.chat, answer.model, list(messages), sampling, lambda _index, piece: answer.add(piece)
            )
            reply, _schema = await request_runner.ask_with_schema(chat, schema)
        except JukuError as error:
            answer.fail(f"{error.title}\n{error.message}".strip())
        except asyncio.CancelledError:
            if self._answer is answer:  # else it is gone with its conversation
                answer.fail(tr("Stopped: the answer is incomplete."), "warning")
            raise
        else:
            if reply.complete:
                on_end()
            else:
                answer.fail(tr("The answer is incomplete: it was stopped early."), "warning")

    # --- what comes of an answer

    def _end(self, answer: AnswerMessage, asked: str, state: Spec) -> None:
        draft = answer.finish()
        self._answered.append(_Answered(asked, answer.model, answer.reply, state))
        if not answer.reply.strip():
            answer.fail(tr("The model did not reply."), "warning")
            return
        self._exchanges.append(SpecExchange(asked, answer.reply))
        if draft.is_cut:
            answer.fail(
                tr(
                    "The new text was cut off, so nothing of it can be used. Ask for less at once, or choose a "
                    "model that can write more."
                ),
                "warning",
            )
        elif draft.text is not None:
            whole = spec_proposals.complete_proposal(draft.text, state.text, asked)
            text = spec_drafting.match_line_breaks(whole.text, state.text)
            answer.offer(len(diff.find_hunks(state.text, text)), whole.kept)
            proposals = {state.text: text}
            answer.look_wanted.connect(lambda: self._show_proposal(answer, proposals))

    def _show_proposal(self, answer: AnswerMessage, proposals: dict[str, str]) -> None:
        """Show the proposal beside the current text; edits made since the question are kept.

        `proposals` are the texts it was made from, and the proposal for each: the one nearest to the current text is used.
        """
        now = self._current().text
        made_from = now if now in proposals else min(proposals, key=lambda base: len(diff.find_hunks(base, now)))
        proposal = spec_drafting.merge_proposal(made_from, proposals[made_from], now)
        if proposal == now:
            answer.offered.setText(tr("Everything is already in your text."))
            return
        dialog = ProposalDialog(now, proposal, answer.model, now != made_from, self.window())
        dialog.taken.connect(lambda new, old, count: self._on_taken(answer, new, old, count))
        dialog.taken.connect(lambda new, old, _count: proposals.update({old: proposal, new: proposal}))
        dialog.open()

    def _on_taken(self, answer: AnswerMessage, new: str, old: str, count: int) -> None:
        answer.offered.setText(
            trn("{n} change was applied. Undo reverts it.", "{n} changes were applied. Undo reverts them.", count)
        )  # fmt: skip
        self.text_wanted.emit(new, old)

    def _end_remarks(self, answer: AnswerMessage, state: Spec) -> None:
        self._answered.append(_Answered(tr("Find contradictions"), answer.model, answer.reply, state, False))
        found = RemarksMessage(answer.model, fact_refining.parse_remarks(answer.reply), state.text)
        found.place_wanted.connect(self._on_place)
        found.mend_wanted.connect(
            lambda remark: self._on_suggested(tr("Change the text to resolve this: {remark}", remark=remark), False)
        )
        self._add(found)
        self._column.removeWidget(answer)
        answer.deleteLater()

    def _on_place(self, remark: str) -> None:
        place = spec_drafting.find_quoted_place(remark, self._current().text)
        if place is not None:
            self.place_chosen.emit(place)

    # --- following what comes

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value >= self._bar.maximum()

    def _on_grown(self, _least: int, most: int) -> None:
        if self._at_end:
            self._bar.setValue(most)
