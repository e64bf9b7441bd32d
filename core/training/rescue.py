"""Rescue of fine-tuned models before their shutdown: saves the files of their jobs, and finds their rows."""

from __future__ import annotations

import asyncio
import base64
import binascii
import codecs
import dataclasses
import datetime
import itertools
import json
import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.atomic_files import write_new
from core.checks.rule_registry import clip
from core.errors import JukuError, ProviderError
from core.formats.encoded_text_lines import format_os_error
from core.language import tr
from core.progress import Reporter
from core.providers import JobState, ModelInfo, Provider, model_kinds, shutdown_dates
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.providers.models_api import is_tuned
from core.providers.shutdown_dates import ModelShutdown
from core.storage import compressed_texts
from core.storage.project import Project
from core.training import jobs
from core.training.jobs import Job

PERSONAL_OWNER_PREFIXES = ("user-", "org-")  # beginnings of the owners of models that are a person's own
CHECKPOINT_MARK = ":ckpt-step-"
SPLIT_OF_PURPOSE = {"training": "train", "validation": "validation"}  # of the rows in a job's files, by their role
MAX_NAME_BYTES = 120  # bytes of a file's name


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A fine-tuned model, and what is known of the job that made it; `made` is in Unix seconds, 0 where it is not known.

    `listed`: the server still offers it. Without a `job` its files are not known.
    """

    model: str
    base: str
    made: float
    closing: ModelShutdown | None
    listed: bool
    job: str = ""
    method: str = "supervised"
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag of its rows in a project."""
        return "".join(sign for sign in "-".join(self.model.split()) if sign.isprintable())[:200]


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of a job; `role` is training, validation or results."""

    role: str
    id: str


@dataclass(slots=True)
class SavedFiles:
    """The paths of saved files by role; `missing` are those that the server no longer has."""

    paths: list[tuple[str, Path]] = field(default_factory=list)
    missing: list[JobFile] = field(default_factory=list)

    def of(self, role: str) -> list[Path]:
        """The paths of the files with this role."""
        return [path for found, path in self.paths if found == role]


async def list_tuned_models(project: Project, provider: Provider, today: datetime.date) -> list[TunedModel]:
    """The fine-tuned models at a server and those of its jobs: the next shutdown first, those already shut down last.

    Raises `ProviderError`. What a server has no list for is known from the project's own jobs, as far as they go.
    """
    try:
        listed = await provider.models()
    except ProviderError as error:
        if error.status not in MISSING_ROUTE_STATUSES:
            raise
        listed = []
    records = [job for job in await project.read(jobs.load_all) if job.provider == provider.id]
    makers: dict[str, Job | JobState] = {job.fine_tuned_model: job for job in records if job.fine_tuned_model}
    makers |= {state.fine_tuned_model: state for state in await _load_jobs(provider) if state.fine_tuned_model}
    own = {info.id: info for info in listed if _is_own(info) or info.id in makers}
    found = [
        _build_tuned_model(
            name, own.get(name), makers.get(name) or makers.get(name.partition(CHECKPOINT_MARK)[0]), provider.preset.id
        )
        for name in dict.fromkeys([*own, *makers])
    ]
    return sorted(found, key=lambda one: _urgency(one, today))


def _is_own(info: ModelInfo) -> bool:
    return is_tuned(info.id) or info.owned_by.startswith(PERSONAL_OWNER_PREFIXES)


async def _load_jobs(provider: Provider) -> list[JobState]:
    try:
        return await provider.jobs()
    except ProviderError as error:
        if error.status not in MISSING_ROUTE_STATUSES:
            raise
        return []


def _build_tuned_model(model: str, info: ModelInfo | None, maker: Job | JobState | None, preset: str) -> TunedModel:
    closing = shutdown_dates.find_shutdown(model, info.shutdown_date if info else None, preset)
    created_at = info.created_at if info else 0.0
    if maker is None:
        return TunedModel(model, model_kinds.base_of(model), created_at, closing, info is not None)
    results = maker.result_files if isinstance(maker, JobState) else maker.files
    job = maker.id if isinstance(maker, JobState) else maker.remote_id or ""
    return TunedModel(
        model, maker.model or model_kinds.base_of(model), created_at or maker.finished_at or maker.created_at, closing,
        info is not None, job, maker.method, maker.training_file, maker.validation_file, tuple(results),
    )  # fmt: skip


def _urgency(one: TunedModel, today: datetime.date) -> tuple[int, datetime.date, float]:
    if one.closing is None:
        return 1, datetime.date.max, -one.made
    return (2 if one.closing.day < today else 0), one.closing.day, -one.made


def list_files(one: TunedModel) -> list[JobFile]:
    """The files that its job names."""
    rows = [("training", one.training_file), ("validation", one.validation_file)]
    return [JobFile(role, id) for role, id in rows if id] + [JobFile("results", id) for id in one.result_files]


async def save_files(provider: Provider, one: TunedModel, folder: Path, reporter: Reporter) -> SavedFiles:
    """Download a model's files into `folder`, with a record of its job; existing files are not replaced.

    Raises `ProviderError`, and `JukuError` where the disk refuses. What was written before that, or before a cancel,
    stays, and is known again the next time.
    """
    saved, files = SavedFiles(), list_files(one)
    for done, file in enumerate(files):
        reporter.update(done, len(files))
        try:
            name, data = (await provider.file(file.id)).name, await provider.download(file.id)
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES:
                raise
            saved.missing.append(file)
            continue
        data = _decode_results(data) if file.role == "results" else data
        saved.paths.append(
            (file.role, await asyncio.to_thread(_write_file, folder, f"{file.role}-{safe_name(name)}", data))
        )
    record = json.dumps(dataclasses.asdict(one), ensure_ascii=True, indent=2, default=str).encode()
    path = await asyncio.to_thread(_write_file, folder, f"job-{safe_name(one.model)}.json", record)
    saved.paths.append(("job", path))
    return saved


def safe_name(name: str) -> str:
    """Make a server's file name safe as the end of a local one: without folders, and characters that a file system refuses."""
    last = re.split(r"[/\\]", name)[-1]
    safe = "".join(sign if sign.isprintable() and sign not in '<>:"|?*' else "_" for sign in last).strip(" .")
    stem, dot, suffix = safe.rpartition(".")
    if not stem or len(suffix) > 10:
        stem, dot, suffix = safe, "", ""
    while len(f"{stem}.{suffix}".encode()) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}" or "file"


