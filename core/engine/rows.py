"""Checks an uploaded training file before anything is trained, in the words of the protocol's owner."""

import json
from pathlib import Path
from typing import Any

from core.engine.protocol import Json

LEAST = 10
LONGEST = 4 * 1024 * 1024
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
ROW_KEYS = {"messages", "tools", "parallel_tool_calls", "functions"}
KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "weight", "tool_calls", "function_call", "refusal"},
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}


class RowError(ValueError):
    """What is wrong with the file, and the error code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _WrongError(ValueError):
    """What is wrong with one row, said after `Example N`."""


def check(path: Path, kind: str) -> int:
    """The number of rows of a `training` or `validation` file; RowError at the first fault."""
    count = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST + 1):
            count += 1
            try:
                _check_row(_parse(line, count))
            except _WrongError as error:
                prefix = f"The job failed due to an invalid {kind} file. Invalid file format. "
                raise RowError(f"invalid_{kind}_file", f"{prefix}Example {count}{error}") from error
    least = LEAST if kind == "training" else 1
    if count < least:
        what = f"{kind.title()} file has {count} example(s), but must have at least {least} examples"
        raise RowError("invalid_n_examples", what)
    return count


def _parse(line: bytes, number: int) -> Any:
    if len(line) > LONGEST:
        raise _WrongError(f" is longer than {LONGEST} bytes.")
    try:
        # A byte order mark on the first line is what another service asks for: read over it.
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
        return value
    except (ValueError, RecursionError) as error:
        reason = f"line contains invalid json: {error} (line {number})"
        raise _WrongError(f" cannot be parsed. Error: {reason}") from error


def _check_row(row: Any) -> None:
    if not isinstance(row, dict):
        raise _WrongError(" is not an object.")
    if "messages" not in row:
        raise _WrongError(" is missing key 'messages'")
    _no_extra(set(row) - ROW_KEYS, "")
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise _WrongError(" key 'messages' must be a list with at least one message")
    for number, message in enumerate(messages):
        _check_message(message, f", message {number}")
    if not any(one["role"] == "assistant" and one.get("weight") != 0 for one in messages):
        raise _WrongError(" must have at least one assistant message with a weight other than 0")


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise _WrongError(f"{where} is not an object.")
    if "role" not in message:
        raise _WrongError(f"{where} Discriminator 'role' is missing in value")
    role = message["role"]
    if not isinstance(role, str) or role not in KEYS:
        known = ", ".join(f"'{name}'" for name in KEYS)
        raise _WrongError(
            f"{where} Input tag {role!r} found using 'role' does not match any of the expected tags: {known}"
        )
    _no_extra(set(message) - KEYS[role], where)
    if "weight" in message and (type(message["weight"]) is not int or message["weight"] not in (0, 1)):
        raise _WrongError(f"{where} key 'weight' must be 0 or 1")
    _check_content(message, where)


def _check_content(message: Json, where: str) -> None:
    content, calls = message.get("content"), message.get("tool_calls") or message.get("function_call")
    if content is None:
        if message["role"] != "assistant" or not (calls or message.get("refusal")):
            raise _WrongError(f"{where} is missing key 'content'")
    elif isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content):
            raise _WrongError(f"{where} key 'content' must be a string or a list of content parts")
    elif not isinstance(content, str):
        raise _WrongError(f"{where} key 'content' must be a string or a list of content parts")
    _no_marks(content, where)
    _check_calls(message.get("tool_calls"), where)


def _check_calls(calls: Any, where: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list) or not all(_is_call(call) for call in calls):
        raise _WrongError(f"{where} key 'tool_calls' must be a list of function calls")


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _no_extra(extra: set[str], where: str) -> None:
    if extra:
        raise _WrongError(f'{where} contains an extra "{min(extra)}".')


def _no_marks(content: Any, where: str) -> None:
    """A model's own control tokens in the text would end or begin turns."""
    parts = content if isinstance(content, list) else [{"text": content}]
    for part in parts:
        text = part.get("text")
        found = next((mark for mark in MARKS if isinstance(text, str) and mark in text), None)
        if found:
            raise _WrongError(f"{where.removesuffix(',')} message contains an invalid token: {found}.")
