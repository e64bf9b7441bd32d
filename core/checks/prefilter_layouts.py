"""The bytes that programs write around the texts of a plain conversation, compared for many rows at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Marks = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

WORD = 8  # bytes of a word: what is compared at once
_ROLES = ("user", "assistant", "system", "developer")


class Messages(NamedTuple):
    """The messages of some rows in order, by the places of quotes: of the key role, and around the content."""

    begins: Places
    opens: Places
    closes: Places
    firsts: Places  # the index of each row's first message
    starts: Places  # where each row starts and ends
    ends: Places

    def lasts(self) -> Places:
        return np.append(self.firsts[1:], len(self.begins)) - 1

    def rows_of(self, marks: Marks) -> Marks:
        """Which rows have all their messages marked."""
        rows: Marks = np.logical_and.reduceat(marks, self.firsts)
        return rows


def overlapping(array: Bytes) -> Words:
    """The word that begins at each byte."""
    return np.ndarray((len(array) - WORD + 1,), "<u8", array, strides=(1,))


def word(text: bytes) -> np.uint64:
    """Up to eight bytes of text as `overlapping` has them."""
    return np.uint64(int.from_bytes(text[:WORD], "little"))


_ASSISTANT = _ROLES.index("assistant")
_END, _END_MASK = word(b'"}]}'), word(b"\xff" * 4)


class _Prefix(NamedTuple):
    """What stands before a content, in four words: the first and last, the others may overlap, and its length."""

    first: np.uint64
    second: np.uint64
    third: np.uint64
    last: np.uint64
    length: int

    @classmethod
    def of(cls, text: bytes) -> "_Prefix":
        assert 2 * WORD <= len(text) <= 4 * WORD
        return cls(word(text), word(text[WORD:]), word(text[-2 * WORD :]), word(text[-WORD:]), len(text))


class Layout:
    """How one writer of JSON sets its bytes, by what it puts after a comma and after a colon."""

    def __init__(self, comma: str, colon: str) -> None:
        row, between = f'{{"messages"{colon}[{{'.encode(), f'"}}{comma}{{'.encode()
        self._row, self._row_end, self._row_length = word(row), word(row[-WORD:]), len(row)
        self._between, self._between_length = word(between), len(between)
        self._prefixes = [_Prefix.of(f'"role"{colon}"{role}"{comma}"content"{colon}'.encode()) for role in _ROLES]

    def begins(self, words: Words, starts: Places) -> Marks:
        """Which rows begin in this layout."""
        begun: Marks = (words[starts] == self._row) & (words[starts + (self._row_length - WORD)] == self._row_end)
        return begun

    def fits(self, words: Words, messages: Messages) -> Marks:
        """Which rows are, around their texts, nothing but plain messages, the last of them the assistant's."""
        fitting = self._prefixed(words, messages) & self._joined(words, messages)
        return messages.rows_of(fitting) & self._enclosed(words, messages)

    def _prefixed(self, words: Words, messages: Messages) -> Marks:
        """Which messages have, up to their content, a role and nothing else."""
        second, third = words[messages.begins + WORD], words[messages.opens - 2 * WORD]
        length = messages.opens - messages.begins
        known = np.zeros(len(length), np.bool_)
        for prefix in self._prefixes:
            known |= (second == prefix.second) & (third == prefix.third) & (length == prefix.length)
        # The first and the last word are the same for every role.
        known &= words[messages.begins] == self._prefixes[0].first
        known &= words[messages.opens - WORD] == self._prefixes[0].last
        return known

    def _joined(self, words: Words, messages: Messages) -> Marks:
        """Which messages are followed by the next one, or are their row's last."""
        mask = word(b"\xff" * self._between_length)
        joined: Marks = words[messages.closes] & mask == self._between
        joined[:-1] &= messages.begins[1:] == messages.closes[:-1] + self._between_length
        joined[messages.lasts()] = True
        return joined

    def _enclosed(self, words: Words, messages: Messages) -> Marks:
        """Which rows begin as they should and end after an assistant's message."""
        lasts = messages.lasts()
        closes = messages.closes[lasts]
        begun: Marks = messages.begins[messages.firsts] == messages.starts + self._row_length
        ended = (words[closes] & _END_MASK == _END) & (closes + 4 == messages.ends)
        answered = words[messages.begins[lasts] + WORD] == self._prefixes[_ASSISTANT].second
        begun &= self.begins(words, messages.starts) & ended & answered
        return begun


LAYOUTS = (Layout(", ", ": "), Layout(",", ":"))
