"""A button that looks like a link, and begins where a text would."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QToolButton

LINK = """QToolButton { border: 0; padding: 2px 0; color: palette(link); background: transparent; }
QToolButton:hover, QToolButton:focus { text-decoration: underline; }"""


class Link(QToolButton):
    def __init__(self, text: str = "", tip: str = "") -> None:
        super().__init__(text=text)
        self.setToolTip(tip)
        self.setStyleSheet(LINK)

    def sizeHint(self) -> QSize:
        # Qt adds two blanks to the text's width.
        found = super().sizeHint()
        return QSize(found.width() - 2 * self.fontMetrics().horizontalAdvance(" "), found.height())
