"""Searches the texts of many rows at once for bytes that could make them unreadable or unclean.

The functions return the offsets of doubtful bytes: all that are wrong, and maybe some that are right.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.checks.prefilter_layouts import WORD, Bytes, Marks, Messages, Places, Words, pack_word

_QUOTE, _BACKSLASH, _BREAK, _RETURN, _LESS, _BAR, _U = b'"\\\n\r<|u'
_ESCAPED = np.zeros(256, np.bool_)
_ESCAPED[list(b'"\\/bfnrtu')] = True
_RARE = (0xC0, 0xC1, 0xE0, 0xED)  # bytes that begin no character, or not every one
_NONE = np.zeros(0, np.int64)

# Blanks in UTF-8 (of one row of them only the first two bytes), and the beginnings of escapes that may be blanks.
_BLANKS = (b" ", b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81\x9f", b"\xe3\x80\x80")
_SHORT_ESCAPES = (b"\\n", b"\\r", b"\\t", b"\\f")
_LONG_ESCAPES = (b"\\u00", b"\\u16", b"\\u20", b"\\u3000")
_LESS_ESCAPED, _BAR_ESCAPED = (np.uint32(int.from_bytes(digits, "little")) for digits in (b"003c", b"007c"))
_TWO = np.uint64(0xFFFF)


def _build_pattern(text: bytes, at: int = 0) -> tuple[np.uint64, np.uint64]:
    """A mask, and the masked value of a word that has the text at byte `at`."""
    return pack_word(bytes(at) + b"\xff" * len(text)), pack_word(bytes(at) + text)


def _build_pair_table(*pairs: bytes) -> Marks:
    """A table indexed by two bytes as a number; in a pair 0 matches any byte."""
    table = np.zeros((256, 256), np.bool_)
    for first, second in pairs:
        table[second or slice(None), first or slice(None)] = True
    return table.ravel()


_BLANK_BEGINNINGS = [_build_pattern(text) for text in (*_BLANKS, *_SHORT_ESCAPES, *_LONG_ESCAPES)]
_ESCAPED_ENDINGS = [_build_pattern(text, WORD - 6) for text in _LONG_ESCAPES]
# Two bytes are enough to pass nearly every text.
_BEGINNINGS = _build_pair_table(*((text + b"\0")[:2] for text in (*_BLANKS, *_SHORT_ESCAPES, *_LONG_ESCAPES)))
_LAST_TWO = _build_pair_table(b"\0 ", b"\xc2\x85", b"\xc2\xa0", *_SHORT_ESCAPES)
_TWO_BEFORE_LAST = _build_pair_table(b"\xe1\x9a", b"\xe2\x80", b"\xe2\x81")


class Memory:
    """Arrays of marks that are reused from block to block: fresh pages cost more than filling them."""

    def __init__(self) -> None:
        self._arrays: dict[int, Marks] = {}

    def marks(self, index: int, length: int) -> Marks:
        """The array of that index, with its old contents."""
        if index not in self._arrays or len(self._arrays[index]) < length:
            self._arrays[index] = np.empty(length, np.bool_)
        return self._arrays[index][:length]


def find_rare(marks: Marks) -> Places:
    """The indices of rare marks: faster than numpy's own search, whose time is per byte."""
    whole = len(marks) // WORD * WORD
    near = np.flatnonzero(marks[:whole].view(np.uint64) != 0)[:, np.newaxis] * WORD + np.arange(WORD)
    places = np.append(near.ravel(), np.arange(whole, len(marks)))
    return places[marks[places]]


class Escapes(NamedTuple):
    """The offsets of escaped quotes, and of escapes that are wrong or must be checked fully."""

    quotes: Places
    doubtful: Places


def find_foreign_controls(array: Bytes, control: Places) -> Places:
    """The control characters that do not end a line."""
    value = array[control]
    ends: Marks = (value == _BREAK) | ((value == _RETURN) & (array[control + 1] == _BREAK))
    foreign: Places = control[~ends]
    return foreign


def find_special_tokens(data: bytearray, array: Bytes, memory: Memory) -> Places:
    """The offsets of possible reserved tokens in `array`, the beginning of `data`."""
    if data.find(_BAR, 0, len(array)) < 0:
        return _NONE
    bars = find_rare(np.equal(array, _BAR, out=memory.marks(0, len(array))))
    tokens: Places = bars[array[bars - 1] == _LESS]
    return tokens


def find_invalid_utf8(data: bytearray, array: Bytes, memory: Memory) -> Places:
    """The offsets where the bytes of `array`, the beginning of `data`, are not UTF-8."""
    size = len(array)
    follows = np.less(array.view(np.int8), -64, out=memory.marks(0, size))
    two = np.greater_equal(array, 0xC0, out=memory.marks(1, size))
    if not (follows.any() or two.any()):
        return _NONE
    three = np.greater_equal(array, 0xE0, out=memory.marks(2, size))
    four = np.greater_equal(array, 0xF0, out=memory.marks(3, size))
    differs = np.bitwise_or(two[2:-1], three[1:-2], out=memory.marks(4, size)[3:])
    differs |= four[:-3]
    differs ^= follows[3:]
    doubtful = [_find_impossible_leads(array, find_rare(four))]
    doubtful += [
        _find_impossible_leads(array, find_rare(np.equal(array, lead, out=two)))
        for lead in _RARE
        if data.find(lead, 0, size) >= 0
    ]
    if (array[:3] >= 0x80).any():
        doubtful.append(np.zeros(1, np.int64))
    if differs.any():
        doubtful.append(np.flatnonzero(differs) + 3)
    return np.concatenate(doubtful)


