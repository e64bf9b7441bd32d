"""The catalog of base models: where each comes from, whether it is on this computer, and how it gets there."""

import asyncio
import importlib.util
import itertools
import json
import logging
import tomllib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from core.engine import child_lifetime, failures
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found_error
from core.engine.private_files import write_whole

log = logging.getLogger(__name__)

TERMS = Path(__file__).with_name("terms")

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Package:
    """A file inside Python packages, in parts where one is too small for it. `files`: their paths, beginning with the
    package's module. `requirements`: what pip is asked for, each with its hash. `sha256`: of the whole file."""

    files: list[str]
    requirements: list[str]
    sha256: str


@dataclass(frozen=True)
class Hub:
    """A repository of a Hugging Face hub."""

    repo: str
    revision: str


@dataclass(frozen=True)
class CatalogEntry:
    """One base model. `learning_rates`: for few and for many rows. `bytes`: the size of what is downloaded, or of
    the weights in a person's own folder. `folder`: that folder; None for a model of a package or a hub. `config`: the
    architecture, with the names of the model's `config.json`. `terms`: a file in `terms/` with the terms of use that a
    person must accept, '' for an open licence. `chat_template`: for a model that has none of its own."""

    id: str
    title: str
    languages: list[str]
    licence: str
    licence_url: str
    bytes: int
    context_length: int
    learning_rates: list[float]
    supports_tools: bool
    package: Package | None = None
    hub: Hub | None = None
    folder: str | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    terms: str = ""
    chat_template: str = ""

    @property
    def source(self) -> str:
        """`package`, `hub` or `folder`."""
        return "folder" if self.folder else "package" if self.package else "hub"


@cache
def load_catalog() -> dict[str, CatalogEntry]:
    """The entries of `catalog.toml` by id, in the file's order."""
    rows = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text("utf-8"))["model"]
    return {row["id"]: build_entry(row) for row in rows}


def build_entry(row: Json) -> CatalogEntry:
    """An entry from its JSON or TOML form. Raises TypeError or KeyError for one with other members."""
    values = dict(row)
    package, hub = values.pop("package", None), values.pop("hub", None)
    return CatalogEntry(**values, package=Package(**package) if package else None, hub=Hub(**hub) if hub else None)


def load_terms(entry: CatalogEntry) -> str:
    """The text of the terms of use that must be accepted; '' where there is only a licence."""
    return (TERMS / entry.terms).read_text("utf-8") if entry.terms else ""


def find_installed(package: Package) -> list[Path]:
    """The parts of a model's file in installed packages, in their order; [] unless all are there."""
    found = []
    for file in package.files:
        module, _, rest = file.partition("/")
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and (path := Path(spec.origin).parent / rest).is_file():
            found.append(path)
    return found if len(found) == len(package.files) else []


def is_convertible(entry: CatalogEntry) -> bool:
    """Whether the model is on this computer but for its conversion, and nobody has to be asked first."""
    return bool(entry.package and not entry.terms and find_installed(entry.package))


def find_folder(entry: CatalogEntry, models: Path) -> Path | None:
    """The model's complete folder: a person's own, converted before, or in the hub's cache; else None."""
    if entry.folder:
        found: Path | None = Path(entry.folder)
    else:
        found = models / entry.id if entry.package else _find_cached_folder(entry.hub)
    return found if found and is_complete_folder(found) else None


def _find_cached_folder(hub: Hub | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub.repo, "config.json", revision=hub.revision) if hub else None
    return Path(found).parent if isinstance(found, str) else None


def is_complete_folder(path: Path) -> bool:
    """Whether a folder holds configuration, tokenizer and every part of the weights."""
    if not (path / "config.json").is_file() or not (path / "tokenizer_config.json").is_file():
        return False
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return (path / "model.safetensors").is_file()
    try:
        parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return all((path / part).is_file() for part in parts)


