"""Parses JSON as chat models write it: between prose, with typing errors, or truncated in the middle."""

import json
import re
from collections.abc import Iterator, Sequence

from core.lazy_loading import lazy_pattern

MAX_DEPTH = 64  # nested brackets that are parsed; those below are skipped
REPEATED_KEY_MARK = "\0"  # between a key that its object has twice and the number of the repeat

# Every repeat is possessive or bounded, so that a hostile reply costs linear time.
_QUOTE = "[\"'`“”„‘’＂]"
_NAME = r"[\w$-]{1,40}+\s*+[:：]"
_REMARK = r"//|/\*|#"
_OPENING = lazy_pattern(
    rf"\{{(?=\s*+(?:{_QUOTE}|{_NAME}|[{{\[]|{_REMARK}|\Z))|\[(?=\s*+(?:{_QUOTE}|[\[{{]|-?\d|{_REMARK}|\Z))"
)
_SKIPPED = lazy_pattern(r"\s++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|=>|[:：]")
_TOO_DEEP = lazy_pattern(r"[\[{\s]++")
_BARE = lazy_pattern(r'[^,，{}\[\]\n"“”]++')
_BARE_KEY = lazy_pattern(r'[^,，{}\[\]\n"“”:：=]++')
_CLOSERS = {'"': '"', "'": "'", "`": "`"} | dict.fromkeys("“”„＂", '“”"＂') | dict.fromkeys("‘’", "‘’'")
_CHUNKS = {closers: lazy_pattern(rf"(?:[^\\{closers}]++|\\.)*+", re.DOTALL) for closers in set(_CLOSERS.values())}
# What follows a quote that closes its text; any other quote belongs to the text.
_AFTER_KEY = lazy_pattern(r"\s*+(?:[:：,}\]]|=>|\Z)")
_AFTER_VALUE = lazy_pattern(
    rf"\s*+(?:\Z|[}}\]]|//|/\*|{_QUOTE}[\w \-]{{1,40}}+{_QUOTE}\s*+[:：]"
    rf"|[,，;]\s*+(?:\Z|{_QUOTE}|[}}\]{{\[]|{_NAME}|{_REMARK}))|[ \t]++#"
)
_AFTER_ITEM = lazy_pattern(
    rf"[ \t\r]*+\n\s*+{_QUOTE}|\s*+(?:\Z|[}}\]]|//|/\*"
    rf"|[,，;]\s*+(?:\Z|{_QUOTE}|[}}\]{{\[]|-?\d|(?:true|false|null|NaN|None|True|False)\b|{_REMARK}))|[ \t]++#"
)
_ESCAPE = lazy_pattern(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "\n"} | {char: char for char in "\"'`/\\“”‘’"}
_WORDS = {"true": True, "false": False} | dict.fromkeys(("null", "none", "nan", "undefined", "infinity"))


class TruncatedText(str):
    """A text that the end of the reply truncates."""

    __slots__ = ()


class JsonObject(dict[str, object]):
    """A JSON object; `is_truncated` when the reply ends before its closing bracket."""

    __slots__ = ("is_truncated",)

    def __init__(self, entries: Sequence[tuple[str, object]] = ()) -> None:
        super().__init__(entries)
        self.is_truncated = False
        if len(self) < len(entries):
            self.clear()
            self.update(_number_repeated_keys(entries))


def parse_values(text: str) -> list[object]:
    """Parse all objects and arrays in `text`, in order: whole ones, and what there is of a truncated one.

    Numbers stay texts as they are written, NaN becomes None. A key that an object has twice is kept with its number
    (see `REPEATED_KEY_MARK`). Never raises; takes time linear in the length.
    """
    try:
        return [_STRICT.decode(text.strip())]
    except (ValueError, RecursionError):
        return _LenientParser(text).parse()


