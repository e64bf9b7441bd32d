"""Follows passages of a text through an edit, so that what stands on them keeps its place."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from rapidfuzz import fuzz, process

from core import statements
from core.statements import Statement

Span = tuple[int, int]  # start and end, in characters

ALIKE = 50.0  # per cent of the characters that a passage shares with what it has become
MOST = 400  # passages of one rewritten part that are compared with each other


def spans(text: str, quotes: Iterable[tuple[int, str]]) -> dict[int, Span]:
    """Where each quote (given with an id) stands in `text`; one that is not there is left out.

    The same quote given again stands at the next place where it occurs, or at the last one.
    """
    found: dict[int, Span] = {}
    last: dict[str, int] = {}
    for id, quote in quotes:
        if not quote:
            continue
        start = text.find(quote, last[quote] + 1) if quote in last else text.find(quote)
        if start < 0:
            start = last.get(quote, -1)
        if start >= 0:
            last[quote] = start
            found[id] = start, start + len(quote)
    return found


def carried(old: str, new: str, places: dict[int, Span]) -> dict[int, Span | None]:
    """Where the passages of `old` are in `new`: at the same words, or at what became of them; None is gone."""
    head = common(old, new)
    tail = common(old[head:][::-1], new[head:][::-1])
    end, shift = len(old) - tail, len(new) - len(old)
    found: dict[int, Span | None] = {}
    touched: dict[int, Span] = {}
    for id, (first, last) in places.items():
        if last <= head:
            found[id] = first, last
        elif first >= end:
            found[id] = first + shift, last + shift
        else:
            touched[id] = first, last
    if len(set(touched.values())) == 1:
        found |= dict.fromkeys(touched, _stretched(new, next(iter(touched.values())), (head, end), shift))
    elif touched:
        found |= _matched(old, new, touched, (head, end + shift))
    return found


def common(one: str, other: str) -> int:
    """How many characters at the start are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _stretched(new: str, place: Span, edited: Span, shift: int) -> Span | None:
    """The one passage that an edit was made in, with what was written into it and without what was taken away."""
    start = min(place[0], edited[0]) if place[0] < edited[0] else edited[0]
    end = (place[1] if place[1] > edited[1] else edited[1]) + shift
    within = new[start:end]
    start += len(within) - len(within.lstrip())
    end -= len(within) - len(within.rstrip())
    if start >= end:
        return None
    # What begins a new paragraph below is no part of it any more.
    line = new.find("\n\n", start, end)
    return start, line if line > start else end


def _matched(old: str, new: str, touched: dict[int, Span], edited: Span) -> dict[int, Span | None]:
    """The passages of a part that was rewritten: the same words wherever they are now, else the likest in order."""
    candidates = _statements(new, edited)
    ids = sorted(touched, key=touched.__getitem__)
    quotes = [old[slice(*touched[id])] for id in ids]
    others = [one.quote for one in candidates]
    pairs = dict(_same(quotes, others))
    free = [number for number in range(len(quotes)) if number not in pairs]
    taken = set(pairs.values())
    open_ = [number for number in range(len(others)) if number not in taken]
    for one, other in _alike([quotes[number] for number in free[:MOST]], [others[number] for number in open_[:MOST]]):
        pairs[free[one]] = open_[other]
    found: dict[int, Span | None] = {}
    for number, id in enumerate(ids):
        there = candidates[pairs[number]] if number in pairs else None
        found[id] = (there.start, there.end) if there else _elsewhere(new, quotes[number])
    return found


def _statements(new: str, edited: Span) -> list[Statement]:
    """The statements of the paragraphs that were edited."""
    start = new.rfind("\n\n", 0, edited[0]) + 1
    end = new.find("\n\n", edited[1])
    part = new[start : end if end >= 0 else len(new)]
    return [
        Statement(one.text, one.quote, one.start + start, one.end + start, one.heading)
        for one in statements.split(part)
    ]


def _same(quotes: list[str], others: list[str]) -> Iterable[tuple[int, int]]:
    for block in SequenceMatcher(None, quotes, others, autojunk=False).get_matching_blocks():
        yield from ((block.a + step, block.b + step) for step in range(block.size))


def _alike(quotes: list[str], others: list[str]) -> Iterable[tuple[int, int]]:
    """Pairs of what is nearly the same, the likest first, each once."""
    if not quotes or not others:
        return
    scores = process.cdist(quotes, others, scorer=fuzz.ratio, score_cutoff=ALIKE)
    width = len(others)
    order = sorted(range(scores.size), key=lambda place: (-scores.flat[place], place))
    used: set[int] = set()
    used_others: set[int] = set()
    for place in order:
        one, other = divmod(place, width)
        if not scores.flat[place]:
            return
        if one not in used and other not in used_others:
            used.add(one)
            used_others.add(other)
            yield one, other


def _elsewhere(new: str, quote: str) -> Span | None:
    start = new.find(quote)
    return (start, start + len(quote)) if start >= 0 else None
