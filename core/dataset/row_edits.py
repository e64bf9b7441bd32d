"""Edits of one row: each changes its own place in the JSON text and leaves all other characters unchanged.

All functions that take a path raise `FormatError` when the row has no message there.
"""

import re
from dataclasses import dataclass

from core.checks import ROLES
from core.checks.json_positions import (
    Span,
    TextEdit,
    apply_edits,
    dumps,
    iterate_elements,
    iterate_entries,
    map_members,
    parse_whole,
)
from core.checks.line_parsing import decode_text
from core.dataset.row_json import (
    CALL_KEYS,
    CHAT_PATH,
    SECTION_PATHS,
    find_tools,
    find_value,
    read_messages,
    read_parts,
    string_or_empty,
)
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr

_TURN = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class SetColumn:
    """Sets one column of the grid (`examples.FIELDS`); a question or an answer is written into the row's JSON."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class SetText:
    """Sets the content of the message at `path` (such as `$.messages[1]`), or the text of its content part `part`."""

    path: str
    text: str
    part: int | None = None


@dataclass(frozen=True, slots=True)
class SetRole:
    """Sets the role of a message to one of `checks.ROLES`."""

    path: str
    role: str


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Sets the weight of a message to 0 or 1; None removes it."""

    path: str
    weight: int | None


@dataclass(frozen=True, slots=True)
class SetString:
    """Sets another string of a message: its `name`, `refusal` or `tool_call_id`; '' removes it."""

    path: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class SetToolCalls:
    """Sets the tool calls of a message to JSON text; '' removes them. `key` is one of `row_json.CALL_KEYS`."""

    path: str
    calls: str
    key: str = "tool_calls"


@dataclass(frozen=True, slots=True)
class SetTools:
    """Sets the tools that the row declares to the JSON text of a list; '' removes them."""

    tools: str


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Adds an empty message of `role` at `path`, before the one that is there."""

    path: str
    role: str


@dataclass(frozen=True, slots=True)
class MoveMessage:
    """Moves a message up (-1) or down (1)."""

    path: str
    steps: int


@dataclass(frozen=True, slots=True)
class DeleteMessage:
    """Deletes the message at `path`."""

    path: str


JsonEdit = (
    SetText | SetRole | SetWeight | SetString | SetToolCalls | SetTools | AddMessage | MoveMessage | DeleteMessage
)
RowEdit = SetColumn | JsonEdit  # one change of one row by the user


def apply(data: str, edit: JsonEdit) -> str:  # noqa: C901 - one case for each kind of edit
    """The row's JSON text after `edit`. Raises `FormatError` for an unreadable row, or one that the edit does not fit."""
    if decode_text(data).text is None:
        raise _cannot_edit_error()
    match edit:
        case SetText(path, text, part):
            return set_text(data, path, text, part)
        case SetRole(path, role):
            return set_role(data, path, role)
        case SetWeight(path, weight):
            return set_weight(data, path, weight)
        case SetString(path, key, text):
            return set_string(data, path, key, text)
        case SetToolCalls(path, calls, key):
            return set_tool_calls(data, path, calls, key)
        case SetTools(tools):
            return set_tools(data, tools)
        case AddMessage(path, role):
            return add_message(data, path, role)
        case MoveMessage(path, steps):
            return move_message(data, path, steps)
        case DeleteMessage(path):
            return delete_message(data, path)


def set_role(data: str, path: str, role: str) -> str:
    """The row with the role of the message at `path` (such as `$.messages[1]`) replaced. Raises `FormatError`."""
    assert role in ROLES, role
    return _set_member(data, _find_message(data, path), "role", dumps(role))


def set_weight(data: str, path: str, weight: int | None) -> str:
    """The row with a message's weight set to 0 or 1, or removed (None). Raises `FormatError`."""
    assert weight in (None, 0, 1), weight
    return _set_member(data, _find_message(data, path), "weight", None if weight is None else str(weight))


def set_text(data: str, path: str, text: str, part: int | None = None) -> str:
    """The row with the content of the message at `path` replaced, or the text of one of its parts.

    Setting the same text changes nothing, however its JSON is escaped. Images beside it stay. Raises `FormatError`.
    """
    message = _find_message(data, path)
    current = message.value.get("content") if isinstance(message.value, dict) else None
    if part is None and not isinstance(current, list):
        same = current == text or (current is None and not text)
        return data if same else _set_member(data, message, "content", dumps(text))
    content = map_members(data, message)["content"]
    texts = [one.number for one in read_parts(data, content) if one.kind == "text" and one.number is not None]
    number = part if part is not None else next(iter(texts), None)
    return _add_part(data, content, text) if number is None else _set_part(data, content, number, text)


