"""Notifies that a job has ended: through the desktop where that is possible, else in the window."""

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from core.language import tr
from core.providers import JobStatus
from core.training.jobs import Job
from ui import style
from ui.training import job_texts
from ui.widgets import basics
from ui.widgets.message_bar import Notice

SHOWN_MILLISECONDS = 15_000  # milliseconds that a message of the desktop stays


class DesktopNotification(QObject):
    """Shows how a job has ended, also on the desktop. `clicked`: the notification was clicked to see the job."""

    clicked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._icon: QSystemTrayIcon | None = None
        self._hiding = QTimer(self, singleShot=True, interval=SHOWN_MILLISECONDS)
        self._hiding.timeout.connect(self._hide)

    def show_job_end(self, job: Job) -> None:
        """Show how a job has ended: always in the window, and on the desktop if the window is not active."""
        title, text, meaning = format_notification(job)
        Notice(self._window, f"{title}\n{text}".strip(), meaning, lasting=meaning == "error")
        if not self._window.isActiveWindow():
            QApplication.alert(self._window)
            self._show(title, text, meaning)

    def _show(self, title: str, text: str, meaning: str) -> None:
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._icon is None:
            self._icon = QSystemTrayIcon(style.icon("juku"), self)
            self._icon.messageClicked.connect(self.clicked)
            self._icon.activated.connect(lambda _reason: self.clicked.emit())
        kinds = QSystemTrayIcon.MessageIcon
        self._icon.show()  # without its icon a desktop may show no message
        self._icon.showMessage(
            title, text, kinds.Warning if meaning == "error" else kinds.Information, SHOWN_MILLISECONDS
        )
        self._hiding.start()

    def _hide(self) -> None:
        if self._icon is not None:
            self._icon.hide()


def format_notification(job: Job) -> tuple[str, str, str]:
    """A title, a sentence and what they mean. Plain text: some desktops would read markup in it."""
    name = basics.short_model_name(job.fine_tuned_model or job.model)
    if job.status == JobStatus.SUCCEEDED:
        return tr("Trained: {model}", model=name), tr("Ask it in the chat, or test it in an exam."), "good"
    if job.status == JobStatus.CANCELLED:
        return tr("Cancelled: {model}", model=name), "", "warning"
    reason = " ".join(job_texts.reason(job).split())[:300].replace("<", "‹").replace(">", "›")
    return tr("Not trained: {model}", model=name), " ".join(filter(None, (reason, job_texts.advice(job)))), "error"
