"""JSON Lines: reads and writes rows without loss, whatever bytes a file has; gets and sets the texts of a row."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from core.checks import ROLES, Problem, role_of
from core.checks.json_positions import Span, TextEdit, apply_edits, dumps, iterate_elements, map_members, parse_whole
from core.checks.line_parsing import decode_text
from core.errors import FormatError
from core.formats.compressed_files import read_progress
from core.formats.encoded_text_lines import FileLine as FileLine
from core.formats.encoded_text_lines import read_lines as read_lines
from core.formats.encoded_text_stream import check_file_line as check_file_line
from core.formats.encoding_detection import Encoding as Encoding
from core.formats.encoding_detection import detect_encoding as detect_encoding
from core.formats.input_files import open_file
from core.formats.output_files import replace_file
from core.language import tr
from core.progress import Reporter

BYTES_PER_REPORT = 1024 * 1024


class FileRow(NamedTuple):
    """A row read from a file, with its problems; `text` is its unchanged JSON, None when it is unreadable."""

    line: FileLine
    text: str | None
    problems: list[Problem]
    fields: dict[str, str] = {}  # noqa: RUF012 - metadata that a table has beside the row: split, tags …
    lost: tuple[str, ...] = ()  # what a conversion left out, as keys of `forms.losses.format_loss`


def read(path: Path, reporter: Reporter) -> Iterator[FileRow]:
    """Yield every line of the file, checked; blank and unreadable ones too.

    Raises FormatError when the file cannot be read, and `Cancelled`.
    """
    for line in read_lines_with_progress(path, detect_encoding(path), reporter):
        text, problems = check_file_line(line)
        yield FileRow(line, text, problems)


def read_lines_with_progress(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileLine]:
    """Yield the file's lines and report its bytes. Raises FormatError when it cannot be read, and `Cancelled`."""
    with open_file(path) as file:
        total = read_progress(file)[1]
    due = 0
    for line in read_lines(path, encoding):
        if line.offset >= due:
            reporter.update(min(line.offset, total), total)
            due = line.offset + BYTES_PER_REPORT
        yield line
    reporter.update(total, total)


def write(path: Path, texts: Iterable[str]) -> int:
    """Write one row per line in UTF-8 with LF, atomically; returns the number of rows.

    Raises FormatError when the file cannot be written, and whatever `texts` raises; an existing file then stays
    unchanged.
    """
    count = 0
    with replace_file(path) as file:
        for text in texts:
            # A line break in JSON text is only layout (inside strings it is escaped), but here it would split the row.
            file.write(text.replace("\n", " ").encode() + b"\n")
            count += 1
    return count


def message_text(message: object) -> str:
    """A message as text for a preview: its text parts joined, or its refusal, then its tool calls; '' for no message."""
    if not isinstance(message, dict):
        return ""
    content = message.get("content")
    refusal = message.get("refusal")
    text = content if isinstance(content, str) else "\n".join(_part_texts(content))
    if not text and isinstance(refusal, str):
        text = refusal
    return "\n".join(filter(None, [text, *_call_texts(message)]))


def _part_texts(content: object) -> list[str]:
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _call_texts(message: dict[str, object]) -> Iterator[str]:
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    for function in [*functions, message.get("function_call")]:
        if isinstance(function, dict):
            yield f"{function.get('name', '')}({function.get('arguments', '')})"


def question(value: object) -> str:
    """The text of the row's last user message, or ''."""
    return _last_text(value, "user")


def answer(value: object) -> str:
    """The text of the row's last assistant message, or ''."""
    return _last_text(value, "assistant")


def _last_text(value: object, role: str) -> str:
    return next((message_text(message) for message in reversed(_messages_of(value)) if role_of(message) == role), "")


def system_prompt(text: str) -> str:
    """The text of the last system message in a row's JSON text, or ''. Raises ValueError when it is no JSON."""
    return _last_text(json.loads(text), "system")


def message_texts(value: object) -> list[str]:
    """The texts of a row's messages in order, without system messages; of a preference row both answers."""
    turns = [*_messages_of(value), *_first_list(value, "non_preferred_output", "non_preferred_completion")]
    return [message_text(message) for message in turns if role_of(message) not in ("system", "developer")]


