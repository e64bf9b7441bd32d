"""The lineage of a model: the rows, spec, settings and program version of its job, and what has changed since."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import __version__
from core.dataset import filters, row_system_prompts, versions
from core.dataset.row_json import read_texts
from core.dataset.row_system_prompts import PromptUse
from core.dataset.versions import VersionDiff
from core.providers import model_kinds
from core.spec import revisions, spec
from core.spec.spec import Spec
from core.storage import compressed_texts
from core.text import near_duplicates
from core.training import jobs
from core.training.jobs import Job
from core.training.row_selection import row_filter

DISTINGUISHING_SETTINGS = ("seed", "suffix", "method")  # beside the hyperparameters, what tells jobs apart
ROWS_PER_PAGE = 200  # rows of a comparison that are read at once


@dataclass(frozen=True, slots=True)
class JobSetting:
    """One hyperparameter: as requested (`requested`) and as the server uses it (`effective`); None where it is not known."""

    name: str
    requested: Any
    effective: Any


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """What has changed since a job was made; `rows`, `validation` and `spec` are None where no copy was stored."""

    rows: VersionDiff | None
    validation: VersionDiff | None
    spec: tuple[Spec, Spec] | None
    app: tuple[str, str]

    @property
    def is_unchanged(self) -> bool:
        """Whether another training would have the same rows, spec and program."""
        same_rows = all(diff is None or _count_differences(diff) == 0 for diff in (self.rows, self.validation))
        same_spec = self.spec is None or _spec_content(self.spec[0]) == _spec_content(self.spec[1])
        return same_rows and same_spec and self.app[0] in ("", self.app[1])


def changes_since(db: sqlite3.Connection, id: int, limit: int = ROWS_PER_PAGE) -> ChangesSince:
    """Compare the project with the time the job `id` was made; `limit` rows of each comparison are loaded."""
    job = jobs.load(db, id)
    validated = bool(job.request.get("validation"))
    return ChangesSince(
        compare_rows(db, job, limit=limit),
        compare_rows(db, job, "validation", limit=limit) if validated else None,
        _load_specs(db, job),
        (job.app, __version__),
    )


def compare_rows(
    db: sqlite3.Connection, job: Job, split: str = "train", offset: int = 0, limit: int = ROWS_PER_PAGE
) -> VersionDiff | None:
    """Compare the rows of a job with those it would have now; None where no copy was stored."""
    if job.version is None:
        return None
    return versions.diff(db, job.version, offset=offset, limit=limit, among=row_filter(job.rows, split))


def find_job_of_model(db: sqlite3.Connection, provider: str, model: str) -> Job | None:
    """The job that made a model, or saved it as a checkpoint; None where it is not known. A file exported from it counts as it."""
    model, _precision = model_kinds.split_exported(model)
    sql = (
        "SELECT min(job.id) FROM job LEFT JOIN job_checkpoint c ON c.job = job.id AND c.model = ?2 "
        "WHERE provider = ?1 AND (fine_tuned_model = ?2 OR c.model IS NOT NULL)"
    )
    (id,) = db.execute(sql, (provider, model)).fetchone()
    return jobs.load(db, id) if id else None


def load_training_prompt(db: sqlite3.Connection, provider: str, model: str) -> PromptUse | None:
    """The system prompt of a model's training rows; None where it is not known."""
    job = find_job_of_model(db, provider, model)
    return (
        row_system_prompts.find_majority_prompt(db, row_filter(job.rows), job.version)
        if job and job.version is not None
        else None
    )


def find_differing_prompt(db: sqlite3.Connection, models: Iterable[tuple[str, str]]) -> PromptUse | None:
    """The prompt that the first of these models (provider, model) was trained under that is not the project's.

    Where none of them is known to have been trained, that of the rows that would be trained on.
    """
    known_jobs = [job for one in models if (job := find_job_of_model(db, *one)) and job.version is not None]
    if not known_jobs:
        return row_system_prompts.find_unused_prompt(db, row_filter(""))
    found = [row_system_prompts.find_unused_prompt(db, row_filter(job.rows), job.version) for job in known_jobs]
    return next(iter(row_system_prompts.merge_unused_prompts(db, found)), None)


def find_leaked_questions(db: sqlite3.Connection, models: Iterable[tuple[str, str]]) -> dict[int, str]:
    """The exam questions that one of these models (provider, model) was trained on, for example where rows were held out since.

    By the row's id: the id of the training row and their similarity in per cent ("17 96"), as the dataset check stores
    it.
    """
    known_jobs = [job for one in models if (job := find_job_of_model(db, *one)) and job.version is not None]
    return {id: leak for job in known_jobs for id, leak in _find_trained_questions(db, job)}


def _find_trained_questions(db: sqlite3.Connection, job: Job) -> Iterator[tuple[int, str]]:
    condition, values = filters.to_sql(row_filter(job.rows))
    then = f"SELECT id, digest, pack, slot FROM version_row WHERE version = ? AND {condition}"
    pairs = " UNION ".join(
        f"SELECT e.id, e.pack, e.slot, v.id, v.pack, v.slot FROM ({then}) v JOIN example e ON e.{same} = v.{same} "
        "WHERE e.split = 'test' AND e.kind <> 'memorised'"
        for same in ("id", "digest")
    )
    reader = compressed_texts.PackReader(db)
    for id, pack, slot, row, *place in db.execute(pairs, [job.version, *values] * 2).fetchall():
        now, before = (
            near_duplicates.normalise(read_texts(reader.text(one)).key) for one in ((pack, slot), (place[0], place[1]))
        )
        if found := near_duplicates.compute_similarity(now, before):
            yield id, f"{row} {found:.0f}"


def list_settings(job: Job) -> list[JobSetting]:
    """The hyperparameters of a job and its seed, in the order in which they were requested."""
    requested: dict[str, Any] = dict(job.request.get("hyperparameters") or {})
    effective: dict[str, Any] = json.loads(job.hyperparameters)
    if job.request.get("seed") is not None:
        requested["seed"] = job.request["seed"]
    return [JobSetting(name, requested.get(name), effective.get(name)) for name in {**requested, **effective}]


def distinguish_jobs(found: Sequence[Job]) -> list[str]:
    """For each job, the settings in which these jobs differ, such as "n_epochs 3 · seed 7"; '' where there are none."""
    known = [_distinguishing_values(job) for job in found]
    names = list(dict.fromkeys(name for one in known for name in one))
    differing = [name for name in names if len({str(one.get(name)) for one in known}) > 1]
    return [" · ".join(f"{name} {one[name]}" for name in differing if name in one) for one in known]


def _distinguishing_values(job: Job) -> dict[str, Any]:
    found = {"rows": job.rows} if job.rows else {}
    found |= {
        name: value
        for name in DISTINGUISHING_SETTINGS
        if (value := {**job.request, "method": job.method}.get(name)) not in (None, "")
    }
    requested = job.request.get("hyperparameters") or {}
    effective = {name: value for name, value in json.loads(job.hyperparameters).items() if value != "auto"}
    return found | {"model": job.model} | requested | effective


def _load_specs(db: sqlite3.Connection, job: Job) -> tuple[Spec, Spec] | None:
    revision = revisions.load_revision(db, job.revision) if job.revision is not None else None
    return (revision.spec, spec.load(db)) if revision else None


def _count_differences(diff: VersionDiff) -> int:
    return diff.added + diff.removed + diff.changed


def _spec_content(state: Spec) -> tuple[str, str, str]:
    return state.name, state.system_prompt, state.text
