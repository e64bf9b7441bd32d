"""Finds the quotes of facts in a text, and follows them when the text is edited."""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from rapidfuzz import fuzz, process

from core.text import statements
from core.text.diff import common
from core.text.statements import Statement

Span = tuple[int, int]  # start and end, in characters

MIN_SIMILARITY = 50.0  # per cent of the characters that a passage shares with what it has become
NEIGHBOURS = 200  # of the passages of a rewritten part, so many are compared at once with as many around them
MAX_COMPARED_CHARACTERS = 600  # characters of a passage that are compared
TRIES = 8  # places of a quote that are looked at for one where it is a sentence of its own

_BEFORE = "\r\n\t |>*_\"'“‘「『（(。．！？!?.:："
_BLANKS = " \t\u3000"
_AFTER = "\r\n|"
_ENDS = ".!?。．！？｡\"'”’」』）)"


def find_spans(text: str, quotes: Iterable[tuple[int, str]]) -> dict[int, Span]:
    """The span of each quote (given with an id) in `text`; a quote that is not found is left out.

    Each is looked for from where the one before it stands, since most are given in their order; where it stands for
    itself comes before where it is a part of something longer. The same quote given again stands at the next place
    where it occurs, or at the last one.
    """
    found: dict[int, Span] = {}
    last: dict[str, int] = {}
    at = 0
    for id, quote in quotes:
        if not quote:
            continue
        if quote in last:
            start = text.find(quote, last[quote] + 1)
            start = last[quote] if start < 0 else start
        else:
            start = _place(text, quote, at)
        if start >= 0:
            at = last[quote] = start
            found[id] = start, start + len(quote)
    return found


def _place(text: str, quote: str, at: int = 0) -> int:
    """The position of `quote` as a sentence of its own, from `at` on or before, else as a part of one, else -1."""
    first = -1
    for begin in (at, 0) if at else (0,):
        start = text.find(quote, begin)
        first = start if first < 0 else first
        for _ in range(TRIES):
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


def without_overlaps(found: Sequence[Statement], taken: Iterable[Span]) -> list[Statement]:
    """The statements that do not overlap any of the spans `taken`."""
    spans = sorted((first, last) for first, last in taken)
    starts = [start for start, _end in spans]
    ends = list(accumulate((end for _start, end in spans), max))  # of each and those before it, the furthest
    places = ((one, bisect_left(starts, one.end)) for one in found)
    return [one for one, before in places if not before or ends[before - 1] <= one.start]


def follow_quotes(old: str, new: str, places: dict[int, Span]) -> dict[int, Span | None]:
    """Where the passages of `old` are in `new`: at the same words, or at what became of them; None is gone.

    A passage that still is a statement of the edited part is never given other words.
    """
    head = common(old, new)
    tail = common(old[head:][::-1], new[head:][::-1])
    end, shift = len(old) - tail, len(new) - len(old)
    found: dict[int, Span | None] = {}
    touched: dict[Span, list[int]] = defaultdict(list)
    # What is written directly before or behind a passage may belong to it.
    before, behind = len(old[:head].rstrip(_BLANKS)), len(old) - len(old[end:].lstrip(_BLANKS))
    for id, (first, last) in places.items():
        if last < before:
            found[id] = first, last
        elif first > behind:
            found[id] = first + shift, last + shift
        else:
            touched[first, last].append(id)
    if touched:
        edit = _Edit(old, new, head, end, shift, {place for place in found.values() if place})
        for place, there in edit.follow(sorted(touched)).items():
            found |= dict.fromkeys(touched[place], there)
    return found


