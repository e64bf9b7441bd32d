"""What a server stores: files, with those that no job uses any more, and fine-tuned models."""

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import ProviderError
from core.providers import FileInfo, JobState, ModelInfo, Provider
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.providers.models_api import is_tuned
from core.storage.project import Project
from core.training import jobs

PURPOSES = ("fine-tune", "fine-tune-results")  # of other files Juku cannot know who uses them
MIN_AGE_SECONDS = 3600.0  # seconds in which a file may still wait for its job
MAX_JOBS = 1000  # jobs that are asked for; where a server has more, no file is called unused


@dataclass(frozen=True, slots=True)
class ServerContents:
    """What a server stores. `files` is None where it has no such list; `complete` is False where it has more jobs than were read.

    `used` and `unused` are ids of files; a file in neither may still wait for its job.
    """

    files: list[FileInfo] | None
    models: list[ModelInfo]
    unused: set[str]
    used: set[str]
    complete: bool = True


async def load_contents(project: Project, provider: Provider) -> ServerContents:
    """Load what a server stores. Raises `ProviderError`."""
    files = await _load_files(provider)
    states = await _load_jobs(provider)
    complete = states is not None and len(states) < MAX_JOBS
    used = await project.read(list_used_files, provider.id, states or [])
    unused = find_unused(files or [], used) if complete else set()
    # Only what was trained can be deleted: by the form of its name, or because a job says that it made it.
    trained = {state.fine_tuned_model for state in states or []}
    models = [model for model in await provider.models() if is_tuned(model.id) or model.id in trained]
    return ServerContents(files, models, unused, used, complete)


def list_used_files(db: sqlite3.Connection, provider: str, states: Iterable[JobState]) -> set[str]:
    """The ids of the files that a job at the server uses, or one of this project."""
    used = _list_own_files(db, provider)
    for state in states:
        used |= {state.training_file, state.validation_file, *state.result_files}
    return {id for id in used if id}


def find_unused(files: Iterable[FileInfo], used: set[str], now: float = 0.0) -> set[str]:
    """The ids of the files that no job uses and that are old enough to be sure; `now` is Unix seconds."""
    oldest = (now or time.time()) - MIN_AGE_SECONDS
    return {file.id for file in files if file.purpose in PURPOSES and file.created_at < oldest and file.id not in used}


def _list_own_files(db: sqlite3.Connection, provider: str) -> set[str | None]:
    """The files that this project's jobs name; while one is still to be asked for, all that were sent from here."""
    mine = [job for job in jobs.load_all(db) if job.provider == provider]
    found: set[str | None] = set()
    for job in mine:
        found |= {job.training_file, job.validation_file, *json.loads(job.result_files)}
    if any(job.status in jobs.UNSENT for job in mine):
        found |= {id for (id,) in db.execute("SELECT remote_id FROM upload WHERE provider = ?", (provider,))}
    return found


async def _load_files(provider: Provider) -> list[FileInfo] | None:
    try:
        return await provider.files()
    except ProviderError as error:
        if error.status in MISSING_ROUTE_STATUSES:
            return None
        raise


async def _load_jobs(provider: Provider) -> list[JobState] | None:
    try:
        return await provider.jobs(MAX_JOBS)
    except ProviderError as error:
        if error.status in MISSING_ROUTE_STATUSES:
            return None
        raise
