"""Finds the terms of a spec that are used but never explained: quoted, emphasised or capitalised ones."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.lazy_loading import lazy_pattern
from core.text.inline_markdown import is_cjk
from core.text.statements import Statement

MAX_TERMS = 300  # terms that are checked: each needs a search of the whole spec
MAX_TERM_CHARACTERS, MAX_TERM_WORDS = 40, 4  # characters and words of a term
MIN_USES = 2  # statements with a term, from which on it should be explained

_QUOTED = lazy_pattern(
    rf"[“\"]([^\W\d_][^“”\"\n]{{0,{MAX_TERM_CHARACTERS}}})[”\"]|「([^「」\n]{{1,{MAX_TERM_CHARACTERS}}})」"
)
_EMPHASISED = lazy_pattern(rf"(?<![*\\])(\*{{1,2}})(?=[^\s*])([^*\n]{{1,{MAX_TERM_CHARACTERS}}})(?<=[^\s*])\1(?!\*)")
_CAPITALISED = lazy_pattern(r"(?<=[a-z,;] )[A-Z][\w’'-]*(?: [A-Z][\w’'-]*){0,3}")
_AFTER = lazy_pattern(r"\b(?:in|at|from|of|near|to|by|mr|mrs|ms|dr) $", re.IGNORECASE)  # a place's or a person's name
_NO_TERM = lazy_pattern(r"[.!?。！？:：;；、,/\d]|https?|[をはが]|です|ます|ない$")
_SENTENCE_END = lazy_pattern("[.!?。！？]$")
_LOWER_CASE_WORD = lazy_pattern(r"(?<![\w’'-])[a-z][\w’'-]*")
# Patterns for a case-folded statement with _TERM in place of a term: it is used as a word, and it is explained.
_TERM = "\ue002"
_USE, _USE_JAPANESE = lazy_pattern(rf"(?<!\w){_TERM}(?:e?s)?(?!\w)"), lazy_pattern(_TERM)
_QUOTED_TERM = rf"[「『\"“'‘]?{_TERM}(?:e?s)?[」』\"”'’]?"
_EXPLAINS = lazy_pattern(
    rf"^(?:(?:an?|the|each|every|any|one|all) )?{_QUOTED_TERM}(?: ?[(（][^()（）]{{0,80}}[)）])?"
    r"(?: (?:is|are|was|were|means?|refers?|denotes?|describes?|stands? for|consists? of|counts? as|"
    r"happens? when|occurs? when)\b"
    r"| ?[:：=＝—–]| - |とは|というのは|は.{0,200}(?:です|である|だ|をいう|をいいます|を指す|を指します|のこと)。?$)"
    rf"|{_QUOTED_TERM} (?:means?|refers? to|stands? for|is defined)\b|[\u30a1-\u30ff\u3400-\u9fff]「{_TERM}」"
    rf"|\b(?:called|named|known as|termed)(?: an?| the)? {_QUOTED_TERM}|[(（]{_QUOTED_TERM}[)）]"
    rf"|{_QUOTED_TERM}と(?:いい|いう|呼|よび|よぶ|称|します|する|定義)"
    rf"|^[^:：]{{1,100}}[:：] ?{_QUOTED_TERM}(?:[;、]|$)"
)
PLAIN = (
    "a an the must not never always only no all any may can cannot should shall one two three both each every and or "
    "important note warning very more less most least before after first last same other than yes true false i ok "
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september "
    "october november december english japanese internet"
)
_PLAIN = frozenset(PLAIN.split())


@dataclass(slots=True)
class _Term:
    name: str
    marked: int = 0  # statements that mark it
    needed: int = MIN_USES  # and how many must


@dataclass(frozen=True, slots=True)
class UndefinedTerm:
    """A term, and its spans in the spec (start and end in characters)."""

    name: str
    spans: tuple[tuple[int, int], ...]


def find_undefined(statements: Sequence[Statement]) -> list[UndefinedTerm]:
    """The terms that at least `MIN_USES` statements use, and that no heading or statement explains."""
    texts = [statement.text.casefold() for statement in statements]
    headings = {statement.heading.casefold() for statement in statements}
    everything, starts = "\n".join(texts), [0, *accumulate(len(text) + 1 for text in texts)]
    undefined = []
    for name in _find_candidates(statements):
        folded, used = name.casefold(), _USE_JAPANESE if is_cjk(name) else _USE
        if any(used.search(heading.replace(folded, _TERM)) for heading in headings if folded in heading):
            continue
        occurrences = [
            (number, texts[number].replace(folded, _TERM)) for number in _find_texts_with(everything, starts, folded)
        ]
        uses = [(number, text) for number, text in occurrences if used.search(text)]
        if len(uses) >= MIN_USES and not any(_EXPLAINS.search(text) for _, text in uses):
            undefined.append(UndefinedTerm(name, tuple(_find_place(statements[number], name) for number, _ in uses)))
    return undefined


def _find_texts_with(everything: str, starts: list[int], folded: str) -> Iterator[int]:
    """Yield the indices of the texts with the term: one search in the joined text is much faster than one in each."""
    position = everything.find(folded)
    while position >= 0:
        number = bisect_right(starts, position) - 1
        yield number
        position = everything.find(folded, starts[number + 1])


def _find_candidates(statements: Sequence[Statement]) -> list[str]:
    lower_case = {word for statement in statements for word in _LOWER_CASE_WORD.findall(statement.text)}
    terms: dict[str, _Term] = {}
    for statement in statements:
        # Bold is for stress more often than for a term, and a capital for a name: those must be marked twice.
        marked = dict.fromkeys([*_find_emphasised(statement), *_find_capitalised(statement, lower_case)], MIN_USES)
        marked |= dict.fromkeys(_find_quoted(statement), 1)
        for name, needed in marked.items():
            term = terms.setdefault(name.casefold(), _Term(name))
            term.marked, term.needed = term.marked + 1, min(term.needed, needed)
    return [term.name for term in terms.values() if term.marked >= term.needed][:MAX_TERMS]


def _find_quoted(statement: Statement) -> Iterator[str]:
    for latin, japanese in _QUOTED.findall(statement.text):
        if _may_be_term(name := latin or japanese):
            yield name


def _find_emphasised(statement: Statement) -> Iterator[str]:
    for _, name in _EMPHASISED.findall(statement.quote):
        if _may_be_term(name):
            yield name


def _find_capitalised(statement: Statement, lower_case: set[str]) -> Iterator[str]:
    """Yield capitalised words in the middle of a sentence that are never written in lower case."""
    text = statement.text
    for match in _CAPITALISED.finditer(text) if _SENTENCE_END.search(text) else ():
        is_name = _AFTER.search(text, max(0, match.start() - 8), match.start())
        if not is_name and match[0].casefold() not in lower_case and _may_be_term(match[0]):
            yield match[0]


def _may_be_term(name: str) -> bool:
    words = name.casefold().split()
    return len(words) <= MAX_TERM_WORDS and not _PLAIN.issuperset(words) and not _NO_TERM.search(name)


def _find_place(statement: Statement, name: str) -> tuple[int, int]:
    at = statement.quote.lower().find(name.lower())
    if at < 0 or len(statement.quote.lower()) != len(statement.quote):
        return statement.start, statement.end
    return statement.start + at, statement.start + at + len(name)
