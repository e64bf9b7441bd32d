"""Builds what is stored of a job: the job object, its models' records, its result file."""

from core.engine.http.job_request import HYPERPARAMETERS, JobRequest
from core.engine.http.protocol import Json, new_id, now

# The result file's columns, each with the metric in it. OpenAI publishes those of supervised jobs only: for
# preferences the columns are the metrics' names.
RESULT_COLUMNS = {
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
# Of the KL terms, where a job has them.
EXTRA_COLUMNS = [f"{split}_{name}" for name in ("kl", "distillation_loss") for split in ("train", "valid")]


def build_job(request: JobRequest) -> Json:
    """A new job object with every key that the protocol requires."""
    method, given = request.method_name, request.hyperparameter_values
    hyperparameters = dict.fromkeys(HYPERPARAMETERS[method], "auto") | given
    return {
        "object": "fine_tuning.job",
        "id": new_id("ftjob-"),
        "model": request.model,
        "created_at": now(),
        "finished_at": None,
        "estimated_finish": None,
        "fine_tuned_model": None,
        "organization_id": "org-local",
        "result_files": [],
        "status": "validating_files",
        "training_file": request.training_file,
        "validation_file": request.validation_file,
        **build_method(method, hyperparameters),
        "seed": request.seed,
        "trained_tokens": None,
        "integrations": [],
        "metadata": request.metadata,
        "user_provided_suffix": request.suffix,
        "error": None,
    }


def build_method(method: str, hyperparameters: Json) -> Json:
    """A job's `method` and `hyperparameters`; older clients look for the latter at the top level."""
    return {
        "hyperparameters": hyperparameters,
        "method": {"type": method, method: {"hyperparameters": hyperparameters}},
    }


def build_model(job: Json, base: str, step: int | None, metrics: Json) -> Json:
    """The record of a job's model `ft:<base>:local:<suffix>:<id>` (the suffix may be empty), or of a checkpoint."""
    name = f"ft:{base}:local:{job['user_provided_suffix'] or ''}:{job['id'][-8:]}"
    name += f":ckpt-step-{step}" if step is not None else ""
    return {"id": name, "base": base, "created": now(), "job": job["id"], "step": step, "metrics": metrics}


def format_result_csv(method: str, metrics: list[Json]) -> str:
    """The result file: a line for each step, empty cells where there is no metric."""
    columns = RESULT_COLUMNS[method] | {name: name for name in EXTRA_COLUMNS if any(name in one for one in metrics)}
    lines = [",".join(str(one.get(name, "")) for name in columns.values()) for one in metrics]
    return "\n".join([",".join(columns), *lines, ""])
