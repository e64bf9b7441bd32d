"""What must hold of one parsed row for a chat model to be trained on it."""

import difflib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from core.checks.content import content_problems
from core.checks.rules import Problem, clip, problem
from core.checks.spans import key_path
from core.checks.tools import call_problems, function_problems, round_problems
from core.language import tr

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
PROBLEMS_LIMIT = 100  # a row broken in a million places is not worth a million problems

_ROW_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
_PLAIN_KEYS = ("role", "content", "name", "weight")
_ASSISTANT_KEYS = (*_PLAIN_KEYS, "tool_calls", "function_call", "refusal")
_TOOL_KEYS = (*_PLAIN_KEYS, "tool_call_id")
_ROLE_KEYS = {"assistant": _ASSISTANT_KEYS, "tool": _TOOL_KEYS, "": (*_ASSISTANT_KEYS, "tool_call_id")}


def check(value: object) -> list[Problem]:
    """Every problem of a parsed row (the first hundred), with JSON paths. Takes any JSON value, never raises."""
    return list(islice(_row(value), PROBLEMS_LIMIT))


def role_of(message: object) -> str:
    """A message's role as written or as evidently meant ('assitant'); '' when neither is known."""
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str):
        return ""
    return role if role in ROLES else meant(role, ROLES)


@lru_cache(maxsize=1024)  # a slip comes thousands of times in one file, and comparing words is slow
def meant(word: str, known: tuple[str, ...]) -> str:
    """The one known word that `word` is a misspelling of, or ''."""
    if len(word) > 20:
        return ""
    close = difflib.get_close_matches(word.strip().lower(), known, cutoff=0.7)
    return close[0] if len(close) == 1 else ""


def _row(row: object) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield problem("not-object", "$", tr("The row is not a JSON object in curly brackets."))
    elif "messages" not in row and isinstance(row.get("prompt"), str) and "completion" in row:
        message = tr("This is a prompt/completion pair; chat models are trained on messages.")
        yield problem("old-format", "$", message)
    else:
        yield from _unknown_keys(row, _ROW_KEYS, "$")
        yield from function_problems(row)
        yield from _messages(row)


def _unknown_keys(holder: dict[str, Any], known: tuple[str, ...], path: str) -> Iterator[Problem]:
    for key in holder:
        if key in known:
            continue
        if guess := meant(key, known):
            message = tr("Unknown key {key}: did you mean {guess}?", key=clip(key), guess=guess)
        else:
            message = tr("Unknown key {key}.", key=clip(key))
        yield problem("key-unknown", path + key_path(key), message)


def _messages(row: dict[str, Any]) -> Iterator[Problem]:
    messages = row.get("messages")
    if "messages" not in row:
        yield problem("messages-missing", "$", tr("The row has no messages."))
    elif not isinstance(messages, list):
        yield problem("messages-missing", "$.messages", tr("The messages are not a list."))
    elif not messages:
        yield problem("messages-empty", "$.messages", tr("The list of messages is empty."))
    else:
        roles = [role_of(message) for message in messages]
        for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
            yield from _message(message, role, f"$.messages[{i}]")
        yield from _answers(messages, roles)
        yield from round_problems(messages, roles)


def _message(message: object, role: str, path: str) -> Iterator[Problem]:
    if not isinstance(message, dict):
        yield problem("message-not-object", path, tr("The message is not an object with role and content."))
        return
    yield from _role(message, role, path)
    yield from _unknown_keys(message, _ROLE_KEYS.get(role, _PLAIN_KEYS), path)
    yield from content_problems(message, role, path)
    yield from _weight(message, role, path)
    for key in ("name", "refusal"):
        if message.get(key) is not None and not isinstance(message[key], str):
            yield problem("value-type", f"{path}.{key}", tr("{key} is not a text.", key=key))
    if role == "assistant":
        yield from call_problems(message, path)


def _role(message: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    if "role" not in message:
        yield problem("role-missing", path, tr("The message has no role."))
        return
    written = message["role"]
    if not isinstance(written, str):
        yield problem("role-unknown", f"{path}.role", tr("The role is not a text."))
    elif role != written and role:
        hint = tr("Unknown role {role}: did you mean {guess}?", role=clip(written), guess=role)
        yield problem("role-unknown", f"{path}.role", hint)
    elif not role:
        yield problem("role-unknown", f"{path}.role", tr("Unknown role {role}.", role=clip(written)))


def _weight(message: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    if "weight" not in message:
        return
    weight = message["weight"]
    if role not in ("assistant", ""):
        yield problem("weight-invalid", f"{path}.weight", tr("Only assistant messages have a weight."))
    elif type(weight) is not int or weight not in (0, 1):
        yield problem("weight-invalid", f"{path}.weight", tr("A weight is the number 0 or 1."))


def _answers(messages: list[Any], roles: list[str]) -> Iterator[Problem]:
    """Something must be learned: an assistant message of weight other than 0, and one at the end."""
    answers = [message for message, role in zip(messages, roles, strict=True) if role == "assistant"]
    if not answers:
        yield problem("assistant-missing", "$.messages", tr("No message is the assistant's."))
    elif all(_is_zero(message.get("weight")) for message in answers):
        message = tr("Every assistant message has weight 0: nothing is learned.")
        yield problem("assistant-missing", "$.messages", message)
    if answers and roles[-1] != "assistant":
        path = f"$.messages[{len(roles) - 1}]"
        yield problem("last-not-assistant", path, tr("The last message is not the assistant's."))


def _is_zero(weight: object) -> bool:
    return type(weight) is int and weight == 0
