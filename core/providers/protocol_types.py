"""The objects of the OpenAI protocol as the rest of Juku uses them: jobs, files, models, batches, replies."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Message = dict[str, Any]
OnText = Callable[[int, str], None]  # the number of the answer, and a piece of its text
OnBytes = Callable[[int, int], None]  # bytes sent or received, and of how many

BATCH_TERMINAL = ("completed", "failed", "expired", "cancelled")
METRICS = "metrics"  # the type of an event that carries the numbers of a step
KEY = "juku_key"  # the metadata key of a token chosen before a creation is sent


class JobStatus(StrEnum):
    """A fine-tuning job's status, as it is stored: the protocol's own words, and Juku's for what a server does not know.

    A server may use other words too: a status is compared with these, never converted to one.
    """

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    # Juku's own:
    WAITING = "waiting"  # in the queue, nothing sent
    UPLOADING = "uploading"  # its files are being sent
    CREATING = "creating"  # requested, and no answer yet
    MISSING = "missing"  # the server no longer knows it


TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)  # the protocol's: nothing follows


MAX_NUMBER = 2.0**63  # SQLite stores no larger one


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A request for a fine-tuning job. `token` is stored in the job's metadata, to find it after an uncertain answer."""

    model: str
    training_file: str
    token: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    method: str = "supervised"
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as the server reports it; `status` is the server's own word. Times are Unix seconds."""

    id: str
    status: str
    fine_tuned_model: str | None
    finished_at: float | None
    error: str
    result_files: list[str]
    model: str = ""
    created_at: float = 0.0
    estimated_finish: float | None = None
    error_code: str = ""
    training_file: str | None = None
    validation_file: str | None = None
    method: str = "supervised"
    hyperparameters: dict[str, Any] = field(default_factory=dict)  # numbers, or "auto" while they are not settled
    trained_tokens: int | None = None
    seed: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `TypeError` where a server sends what no job can have."""
        require_texts(self.id, self.status)
        require_texts(*filter(None, (self.fine_tuned_model, self.training_file, self.validation_file)))
        require_numbers(self.seed, self.trained_tokens, self.created_at, self.finished_at, self.estimated_finish)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in TERMINAL

    @property
    def token(self) -> str:
        """The token under which Juku asked for it, if it did."""
        return self.metadata.get(KEY, "")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """What a server reports of a job. `created_at` is Unix seconds; `type` is the protocol's: "message" or "metrics"."""

    id: str
    created_at: float
    level: str
    message: str
    data: dict[str, Any]
    type: str = "message"

    @property
    def is_metrics(self) -> bool:
        """Whether it only reports the numbers of a step, also where a server gives it no type."""
        return self.type == METRICS or "step" in self.data


