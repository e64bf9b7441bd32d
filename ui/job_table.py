"""All jobs of a project at a glance."""

import time

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QTableWidget, QTableWidgetItem

from core.language import tr
from core.training import CREATING, Job
from ui import style, widgets
from ui.text_length import local_time

MEANINGS = {"succeeded": "good", "failed": "error", "cancelled": "warning"}
STATUS, MODEL = 0, 5


class JobTable(QTableWidget):
    """One line per job, the newest first; a new job is selected as it comes."""

    chosen = Signal()

    def __init__(self) -> None:
        names = [tr("Status"), tr("Base model"), tr("Rows"), tr("Started"), tr("Duration"), tr("Resulting model")]
        super().__init__(0, len(names))
        self._jobs: list[Job] = []
        self.setHorizontalHeaderLabels(names)
        self.setAccessibleName(tr("Training jobs"))
        self.setSelectionBehavior(self.SelectionBehavior.SelectRows)
        self.setSelectionMode(self.SelectionMode.SingleSelection)
        self.setEditTriggers(self.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.itemSelectionChanged.connect(self.chosen)

    def job(self) -> Job | None:
        """The selected job."""
        row = self.currentRow()
        return self._jobs[row] if 0 <= row < len(self._jobs) else None

    def show_jobs(self, jobs: list[Job]) -> None:
        before, known = self.job(), {job.id for job in self._jobs}
        self._jobs = jobs
        self.blockSignals(True)
        self.setRowCount(len(jobs))
        for row, job in enumerate(jobs):
            self._show(row, job)
        self._select(next((job.id for job in jobs if job.id not in known), before.id if before else 0))
        self.blockSignals(False)
        self._fit_columns()
        self.chosen.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            for row, job in enumerate(self._jobs):
                self._show(row, job)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """No text is cut; the last column takes what is left."""
        widths = [self._wide_enough(column) for column in range(self.columnCount())]
        widths[MODEL] = max(widths[MODEL], self.viewport().width() - sum(widths[:MODEL]))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)

    def _wide_enough(self, column: int) -> int:
        return max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column)) + style.SPACE

    def _select(self, id: int) -> None:
        row = next((row for row, job in enumerate(self._jobs) if job.id == id), 0)
        self.setCurrentCell(row if self._jobs else -1, STATUS)

    def _show(self, row: int, job: Job) -> None:
        texts = (job.status, widgets.short_name(job.model), _rows(job), local_time(job.created_at),
                 duration((job.finished_at or time.time()) - job.created_at),
                 _model(job))  # fmt: skip
        tips = (explained(job.status), job.model, "", "", "", job.fine_tuned_model or "")
        for column, (text, tip) in enumerate(zip(texts, tips, strict=True)):
            if (item := self.item(row, column)) is None:
                self.setItem(row, column, item := QTableWidgetItem())
            item.setText(text)
            item.setToolTip(widgets.tip(tip) if tip else "")
        self.item(row, STATUS).setIcon(
            _dot(
                style.colours(MEANINGS.get(job.status, "note"))[0],
                self.palette().color(QPalette.ColorRole.HighlightedText),
            )
        )


def explained(status: str) -> str:
    """What the protocol's word means; nothing for one that this program does not know."""
    return {
        CREATING: tr("Asked for; the server has not answered yet"),
        "validating_files": tr("The server is checking the rows"),
        "queued": tr("Waiting for its turn"),
        "running": tr("The model is learning"),
        "paused": tr("Paused on the server"),
        "succeeded": tr("Done; the model can be asked"),
        "failed": tr("Ended with an error"),
        "cancelled": tr("Ended before it was done"),
    }.get(status, "")


def duration(seconds: float) -> str:
    """A length of time, as exactly as it matters."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s", seconds=whole)
    if whole < 3600:
        return tr("{minutes} min {seconds} s", minutes=whole // 60, seconds=whole % 60)
    return tr("{hours} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)


def _model(job: Job) -> str:
    """The resulting model's name, without the base that stands in its own column."""
    return widgets.short_name(job.fine_tuned_model or "–").removesuffix(f" · {job.model}")


def _rows(job: Job) -> str:
    tag = job.rows or tr("all")
    return f"{tag} · {job.row_count:,}"


def _dot(colour: QColor, rim: QColor) -> QIcon:
    """A round dot; in a selected line it has a rim, since its colour may be much like the line's."""
    icon = QIcon()
    for mode, pen in ((QIcon.Mode.Normal, QPen(Qt.PenStyle.NoPen)), (QIcon.Mode.Selected, QPen(rim, 4))):
        picture = QPixmap(32, 32)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(7, 7, 18, 18))
        painter.end()
        icon.addPixmap(picture, mode)
    return icon
