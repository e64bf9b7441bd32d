"""A button that looks like a link, and begins where a text would."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QToolButton

from ui.chat_turns import LINK


class Link(QToolButton):
    def __init__(self, text: str = "", tip: str = "") -> None:
        super().__init__(text=text)
        self.setToolTip(tip)
        self.setStyleSheet(LINK)

    def sizeHint(self) -> QSize:
        # Qt adds two blanks to the text's width.
        found = super().sizeHint()
        return QSize(found.width() - 2 * self.fontMetrics().horizontalAdvance(" "), found.height())
