"""Compares the system prompt of the training rows with the project's: with another prompt a model may seem untrained."""

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

SAMPLED_ROWS = 500  # spread over the dataset
SAMPLE_PRIME = 7919  # a prime, so that the sample follows no pattern of the rows
RARE_FRACTION = 10  # a prompt that fewer than one in so many rows have is ignored
CHOICE_KEY = "system_prompt"  # key of the choice that `use_prompt` stores (core/storage/remembered_choices.py)
MAX_SHOWN_CHARACTERS = 80  # of a prompt in a sentence


@dataclass(frozen=True, slots=True)
class PromptUse:
    """A system prompt ('' for none) that `rows` of the `of` sampled rows have.

    `is_offered`: the user is offered to adopt it; otherwise it is only reported.
    """

    prompt: str
    rows: int
    of: int
    is_offered: bool = True


def find_majority_prompt(db: sqlite3.Connection, row_filter: Filter, version: int | None = None) -> PromptUse | None:
    """The prompt of more than half of the matching rows, now or in a version; None where there is none."""
    counts = _count_prompts(db, row_filter, version)
    return _majority_prompt(counts, counts.total())


def find_unused_prompt(db: sqlite3.Connection, row_filter: Filter, version: int | None = None) -> PromptUse | None:
    """The prompt of these rows where the project has another one, else None.

    In a project without a prompt, a prompt of fewer rows counts too, if it is the only one. Where the user chose one of
    two prompts, the other is not offered; the rows with it break the rule `system-prompt-differs`.
    """
    counts = _count_prompts(db, row_filter, version)
    if is_prompt_chosen(db) and 0 < counts.total() <= counts[spec.load(db).system_prompt.strip()] * RARE_FRACTION:
        return None
    usual = _majority_prompt(counts, counts.total())
    if differs_from_project(db, usual):
        return usual
    if spec.load(db).system_prompt.strip():
        return None
    rows = counts.total()
    del counts[""]
    few = _majority_prompt(counts, rows)
    return few if few and few.rows * RARE_FRACTION >= rows else None


def is_prompt_chosen(db: sqlite3.Connection) -> bool:
    """Whether the user chose the project's prompt with `use_prompt`."""
    return remembered_choices.load(db).get(CHOICE_KEY) == spec.load(db).system_prompt.strip()


def merge_unused_prompts(db: sqlite3.Connection, prompts: Sequence[PromptUse | None]) -> list[PromptUse]:
    """The results of `find_unused_prompt` for several sets of rows, each prompt once.

    None of them is offered where the user chose a prompt that suits one of the sets.
    """
    others = list({one.prompt: one for one in prompts if one}.values())
    is_settled = None in prompts and is_prompt_chosen(db)
    return [replace(one, is_offered=False) for one in others] if is_settled else others


def _majority_prompt(counts: "Counter[str]", of: int) -> PromptUse | None:
    """The prompt of more than half of the counted rows; `of` is the size of the sample."""
    prompt, rows = counts.most_common(1)[0] if counts else ("", 0)
    return PromptUse(prompt, rows, of) if rows * 2 > counts.total() else None


def _count_prompts(db: sqlite3.Connection, row_filter: Filter, version: int | None) -> "Counter[str]":
    condition, values = filters.to_sql(row_filter)
    table, version_parameter = ("example", []) if version is None else ("version_row", [version])
    condition = condition if version is None else f"version = ? AND {condition}"
    (count,) = db.execute(f"SELECT count(*) FROM {table} WHERE {condition}", [*version_parameter, *values]).fetchone()
    sql = f"SELECT pack, slot FROM {table} WHERE {condition} AND id * {SAMPLE_PRIME} % 1000003 % ? = 0 ORDER BY id"
    reader = compressed_texts.PackReader(db)
    places = db.execute(sql, [*version_parameter, *values, max(1, count // SAMPLED_ROWS)])
    return Counter(read_texts(reader.text(place)).system_prompt.strip() for place in places)


def differs_from_project(db: sqlite3.Connection, prompt_use: PromptUse | None) -> bool:
    """Whether the project has another system prompt than this one."""
    return prompt_use is not None and prompt_use.prompt != spec.load(db).system_prompt.strip()


def describe_difference(prompt_use: PromptUse, wanted: str) -> str:
    """A translated sentence about the difference between the training rows' prompt and the project's, `wanted`."""
    rows = f"{prompt_use.rows / prompt_use.of:.0%}"
    if not prompt_use.prompt:
        return tr("Most training rows have no system prompt ({rows}), but the project has one. A model that is asked "
                  "with another prompt than it was trained with may seem untrained.", rows=rows)  # fmt: skip
    if not wanted.strip() and prompt_use.rows * 2 <= prompt_use.of:
        return tr("{rows} of {of} training rows have the system prompt “{prompt}”; the project has none. "
                  "A model that is asked with another prompt than it was trained with may seem "
                  "untrained.", rows=f"{prompt_use.rows:,}", of=f"{prompt_use.of:,}", prompt=shorten_prompt(prompt_use.prompt))  # fmt: skip
    if not wanted.strip():
        return tr("Most training rows have the system prompt “{prompt}” ({rows}), but the project has none. A model that is "
                  "asked with another prompt than it was trained with may seem untrained.", prompt=shorten_prompt(prompt_use.prompt),
                  rows=rows)  # fmt: skip
    return tr("Most training rows have another system prompt than the project: “{prompt}” ({rows}). A model that is asked "
              "with another prompt than it was trained with may seem untrained.", prompt=shorten_prompt(prompt_use.prompt), rows=rows)  # fmt: skip


def shorten_prompt(prompt: str) -> str:
    """The prompt on one line, cut after `MAX_SHOWN_CHARACTERS`."""
    line = " ".join(prompt.split())
    return line if len(line) <= MAX_SHOWN_CHARACTERS else f"{line[:MAX_SHOWN_CHARACTERS]}…"


def use_prompt(db: sqlite3.Connection, prompt: str) -> None:
    """Make this prompt the project's, and store that the user chose it."""
    remembered_choices.store(db, CHOICE_KEY, prompt.strip())
    facts.save(db, replace(spec.load(db), system_prompt=prompt))
