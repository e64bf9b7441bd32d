"""One job: how it goes, what the server says, and what can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QProgressBar, QPushButton, QSplitter, QVBoxLayout, QWidget

from core.language import tr, trn
from core.providers import Event
from core.training import Job, Metric, seconds_left
from ui import style, widgets
from ui.job_table import explained
from ui.loss_chart import LossChart


class JobPane(QWidget):
    """Shows one job at a time."""

    cancelled = Signal()
    followed = Signal()  # the person wants the job to be followed again
    model_wanted = Signal(str)  # "chat" or "exam"

    def __init__(self) -> None:
        super().__init__()
        self._job = 0
        self._events: list[str] = []
        self._title, self._state, self._error = widgets.heading(""), widgets.Note(), widgets.Note()
        self._bar, self._chart, self._log = QProgressBar(), LossChart(), QPlainTextEdit()
        self._bar.setAccessibleName(tr("Training progress"))
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._log.setReadOnly(True)
        self._at_end = True
        self._log.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self._log.verticalScrollBar().rangeChanged.connect(self._on_grown)
        self._log.setAccessibleName(tr("Events of the job"))
        self._cancel = _button(tr("&Cancel job"), self.cancelled.emit)
        self._follow = _button(tr("&Follow again"), self.followed.emit)
        self._ask = _button(tr("&Ask it"), lambda: self.model_wanted.emit("chat"))
        self._examine = _button(tr("E&xamine it"), lambda: self.model_wanted.emit("exam"))
        self._lay_out()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self._ask, self._examine, self._follow, self._cancel):
            buttons.addWidget(button)
        buttons.addStretch()
        halves = QSplitter(Qt.Orientation.Vertical)
        self._loss = _titled(tr("Training loss"), self._chart)
        halves.addWidget(self._loss)
        halves.addWidget(_titled(tr("Events"), self._log))
        halves.setChildrenCollapsible(False)
        halves.setSizes([300, 180])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE // 2, 0, 0, 0)
        for part in (self._title, self._state, self._bar, self._error):
            layout.addWidget(part)
        layout.addWidget(halves, 1)
        layout.addLayout(buttons)

    def show_job(self, job: Job, events: list[Event], metrics: list[Metric], followed: bool) -> None:
        """Show `job`; one that runs on without being followed is said to be so."""
        self._title.setText(widgets.short_name(job.fine_tuned_model or job.model))
        self._state.say(_progress(job, metrics), "" if followed or job.ended else "warning")
        self._show_bar(job, metrics)
        self._error.say(job.error, "error" if job.status == "failed" else "warning")
        self._chart.show_metrics(metrics)
        self._loss.setVisible(bool(metrics))
        self._show_events(job, [event.message for event in events])
        self._cancel.setVisible(not job.ended)
        self._follow.setVisible(not job.ended and not followed)
        for button in (self._ask, self._examine):
            button.setVisible(job.status == "succeeded" and job.fine_tuned_model is not None)

    def _show_bar(self, job: Job, metrics: list[Metric]) -> None:
        last = metrics[-1] if metrics else None
        known = last is not None and bool(last.total)
        self._bar.setVisible(not job.ended)
        self._bar.setRange(0, 100 if known else 0)
        if last and last.total:
            self._bar.setValue(min(100, 100 * last.step // last.total))

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value == self._log.verticalScrollBar().maximum()

    def _on_grown(self, _least: int, most: int) -> None:
        """The newest event stays in sight, unless the person has scrolled away from it."""
        if self._at_end:
            self._log.verticalScrollBar().setValue(most)

    def _show_events(self, job: Job, messages: list[str]) -> None:
        """Add what is new, so that what the person reads or has selected stays where it is."""
        if job.id != self._job or messages[: len(self._events)] != self._events:
            self._log.clear()
            self._events = []
        for message in messages[len(self._events) :]:
            self._log.appendPlainText(message)
        self._job, self._events = job.id, messages


def _progress(job: Job, metrics: list[Metric]) -> str:
    if not metrics:
        return explained(job.status) or job.status
    last = metrics[-1]
    step = (tr("Step {step} of {total}", step=last.step, total=last.total) if last.total
            else tr("Step {step}", step=last.step))  # fmt: skip
    parts = [step, tr("loss {loss}", loss=f"{last.loss:.2f}")]
    if not job.ended and (left := seconds_left(metrics)):
        parts.append(_time_left(left))
    return " · ".join(parts)


def _time_left(seconds: float) -> str:
    if seconds < 60:
        return tr("less than a minute left")
    minutes = round(seconds / 60)
    return trn("about {n} minute left", "about {n} minutes left", minutes)


def _titled(title: str, widget: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
    layout.setSpacing(4)
    layout.addWidget(widgets.label(title, dim=True))
    layout.addWidget(widget, 1)
    return holder


def _button(text: str, act: object) -> QPushButton:
    button = QPushButton(text)
    button.clicked.connect(act)
    return button
