"""The protocol's nouns, as the rest of Juku knows them: jobs, files, models, batches, answers."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Message = dict[str, Any]
OnText = Callable[[int, str], None]
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


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a fine-tuning job is made of. `token` is kept in the job's metadata, to find it after a doubtful answer."""

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
    """A job as the server tells it; `status` keeps the protocol's word. Times are Unix seconds."""

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

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def token(self) -> str:
        """The token under which Juku asked for it, if it did."""
        return self.metadata.get(KEY, "")


@dataclass(frozen=True, slots=True)
class Event:
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
class Checkpoint:
    """A model saved on the way; `model` is the name it answers under."""

    id: str
    model: str
    step: int
    created_at: float
    metrics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file at the server."""

    id: str
    name: str
    bytes: int
    created_at: float
    purpose: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model in the server's list. `shutdown_date` is told by few servers."""

    id: str
    created_at: float = 0.0
    owned_by: str = ""
    shutdown_date: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as the server tells it; `status` keeps the protocol's word."""

    id: str
    status: str
    output_file: str | None
    error_file: str | None
    total: int
    completed: int
    failed: int
    error: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.status in BATCH_TERMINAL


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came of one line of a batch: texts, or an error with HTTP's status, None where nobody says."""

    custom_id: str
    texts: list[str]
    tokens: int = 0
    sent: int = 0
    model: str = ""
    fingerprint: str = ""
    error: str = ""
    status: int | None = None

    def reply(self, asked: str) -> Reply:
        """As an answer of the model `asked`; how long it took, nobody knows."""
        return Reply(self.texts, self.model or asked, self.fingerprint, 0.0, self.tokens, True, self.sent)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn; temperature 0 takes the likeliest token each time. An answer ends before a text of `stop`."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 160
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request. `model` and `fingerprint` are what the server says has answered.

    `tokens` were received, `sent` sent; 0 where the server does not tell.
    """

    texts: list[str]
    model: str
    fingerprint: str
    seconds: float
    tokens: int
    complete: bool = True
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that a provider offers. `state` is 'ready', or for a local base model where it is on its way there."""

    id: str
    title: str
    tuned: bool = False
    state: str = "ready"
    languages: str = ""
    licence: str = ""
    licence_url: str = ""
    bytes: int = 0
    progress: float | None = None
    message: str = ""
    source: str | None = None  # 'package' is on this computer and only converted; 'hub' is downloaded
    shutdown_date: datetime.date | None = None

    @property
    def converts(self) -> bool:
        """Whether it has to be made ready for its first use."""
        return self.state in ("available", "fetching")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do: True, False, or None where nobody has looked. `checked_at` is Unix seconds, 0 for never."""

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
