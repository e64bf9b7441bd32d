"""Says in the window how a job has ended."""

from PySide6.QtWidgets import QWidget

from core.language import tr
from core.providers import JobStatus
from core.training.jobs import Job
from ui.training import job_texts
from ui.widgets import basics
from ui.widgets.message_bar import Notice

MAX_REASON = 300  # characters


def show(window: QWidget, job: Job) -> None:
    """Show how a job has ended; an error stays until it is closed."""
    title, text, meaning = format_notice(job)
    Notice(window, f"{title}\n{text}".strip(), meaning, lasting=meaning == "error")


def format_notice(job: Job) -> tuple[str, str, str]:
    """A title, a sentence and what they mean."""
    name = basics.short_model_name(job.fine_tuned_model or job.model)
    if job.status == JobStatus.SUCCEEDED:
        return tr("Trained: {model}", model=name), tr("Ask it in the chat, or test it in an exam."), "good"
    if job.status == JobStatus.CANCELLED:
        return tr("Cancelled: {model}", model=name), "", "warning"
    reason = " ".join(job_texts.reason(job).split())[:MAX_REASON]
    return tr("Not trained: {model}", model=name), " ".join(filter(None, (reason, job_texts.advice(job)))), "error"
