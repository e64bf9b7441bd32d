"""What the engine and the process that answers send each other: frames of four bytes of length and MessagePack."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from core.engine.inference.completions import CompletionDelta, CompletionStarted
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.model_source import ModelSource

LENGTH_BYTES = 4


class CompletionMessage(Struct, frozen=True, tag=True):
    """To the process: answer a request for completions. `id`: of all messages about it. `owner`: whose turn it uses."""

    id: int
    source: ModelSource
    request: GenerationRequest
    background: bool
    owner: str


class EmbeddingsMessage(Struct, frozen=True, tag=True):
    """To the process: compute the vectors of texts."""

    id: int
    source: ModelSource
    texts: list[str | list[int]]
    background: bool
    owner: str


class Cancelled(Struct, frozen=True, tag=True):
    """To the process: nobody waits for the answer any longer."""

    id: int


class Started(Struct, frozen=True, tag=True):
    """From the process: a request for completions was accepted."""

    id: int
    event: CompletionStarted


class Continued(Struct, frozen=True, tag=True):
    """From the process: new text of a choice."""

    id: int
    event: CompletionDelta


class Embedded(Struct, frozen=True, tag=True):
    """From the process: the vectors, each as the bytes of its float32 numbers."""

    id: int
    vectors: list[bytes]
    num_tokens: int


class Preparing(Struct, frozen=True, tag=True):
    """From the process: how far the file is made that llama.cpp answers from, `progress` 0 to 1; other answers wait for it.
    `model`: the id of the base model."""

    model: str
    progress: float


class Failed(Struct, frozen=True, tag=True):
    """From the process: the members of an ApiError."""

    id: int
    status: int
    message: str
    param: str | None
    code: str | None


RequestMessage = CompletionMessage | EmbeddingsMessage | Cancelled
EventMessage = Started | Continued | Embedded | Failed | Preparing


def _from_path(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError


def _to_path(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_from_path)
_REQUEST_DECODER = msgspec.msgpack.Decoder(RequestMessage, dec_hook=_to_path)
_EVENT_DECODER = msgspec.msgpack.Decoder(EventMessage, dec_hook=_to_path)


def to_frame(message: RequestMessage | EventMessage) -> bytes:
    """A message with its length before it."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def read_requests(stream: IO[bytes]) -> Iterator[RequestMessage]:
    """The messages to the process, until the stream ends."""
    while len(header := stream.read(LENGTH_BYTES)) == LENGTH_BYTES:
        yield _REQUEST_DECODER.decode(stream.read(int.from_bytes(header, "little")))


def decode_event(body: bytes) -> EventMessage:
    """A message from the process."""
    message: EventMessage = _EVENT_DECODER.decode(body)
    return message
