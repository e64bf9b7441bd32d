"""How the rows stand in a JSON text: one in a line, in a list, inside another object, or otherwise, with its cause."""

import json
import re
from typing import NamedTuple

from core.checks import Decoded, decode
from core.formats import forms, python_literals
from core.formats.json_arrays import Elements
from core.language import tr

_ROW_KEYS = ("messages", "conversations", "contents", "input", "output", "prompt", "completion")  # lists inside one row
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*')
_BLANKS = re.compile(r"\s*")
_decode_value = json.JSONDecoder().raw_decode


class Layout(NamedTuple):
    """How the rows stand: `lines`, or another key of `describe`; `start` as `json_arrays.read` takes it."""

    name: str = "lines"
    start: int = 0


def describe(name: str) -> str:
    """What is different from JSON Lines, translated."""
    return {
        "parquet": tr("The rows are in a Parquet file, not in JSON Lines."),
        "arrow": tr("The rows are in an Arrow (Feather) file, not in JSON Lines."),
        "arrow-stream": tr("The rows are in an Arrow (Feather) file, not in JSON Lines."),
        "array": tr("The rows are one JSON list, not one in each line."),
        "wrapped": tr("The rows are a list inside another JSON object, not one in each line."),
        "pretty": tr("The rows are spread over several lines each, not one in each line."),
        "commas": tr("The lines end with commas, which belong in a list and not into JSON Lines."),
        "joined": tr("Several rows stand in one line, without a line break between them."),
        "cr": tr("The lines end with a carriage return alone, as on an old Mac; other programs see one line."),
        "python": tr("The rows are written as Python writes them, with single quotation marks, and are no JSON."),
    }[name]


def detect(text: str) -> Layout:
    """The layout of the beginning of a text of JSON."""
    stripped = text.strip()
    first, _break, rest = stripped.partition("\n")
    if first.startswith("["):
        return Layout("array") if not rest or not is_value(first) else Layout()
    if not first.startswith("{"):
        return Layout()
    if not (is_value(first) and rest) and (start := _find_wrapped_rows(text)):
        return Layout("wrapped", start)
    if is_value(first):
        return Layout()
    if first.rstrip().endswith(",") and is_value(first.rstrip().rstrip(",")):
        return Layout("commas")
    if parse_python(first.rstrip().rstrip(",").encode()) is not None:
        return Layout("python")
    return _detect_by_elements(text)


def _detect_by_elements(text: str) -> Layout:
    elements = iter(Elements([text.encode("utf-8", "replace")]))
    element, second = next(elements), next(elements, None)
    if not is_value(element.raw.decode("utf-8", "replace")):
        return Layout()
    if b"\n" in element.raw:
        return Layout("pretty")
    if second is None or second.number > element.number:
        return Layout()
    return Layout("cr" if "\r" in text and "\n" not in text else "joined")


def is_value(text: str) -> bool:
    """Whether a text is one whole JSON value."""
    decoded = decode(text.encode("utf-8", "replace"))
    return decoded.text is not None or decoded.problems[0].rule != "json-broken"


def _find_wrapped_rows(text: str) -> int:
    """Where a list of rows begins inside the one object that the text is, in bytes of UTF-8; 0 where there is none."""
    at = text.index("{") + 1
    try:
        while key := _KEY.match(text, at):
            if key[1] not in _ROW_KEYS and text.startswith("[", key.end()) and _begins_with_row(text, key.end() + 1):
                return len(text[: key.end()].encode("utf-8", "replace"))
            _value, end = _decode_value(text, key.end())
            at = _skip_comma(text, end)
    except (ValueError, RecursionError):
        pass
    return 0


def _skip_comma(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    at = blanks.end() if blanks else at
    return at + 1 if text.startswith(",", at) else at


def _begins_with_row(text: str, at: int) -> bool:
    blanks = _BLANKS.match(text, at)
    value, _end = _decode_value(text, blanks.end() if blanks else at)
    form = forms.detect_form(value)
    return form in (forms.CHAT, forms.PREFERENCES, forms.PAIRS) or (
        form in forms.FORMS and bool(forms.FORMS[form].read)
    )


def parse_python(raw: bytes) -> str | None:
    """The JSON of a line that is a Python dict; None where it is none, or already JSON."""
    if not raw.lstrip().startswith(b"{"):
        return None
    try:
        return python_literals.to_json(raw.decode())
    except UnicodeDecodeError:
        return None


def decode_python(raw: bytes) -> Decoded:
    """The row of a line as Python writes it, or why it is none."""
    text = parse_python(raw)
    return decode(raw if text is None else text.encode())
