"""What the teacher of a self-distillation reads (docs/engine.md#objectives): the passage of a row's facts, and its answer.

It is added to the rows as they are sent. The rows of the project, and the frozen copy of a job with its digest, stay as
they are; a row that has teacher messages of its own keeps these.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core import prompts
from core.dataset.row_json import read_texts
from core.errors import JukuError
from core.language import tr
from core.spec import facts, spec
from core.spec.facts import Fact
from core.training import row_selection

WEIGHT = "distillation_weight"  # only servers with this hyperparameter read the messages
KEY = "teacher_messages"


class _Keys(msgspec.Struct):
    messages: msgspec.Raw = msgspec.Raw(b"")
    teacher_messages: msgspec.Raw = msgspec.Raw(b"")


def are_wanted(hyperparameters: Mapping[str, Any] | None) -> bool:
    """Whether a job with these distils."""
    weight = (hyperparameters or {}).get(WEIGHT)
    return isinstance(weight, int | float) and weight > 0


def load_rows(db: sqlite3.Connection, tag: str, split: str = "train", version: int | None = None) -> list[str]:
    """The rows that `row_selection.load_rows` gives, in its order, those with a fact or a quote with teacher messages.

    The passage is the row's quote, as it was when the job was queued; without one, that of its facts as they are now.
    """
    known, template = (
        {fact.name: fact for fact in facts.load(db)},
        prompts.load("teacher", spec.get_language(spec.load(db))),
    )
    return [
        _add_teacher(row, quote or _find_passage(names, known), template)
        for row, names, quote in row_selection.iterate_linked_rows(db, tag, split, version)
    ]


def _find_passage(names: str, known: Mapping[str, Fact]) -> str:
    there = [known[name] for name in names.split() if name in known]
    return "\n".join(dict.fromkeys(fact.quote or fact.text for fact in there))


def _add_teacher(row: str, passage: str, template: str) -> str:
    """The row's JSON text with what its teacher reads; unchanged where it has a teacher, no passage, or no messages."""
    keys = _read_keys(row)
    if not passage or keys is None or bytes(keys.teacher_messages) or not bytes(keys.messages):
        return row
    told = prompts.fill(template, passage=passage, answer=read_texts(row).answer)
    messages = json.dumps([{"role": "system", "content": told}], ensure_ascii=False)
    return f'{row.rstrip().removesuffix("}")}, "{KEY}": {messages}}}'


def _read_keys(row: str) -> _Keys | None:
    try:
        return msgspec.json.decode(row, type=_Keys)
    except msgspec.DecodeError:  # the check of the rows tells of it
        return None


def count_teachers(rows: Sequence[str]) -> int:
    """How many of these rows have teacher messages."""
    return sum(bool(keys and bytes(keys.teacher_messages)) for keys in map(_read_keys, rows))


def require_teachers(rows: Sequence[str]) -> None:
    """Raises `JukuError` where no row has teacher messages: the job would fail after the model was loaded."""
    if not count_teachers(rows):
        raise JukuError(
            tr("No row has a teacher to distil from"),
            tr(
                "Nothing was sent. The teacher reads the passage of a row's fact: link the rows to facts in the examples tab, or "
                "leave the distillation weight on Auto."
            ),
        )
