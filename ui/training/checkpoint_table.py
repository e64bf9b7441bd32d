"""The models that a job saved on its way, each to be asked and examined."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from core.providers import Checkpoint
from ui import style
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.formatting import format_local_time

# The metrics that most servers tell, by their names there.
METRICS = ("train_loss", "valid_loss", "full_valid_loss", "train_mean_token_accuracy", "full_valid_mean_token_accuracy")


class CheckpointTable(QWidget):
    """`model_wanted` tells a tab's name ("chat", "exam") and the model."""

    model_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._checkpoints: list[Checkpoint] = []
        self.table = QTableWidget(0, 0)
        self.table.setAccessibleName(tr("Checkpoints"))
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.ask, self.examine = (
            QPushButton(tr("Ask this checkpoint")),
            QPushButton(tr("Start an exam with this checkpoint")),
        )
        self.ask.clicked.connect(lambda: self._want("chat"))
        self.examine.clicked.connect(lambda: self._want("exam"))
        self.table.itemDoubleClicked.connect(lambda _item: self._want("chat"))
        self._lay_out()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.addWidget(self.ask)
        below.addWidget(self.examine)
        below.addStretch()
        self._pages = QStackedWidget()
        self._pages.addWidget(EmptyState(tr("No checkpoints"), tr("A server that saves the model during training, "
                                                               "usually after each epoch, lists it here. Each "
                                                               "can be asked questions and tested in an exam.")))  # fmt: skip
        self._pages.addWidget(basics.column(self.table, below))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(self._pages)

    def show_checkpoints(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Show them, the newest first; the selection stays where it was."""
        if list(checkpoints) == self._checkpoints:
            return
        before = self.checkpoint()
        self._checkpoints = list(checkpoints)
        self._pages.setCurrentIndex(1 if checkpoints else 0)
        told = [name for name in METRICS if any(name in one.metrics for one in checkpoints)]
        self.table.setColumnCount(len(told) + 3)
        self.table.setHorizontalHeaderLabels(
            [tr("Step"), *(_titles()[name] for name in told), tr("Saved"), tr("Model")]
        )
        self.table.setRowCount(len(checkpoints))
        for row, one in enumerate(checkpoints):
            cells = [
                f"{one.step:,}",
                *(_number(one.metrics.get(name)) for name in told),
                format_local_time(one.created_at),
                one.model,
            ]
            for column, text in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
        if checkpoints:
            kept = (row for row, one in enumerate(checkpoints) if before and one.id == before.id)
            basics.select_row(self.table, next(kept, 0))

    def checkpoint(self) -> Checkpoint | None:
        """The selected one."""
        row = self.table.currentRow()
        return self._checkpoints[row] if 0 <= row < len(self._checkpoints) else None

    def _want(self, tab: str) -> None:
        if found := self.checkpoint():
            self.model_wanted.emit(tab, found.model)


def _titles() -> dict[str, str]:
    return {
        "train_loss": tr("Training loss"),
        "valid_loss": tr("Validation loss"),
        "full_valid_loss": tr("Loss on all validation rows"),
        "train_mean_token_accuracy": tr("Training accuracy"),
        "full_valid_mean_token_accuracy": tr("Accuracy on all validation rows"),
    }


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"