def _find_impossible_leads(array: Bytes, leads: Places) -> Places:
    """Lead bytes that are invalid in UTF-8, or invalid with the byte after them."""
    lead, second = array[leads], array[leads + 1]
    never = (lead < 0xC2) | (lead > 0xF4)
    early = ((lead == 0xE0) & (second < 0xA0)) | ((lead == 0xF0) & (second < 0x90))
    late = ((lead == 0xED) & (second > 0x9F)) | ((lead == 0xF4) & (second > 0x8F))
    outside: Places = leads[never | early | late]
    return outside


def find_escapes(array: Bytes, memory: Memory) -> Escapes:
    """The escaped quotes and doubtful escapes of JSON in `array`."""
    places = _find_unescaped(np.flatnonzero(np.equal(array, _BACKSLASH, out=memory.marks(0, len(array)))))
    escaped = array[places + 1]
    by_number = places[escaped == _U]
    doubtful = np.concatenate((places[~_ESCAPED[escaped]], by_number[~_are_plain_escapes(array, by_number)]))
    return Escapes(places[escaped == _QUOTE] + 1, doubtful)


def _find_unescaped(backslashes: Places) -> Places:
    """The backslashes that are not escaped themselves: of a run every second one."""
    new = np.ones(len(backslashes), np.bool_)
    new[1:] = backslashes[1:] != backslashes[:-1] + 1
    if new.all():
        return backslashes
    index = np.arange(len(backslashes))
    unescaped: Places = backslashes[(index - np.maximum.accumulate(np.where(new, index, 0))) % 2 == 0]
    return unescaped


def _are_plain_escapes(array: Bytes, places: Places) -> Marks:
    r"""Which of the escapes \uXXXX are valid, no unpaired surrogate and no part of a reserved token."""
    digits = np.ndarray((len(array) - WORD + 1,), "<u4", array, strides=(1,))[places + 2]
    lower = digits | np.uint32(0x20202020)
    # Each byte by itself: the sum's highest bit tells whether it is at least '0', over '9', at least 'a', over 'f'.
    number = (lower + np.uint32(0x50505050)) & ~(lower + np.uint32(0x46464646))
    letter = (lower + np.uint32(0x1F1F1F1F)) & ~(lower + np.uint32(0x19191919))
    plain: Marks = ((number | letter) & ~digits & np.uint32(0x80808080)) == np.uint32(0x80808080)
    plain &= (lower != _LESS_ESCAPED) & (lower != _BAR_ESCAPED)
    surrogates = np.flatnonzero((lower & np.uint32(0xFF) == ord("d")) & (lower & np.uint32(0xFF00) >= ord("8") << 8))
    if len(surrogates):
        plain[surrogates] &= _are_paired(places[surrogates], lower[surrogates])
    return plain


def _are_paired(places: Places, digits: NDArray[np.uint32]) -> Marks:
    """Which surrogates, by position and digits, are next to their other half."""
    second = digits >> np.uint32(8) & np.uint32(0xFF)
    begins = second < ord("c")
    paired = np.zeros(len(places), np.bool_)
    together = begins[:-1] & ~begins[1:] & (places[1:] == places[:-1] + 6)
    paired[:-1] |= together
    paired[1:] |= together
    return paired


def are_clean(words: Words, messages: Messages) -> Marks:
    """Which rows have a text in all their messages, without blanks at its edges."""
    begin, end = words[messages.opens + 1], words[messages.closes - WORD]
    filled = messages.closes > messages.opens + 1
    return messages.find_rows_all_marked(filled & ~_begins_blank(begin) & ~_ends_blank(end))


def _begins_blank(begin: Words) -> Marks:
    """Whether a text may begin with a blank, by its first eight bytes."""
    doubtful: Marks = _BEGINNINGS[begin & _TWO]
    doubtful[doubtful] = _have_any(begin[doubtful], _BLANK_BEGINNINGS)
    return doubtful


def _ends_blank(end: Words) -> Marks:
    """Whether a text may end with a blank, by its last eight bytes."""
    escaped: Marks = end >> np.uint64(16) & _TWO == pack_word(b"\\u")
    escaped[escaped] = _have_any(end[escaped], _ESCAPED_ENDINGS)
    ideographic: Marks = end >> np.uint64(40) == pack_word(b"\xe3\x80\x80")
    doubtful: Marks = _LAST_TWO[end >> np.uint64(48)] | _TWO_BEFORE_LAST[end >> np.uint64(40) & _TWO]
    return doubtful | ideographic | escaped


def _have_any(words: Words, patterns: list[tuple[np.uint64, np.uint64]]) -> Marks:
    marks = np.zeros(len(words), np.bool_)
    for mask, value in patterns:
        marks |= words & mask == value
    return marks
