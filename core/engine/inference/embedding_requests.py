"""One request for vectors on its way: read by the computing thread in portions, awaited on the event loop."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.engine.http.protocol import ApiError
from core.engine.inference import embeddings
from core.engine.inference.loaded_models import Loaded, Source

MOST_TOKENS = 300_000


@dataclass(frozen=True)
class Vectors:
    """What was asked for: float32 arrays in the order of the texts, and how many tokens were read."""

    values: list[Any]
    tokens: int


@dataclass(eq=False)
class Reading:
    """Texts to be made vectors of. `aside`: nobody sits before it."""

    source: Source
    texts: list[str]
    loop: asyncio.AbstractEventLoop
    aside: bool = False
    gone: threading.Event = field(default_factory=threading.Event)
    _inbox: asyncio.Queue[Vectors | ApiError] = field(default_factory=asyncio.Queue)
    _rows: list[list[int]] = field(default_factory=list)
    _found: dict[int, Any] = field(default_factory=dict)
    _left: Iterator[list[int]] | None = None
    _loaded: Loaded | None = None

    def begin(self, loaded: Loaded) -> None:
        """Read the texts into tokens; raises the ApiError for what is too long."""
        self._rows = embeddings.encode(loaded, self.texts, MOST_TOKENS)
        self._loaded, self._left = loaded, embeddings.portions(self._rows)

    def go_on(self) -> bool:
        """Compute one portion more; False when there is none left and the vectors are told."""
        assert self._left and self._loaded
        portion = None if self.gone.is_set() else next(self._left, None)
        if portion is not None:
            found = embeddings.vectors(self._loaded, [self._rows[number] for number in portion])
            self._found |= zip(portion, found, strict=True)
            return True
        if not self.gone.is_set():
            values = [self._found[number] for number in range(len(self._rows))]
            self.tell(Vectors(values, sum(map(len, self._rows))))
        return False

    def tell(self, event: Vectors | ApiError) -> None:
        """Pass the end from the computing thread to the event loop."""
        if not self.gone.is_set():
            self.loop.call_soon_threadsafe(self._inbox.put_nowait, event)

    async def vectors(self) -> Vectors:
        """Wait for them; raises the ApiError."""
        event = await self._inbox.get()
        if isinstance(event, ApiError):
            raise event
        return event

    def leave(self) -> None:
        """Nobody listens any more: stop computing."""
        self.gone.set()

    def hang_up(self, error: ApiError) -> None:
        """Stop computing, and end the wait of who listens here; on the event loop."""
        self.leave()
        self._inbox.put_nowait(error)
