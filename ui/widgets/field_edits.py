"""Fields that stand in what scrolls: a text that is handed over when it is left, and a choice that the wheel leaves alone."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QWheelEvent

from ui.widgets.drop_down import DropDown
from ui.widgets.growing_text_edit import GrowingEdit, text_of
from ui.widgets.value_texts import offer


class FieldEdit(GrowingEdit):
    """As high as its text, within limits. What is typed and not handed over yet is never overwritten."""

    committed = Signal(str)

    def __init__(self, name: str, least: int = 1, most: int = 0) -> None:
        super().__init__(least, most)
        self.setAccessibleName(name)
        self._stored = ""  # the text as it was shown last
        self._shown = ""  # what the field made of it: some line breaks are spelled differently there

    def show_text(self, text: str) -> None:
        """Show the stored text, unless the person has typed something else that is not handed over yet."""
        if self.typed() or text == self._stored:
            self._stored = text
            return
        self._stored = text
        self.setPlainText(text)
        self._shown = self._raw()

    def typed(self) -> bool:
        """Whether something was typed that is not handed over yet."""
        return self._raw() != self._shown

    def take(self) -> str | None:
        """What was typed since it was last handed over, once; None when there is nothing new."""
        if not self.typed():
            return None
        self._shown = self._raw()
        self._stored = text_of(self.document(), self._stored)
        return self._stored

    def text(self) -> str:
        """What stands in the field now."""
        return text_of(self.document(), self._stored) if self.typed() else self._stored

    def commit(self) -> None:
        if (typed := self.take()) is not None:
            self.committed.emit(typed)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.commit()

    def _raw(self) -> str:
        return self.document().toRawText()


class Choice(DropDown):
    """A choice that is not changed by scrolling past it."""

    def __init__(self, name: str, values: Sequence[str] = ()) -> None:
        super().__init__()
        self.setAccessibleName(name)
        offer(self, values)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
