"""The turns of a row as they are read: what each says, shows, calls, and where it stands in the JSON text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.checks.json_positions import Span, elements, members, whole

CHAT = "$.messages"
# Where turns stand: in a conversation, or in a row of two answers, of which the older spelling is known too.
SECTIONS = (
    CHAT,
    "$.input.messages",
    "$.preferred_output",
    "$.non_preferred_output",
    "$.preferred_completion",
    "$.non_preferred_completion",
)
CALL_KEYS = ("tool_calls", "function_call")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message's content: its text, or an image with its address and the bytes that it holds itself."""

    kind: Literal["text", "image", "other"]
    text: str
    bytes: int = 0
    number: int | None = None  # its place in a list of parts, None where the content is one text


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `path` is its JSON path; `calls` the JSON text of its tool calls, '' where there are none."""

    path: str
    role: str
    parts: tuple[Part, ...]
    weight: int | None = None
    calls: str = ""
    calls_key: str = "tool_calls"
    call_id: str | None = None
    name: str = ""
    refusal: str = ""
    readable: bool = True  # whether it is an object at all


class Section(NamedTuple):
    path: str
    messages: list[Message]


def sections(data: str) -> list[Section]:
    """The lists of turns in a row's readable JSON text: one of a chat row, three of a row with two answers."""
    row = whole(data).value
    found = ((path, at(data, path)) for path in SECTIONS if isinstance(_inner(row, path), list))
    return [Section(path, _messages(data, path, span)) for path, span in found if span]


def messages(data: str) -> list[Message]:
    """All turns of all sections, in order."""
    return [message for section in sections(data) for message in section.messages]


def tools(data: str) -> str:
    """The JSON text of the tools that the row declares, as it stands there; '' where it has none."""
    return next((data[span.start : span.end] for _path, span in declared(data)), "")


def at(data: str, path: str) -> Span | None:
    """The value at a path of keys only (`$.input.messages`), None where there is none."""
    span: Span | None = whole(data)
    for key in path.split(".")[1:]:
        span = members(data, span).get(key) if span and isinstance(span.value, dict) else None
    return span


def declared(data: str) -> Iterator[tuple[str, Span]]:
    for path in ("$.tools", "$.input.tools", "$.functions"):
        span = at(data, path)
        if span is not None and span.value is not None:
            yield path, span


def _messages(data: str, path: str, section: Span) -> list[Message]:
    return [_read(data, f"{path}[{number}]", span) for number, span in enumerate(elements(data, section))]


def _read(data: str, path: str, span: Span) -> Message:
    said = span.value
    if not isinstance(said, dict):
        return Message(path, "", (Part("other", data[span.start : span.end]),), readable=False)
    weight, call = said.get("weight"), said.get("tool_call_id")
    inner = members(data, span)
    key = next((key for key in CALL_KEYS if said.get(key)), "tool_calls")
    return Message(
        path,
        words(said.get("role")),
        tuple(parts_of(data, inner.get("content"))),
        weight if type(weight) is int and weight in (0, 1) else None,
        data[inner[key].start : inner[key].end] if said.get(key) else "",
        key,
        call if isinstance(call, str) else None,
        words(said.get("name")),
        words(said.get("refusal")),
    )


def parts_of(data: str, content: Span | None) -> Iterator[Part]:
    if content is None or content.value is None:
        yield Part("text", "")
    elif isinstance(content.value, str):
        yield Part("text", content.value)
    elif isinstance(content.value, list):
        parts = [_part(data, number, span) for number, span in enumerate(elements(data, content))]
        if all(part.kind != "text" for part in parts):
            yield Part("text", "")
        yield from parts
    else:
        yield Part("other", data[content.start : content.end])


def _part(data: str, number: int, span: Span) -> Part:
    value = span.value
    if isinstance(value, str):
        return Part("text", value, number=number)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return Part("text", value["text"], number=number)
    image = value.get("image_url") if isinstance(value, dict) else None
    address = image.get("url") if isinstance(image, dict) else image
    if isinstance(address, str):
        return Part("image", address, _held(address), number)
    return Part("other", data[span.start : span.end], number=number)


def _held(address: str) -> int:
    """How many bytes a data address holds itself; 0 for one that points elsewhere."""
    head, comma, body = address.partition(",")
    if not address.startswith("data:") or not comma:
        return 0
    return len(body.rstrip("=")) * 3 // 4 if head.endswith(";base64") else len(body)


def words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _inner(value: object, path: str) -> object:
    for key in path.split(".")[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value
