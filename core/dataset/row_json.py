"""Reads the JSON text of a row: its messages with their JSON paths, and the texts by which rows are compared; indents it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from core import checks
from core.checks.json_positions import Span, iterate_elements, map_members, parse_whole
from core.formats import jsonl
from core.text.tokenizer import decode_plain_row

CHAT_PATH = "$.messages"
# The paths of message lists: of a chat row, and of a preference row in its two spellings.
SECTION_PATHS = (
    CHAT_PATH,
    "$.input.messages",
    "$.preferred_output",
    "$.non_preferred_output",
    "$.preferred_completion",
    "$.non_preferred_completion",
)
CALL_KEYS = ("tool_calls", "function_call")
SYSTEM_ROLES = ("system", "developer")
INDENT = "  "
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{\[][ \t]*|[}\]]|,[ \t]*|[^"{}\[\],]++', re.DOTALL)
_BREAK = re.compile(r"\n[ \t]*")
_CLOSING = re.compile(r"[}\]]")


@dataclass(frozen=True, slots=True)
class ContentPart:
    """One part of a message's content: a text, or an image with its URL and the size in bytes of a data URL."""

    kind: Literal["text", "image", "other"]
    text: str
    bytes: int = 0
    number: int | None = None  # its index in the list of parts; None where the content is one string


@dataclass(frozen=True, slots=True)
class RowMessage:
    """One message. `path` is its JSON path; `calls` is the JSON text of its tool calls, '' where there are none."""

    path: str
    role: str
    parts: tuple[ContentPart, ...]
    weight: int | None = None
    calls: str = ""
    calls_key: str = "tool_calls"
    call_id: str | None = None
    name: str = ""
    refusal: str = ""
    readable: bool = True  # False where it is no JSON object


class Section(NamedTuple):
    """One list of messages in a row, at its JSON path."""

    path: str
    messages: list[RowMessage]


def read_sections(data: str) -> list[Section]:
    """The lists of messages in a row's valid JSON text: one of a chat row, three of a preference row."""
    row = parse_whole(data).value
    sections = (
        (path, find_value(data, path)) for path in SECTION_PATHS if isinstance(_get_inner_value(row, path), list)
    )
    return [Section(path, _read_section(data, path, span)) for path, span in sections if span]


def read_messages(data: str) -> list[RowMessage]:
    """All messages of all sections, in order."""
    return [message for section in read_sections(data) for message in section.messages]


def read_tools(data: str) -> str:
    """The JSON text of the tools that the row declares, unchanged; '' where it has none."""
    return next((data[span.start : span.end] for _path, span in find_tools(data)), "")


def find_value(data: str, path: str) -> Span | None:
    """The value at a path of keys only (`$.input.messages`), None where there is none."""
    span: Span | None = parse_whole(data)
    for key in path.split(".")[1:]:
        span = map_members(data, span).get(key) if span and isinstance(span.value, dict) else None
    return span


def find_tools(data: str) -> Iterator[tuple[str, Span]]:
    """The path and value of each list of tools or functions that the row declares."""
    for path in ("$.tools", "$.input.tools", "$.functions"):
        span = find_value(data, path)
        if span is not None and span.value is not None:
            yield path, span


def _read_section(data: str, path: str, section: Span) -> list[RowMessage]:
    return [
        _read_message(data, f"{path}[{number}]", span) for number, span in enumerate(iterate_elements(data, section))
    ]


def _read_message(data: str, path: str, span: Span) -> RowMessage:
    value = span.value
    if not isinstance(value, dict):
        return RowMessage(path, "", (ContentPart("other", data[span.start : span.end]),), readable=False)
    weight, call = value.get("weight"), value.get("tool_call_id")
    inner = map_members(data, span)
    key = next((key for key in CALL_KEYS if value.get(key)), "tool_calls")
    return RowMessage(
        path,
        string_or_empty(value.get("role")),
        tuple(read_parts(data, inner.get("content"))),
        weight if type(weight) is int and weight in (0, 1) else None,
        data[inner[key].start : inner[key].end] if value.get(key) else "",
        key,
        call if isinstance(call, str) else None,
        string_or_empty(value.get("name")),
        string_or_empty(value.get("refusal")),
    )