def set_last_message(data: str, role: str, text: str) -> str:
    """The row with the last message of `role` replaced; in a preference row, of the input or the preferred answer.

    A chat row without such a message gets one. Raises `FormatError` when `data` is no JSON object.
    """
    sections = {message.path.partition("[")[0] for message in read_messages(data)} if decode_text(data).text else set()
    candidates = (
        [message for message in read_messages(data) if not message.path.startswith("$.non_")] if sections else []
    )
    paths = [message.path for message in candidates if message.role == role]
    if CHAT_PATH in sections or not paths:
        return jsonl.set_content(data, role, text)
    return set_text(data, paths[-1], text)


def set_string(data: str, path: str, key: str, text: str) -> str:
    """The row with a string of the message (name, refusal, tool_call_id) set; '' removes it. Raises `FormatError`."""
    assert key in ("name", "refusal", "tool_call_id"), key
    message = _find_message(data, path)
    if isinstance(message.value, dict) and (message.value.get(key) or "") == text:
        return data
    return _set_member(data, message, key, dumps(text) if text else None)


def set_tool_calls(data: str, path: str, calls: str, key: str = "tool_calls") -> str:
    """The row with the calls of the message replaced by JSON text; '' removes them.

    Raises `FormatError` when the text is not a JSON list (for `function_call`: an object).
    """
    assert key in CALL_KEYS, key
    return _set_member(
        data, _find_message(data, path), key, _parse_one_line(calls, list if key == "tool_calls" else dict)
    )


def set_tools(data: str, text: str) -> str:
    """The row with its declared tools replaced by JSON text; '' removes them.

    Raises `FormatError` when the text is not a JSON list.
    """
    new = _parse_one_line(text, list)
    path = next((path for path, _span in find_tools(data)), "")
    parent, _, key = path.rpartition(".") if path else (_find_tools_holder(data), "", "tools")
    holder = find_value(data, parent)
    assert holder is not None
    return _set_member(data, holder, key, new)


def add_message(data: str, path: str, role: str, text: str = "") -> str:
    """The row with a new message at `path`; the list of messages is created where it is missing.

    A tool message gets the id of the first call before it that has no result yet. Raises `FormatError` when the row has
    no place for messages at this path.
    """
    assert role in ROLES, role
    section, number = _split_path(path)
    message: dict[str, object] = {"role": role}
    if role == "tool" and (call := _find_unanswered_call(data, section, number)):
        message["tool_call_id"] = call
    addition = dumps(message | {"content": text})
    messages = find_value(data, section)
    if messages is None:
        return _add_section(data, section, addition)
    if not isinstance(messages.value, list):
        raise _cannot_edit_error()
    items = list(iterate_elements(data, messages))
    if not items:
        return apply_edits(data, [TextEdit(messages.start + 1, messages.start + 1, addition)])
    if number >= len(items):
        return apply_edits(data, [TextEdit(items[-1].end, items[-1].end, f", {addition}")])
    return apply_edits(data, [TextEdit(items[number].start, items[number].start, f"{addition}, ")])


def move_message(data: str, path: str, steps: int) -> str:
    """The row with the message at `path` moved up (-1) or down (1); the first and last one stay."""
    assert steps in (-1, 1), steps
    section, number = _split_path(path)
    items = _list_messages(data, section)
    other = number + steps
    if not (0 <= number < len(items) and 0 <= other < len(items)):
        return data
    one, two = items[number], items[other]
    swapped = [
        TextEdit(one.start, one.end, data[two.start : two.end]),
        TextEdit(two.start, two.end, data[one.start : one.end]),
    ]
    return apply_edits(data, swapped)


def delete_message(data: str, path: str) -> str:
    """The row without the message at `path`."""
    section, number = _split_path(path)
    items = _list_messages(data, section)
    if number >= len(items):
        return data
    return apply_edits(data, [_remove_element([(item.start, item.end) for item in items], number)])


def _find_tools_holder(data: str) -> str:
    span = find_value(data, "$.input")
    return "$.input" if span and isinstance(span.value, dict) and find_value(data, CHAT_PATH) is None else "$"


def _split_path(path: str) -> tuple[str, int]:
    match = _TURN.fullmatch(path)
    assert match and match[1] in SECTION_PATHS, path
    return match[1], int(match[2])


