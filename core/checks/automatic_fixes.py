"""Fixes what can be fixed safely: only the broken place changes, and the result must be readable."""

import json
import re
from collections.abc import Callable, Collection, Iterator

from core.checks import damaged_text
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
from core.checks.line_parsing import LINE_LIMIT, STRING, decode, decode_text, iterate_decodings
from core.checks.message_content import has_spare_blanks
from core.checks.messages import ROLES, role_of
from core.checks.preferences import OLD_KEYS, OUTPUTS, find_output_key, is_preference_row

_TOKEN = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_SLIP = re.compile(
    rf"(?P<string>{STRING})"
    r"|,(?=[ \t\r\n]*+(?:[}\]]|$))"
    r"|[“”„‟＂](?P<quoted>[^“”„‟＂\"\\]*+)[“”„‟＂]"
)


def fix(rule: str, text: str) -> str | None:
    """Fix that rule's problem in a row's JSON text, with all else unchanged; None where that is not safe."""
    if rule == "json-broken":
        return _fix_text(text) if decode_text(text).text is None else None
    find_edits = _FIXES.get(rule)
    if find_edits is None or decode_text(text).text is None:
        return None
    edits = list(find_edits(text))
    return apply_edits(text, edits) if edits else None


def repair(raw: bytes) -> bytes | None:
    """Repair an unreadable line: other encodings, trailing commas, curly quotes. Returns UTF-8; None if it stays broken."""
    if len(raw) > LINE_LIMIT or decode(raw).text is not None:
        return None
    for text in _iterate_readings(raw):
        if fixed := text if decode_text(text).text else _fix_text(text):
            return fixed.encode()
    return None


def _iterate_readings(raw: bytes) -> Iterator[str]:
    try:
        yield raw.decode()
    except UnicodeDecodeError:
        yield from (text for _name, text in iterate_decodings(raw))
    else:
        if b"\0" in raw:
            yield from (text for _name, text in iterate_decodings(raw))


def _fix_text(text: str) -> str | None:
    fixed = _SLIP.sub(_fix_slip, text.removeprefix("\ufeff"))
    return fixed if decode_text(fixed).text is not None else None


def _fix_slip(match: re.Match[str]) -> str:
    if match["string"]:
        return match["string"]
    return "" if match["quoted"] is None else f'"{match["quoted"]}"'


def _iterate_messages(text: str) -> Iterator[tuple[dict[str, Span], Span]]:
    """Yield the members of each message object, and its own span."""
    for messages in _iterate_message_lists(text):
        for message in iterate_elements(text, messages):
            if isinstance(message.value, dict):
                yield map_members(text, message), message


def _iterate_message_lists(text: str) -> Iterator[Span]:
    """The lists of messages that are checked: of a chat row, or of a preference row."""
    object_, row = parse_whole(text), map_members(text, parse_whole(text))
    lists = [row["messages"]] if "messages" in row else []
    if isinstance(object_.value, dict) and is_preference_row(object_.value):
        input_span = row.get("input")
        lists = (
            [map_members(text, input_span)["messages"]] if input_span and "messages" in _get_keys(input_span) else []
        )
        # Each answer is one message; a list of another length has a problem of its own.
        outputs = [row[name] for key in OUTPUTS if (name := find_output_key(object_.value, key))]
        lists += [one for one in outputs if isinstance(one.value, list) and len(one.value) == 1]
    yield from (one for one in lists if isinstance(one.value, list))


def _get_keys(span: Span) -> Collection[str]:
    return span.value if isinstance(span.value, dict) else ()


def _fix_roles(text: str) -> Iterator[TextEdit]:
    for parts, message in _iterate_messages(text):
        role = role_of(message.value)
        if role and parts["role"].value != role:
            assert role in ROLES
            yield TextEdit(parts["role"].start, parts["role"].end, json.dumps(role))


def _fix_blanks(text: str) -> Iterator[TextEdit]:
    for parts, message in _iterate_messages(text):
        content = parts.get("content")
        if content and has_spare_blanks(content.value, role_of(message.value)):
            tokens = _TOKEN.findall(text[content.start + 1 : content.end - 1])
            first, last = _find_text_edges(tokens)
            yield TextEdit(content.start, content.end, '"' + "".join(tokens[first:last]) + '"')


def _find_text_edges(tokens: list[str]) -> tuple[int, int]:
    """The first and last token of a JSON string without the blanks around its text."""
    first, last = 0, len(tokens)
    while first < last and _is_blank(tokens[first]):
        first += 1
    while first < last and _is_blank(tokens[last - 1]):
        last -= 1
    return first, last


