"""Keys and values of what prompts begin with, for torch: read once, for every prompt that begins alike."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.engine.inference.prefix_slots import MAX_REMEMBERED, MAX_SAVED, MIN_GAIN, MIN_PREFIX, common_length

# Reads token ids: their keys and values by layer.
ReadLayers = Callable[[list[int]], list[tuple[Any, Any]]]


@dataclass(frozen=True, eq=False)
class CachedPrefix:
    """Token ids, and their keys and values by layer: pairs of shape (1, heads, tokens, size)."""

    token_ids: Sequence[int]
    layers: list[tuple[Any, Any]]

    def build_cache(self, config: Any, rows: int, length: int) -> Any:
        """A cache of so many rows, each with the first `length` tokens."""
        from transformers import DynamicCache

        cache = DynamicCache(config=config)
        for index, (keys, values) in enumerate(self.layers):
            parts = [one[:, :, :length].expand(rows, -1, -1, -1) for one in (keys, values)]
            cache.update(*parts, index)
        return cache


class PrefixCache:
    """The prefixes of one model that were used last."""

    def __init__(self) -> None:
        self._cached: deque[CachedPrefix] = deque()
        self._recent: deque[Sequence[int]] = deque(maxlen=MAX_REMEMBERED)

    def find(self, read: ReadLayers, prompts: list[list[int]], prefix_length: int) -> tuple[CachedPrefix, int] | None:
        """What all these prompts begin with, and its length, where it is worth it: it is read now if it came before,
        comes more than once here, or is likely to come again (`prefix_length` tokens). None where they share too
        little. `read`: computes keys and values; what it raises is raised."""
        shortest = min(map(len, prompts)) - 1  # a token of each is left to be computed
        shared = min([shortest, *(common_length(prompts[0], one) for one in prompts)])
        # Of a single prompt, what it shares with an earlier one, or may share with later ones.
        seen = (
            shared
            if len(prompts) > 1
            else max([prefix_length, *(common_length(prompts[0], one) for one in self._recent)])
        )
        self._recent.extend(prompts)
        best = max(self._cached, key=lambda one: common_length(one.token_ids, prompts[0]), default=None)
        usable = min(shared, common_length(best.token_ids, prompts[0])) if best else 0
        seen = min(seen, shared)
        if seen >= MIN_PREFIX and seen >= usable + MIN_GAIN:
            return self._keep(CachedPrefix(prompts[0][:seen], read(prompts[0][:seen]))), seen
        if best and usable >= MIN_GAIN:
            self._cached.remove(best)
            self._cached.append(best)
            return best, usable
        return None

    def _keep(self, found: CachedPrefix) -> CachedPrefix:
        self._cached.append(found)
        if len(self._cached) > MAX_SAVED:
            self._cached.popleft()
        return found