class ModelCatalog:
    """The base models of this engine: those of `catalog.toml`, and those that a person added, which are stored in the
    file `added`. Says which are ready; prepares others, each in a child process."""

    def __init__(self, models: Path, added: Path) -> None:
        self._models, self._added_path = models, added
        self.log = added.with_name("models.log")  # of the processes that prepare and inspect models
        self._added = _load_added(added)
        self._tasks: dict[str, asyncio.Task[Path]] = {}
        self._failures: dict[str, ApiError] = {}
        self._progress: dict[str, float] = {}  # of conversions, 0 to 1
        self._watchers: defaultdict[str, list[OnProgress]] = defaultdict(list)

    @property
    def entries(self) -> dict[str, CatalogEntry]:
        """Every base model by its id, those of the catalog first."""
        return {**load_catalog(), **self._added}

    def is_added(self, model: str) -> bool:
        """Whether a person added this model."""
        return model in self._added

    def add(self, entry: CatalogEntry) -> CatalogEntry:
        """Add a model, under a free id, and store it; one that is there already is returned. Raises OSError."""
        for known in self.entries.values():
            if (known.folder, known.hub, known.package) == (entry.folder, entry.hub, entry.package):
                return known
        numbered = (f"{entry.id}-{number}" for number in itertools.count(2))
        free = next(id for id in itertools.chain([entry.id], numbered) if id not in self.entries)
        entry = replace(entry, id=free)
        self._store({**self._added, free: entry})
        return entry

    def remove(self, model: str) -> None:
        """Forget a model that a person added; its files stay. Raises KeyError for another one, and OSError."""
        self._store({id: entry for id, entry in self._added.items() if id != self._added[model].id})
        self._failures.pop(model, None)

    def _store(self, entries: dict[str, CatalogEntry]) -> None:
        write_whole(self._added_path, json.dumps([asdict(one) for one in entries.values()]).encode())
        self._added = entries

    def ready_entries(self) -> list[tuple[CatalogEntry, Path]]:
        """The entries that can be loaded now, with their folders."""
        found = [(entry, find_folder(entry, self._models)) for entry in self.entries.values()]
        return [(entry, path) for entry, path in found if path]

    def find_ready_folder(self, entry: CatalogEntry) -> Path | None:
        """The folder of a model that can be loaded now, or None."""
        return find_folder(entry, self._models)

    def trainable_entries(self) -> list[CatalogEntry]:
        """The entries that can be trained: ready, or ready after a conversion without a download."""
        return [entry for entry in self.entries.values() if self._state(entry) in ("ready", "available")]

    def describe(self, entry: CatalogEntry) -> Json:
        """The catalog object of the protocol's extension: `state`, `progress` (0 to 1 or null), `message` and `code` of a failure."""
        state, failure = self._state(entry), self._failures.get(entry.id)
        if state == "failed" and entry.folder:
            failure = bad_request(describe_gone_folder(entry), "model", "model_not_ready")
        return {
            "object": "catalog.model",
            "id": entry.id,
            "title": entry.title,
            "languages": entry.languages,
            "licence": entry.licence,
            "licence_url": entry.licence_url,
            "bytes": entry.bytes,
            "has_terms": bool(entry.terms),
            "source": entry.source,
            "added": entry.id in self._added,
            "state": state,
            "progress": self.progress(entry) if state == "fetching" else None,
            "message": failure.message if failure else None,
            "code": failure.code if failure else None,
        }

    def _state(self, entry: CatalogEntry) -> str:
        if entry.id in self._tasks:
            return "fetching"
        if find_folder(entry, self._models):
            return "ready"
        if entry.folder or entry.id in self._failures:
            return "failed"
        return "available" if is_convertible(entry) else "missing"

    def progress(self, entry: CatalogEntry) -> float:
        """The progress of preparing a model (0 to 1): as the conversion reports it, or by the bytes in the hub's cache."""
        if not entry.hub:
            return self._progress.get(entry.id, 0.0)
        from huggingface_hub.constants import HF_HUB_CACHE

        blobs = Path(HF_HUB_CACHE) / f"models--{entry.hub.repo.replace('/', '--')}" / "blobs"
        size = sum(map(_file_size, blobs.glob("*"))) if blobs.is_dir() else 0
        return min(size / entry.bytes, 0.99)

    async def ensure_ready(self, model: str, on_progress: OnProgress | None = None) -> Path:
        """The folder of a base model; converts it first where its package is installed.

        `on_progress` is called with the progress of that (0 to 1). Raises an ApiError: 404 for an unknown model,
        400 `model_not_ready` for one that must be downloaded, 503 when preparing it fails.
        """
        entry = self.entries.get(model)
        if not entry:
            raise model_not_found_error(model)
        path = find_folder(entry, self._models)
        if path and entry.id not in self._tasks:
            return path
        self.check_available(model)
        task, watchers = self.start_preparing(entry), self._watchers[model]
        if not on_progress:
            return await asyncio.shield(task)
        watchers.append(on_progress)
        try:
            on_progress(self.progress(entry))
            return await asyncio.shield(task)
        finally:
            watchers.remove(on_progress)

    def check_available(self, model: str) -> None:
        """Raise 400 `model_not_ready` for an entry that must be downloaded first, or whose own folder is gone."""
        entry = self.entries[model]
        if entry.folder and not find_folder(entry, self._models):
            raise bad_request(describe_gone_folder(entry), "model", "model_not_ready")
        if not (entry.id in self._tasks or find_folder(entry, self._models) or is_convertible(entry)):
            raise _build_not_ready_error(entry)

    def start_preparing(self, entry: CatalogEntry) -> asyncio.Task[Path]:
        """Start to prepare a model, or return the task that already does."""
        if entry.id not in self._tasks:
            self._failures.pop(entry.id, None)
            self._tasks[entry.id] = task = asyncio.create_task(self._prepare(entry))
            task.add_done_callback(lambda done: self._on_finished(entry.id, done))
        return self._tasks[entry.id]

    async def cancel_preparing(self, entry: CatalogEntry) -> None:
        """Stop preparing a model. The hub's cache keeps what was downloaded: the next time it goes on from there."""
        if task := self._tasks.get(entry.id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _on_finished(self, model: str, task: asyncio.Task[Path]) -> None:
        del self._tasks[model]
        self._progress.pop(model, None)
        if not task.cancelled() and (error := task.exception()):
            self._failures[model] = error if isinstance(error, ApiError) else _unexpected(model, error)

    async def _prepare(self, entry: CatalogEntry) -> Path:
        message = await child_lifetime.run_child(
            "core.engine.models.prepare",
            json.dumps(asdict(entry)),
            str(self._models),
            log=self.log,
            on_message=lambda message: self._set_progress(entry.id, message.get("progress", 0.0)),
        )
        path = find_folder(entry, self._models)
        if "error" in message or not path:
            reason = message.get("error", "Its folder is not complete.")
            code = message.get("code", "model_not_ready")
            raise ApiError(503, f"{entry.title} could not be made ready. {reason}", code=code)
        return path

    def _set_progress(self, model: str, progress: float) -> None:
        self._progress[model] = max(progress, self._progress.get(model, 0.0))
        for watcher in self._watchers[model]:
            watcher(self._progress[model])

    async def stop(self) -> None:
        """Cancel all preparing. A folder appears only when it is complete: nothing half done is left."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _load_added(path: Path) -> dict[str, CatalogEntry]:
    """The models that a person added. A damaged file is moved aside, so that it is not overwritten, and logged."""
    if not path.exists():
        return {}
    try:
        entries = [build_entry(row) for row in json.loads(path.read_text("utf-8"))]
    except (ValueError, TypeError, KeyError, AttributeError):
        aside = path.with_name(f"{path.stem}-damaged-{int(path.stat().st_mtime)}.json")
        path.replace(aside)
        log.exception("the list of added models was damaged, and is now %s: add them again", aside)
        return {}
    return {entry.id: entry for entry in entries}


def _unexpected(model: str, error: BaseException) -> ApiError:
    failure = failures.report(f"{model} could not be made ready.", error)
    return ApiError(503, failure.words, code=failure.code)


def describe_gone_folder(entry: CatalogEntry) -> str:
    return f"The folder of {entry.title} is gone or incomplete: {entry.folder}. Put it back, or add the model again."


def _build_not_ready_error(entry: CatalogEntry) -> ApiError:
    return bad_request(
        f"The model `{entry.id}` is not on this computer yet. Fetch it first: "
        f"POST /v1/catalog/{entry.id}/prepare with accept_licence true ({entry.licence}, {entry.licence_url}).",
        "model",
        "model_not_ready",
    )


def _file_size(path: Path) -> int:
    """The size of a file in bytes; 0 when it has just been renamed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
