"""Parses the bytes of a line as a JSON object, or explains why it cannot be read."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from core.checks.json_positions import key_path
from core.checks.rule_registry import Problem, clip, problem
from core.language import tr

LINE_LIMIT = 16 * 1024 * 1024  # bytes
MAX_DEPTH = 64
MAX_REPEATED_KEYS = 20

# A string, closed or truncated; possessive, so that a hostile line costs linear time.
STRING = r'"(?:[^"\\]++|\\.)*+"?'
_BRACKET = re.compile(rf"{STRING}|([\[{{])|([\]}}])", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_JAPANESE = re.compile("[ぁ-ゖァ-ヺ]|[一-鿿]{2}")

_Repeated = list[tuple[dict[str, object], str]]  # each object with a key that occurs twice in it


@dataclass(frozen=True, slots=True)
class Decoded:
    """One parsed line: `text` is None when it is unreadable, and then `problems` says why."""

    text: str | None
    value: object = None
    problems: list[Problem] = field(default_factory=list)


class _NumberError(Exception):
    """A number that Python reads and JSON does not have, or the other way round."""


def decode(raw: bytes, limit: int = LINE_LIMIT) -> Decoded:
    """Parse one line (bytes without the newline) as a JSON object, or return why it is unreadable. Never raises."""
    if len(raw) > limit:
        return Decoded(None, problems=[too_long(len(raw))])
    if not raw.strip():
        return Decoded(None, problems=[problem("blank", "", tr("The line is empty."))])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Decoded(None, problems=[_describe_not_utf8(raw, error)])
    if "\0" in text and (other := find_foreign_encoding(raw)):
        return Decoded(None, problems=[_build_encoding_problem(0, other)])
    return decode_text(text)


def too_long(length: int) -> Problem:
    """The problem of a line of `length` bytes, which is over `LINE_LIMIT`."""
    size = f"{length / 1024 / 1024:,.1f}"
    return problem("too-long", "", tr("The line is {size} MiB long.", size=size))


def decode_text(text: str) -> Decoded:
    """Parse `text` as a JSON object, or return why it is unreadable. Never raises."""
    if _is_too_deep(text):
        message = tr("Brackets are nested more than {limit} deep.", limit=MAX_DEPTH)
        return Decoded(None, problems=[problem("too-deep", "", message)])
    repeated: _Repeated = []
    try:
        value = _parse(text, repeated)
    except json.JSONDecodeError as error:
        return Decoded(None, problems=[_describe_broken_json(text, error)])
    except _NumberError as error:
        message = tr("{number} is not a valid JSON number, or too large.", number=clip(str(error), 20))
        return Decoded(None, problems=[problem("number-invalid", "", message)])
    if not isinstance(value, dict):
        message = tr("The line is not a JSON object in curly braces.")
        return Decoded(None, problems=[problem("not-object", "", message)])
    if _SURROGATE_ESCAPE.search(text) and (path := _find_surrogate(value)):
        message = tr("An escape here is an unpaired surrogate.")
        return Decoded(None, problems=[problem("lone-surrogate", path, message)])
    return Decoded(text, value, list(_find_repeated_keys(value, repeated)))


def _is_too_deep(text: str) -> bool:
    """Whether brackets outside strings are nested deeper than `MAX_DEPTH`; without recursion."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _BRACKET.finditer(text):
        if match.lastindex == 1:
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif match.lastindex == 2:
            depth -= 1
    return False


def _parse(text: str, repeated: _Repeated) -> object:
    decoder = json.JSONDecoder(
        object_pairs_hook=partial(_build_object, repeated),
        parse_constant=_parse_constant,
        parse_float=_parse_float,
        parse_int=_parse_int,
    )
    return decoder.decode(text)


