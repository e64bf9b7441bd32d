"""The conversation of a row, seen and changed turn by turn: a change touches its own place in the JSON text only."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.checks import ROLES
from core.checks.line import decode_text
from core.checks.spans import Edit, Span, dumps, edited, elements, entries, members, whole
from core.errors import FormatError
from core.language import tr

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
_TURN = re.compile(r"(.+)\[(\d+)\]")
_PLACE = re.compile(r"(\$[.a-z_]+\[\d+\])(?:\.([a-z_]+)(?:\[(\d+)\])?)?")


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
    found = ((path, _at(data, path)) for path in SECTIONS if isinstance(_inner(row, path), list))
    return [Section(path, _messages(data, path, span)) for path, span in found if span]


def messages(data: str) -> list[Message]:
    """All turns of all sections, in order."""
    return [message for section in sections(data) for message in section.messages]


def tools(data: str) -> str:
    """The JSON text of the tools that the row declares, as it stands there; '' where it has none."""
    return next((data[span.start : span.end] for _path, span in _tools(data)), "")


def set_role(data: str, path: str, role: str) -> str:
    """The row with the role of the message at `path` (such as `$.messages[1]`) replaced."""
    assert role in ROLES, role
    return _with_member(data, _message(data, path), "role", dumps(role))


def set_weight(data: str, path: str, weight: int | None) -> str:
    """The row with an answer's weight set to 0 or 1, or taken away."""
    assert weight in (None, 0, 1), weight
    return _with_member(data, _message(data, path), "weight", None if weight is None else str(weight))


def set_text(data: str, path: str, text: str, part: int | None = None) -> str:
    """The row with the content of the message at `path` replaced, or the text of one of its parts.

    Setting the text that is there already changes nothing, however it is spelled. Images beside it stay.
    """
    message = _message(data, path)
    said = message.value.get("content") if isinstance(message.value, dict) else None
    if part is None and not isinstance(said, list):
        same = said == text or (said is None and not text)
        return data if same else _with_member(data, message, "content", dumps(text))
    content = members(data, message)["content"]
    texts = [one.number for one in _parts(data, content) if one.kind == "text" and one.number is not None]
    number = part if part is not None else next(iter(texts), None)
    return _with_new_part(data, content, text) if number is None else _with_part(data, content, number, text)


def set_words(data: str, path: str, key: str, text: str) -> str:
    """The row with a text member of the message (name, refusal, tool_call_id) set, or taken away by ''."""
    assert key in ("name", "refusal", "tool_call_id"), key
    message = _message(data, path)
    if isinstance(message.value, dict) and (message.value.get(key) or "") == text:
        return data
    return _with_member(data, message, key, dumps(text) if text else None)


def set_tool_calls(data: str, path: str, calls: str, key: str = "tool_calls") -> str:
    """The row with the calls of the message replaced by JSON text, or taken away by ''. Raises `FormatError`."""
    assert key in CALL_KEYS, key
    return _with_member(data, _message(data, path), key, _one_line(calls, list if key == "tool_calls" else dict))


def set_tools(data: str, text: str) -> str:
    """The row with its declared tools replaced by JSON text (a list), or taken away by ''. Raises `FormatError`."""
    new = _one_line(text, list)
    path = next((path for path, _span in _tools(data)), "")
    parent, _, key = path.rpartition(".") if path else (_tools_holder(data), "", "tools")
    holder = _at(data, parent)
    assert holder is not None
    return _with_member(data, holder, key, new)


