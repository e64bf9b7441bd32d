"""Checks tools: their declarations, the calls, and each call's result."""

import re
from collections.abc import Iterator
from typing import Any

from core.checks.line_parsing import decode_text
from core.checks.rule_registry import Problem, clip, problem
from core.language import tr

MAX_TOOLS = 128
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def function_problems(row: dict[str, Any], path: str, least: int = 1) -> Iterator[Problem]:
    """The problems of declared tools and functions; `path` is that of the object they are declared in.

    A list must have `least` or more tools: OpenAI's own preference rows have an empty one.
    """
    if not isinstance(row.get("parallel_tool_calls", True), bool):
        message = tr("{key} must be true or false.", key="parallel_tool_calls")
        yield problem("value-type", f"{path}.parallel_tool_calls", message)
    for key in ("tools", "functions"):
        declared = row.get(key)
        if key not in row:
            continue
        if not isinstance(declared, list):
            yield problem("value-type", f"{path}.{key}", tr("{key} is not a list.", key=key))
        elif not least <= len(declared) <= MAX_TOOLS:
            yield problem("tool-count", f"{path}.{key}", tr("The list has {count} tools.", count=len(declared)))
        else:
            yield from _check_declarations(declared, key, f"{path}.{key}")


def _check_declarations(declared: list[Any], key: str, path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, one in enumerate(declared):
        function = _get_function(one, key)
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            yield problem("value-type", f"{path}[{i}]", tr("The tool is not a function with a name."))
            continue
        yield from _check_name(name, f"{path}[{i}]")
        if name in seen:
            yield problem("tool-twice", f"{path}[{i}]", tr("The tool {name} is already declared.", name=clip(name)))
        seen.add(name)
        yield from _check_parameters(function, f"{path}[{i}]")


def _get_function(declared: object, key: str) -> object:
    return declared.get("function") if key == "tools" and isinstance(declared, dict) else declared


def _check_name(name: str, path: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        message = tr("{name} cannot be a tool's name.", name=clip(name) or "“”")
        yield problem("tool-name-invalid", path, message)


def _check_parameters(function: dict[str, Any], path: str) -> Iterator[Problem]:
    parameters = function.get("parameters", {})
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        yield problem("tool-parameters-invalid", path, tr("The parameters are not the schema of an object."))


def call_problems(message: dict[str, Any], path: str) -> Iterator[Problem]:
    """The problems of the calls that an assistant message makes; `path` is the message's."""
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        yield problem("value-type", f"{path}.tool_calls", tr("{key} is not a list.", key="tool_calls"))
    for i, call in enumerate(_get_calls(message)):
        here = f"{path}.tool_calls[{i}]"
        if not isinstance(call, dict) or not isinstance(call.get("id"), str) or call.get("type") != "function":
            yield problem("value-type", here, tr("The call is not an object with an id and the type function."))
        else:
            yield from _check_call(call.get("function"), f"{here}.function")
    if message.get("function_call") is not None:
        yield from _check_call(message["function_call"], f"{path}.function_call")


def _check_call(function: object, path: str) -> Iterator[Problem]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        yield problem("value-type", path, tr("The call has no function name."))
        return
    yield from _check_name(function["name"], f"{path}.name")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        message = tr("The arguments are not a string that contains JSON.")
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)
    elif (decoded := decode_text(arguments)).text is None:
        message = tr("The arguments are not a JSON object: {reason}", reason=decoded.problems[0].message)
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)


def round_problems(messages: list[Any], roles: list[str], row: dict[str, Any], path: str) -> Iterator[Problem]:
    """The problems of calls without a result or tool, and of results without a call; the last call needs no result."""
    earlier_ids: set[str] = set()
    declared_names = _collect_declared_names(row)
    for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
        if role == "assistant":
            ids = _get_call_ids(message)
            yield from _check_called_names(message, declared_names, f"{path}[{i}]")
            yield from _check_repeated_ids(ids, earlier_ids, f"{path}[{i}].tool_calls")
            if i + 1 < len(messages):
                yield from _check_results(ids, messages, roles, i, path)
        elif role == "tool":
            yield from _check_result_id(message.get("tool_call_id"), earlier_ids, f"{path}[{i}]")


def _collect_declared_names(row: dict[str, Any]) -> set[str]:
    """The names of declared tools; none when the row declares nothing."""
    names = set()
    for key in ("tools", "functions"):
        declared = row.get(key)
        for one in declared if isinstance(declared, list) else []:
            function = _get_function(one, key)
            if isinstance(function, dict):
                names.add(_get_text(function.get("name")))
    return names - {""}


def _check_called_names(message: dict[str, Any], declared_names: set[str], path: str) -> Iterator[Problem]:
    functions = [call.get("function") for call in _get_calls(message) if isinstance(call, dict)]
    names = (_get_text(one.get("name")) for one in [*functions, message.get("function_call")] if isinstance(one, dict))
    for name in names:
        if declared_names and name and name not in declared_names:
            yield problem("tool-undeclared", path, tr("The row declares no tool {name}.", name=clip(name)))


def _check_repeated_ids(ids: list[str], earlier_ids: set[str], path: str) -> Iterator[Problem]:
    for call in ids:
        if call in earlier_ids:
            yield problem("tool-call-id-twice", path, tr("The call {id} appears earlier already.", id=clip(call)))
        earlier_ids.add(call)


def _check_results(ids: list[str], messages: list[Any], roles: list[str], i: int, path: str) -> Iterator[Problem]:
    answered = set()
    for j in range(i + 1, len(messages)):
        if not ids or roles[j] != "tool":
            break
        answered.add(_get_text(messages[j].get("tool_call_id")))
    for call in ids:
        if call not in answered:
            message = tr("The call {id} has no result after it.", id=clip(call))
            yield problem("tool-call-unanswered", f"{path}[{i}].tool_calls", message)


def _check_result_id(call: object, earlier_ids: set[str], path: str) -> Iterator[Problem]:
    if not isinstance(call, str):
        yield problem("tool-call-id-unknown", path, tr("The result has no call id."))
    elif call not in earlier_ids:
        message = tr("There is no earlier call {id}.", id=clip(call))
        yield problem("tool-call-id-unknown", f"{path}.tool_call_id", message)


def _get_calls(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _get_call_ids(message: dict[str, Any]) -> list[str]:
    ids = (_get_text(call.get("id")) for call in _get_calls(message) if isinstance(call, dict))
    return [id_ for id_ in ids if id_]


def _get_text(value: object) -> str:
    return value if isinstance(value, str) else ""
