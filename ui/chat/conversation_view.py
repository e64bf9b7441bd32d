"""What was said in a conversation, a row for each question; while answers come, the end stays in sight."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from core.chat.conversations import Turn
from ui import style
from ui.chat.question_row import ChatRow


class ChatSaid(QScrollArea):
    """Its bar always stands there, so that answers are as wide as the heads above them."""

    def __init__(self, make_row: Callable[[Turn], ChatRow]) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.rows: list[ChatRow] = []
        self._make_row = make_row
        self._at_end = True  # whether what comes is to be followed
        said = QWidget()
        self._column = QVBoxLayout(said)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.SPACE)
        self._column.addStretch()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(said)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._on_grown)

    def show_path(self, path: Sequence[Turn]) -> list[ChatRow]:
        """Rows for these turns; those that stand there already stay. The new ones."""
        kept = 0
        while kept < min(len(self.rows), len(path)) and self.rows[kept].turn == path[kept]:
            kept += 1
        for row in self.rows[kept:]:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        new = [self._make_row(turn) for turn in path[kept:]]
        for row in new:
            self._column.insertWidget(self._column.count() - 1, row)
        self.rows[kept:] = new
        self._at_end = True
        return new

    def row(self, turn: int) -> ChatRow | None:
        return next((row for row in self.rows if row.turn.id == turn), None)

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value >= self.verticalScrollBar().maximum() - style.SPACE

    def _on_grown(self, _least: int, most: int) -> None:
        if self._at_end:
            self.verticalScrollBar().setValue(most)
