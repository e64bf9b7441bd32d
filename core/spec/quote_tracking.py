"""Finds the quotes of facts in a text, and follows them when the text is edited."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.lazy_numpy import np
from core.lazy_rapidfuzz import fuzz, process
from core.text import statements
from core.text.diff import count_common_prefix
from core.text.statements import Statement

Span = tuple[int, int]  # start and end, in characters

MIN_SIMILARITY = 50.0  # per cent of the characters that a passage shares with its edited version
MAX_COMPARED_NEIGHBOURS = 200  # passages of a rewritten part that are compared at once with as many around them
MAX_COMPARED_CHARACTERS = 600  # characters of a passage that are compared
MAX_PLACES_TRIED = 8  # places of a quote that are tried for one where it is a whole sentence

_BEFORE = "\r\n\t |>*_\"'“‘「『（(。．！？!?.:："
_BLANKS = " \t\u3000"
_AFTER = "\r\n|"
_ENDS = ".!?。．！？｡\"'”’」』）)"


def find_spans(text: str, quotes: Iterable[tuple[int, str]]) -> dict[int, Span]:
    """The span of each quote (given with an id) in `text`; a quote that is not found is left out.

    Each is searched from the place of the one before it, since most are given in their order; a place where it is a
    whole sentence is preferred. The same quote given again gets the next place where it occurs, or the last one.
    """
    spans: dict[int, Span] = {}
    last: dict[str, int] = {}
    at = 0
    for id, quote in quotes:
        if not quote:
            continue
        if quote in last:
            start = text.find(quote, last[quote] + 1)
            start = last[quote] if start < 0 else start
        else:
            start = _find_place(text, quote, at)
        if start >= 0:
            at = last[quote] = start
            spans[id] = start, start + len(quote)
    return spans


def _find_place(text: str, quote: str, at: int = 0) -> int:
    """The position of `quote` as a whole sentence, after `at` or else anywhere; else as a part of one; else -1."""
    first = -1
    for begin in (at, 0) if at else (0,):
        start = text.find(quote, begin)
        first = start if first < 0 else first
        for _ in range(MAX_PLACES_TRIED):
            if start < 0:
                break
            if _is_alone(text, start, start + len(quote)):
                return start
            start = text.find(quote, start + 1)
    return first


def _is_alone(text: str, start: int, end: int) -> bool:
    """Whether a passage looks like a whole sentence or list item."""
    begins = start == 0 or text[start - 1] in _BEFORE
    return begins and (end == len(text) or text[end] in _AFTER or text[end - 1] in _ENDS)


def remove_overlapping(candidates: Sequence[Statement], taken: Iterable[Span]) -> list[Statement]:
    """The statements that do not overlap any of the spans `taken`."""
    spans = sorted((first, last) for first, last in taken)
    starts = [start for start, _end in spans]
    ends = list(accumulate((end for _start, end in spans), max))  # the furthest end up to each span
    places = ((one, bisect_left(starts, one.end)) for one in candidates)
    return [one for one, before in places if not before or ends[before - 1] <= one.start]


def follow_quotes(old: str, new: str, places: dict[int, Span]) -> dict[int, Span | None]:
    """The spans in `new` of the passages of `old`: with the same words, or their edited version; None where deleted.

    A passage that is still a statement of the edited part never gets other words.
    """
    head = count_common_prefix(old, new)
    tail = count_common_prefix(old[head:][::-1], new[head:][::-1])
    end, shift = len(old) - tail, len(new) - len(old)
    followed: dict[int, Span | None] = {}
    touched: dict[Span, list[int]] = defaultdict(list)
    # Text written directly before or after a passage may belong to it.
    before, behind = len(old[:head].rstrip(_BLANKS)), len(old) - len(old[end:].lstrip(_BLANKS))
    for id, (first, last) in places.items():
        if last < before:
            followed[id] = first, last
        elif first > behind:
            followed[id] = first + shift, last + shift
        else:
            touched[first, last].append(id)
    if touched:
        edit = _Edit(old, new, head, end, shift, {place for place in followed.values() if place})
        for place, there in edit.follow(sorted(touched)).items():
            followed |= dict.fromkeys(touched[place], there)
    return followed


@dataclass(frozen=True, slots=True)
class _Edit:
    """One edit: the characters `start` to `end` of `old` were replaced. `taken` are the spans of untouched passages."""

    old: str
    new: str
    start: int
    end: int
    shift: int
    taken: set[Span]

    def follow(self, places: Sequence[Span]) -> dict[Span, Span | None]:
        """The spans in `new` of the places in `old` that the edit touched: the same words first, wherever they are now."""
        whole = {(one.start, one.end) for one in _find_statements_around(self.old, self.start, self.end)}
        around = [(one.start, one.end) for one in _find_statements_around(self.new, self.start, self.end + self.shift)]
        offered = [place for place in around if place not in self.taken]
        followed: dict[Span, Span | None] = dict(self._match_same(places, offered))
        for place in places:
            # A part of a sentence, or several sentences: no statement, before or after.
            if place not in followed and place not in whole and (there := self._find_part(place)):
                followed[place] = there
        free = [place for place in places if place not in followed]
        used = set(followed.values())
        open_ = [place for place in offered if place not in used]
        if len(free) == 1:
            return followed | {free[0]: self._find_nearest(free[0], free[0] in whole, open_, used | self.taken)}
        followed |= self._match_similar(free, open_)
        return followed | {place: self._find_elsewhere(place) for place in free if place not in followed}

    def _match_same(self, places: Sequence[Span], offered: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
        """Yield the places whose words are still a statement, in order, with their new span."""
        there: dict[str, deque[Span]] = defaultdict(deque)
        for start, end in offered:
            there[self.new[start:end]].append((start, end))
        for start, end in places:
            if queue := there.get(self.old[start:end]):
                yield (start, end), queue.popleft()

    def _find_part(self, place: Span) -> Span | None:
        """A passage with the same words at the same place, or with the whole edit inside it."""
        quote = self.old[slice(*place)]
        for start in (place[0], place[0] + self.shift):
            if start >= 0 and self.new.startswith(quote, start):
                return start, start + len(quote)
        return self._stretch_over_edit(place) if place[0] <= self.start and self.end <= place[1] else None

    def _find_nearest(
        self, place: Span, is_whole: bool, offered: Sequence[Span], taken: set[Span | None]
    ) -> Span | None:
        """The new span of the only passage that was edited: a statement at its place, if it was a statement."""
        span = self._stretch_over_edit(place)
        if span is None or (not is_whole and len(statements.split_statements(self.old[slice(*place)])) > 1):
            return span or self._find_elsewhere(place)
        there = [one for one in offered if one[0] < span[1] and span[0] < one[1]]
        if there := [one for one in there if self._has_rest(one, place)] or there:
            quote = self.old[slice(*place)][:MAX_COMPARED_CHARACTERS]
            return max(there, key=lambda one: fuzz.ratio(quote, self.new[slice(*one)][:MAX_COMPARED_CHARACTERS]))
        if any(one and one[0] < span[1] and span[0] < one[1] for one in taken):
            return self._find_elsewhere(place)
        line = self.new.find("\n\n", *span)
        return span[0], line if line > span[0] else span[1]

    def _has_rest(self, there: Span, place: Span) -> bool:
        """Whether a span of the new text contains the unedited beginning or end of a passage."""
        begins = place[0] < self.start and there[0] <= place[0] < there[1]
        return begins or (place[1] > self.end and there[0] < place[1] + self.shift <= there[1])

    def _stretch_over_edit(self, place: Span) -> Span | None:
        """The span of a passage with the text inserted into it or beside it; None where all of it was deleted."""
        start, end = min(place[0], self.start), max(place[1], self.end) + self.shift
        within = self.new[start:end]
        start += len(within) - len(within.lstrip())
        end -= len(within) - len(within.rstrip())
        return (start, end) if start < end else None

    def _match_similar(self, places: Sequence[Span], offered: Sequence[Span]) -> dict[Span, Span]:
        """Pairs of similar passages, the most similar first, each used once; passages far apart are not compared."""
        pairs: dict[Span, Span] = {}
        used: set[Span] = set()
        for begin in range(0, len(places), MAX_COMPARED_NEIGHBOURS):
            part = places[begin : begin + MAX_COMPARED_NEIGHBOURS]
            centre = begin * len(offered) // len(places)
            around = [
                place
                for place in offered[max(0, centre - MAX_COMPARED_NEIGHBOURS) : centre + 2 * MAX_COMPARED_NEIGHBOURS]
                if place not in used
            ]
            quotes = [self.old[slice(*place)][:MAX_COMPARED_CHARACTERS] for place in part]
            others = [self.new[slice(*place)][:MAX_COMPARED_CHARACTERS] for place in around]
            for one, other in _iterate_most_similar(quotes, others):
                pairs[part[one]] = around[other]
                used.add(around[other])
        return pairs

    def _find_elsewhere(self, place: Span) -> Span | None:
        quote = self.old[slice(*place)]
        start = _find_place(self.new, quote)
        return (start, start + len(quote)) if start >= 0 else None


def _find_statements_around(text: str, start: int, end: int) -> list[Statement]:
    """The statements of the paragraphs around a part of `text`, with their positions in `text`."""
    begin = text.rfind("\n\n", 0, start) + 1
    stop = text.find("\n\n", end)
    part = text[begin : stop if stop >= 0 else len(text)]
    return [
        Statement(one.text, one.quote, one.start + begin, one.end + begin, one.heading)
        for one in statements.split_statements(part)
    ]


def _iterate_most_similar(quotes: Sequence[str], others: Sequence[str]) -> Iterator[tuple[int, int]]:
    if not quotes or not others:
        return
    scores = process.cdist(quotes, others, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY)
    ones, twos = np.nonzero(scores)
    used: set[int] = set()
    used_others: set[int] = set()
    for number in np.argsort(-scores[ones, twos], kind="stable"):
        one, other = int(ones[number]), int(twos[number])
        if one not in used and other not in used_others:
            used.add(one)
            used_others.add(other)
            yield one, other
