"""Exports a fine-tuned model from the local engine into a folder: files for other programs, and a card that tells its origin."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from core.atomic_files import create_folder_atomically, find_free_name
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import ExportState, JobStatus, Provider
from core.providers.retry_policy import PollTimer
from core.spec import revisions
from core.storage.project import Project
from core.training import lineage

GGUF_FORMATS = ("gguf-q8_0", "gguf-q4_k_m", "gguf-f16")
FORMATS = (*GGUF_FORMATS, "gguf-adapter", "merged", "adapter")
POLL_SECONDS = 0.5
SPARE_BYTES = 64 << 20  # left free for everything else on the disk


def format_title(format: str) -> str:
    """A format in words."""
    return {
        "gguf-q8_0": tr("GGUF, 8 bits (Q8_0)"),
        "gguf-q4_k_m": tr("GGUF, 4 bits (Q4_K_M)"),
        "gguf-f16": tr("GGUF, 16 bits (F16)"),
        "gguf-adapter": tr("GGUF of the adapter alone"),
        "merged": tr("Merged model (safetensors)"),
        "adapter": tr("Adapter (PEFT)"),
    }[format]


def build_card(db: sqlite3.Connection, provider: str, model: str) -> dict[str, Any]:
    """What the project knows of a model's origin, for its card: the data, the spec, the system prompt."""
    job = lineage.find_job_of_model(db, provider, model)
    if job is None:
        return {}
    which = tr("with the tag “{tag}”", tag=job.rows) if job.rows else tr("all training rows")
    prompt = lineage.load_training_prompt(db, provider, model)
    card = {
        "data": f"{trn('{n} row', '{n} rows', job.row_count)}, {which}" if not job.adopted else "",
        "data_digest": job.digest,
        "spec_revision": _describe_revision(db, job.revision),
        "system_prompt": prompt.prompt if prompt else "",
    }
    return {key: value for key, value in card.items() if value}


def _describe_revision(db: sqlite3.Connection, id: int | None) -> str:
    found = revisions.load_revision(db, id) if id is not None else None
    if found is None:
        return ""
    return tr("{title}, revision {number}: {name}", title=found.spec.name, number=found.id, name=found.name)


async def start(project: Project, provider: Provider, model: str, formats: Sequence[str]) -> ExportState:
    """Start an export at the engine. Raises `ProviderError`."""
    card = await project.read(build_card, provider.id, model)
    return await provider.start_export(model, list(formats), card, secrets.token_hex(16))


async def wait(provider: Provider, export: ExportState, reporter: Reporter) -> ExportState:
    """Wait until the engine has written an export; a cancelled task cancels the export, too.

    Raises `JukuError` when it failed, and `Cancelled`.
    """
    timer = PollTimer()
    try:
        while not export.ended:
            reporter.update(round(1000 * export.progress), 1000)
            timer.schedule(POLL_SECONDS)
            await timer.wait()
            export = await provider.export_state(export.id)
    except BaseException:
        await asyncio.shield(_cancel(provider, export.id))
        raise
    if export.status != JobStatus.SUCCEEDED:
        raise JukuError(tr("The model could not be exported"), export.error)
    reporter.update(1000, 1000)
    return export


async def _cancel(provider: Provider, id: str) -> None:
    try:
        await provider.cancel_export(id)
    except JukuError:
        return  # it has ended meanwhile, or the engine is gone and what it did with it


async def save(provider: Provider, export: ExportState, parent: Path, reporter: Reporter) -> Path:
    """Copy an export from the engine into a new folder in `parent`, whole or not at all; returns the folder.

    Raises `JukuError` where there is no room or a file is damaged, and `Cancelled`.
    """
    total = sum(file.bytes for file in export.files)
    try:
        _check_room(parent, total)
        target = find_free_name(parent, _one_name(export.name), "")
        with create_folder_atomically(target) as folder:
            await _copy_files(provider, export, folder, total, reporter)
    except OSError as error:
        raise JukuError(tr("The model could not be saved in {folder}", folder=parent), str(error)) from error
    return target


async def discard(provider: Provider, export: ExportState) -> None:
    """Let the engine delete an export that nobody wants any more; where it cannot be asked, the export stays there."""
    try:
        await provider.delete_export(export.id)
    except JukuError:
        return


def has_gguf(export: ExportState) -> bool:
    """Whether an export has a GGUF file of the whole model."""
    return any(format in GGUF_FORMATS for format in export.formats)


def _check_room(parent: Path, total: int) -> None:
    free = shutil.disk_usage(parent).free
    if free < total + SPARE_BYTES:
        needed, left = f"{(total + SPARE_BYTES) / 1e9:.1f}", f"{free / 1e9:.1f}"
        raise JukuError(
            tr("There is no room in {folder}", folder=parent),
            tr("{needed} GB are needed and {left} GB are free. Choose another folder, or fewer formats.",
               needed=needed, left=left),
        )  # fmt: skip


async def _copy_files(provider: Provider, export: ExportState, folder: Path, total: int, reporter: Reporter) -> None:
    before = 0

    def report(done: int, _total: int) -> None:
        reporter.update((before + done) >> 10, total >> 10)

    for file in export.files:
        target = folder / _safe_path(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        await provider.download_exported(export.id, file, target, report)
        before += file.bytes


def find_gguf(folder: Path, export: ExportState, format: str = "") -> Path:
    """The GGUF file of a saved export in this format, else of the best compromise that it has.

    Raises `JukuError` where the export has none.
    """
    for wanted in (format,) if format else GGUF_FORMATS:
        ending = f"-{wanted.removeprefix('gguf-').upper()}.gguf"
        if wanted in export.formats and (found := next(folder.rglob(f"*{ending}"), None)):
            return found
    raise JukuError(tr("The export has no GGUF file"), tr("Ollama needs one: export again with a GGUF format."))


def _safe_path(text: str) -> PurePosixPath:
    """A path inside the folder. Raises `JukuError` for one that leads out of it: it comes from a server."""
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or any(part != _one_name(part) for part in path.parts):
        raise JukuError(tr("The server named a file that would lie outside the folder: {path}", path=text))
    return path


def _one_name(text: str) -> str:
    """A name without anything that could lead to another folder."""
    kept = "".join(char for char in text if char.isprintable() and char not in '/\\:*?"<>|')
    return kept if kept.strip(". ") else "model"