def _list_messages(data: str, section: str) -> list[Span]:
    holder = find_value(data, section)
    return list(iterate_elements(data, holder)) if holder and isinstance(holder.value, list) else []


def _find_message(data: str, path: str) -> Span:
    section, number = _split_path(path)
    items = _list_messages(data, section)
    if number >= len(items) or not isinstance(items[number].value, dict):
        raise _cannot_edit_error()
    return items[number]


def _cannot_edit_error() -> FormatError:
    return FormatError(
        tr("The row cannot be edited like this"),
        tr("The row has changed, or that place is not a message. Nothing was changed. Edit the row as JSON."),
    )


def _set_member(data: str, holder: Span, key: str, value: str | None) -> str:
    """The row with a key of the object at `holder` set to JSON text, or removed (None)."""
    entries = list(iterate_entries(data, holder))
    places = [number for number, (found, _value) in enumerate(entries) if found.value == key]
    if value is None:
        return _remove_member(data, holder, key) if places else data
    if places:
        old = entries[places[-1]][1]
        return apply_edits(data, [TextEdit(old.start, old.end, value)])
    at = entries[-1][1].end if entries else holder.start + 1
    return apply_edits(data, [TextEdit(at, at, f"{', ' if entries else ''}{dumps(key)}: {value}")])


def _set_part(data: str, content: Span, number: int, text: str) -> str:
    part = list(iterate_elements(data, content))[number]
    old = map_members(data, part)["text"] if isinstance(part.value, dict) else part
    return data if old.value == text else apply_edits(data, [TextEdit(old.start, old.end, dumps(text))])


def _add_part(data: str, content: Span, text: str) -> str:
    """The row with a text part added before the other parts of a content."""
    if not text:
        return data
    more = ", " if content.value else ""
    at = content.start + 1
    return apply_edits(data, [TextEdit(at, at, dumps({"type": "text", "text": text}) + more)])


def _remove_member(data: str, holder: Span, key: str) -> str:
    """The row without a key of the object, also where the key is repeated."""
    entries = list(iterate_entries(data, holder))
    spans = [(found.start, value.end) for found, value in entries]
    for number in reversed(range(len(entries))):
        if entries[number][0].value == key:
            edit = _remove_element(spans, number)
            data = apply_edits(data, [edit])
            holder = holder._replace(end=holder.end - (edit.end - edit.start))
            del entries[number], spans[number]
            spans = [(found.start, value.end) for found, value in iterate_entries(data, holder)]
    return data


def _remove_element(spans: list[tuple[int, int]], number: int) -> TextEdit:
    """Removes one element and a comma beside it from a list or object whose elements are at `spans`."""
    if number:
        return TextEdit(spans[number - 1][1], spans[number][1], "")
    if len(spans) > 1:
        return TextEdit(spans[0][0], spans[1][0], "")
    return TextEdit(*spans[0], "")


def _add_section(data: str, section: str, addition: str) -> str:
    parent, _, key = section.rpartition(".")
    holder = find_value(data, parent)
    if holder is None or not isinstance(holder.value, dict):
        raise _cannot_edit_error()
    return _set_member(data, holder, key, f"[{addition}]")


def _parse_one_line(text: str, kind: type) -> str | None:
    """The JSON text of a list or object on one line, None for ''. Raises `FormatError` for any other text."""
    if not text.strip():
        return None
    text = text.strip()
    # Wrapped in an object, since `decode_text` accepts only objects; it refuses too deep nesting and invalid numbers.
    readable = decode_text(f'{{"value": {text}}}').text is not None
    if not readable or (span := parse_whole(text)).end != len(text) or not isinstance(span.value, kind):
        raise FormatError(
            tr("This JSON cannot be used here"),
            tr("Nothing was changed. Write a list in square brackets, or one object in curly braces."),
        )
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _find_unanswered_call(data: str, section: str, number: int) -> str:
    """The id of the first call before message `number` that no tool message answers; '' without one."""
    open_calls: list[str] = []
    for span in _list_messages(data, section)[:number]:
        message = span.value if isinstance(span.value, dict) else {}
        calls = message.get("tool_calls")
        open_calls += (
            [string_or_empty(call.get("id")) for call in calls if isinstance(call, dict)]
            if isinstance(calls, list)
            else []
        )
        if (result_id := message.get("tool_call_id")) in open_calls:
            open_calls.remove(result_id)
    return next(filter(None, open_calls), "")
