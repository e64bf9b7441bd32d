"""Embeddings of texts: the mean of a model's last hidden states, normalised to length 1.

The computing thread works on a request in micro-batches; the event loop waits for it.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.engine.http.protocol import ApiError, bad_request
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import ModelText
from core.engine.inference.pending import Pending

MAX_REQUEST_TOKENS = 300_000
MAX_MICRO_BATCH_TOKENS = 2048  # padding included


@dataclass(frozen=True)
class Embeddings:
    """The result: a float32 array of shape (hidden size,) for each text, in order, and the number of tokens read."""

    vectors: list[Any]
    num_tokens: int


EmbeddingsEvent = Embeddings | ApiError


@dataclass(eq=False)
class EmbeddingsWork:
    """A request for embeddings where it is computed. `background`: computed only when no person waits for anything.

    `send` gets the embeddings or an ApiError, once.
    """

    source: ModelSource
    texts: list[str | list[int]]
    send: Callable[[EmbeddingsEvent], None]
    background: bool = False
    owner: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    _rows: list[list[int]] = field(default_factory=list)
    _vectors: dict[int, Any] = field(default_factory=dict)
    _micro_batches: Iterator[list[int]] | None = None
    _loaded: LoadedModel | None = None

    def start(self, loaded: LoadedModel) -> None:
        """Tokenize the texts. Raises a 400 error when they are too long."""
        self._rows = _tokenize(loaded.text, self.texts)
        self._loaded, self._micro_batches = loaded, _micro_batches(self._rows)

    def step(self) -> bool:
        """Compute one micro-batch; False when none is left and the result is sent."""
        assert self._micro_batches and self._loaded
        if self.cancelled.is_set():
            return False
        batch = next(self._micro_batches, None)
        if batch is not None:
            vectors = _compute(self._loaded, [self._rows[index] for index in batch])
            self._vectors |= zip(batch, vectors, strict=True)
            return True
        vectors = [self._vectors[index] for index in range(len(self._rows))]
        self.send(Embeddings(vectors, sum(map(len, self._rows))))
        return False


class PendingEmbeddings(Pending[Embeddings]):
    """A request for embeddings where they are awaited: they are its one event."""


def _tokenize(text: ModelText, texts: list[str | list[int]]) -> list[list[int]]:
    """Token ids of each text; 400 for a text longer than the model reads, or for too many tokens in all."""
    encode = partial(text.tokenizer, add_special_tokens=False)
    rows: list[list[int]] = [list(encode(one).input_ids) if isinstance(one, str) else one for one in texts]
    for index, ids in enumerate(rows):
        if wrong := [token_id for token_id in ids if not 0 <= token_id < text.vocab_size]:
            message = f"Invalid 'input[{index}]': this model has no token {wrong[0]}, only 0 to {text.vocab_size - 1}."
            raise bad_request(message, "input", "invalid_value")
        if not 0 < len(ids) <= text.context_length:
            limit = f"This model's maximum context length is {text.context_length} tokens"
            raise bad_request(f"{limit}, 'input[{index}]' has {len(ids)}.", "input", "context_length_exceeded")
    if (total := sum(map(len, rows))) > MAX_REQUEST_TOKENS:
        message = f"Requested {total} tokens, max {MAX_REQUEST_TOKENS} tokens per request."
        raise bad_request(message, "input", "max_tokens_per_request")
    return rows


def _micro_batches(rows: list[list[int]]) -> Iterator[list[int]]:
    """The indices of the rows, in micro-batches of similar lengths."""
    batch: list[int] = []
    for index in sorted(range(len(rows)), key=lambda index: len(rows[index])):
        if batch and len(rows[index]) * (len(batch) + 1) > MAX_MICRO_BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _compute(loaded: LoadedModel, rows: list[list[int]]) -> Any:
    """The embedding of each row: a float32 array of shape (rows, hidden size)."""
    import torch

    width = max(map(len, rows))
    device = loaded.model.device
    input_ids = torch.tensor([row + [loaded.pad_token_id] * (width - len(row)) for row in rows], device=device)
    attention_mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
    with torch.inference_mode():
        outputs = loaded.model.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        weights = attention_mask.unsqueeze(-1)
        means = (outputs.last_hidden_state.float() * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(means, dim=-1).cpu().numpy()
