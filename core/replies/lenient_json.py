"""Reads JSON as chat models write it: between prose, with typing errors, or cut off in the middle."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

DEPTH = 64  # brackets inside brackets that are read; those below are passed over
AGAIN = "\0"  # stands between a key that its object has twice and the number of the time

# Every repeat is possessive or bounded, so that a hostile reply costs linear time.
_QUOTE = "[\"'`“”„‘’＂]"
_NAME = r"[\w$-]{1,40}+\s*+[:：]"
_REMARK = r"//|/\*|#"
_OPENING = re.compile(
    rf"\{{(?=\s*+(?:{_QUOTE}|{_NAME}|[{{\[]|{_REMARK}|\Z))|\[(?=\s*+(?:{_QUOTE}|[\[{{]|-?\d|{_REMARK}|\Z))"
)
_SKIPPED = re.compile(r"\s++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|=>|[:：]")
_TOO_DEEP = re.compile(r"[\[{\s]++")
_BARE = re.compile(r'[^,，{}\[\]\n"“”]++')
_BARE_KEY = re.compile(r'[^,，{}\[\]\n"“”:：=]++')
_CLOSERS = {'"': '"', "'": "'", "`": "`"} | dict.fromkeys("“”„＂", '“”"＂') | dict.fromkeys("‘’", "‘’'")
_CHUNKS = {closers: re.compile(rf"(?:[^\\{closers}]++|\\.)*+", re.DOTALL) for closers in set(_CLOSERS.values())}
# What a quote stands before that closes its text; any other is one of the text's own.
_AFTER_KEY = re.compile(r"\s*+(?:[:：,}\]]|=>|\Z)")
_AFTER_VALUE = re.compile(
    rf"\s*+(?:\Z|[}}\]]|//|/\*|{_QUOTE}[\w \-]{{1,40}}+{_QUOTE}\s*+[:：]"
    rf"|[,，;]\s*+(?:\Z|{_QUOTE}|[}}\]{{\[]|{_NAME}|{_REMARK}))|[ \t]++#"
)
_AFTER_ITEM = re.compile(
    rf"[ \t\r]*+\n\s*+{_QUOTE}|\s*+(?:\Z|[}}\]]|//|/\*"
    rf"|[,，;]\s*+(?:\Z|{_QUOTE}|[}}\]{{\[]|-?\d|(?:true|false|null|NaN|None|True|False)\b|{_REMARK}))|[ \t]++#"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "\n"} | {sign: sign for sign in "\"'`/\\“”‘’"}
_WORDS = {"true": True, "false": False} | dict.fromkeys(("null", "none", "nan", "undefined", "infinity"))


class CutText(str):
    """A text in whose middle the reply ends."""

    __slots__ = ()


class Object(dict[str, object]):
    """An object; `is_cut` when the reply ends before its closing bracket."""

    __slots__ = ("is_cut",)

    def __init__(self, entries: Sequence[tuple[str, object]] = ()) -> None:
        super().__init__(entries)
        self.is_cut = False
        if len(self) < len(entries):
            self.clear()
            self.update(_counted(entries))


def values(text: str) -> list[object]:
    """All objects and arrays in `text`, in their order: whole ones, and what is there of one that is cut off.

    Numbers are texts as they are written, NaN is None. A key that an object has twice is kept (see `AGAIN`). Never
    raises, and takes time linear in the length.
    """
    try:
        return [_STRICT.decode(text.strip())]
    except (ValueError, RecursionError):
        return _Reader(text).read()


def whole(text: str) -> str:
    """`text` as UTF-8 can hold it: two halves of a character are joined, one alone becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _counted(entries: Sequence[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    times: dict[str, int] = {}
    for key, value in entries:
        times[key] = times.get(key, 0) + 1
        yield (key if times[key] == 1 else f"{key}{AGAIN}{times[key]}"), value


def _nothing(_name: str) -> None:
    return None


_STRICT = json.JSONDecoder(
    object_pairs_hook=Object, parse_int=str, parse_float=str, parse_constant=_nothing, strict=False
)


class _Frame:
    """An open bracket: its entries so far, and of an object the key whose value comes next."""

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.key: str | None = None
        self.value: Object | list[object] = Object() if is_object else []
        self._times: dict[str, int] = {}

    def put(self, value: object) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self._store(self.key, value)
            self.key = None
        elif isinstance(value, CutText):
            return
        elif isinstance(value, str):
            self.key = value
        elif isinstance(value, (dict, list)):
            self._store("", value)

    def _store(self, key: str, value: object) -> None:
        assert isinstance(self.value, Object)
        times = self._times[key] = self._times.get(key, 0) + 1
        self.value[key if times == 1 else f"{key}{AGAIN}{times}"] = value


class _Reader:
    """Goes once over the text; whatever is no JSON is passed over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Frame] = []
        self._roots: list[object] = []

    def read(self) -> list[object]:
        while self._at < len(self._text):
            if self._open:
                self._step(self._open[-1])
            elif found := _OPENING.search(self._text, self._at):
                self._at = found.start()
                self._begin()
            else:
                break
        for frame in self._open:
            if isinstance(frame.value, Object):
                frame.value.is_cut = True
        return self._roots

    def _step(self, frame: _Frame) -> None:
        sign = self._text[self._at]
        if skipped := _SKIPPED.match(self._text, self._at):
            self._at = skipped.end()
        elif sign in ",，;":
            frame.key = None
            self._at += 1
        elif sign in "[{":
            self._begin()
        elif sign in "]}":
            self._end(sign == "}")
        elif sign in _CLOSERS:
            frame.put(self._string(sign, frame))
        else:
            self._word(frame)

    def _begin(self) -> None:
        if len(self._open) >= DEPTH:
            skipped = _TOO_DEEP.match(self._text, self._at)
            self._at = skipped.end() if skipped else self._at + 1
            return
        frame = _Frame(self._text[self._at] == "{")
        if self._open:
            self._open[-1].put(frame.value)
        else:
            self._roots.append(frame.value)
        self._open.append(frame)
        self._at += 1

    def _end(self, is_object: bool) -> None:
        """Close the bracket, and those inside it that were forgotten; one that was never opened means nothing."""
        self._at += 1
        if any(frame.is_object is is_object for frame in self._open):
            while self._open.pop().is_object is not is_object:
                pass

    def _string(self, quote: str, frame: _Frame) -> str:
        closers = _CLOSERS[quote]
        after = _AFTER_ITEM if not frame.is_object else _AFTER_KEY if frame.key is None else _AFTER_VALUE
        start = at = self._at + 1
        while (chunk := _CHUNKS[closers].match(self._text, at)) and chunk.end() < len(self._text):
            at = chunk.end() + 1
            if self._text[at - 1] != "\\" and after.match(self._text, at):
                self._at = at
                return _unescaped(self._text[start : at - 1])
        self._at = len(self._text)
        return CutText(_unescaped(self._text[start:]))

    def _word(self, frame: _Frame) -> None:
        is_key = frame.is_object and frame.key is None
        found = (_BARE_KEY if is_key else _BARE).match(self._text, self._at)
        self._at = found.end() if found else self._at + 1
        word = found[0].strip() if found else ""
        if word and self._at == len(self._text):
            frame.put(CutText(word))
        elif word:
            frame.put(word if is_key else _WORDS.get(word.lower(), word))


def _unescaped(raw: str) -> str:
    return whole(_ESCAPE.sub(_meant, raw)) if "\\" in raw else raw


def _meant(escape: re.Match[str]) -> str:
    """What an escape stands for; one that JSON does not have stays as it is: models write `\\(x\\)`."""
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[0])


def dumps(value: Any) -> str:
    """A value as the person reads it."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
