"""What must hold of tools: their declarations, the calls, and each call's result."""

import re
from collections.abc import Iterator
from typing import Any

from core.checks.line_parsing import decode_text
from core.checks.rule_registry import Problem, clip, problem
from core.language import tr

TOOLS_LIMIT = 128
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def function_problems(row: dict[str, Any], path: str, least: int = 1) -> Iterator[Problem]:
    """The problems of declared tools and functions; `path` is that of the object they are declared in.

    A list has at `least` so many: OpenAI's own rows that compare answers declare none, in an empty list.
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
        elif not least <= len(declared) <= TOOLS_LIMIT:
            yield problem("tool-count", f"{path}.{key}", tr("The list has {count} tools.", count=len(declared)))
        else:
            yield from _check_declared(declared, key, f"{path}.{key}")


def _check_declared(declared: list[Any], key: str, path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, one in enumerate(declared):
        function = _function_of(one, key)
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            yield problem("value-type", f"{path}[{i}]", tr("The tool is not a function with a name."))
            continue
        yield from _name(name, f"{path}[{i}]")
        if name in seen:
            yield problem("tool-twice", f"{path}[{i}]", tr("The tool {name} is already declared.", name=clip(name)))
        seen.add(name)
        yield from _parameters(function, f"{path}[{i}]")


def _function_of(declared: object, key: str) -> object:
    return declared.get("function") if key == "tools" and isinstance(declared, dict) else declared


def _name(name: str, path: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        message = tr("{name} cannot be a tool's name.", name=clip(name) or "“”")
        yield problem("tool-name-invalid", path, message)


def _parameters(function: dict[str, Any], path: str) -> Iterator[Problem]:
    parameters = function.get("parameters", {})
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        yield problem("tool-parameters-invalid", path, tr("The parameters are not the schema of an object."))


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
        yield problem("value-type", path, tr("The call has no function name."))
        return
    yield from _name(function["name"], f"{path}.name")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        message = tr("The arguments are not a string that contains JSON.")
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)
    elif (decoded := decode_text(arguments)).text is None:
        message = tr("The arguments are not a JSON object: {reason}", reason=decoded.problems[0].message)
        yield problem("tool-arguments-invalid", f"{path}.arguments", message)


def round_problems(messages: list[Any], roles: list[str], row: dict[str, Any], path: str) -> Iterator[Problem]:
    """Calls without a result or tool, and results without a call; a call that ends the row needs no result."""
    made: set[str] = set()
    known = _known_names(row)
    for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
        if role == "assistant":
            ids = _ids(message)
            yield from _check_undeclared(message, known, f"{path}[{i}]")
            yield from _twice(ids, made, f"{path}[{i}].tool_calls")
            if i + 1 < len(messages):
                yield from _check_unanswered(ids, messages, roles, i, path)
        elif role == "tool":
            yield from _check_unknown(message.get("tool_call_id"), made, f"{path}[{i}]")


def _known_names(row: dict[str, Any]) -> set[str]:
    """The names of declared tools; none when the row declares nothing."""
    known = set()
    for key in ("tools", "functions"):
        declared = row.get(key)
        for one in declared if isinstance(declared, list) else []:
            function = _function_of(one, key)
            if isinstance(function, dict):
                known.add(_text(function.get("name")))
    return known - {""}


def _check_undeclared(message: dict[str, Any], known: set[str], path: str) -> Iterator[Problem]:
    functions = [call.get("function") for call in _calls(message) if isinstance(call, dict)]
    names = (_text(one.get("name")) for one in [*functions, message.get("function_call")] if isinstance(one, dict))
    for name in names:
        if known and name and name not in known:
            yield problem("tool-undeclared", path, tr("The row declares no tool {name}.", name=clip(name)))


def _twice(ids: list[str], made: set[str], path: str) -> Iterator[Problem]:
    for call in ids:
        if call in made:
            yield problem("tool-call-id-twice", path, tr("The call {id} appears earlier already.", id=clip(call)))
        made.add(call)


def _check_unanswered(ids: list[str], messages: list[Any], roles: list[str], i: int, path: str) -> Iterator[Problem]:
    answered = set()
    for j in range(i + 1, len(messages)):
        if not ids or roles[j] != "tool":
            break
        answered.add(_text(messages[j].get("tool_call_id")))
    for call in ids:
        if call not in answered:
            message = tr("The call {id} has no result after it.", id=clip(call))
            yield problem("tool-call-unanswered", f"{path}[{i}].tool_calls", message)


def _check_unknown(call: object, made: set[str], path: str) -> Iterator[Problem]:
    if not isinstance(call, str):
        yield problem("tool-call-id-unknown", path, tr("The result has no call id."))
    elif call not in made:
        message = tr("There is no earlier call {id}.", id=clip(call))
        yield problem("tool-call-id-unknown", f"{path}.tool_call_id", message)


def _calls(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _ids(message: dict[str, Any]) -> list[str]:
    ids = (_text(call.get("id")) for call in _calls(message) if isinstance(call, dict))
    return [id_ for id_ in ids if id_]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
