"""The models the engine knows, where each comes from, and how far away it is."""

import asyncio
import importlib.util
import json
import tomllib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from core.engine import child_lifetime
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found

OnShare = Callable[[float], None]


@dataclass(frozen=True)
class Package:
    """A file inside an installed Python package, read as data; the package is never imported."""

    module: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Hub:
    """A repository of a Hugging Face hub."""

    repo: str
    revision: str


@dataclass(frozen=True)
class Entry:
    """One line of the catalog. `rates`: learning rates for few and for many rows. `bytes`: what is fetched."""

    id: str
    title: str
    languages: list[str]
    licence: str
    licence_url: str
    bytes: int
    context: int
    rates: list[float]
    tools: bool
    package: Package | None = None
    hub: Hub | None = None
    template: dict[str, Any] = field(default_factory=dict)


@cache
def entries() -> dict[str, Entry]:
    """The catalog by id, in the file's order."""
    rows = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text("utf-8"))["model"]
    return {row["id"]: _entry(row) for row in rows}


def _entry(row: Json) -> Entry:
    package, hub = row.pop("package", None), row.pop("hub", None)
    return Entry(**row, package=Package(**package) if package else None, hub=Hub(**hub) if hub else None)


def packaged(entry: Entry) -> Path | None:
    """The model's file in its installed package, or None."""
    spec = importlib.util.find_spec(entry.package.module) if entry.package else None
    if not spec or not spec.origin or not entry.package:
        return None
    path = Path(spec.origin).with_name(entry.package.file)
    return path if path.is_file() else None


def folder(entry: Entry, models: Path) -> Path | None:
    """The model's complete folder: converted before, or in the hub's cache. None where there is neither."""
    found = models / entry.id if entry.package else _cached(entry.hub)
    return found if found and complete(found) else None


def _cached(hub: Hub | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub.repo, "config.json", revision=hub.revision) if hub else None
    return Path(found).parent if isinstance(found, str) else None


def complete(path: Path) -> bool:
    """Whether a folder holds configuration, tokenizer and every part of the weights."""
    if not (path / "config.json").is_file() or not (path / "tokenizer_config.json").is_file():
        return False
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return (path / "model.safetensors").is_file()
    parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    return all((path / part).is_file() for part in parts)


class Catalog:
    """Which models are ready, and the work of making them so (one child process for each)."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._work: dict[str, asyncio.Task[Path]] = {}
        self._failures: dict[str, str] = {}
        self._shares: dict[str, float] = {}  # how much of a conversion is done
        self._watchers: defaultdict[str, list[OnShare]] = defaultdict(list)

    def ready(self) -> list[tuple[Entry, Path]]:
        """The entries that can be loaded now, with their folders."""
        found = [(entry, folder(entry, self._models)) for entry in entries().values()]
        return [(entry, path) for entry, path in found if path]

    def teachable(self) -> list[Entry]:
        """The entries that a job can begin with: ready, or made ready without fetching anything."""
        return [entry for entry in entries().values() if self._state(entry) in ("ready", "available")]

    def describe(self, entry: Entry) -> Json:
        """The catalog object of the protocol's extension: `state`, `progress` (0 to 1 or null), `message`."""
        state = self._state(entry)
        return {
            "object": "catalog.model",
            "id": entry.id,
            "title": entry.title,
            "languages": entry.languages,
            "licence": entry.licence,
            "licence_url": entry.licence_url,
            "bytes": entry.bytes,
            "source": "package" if entry.package else "hub",
            "state": state,
            "progress": self.progress(entry) if state == "fetching" else None,
            "message": self._failures.get(entry.id),
        }

    def _state(self, entry: Entry) -> str:
        if entry.id in self._work:
            return "fetching"
        if folder(entry, self._models):
            return "ready"
        if entry.id in self._failures:
            return "failed"
        return "available" if packaged(entry) else "missing"

    def progress(self, entry: Entry) -> float:
        """How much of the work on a model is done: of a conversion as it says, else of the bytes in the hub's cache."""
        if not entry.hub:
            return self._shares.get(entry.id, 0.0)
        from huggingface_hub.constants import HF_HUB_CACHE

        blobs = Path(HF_HUB_CACHE) / f"models--{entry.hub.repo.replace('/', '--')}" / "blobs"
        size = sum(map(_size, blobs.glob("*"))) if blobs.is_dir() else 0
        return min(size / entry.bytes, 0.99)

    async def ensure(self, model: str, on_share: OnShare | None = None) -> Path:
        """The folder of a base model; converts one that is on this machine, refuses one that must be fetched.

        Where that takes a while, `on_share` is told how much of it is done (0 to 1).
        """
        entry = entries().get(model)
        if not entry:
            raise model_not_found(model)
        path = folder(entry, self._models)
        if path and entry.id not in self._work:
            return path
        self.check(model)
        work, watchers = self.start(entry), self._watchers[model]
        if not on_share:
            return await asyncio.shield(work)
        watchers.append(on_share)
        try:
            on_share(self.progress(entry))
            return await asyncio.shield(work)
        finally:
            watchers.remove(on_share)

    def check(self, model: str) -> None:
        """Refuse a known base model that would first have to be fetched: 400 `model_not_ready`."""
        entry = entries()[model]
        if not (entry.id in self._work or folder(entry, self._models) or packaged(entry)):
            raise _not_ready(entry)

    def start(self, entry: Entry) -> asyncio.Task[Path]:
        """Begin to make a model ready, or join the work that is under way."""
        if entry.id not in self._work:
            self._failures.pop(entry.id, None)
            self._work[entry.id] = task = asyncio.create_task(self._prepare(entry))
            task.add_done_callback(lambda done: self._finished(entry.id, done))
        return self._work[entry.id]

    def _finished(self, model: str, task: asyncio.Task[Path]) -> None:
        del self._work[model]
        self._shares.pop(model, None)
        if not task.cancelled() and (error := task.exception()):
            self._failures[model] = str(error)

    async def _prepare(self, entry: Entry) -> Path:
        child = await child_lifetime.start_child("core.engine.models.prepare", entry.id, str(self._models))
        error = ""
        try:
            assert child.stdout
            async for line in child.stdout:
                told = json.loads(line)
                error = told.get("error", "")
                self._tell(entry.id, told.get("share", 0.0))
            await child.wait()
        finally:
            await child_lifetime.end_child(child)
        path = folder(entry, self._models)
        if child.returncode or not path:
            reason = error or f"its process ended with {child.returncode}"
            raise ApiError(503, f"{entry.title} could not be made ready: {reason}", code="model_not_ready")
        return path

    def _tell(self, model: str, share: float) -> None:
        self._shares[model] = max(share, self._shares.get(model, 0.0))
        for watcher in self._watchers[model]:
            watcher(self._shares[model])

    async def stop(self) -> None:
        """End what is under way; a folder appears only when complete, so nothing half done is left."""
        tasks = list(self._work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _not_ready(entry: Entry) -> ApiError:
    return bad_request(
        f"The model `{entry.id}` is not on this computer yet. Fetch it first: "
        f"POST /v1/catalog/{entry.id}/prepare with accept_licence true ({entry.licence}, {entry.licence_url}).",
        "model",
        "model_not_ready",
    )


def _size(path: Path) -> int:
    """The bytes of a file; 0 where it has just got its final name."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
