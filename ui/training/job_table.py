"""The table of all jobs of a project."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableWidget, QTableWidgetItem

from core.language import tr, trn
from core.training import lineage
from core.training.job_progress import JobProgress
from core.training.jobs import Job
from ui import style
from ui.training import job_texts
from ui.widgets import basics, length_and_time_texts, tables
from ui.widgets.length_and_time_texts import format_local_time

(
    STATUS_COLUMN,
    BASE_COLUMN,
    ROWS_COLUMN,
    METHOD_COLUMN,
    PROGRESS_COLUMN,
    LOSS_COLUMN,
    TOKENS_COLUMN,
    COST_COLUMN,
    SWEEP_COLUMN,
    SERVER_COLUMN,
    STARTED_COLUMN,
    MODEL_COLUMN,
) = range(12)
SHARE_ROLE = Qt.ItemDataRole.UserRole
MAX_COLUMN_WIDTH = 260  # of a column that is not the last
CLOSING_SOON_DAYS = 30  # days from which the end of a model is a warning


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the table shows it.

    `server` is its provider's title, `cost` in US dollars so far, `days` how long its model will answer.
    """

    progress: JobProgress
    server: str = ""
    cost: float | None = None
    days: int | None = None

    @property
    def job(self) -> Job:
        """The job of the row."""
        return self.progress.job


class JobTable(QTableWidget):
    """One line per job, the newest first; a new job is selected as it comes."""

    chosen = Signal()

    def __init__(self) -> None:
        names = [tr("Status"), tr("Base model"), tr("Rows"), tr("Method"), tr("Progress"), tr("Loss"), tr("Tokens"),
                 tr("Cost"), tr("Name in the queue"), tr("Server"), tr("Started"), tr("Fine-tuned model")]  # fmt: skip
        super().__init__(0, len(names))
        self._lines: list[JobRow] = []
        self._apart: dict[int, str] = {}  # what differs between the jobs that were queued together
        self.setHorizontalHeaderLabels(names)
        tables.set_up(self, tr("Training jobs"), several=True)
        self.setItemDelegateForColumn(PROGRESS_COLUMN, _ProgressDelegate(self))
        self.itemSelectionChanged.connect(self.chosen)

    def selected_rows(self) -> list[JobRow]:
        """The selected jobs, the newest first."""
        return [self._lines[index.row()] for index in sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)]

    def jobs(self) -> list[Job]:
        """The selected jobs, the newest first."""
        return [line.job for line in self.selected_rows()]

    def lines(self) -> list[JobRow]:
        """All rows, in the order shown."""
        return self._lines

    def choose(self, ids: Sequence[int]) -> None:
        """Select these jobs."""
        self._select(set(ids))

    def fitting_height(self, most: int = 4) -> int:
        """The height in pixels that shows all lines, or `most` of them."""
        rows = min(most, max(1, self.rowCount()))
        is_wider = self.horizontalHeader().length() > self.viewport().width()
        bar = self.horizontalScrollBar().sizeHint().height() if is_wider else 2 * self.frameWidth()
        return self.horizontalHeader().sizeHint().height() + rows * self.verticalHeader().defaultSectionSize() + bar

    def show_lines(self, lines: Sequence[JobRow]) -> None:
        """Show the jobs; the selection stays with them, and goes to a job that is new."""
        before, known = {job.id for job in self.jobs()}, {line.job.id for line in self._lines}
        moved = [line.job.id for line in lines] != [line.job.id for line in self._lines]
        self._lines = list(lines)
        self.blockSignals(True)
        self.setRowCount(len(lines))
        self._apart = _find_differences(lines)
        for row, line in enumerate(lines):
            self._show(row, line)
        if moved:
            new = next((line.job.id for line in lines if line.job.id not in known), None)
            self._select({new} if new is not None else before)
        self.blockSignals(False)
        self._show_columns()
        self._fit_columns()
        self.chosen.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            for row, line in enumerate(self._lines):
                self._show(row, line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _show_columns(self) -> None:
        """Columns that would be empty are left out."""
        jobs = [line.job for line in self._lines]
        self.setColumnHidden(SWEEP_COLUMN, not any(job.sweep for job in jobs))
        self.setColumnHidden(COST_COLUMN, all(line.cost is None for line in self._lines))
        self.setColumnHidden(SERVER_COLUMN, len({job.provider for job in jobs}) < 2)
        self.setColumnHidden(METHOD_COLUMN, all(job.method == "supervised" for job in jobs))

    def _fit_columns(self) -> None:
        """No text is cut but a very long one; the last column takes what is left."""
        shown = [column for column in range(MODEL_COLUMN) if not self.isColumnHidden(column)]
        widths = {column: min(style.scaled(MAX_COLUMN_WIDTH), self._wide_enough(column)) for column in shown}
        widths[MODEL_COLUMN] = max(self._wide_enough(MODEL_COLUMN), self.viewport().width() - sum(widths.values()))
        for column, width in widths.items():
            self.setColumnWidth(column, width)

    def _wide_enough(self, column: int) -> int:
        return max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column)) + style.SPACE

    def _select(self, ids: set[int]) -> None:
        rows = [row for row, line in enumerate(self._lines) if line.job.id in ids] or [0]
        if not self._lines:
            return
        chosen = QItemSelection()
        for row in rows:
            chosen.select(self.model().index(row, 0), self.model().index(row, MODEL_COLUMN))
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(self.model().index(rows[0], STATUS_COLUMN), flags.NoUpdate)
        self.selectionModel().select(chosen, flags.ClearAndSelect)

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        """The item of a cell, made where there is none yet."""
        if (item := self.item(row, column)) is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
        return item

    def _show(self, row: int, line: JobRow) -> None:
        texts, tips = _cell_texts(line, self._apart.get(line.job.id, "")), _cell_tips(line)
        items = [self._item(row, column) for column in range(len(texts))]
        for column, (item, text) in enumerate(zip(items, texts, strict=True)):
            item.setText(text)
            tip = tips.get(column, "")
            item.setToolTip(basics.plain_tooltip(tip) if tip else "")
        items[PROGRESS_COLUMN].setData(SHARE_ROLE, None if line.job.ended else line.progress.share)
        soon = line.days is not None and line.days <= CLOSING_SOON_DAYS
        items[MODEL_COLUMN].setData(
            Qt.ItemDataRole.ForegroundRole, QColor(style.colours("warning")[0]) if soon else None
        )
        items[STATUS_COLUMN].setIcon(
            _make_dot(
                style.colours(job_texts.STATUS_MEANINGS.get(line.job.status, "note"))[0],
                self.palette().color(QPalette.ColorRole.HighlightedText),
            )
        )


