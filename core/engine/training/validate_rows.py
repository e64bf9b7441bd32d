"""Checks an uploaded training file before anything is trained, in the words of the protocol's owner."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.engine.http.protocol import Json

LEAST = 10
LONGEST = 4 * 1024 * 1024
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
ROW_KEYS = {"messages", "tools", "parallel_tool_calls", "functions"}
PREFERENCE_KEYS = {"input", "preferred_output", "non_preferred_output"}
INPUT_KEYS = {"messages", "tools", "parallel_tool_calls"}
# What a method's file looks like: the name of its format, and the key by which a row of it is known.
FORMATS = {"supervised": ("fine-tune-chat", "messages"), "dpo": ("fine-tune-preference", "input")}
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


class _FormatError(ValueError):
    """The whole file is of another format."""


def check(path: Path, kind: str, method: str = "supervised", name: str = "") -> int:
    """The number of rows of a `training` or `validation` file; RowError at the first fault. `name`: the file's id."""
    count = 0
    prefix = f"The job failed due to an invalid {kind} file. Invalid file format. "
    with path.open("rb") as file:
        while line := file.readline(LONGEST + 1):
            count += 1
            try:
                row = _parse(line, count)
                if count == 1:
                    _check_format(row, method, name)
                _CHECKS[method](row)
            except _FormatError as error:
                raise RowError(f"invalid_{kind}_file", f"{prefix}{error}") from error
            except _WrongError as error:
                raise RowError(f"invalid_{kind}_file", f"{prefix}Example {count}{error}") from error
    least = LEAST if kind == "training" else 1
    if count < least:
        what = f"{kind.title()} file has {count} example(s), but must have at least {least} examples"
        raise RowError("invalid_n_examples", what)
    return count


def _check_format(row: Any, method: str, name: str) -> None:
    """A file made for another method is named as such, not by what its first row lacks."""
    if not isinstance(row, dict) or FORMATS[method][1] in row:
        return
    for other, (title, key) in FORMATS.items():
        if key in row:
            raise _FormatError(
                f"Input file {name} is in the {title} format, but the specified fine-tuning job is not using "
                f"'{other}' as the training method (provided method={method})."
            )


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


def _check_chat(row: Any) -> None:
    _has(row, ("messages",), "")
    _no_extra(set(row) - ROW_KEYS, "")
    messages = row["messages"]
    _check_messages(messages, "")
    if not any(one["role"] == "assistant" and one.get("weight") != 0 for one in messages):
        raise _WrongError(" must have at least one assistant message with a weight other than 0")


def _check_preference(row: Any) -> None:
    _has(row, ("input", "preferred_output", "non_preferred_output"), "")
    _no_extra(set(row) - PREFERENCE_KEYS, "")
    asked = row["input"]
    _has(asked, ("messages",), ", input")
    _no_extra(set(asked) - INPUT_KEYS, ", input")
    _check_messages(asked["messages"], ", input")
    for name in ("preferred_output", "non_preferred_output"):
        _check_output(row[name], name)


def _check_output(output: Any, name: str) -> None:
    """One message of the assistant, in words."""
    where = f", {name}"
    if not isinstance(output, list) or len(output) != 1:
        raise _WrongError(f" key '{name}' must be a list with exactly one message")
    _check_message(output[0], f"{where} message 0")
    if output[0]["role"] != "assistant":
        raise _WrongError(f"{where} message 0 must have the role 'assistant'")
    _no_extra(set(output[0]) & {"weight"}, f"{where} message 0")


def _has(value: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(value, dict):
        raise _WrongError(f"{where} is not an object.")
    for key in keys:
        if key not in value:
            raise _WrongError(f"{where} is missing key '{key}'")


def _check_messages(messages: Any, where: str) -> None:
    if not isinstance(messages, list) or not messages:
        raise _WrongError(f"{where} key 'messages' must be a list with at least one message")
    for number, message in enumerate(messages):
        _check_message(message, f"{where}, message {number}")


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


_CHECKS: dict[str, Callable[[Any], None]] = {"supervised": _check_chat, "dpo": _check_preference}
