"""Checks one message: its role, its keys and its weight."""

import difflib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from core.checks.json_positions import key_path
from core.checks.message_content import content_problems
from core.checks.rule_registry import Problem, clip, problem
from core.checks.tool_calls import call_problems
from core.language import tr

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_PLAIN_KEYS = ("role", "content", "name", "weight")
_ASSISTANT_KEYS = (*_PLAIN_KEYS, "tool_calls", "function_call", "refusal")
_TOOL_KEYS = (*_PLAIN_KEYS, "tool_call_id")
_ROLE_KEYS = {"assistant": _ASSISTANT_KEYS, "tool": _TOOL_KEYS, "": (*_ASSISTANT_KEYS, "tool_call_id")}


def role_of(message: object) -> str:
    """A message's role, also when it is misspelled ('assitant'); '' when it is unknown."""
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str):
        return ""
    return role if role in ROLES else guess_word(role, ROLES)


@lru_cache(maxsize=1024)  # the same misspelling occurs thousands of times in a file, and comparing words is slow
def guess_word(word: str, known: tuple[str, ...]) -> str:
    """The one known word that `word` is a misspelling of, or ''."""
    if len(word) > 20:
        return ""
    close = difflib.get_close_matches(word.strip().lower(), known, cutoff=0.7)
    return close[0] if len(close) == 1 else ""


def message_problems(message: object, role: str, path: str) -> Iterator[Problem]:
    """The problems of one message; `role` as `role_of` has it, `path` is the message's."""
    if not isinstance(message, dict):
        yield problem("message-not-object", path, tr("The message is not an object with role and content."))
        return
    yield from _check_role(message, role, path)
    yield from unknown_keys(message, _ROLE_KEYS.get(role, _PLAIN_KEYS), path)
    yield from content_problems(message, role, path)
    yield from _check_weight(message, role, path)
    for key in ("name", "refusal"):
        if message.get(key) is not None and not isinstance(message[key], str):
            yield problem("value-type", f"{path}.{key}", tr("{key} is not a string.", key=key))
    if role == "assistant":
        yield from call_problems(message, path)


def _check_role(message: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    if "role" not in message:
        yield problem("role-missing", path, tr("The message has no role."))
        return
    value = message["role"]
    if not isinstance(value, str):
        yield problem("role-unknown", f"{path}.role", tr("The role is not a string."))
    elif role != value and role:
        hint = tr("Unknown role {role}: did you mean {guess}?", role=clip(value), guess=role)
        yield problem("role-unknown", f"{path}.role", hint)
    elif not role:
        yield problem("role-unknown", f"{path}.role", tr("Unknown role {role}.", role=clip(value)))


def _check_weight(message: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    if "weight" not in message:
        return
    weight = message["weight"]
    if role not in ("assistant", ""):
        yield problem("weight-invalid", f"{path}.weight", tr("Only assistant messages have a weight."))
    elif type(weight) is not int or weight not in (0, 1):
        yield problem("weight-invalid", f"{path}.weight", tr("A weight is the number 0 or 1."))


def unknown_keys(holder: dict[str, Any], known: tuple[str, ...], path: str) -> Iterator[Problem]:
    """A problem for each key of `holder` that is not in `known`."""
    for key in holder:
        if key in known:
            continue
        if guess := guess_word(key, known):
            message = tr("Unknown key {key}: did you mean {guess}?", key=clip(key), guess=guess)
        else:
            message = tr("Unknown key {key}.", key=clip(key))
        yield problem("key-unknown", path + key_path(key), message)