@dataclass(frozen=True, slots=True)
class _Edit:
    """One edit: the characters `start` to `end` of `old` were replaced. `taken` are the places of passages it spared."""

    old: str
    new: str
    start: int
    end: int
    shift: int
    taken: set[Span]

    def follow(self, places: Sequence[Span]) -> dict[Span, Span | None]:
        """What became of the places in `old` that the edit touched: the same words, wherever they are now, come first."""
        whole = {(one.start, one.end) for one in _statements(self.old, self.start, self.end)}
        around = [(one.start, one.end) for one in _statements(self.new, self.start, self.end + self.shift)]
        offered = [place for place in around if place not in self.taken]
        found: dict[Span, Span | None] = dict(self._same(places, offered))
        for place in places:
            # A part of a sentence, or several of them: they are no statement, before or now.
            if place not in found and place not in whole and (there := self._inside(place)):
                found[place] = there
        free = [place for place in places if place not in found]
        used = set(found.values())
        open_ = [place for place in offered if place not in used]
        if len(free) == 1:
            return found | {free[0]: self._nearest(free[0], free[0] in whole, open_, used | self.taken)}
        found |= self._alike(free, open_)
        return found | {place: self._elsewhere(place) for place in free if place not in found}

    def _same(self, places: Sequence[Span], offered: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
        """Those whose words are a statement still, in their order."""
        there: dict[str, deque[Span]] = defaultdict(deque)
        for start, end in offered:
            there[self.new[start:end]].append((start, end))
        for start, end in places:
            if queue := there.get(self.old[start:end]):
                yield (start, end), queue.popleft()

    def _inside(self, place: Span) -> Span | None:
        """A passage with the same words at the same place, or with an edit that is all in it."""
        quote = self.old[slice(*place)]
        for start in (place[0], place[0] + self.shift):
            if start >= 0 and self.new.startswith(quote, start):
                return start, start + len(quote)
        return self._stretched(place) if place[0] <= self.start and self.end <= place[1] else None

    def _nearest(self, place: Span, is_whole: bool, offered: Sequence[Span], taken: set[Span | None]) -> Span | None:
        """What became of the only passage whose words were edited: a statement where it was, if it was one."""
        span = self._stretched(place)
        if span is None or (not is_whole and len(statements.split(self.old[slice(*place)])) > 1):
            return span or self._elsewhere(place)
        there = [one for one in offered if one[0] < span[1] and span[0] < one[1]]
        if there := [one for one in there if self._has_rest(one, place)] or there:
            quote = self.old[slice(*place)][:MAX_COMPARED_CHARACTERS]
            return max(there, key=lambda one: fuzz.ratio(quote, self.new[slice(*one)][:MAX_COMPARED_CHARACTERS]))
        if any(one and one[0] < span[1] and span[0] < one[1] for one in taken):
            return self._elsewhere(place)
        line = self.new.find("\n\n", *span)
        return span[0], line if line > span[0] else span[1]

    def _has_rest(self, there: Span, place: Span) -> bool:
        """Whether a place in the new text has what the edit left of a passage, at its beginning or its end."""
        begins = place[0] < self.start and there[0] <= place[0] < there[1]
        return begins or (place[1] > self.end and there[0] < place[1] + self.shift <= there[1])

    def _stretched(self, place: Span) -> Span | None:
        """A passage with what was written into it or beside it, and without what was taken away."""
        start, end = min(place[0], self.start), max(place[1], self.end) + self.shift
        within = self.new[start:end]
        start += len(within) - len(within.lstrip())
        end -= len(within) - len(within.rstrip())
        return (start, end) if start < end else None

    def _alike(self, places: Sequence[Span], offered: Sequence[Span]) -> dict[Span, Span]:
        """Pairs of what is nearly the same, the likest first, each once; those far apart are not compared."""
        pairs: dict[Span, Span] = {}
        used: set[Span] = set()
        for begin in range(0, len(places), NEIGHBOURS):
            part = places[begin : begin + NEIGHBOURS]
            centre = begin * len(offered) // len(places)
            around = [
                place for place in offered[max(0, centre - NEIGHBOURS) : centre + 2 * NEIGHBOURS] if place not in used
            ]
            quotes = [self.old[slice(*place)][:MAX_COMPARED_CHARACTERS] for place in part]
            others = [self.new[slice(*place)][:MAX_COMPARED_CHARACTERS] for place in around]
            for one, other in _likest(quotes, others):
                pairs[part[one]] = around[other]
                used.add(around[other])
        return pairs

    def _elsewhere(self, place: Span) -> Span | None:
        quote = self.old[slice(*place)]
        start = _place(self.new, quote)
        return (start, start + len(quote)) if start >= 0 else None


def _statements(text: str, start: int, end: int) -> list[Statement]:
    """The statements of the paragraphs around a part of `text`; their places are those in `text`."""
    begin = text.rfind("\n\n", 0, start) + 1
    stop = text.find("\n\n", end)
    part = text[begin : stop if stop >= 0 else len(text)]
    return [
        Statement(one.text, one.quote, one.start + begin, one.end + begin, one.heading)
        for one in statements.split(part)
    ]


def _likest(quotes: Sequence[str], others: Sequence[str]) -> Iterator[tuple[int, int]]:
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
