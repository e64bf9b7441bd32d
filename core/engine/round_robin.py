"""The fair order: owners take turns, so that a hundred requests of one do not hold up the single one of another."""

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class RoundRobin:
    """Remembers who was served when."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._served: dict[str, int] = {}

    def order(self, items: Iterable[T], owner_of: Callable[[T], str]) -> list[T]:
        """The items so that every owner has one before any has a second. Who was served longest ago comes first; the
        items of one owner keep their order."""
        queues: dict[str, list[T]] = {}
        for item in items:
            queues.setdefault(owner_of(item), []).append(item)
        turns = [queues[owner] for owner in sorted(queues, key=lambda owner: self._served.get(owner, 0))]
        rounds = itertools.zip_longest(*([(item,) for item in queue] for queue in turns))
        return [found[0] for one_round in rounds for found in one_round if found]

    def mark_served(self, owner: str) -> None:
        """The owner had a turn now."""
        self._served[owner] = next(self._numbers)
