"""What prompts begin with is read once, whichever slot gets the next one."""

import threading
from collections.abc import Callable, Sequence

from core.engine.inference.prefix_slots import MAX_SAVED, PrefixSlots
from tests.support.patience import PATIENCE

BOOK = list(range(300))
OTHERS = [[1000 * (number + 1) + one for one in range(300)] for number in range(MAX_SAVED + 1)]


class Store:
    """Keeps what each slot has read in place of llama.cpp, and what was done."""

    def __init__(self) -> None:
        self.files: dict[str, Sequence[int]] = {}
        self.slots: dict[int, Sequence[int]] = {}
        self.done: list[str] = []
        self.is_broken = False
        self.on_read: Callable[[], None] = lambda: None

    def read_prompt(self, slot: int, prompt_ids: Sequence[int]) -> None:
        self.done.append("read")
        self.on_read()
        self.slots[slot] = prompt_ids

    def save(self, slot: int, name: str) -> None:
        self.files[name] = self.slots[slot]

    def restore(self, slot: int, name: str) -> None:
        if self.is_broken:
            raise OSError("disk")
        self.done.append("restore")
        self.slots[slot] = self.files[name]

    def delete(self, name: str) -> None:
        del self.files[name]


def ask(slots: PrefixSlots, *prompts: list[int]) -> list[int]:
    """The slots of prompts that run at the same time."""
    if not prompts:
        return []
    with slots.slot_for(prompts[0], 0, lambda error: None) as slot:
        return [slot, *ask(slots, *prompts[1:])]


def test_a_beginning_that_comes_again_is_read_once_more_and_then_restored() -> None:
    store = Store()
    slots = PrefixSlots(store, 8)
    given = ask(slots, *([*BOOK, 5000 + number] for number in range(8)))
    assert len(set(given)) == 8 and store.done == ["read", *["restore"] * 6]
    assert set(map(tuple, store.slots.values())) == {tuple(BOOK)}
    ask(slots, *([*BOOK, 6000 + number] for number in range(8)))
    assert store.done == ["read", *["restore"] * 6]  # every slot has it


def test_a_short_beginning_is_left_to_llama_cpp() -> None:
    store = Store()
    ask(PrefixSlots(store, 4), *([*BOOK[:50], 5000 + number] for number in range(4)))
    assert store.done == []


def test_the_first_prompt_keeps_its_book_and_others_wait_for_it() -> None:
    """The book was read twice, and a short question waited for it."""
    store = Store()
    slots = PrefixSlots(store, 8)

    def start(prompt: list[int], prefix_length: int) -> threading.Thread:
        def answer() -> None:
            with slots.slot_for(prompt, prefix_length, lambda error: None):
                pass

        thread = threading.Thread(target=answer)
        thread.start()
        return thread

    started = list[threading.Thread]()

    def while_it_is_read() -> None:
        started.extend(start([*BOOK, 6000 + number], len(BOOK)) for number in range(6))
        other = start([1, 2, 3], 0)
        other.join(PATIENCE)
        assert not other.is_alive()

    store.on_read = while_it_is_read
    started.append(start([*BOOK, 5000], len(BOOK)))
    while started:
        started.pop().join(PATIENCE)
    assert store.done[0] == "read" and set(store.done[1:]) <= {"restore"}
    assert [tuple(prefix) for prefix in store.files.values()] == [tuple(BOOK)]


def test_few_files_are_kept_and_one_that_cannot_be_read_does_no_harm() -> None:
    store, errors = Store(), list[Exception]()
    slots = PrefixSlots(store, 2)
    for prompt in OTHERS:
        ask(slots, [*prompt, 1], [*prompt, 2])
    assert len(store.files) == MAX_SAVED
    store.is_broken = True
    with slots.slot_for([*OTHERS[2], 3], 0, errors.append):
        assert len(errors) == 1