def _find_differences(lines: Sequence[JobRow]) -> dict[int, str]:
    """What only each job has among those it was queued with: epochs, rows, seed, …"""
    together: dict[str, list[Job]] = {}
    for line in lines:
        if line.job.sweep:
            together.setdefault(line.job.sweep, []).append(line.job)
    return {
        job.id: difference
        for jobs in together.values()
        for job, difference in zip(jobs, lineage.distinguish_jobs(jobs), strict=True)
    }


def _cell_texts(line: JobRow, apart: str) -> tuple[str, ...]:
    job, progress = line.job, line.progress
    return (
        job_texts.state_title(progress),
        basics.short_model_name(job.model),
        _format_rows(job),
        job_texts.method_title(job.method),
        _format_progress(progress),
        "" if progress.loss is None else f"{progress.loss:.3g}",
        "" if progress.tokens is None else f"{progress.tokens:,}",
        "" if line.cost is None else format_dollars(line.cost),
        " · ".join(filter(None, (job.sweep, apart))),
        line.server,
        "" if progress.started is None else format_local_time(progress.started),
        _format_model(line),
    )


def _cell_tips(line: JobRow) -> dict[int, str]:
    job = line.job
    return {
        STATUS_COLUMN: f"{job.wish or job.status}: {job_texts.explain_status(job)}",
        BASE_COLUMN: job.model,
        TOKENS_COLUMN: tr("As the server counted them: in all epochs, with the template of the model")
        if job.ended
        else tr("Estimate so far: the tokens of the rows, times the epochs"),
        COST_COLUMN: tr("By the price list in the settings, for the training so far. This is not an invoice."),
        MODEL_COLUMN: job.fine_tuned_model or "",
    }


def _format_progress(progress: JobProgress) -> str:
    job = progress.job
    if job.ended and progress.started is None:
        return ""
    if job.ended:
        return length_and_time_texts.format_duration(
            (job.finished_at or time.time()) - (progress.started or job.created_at)
        )
    text = job_texts.format_job_progress(progress)
    return " · ".join(
        filter(
            None,
            (
                text,
                "" if progress.seconds_left is None else length_and_time_texts.format_time_left(progress.seconds_left),
            ),
        )
    )


def format_dollars(dollars: float) -> str:
    """US dollars, with cents where they count."""
    return f"${dollars:,.2f}" if dollars >= 0.01 or not dollars else tr("under $0.01")


def _format_model(line: JobRow) -> str:
    """The resulting model's name, without the base, which has its own column, and the days until its shutdown."""
    job = line.job
    name = basics.short_model_name(job.fine_tuned_model or "").removesuffix(f" · {job.model}")
    if line.days is None or not name:
        return name
    return f"{name} · {format_days_left(line.days)}"


def format_days_left(left: int) -> str:
    """How long a model will still answer."""
    return trn("{n} day left", "{n} days left", left) if left > 0 else tr("shut down")


def _format_rows(job: Job) -> str:
    if job.adopted:
        return tr("created elsewhere")
    return f"{job.rows or tr('all')} · {job.row_count:,}"


class _ProgressDelegate(QStyledItemDelegate):
    """Under the words a thin bar."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        share = index.data(SHARE_ROLE)
        if share is None:
            return
        inset = style.CELL_PADDING + style.HAIR  # where the words begin
        whole = QRectF(option.rect).adjusted(inset, 0, -inset, -style.HAIR)
        whole.setTop(whole.bottom() - 2 * style.HAIR)
        done = QRectF(whole)
        done.setWidth(whole.width() * share)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rail, fill = option.palette.color(QPalette.ColorRole.Mid), style.accent()
        if selected:
            rail = fill = option.palette.color(QPalette.ColorRole.HighlightedText)
            rail = QColor(rail.red(), rail.green(), rail.blue(), 90)
        for bar, colour in ((whole, rail), (done, fill)):
            painter.setBrush(colour)
            painter.drawRoundedRect(bar, style.HAIR, style.HAIR)
        painter.restore()


def _make_dot(colour: QColor, rim: QColor) -> QIcon:
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
