"""Under which system prompt rows teach: a model that is asked with another one looks as if it had learned nothing."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.dataset import filters
from core.dataset.filters import Filter
from core.dataset.row_json import read_texts
from core.language import tr
from core.spec import facts, spec
from core.storage import compressed_texts, remembered_choices

LOOKED_AT = 500  # rows, from all over: prompts are rarely told apart by fewer
SPREAD = 7919  # a prime: rows that are looked at follow no pattern that rows may have
FEW = 10  # a prompt that fewer than one in so many rows have is an oddity, not how they teach
CHOSEN = "system_prompt"  # the place of the choice that `use` is (core/storage/remembered_choices.py)
BRIEF = 80  # characters of a prompt that a sentence shows


@dataclass(frozen=True, slots=True)
class Trained:
    """A system prompt of rows, '' for none: `rows` of the `of` rows that were looked at have it.

    `is_offered`: whether it may take the place of the project's, or is only told.
    """

    prompt: str
    rows: int
    of: int
    is_offered: bool = True


def of_rows(db: sqlite3.Connection, chosen: Filter, version: int | None = None) -> Trained | None:
    """The prompt of most rows that match, as they are or in a kept version; None without rows or without a usual one."""
    found = _prompts(db, chosen, version)
    return _usual(found, found.total())


def unasked(db: sqlite3.Connection, chosen: Filter, version: int | None = None) -> Trained | None:
    """The prompt of these rows that the project does not ask under, None where it asks as they teach.

    A project without one is told of a prompt that fewer rows have, too, where they have one rather than several. Rows of
    two prompts cannot both be asked as they teach: a person who has chosen one of them is not offered the other; what then
    is wrong is the other rows (`system-prompt-differs`).
    """
    found = _prompts(db, chosen, version)
    if is_chosen(db) and 0 < found.total() <= found[spec.load(db).system_prompt.strip()] * FEW:
        return None
    usual = _usual(found, found.total())
    if differs(db, usual):
        return usual
    if spec.load(db).system_prompt.strip():
        return None
    rows = found.total()
    del found[""]
    few = _usual(found, rows)
    return few if few and few.rows * FEW >= rows else None


def is_chosen(db: sqlite3.Connection) -> bool:
    """Whether the project asks under a prompt that a person has taken from rows."""
    return remembered_choices.load(db).get(CHOSEN) == spec.load(db).system_prompt.strip()


def unasked_of_all(db: sqlite3.Connection, found: Sequence[Trained | None]) -> list[Trained]:
    """What `unasked` has found of several sets of rows, each once. A choice that suits one of them is not turned round for another."""
    others = list({one.prompt: one for one in found if one}.values())
    is_settled = None in found and is_chosen(db)
    return [replace(one, is_offered=False) for one in others] if is_settled else others


def _usual(found: "Counter[str]", of: int) -> Trained | None:
    """The prompt that more than half of those have that are in `found`."""
    prompt, rows = found.most_common(1)[0] if found else ("", 0)
    return Trained(prompt, rows, of) if rows * 2 > found.total() else None


def _prompts(db: sqlite3.Connection, chosen: Filter, version: int | None) -> "Counter[str]":
    condition, values = filters.where(chosen)
    table, given = ("example", []) if version is None else ("version_row", [version])
    condition = condition if version is None else f"version = ? AND {condition}"
    (count,) = db.execute(f"SELECT count(*) FROM {table} WHERE {condition}", [*given, *values]).fetchone()
    sql = f"SELECT pack, slot FROM {table} WHERE {condition} AND id * {SPREAD} % 1000003 % ? = 0 ORDER BY id"
    reader = compressed_texts.PackReader(db)
    places = db.execute(sql, [*given, *values, max(1, count // LOOKED_AT)])
    return Counter(read_texts(reader.text(place)).system_prompt.strip() for place in places)


def differs(db: sqlite3.Connection, found: Trained | None) -> bool:
    """Whether the project asks under another system prompt than this one."""
    return found is not None and found.prompt != spec.load(db).system_prompt.strip()


def words(found: Trained, wanted: str) -> str:
    """What is wrong, where the project asks under the system prompt `wanted`; for rows that are trained on."""
    rows = f"{found.rows / found.of:.0%}"
    if not found.prompt:
        return tr("Most training rows have no system prompt ({rows}), but the project has one. A model that is asked "
                  "with another prompt than it was trained with may seem untrained.", rows=rows)  # fmt: skip
    if not wanted.strip() and found.rows * 2 <= found.of:
        return tr("{rows} of {of} training rows have the system prompt “{prompt}”; the project has none. "
                  "A model that is asked with another prompt than it was trained with may seem "
                  "untrained.", rows=f"{found.rows:,}", of=f"{found.of:,}", prompt=brief(found.prompt))  # fmt: skip
    if not wanted.strip():
        return tr("Most training rows have the system prompt “{prompt}” ({rows}), but the project has none. A model that is "
                  "asked with another prompt than it was trained with may seem untrained.", prompt=brief(found.prompt),
                  rows=rows)  # fmt: skip
    return tr("Most training rows have another system prompt than the project: “{prompt}” ({rows}). A model that is asked "
              "with another prompt than it was trained with may seem untrained.", prompt=brief(found.prompt), rows=rows)  # fmt: skip


def brief(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= BRIEF else f"{line[:BRIEF]}…"


def use(db: sqlite3.Connection, prompt: str) -> None:
    """Ask under this prompt from now on: it becomes the project's. That a person chose it is known as long as it is that."""
    remembered_choices.store(db, CHOSEN, prompt.strip())
    facts.save(db, replace(spec.load(db), system_prompt=prompt))