def _is_blank(token: str) -> bool:
    return str(json.loads(f'"{token}"')).isspace()


def _text_fixer(repair_text: Callable[[str], str]) -> Callable[[str], Iterator[TextEdit]]:
    """A fix that changes each text of the messages: contents, and the text parts of them."""

    def fix_texts(text: str) -> Iterator[TextEdit]:
        for members, _message in _iterate_messages(text):
            content = members.get("content")
            for span in _iterate_texts(text, content) if content else ():
                fixed = repair_text(str(span.value))
                if fixed != span.value:
                    yield TextEdit(span.start, span.end, dumps(fixed))

    return fix_texts


def _iterate_texts(text: str, content: Span) -> Iterator[Span]:
    if isinstance(content.value, str):
        yield content
    elif isinstance(content.value, list):
        for part in iterate_elements(text, content):
            members = map_members(text, part) if isinstance(part.value, dict) else {}
            if isinstance(members.get("text", content).value, str):
                yield members["text"]


def _fix_weights(text: str) -> Iterator[TextEdit]:
    """Edits of answers' weights that clearly mean 0 or 1, such as "1" and true."""
    for parts, message in _iterate_messages(text):
        weight = parts.get("weight")
        if weight and role_of(message.value) == "assistant" and type(weight.value) is not int:
            fixed = {"1": "1", "0": "0", "1.0": "1", "0.0": "0", "true": "1", "false": "0"}.get(
                str(weight.value).lower()
            )
            if fixed is not None:
                yield TextEdit(weight.start, weight.end, fixed)


def _fix_arguments(text: str) -> Iterator[TextEdit]:
    """Edits that turn the arguments of a call from an object into a text of JSON."""
    for parts, message in _iterate_messages(text):
        calls = parts.get("tool_calls")
        if role_of(message.value) != "assistant":
            continue
        for call in iterate_elements(text, calls) if calls and isinstance(calls.value, list) else ():
            if isinstance(call.value, dict):
                yield from _fix_function_arguments(text, map_members(text, call).get("function"))
        yield from _fix_function_arguments(text, parts.get("function_call"))


def _fix_function_arguments(text: str, function: Span | None) -> Iterator[TextEdit]:
    arguments = map_members(text, function).get("arguments") if function and isinstance(function.value, dict) else None
    if arguments and isinstance(arguments.value, dict):
        yield TextEdit(arguments.start, arguments.end, dumps(text[arguments.start : arguments.end]))


def _fix_pair(text: str) -> Iterator[TextEdit]:
    """An edit that turns a pair of prompt and completion into messages and keeps the other keys."""
    row = parse_whole(text)
    pairs = list(iterate_entries(text, row))
    keys = [str(key.value) for key, _value in pairs]
    texts = {name: text[value.start : value.end] for name, (_key, value) in zip(keys, pairs, strict=True)}
    is_text = all(
        isinstance(value.value, str) for name, (_key, value) in zip(keys, pairs, strict=True) if name in _PAIR
    )
    if not is_text or not texts.keys() >= {*_PAIR} or "messages" in texts or len(texts) != len(keys):
        return
    messages = ", ".join(f'{{"role": "{role}", "content": {texts[name]}}}' for name, role in _PAIR.items())
    others = [text[key.start : value.end] for (key, value), name in zip(pairs, keys, strict=True) if name not in _PAIR]
    yield TextEdit(row.start, row.end, "{" + ", ".join([f'"messages": [{messages}]', *others]) + "}")


def _fix_old_keys(text: str) -> Iterator[TextEdit]:
    row = parse_whole(text)
    if not (isinstance(row.value, dict) and is_preference_row(row.value)):
        return
    keys = [(str(key.value), key) for key, _value in iterate_entries(text, row)]
    names = [name for name, _key in keys]
    for name, key in keys:
        if (new := OLD_KEYS.get(name)) and new not in names and names.count(name) == 1:
            yield TextEdit(key.start, key.end, json.dumps(new))


_PAIR = {"prompt": "user", "completion": "assistant"}
_FIXES: dict[str, Callable[[str], Iterator[TextEdit]]] = {
    "role-unknown": _fix_roles,
    "whitespace": _fix_blanks,
    "weight-invalid": _fix_weights,
    "tool-arguments-invalid": _fix_arguments,
    "old-format": _fix_pair,
    "mojibake": _text_fixer(damaged_text.unmangle),
    "invisible-character": _text_fixer(damaged_text.without_invisible),
    "html-entity": _text_fixer(damaged_text.without_entities),
    "dpo-old-key": _fix_old_keys,
}
