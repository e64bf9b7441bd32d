"""The selected job, or several side by side: curves, events, checkpoints and details."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.language import tr, trn
from core.providers import LOCAL, JobCheckpoint, JobEvent, JobStatus
from core.settings import Settings
from core.training import lineage
from core.training.metrics import MetricSeries
from ui import style
from ui.charts.curve_chart_and_export import CurveChart, CurveJob
from ui.training import job_texts
from ui.training.event_texts import describe_event
from ui.training.job_actions import JobActions
from ui.training.job_details import CheckpointTable, JobDetails
from ui.training.job_table import CLOSING_SOON_DAYS, JobRow, format_days_left
from ui.widgets import basics

# What is done to a running job is at the other end than what is done with an ended one: a second click on "Cancel job"
# must not hit "Start again". Cancel comes first, since pausing hides its own button.
RUNNING_ACTIONS, ENDED_ACTIONS = ("cancel", "pause", "resume"), ("chat", "exam", "again")
MENU_ACTIONS = ("export", "copy", "forget", "delete")
MAX_COMPARED_JOBS = 20  # jobs whose curves are drawn beside each other


@dataclass(frozen=True, slots=True)
class JobCurves:
    """What is known of the selected jobs, by id; events and checkpoints are those of the first."""

    series: dict[int, dict[str, MetricSeries]] = field(default_factory=dict)
    events: list[JobEvent] = field(default_factory=list)
    checkpoints: list[JobCheckpoint] = field(default_factory=list)


class JobPane(QWidget):
    """Shows the selected jobs; `model_wanted` gives a tab's name and the model of a checkpoint, `export_wanted` the model."""

    model_wanted = Signal(str, str)
    export_wanted = Signal(str)

    def __init__(self, actions: JobActions, settings: Settings) -> None:
        super().__init__()
        self._job = 0
        self._events: list[JobEvent] = []
        self.title, self.state = basics.heading(""), basics.Note()
        self.error, self.end = basics.Note(), basics.Note()
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(style.BAR_HEIGHT)
        self.bar.setAccessibleName(tr("Progress of the job"))
        self.chart, self.log = CurveChart(settings), QPlainTextEdit(readOnly=True)
        self.log.setAccessibleName(tr("Events of the job"))
        self.log.setPlaceholderText(tr("No events yet."))
        self.checkpoints, self.record = CheckpointTable(), JobDetails()
        self.checkpoints.model_wanted.connect(self.model_wanted)
        self.checkpoints.export_wanted.connect(self.export_wanted)
        self._at_end = True
        self.log.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.log.verticalScrollBar().rangeChanged.connect(self._on_grown)
        self.buttons = {name: actions.button(name) for name in (*RUNNING_ACTIONS, *ENDED_ACTIONS)}
        self._lay_out(actions)

    def _lay_out(self, actions: JobActions) -> None:
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        for page, name in ((self.chart, tr("Curve")), (self.log, tr("Events")), (self.checkpoints, tr("Checkpoints")),
                           (self.record, tr("Record"))):  # fmt: skip
            self.tabs.addTab(page, name)
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addSpacing(style.SPACE)
        for name in RUNNING_ACTIONS:
            head.addWidget(self.buttons[name])
        head.addStretch()
        for name in ENDED_ACTIONS:
            head.addWidget(self.buttons[name])
        head.addWidget(_make_menu_button(actions))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(head)
        for part in (self.state, self.bar, self.end, self.error):
            layout.addWidget(part)
        layout.addWidget(self.tabs, 1)

    def show_lines(self, lines: Sequence[JobRow], curves: JobCurves) -> None:
        """Show the selected jobs; what only one can have is that of the newest."""
        if not lines:
            return
        first = lines[0]
        job = first.job
        self.title.setText(_format_title(lines))
        self.state.show_text(job_texts.format_state(first.progress))
        self._show_bar(first)
        self.error.show_text(
            job_texts.error_text(job),
            "error" if job.status == JobStatus.FAILED else "warning",
        )
        self._show_end(first)
        apart = lineage.distinguish_jobs([line.job for line in lines[:MAX_COMPARED_JOBS]])
        self.chart.show_jobs(
            [
                CurveJob(
                    line.job.id,
                    name or _short_name(line),
                    curves.series.get(line.job.id, {}),
                    line.progress.total,
                    line.job.is_over,
                )
                for line, name in zip(lines[:MAX_COMPARED_JOBS], apart, strict=True)
            ]
        )
        self._show_events(job.id, curves.events)
        self.checkpoints.show_checkpoints(curves.checkpoints, job.provider == LOCAL)
        self.tabs.setTabText(
            2, tr("Checkpoints ({n})", n=len(curves.checkpoints)) if curves.checkpoints else tr("Checkpoints")
        )
        self.record.show_job(job, first.server)

    def show_sent(self, job: int, done: int, total: int) -> None:
        """How much of a job's files has been sent."""
        if job == self._job and total:
            self.bar.show()
            self.bar.setRange(0, 1000)
            self.bar.setValue(1000 * done // total)
            self.state.show_text(
                tr(
                    "Sending the rows: {done} of {total}",
                    done=basics.format_bytes(done),
                    total=basics.format_bytes(total),
                )
            )

    def _show_bar(self, line: JobRow) -> None:
        share = line.progress.share
        self.bar.setVisible(not line.job.ended and (share is not None or line.job.status == JobStatus.UPLOADING))
        self.bar.setRange(0, 0 if share is None else 1000)
        self.bar.setValue(int(1000 * (share or 0)))

    def _show_end(self, line: JobRow) -> None:
        if line.days is None or line.days > CLOSING_SOON_DAYS or not line.job.fine_tuned_model:
            self.end.show_text("")
        else:
            self.end.show_text(tr("The server shuts this model down: {days}.",
                            days=format_days_left(line.days)), "warning")  # fmt: skip

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value == self.log.verticalScrollBar().maximum()

    def _on_grown(self, _least: int, most: int) -> None:
        """Scroll to the newest event, unless the person has scrolled away from it."""
        if self._at_end:
            self.log.verticalScrollBar().setValue(most)

    def _show_events(self, job: int, events: list[JobEvent]) -> None:
        """Add what is new, so that what the person reads or has selected stays where it is."""
        if job != self._job or events[: len(self._events)] != self._events:
            self.log.clear()
            self._events = []
        if new := events[len(self._events) :]:
            self.log.appendPlainText("\n".join(map(_format_event, new)))
        self._job, self._events = job, events


def _format_title(lines: Sequence[JobRow]) -> str:
    if len(lines) > 1:
        return trn("{n} job", "{n} jobs", len(lines))
    return _short_name(lines[0])


def _short_name(line: JobRow) -> str:
    job = line.job
    return basics.short_model_name(job.fine_tuned_model or job.model)


def _format_event(event: JobEvent) -> str:
    level = {"info": "", "warn": tr("Warning: "), "error": tr("Error: ")}.get(event.level, f"{event.level}: ")
    at = QDateTime.fromSecsSinceEpoch(int(event.created_at)).toString("yyyy-MM-dd HH:mm:ss")
    return f"{at}   {level}{describe_event(' '.join(event.message.split()))}"


def _make_menu_button(actions: JobActions) -> QPushButton:
    button = QPushButton(tr("More"))
    menu = QMenu(button)
    for name in MENU_ACTIONS:
        menu.addAction(actions.actions[name])
    button.setMenu(menu)
    return button
