"""Compares the bytes that programs write around the texts of a plain conversation, for many rows at once."""

from typing import NamedTuple

import numpy as np

from core.checks.prefilter_types import WORD, Bytes, Marks, Places, Words

_ROLES = ("user", "assistant", "system", "developer")  # in the usual order of turns, the last two begin a row


class Messages(NamedTuple):
    """The messages of some rows in order, by the offsets of quotes: of the key role, and around the content."""

    begins: Places
    opens: Places
    closes: Places
    firsts: Places  # the index of each row's first message
    starts: Places  # where each row starts and ends
    ends: Places

    def find_last_indices(self) -> Places:
        """The index of each row's last message."""
        return np.append(self.firsts[1:], len(self.begins)) - 1

    def find_rows_all_marked(self, marks: Marks) -> Marks:
        """Which rows have all their messages marked."""
        rows: Marks = np.logical_and.reduceat(marks, self.firsts)
        return rows


def view_overlapping_words(array: Bytes) -> Words:
    """The word that begins at each byte."""
    return np.ndarray((len(array) - WORD + 1,), "<u8", array, strides=(1,))


def pack_word(text: bytes) -> np.uint64:
    """Up to eight bytes as a word, as `view_overlapping_words` returns them."""
    return np.uint64(int.from_bytes(text[:WORD], "little"))


_ASSISTANT = _ROLES.index("assistant")
_END, _END_MASK = pack_word(b'"}]}'), pack_word(b"\xff" * 4)


class _Prefix(NamedTuple):
    """The bytes before a content, in four words (the inner ones may overlap), and their number."""

    first: np.uint64
    second: np.uint64
    third: np.uint64
    last: np.uint64
    length: int

    @classmethod
    def from_text(cls, text: bytes) -> "_Prefix":
        assert 2 * WORD <= len(text) <= 4 * WORD
        return cls(
            pack_word(text), pack_word(text[WORD:]), pack_word(text[-2 * WORD :]), pack_word(text[-WORD:]), len(text)
        )


class Layout:
    """The layout of one JSON writer: what it writes after a comma and after a colon."""

    def __init__(self, comma: str, colon: str) -> None:
        row, between = f'{{"messages"{colon}[{{'.encode(), f'"}}{comma}{{'.encode()
        self._row, self._row_end, self._row_length = pack_word(row), pack_word(row[-WORD:]), len(row)
        self._between, self._between_length = pack_word(between), len(between)
        self._prefixes = [
            _Prefix.from_text(f'"role"{colon}"{role}"{comma}"content"{colon}'.encode()) for role in _ROLES
        ]

    def match_starts(self, words: Words, starts: Places) -> Marks:
        """Which rows begin in this layout."""
        begun: Marks = (words[starts] == self._row) & (words[starts + (self._row_length - WORD)] == self._row_end)
        return begun

    def match(self, words: Words, messages: Messages) -> Marks:
        """Which rows have only plain messages around their texts, in the usual order, the last of them the assistant's."""
        fitting = self._match_prefixes(words, messages) & self._match_separators(words, messages)
        return messages.find_rows_all_marked(fitting) & self._match_row_edges(words, messages)

    def _match_prefixes(self, words: Words, messages: Messages) -> Marks:
        """Which messages have, up to their content, a role and nothing else, and a role that may follow the one before."""
        second, third = words[messages.begins + WORD], words[messages.opens - 2 * WORD]
        length = messages.opens - messages.begins
        user, assistant, system, developer = (
            (second == prefix.second) & (third == prefix.third) & (length == prefix.length) for prefix in self._prefixes
        )
        follows_user = np.zeros(len(length), np.bool_)
        follows_user[1:] = user[:-1]
        follows_user[messages.firsts] = False
        begins_row = np.zeros(len(length), np.bool_)
        begins_row[messages.firsts] = True
        matches: Marks = (user & ~follows_user) | (assistant & follows_user) | ((system | developer) & begins_row)
        # The first and the last word are the same for every role.
        matches &= words[messages.begins] == self._prefixes[0].first
        matches &= words[messages.opens - WORD] == self._prefixes[0].last
        return matches

    def _match_separators(self, words: Words, messages: Messages) -> Marks:
        """Which messages are followed by the next one, or are their row's last."""
        mask = pack_word(b"\xff" * self._between_length)
        joined: Marks = words[messages.closes] & mask == self._between
        joined[:-1] &= messages.begins[1:] == messages.closes[:-1] + self._between_length
        joined[messages.find_last_indices()] = True
        return joined

    def _match_row_edges(self, words: Words, messages: Messages) -> Marks:
        """Which rows begin as they should and end after an assistant's message."""
        lasts = messages.find_last_indices()
        closes = messages.closes[lasts]
        begun: Marks = messages.begins[messages.firsts] == messages.starts + self._row_length
        ended = (words[closes] & _END_MASK == _END) & (closes + 4 == messages.ends)
        answered = words[messages.begins[lasts] + WORD] == self._prefixes[_ASSISTANT].second
        begun &= self.match_starts(words, messages.starts) & ended & answered
        return begun


LAYOUTS = (Layout(", ", ": "), Layout(",", ":"))