def insert(data: str, path: str, role: str, text: str = "") -> str:
    """The row with a new turn that then stands at `path`; the section is made where it is missing.

    A tool's message answers the first call before it that has no result yet.
    """
    assert role in ROLES, role
    section, number = _split(path)
    said: dict[str, object] = {"role": role}
    if role == "tool" and (call := _unanswered(data, section, number)):
        said["tool_call_id"] = call
    addition = dumps(said | {"content": text})
    turns = _at(data, section)
    if turns is None:
        return _with_section(data, section, addition)
    if not isinstance(turns.value, list):
        raise _unreadable()
    items = list(elements(data, turns))
    if not items:
        return edited(data, [Edit(turns.start + 1, turns.start + 1, addition)])
    if number >= len(items):
        return edited(data, [Edit(items[-1].end, items[-1].end, f", {addition}")])
    return edited(data, [Edit(items[number].start, items[number].start, f"{addition}, ")])


def move(data: str, path: str, steps: int) -> str:
    """The row with the turn at `path` moved up (-1) or down (1); at the edge it stays."""
    assert steps in (-1, 1), steps
    section, number = _split(path)
    items = _turns(data, section)
    other = number + steps
    if not (0 <= number < len(items) and 0 <= other < len(items)):
        return data
    one, two = items[number], items[other]
    swapped = [
        Edit(one.start, one.end, data[two.start : two.end]),
        Edit(two.start, two.end, data[one.start : one.end]),
    ]
    return edited(data, swapped)


def remove(data: str, path: str) -> str:
    """The row without the turn at `path`."""
    section, number = _split(path)
    items = _turns(data, section)
    if number >= len(items):
        return data
    return edited(data, [_cut([(item.start, item.end) for item in items], number)])


def apply(data: str, act: str, value: str) -> str:
    """One change in words: `$.messages[1].content` (or role, weight, …) set to `value`, or `insert $.messages[1]` (a
    role), `move $.messages[1]` (up, down), `remove $.messages[1]`. Raises `FormatError` for a row it does not fit.
    """
    if decode_text(data).text is None:
        raise _unreadable()
    verb, _, path = act.rpartition(" ")
    structural: dict[str, Callable[[], str]] = {
        "insert": lambda: insert(data, path, value),
        "move": lambda: move(data, path, {"up": -1, "down": 1}[value]),
        "remove": lambda: remove(data, path),
    }
    if verb:
        return structural[verb]()
    return set_tools(data, value) if act == "$.tools" else _set(data, act, value)


def _set(data: str, place: str, value: str) -> str:
    match = _PLACE.fullmatch(place)
    assert match and match[2], place
    path, key, part = match.groups()
    if key == "content":
        return set_text(data, path, value, None if part is None else int(part))
    if key == "role":
        return set_role(data, path, value)
    if key == "weight":
        return set_weight(data, path, int(value) if value else None)
    return set_tool_calls(data, path, value, key) if key in CALL_KEYS else set_words(data, path, key, value)


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
        _words(said.get("role")),
        tuple(_parts(data, inner.get("content"))),
        weight if type(weight) is int and weight in (0, 1) else None,
        data[inner[key].start : inner[key].end] if said.get(key) else "",
        key,
        call if isinstance(call, str) else None,
        _words(said.get("name")),
        _words(said.get("refusal")),
    )


