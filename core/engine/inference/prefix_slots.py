"""Which of llama.cpp's slots answers a prompt, so that what many prompts begin with is read once.

llama.cpp keeps the keys and values of the last prompt of each slot, for that slot only. Here the shared beginning of
prompts is saved to a file, once, and put into whichever slot gets the next such prompt: milliseconds instead of seconds.
While it is read, other prompts that begin alike wait for it; all others do not.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

MIN_PREFIX = 128  # tokens; a shorter beginning is read again as fast
MIN_GAIN = 64  # tokens, by which a longer beginning is worth a file of its own
MAX_SAVED = 4
MAX_REMEMBERED = 16  # prompts


class SlotStore(Protocol):
    """What llama.cpp does with a slot."""

    def read_prompt(self, slot: int, prompt_ids: Sequence[int]) -> None:
        """Read a prompt into a slot, without an answer. Raises OSError when that fails."""

    def save(self, slot: int, name: str) -> None:
        """Save what a slot has read as a file. Raises OSError when that fails."""

    def restore(self, slot: int, name: str) -> None:
        """Put a saved file into a slot. Raises OSError when that fails."""

    def delete(self, name: str) -> None:
        """Delete a saved file."""


@dataclass(frozen=True)
class _Saved:
    prefix: Sequence[int]
    name: str


class PrefixSlots:
    """Gives out slots; used by many threads, never more than there are slots."""

    def __init__(self, store: SlotStore, num_slots: int) -> None:
        self._store = store
        self._read: dict[int, Sequence[int]] = {slot: () for slot in range(num_slots)}
        self._busy: set[int] = set()
        self._being_read: dict[int, Sequence[int]] = {}  # beginnings that will be saved, by their slots
        self._saved: deque[_Saved] = deque()
        self._recent: deque[Sequence[int]] = deque(maxlen=MAX_REMEMBERED)
        self._num_saved = 0
        self._changed = threading.Condition()

    @contextmanager
    def slot_for(
        self, prompt_ids: Sequence[int], prefix_length: int, report: Callable[[Exception], None]
    ) -> Iterator[int]:
        """The slot for a prompt, until the block ends; others may begin with its first `prefix_length` tokens. What goes
        wrong with saved files is reported: then the prompt is read as a whole."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_being_read(prompt_ids))
            idle = [slot for slot in self._read if slot not in self._busy]
            slot = max(idle, key=lambda one: common_length(self._read[one], prompt_ids))
            self._busy.add(slot)
            try:
                length = self._share_prefix(slot, prompt_ids, prefix_length)
            except OSError as error:
                length = self._give_up(error, report)
            self._read[slot] = prompt_ids
            self._recent.append(prompt_ids)
            if length:
                self._being_read[slot] = prompt_ids[:length]
        try:
            if length:
                self._save(slot, report)
            yield slot
        finally:
            with self._changed:
                self._busy.discard(slot)

    def _is_being_read(self, prompt_ids: Sequence[int]) -> bool:
        """Whether a longer beginning than those that are saved is being read now."""
        usable = max((common_length(one.prefix, prompt_ids) for one in self._saved), default=0)
        coming = max((common_length(one, prompt_ids) for one in self._being_read.values()), default=0)
        return coming >= MIN_PREFIX and coming >= usable + MIN_GAIN

    def _share_prefix(self, slot: int, prompt_ids: Sequence[int], prefix_length: int) -> int:
        """Put the longest beginning that was read before into the slot; or returns the length of one to read and save:
        one that came for the second time, or is likely to come again."""
        known = common_length(self._read[slot], prompt_ids)
        saved = max(self._saved, key=lambda one: common_length(one.prefix, prompt_ids), default=None)
        usable = common_length(saved.prefix, prompt_ids) if saved else 0
        # A single slot has what it read last in any case.
        likely = prefix_length if len(self._read) > 1 else 0
        seen = max([likely, *(common_length(one, prompt_ids) for one in self._recent)])
        seen = min(seen, len(prompt_ids) - 1)  # a token is left to be computed
        if seen >= MIN_PREFIX and seen >= usable + MIN_GAIN:
            return seen
        if saved and usable >= known + MIN_GAIN:
            self._store.restore(slot, saved.name)
            self._saved.remove(saved)
            self._saved.append(saved)
        return 0

    def _save(self, slot: int, report: Callable[[Exception], None]) -> None:
        """Read the beginning that is to be shared into its slot, and save it; whoever waits for it goes on."""
        prefix = self._being_read[slot]
        try:
            self._store.read_prompt(slot, prefix)
            with self._changed:
                self._num_saved += 1
                name = f"prefix-{self._num_saved}.bin"
            self._store.save(slot, name)
            with self._changed:
                self._saved.append(_Saved(prefix, name))
                if len(self._saved) > MAX_SAVED:
                    self._store.delete(self._saved.popleft().name)
        except OSError as error:
            with self._changed:
                self._give_up(error, report)
        finally:
            with self._changed:
                del self._being_read[slot]
                self._changed.notify_all()

    def _give_up(self, error: OSError, report: Callable[[Exception], None]) -> int:
        """Forget the saved files: one of them is broken, or the disk is full."""
        report(error)
        self._saved.clear()
        return 0


def common_length(first: Sequence[object], second: Sequence[object]) -> int:
    """How many elements both begin with."""
    shortest = min(len(first), len(second))
    return next((index for index in range(shortest) if first[index] != second[index]), shortest)
