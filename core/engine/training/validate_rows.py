"""Validates an uploaded training file before a job trains on it; the messages are those of OpenAI's API."""

from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.engine.http.protocol import Json

MIN_TRAINING_ROWS = 10
MAX_LINE_BYTES = 16 * 1024 * 1024  # without the line break
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
ROW_KEYS = {"messages", "teacher_messages", "tools", "parallel_tool_calls", "functions"}
PREFERENCE_KEYS = {"input", "preferred_output", "non_preferred_output"}
INPUT_KEYS = {"messages", "tools", "parallel_tool_calls"}
# The format of each method's file: its name, and the key that only its rows have.
FORMATS = {"supervised": ("fine-tune-chat", "messages"), "dpo": ("fine-tune-preference", "input")}
MESSAGE_KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "weight", "tool_calls", "function_call", "refusal"},
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}


class InvalidFileError(ValueError):
    """The file cannot be trained on; `code` is the protocol's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _RowError(ValueError):
    """What is wrong with one row; the message follows `Example N`."""


class _FormatError(ValueError):
    """The file has the format of another method."""


def validate_file(path: Path, kind: str, method: str = "supervised", name: str = "") -> int:
    """The number of rows of a `training` or `validation` file. `name`: the file's id.

    Raises InvalidFileError at the first row that is wrong, or when there are too few rows.
    """
    count = 0
    prefix = f"The job failed due to an invalid {kind} file. Invalid file format. "
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 2):
            count += 1
            try:
                row = _parse(line, count)
                if count == 1:
                    _validate_format(row, method, name)
                _VALIDATORS[method](row)
            except _FormatError as error:
                raise InvalidFileError(f"invalid_{kind}_file", f"{prefix}{error}") from error
            except _RowError as error:
                raise InvalidFileError(f"invalid_{kind}_file", f"{prefix}Example {count}{error}") from error
    min_rows = MIN_TRAINING_ROWS if kind == "training" else 1
    if count < min_rows:
        message = f"{kind.title()} file has {count} example(s), but must have at least {min_rows} examples"
        raise InvalidFileError("invalid_n_examples", message)
    return count


def _validate_format(row: Any, method: str, name: str) -> None:
    """Raise _FormatError for a file made for another method."""
    if not isinstance(row, dict) or FORMATS[method][1] in row:
        return
    for other, (format_name, key) in FORMATS.items():
        if key in row:
            raise _FormatError(
                f"Input file {name} is in the {format_name} format, but the specified fine-tuning job is not using "
                f"'{other}' as the training method (provided method={method})."
            )


def _parse(line: bytes, number: int) -> Any:
    if len(line.removesuffix(b"\n")) > MAX_LINE_BYTES:
        raise _RowError(f" is longer than {MAX_LINE_BYTES} bytes.")
    try:
        # Another service asks for a byte order mark on the first line: skipped.
        return msgspec.json.decode(line.removeprefix(BOM_UTF8) if number == 1 else line)
    except (ValueError, RecursionError) as error:
        reason = f"line contains invalid json: {error} (line {number})"
        raise _RowError(f" cannot be parsed. Error: {reason}") from error


def _validate_chat(row: Any) -> None:
    _require_keys(row, ("messages",), "")
    _reject_extra(set(row) - ROW_KEYS, "")
    messages = row["messages"]
    _validate_messages(messages, "")
    if (
        "teacher_messages" in row
    ):  # not in OpenAI's API: what the teacher of a self-distillation reads before `messages`
        _validate_messages(row["teacher_messages"], "", "teacher_messages")
    if not any(one["role"] == "assistant" and one.get("weight") != 0 for one in messages):
        raise _RowError(" must have at least one assistant message with a weight other than 0")
    if messages[-1]["role"] != "assistant":
        raise _RowError(" must end with a message of the assistant")


def _validate_preference(row: Any) -> None:
    _require_keys(row, ("input", "preferred_output", "non_preferred_output"), "")
    _reject_extra(set(row) - PREFERENCE_KEYS, "")
    prompt = row["input"]
    _require_keys(prompt, ("messages",), ", input")
    _reject_extra(set(prompt) - INPUT_KEYS, ", input")
    _validate_messages(prompt["messages"], ", input")
    for name in ("preferred_output", "non_preferred_output"):
        _validate_output(row[name], name)
    if row["preferred_output"] == row["non_preferred_output"]:
        raise _RowError(" must not have the same preferred_output and non_preferred_output")


def _validate_output(output: Any, name: str) -> None:
    """A completion is one assistant message without a weight."""
    where = f", {name}"
    if not isinstance(output, list) or len(output) != 1:
        raise _RowError(f" key '{name}' must be a list with exactly one message")
    _validate_message(output[0], f"{where} message 0")
    if output[0]["role"] != "assistant":
        raise _RowError(f"{where} message 0 must have the role 'assistant'")
    _reject_extra(set(output[0]) & {"weight"}, f"{where} message 0")


def _require_keys(value: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(value, dict):
        raise _RowError(f"{where} is not an object.")
    for key in keys:
        if key not in value:
            raise _RowError(f"{where} is missing key '{key}'")


def _validate_messages(messages: Any, where: str, key: str = "messages") -> None:
    if not isinstance(messages, list) or not messages:
        raise _RowError(f"{where} key '{key}' must be a list with at least one message")
    for index, message in enumerate(messages):
        _validate_message(message, f"{where}, {key.removesuffix('s').replace('_', ' ')} {index}")


def _validate_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise _RowError(f"{where} is not an object.")
    if "role" not in message:
        raise _RowError(f"{where} Discriminator 'role' is missing in value")
    role = message["role"]
    if not isinstance(role, str) or role not in MESSAGE_KEYS:
        expected = ", ".join(f"'{name}'" for name in MESSAGE_KEYS)
        raise _RowError(
            f"{where} Input tag {role!r} found using 'role' does not match any of the expected tags: {expected}"
        )
    _reject_extra(set(message) - MESSAGE_KEYS[role], where)
    if "weight" in message and (type(message["weight"]) is not int or message["weight"] not in (0, 1)):
        raise _RowError(f"{where} key 'weight' must be 0 or 1")
    for key in ("name", "refusal"):
        if message.get(key) is not None and not isinstance(message[key], str):
            raise _RowError(f"{where} key '{key}' must be a string")
    _validate_content(message, where)


def _validate_content(message: Json, where: str) -> None:
    content, is_result = message.get("content"), message["role"] in ("tool", "function")
    keys_instead = ("tool_calls", "function_call", "refusal") if message["role"] == "assistant" else ()
    may_be_absent = any(message.get(key) for key in keys_instead)
    if content is None:
        if not may_be_absent:
            raise _RowError(f"{where} is missing key 'content'")
    elif isinstance(content, str):
        if not (content.strip() or is_result or may_be_absent):
            raise _RowError(f"{where} key 'content' must not be empty")
    elif isinstance(content, list):
        if not (content or is_result):
            raise _RowError(f"{where} key 'content' must not be empty")
        for part in content:
            _validate_part(part, where)
    else:
        raise _RowError(f"{where} key 'content' must be a string or a list of content parts")
    _reject_control_tokens(content, where)
    _validate_tool_calls(message.get("tool_calls"), where)


def _validate_part(part: Any, where: str) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get("text") if kind == "text" else None
    image = part.get("image_url") if kind == "image_url" else None
    is_image = isinstance(image, dict) and isinstance(image.get("url"), str) and image["url"] != ""
    if not isinstance(text, str) and not is_image:
        raise _RowError(f"{where} key 'content' must be a string or a list of content parts")
    if isinstance(text, str) and not text.strip():
        raise _RowError(f"{where} key 'content' must not have a part with an empty text")


def _validate_tool_calls(calls: Any, where: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list) or not all(_is_function_call(call) for call in calls):
        raise _RowError(f"{where} key 'tool_calls' must be a list of function calls")


def _is_function_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _reject_extra(extra: set[str], where: str) -> None:
    if extra:
        raise _RowError(f'{where} contains an extra "{min(extra)}".')


def _reject_control_tokens(content: Any, where: str) -> None:
    """A model's own control tokens in the text would end or begin turns: raise _RowError."""
    parts = content if isinstance(content, list) else [{"text": content}]
    for part in parts:
        text = part.get("text")
        token = next((token for token in CONTROL_TOKENS if isinstance(text, str) and token in text), None)
        if token:
            raise _RowError(f"{where.removesuffix(',')} message contains an invalid token: {token}.")


_VALIDATORS: dict[str, Callable[[Any], None]] = {"supervised": _validate_chat, "dpo": _validate_preference}
