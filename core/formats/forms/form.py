"""What a form of rows is: how it is recognised by its keys, and converted to rows that can be trained on."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Json = dict[str, Any]


class Converted(NamedTuple):
    """A converted row, and the keys of the original that have no place in it.

    `row` None: there is nothing to train on here, and `lost` says why. Otherwise `lost` has what was left out of the
    row. Both are keys of `losses.format_loss`.
    """

    row: Json | None
    rest: Json = {}  # noqa: RUF012
    lost: tuple[str, ...] = ()


class Form(NamedTuple):
    """A form. `read` is None where it cannot be converted; `way` is then what a person can do about it, translated.

    `is_native`: services for chat models take the rows nearly as they are.
    """

    title: str
    is_row: Callable[[Json], bool]
    read: Callable[[Json], Iterable[Converted]] | None
    way: Callable[[], str] | None = None
    is_native: bool = False


def message(role: str, content: Any) -> Json:
    """A message of a role and a text."""
    return {"role": role, "content": content}


def without(value: Json, *keys: str) -> Json:
    """The entries of an object but for these keys and those without a value."""
    return {key: entry for key, entry in value.items() if key not in keys and entry not in (None, "", [], {})}


def system_message(text: Any) -> list[Json]:
    """A list of one system message, empty for a text without words."""
    return [message("system", text)] if isinstance(text, str) and text.strip() else []


def preference(prompt: list[Any], chosen: Any, rejected: Any) -> Json:
    """A row that compares two answers, each a text or a message."""
    sides = [side if isinstance(side, dict) else message("assistant", side) for side in (chosen, rejected)]
    return {
        "input": {"messages": prompt},
        "preferred_output": [sides[0]],
        "non_preferred_output": [sides[1]],
    }


def are_messages(value: object) -> bool:
    """Whether a value is a list of messages with roles."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "role" in one for one in value)
