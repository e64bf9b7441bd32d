"""Checks a message's content: a text, or a list of text and image parts."""

from collections.abc import Iterator
from typing import Any

from core.checks import control_tokens, damaged_text
from core.checks.images import image_problems
from core.checks.json_positions import key_path
from core.checks.rule_registry import Problem, clip, problem
from core.language import tr

_PART_KEYS = {"text": ("type", "text"), "image_url": ("type", "image_url")}
_RESULT_ROLES = ("tool", "function")  # what a tool returns may be empty, and may end with a line break


def content_problems(message: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    """The problems of one message's content; `path` is the message's."""
    content = message.get("content")
    if content is None:
        if not may_lack_content(message, role):
            yield problem("content-missing", path, tr("The message has no content."))
    elif isinstance(content, str):
        yield from _check_text(message, content, role, f"{path}.content")
    elif isinstance(content, list):
        yield from _check_parts(content, role, f"{path}.content")
    else:
        yield problem("content-type", f"{path}.content", tr("The content is neither a string nor a list of parts."))


def may_lack_content(message: dict[str, Any], role: str) -> bool:
    """Whether a message needs no content: an assistant may call a tool or refuse instead."""
    return role == "assistant" and any(message.get(key) for key in ("tool_calls", "function_call", "refusal"))


def has_spare_blanks(content: object, role: str) -> bool:
    """Whether a content begins or ends with blanks, but is not all blank."""
    if not isinstance(content, str) or role in _RESULT_ROLES:
        return False
    stripped = content.strip()
    return stripped not in ("", content)


def _check_text(message: dict[str, Any], content: str, role: str, path: str) -> Iterator[Problem]:
    if not content.strip():
        if role not in _RESULT_ROLES and not may_lack_content(message, role):
            yield problem("content-empty", path, tr("The content is empty."))
        return
    if has_spare_blanks(content, role):
        yield problem("whitespace", path, tr("The content begins or ends with spaces."))
    yield from _check_characters(content, path)


def _check_characters(text: str, path: str) -> Iterator[Problem]:
    """Control tokens and damaged text, with their places in characters from 1."""
    if ("<" in text or "[" in text) and (found := control_tokens.find(text)):
        token, family, at = found
        if family == control_tokens.OPENAI:
            message = tr("The text contains the reserved token {token} at character {at}.", token=token, at=at + 1)
            yield problem("special-token", path, message)
        else:
            message = tr("The text contains {token}, a control token of {family}, at character {at}.",
                         token=token, family=family, at=at + 1)  # fmt: skip
            yield problem("control-token", path, message)
    for rule, at, sample in damaged_text.find(text):
        yield problem(rule, path, tr("Character {at}: {sample}", at=at + 1, sample=clip(sample)))


def _check_parts(parts: list[Any], role: str, path: str) -> Iterator[Problem]:
    if not parts and role not in _RESULT_ROLES:
        yield problem("content-empty", path, tr("The list of parts is empty."))
    for i, part in enumerate(parts):
        yield from _check_part(part, role, f"{path}[{i}]")


def _check_part(part: object, role: str, path: str) -> Iterator[Problem]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        yield problem("content-type", path, tr("The part is not an object with a type."))
    elif kind == "text":
        yield from _check_text_part(part, path)
    elif kind == "image_url":
        yield from image_problems(part, role, path)
    else:
        yield problem("content-type", f"{path}.type", tr("Unknown type of part: {kind}.", kind=clip(kind)))
    if isinstance(part, dict) and isinstance(kind, str):
        for key in part.keys() - _PART_KEYS.get(kind, tuple(part)):
            yield problem("key-unknown", path + key_path(key), tr("Unknown key {key}.", key=clip(key)))


def _check_text_part(part: dict[str, Any], path: str) -> Iterator[Problem]:
    text = part.get("text")
    if not isinstance(text, str):
        yield problem("content-type", path, tr("The part has no text."))
    elif not text.strip():
        yield problem("content-empty", f"{path}.text", tr("The part's text is empty."))
    else:
        yield from _check_characters(text, f"{path}.text")
