"""Checks a preference row (DPO): an input, a preferred answer and another one."""

from collections.abc import Iterator
from typing import Any

from core.checks.images import get_images
from core.checks.messages import message_problems, role_of, unknown_keys
from core.checks.rule_registry import Problem, problem
from core.checks.tool_calls import function_problems, round_problems
from core.language import tr

OUTPUTS = ("preferred_output", "non_preferred_output")
OLD_KEYS = {"preferred_completion": "preferred_output", "non_preferred_completion": "non_preferred_output"}
_INPUT_KEYS = ("messages", "tools", "parallel_tool_calls")


def is_preference_row(row: dict[str, Any]) -> bool:
    """Whether the row has a key of a preference row, and no messages."""
    return "messages" not in row and any(key in row for key in (*OUTPUTS, *OLD_KEYS))


def preference_problems(row: dict[str, Any]) -> Iterator[Problem]:
    """The problems of a preference row, with JSON paths."""
    yield from unknown_keys(row, ("input", *OUTPUTS, *OLD_KEYS), "$")
    for old in filter(row.__contains__, OLD_KEYS):
        message = tr("{old} is now called {new}.", old=old, new=OLD_KEYS[old])
        yield problem("dpo-old-key", f"$.{old}", message)
    yield from _check_input(row.get("input"))
    outputs = [path_and_value for key in OUTPUTS if (path_and_value := _find_output(row, key))]
    for key in OUTPUTS:
        if not _find_output(row, key):
            yield problem("dpo-output-missing", "$", tr("The row has no {key}.", key=key))
    for path, output in outputs:
        yield from _check_output(output, path)
    yield from _check_same_outputs(outputs)


def _find_output(row: dict[str, Any], key: str) -> tuple[str, object] | None:
    """The JSON path and the value of an output, under its key or the old one; None where it is missing."""
    name = find_output_key(row, key)
    return (f"$.{name}", row[name]) if name else None


def find_output_key(row: dict[str, Any], key: str) -> str:
    """The key that an output has in the row, `key` itself or the old name; '' where it is missing."""
    names = (key, *(old for old, new in OLD_KEYS.items() if new == key))
    return next((name for name in names if name in row), "")


def _check_input(value: object) -> Iterator[Problem]:
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(messages, list) or not messages:
        path = "$" if value is None else "$.input"
        yield problem("dpo-input-missing", path, tr("The row has no input with messages."))
        return
    yield from unknown_keys(value, _INPUT_KEYS, "$.input")
    yield from function_problems(value, "$.input", least=0)
    roles = [role_of(message) for message in messages]
    for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
        yield from _check_text_message(message, role, f"$.input.messages[{i}]")
    yield from round_problems(messages, roles, value, "$.input.messages")
    if roles[-1] == "assistant":
        path = f"$.input.messages[{len(roles) - 1}]"
        yield problem("dpo-input-answered", path, tr("The last message of the input is from the assistant."))


def _check_output(output: object, path: str) -> Iterator[Problem]:
    if not isinstance(output, list) or len(output) != 1:
        yield problem("dpo-output-missing", path, tr("This is not a list of exactly one message."))
        return
    role = role_of(output[0])
    yield from _check_text_message(output[0], role, f"{path}[0]")
    if isinstance(output[0], dict) and "weight" in output[0]:
        yield problem("key-unknown", f"{path}[0].weight", tr("Unknown key {key}.", key="weight"))
    if role not in ("assistant", ""):
        yield problem("dpo-output-role", f"{path}[0].role", tr("The message is not from the assistant."))


def _check_text_message(message: object, role: str, path: str) -> Iterator[Problem]:
    yield from message_problems(message, role, path)
    if get_images([message]):
        yield problem("dpo-image", path, tr("The message contains an image."))


def _check_same_outputs(outputs: list[tuple[str, object]]) -> Iterator[Problem]:
    if len(outputs) == 2 and outputs[0][1] and outputs[0][1] == outputs[1][1]:
        yield problem("dpo-outputs-equal", outputs[1][0], tr("The preferred answer and the other one are identical."))
