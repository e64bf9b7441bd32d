"""Mending what can be fixed safely: only the broken place changes, and the result must be readable."""

import json
import re
from collections.abc import Callable, Collection, Iterator

from core.checks.json_positions import Span, TextEdit, apply_edits, dumps, elements, entries, members, whole
from core.checks.line_parsing import LINE_LIMIT, STRING, decode, decode_text, readings
from core.checks.message_content import has_spare_blanks
from core.checks.messages import ROLES, role_of
from core.checks.preferences import OLD_KEYS, OUTPUTS, compares, written_as

_TOKEN = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_SLIP = re.compile(
    rf"(?P<string>{STRING})"
    r"|,(?=[ \t\r\n]*+(?:[}\]]|$))"
    r"|[“”„‟＂](?P<quoted>[^“”„‟＂\"\\]*+)[“”„‟＂]"
)


def fix(rule: str, text: str) -> str | None:
    """The row's JSON text with that rule's problem fixed and all else unchanged; None where that is unsafe."""
    if rule == "json-broken":
        return _fix_text(text) if decode_text(text).text is None else None
    find_edits = _FIXES.get(rule)
    if find_edits is None or decode_text(text).text is None:
        return None
    edits = list(find_edits(text))
    return apply_edits(text, edits) if edits else None


def repair(raw: bytes) -> bytes | None:
    """An unreadable line as readable UTF-8: other encodings, trailing commas, curly quotes; None if it stays broken."""
    if len(raw) > LINE_LIMIT or decode(raw).text is not None:
        return None
    for text in _readings(raw):
        if fixed := text if decode_text(text).text else _fix_text(text):
            return fixed.encode()
    return None


def _readings(raw: bytes) -> Iterator[str]:
    try:
        yield raw.decode()
    except UnicodeDecodeError:
        yield from (text for _name, text in readings(raw))
    else:
        if b"\0" in raw:
            yield from (text for _name, text in readings(raw))


def _fix_text(text: str) -> str | None:
    fixed = _SLIP.sub(_without_slip, text.removeprefix("\ufeff"))
    return fixed if decode_text(fixed).text is not None else None


def _without_slip(match: re.Match[str]) -> str:
    if match["string"]:
        return match["string"]
    return "" if match["quoted"] is None else f'"{match["quoted"]}"'


def _messages(text: str) -> Iterator[tuple[dict[str, Span], Span]]:
    """The members of each message object, and its own span."""
    for messages in _lists(text):
        for message in elements(text, messages):
            if isinstance(message.value, dict):
                yield members(text, message), message


def _lists(text: str) -> Iterator[Span]:
    """The lists of messages that are checked: of a chat row, or of a preference row."""
    object_, row = whole(text), members(text, whole(text))
    found = [row["messages"]] if "messages" in row else []
    if isinstance(object_.value, dict) and compares(object_.value):
        given = row.get("input")
        found = [members(text, given)["messages"]] if given and "messages" in _keys(given) else []
        # Each answer is one message; a list of another length has a problem of its own.
        outputs = [row[name] for key in OUTPUTS if (name := written_as(object_.value, key))]
        found += [one for one in outputs if isinstance(one.value, list) and len(one.value) == 1]
    yield from (one for one in found if isinstance(one.value, list))


def _keys(span: Span) -> Collection[str]:
    return span.value if isinstance(span.value, dict) else ()


def _roles(text: str) -> Iterator[TextEdit]:
    for parts, message in _messages(text):
        role = role_of(message.value)
        if role and parts["role"].value != role:
            assert role in ROLES
            yield TextEdit(parts["role"].start, parts["role"].end, json.dumps(role))


def _blanks(text: str) -> Iterator[TextEdit]:
    for parts, message in _messages(text):
        content = parts.get("content")
        if content and has_spare_blanks(content.value, role_of(message.value)):
            tokens = _TOKEN.findall(text[content.start + 1 : content.end - 1])
            first, last = _edges(tokens)
            yield TextEdit(content.start, content.end, '"' + "".join(tokens[first:last]) + '"')


def _edges(tokens: list[str]) -> tuple[int, int]:
    """The first and last token of a JSON string without the blanks around its text."""
    first, last = 0, len(tokens)
    while first < last and _is_blank(tokens[first]):
        first += 1
    while first < last and _is_blank(tokens[last - 1]):
        last -= 1
    return first, last


def _is_blank(token: str) -> bool:
    return str(json.loads(f'"{token}"')).isspace()


def _weights(text: str) -> Iterator[TextEdit]:
    """Weights of answers that are evidently 0 or 1."""
    for parts, message in _messages(text):
        weight = parts.get("weight")
        if weight and role_of(message.value) == "assistant" and type(weight.value) is not int:
            meant = {"1": "1", "0": "0", "1.0": "1", "0.0": "0", "true": "1", "false": "0"}.get(
                str(weight.value).lower()
            )
            if meant is not None:
                yield TextEdit(weight.start, weight.end, meant)


def _arguments(text: str) -> Iterator[TextEdit]:
    """Arguments of calls given as an object, as the text that they should be."""
    for parts, message in _messages(text):
        calls = parts.get("tool_calls")
        if role_of(message.value) != "assistant":
            continue
        for call in elements(text, calls) if calls and isinstance(calls.value, list) else ():
            if isinstance(call.value, dict):
                yield from _of_function(text, members(text, call).get("function"))
        yield from _of_function(text, parts.get("function_call"))


def _of_function(text: str, function: Span | None) -> Iterator[TextEdit]:
    arguments = members(text, function).get("arguments") if function and isinstance(function.value, dict) else None
    if arguments and isinstance(arguments.value, dict):
        yield TextEdit(arguments.start, arguments.end, dumps(text[arguments.start : arguments.end]))


def _pair(text: str) -> Iterator[TextEdit]:
    """A pair of prompt and completion as messages, the rest of the row as it is."""
    row = whole(text)
    found = list(entries(text, row))
    keys = [str(key.value) for key, _value in found]
    said = {name: text[value.start : value.end] for name, (_key, value) in zip(keys, found, strict=True)}
    is_text = all(
        isinstance(value.value, str) for name, (_key, value) in zip(keys, found, strict=True) if name in _PAIR
    )
    if not is_text or not said.keys() >= {*_PAIR} or "messages" in said or len(said) != len(keys):
        return
    messages = ", ".join(f'{{"role": "{role}", "content": {said[name]}}}' for name, role in _PAIR.items())
    others = [text[key.start : value.end] for (key, value), name in zip(found, keys, strict=True) if name not in _PAIR]
    yield TextEdit(row.start, row.end, "{" + ", ".join([f'"messages": [{messages}]', *others]) + "}")


def _old_keys(text: str) -> Iterator[TextEdit]:
    row = whole(text)
    if not (isinstance(row.value, dict) and compares(row.value)):
        return
    keys = [(str(key.value), key) for key, _value in entries(text, row)]
    names = [name for name, _key in keys]
    for name, key in keys:
        if (new := OLD_KEYS.get(name)) and new not in names and names.count(name) == 1:
            yield TextEdit(key.start, key.end, json.dumps(new))


_PAIR = {"prompt": "user", "completion": "assistant"}
_FIXES: dict[str, Callable[[str], Iterator[TextEdit]]] = {
    "role-unknown": _roles,
    "whitespace": _blanks,
    "weight-invalid": _weights,
    "tool-arguments-invalid": _arguments,
    "old-format": _pair,
    "dpo-old-key": _old_keys,
}
