"""What prompts begin with is read once, whichever slot gets the next one."""

from collections.abc import Sequence

from core.engine.inference.prefix_slots import MAX_SAVED, PrefixSlots

BOOK = list(range(300))
OTHERS = [[1000 * (number + 1) + one for one in range(300)] for number in range(MAX_SAVED + 1)]


class Store:
    """Keeps what each slot has read in place of llama.cpp, and what was done."""

    def __init__(self) -> None:
        self.files: dict[str, Sequence[int]] = {}
        self.slots: dict[int, Sequence[int]] = {}
        self.done: list[str] = []
        self.is_broken = False

    def read_prompt(self, slot: int, prompt_ids: Sequence[int]) -> None:
        self.done.append("read")
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
    with slots.slot_for(prompts[0], lambda error: None) as slot:
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


def test_few_files_are_kept_and_one_that_cannot_be_read_does_no_harm() -> None:
    store, errors = Store(), list[Exception]()
    slots = PrefixSlots(store, 2)
    for prompt in OTHERS:
        ask(slots, [*prompt, 1], [*prompt, 2])
    assert len(store.files) == MAX_SAVED
    store.is_broken = True
    with slots.slot_for([*OTHERS[2], 3], errors.append):
        assert len(errors) == 1
