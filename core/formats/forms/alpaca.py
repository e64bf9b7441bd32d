"""Alpaca: rows of one instruction with an input and an output, the format of the first public instruction datasets."""

from typing import Any

from core.formats.conversion_losses import get_single_turn
from core.formats.forms.form import Converted
from core.formats.forms.query_history import is_history

KEYS = ("instruction", "output")


def is_row(value: dict[str, Any]) -> bool:
    """Whether a JSON object has the keys of an Alpaca row."""
    return "messages" not in value and all(isinstance(value.get(key), str) for key in KEYS)


def read(value: dict[str, Any]) -> list[Converted]:
    """Convert an Alpaca row to a chat row, and keep the keys that have no place in one.

    The input follows the instruction after a blank line; a history of question and answer pairs comes before both.
    """
    rest = {key: value[key] for key in value if key not in KEYS}
    question_parts = [value["instruction"]]
    if isinstance(value.get("input"), str):
        question_parts += [rest.pop("input")] if value["input"] else []
        rest.pop("input", None)
    messages = []
    if isinstance(value.get("system"), str):
        system = rest.pop("system")
        messages += [{"role": "system", "content": system}] if system.strip() else []
    if is_history(value.get("history")):
        for question, answer in rest.pop("history"):
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    messages += [
        {"role": "user", "content": "\n\n".join(question_parts)},
        {"role": "assistant", "content": value["output"]},
    ]
    return [Converted({"messages": messages}, rest)]


def write(value: dict[str, Any]) -> dict[str, Any]:
    """Convert a chat row to an Alpaca row. Raises `UnsupportedRow` when it is not one question and one answer as texts."""
    system, question, answer = get_single_turn(value)
    row = {"instruction": question, "input": "", "output": answer}
    return row if system is None else row | {"system": system}