def _decode_results(data: bytes) -> bytes:
    """Returns a result file as CSV: some servers send it in base64."""
    with suppress(binascii.Error, ValueError):
        table = base64.b64decode(b"".join(data.split()), validate=True)
        if table.lstrip(b'\xef\xbb\xbf "').lower().startswith(b"step"):
            return table
    return data


def _write_file(folder: Path, name: str, data: bytes) -> Path:
    """Write a new file under the first free name; returns its path, or that of a file with the same content. Raises `JukuError`."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            write_new(path, data)
        except FileExistsError:
            with suppress(OSError):
                if path.stat().st_size == len(data) and path.read_bytes() == data:
                    return path
        except OSError as error:
            raise JukuError(
                tr("{name} cannot be written", name=clip(path.name, 80)),
                tr("{reason} Files saved before are kept. Choose another folder.", reason=format_os_error(error)),
            ) from error
        else:
            return path
    raise AssertionError("there is always a free name")


def tag_existing_rows(db: sqlite3.Connection, path: Path, tag: str) -> None:
    """Add the tag to those rows of a saved file that the project already had. Raises `OSError` when the file cannot be read."""
    with path.open("rb") as file:
        digests = {compressed_texts.digest(line.rstrip(b"\r\n").removeprefix(codecs.BOM_UTF8)) for line in file}
    sql = "SELECT id, digest FROM example WHERE instr(' ' || tags || ' ', ?) = 0"
    ids = [(f" {tag}", id) for id, digest in db.execute(sql, (f" {tag} ",)) if digest in digests]
    db.executemany("UPDATE example SET tags = trim(tags || ?) WHERE id = ?", ids)
