"""The heads of all panes of the chat, side by side: two to four of them."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.chat.conversations import Pane
from core.exam.prompt_conditions import CONDITIONS
from ui import style
from ui.chat.pane_header import ChatPane
from ui.workspace import Workspace

LEAST, MOST = 2, 4


class ChatPanes(QWidget):
    """At first a base model, and the newest tuned one. `changed` says that there are others, or others than before."""

    changed = Signal()
    chosen = Signal()
    code_wanted = Signal(int)  # a pane's number

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.heads: list[ChatPane] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.SPACE)
        self.begin()

    def begin(self) -> None:
        """As at the start of a project."""
        while self.heads:
            self._drop(self.heads[-1])
        for number in range(LEAST):
            self._put(number, tuned=number > 0)
        self._show_acts()

    def panes(self) -> list[Pane]:
        """As they are chosen now."""
        return [head.pane() for head in self.heads]

    def numbers(self) -> list[int]:
        return [head.number for head in self.heads]

    def head(self, number: int) -> ChatPane | None:
        return next((head for head in self.heads if head.number == number), None)

    def restore(self, panes: Sequence[Pane]) -> None:
        """The panes of a conversation; where it has but one, another stays beside it."""
        wanted = list(panes)[:MOST]
        while len(self.heads) > max(LEAST, len(wanted)):
            self._drop(self.heads[-1])
        while len(self.heads) < len(wanted):
            self._put(0, tuned=True)
        for head, pane in zip(self.heads, wanted, strict=False):
            head.choose(pane)
        taken = {pane.number for pane in wanted}
        for head in self.heads[len(wanted) :]:
            head.number = _free(taken)
            taken.add(head.number)
        self._show_acts()
        self.changed.emit()

    def renumber(self) -> None:
        """For a new conversation: the same panes, which have said nothing yet."""
        for number, head in enumerate(self.heads):
            head.number = number
        self.changed.emit()

    def add(self, taken: Collection[int]) -> None:
        """One more pane, like the last one under the next condition. Its number is none of `taken`, which have answered."""
        if len(self.heads) >= MOST:
            return
        last = self.heads[-1].pane()
        names = list(CONDITIONS)
        condition = names[(names.index(last.condition) + 1) % len(names)]
        number = _free({*taken, *self.numbers()})
        self._put(number, tuned=True).choose(Pane(number, last.provider, last.model, condition))
        self._show_acts()
        self.changed.emit()

    def take(self, provider: str, model: str) -> None:
        """Put `model` beside the base model."""
        self.heads[1].take(provider, model)

    def show_offers(self) -> None:
        for head in self.heads:
            head.show_offers()

    def allow(self, is_busy: bool) -> None:
        """While panes are answering, none is taken away or made another."""
        for head in self.heads:
            head.setEnabled(not is_busy)

    def _put(self, number: int, tuned: bool) -> ChatPane:
        head = ChatPane(self._workspace, number, tuned)
        head.chosen.connect(self.chosen)
        head.removed.connect(lambda: self._on_removed(head))
        head.code_wanted.connect(lambda: self.code_wanted.emit(head.number))
        self.heads.append(head)
        self._layout.addWidget(head, 1)
        return head

    def _drop(self, head: ChatPane) -> None:
        self.heads.remove(head)
        self._layout.removeWidget(head)
        head.hide()
        head.deleteLater()

    def _on_removed(self, head: ChatPane) -> None:
        if len(self.heads) > LEAST:
            self._drop(head)
            self._show_acts()
            self.changed.emit()

    def _show_acts(self) -> None:
        for head in self.heads:
            head.remove.setVisible(len(self.heads) > LEAST)


def _free(taken: Collection[int]) -> int:
    """A number that no pane has had: what it has said would become another's history."""
    return max(taken, default=-1) + 1
