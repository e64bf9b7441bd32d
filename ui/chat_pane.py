"""One model's side of the chat: which model, its answers, and what the server says of them."""

import asyncio

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.errors import JukuError
from core.language import tr, trn
from core.providers import Message, Offer, Reply, Sampling
from ui import style, widgets
from ui.growing_edit import GrowingEdit
from ui.workspace import Workspace

FRAME_MS = 30  # pieces of an answer are shown together, once in so many milliseconds


class ChatPane(QWidget):
    """Asks one model one question at a time. Without a choice of the person's it takes the base or the newest tuned."""

    chosen = Signal()

    def __init__(self, workspace: Workspace, name: str, tuned: bool) -> None:
        super().__init__()
        self._workspace, self._tuned = workspace, tuned
        self._wanted = ""  # the model the person has chosen, also while it is not offered yet
        self._pending: dict[int, str] = {}
        self._blocks: list[AnswerBlock] = []
        self._flush_timer = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._flush_timer.timeout.connect(self._flush)
        self._box = widgets.ModelBox()
        self._box.setAccessibleName(name)
        self._box.setPlaceholderText(tr("No tuned model yet") if tuned else tr("No model yet"))
        self._box.chosen.connect(self._on_chosen)
        self._state, self._error, self._told = widgets.Note(), widgets.Note(), widgets.Note()
        self._lay_out(name)

    def _lay_out(self, name: str) -> None:
        top = QHBoxLayout()
        label = widgets.label(name, dim=True)
        label.setBuddy(self._box)
        top.addWidget(label)
        top.addWidget(self._box, 1)
        self._answers = QWidget()
        self._column = QVBoxLayout(self._answers)
        self._column.setContentsMargins(0, 0, 0, 0)
        for note in (self._state, self._error, self._told):
            self._column.addWidget(note)
        self._column.addStretch()
        scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        scroll.setWidget(self._answers)
        self._body = QStackedWidget()
        self._body.addWidget(self._empty())
        self._body.addWidget(scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self._body, 1)

    def _empty(self) -> QWidget:
        if self._tuned:
            text = tr("A model that you have trained answers here: the training tab makes one.")
            return widgets.EmptyState(tr("After training"), text)
        text = tr("The base model answers here, so that you can see side by side what the training has changed.")
        return widgets.EmptyState(tr("Before training"), text)

    def model(self) -> str:
        return self._box.model()

    def choose(self, model: str) -> None:
        """Ask `model` from now on; one that is not offered yet is chosen as soon as it is."""
        self._wanted = model
        self._box.choose(model)
        self.chosen.emit()

    def show_offers(self, offers: list[Offer]) -> None:
        self._box.show_offers(offers)
        wanted = next((offer for offer in offers if offer.id == self._wanted), None) or self._default(offers)
        if wanted:
            self._box.choose(wanted.id)
        else:
            self._box.setCurrentIndex(-1)
        self.chosen.emit()

    def _default(self, offers: list[Offer]) -> Offer | None:
        """The newest tuned model, or the first base model that can be asked at once."""
        usable = [offer for offer in offers if offer.tuned == self._tuned]
        return next((offer for offer in usable if offer.state in ("ready", "available")), None)

    def _on_chosen(self, model: str) -> None:
        self.choose(model)

    async def ask(self, messages: list[Message], sampling: Sampling) -> None:
        """Ask and show the answers as they come. What goes wrong is said here, so that the other pane goes on."""
        self._begin(sampling.n)
        try:
            self._require_here()
            provider = await self._workspace.provider()
            self._finish(await provider.chat(self.model(), messages, sampling, self._on_text))
        except JukuError as error:
            self._fail(f"{error.title}\n{error.message}".strip(), "error")
        except asyncio.CancelledError:
            self._fail(tr("Stopped: the answer is incomplete."), "warning")
            raise
        finally:
            self._state.say("")

    def _require_here(self) -> None:
        """Raise `JukuError` for a base model that was not fetched yet."""
        offer = self._box.offer()
        if offer and offer.state in ("missing", "failed"):
            raise JukuError(
                tr("{title} is not on this computer yet", title=offer.title),
                tr("Choose it in the training tab and press “Start training”: you are asked before it is fetched."),
            )

    def _begin(self, n: int) -> None:
        for block in self._blocks:
            block.deleteLater()
        self._blocks = [AnswerBlock(number if n > 1 else 0) for number in range(1, n + 1)]
        for number, block in enumerate(self._blocks):
            self._column.insertWidget(number, block)
        self._pending.clear()
        self._error.say("")
        self._told.say("")
        offer = self._box.offer()
        converts = offer is not None and offer.state in ("available", "fetching")
        self._state.say(tr("The model is being prepared for its first use…") if converts else tr("Answering…"))
        self._body.setCurrentIndex(1)

    def _on_text(self, index: int, piece: str) -> None:
        self._pending[index] = self._pending.get(index, "") + piece
        if not self._flush_timer.isActive():
            self._flush_timer.start()

    def _flush(self) -> None:
        self._flush_timer.stop()
        for index, text in self._pending.items():
            self._blocks[index].append(text)
        self._pending.clear()

    def _fail(self, text: str, meaning: str) -> None:
        """What has arrived stays; of the rest, words are left instead of empty boxes."""
        self._flush()
        self._error.say(text, meaning)
        for block in self._blocks:
            block.setVisible(bool(block.text()))

    def _finish(self, reply: Reply) -> None:
        self._flush()
        parts = [widgets.short_name(reply.model), reply.fingerprint, tr("{seconds} s", seconds=f"{reply.seconds:.1f}"),
                 trn("{n} token", "{n} tokens", reply.tokens) if reply.tokens else ""]  # fmt: skip
        lines = [" · ".join(part for part in parts if part)]
        if len(reply.texts) > 1:
            different = len({text.strip() for text in reply.texts})
            all_alike = tr("All {n} answers are the same", n=len(reply.texts))
            count = tr("{n} different answers of {all}", n=different, all=len(reply.texts))
            lines.insert(0, count if different > 1 else all_alike)
        self._told.say("\n".join(lines))
        self._told.setToolTip(widgets.tip(reply.model))
        if not reply.complete:
            self._error.say(tr("The answer is incomplete: the server ended it before it was done."), "warning")


class AnswerBlock(QWidget):
    """One answer; with its number where there are several."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._text = GrowingEdit()
        self._text.setReadOnly(True)
        self._text.setAccessibleName(tr("Answer {number}", number=number) if number else tr("Answer"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, style.SPACE // 2)
        if number:
            label = widgets.label(str(number), dim=True)
            label.setFixedWidth(16)
            label.setContentsMargins(0, style.SPACE // 2, 0, 0)
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._text, 1)

    def append(self, text: str) -> None:
        self._text.append(text)

    def text(self) -> str:
        return self._text.toPlainText()
