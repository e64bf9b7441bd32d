"""One question, two models, side by side: what has the training changed?"""

import asyncio
import sqlite3

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from core import chat, dataset, filters, spec
from core.language import tr
from core.project import Changes
from ui import style, widgets
from ui.chat_pane import ChatPane
from ui.chat_settings import ChatSettings
from ui.question_field import QuestionField
from ui.tab import Tab
from ui.workspace import Workspace

SUGGESTIONS = 3
SHOWN = 90  # characters of a suggested question


class ChatTab(Tab):
    icon = "chat"

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self._asking: set[asyncio.Task[None]] = set()
        self._base = ChatPane(workspace, tr("Left"), tuned=False)
        self._tuned = ChatPane(workspace, tr("Right"), tuned=True)
        self._question, self._settings = QuestionField(), ChatSettings()
        self._send = widgets.primary(tr("Send"))
        self._send.setMinimumWidth(100)
        self._question.sent.connect(self._on_sent)
        self._question.textChanged.connect(self._show_button)
        self._send.clicked.connect(self._on_clicked)
        for pane in self._panes():
            pane.chosen.connect(self._show_button)
        self._lay_out()
        self._show_button()

    def _lay_out(self) -> None:
        self._asked = widgets.heading("")
        self._asked.setWordWrap(True)
        self._asked.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._asked.hide()
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.setHandleWidth(style.SPACE)
        sides.setChildrenCollapsible(False)
        for pane in self._panes():
            sides.addWidget(pane)
        sides.setSizes([500, 500])
        self._suggested = QWidget()
        column = QVBoxLayout(self._suggested)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE // 2)
        line = QHBoxLayout()
        line.addWidget(self._question, 1)
        line.addWidget(self._send, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._asked)
        layout.addWidget(sides, 1)
        layout.addWidget(self._suggested)
        layout.addLayout(line)
        layout.addWidget(self._settings)

    def title(self) -> str:
        return tr("Chat")

    def _panes(self) -> tuple[ChatPane, ChatPane]:
        return self._base, self._tuned

    def refresh(self, changes: Changes) -> None:
        if "spec" in changes.tables:
            self._settings.show_project(spec.load(self.workspace.project.rows).system_prompt)
        if "example" in changes.tables and not self._suggested.isHidden():
            self.workspace.tasks.start("", self._suggest())

    def show_offers(self) -> None:
        for pane in self._panes():
            pane.show_offers(self.workspace.offers)

    def choose_model(self, model: str) -> None:
        """Put `model` on the right, beside the base model."""
        self._tuned.choose(model)
        self._question.setFocus()

    async def _suggest(self) -> None:
        column = self._suggested.layout()
        assert column is not None
        questions = await self.workspace.project.read(_some_questions)
        while item := column.takeAt(0):
            item.widget().deleteLater()
        if questions:
            column.addWidget(widgets.label(tr("For example:"), dim=True))
        for question in questions:
            column.addWidget(self._suggestion(question), 0, Qt.AlignmentFlag.AlignLeft)

    def _suggestion(self, question: str) -> QPushButton:
        line = " ".join(question.split())
        shown = line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
        button = QPushButton(shown.replace("&", "&&"))
        button.clicked.connect(lambda: self._ask_suggested(question))
        return button

    def _ask_suggested(self, question: str) -> None:
        self._question.setPlainText(question)
        self._on_sent()

    def _show_button(self) -> None:
        self._send.setText(tr("Stop") if self._asking else tr("Send"))
        ready = any(pane.model() for pane in self._panes()) and bool(self._question.toPlainText().strip())
        self._send.setEnabled(bool(self._asking) or ready)

    def _on_clicked(self) -> None:
        if self._asking:
            for task in self._asking:
                task.cancel()
        else:
            self._on_sent()

    def _on_sent(self) -> None:
        question = self._question.toPlainText().strip()
        if self._asking or not self._send.isEnabled() or not question:
            return
        self._question.remember(question)
        self._question.clear()
        self._asked.setText(question)
        self._asked.show()
        self._suggested.hide()
        messages = chat.messages(self._settings.system_prompt(), question)
        for pane in self._panes():
            if pane.model():
                task = self.workspace.tasks.start("", pane.ask(messages, self._settings.sampling()))
                self._asking.add(task)
                task.add_done_callback(self._on_answered)
        self._show_button()

    def _on_answered(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        self._show_button()


def _some_questions(db: sqlite3.Connection) -> list[str]:
    """A few exam questions, from all over the exam."""
    ids = filters.find(db, filters.Filter(split="test"))
    chosen = ids[:: max(1, len(ids) // SUGGESTIONS)][:SUGGESTIONS]
    return [example.question for example in dataset.fetch(db, chosen).values() if example.question]