def repair_surrogates(text: str) -> str:
    """`text` as UTF-8 can encode it: two surrogates of one character are joined, a single one becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number_repeated_keys(entries: Sequence[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    times: dict[str, int] = {}
    for key, value in entries:
        times[key] = times.get(key, 0) + 1
        yield (key if times[key] == 1 else f"{key}{REPEATED_KEY_MARK}{times[key]}"), value


def _parse_constant(_name: str) -> None:
    return None


_STRICT = json.JSONDecoder(
    object_pairs_hook=JsonObject, parse_int=str, parse_float=str, parse_constant=_parse_constant, strict=False
)


class _Frame:
    """An open bracket: its entries so far, and of an object the key whose value comes next."""

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.key: str | None = None
        self.value: JsonObject | list[object] = JsonObject() if is_object else []
        self._times: dict[str, int] = {}

    def add(self, value: object) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self._set_entry(self.key, value)
            self.key = None
        elif isinstance(value, TruncatedText):
            return
        elif isinstance(value, str):
            self.key = value
        elif isinstance(value, (dict, list)):
            self._set_entry("", value)

    def _set_entry(self, key: str, value: object) -> None:
        assert isinstance(self.value, JsonObject)
        times = self._times[key] = self._times.get(key, 0) + 1
        self.value[key if times == 1 else f"{key}{REPEATED_KEY_MARK}{times}"] = value


class _LenientParser:
    """Parses a text in one pass and skips what is no JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Frame] = []
        self._roots: list[object] = []

    def parse(self) -> list[object]:
        """Return the outermost values, in order."""
        while self._at < len(self._text):
            if self._open:
                self._parse_token(self._open[-1])
            elif found := _OPENING.search(self._text, self._at):
                self._at = found.start()
                self._open_bracket()
            else:
                break
        for frame in self._open:
            if isinstance(frame.value, JsonObject):
                frame.value.is_truncated = True
        return self._roots

    def _parse_token(self, frame: _Frame) -> None:
        char = self._text[self._at]
        if skipped := _SKIPPED.match(self._text, self._at):
            self._at = skipped.end()
        elif char in ",，;":
            frame.key = None
            self._at += 1
        elif char in "[{":
            self._open_bracket()
        elif char in "]}":
            self._close_bracket(char == "}")
        elif char in _CLOSERS:
            frame.add(self._parse_string(char, frame))
        else:
            self._parse_bare_word(frame)

    def _open_bracket(self) -> None:
        if len(self._open) >= MAX_DEPTH:
            skipped = _TOO_DEEP.match(self._text, self._at)
            self._at = skipped.end() if skipped else self._at + 1
            return
        frame = _Frame(self._text[self._at] == "{")
        if self._open:
            self._open[-1].add(frame.value)
        else:
            self._roots.append(frame.value)
        self._open.append(frame)
        self._at += 1

    def _close_bracket(self, is_object: bool) -> None:
        """Close the bracket and those inside it that were not closed; one that was never opened is skipped."""
        self._at += 1
        if any(frame.is_object is is_object for frame in self._open):
            while self._open.pop().is_object is not is_object:
                pass

    def _parse_string(self, quote: str, frame: _Frame) -> str:
        closers = _CLOSERS[quote]
        after = _AFTER_ITEM if not frame.is_object else _AFTER_KEY if frame.key is None else _AFTER_VALUE
        start = at = self._at + 1
        while (chunk := _CHUNKS[closers].match(self._text, at)) and chunk.end() < len(self._text):
            at = chunk.end() + 1
            if self._text[at - 1] != "\\" and after.match(self._text, at):
                self._at = at
                return _unescape(self._text[start : at - 1])
        self._at = len(self._text)
        return TruncatedText(_unescape(self._text[start:]))

    def _parse_bare_word(self, frame: _Frame) -> None:
        is_key = frame.is_object and frame.key is None
        found = (_BARE_KEY if is_key else _BARE).match(self._text, self._at)
        self._at = found.end() if found else self._at + 1
        word = found[0].strip() if found else ""
        if word and self._at == len(self._text):
            frame.add(TruncatedText(word))
        elif word:
            frame.add(word if is_key else _WORDS.get(word.lower(), word))


def _unescape(raw: str) -> str:
    return repair_surrogates(_ESCAPE.sub(_resolve_escape, raw)) if "\\" in raw else raw


def _resolve_escape(escape: re.Match[str]) -> str:
    """The character of an escape; an escape that JSON does not have stays as it is: models write `\\(x\\)`."""
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[0])
