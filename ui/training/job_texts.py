"""Texts about a job: its status, how long it takes, what to do about its error."""

from core.errors import QUOTA_CODES, TRAINING_CLOSED_CODE
from core.language import tr, trn
from core.providers import LOCAL, JobStatus, explain_failure
from core.training.job_progress import JobProgress
from core.training.jobs import Job
from ui.widgets import length_and_time_texts

STATUS_MEANINGS: dict[str, str] = {
    JobStatus.SUCCEEDED: "good",
    JobStatus.FAILED: "error",
    JobStatus.CANCELLED: "warning",
    JobStatus.MISSING: "error",
}
BAD_FILE_CODES = ("invalid_training_file", "invalid_validation_file", "invalid_file_format", "invalid_n_examples")


def job_status_title(job: Job) -> str:
    """The status on the screen; an unknown one is shown as the server calls it."""
    if job.wish and not job.ended:
        return {"cancel": tr("Cancelling"), "pause": tr("Pausing"), "resume": tr("Resuming")}[job.wish]
    titles: dict[str, str] = {
        JobStatus.WAITING: tr("Waiting"),
        JobStatus.UPLOADING: tr("Sending the rows"),
        JobStatus.CREATING: tr("Requested"),
        JobStatus.MISSING: tr("Deleted") if job.provider == LOCAL else tr("Deleted on the server"),
        JobStatus.VALIDATING_FILES: tr("Checking rows"),
        JobStatus.QUEUED: tr("Waiting") if job.provider == LOCAL else tr("In the server's queue"),
        JobStatus.RUNNING: tr("Running"),
        JobStatus.PAUSED: tr("Paused"),
        JobStatus.SUCCEEDED: tr("Succeeded"),
        JobStatus.FAILED: tr("Failed"),
        JobStatus.CANCELLED: tr("Cancelled"),
    }
    return titles.get(job.status, job.status)


def state_title(progress: JobProgress) -> str:
    """The status, or what is done before a first training: its model is made ready."""
    return tr("Preparing the model") if progress.preparing is not None else job_status_title(progress.job)


def _explain_local_status(job: Job) -> str:
    """What a status means of a job on this computer, where no server has a part in it."""
    titles: dict[str, str] = {
        JobStatus.UPLOADING: tr("Passing the rows to the local engine"),
        JobStatus.CREATING: tr("Requested; the local engine has not answered yet. Juku checks what became of it."),
        JobStatus.MISSING: tr("The local engine no longer knows this job"),
        JobStatus.VALIDATING_FILES: tr("The local engine is checking the rows"),
        JobStatus.QUEUED: tr("Waiting for its turn on this computer"),
        JobStatus.PAUSED: tr("Paused; it can be resumed"),
    }
    return titles.get(job.status, "")


def explain_status(job: Job) -> str:
    """What the status means."""
    if job.provider == LOCAL and (here := _explain_local_status(job)):
        return here
    titles: dict[str, str] = {
        JobStatus.WAITING: tr("In Juku's queue; nothing has been sent yet"),
        JobStatus.UPLOADING: tr("Sending the rows to the server"),
        JobStatus.CREATING: tr("Requested; the server has not answered yet. Juku checks what became of it."),
        JobStatus.MISSING: tr("The server no longer knows this job"),
        JobStatus.VALIDATING_FILES: tr("The server is checking the rows"),
        JobStatus.QUEUED: tr("Waiting for its turn on the server"),
        JobStatus.RUNNING: tr("Training the model"),
        JobStatus.PAUSED: tr("Paused on the server; it can be resumed"),
        JobStatus.SUCCEEDED: tr("Done; you can ask the model now"),
        JobStatus.FAILED: tr("Ended with an error"),
        JobStatus.CANCELLED: tr("Ended before it was finished"),
    }
    return titles.get(job.status, tr("A status that Juku does not know; the job is still followed"))


def error_text(job: Job) -> str:
    """What a job ended with, and what to do; '' for one without an error."""
    return "\n".join(filter(None, (reason(job), advice(job))))


def reason(job: Job) -> str:
    """What a job ended with: what it means, then the server's own words; '' for one without an error."""
    return explain_failure(job.error_code, job.error) if job.status == JobStatus.FAILED else job.error


def advice(job: Job) -> str:
    """What to do about a job's error; '' where there is nothing to say."""
    code, error = job.error_code, job.error.lower()
    if job.status not in (JobStatus.FAILED, JobStatus.MISSING):
        return ""
    if job.status == JobStatus.MISSING and job.provider == LOCAL:
        return ""
    if job.status == JobStatus.MISSING:
        return tr("It was deleted there, or the API key now belongs to another account. Its record stays here.")
    if "moderation" in error or "flagged" in error:
        return tr("Remove the flagged rows from the dataset, and start the job again.")
    if code in BAD_FILE_CODES:
        return tr("Fix the rows in the examples tab, and start the job again. Nothing was trained.")
    if code in QUOTA_CODES or code == "exceeded_quota":
        return tr("Check the billing page of your account there, and start the job again.")
    if code == TRAINING_CLOSED_CODE:
        return tr("Choose another server in the settings, for example this computer.")
    if code in ("model_not_available", "model_not_found"):
        return tr("Choose another base model.")
    if code == "server_error" or not code:
        return tr("This is often temporary: start it again. What the job reported until then is kept.")
    return tr("Start it again when the cause is gone.")


def format_job_progress(progress: JobProgress) -> str:
    """The progress of a job in a few words, for a table cell."""
    job = progress.job
    if progress.preparing is not None:
        return _format_percent(progress.preparing)
    if job.ended or progress.step is None:
        return ""
    if progress.total:
        return tr("{step} / {total}", step=f"{progress.step:,}", total=f"{progress.total:,}")
    return tr("Step {step}", step=f"{progress.step:,}")


def format_state(progress: JobProgress) -> str:
    """The state of a job in one line."""
    job = progress.job
    if progress.preparing is not None:
        done = _format_percent(progress.preparing)
        return tr("Preparing the model: it is converted once for this computer, {share} done", share=done)
    parts = [f"{job_status_title(job)} – {explain_status(job)}" if progress.step is None else job_status_title(job)]
    if progress.step is not None:
        parts.append(tr("step {step} of {total}", step=f"{progress.step:,}", total=f"{progress.total:,}")
                     if progress.total else tr("step {step}", step=f"{progress.step:,}"))  # fmt: skip
    if progress.loss is not None:
        parts.append(tr("loss {loss}", loss=f"{progress.loss:.3g}"))
    if progress.valid_loss is not None:
        parts.append(tr("on validation rows {loss}", loss=f"{progress.valid_loss:.3g}"))
    if progress.tokens:
        parts.append(trn("{n} token trained", "{n} tokens trained", progress.tokens))
    if progress.seconds_left is not None:
        parts.append(length_and_time_texts.format_time_left(progress.seconds_left))
    return " · ".join(parts)


def _format_percent(share: float) -> str:
    return f"{share:.0%}"


def method_title(method: str) -> str:
    """A method in words, beside the protocol's own."""
    return {
        "supervised": tr("Supervised (answers)"),
        "dpo": tr("DPO (preferences)"),
        "reinforcement": tr("Reinforcement (only shown)"),
    }.get(method, method)