def _parts(data: str, content: Span | None) -> Iterator[Part]:
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


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _inner(value: object, path: str) -> object:
    for key in path.split(".")[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _at(data: str, path: str) -> Span | None:
    """The value at a path of keys only (`$.input.messages`), None where there is none."""
    span: Span | None = whole(data)
    for key in path.split(".")[1:]:
        span = members(data, span).get(key) if span and isinstance(span.value, dict) else None
    return span


def _tools(data: str) -> Iterator[tuple[str, Span]]:
    for path in ("$.tools", "$.input.tools", "$.functions"):
        span = _at(data, path)
        if span is not None and span.value is not None:
            yield path, span


def _tools_holder(data: str) -> str:
    span = _at(data, "$.input")
    return "$.input" if span and isinstance(span.value, dict) and _at(data, CHAT) is None else "$"


def _split(path: str) -> tuple[str, int]:
    match = _TURN.fullmatch(path)
    assert match and match[1] in SECTIONS, path
    return match[1], int(match[2])


def _turns(data: str, section: str) -> list[Span]:
    holder = _at(data, section)
    return list(elements(data, holder)) if holder and isinstance(holder.value, list) else []


def _message(data: str, path: str) -> Span:
    section, number = _split(path)
    items = _turns(data, section)
    if number >= len(items) or not isinstance(items[number].value, dict):
        raise _unreadable()
    return items[number]


def _unreadable() -> FormatError:
    return FormatError(
        tr("The row cannot be edited like this"),
        tr("It has changed, or what stands there is no message. Nothing was changed. Edit the row as JSON."),
    )


def _with_member(data: str, holder: Span, key: str, value: str | None) -> str:
    """The row with a member of the object at `holder` set to JSON text, or without it."""
    inside = list(entries(data, holder))
    places = [number for number, (found, _value) in enumerate(inside) if found.value == key]
    if value is None:
        return _without(data, holder, key) if places else data
    if places:
        old = inside[places[-1]][1]
        return edited(data, [Edit(old.start, old.end, value)])
    at = inside[-1][1].end if inside else holder.start + 1
    return edited(data, [Edit(at, at, f"{', ' if inside else ''}{dumps(key)}: {value}")])


def _with_part(data: str, content: Span, number: int, text: str) -> str:
    part = list(elements(data, content))[number]
    old = members(data, part)["text"] if isinstance(part.value, dict) else part
    return data if old.value == text else edited(data, [Edit(old.start, old.end, dumps(text))])


def _with_new_part(data: str, content: Span, text: str) -> str:
    """The row with a first text part in a content that has none."""
    if not text:
        return data
    more = ", " if content.value else ""
    at = content.start + 1
    return edited(data, [Edit(at, at, dumps({"type": "text", "text": text}) + more)])


def _without(data: str, holder: Span, key: str) -> str:
    """The row without a key of the object, also where it stands twice."""
    inside = list(entries(data, holder))
    spans = [(found.start, value.end) for found, value in inside]
    for number in reversed(range(len(inside))):
        if inside[number][0].value == key:
            cut = _cut(spans, number)
            data = edited(data, [cut])
            holder = holder._replace(end=holder.end - (cut.end - cut.start))
            del inside[number], spans[number]
            spans = [(found.start, value.end) for found, value in entries(data, holder)]
    return data


def _cut(spans: list[tuple[int, int]], number: int) -> Edit:
    """Takes one element, with one of the commas beside it, out of a list or object whose elements are at `spans`."""
    if number:
        return Edit(spans[number - 1][1], spans[number][1], "")
    if len(spans) > 1:
        return Edit(spans[0][0], spans[1][0], "")
    return Edit(*spans[0], "")


def _with_section(data: str, section: str, addition: str) -> str:
    parent, _, key = section.rpartition(".")
    holder = _at(data, parent)
    if holder is None or not isinstance(holder.value, dict):
        raise _unreadable()
    return _with_member(data, holder, key, f"[{addition}]")


def _one_line(text: str, kind: type) -> str | None:
    """JSON text of a list or an object on one line, None for ''. Raises `FormatError`."""
    if not text.strip():
        return None
    text = text.strip()
    # The row's own reader takes only objects, and knows the depths and numbers that must be refused.
    readable = decode_text(f'{{"value": {text}}}').text is not None
    if not readable or (span := whole(text)).end != len(text) or not isinstance(span.value, kind):
        raise FormatError(
            tr("This is not JSON that can stand here"),
            tr("Nothing was changed. Write a list in square brackets, or one object in curly ones."),
        )
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _unanswered(data: str, section: str, number: int) -> str:
    """The id of the first call before turn `number` that no tool's message answers."""
    asked: list[str] = []
    for span in _turns(data, section)[:number]:
        said = span.value if isinstance(span.value, dict) else {}
        calls = said.get("tool_calls")
        asked += [_words(call.get("id")) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        if (answered := said.get("tool_call_id")) in asked:
            asked.remove(answered)
    return next(filter(None, asked), "")
