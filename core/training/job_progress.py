"""The progress of each job: steps, losses, time left, tokens trained on so far."""

import json
import sqlite3
from dataclasses import dataclass, replace

from core.dataset import token_counts
from core.providers import JobStatus
from core.training import jobs, metrics, row_selection
from core.training.jobs import Job

TokenCounts = dict[int, int | None]  # job: the tokens of its rows; kept between two looks, since they never change
MAX_COUNTED_ROWS = 50_000  # rows from which counting them at each start would hold up the rest


@dataclass(frozen=True, slots=True)
class JobProgress:
    """`step` of `total`; losses are the last ones reported; `seconds_left` is estimated; `tokens` were trained on so far, about.

    `started` is Unix seconds: when the server took it; a job that it does not have has not started.
    None stands for what is not known.
    """

    job: Job
    step: int | None = None
    total: int | None = None
    loss: float | None = None
    valid_loss: float | None = None
    seconds_left: float | None = None
    tokens: int | None = None
    started: float | None = None
    preparing: float | None = None  # how much of the base model is converted, before the first training on it

    @property
    def share(self) -> float | None:
        """The share of the training that is done, or of the preparation before it: 0 to 1; None where it is not known."""
        if self.preparing is not None:
            return self.preparing
        if self.job.status == JobStatus.SUCCEEDED:
            return 1.0
        return min(1.0, self.step / self.total) if self.step is not None and self.total else None


def load(db: sqlite3.Connection, counts: TokenCounts) -> list[JobProgress]:
    """The progress of all jobs of a project, the newest first. Token counts of their rows are added to `counts`."""
    losses, valid = _last_points(db, "train_loss"), _last_points(db, "valid_loss") | _last_points(db, "full_valid_loss")
    first = jobs.load_first_event_times(db)
    return [
        _load_progress(db, job, losses.get(job.id), valid.get(job.id), counts, _start_time(job, first.get(job.id)))
        for job in jobs.load_all(db)
    ]


def _start_time(job: Job, first: float | None) -> float | None:
    """When the server first reported it (Unix seconds); before that, when it was recorded."""
    if job.remote_id is None:
        return None
    return job.created_at if job.adopted or first is None else max(first, job.created_at)


def list_checkpoint_models(db: sqlite3.Connection, provider: str) -> list[str]:
    """The models that jobs saved as checkpoints at a provider, the newest first: training can continue from each."""
    rows = db.execute(
        "SELECT c.model FROM job_checkpoint c JOIN job ON job.id = c.job WHERE provider = ? ORDER BY c.created_at DESC, step DESC",
        (provider,),
    )
    return [model for (model,) in rows]


LastPoint = tuple[int, float]  # a step and the value there


def _last_points(db: sqlite3.Connection, name: str) -> dict[int, LastPoint]:
    """The newest step and value of each job that reports `name`."""
    rows = db.execute("SELECT job, max(step), value FROM job_metric WHERE name = ? GROUP BY job", (name,))
    return {job: (step, value) for job, step, value in rows}


def _load_progress(
    db: sqlite3.Connection,
    job: Job,
    last: LastPoint | None,
    valid: LastPoint | None,
    counts: TokenCounts,
    started: float | None,
) -> JobProgress:
    step, loss = last or (metrics.load_last_step(db, job.id), None)
    whole = None if step is None else metrics.load_total_steps(db, job.id)
    found = JobProgress(job, step, whole, loss, valid[1] if valid else None, tokens=job.trained_tokens, started=started)
    if job.status == JobStatus.QUEUED:
        found = replace(found, preparing=jobs.load_preparation(db, job.id))
    if job.ended or step is None:
        return found
    found = replace(found, seconds_left=metrics.estimate_seconds_left(db, job.id))
    return found if found.tokens is not None else replace(found, tokens=_tokens_so_far(db, found, counts))


def _tokens_so_far(db: sqlite3.Connection, found: JobProgress, counts: TokenCounts) -> int | None:
    """The tokens trained on so far: those of the rows times the epochs, in proportion to the steps."""
    job, share, epochs = found.job, found.share, load_epochs(found.job)
    if epochs is None or share is None:
        return None
    if job.id not in counts:
        counts[job.id] = _count_tokens(db, job)
    one = counts[job.id]
    return None if one is None else round(one * epochs * share)


def load_epochs(job: Job) -> int | None:
    """The epochs of a job: as the server uses them, else as requested; None where the server chooses."""
    for source in (json.loads(job.hyperparameters), job.request.get("hyperparameters") or {}):
        if isinstance(value := source.get("n_epochs"), int):
            return value
    return None


def _count_tokens(db: sqlite3.Connection, job: Job) -> int | None:
    """The tokens of a job's rows in one epoch, truncated as at the server; None where rows are too many, or not counted."""
    if job.version is None or job.row_count > MAX_COUNTED_ROWS:
        return None
    found = token_counts.compute_training_amount(
        db, row_selection.row_filter(job.rows), token_counts.get_encoding(job.model), job.version
    )
    return None if found.missing else found.trained