def read_parts(data: str, content: Span | None) -> Iterator[ContentPart]:
    """The parts of a message's content; at least one text, which may be empty."""
    if content is None or content.value is None:
        yield ContentPart("text", "")
    elif isinstance(content.value, str):
        yield ContentPart("text", content.value)
    elif isinstance(content.value, list):
        parts = [_read_part(data, number, span) for number, span in enumerate(iterate_elements(data, content))]
        if all(part.kind != "text" for part in parts):
            yield ContentPart("text", "")
        yield from parts
    else:
        yield ContentPart("other", data[content.start : content.end])


def _read_part(data: str, number: int, span: Span) -> ContentPart:
    value = span.value
    if isinstance(value, str):
        return ContentPart("text", value, number=number)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return ContentPart("text", value["text"], number=number)
    image = value.get("image_url") if isinstance(value, dict) else None
    address = image.get("url") if isinstance(image, dict) else image
    if isinstance(address, str):
        return ContentPart("image", address, _count_data_url_bytes(address), number)
    return ContentPart("other", data[span.start : span.end], number=number)


def _count_data_url_bytes(address: str) -> int:
    """The size in bytes of the content of a data URL; 0 for any other URL."""
    head, comma, body = address.partition(",")
    if not address.startswith("data:") or not comma:
        return 0
    return len(body.rstrip("=")) * 3 // 4 if head.endswith(";base64") else len(body)


def string_or_empty(value: object) -> str:
    """`value` if it is a string, else ''."""
    return value if isinstance(value, str) else ""


def _get_inner_value(value: object, path: str) -> object:
    for key in path.split(".")[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class RowTexts(NamedTuple):
    """The texts of a row. `question` is all between the system prompt and the last answer, with the earlier messages."""

    system_prompt: str
    question: str
    answer: str

    @property
    def key(self) -> str:
        """The text that rows are compared by: the question, or the answer of a statement, which has no question."""
        return self.question or f"\n{self.answer}"


def read_texts(data: str) -> RowTexts:
    """The texts of a row of any layout, from its valid JSON text."""
    try:
        messages = [(message.role, message.content) for message in decode_plain_row(data).messages]
    except msgspec.ValidationError:
        return _read_texts_of_value(msgspec.json.decode(data))
    return _split_messages(messages)


def _split_messages(messages: list[tuple[str, str]]) -> RowTexts:
    last = len(messages) - 1
    while last >= 0 and messages[last][0] != "assistant":
        last -= 1
    before = messages[:last] if last >= 0 else messages
    return RowTexts(
        "\n".join(content for role, content in before if role in SYSTEM_ROLES),
        "\n".join(content for role, content in before if role not in SYSTEM_ROLES),
        messages[last][1] if last >= 0 else "",
    )


def _read_texts_of_value(value: Any) -> RowTexts:
    row = value.get("input") if isinstance(value, dict) and isinstance(value.get("input"), dict) else value
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list):
        return RowTexts("", jsonl.question(value), jsonl.answer(value))
    parts = [(checks.role_of(message), jsonl.message_text(message)) for message in messages]
    # The preferred answer of a preference row is not among the messages of its input.
    return _split_messages(parts if row is value else [*parts, ("assistant", jsonl.answer(value))])


def indent_json(text: str) -> str:
    """One-line JSON text (valid or not) indented, with a line for each value; `join_json_lines` is the inverse."""
    return text if "\n" in text else "".join(_iterate_indented_lines(text))


def join_json_lines(text: str) -> str:
    """JSON text on one line."""
    return _BREAK.sub("", text.strip())


def _iterate_indented_lines(text: str) -> Iterator[str]:
    depth, closed = 0, 0  # `closed`: the end of an empty pair of brackets that has been written already
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if match.start() < closed:
            continue
        if piece[0] in "{[":
            if empty := _CLOSING.match(text, match.end()):
                closed = empty.end()
                yield text[match.start() : closed]
                continue
            depth += 1
            yield f"{piece}\n{INDENT * depth}"
        elif piece in "}]":
            depth = max(0, depth - 1)
            yield f"\n{INDENT * depth}{piece}"
        else:
            yield f"{piece}\n{INDENT * depth}" if piece.startswith(",") else piece