def _build_object(repeated: _Repeated, pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                repeated.append((result, key))
            seen.add(key)
    return result


def _parse_constant(name: str) -> object:
    raise _NumberError(name)


def _parse_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _NumberError(digits)
    return number


def _parse_int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python reads no more than 4,300 digits
        raise _NumberError(digits) from None


def _walk(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every object, list, text and key with its path; recursive, as the depth has been checked."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            here = path + key_path(key)
            yield here, key
            yield from _walk(inner, here)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            if isinstance(inner, (dict, list, str)):
                yield from _walk(inner, f"{path}[{i}]")
    elif isinstance(value, str):
        yield path, value


def _find_surrogate(value: object) -> str:
    paths = (path for path, inner in _walk(value, "$") if isinstance(inner, str) and _SURROGATE.search(inner))
    return next(paths, "")


def _find_repeated_keys(value: object, repeated: _Repeated) -> Iterator[Problem]:
    """A problem for each repeated key with its path; path '' inside a value that a repeated key replaced."""
    paths = {id(inner): path for path, inner in _walk(value, "$") if isinstance(inner, dict)} if repeated else {}
    for holder, key in repeated[:MAX_REPEATED_KEYS]:
        path = paths.get(id(holder), "")
        message = tr("The key {key} appears twice here.", key=clip(key))
        yield problem("duplicate-key", path and path + key_path(key), message)


def _describe_not_utf8(raw: bytes, error: UnicodeDecodeError) -> Problem:
    if error.end == len(raw) and error.reason == "unexpected end of data":
        return problem("json-broken", "", tr("The line is cut off in the middle of a character."))
    return _build_encoding_problem(error.start, find_foreign_encoding(raw))


def _build_encoding_problem(byte: int, other: str) -> Problem:
    if other:
        message = tr("Not UTF-8 from byte {byte}; it reads as {encoding}.", byte=byte + 1, encoding=other)
    else:
        message = tr("Not UTF-8 from byte {byte}.", byte=byte + 1)
    return problem("encoding", "", message)


def find_foreign_encoding(raw: bytes) -> str:
    """'CP932' or 'UTF-16': the first other encoding in which the line is a JSON object; '' if none."""
    return next((name for name, text in iterate_decodings(raw) if decode_text(text).text), "")


def iterate_decodings(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the line's text for each other encoding in which its bytes can be decoded."""
    if b"\0" in raw:
        # Cut at its newline byte, UTF-16 leaves the newline's other half on the next line or this one.
        even = raw if len(raw) % 2 == 0 else raw.removeprefix(b"\0") if raw[:1] == b"\0" else raw[:-1]
        for codec in ("utf-16-le", "utf-16-be"):
            if text := _decode_bytes(even, codec):
                yield "UTF-16", text.removeprefix("\ufeff")
    elif (text := _decode_bytes(raw, "cp932")) and reads_as_japanese(text):
        yield "CP932", text


def reads_as_japanese(text: str) -> bool:
    """Whether text decoded from CP932 is plausible: Latin-1 bytes also decode, but to single kanji."""
    return _JAPANESE.search(text) is not None


def _decode_bytes(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def _describe_broken_json(text: str, error: json.JSONDecodeError) -> Problem:
    if text.startswith("\ufeff"):
        return problem("json-broken", "", tr("Column 1: there is a byte order mark inside the file."))
    ended = error.pos >= len(text.rstrip())
    reason = tr("the line is cut off") if ended else _translate_parser_message(error.msg)
    return problem("json-broken", "", tr("Column {column}: {reason}.", column=error.pos + 1, reason=reason))


def _translate_parser_message(words: str) -> str:
    """The message of Python's JSON parser, translated; an unknown one unchanged."""
    plain = {
        "Expecting ',' delimiter": tr("a comma or a closing bracket is missing"),
        "Expecting property name": tr("a key in straight double quotes is missing"),
        "Illegal trailing comma": tr("there is an extra comma before a closing bracket"),
        "Expecting ':' delimiter": tr("a colon is missing after a key"),
        "Unterminated string": tr("a string that starts here is not closed"),
        "Invalid control character": tr("there is a control character inside a string"),
        "Invalid \\": tr("there is a backslash before a character that cannot be escaped"),
        "Extra data": tr("there is something after the end of the object"),
        "Expecting value": tr("a value is missing"),
    }
    return next((reason for start, reason in plain.items() if words.startswith(start)), words)
