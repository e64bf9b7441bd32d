"""Cuts an English sentence into simple ones before it is parsed: at conditions, reasons, and between main clauses.

A small parser reads short sentences far better than long ones.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.lazy_loading import lazy_pattern
from core.text.questions.english_clauses import Clause, Part


class Reader(Protocol):
    """What reads clauses: `english_parser` or `english_plain_parser`."""

    def read_clauses(self, text: str, names: Collection[str] = (), people: Collection[str] = ()) -> list[Clause]:
        """The clauses of a simple sentence."""

    def stands_alone(self, text: str) -> bool:
        """Whether a text is a main clause."""

    def find_people(self, text: str) -> list[str]:
        """The names of people in a text."""


_BEGIN = (
    r"(?:you|we|they|it|he|she|i|there|the|a|an|this|that|these|those|one|nobody|somebody|everybody|everyone|anyone|no|all|each|every"
    r"|both|our|your|their|its|his|her|only|please|if|when|once|do|in|on|at|most|some|then|[A-Z][a-z]+)"
)
_BETWEEN = lazy_pattern(
    rf"(?:;|(?<=[a-z0-9)]): (?=[a-z]+ )| [–—] |, (?:and|but|so|yet|or) |, (?={_BEGIN} (?:\w+ )?(?:is|are|must|may|can|cannot|has|have|will) ))\s*",
    re.IGNORECASE,
)
_JOINED = lazy_pattern(
    r" (?:and|but) (?=(?:you|we|they|it|he|she|there|nobody|no one|do not|don't|never) )", re.IGNORECASE
)
_CONDITION = r"(?:only if|only when|even if|as long as|so long as|if|unless|in case|provided that|provided|once(?! (?:an?|every|per|in|more|or)\b))"
_REASON = r"(?:because(?! of)|since (?=(?:an?|the|it|they|there|you|we|[a-z]+ed|[a-z]+s) [a-z]+)|so that|in order to|in order that)"
_FRONT = lazy_pattern(rf"^(?P<front>(?:{_CONDITION}|when|whenever|as soon as) [^,]+), (?P<main>.+)$", re.IGNORECASE)
_FRONT_BARE = lazy_pattern(
    rf"^(?P<front>(?:{_CONDITION}|when|as soon as) (?:you|we|they|it|he|she|the \w+) [^,]+?) (?P<main>(?:you|we|they|it|he|she) (?:have|has|can|must|may|will|get|should|need)\b.+)$",
    re.IGNORECASE,
)
_BACK = lazy_pattern(rf"^(?P<main>.+?),? (?P<back>(?:{_CONDITION}|{_REASON})[ ].+)$", re.IGNORECASE)
_ASIDE = lazy_pattern(
    r" ?\([^()]*\)|, (?:never|not|but not|except|although|though|whatever|which|whose|where|after which|when)\b[^,;]*(?=[,.;]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple sentence with the conditions before and behind it, and its reason."""

    main: str
    front: str = ""
    back: str = ""


def strip_asides(sentence: str) -> str:
    """The sentence without brackets and without clauses such as “, never one alone” and “, although …”."""
    return _ASIDE.sub("", sentence.strip())


def cut(sentence: str, reader: Reader) -> list[Simple]:
    """The simple sentences of a sentence, in order."""
    plain = strip_asides(sentence).rstrip(" .!")
    found = []
    for piece in _pieces(plain, reader):
        front = back = ""
        if match := _FRONT.match(piece) or _FRONT_BARE.match(piece):
            front, piece = match["front"], match["main"]
        if (match := _BACK.match(piece)) and len(match["main"].split()) > 1:
            piece, back = match["main"], match["back"]
        found.append(Simple(piece.strip(" ,"), front, back.strip(" ,")))
    return found


def _pieces(plain: str, reader: Reader) -> list[str]:
    """The parts between main clauses; a part that is no sentence stays with the one before it."""
    found: list[str] = []
    at = 0
    for match in [*_BETWEEN.finditer(plain), *_JOINED.finditer(plain)]:
        before, after = plain[at : match.start()], plain[match.end() :]
        is_open = re.match(rf"(?:{_CONDITION}|when|whenever) ", before, re.IGNORECASE) and "," not in before
        if match.start() < at or len(before.split()) < 3 or len(after.split()) < 3 or is_open:
            continue
        if match[0].strip() in (", or", ", and", ", but") and not (
            re.match(rf"{_BEGIN}\b", after) or reader.stands_alone(after)
        ):
            continue
        found.append(before)
        at = match.end()
    return [*found, plain[at:]]


def read_sentences(
    text: str,
    reader: Reader,
    names: Collection[str] = (),
    people: Sequence[str] = (),
    earlier: Sequence[Clause] = (),
) -> list[Clause]:
    """The clauses of a statement as `reader` finds them in its simple sentences.

    `people` are full names. “It” and “they” stand for the subject of a clause before, in the statement or among
    those of `earlier`, where the number agrees; “he” and “she” for the person named last.
    """
    found: list[Clause] = []
    words = {word for name in people for word in name.split()}
    for simple in cut(text, reader):
        first = True
        for clause in reader.read_clauses(f"{simple.main}.", names, words):
            if simple.front and clause.is_main and first:
                clause = replace(clause, front=(Part(_small(simple.front, names), "clause"), *clause.front))
            if simple.back and clause.is_main and first:
                clause = replace(clause, parts=(*clause.parts, Part(simple.back, "clause")))
            first = False
            clause = replace(clause, subject=re.sub("^whoever ", "the person who ", clause.subject))
            found.append(_resolve(clause, [*found, *reversed(earlier)], _last_named(text, simple.main, people)))
    return found


def _last_named(text: str, main: str, people: Sequence[str]) -> str:
    before = text[: text.find(main)]
    places = [(before.rfind(name), name) for name in people if name in before]
    return max(places)[1] if places else ""


def _small(text: str, names: Collection[str]) -> str:
    return text if text.split(" ")[0] in names else text[:1].lower() + text[1:]


def _resolve(clause: Clause, earlier: Sequence[Clause], named: str) -> Clause:
    low = clause.subject.lower()
    if low in ("he", "she") and named:
        return replace(clause, subject=named, is_person=True, noun="")
    if low not in ("it", "they"):
        return clause
    for one in earlier:
        fits = one.is_plural == (low == "they") and one.subject.lower() not in (
            "it",
            "they",
            "we",
            "you",
            "i",
            "there",
            "this",
        )
        if fits and one.subject and one.is_main and len(one.subject.split()) < 8:
            return replace(clause, subject=one.subject, noun=one.noun, is_person=one.is_person, modifiers=one.modifiers)
    return clause
