"""What the queue writes down of a job: its object, its models' names, its result file."""

import signal

from core.engine.http.job_request import METHODS
from core.engine.http.protocol import Json, new_id, now

# The columns of the result file and the metrics that stand in them. The protocol's own for supervised jobs; for
# preferences none are published, so the metrics' names are theirs.
COLUMNS = {
    "supervised": {
        "step": "step",
        "train_loss": "train_loss",
        "train_accuracy": "train_mean_token_accuracy",
        "valid_loss": "valid_loss",
        "valid_mean_token_accuracy": "valid_mean_token_accuracy",
    },
    "dpo": {
        name: name
        for name in (
            "step",
            "train_loss",
            "train_accuracy",
            "train_reward_margin",
            "valid_loss",
            "valid_accuracy",
            "valid_reward_margin",
        )
    },
}


def job(asked: Json) -> Json:
    """The job object with every key that the protocol requires, and `metadata` as given."""
    kind, given = asked["method"], asked["hyperparameters"]
    shown = {name: given.get(name, "auto") for name in METHODS[kind]}
    return {
        "object": "fine_tuning.job",
        "id": new_id("ftjob-"),
        "model": asked["model"],
        "created_at": now(),
        "finished_at": None,
        "estimated_finish": None,
        "fine_tuned_model": None,
        "organization_id": "org-local",
        "result_files": [],
        "status": "validating_files",
        "training_file": asked["training_file"],
        "validation_file": asked["validation_file"],
        **settings(kind, shown),
        "seed": asked["seed"],
        "trained_tokens": None,
        "integrations": [],
        "metadata": asked["metadata"],
        "user_provided_suffix": asked["suffix"],
        "error": None,
    }


def settings(kind: str, numbers: Json) -> Json:
    """A job's method and hyperparameters; these stand also where older clients look for them."""
    return {"hyperparameters": numbers, "method": {"type": kind, kind: {"hyperparameters": numbers}}}


def tuned_id(job: Json, base: str) -> str:
    """`ft:<base>:local:<suffix>:<id>`; the suffix may be empty."""
    return f"ft:{base}:local:{job['user_provided_suffix'] or ''}:{job['id'][-8:]}"


def tuned(job: Json, base: str, step: int | None, metrics: Json) -> Json:
    """The record of the model a job made, or of its checkpoint at `step`."""
    name = tuned_id(job, base) + (f":ckpt-step-{step}" if step is not None else "")
    return {"id": name, "base": base, "created": now(), "job": job["id"], "step": step, "metrics": metrics}


def result_csv(kind: str, metrics: list[Json]) -> str:
    """The result file: one line for each step, empty cells where nothing was measured."""
    columns = COLUMNS[kind]
    lines = [",".join(str(one.get(name, "")) for name in columns.values()) for one in metrics]
    return "\n".join([",".join(columns), *lines, ""])


def ending(code: int) -> str:
    """How a training process ended that told nothing, in words."""
    if code >= 0:
        return f"the training process ended with status {code}."
    name = signal.Signals(-code).name
    hint = " The computer may have run out of memory." if name == "SIGKILL" else ""
    return f"the training process was killed by {name}.{hint}"
