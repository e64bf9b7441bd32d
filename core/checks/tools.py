"""What must hold of tools: their declarations, the calls, and each call's result."""

from collections.abc import Iterator
from typing import Any

from core.checks.line import decode_text
from core.checks.rules import Problem, clip, problem
from core.language import tr


def function_problems(row: dict[str, Any]) -> Iterator[Problem]:
    """The problems of a row's declared tools and functions."""
    if not isinstance(row.get("parallel_tool_calls", True), bool):
        yield problem("value-type", "$.parallel_tool_calls", tr("{key} is true or false.", key="parallel_tool_calls"))
    for key in ("tools", "functions"):
        declared = row.get(key, [])
        if not isinstance(declared, list):
            yield problem("value-type", f"$.{key}", tr("{key} is not a list.", key=key))
            continue
        for i, one in enumerate(declared):
            function = one.get("function") if key == "tools" and isinstance(one, dict) else one
            if not isinstance(function, dict) or not isinstance(function.get("name"), str):
                message = tr("The tool is not a function with a name.")
                yield problem("value-type", f"$.{key}[{i}]", message)


def call_problems(message: dict[str, Any], path: str) -> Iterator[Problem]:
    """The problems of the calls that an assistant message makes; `path` is the message's."""
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        yield problem("value-type", f"{path}.tool_calls", tr("{key} is not a list.", key="tool_calls"))
    for i, call in enumerate(_calls(message)):
        here = f"{path}.tool_calls[{i}]"
        if not isinstance(call, dict) or not isinstance(call.get("id"), str) or call.get("type") != "function":
            yield problem("value-type", here, tr("The call is not an object with an id and the type function."))
        else:
            yield from _function(call.get("function"), f"{here}.function")
    if message.get("function_call") is not None:
        yield from _function(message["function_call"], f"{path}.function_call")


def _function(function: object, path: str) -> Iterator[Problem]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        yield problem("value-type", path, tr("The call names no function."))
        return
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        message = tr("The arguments are not a text that holds JSON.")
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)
    elif (decoded := decode_text(arguments)).text is None:
        message = tr("The arguments are not a JSON object: {reason}", reason=decoded.problems[0].message)
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)


def round_problems(messages: list[Any], roles: list[str]) -> Iterator[Problem]:
    """Calls without a result and results without a call; a call that ends the row needs no result."""
    made: set[str] = set()
    for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
        if role == "assistant":
            ids = _ids(message)
            made.update(ids)
            if i + 1 < len(messages):
                yield from _unanswered(ids, messages, roles, i)
        elif role == "tool":
            yield from _unknown(message.get("tool_call_id"), made, i)


def _unanswered(ids: list[str], messages: list[Any], roles: list[str], i: int) -> Iterator[Problem]:
    answered = set()
    for j in range(i + 1, len(messages)):
        if not ids or roles[j] != "tool":
            break
        answered.add(_text(messages[j].get("tool_call_id")))
    for call in ids:
        if call not in answered:
            message = tr("The call {id} has no result after it.", id=clip(call))
            yield problem("tool-call-unanswered", f"$.messages[{i}].tool_calls", message)


def _unknown(call: object, made: set[str], i: int) -> Iterator[Problem]:
    if not isinstance(call, str):
        yield problem("tool-call-id-unknown", f"$.messages[{i}]", tr("The result does not name its call."))
    elif call not in made:
        message = tr("No call {id} was made before.", id=clip(call))
        yield problem("tool-call-id-unknown", f"$.messages[{i}].tool_call_id", message)


def _calls(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _ids(message: dict[str, Any]) -> list[str]:
    ids = (_text(call.get("id")) for call in _calls(message) if isinstance(call, dict))
    return [id_ for id_ in ids if id_]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
