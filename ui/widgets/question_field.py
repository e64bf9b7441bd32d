"""Where a question is written: Enter sends it, and an empty field brings earlier ones back."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent

from core.language import tr
from ui.widgets.growing_text_edit import GrowingEdit, is_enter


class QuestionField(GrowingEdit):
    """Shift+Enter begins a new line. Text that an input method is still composing is never sent."""

    sent = Signal()

    def __init__(self) -> None:
        super().__init__(least=2, most=8)
        self.setAccessibleName(tr("Question"))
        self.setPlaceholderText(tr("Ask both models one question (Enter sends, Shift+Enter starts a new line)"))
        self._asked: list[str] = []
        self._recalled = 0  # how many questions back the field shows; 0 is a new one

    def remember(self, question: str) -> None:
        if question not in self._asked[-1:]:
            self._asked.append(question)
        self._recalled = 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if self.composing() and (steps or is_enter(event)):
            event.accept()  # these keys belong to the input method
        elif is_enter(event):
            self.sent.emit()
        elif steps and self._is_recalling():
            self._recall(steps)
        else:
            super().keyPressEvent(event)

    def _is_recalling(self) -> bool:
        text = self.toPlainText()
        return not text or (self._recalled > 0 and text == self._asked[-self._recalled])

    def _recall(self, steps: int) -> None:
        self._recalled = max(0, min(len(self._asked), self._recalled + steps))
        self.setPlainText(self._asked[-self._recalled] if self._recalled else "")
        self.moveCursor(self.textCursor().MoveOperation.End)