def _messages_of(value: object) -> list[object]:
    """The messages of a row; of a preference row those of its input and its preferred answer."""
    if isinstance(value, dict) and "messages" not in value and isinstance(value.get("input"), dict):
        return [
            *_first_list(value["input"], "messages"),
            *_first_list(value, "preferred_output", "preferred_completion"),
        ]
    return _first_list(value, "messages")


def _first_list(value: object, *keys: str) -> list[object]:
    values = (value.get(key) for key in keys) if isinstance(value, dict) else iter(())
    return next((list(items) for items in values if isinstance(items, list)), [])


def new_row(system: str, question: str, answer: str) -> str:
    """A row of one question and its answer as JSON text, with a system prompt unless it is blank."""
    messages = [("system", system)] if system.strip() else []
    messages += [("user", question), ("assistant", answer)]
    return dumps({"messages": [{"role": role, "content": content} for role, content in messages]})


def set_content(text: str, role: str, content: str) -> str:
    """The row with the content of its last message of `role` replaced, or with such a message added.

    Everything else stays unchanged. In a content of parts the text is replaced and the images stay. Setting the text
    that `message_text` returns changes nothing. Raises FormatError when `text` is no JSON object.
    """
    assert role in ROLES
    if decode_text(text).text is None:
        raise FormatError(tr("The row cannot be edited"), tr("Its text is not a valid JSON object."))
    row = parse_whole(text)
    messages = map_members(text, row).get("messages")
    if messages is None:
        comma = ", " if row.value else ""
        return _insert(text, row.end - 1, f'{comma}"messages": [{_build_message(role, content)}]')
    if not isinstance(messages.value, list):
        old = "" if messages.value is None else text[messages.start : messages.end]
        return set_content(apply_edits(text, [TextEdit(messages.start, messages.end, f"[{old}]")]), role, content)
    items = list(iterate_elements(text, messages))
    same_role = [item for item in items if role_of(item.value) == role]
    return (
        _replace_content(text, same_role[-1], content)
        if same_role
        else _insert_message(text, messages, items, role, content)
    )


def _build_message(role: str, content: str) -> str:
    return dumps({"role": role, "content": content})


def _insert(text: str, at: int, addition: str) -> str:
    return apply_edits(text, [TextEdit(at, at, addition)])


def _replace_content(text: str, message: Span, content: str) -> str:
    if message_text(message.value) == content:
        return text
    old = map_members(text, message).get("content")
    if old is None:
        return _insert(text, message.end - 1, f', "content": {dumps(content)}')
    new = _replace_part_texts(text, old, content) if isinstance(old.value, list) else dumps(content)
    return apply_edits(text, [TextEdit(old.start, old.end, new)])


def _replace_part_texts(text: str, old: Span, content: str) -> str:
    """The parts as JSON text: the first text part gets the whole content, other text parts are removed."""
    new: list[str] = []
    is_replaced = False
    for part in iterate_elements(text, old):
        if not _part_texts([part.value]):
            new.append(text[part.start : part.end])
        elif not is_replaced:
            words = map_members(text, part)["text"]
            new.append(text[part.start : words.start] + dumps(content) + text[words.end : part.end])
            is_replaced = True
    if not is_replaced:
        new.insert(0, dumps({"type": "text", "text": content}))
    return f"[{', '.join(new)}]"


def _insert_message(text: str, messages: Span, items: list[Span], role: str, content: str) -> str:
    at = _message_index([role_of(item.value) for item in items], role)
    addition = _build_message(role, content)
    if not items:
        return _insert(text, messages.start + 1, addition)
    if at == len(items):
        return _insert(text, items[-1].end, f", {addition}")
    return _insert(text, items[at].start, f"{addition}, ")


def _message_index(roles: list[str], role: str) -> int:
    """The index for a new message of a role that the row lacks: a system message first, a question before the answers."""
    if role in ("system", "developer"):
        return 0
    return roles.index("assistant") if role == "user" and "assistant" in roles else len(roles)
