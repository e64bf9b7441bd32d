"""Puts requests for rows together: one for the short facts under a heading, which sends rules and text once for all of them."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from core.generation import page_rows
from core.generation.row_generation import Asked, RowRequest

MAX_FACTS = 4  # of one request: with more, models forget some
MAX_EXAMPLES = 40  # of one reply, which is not to be cut off
MAX_FACT_CHARACTERS = 240  # of a fact that is asked with others


def group_by_heading(db: sqlite3.Connection, requests: Iterable[RowRequest]) -> list[Asked]:
    """The requests in the order of the spec's text; short facts that stand together under one heading share one."""
    headings = {fact.name: fact.headings for fact in page_rows.load_page(db).facts}
    places = {name: place for place, name in enumerate(headings)}
    ordered = sorted(requests, key=lambda one: places.get(one.fact.name, len(places)))
    return [
        group[0] if len(group) == 1 else group
        for _key, under in groupby(ordered, key=lambda one: (headings.get(one.fact.name), _is_short(one)))
        for group in _split([*under])
    ]


def _is_short(request: RowRequest) -> bool:
    return max(len(request.fact.text), len(request.fact.quote)) <= MAX_FACT_CHARACTERS


def _split(requests: Sequence[RowRequest]) -> Iterator[tuple[RowRequest, ...]]:
    """Groups that are not too large; a long fact stays alone."""
    group: list[RowRequest] = []
    for one in requests:
        total = sum(sum(other.counts.values()) for other in (*group, one))
        if group and (len(group) == MAX_FACTS or total > MAX_EXAMPLES or not _is_short(one)):
            yield tuple(group)
            group = []
        group.append(one)
    if group:
        yield tuple(group)
