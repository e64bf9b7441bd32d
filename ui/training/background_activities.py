"""Reports training jobs and base models that are prepared to the list of what runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from core.activity_history import ActivityKind, ActivityOutcome
from core.language import tr
from core.progress import Progress
from core.providers import JobStatus, ModelOffer
from core.training.job_progress import JobProgress
from core.training.jobs import Job
from ui.activities import Activity
from ui.training import job_texts
from ui.widgets import basics
from ui.workspace import Workspace

SHARE_STEPS = 1000
OUTCOMES: dict[str, ActivityOutcome] = {
    JobStatus.SUCCEEDED: ActivityOutcome.DONE,
    JobStatus.CANCELLED: ActivityOutcome.CANCELLED,
}


class BackgroundActivities:
    """A job and a download run elsewhere: what is learned of them, when their list is read, is reported here."""

    def __init__(self, workspace: Workspace, cancel_model: Callable[[str], object]) -> None:
        """`cancel_model` stops the preparing of a base model."""
        self._workspace, self._cancel_model = workspace, cancel_model
        self._jobs: dict[int, Activity] = {}
        self._models: dict[str, Activity] = {}

    def leave(self) -> None:
        """Another project is shown: its jobs are followed no longer."""
        for activity in self._jobs.values():
            self._workspace.activities.leave(activity)
        self._jobs.clear()

    def show_jobs(self, found: Sequence[JobProgress]) -> None:
        """The jobs of the project, as they are now."""
        activities = self._workspace.activities
        for one in found:
            job, reference = one.job, f"job:{one.job.id}"
            if not job.ended:
                if job.id not in self._jobs:
                    label = tr("Train {model}", model=basics.short_model_name(job.model))
                    self._jobs[job.id] = activities.begin(
                        ActivityKind.TRAINING, label, partial(self._cancel_job, job), reference
                    )
                self._report(self._jobs[job.id], one.share, one.seconds_left, job_texts.state_title(one))
            elif activity := self._jobs.pop(job.id, None):
                activities.end(activity, *_outcome_of(job))
            else:
                activities.close_left(reference, *_outcome_of(job))  # it ended while no window followed it

    def show_models(self, offers: Sequence[ModelOffer]) -> None:
        """The models of the local engine, as they are now."""
        activities = self._workspace.activities
        for offer in offers:
            if offer.state == "fetching":
                if offer.id not in self._models:
                    self._models[offer.id] = activities.begin(
                        ActivityKind.MODEL, tr("Prepare {model}", model=offer.title),
                        partial(self._cancel_model, offer.id), f"model:{offer.id}",
                    )  # fmt: skip
                self._report(self._models[offer.id], offer.progress, None, "")
            elif activity := self._models.pop(offer.id, None):
                if offer.state == "ready":
                    activities.end(activity, ActivityOutcome.DONE)
                elif offer.state == "failed":
                    activities.end(activity, ActivityOutcome.FAILED, offer.message)
                else:
                    activities.end(activity, ActivityOutcome.CANCELLED)

    def _report(self, activity: Activity, share: float | None, seconds: float | None, text: str) -> None:
        activity.text = text
        done = 0 if share is None else round(SHARE_STEPS * share)
        progress = Progress(done, None if share is None else SHARE_STEPS)
        if (progress, seconds) != (activity.progress, activity.seconds_left) or seconds is None:
            self._workspace.activities.report(activity, progress, seconds)

    def _cancel_job(self, job: Job) -> None:
        self._workspace.tasks.start("", self._workspace.queue.cancel(job))


def _outcome_of(job: Job) -> tuple[ActivityOutcome, str]:
    outcome = OUTCOMES.get(job.status, ActivityOutcome.FAILED)
    if outcome == ActivityOutcome.DONE:
        return outcome, tr("Trained: {model}", model=basics.short_model_name(job.fine_tuned_model or job.model))
    return outcome, job_texts.error_text(job)
