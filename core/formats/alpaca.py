"""Alpaca: one instruction with an input and an output, the form of the first public sets of instructions."""

from typing import Any

from core.formats.conversion_losses import single_turn

KEYS = ("instruction", "output")


def is_row(value: dict[str, Any]) -> bool:
    return "messages" not in value and all(isinstance(value.get(key), str) for key in KEYS)


def read(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An Alpaca row as a chat row, and the keys that have no place in one.

    The input follows the instruction after a blank line; a history of question and answer pairs comes before both.
    """
    rest = {key: value[key] for key in value if key not in KEYS}
    asked = [value["instruction"]]
    if isinstance(value.get("input"), str):
        asked += [rest.pop("input")] if value["input"] else []
        rest.pop("input", None)
    messages = []
    if isinstance(value.get("system"), str):
        system = rest.pop("system")
        messages += [{"role": "system", "content": system}] if system.strip() else []
    if _is_history(value.get("history")):
        for question, answer in rest.pop("history"):
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    messages += [{"role": "user", "content": "\n\n".join(asked)}, {"role": "assistant", "content": value["output"]}]
    return {"messages": messages}, rest


def _is_history(history: object) -> bool:
    return isinstance(history, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in history
    )


def write(value: dict[str, Any]) -> dict[str, Any]:
    """A chat row as an Alpaca row. Raises CannotHold: it holds one question and one answer."""
    system, question, answer = single_turn(value)
    row = {"instruction": question, "input": "", "output": answer}
    return row if system is None else row | {"system": system}