@dataclass(frozen=True, slots=True)
class JobCheckpoint:
    """A model saved during training; `model` is the id to ask it by, `created_at` is Unix seconds."""

    id: str
    model: str
    step: int
    created_at: float
    metrics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file at the server; `bytes` is its size, `created_at` Unix seconds."""

    id: str
    name: str
    bytes: int
    created_at: float
    purpose: str
    status: str = ""

    def __post_init__(self) -> None:
        """Raises `TypeError` where a server sends what no file can have."""
        require_texts(self.id)
        require_numbers(self.created_at)


def require_texts(*values: object) -> None:
    """Raise `TypeError` for a value of an answer that is no text, or an empty one."""
    for value in values:
        if not isinstance(value, str) or not value or value == str(None):
            raise TypeError(f"{value!r:.80}")


def require_numbers(*values: object) -> None:
    """Raise `TypeError` for a value of an answer that is neither absent nor a finite number."""
    for value in values:
        if value is not None and not (isinstance(value, int | float) and abs(value) < MAX_NUMBER):
            raise TypeError(f"{value!r:.80}")


def read_entries(value: object) -> list[dict[str, Any]]:
    """The objects in a list of an answer; an absent list is empty. Raises `TypeError` for anything else."""
    if not isinstance(value, list | None):
        raise TypeError(f"{value!r:.80}")
    return [entry for entry in value or [] if isinstance(entry, dict)]


def read_fields(value: object) -> dict[str, Any]:
    """An object in an answer; an absent one is empty. Raises `TypeError` for anything else."""
    if not isinstance(value, dict | None):
        raise TypeError(f"{value!r:.80}")
    return value or {}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model in the server's list; `created_at` is Unix seconds. Few servers report a `shutdown_date`."""

    id: str
    created_at: float = 0.0
    owned_by: str = ""
    shutdown_date: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as the server reports it; `total`, `completed` and `failed` count requests."""

    id: str
    status: str
    output_file: str | None
    error_file: str | None
    total: int
    completed: int
    failed: int
    error: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `TypeError` where a server sends what no batch can have."""
        require_texts(self.id, self.status, *filter(None, (self.output_file, self.error_file)))

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in BATCH_TERMINAL


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The result of one line of a batch: texts, or an error with its HTTP status (None where it has none). Counts are tokens."""

    custom_id: str
    texts: list[str]
    tokens: int = 0
    sent: int = 0
    model: str = ""
    fingerprint: str = ""
    error: str = ""
    status: int | None = None

    def reply(self, model: str) -> Reply:
        """The answer as a reply of `model`; the time it took is not known, and 0."""
        return Reply(self.texts, self.model or model, self.fingerprint, 0.0, self.tokens, True, self.sent)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export: its path in the export's folder (with `/`), its size in bytes, its SHA-256 (hex)."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportState:
    """An export of a model as the engine reports it; `progress` is 0 to 1.

    `models`: by format, the name under which the engine answers with the exported file. `commands`: by program, a
    command line. `ollama`: what Ollama wants to know beside the file: template, system, stop.
    """

    id: str
    model: str
    name: str
    formats: list[str]
    status: str
    progress: float
    files: list[ExportedFile]
    models: dict[str, str]
    commands: dict[str, str]
    ollama: dict[str, Any]
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are sampled; temperature 0 takes the likeliest token. `max_tokens` is of one answer, `n` the number of answers.

    An answer ends before a text of `stop`.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 160
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request. `model` and `fingerprint` are what the server reports.

    `tokens` were received, `sent` sent; 0 where the server does not report them. `first_seconds` passed until the first
    text came; 0 where the answer came in one piece. `reasons` are why each answer ends, in the protocol's words.
    """

    texts: list[str]
    model: str
    fingerprint: str
    seconds: float
    tokens: int
    complete: bool = True
    sent: int = 0
    first_seconds: float = 0.0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model that a provider offers; `bytes` is its download size, `progress` 0 to 1. `answering_progress`: how far the
    local engine has made the file that it answers from, 0 to 1; all answers of the engine wait for it.

    `state` is 'ready', or for a local base model 'available', 'fetching', 'missing' or 'failed'.
    """

    id: str
    title: str
    tuned: bool = False
    state: str = "ready"
    languages: str = ""
    licence: str = ""
    licence_url: str = ""
    has_terms: bool = False  # that must be read and accepted before it is fetched
    bytes: int = 0
    progress: float | None = None
    answering_progress: float | None = None
    message: str = ""
    source: str | None = None  # 'package' (of Python), 'hub' or 'folder'
    added: bool = False  # by the person, to the engine's catalog
    shutdown_date: datetime.date | None = None

    def speaks(self, language: str) -> bool:
        """Whether it was made for `language` ('en', 'ja'); also where nothing is known of its languages."""
        return not self.languages or language in self.languages.split()

    @property
    def converts(self) -> bool:
        """Whether it must be converted before its first use."""
        return self.state in ("available", "fetching")


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What a job on this computer would need. `memory` and `free` are bytes; `fitting` names smaller models that fit.

    `is_exact`: the rows were counted with the model's own tokenizer, which is not there before it is downloaded.
    """

    seconds: float
    memory: int
    free: int
    fitting: tuple[str, ...] = ()
    is_exact: bool = True

    @property
    def fits(self) -> bool:
        """Whether the job has enough memory now."""
        return self.memory <= self.free


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do: True, False, or None where it is not known. `checked_at` is Unix seconds, 0 for never."""

    files: bool | None = None
    jobs: bool | None = None
    events: bool | None = None
    checkpoints: bool | None = None
    pause: bool | None = None
    moderation: bool | None = None
    batch: bool | None = None
    embeddings: bool | None = None
    model_delete: bool | None = None
    methods: tuple[str, ...] = ("supervised",)
    checked_at: float = 0.0
