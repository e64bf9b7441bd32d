"""Clauses of an English statement as questions need them, and which question words ask for which part of a clause."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.text.questions.english_words import (
    CLOCK,
    DATE_WORDS,
    LIMIT,
    MONEY,
    MONEY_WORDS,
    NUMBER,
    PEOPLE,
    PLACE_PREPOSITIONS,
    STOP,
    TIME_UNITS,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a clause after its verb, or before its subject: its words, what it is, and its main noun.

    `role` is object, attribute, adjective, preposition, clause, adverb, particle (kept with its verb in every
    question) or infinitive.
    """

    text: str
    role: str
    noun: str = ""
    is_person: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause. `verb` is the full verb as it stands, `lemma` its base form, `helpers` what stands before it.

    `tense` is present, past or base. Without a subject the clause is a request. `is_plural` is for the verb.
    """

    subject: str
    verb: str
    lemma: str
    helpers: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    front: tuple[Part, ...] = ()
    adverb: str = ""
    tense: str = "present"
    noun: str = ""
    is_person: bool = False
    is_plural: bool = False
    is_passive: bool = False
    is_main: bool = True
    modifiers: str = ""

    @property
    def is_negative(self) -> bool:
        """Whether it denies something."""
        denied = any(word in ("not", "n't", "never", "cannot") for word in (*self.helpers, self.adverb))
        nobody = re.match(r"(?:no|nobody|nothing|neither|none)\b", self.subject, re.IGNORECASE)
        return denied or bool(nobody) or any(part.text.lower().startswith("no ") for part in self.parts[:1])


@dataclass(frozen=True, slots=True)
class Asking:
    """Question words for a part; `rest` is what stays of the part behind the verb: “How many children”, “at most”."""

    words: str
    rest: str = ""
    form: str = "what"


_LEAD = rf"(?:{LIMIT} )*"
_TIME_WORD = rf"(?:{'|'.join(TIME_UNITS)})s?"
_DURATION = lazy_pattern(
    rf"^(?:for |within )?{_LEAD}(?:{NUMBER}|half an?|an?) {_TIME_WORD}\b(?P<after>.*)$", re.IGNORECASE
)
_EVERY = lazy_pattern(
    rf"\b(?:every|each|per|once an?|twice an?|times an?|daily|weekly|monthly|yearly)\b(?: {_TIME_WORD})?", re.I
)
_DATE = lazy_pattern(rf"(?:{DATE_WORDS}|{CLOCK})", re.IGNORECASE)
_AMOUNT = lazy_pattern(rf"^(?:an? |the |{_LEAD})?(?:{MONEY})", re.IGNORECASE)
_SIZES = [
    (lazy_pattern(r"\byears? old\b|\bmonths? old\b", re.I), "How old"),
    (lazy_pattern(r"\b(?:m|metres?|meters?|cm|centimetres?|feet|foot) tall\b", re.I), "How tall"),
    (lazy_pattern(r"\b(?:m|metres?|meters?|cm|centimetres?|feet|foot|km|kilometres?|miles?) high\b", re.I), "How high"),
    (lazy_pattern(r"\b(?:m|metres?|meters?|cm|centimetres?|feet|foot|km|kilometres?|miles?) long\b", re.I), "How long"),
    (lazy_pattern(r"\b(?:m|metres?|meters?|cm|centimetres?|feet|foot|km|kilometres?|miles?) wide\b", re.I), "How wide"),
    (lazy_pattern(r"\b(?:m|metres?|meters?|cm|centimetres?|feet|foot|km|kilometres?|miles?) deep\b", re.I), "How deep"),
    (lazy_pattern(r"\b(?:kilos?|kilograms?|kg|grams?|g|tonnes?|tons?|pounds?)\b", re.I), "How heavy"),
]
_COUNTED = lazy_pattern(
    rf"^(?P<lead>{_LEAD})(?P<number>{NUMBER}|a dozen|half a dozen) (?P<noun>(?:[a-z]+(?:-[a-z]+)* )?[a-z-]+?s|children|people|men|women|feet|teeth|sheep|fish)\b(?P<after>.*)$",
    re.IGNORECASE,
)
_COUNTED_INSIDE = lazy_pattern(
    rf"^(?P<lead>(?:enough|made|full|good|meant) (?:for|of)|for|of|by) {_LEAD}(?P<number>{NUMBER}) (?P<noun>[a-z-]+s|children|people)$",
    re.I,
)
_NO_PLACES = lazy_pattern(
    rf"^(?:time|advance|total|addition|fact|order|case|person|mind|general|particular|turn|need|danger|use|cash|full|part|writing|pairs"
    rf"|groups|{NUMBER})\b",
    re.I,
)
_PRONOUNS = frozenset(
    [
        "it",
        "them",
        "they",
        "him",
        "her",
        "us",
        "me",
        "you",
        "i",
        "he",
        "she",
        "any",
        "some",
        "all",
        "none",
        "this",
        "that",
        "these",
        "those",
        "one",
        "which",
    ]
)
_CONDITIONS = (
    "if",
    "when",
    "once",
    "unless",
    "as long as",
    "only if",
    "only when",
    "in case",
    "whenever",
    "provided",
    "while",
)
_REASONS = ("because", "since", "so that", "in order")


def ask_for(part: Part) -> Iterator[Asking]:
    """The question words for a part, the best first; none where it can't be asked for."""
    text = part.text
    match part.role:
        case "preposition":
            yield from _ask_for_preposition(part)
        case "clause":
            yield from _ask_for_clause(text)
        case "adverb":
            yield from _ask_for_adverb(text)
        case "object" | "attribute" | "adjective":
            yield from _ask_for_noun(part)


def _ask_for_noun(part: Part) -> Iterator[Asking]:
    text = part.text
    if text.lower() in _PRONOUNS:
        return
    measured = list(_ask_for_measure(part))
    yield from measured
    if measured and measured[-1].form != "how_many_for":
        return
    if part.role == "adjective":
        return
    if counted := _COUNTED.match(text):
        yield Asking(f"How many {counted['noun']}", _strip_limit(counted["after"]), "how_many")
    elif _DATE.match(text):
        yield Asking("When", form="when")
    elif part.is_person:
        yield Asking("Who", form="who")
    else:
        yield from _ask_what(part)


def _ask_for_measure(part: Part) -> Iterator[Asking]:
    """Yield the question words for a size, a price, a length of time or a share."""
    text = part.text
    size = next((words for pattern, words in _SIZES if pattern.search(text) and re.search(NUMBER, text, re.I)), "")
    if text.startswith("between "):
        yield Asking("In what range", form="how_much")
    elif size and not (size == "How heavy" and part.role == "adjective"):
        yield Asking(size, form="how_much")
    elif _AMOUNT.match(text):
        more = re.search(r" (cheaper|less|more|off|extra|dearer)\b", text)
        yield Asking(f"How much{more[0]}" if more else "How much", form="how_much")
    elif duration := _DURATION.match(text):
        after = duration["after"].strip()
        early = re.match(r"(?:ahead|in advance|before|beforehand|earlier)\b", after)
        yield Asking(f"How long {after}" if early else "How long", "" if early else after, "how_long")
    elif re.search(rf"{NUMBER} (?:per cent|percent|%)", text, re.I) or "%" in text:
        yield Asking("How much", form="how_much")
        yield Asking("What", form="what")
    elif inside := _COUNTED_INSIDE.match(text):
        yield Asking(f"How many {inside['noun']}", inside["lead"], "how_many_for")
    elif of_them := re.match(rf"^{_LEAD}{NUMBER} (of (?:them|these|those))\b", text, re.I):
        yield Asking(f"How many {of_them[1]}", form="how_many")


def _ask_what(part: Part) -> Iterator[Asking]:
    """Yield “What”, and “What kind of” for a noun that has an adjective."""
    text = part.text
    behind = re.match(r"^[^,]*? (?P<behind>(?:for|on|in|at|during|to) [^,]+)$", text)
    if behind and part.role == "object":
        yield Asking("What", behind["behind"], "what")
    yield Asking("What", form="what")
    kind = re.match(
        r"^(?:(?:an?|the|some|your|its|their) )?(?:[a-z-]+ )+?([a-z]+)(?= (?:for|of|in|on|with|that|which|to)\b|$)",
        text,
    )
    before = text[: kind.start(1)].split() if kind else []
    if (
        kind
        and part.noun
        and kind[1] == part.noun
        and before[-1:]
        and before[-1].lower() not in STOP | {"other", "own"}
    ):
        yield Asking(f"What kind of {part.noun}", text[kind.end() :].strip(), "which")


def _strip_limit(after: str) -> str:
    return re.sub(r"^ ?(?:at most|at the most|at least|at the least|or more|or fewer|or less)\b", "", after).strip()


def _ask_for_preposition(part: Part) -> Iterator[Asking]:
    text = part.text
    first, _, rest = text.partition(" ")
    first = first.lower()
    inside = _COUNTED_INSIDE.match(text)
    if inside and not re.search(rf"\b{_TIME_WORD}\b|{MONEY_WORDS}", text, re.I):
        yield Asking(f"How many {inside['noun']}", inside["lead"], "how_many")
    if first in ("for", "within") and _DURATION.match(text):
        yield Asking("How long", form="how_long")
        yield Asking("For how long" if first == "for" else "Within what time", form="how_long")
    elif _AMOUNT.match(rest):
        if first in ("for", "at"):
            yield Asking("For how much", form="how_much")
    elif _DATE.search(rest) or _DURATION.match(rest) or re.search(rf"\b{_TIME_WORD}\b", rest):
        yield from _ask_when(first, rest)
    else:
        yield from _ask_where_or_who(part, first, rest)


def _ask_where_or_who(part: Part, first: str, rest: str) -> Iterator[Asking]:
    is_place = first in PLACE_PREPOSITIONS and not _NO_PLACES.match(rest) and not part.is_person
    if first == "with":
        yield Asking("Who" if part.is_person else "What", "with", "with_what")
    elif is_place or part.text.lower().startswith(("next to", "in front of", "close to")):
        yield Asking("Where", form="where")
    elif first == "by":
        yield Asking("By whom" if part.is_person else "How", form="how")
    elif first == "without":
        yield Asking("Without what", form="how")
    elif first in ("for", "of", "from", "to", "about"):
        yield Asking("Who" if part.is_person else "What", first, "who" if part.is_person else "what")


def _ask_when(first: str, rest: str) -> Iterator[Asking]:
    if first in ("until", "till"):
        yield Asking("Until when", form="when")
        yield Asking("How long", form="when")
    elif first in ("by", "before"):
        yield Asking("By when", form="when")
        yield Asking("When", form="when")
    elif first == "from":
        yield Asking("From when" if re.search(CLOCK, rest) else "When", form="when")
        yield Asking("When", form="when")
    elif first == "at" and re.search(CLOCK, rest):
        yield Asking("At what time", form="when")
        yield Asking("When", form="when")
    elif first == "on" and re.search("day", rest, re.I):
        yield Asking("When", form="when")
        yield Asking("On which day" + ("s" if re.search("days\\b", rest) else ""), form="when")
    elif first in ("in", "on", "at", "after", "during", "between", "since", "within"):
        yield Asking("When", form="when")


def _ask_for_clause(text: str) -> Iterator[Asking]:
    low = text.lower()
    if low.startswith(_REASONS):
        yield Asking("Why", form="why")
    elif low.startswith(_CONDITIONS):
        yield Asking("When", form="condition")
        yield Asking("Under what condition", form="condition")
    elif low.startswith(("before ", "after ", "until ", "till ", "as soon as ")):
        yield Asking("When", form="when")


def _ask_for_adverb(text: str) -> Iterator[Asking]:
    low = text.lower()
    if _EVERY.search(low):
        yield Asking("How often", form="how_often")
        yield Asking("When", form="when")
    elif _DURATION.match(text):
        yield Asking("How long", form="how_long")
    elif _DATE.search(text) or low in ("overnight", "today", "tomorrow", "daily"):
        yield Asking("When", form="when")
    elif (
        low.endswith("ly")
        and " " not in low
        and low not in ("only", "early", "daily", "usually", "normally", "really", "nearly")
    ):
        yield Asking("How", form="how")


def is_person(noun: str) -> bool:
    """Whether a noun, in its base form or with an s, is one for people."""
    low = noun.lower()
    return low in PEOPLE or low.removesuffix("s") in PEOPLE


def is_money(text: str) -> bool:
    """Whether a text begins with an amount of money."""
    if re.search(r"\b(?:cheaper|less|more|off|extra|dearer)\b", text):
        return False
    return bool(_AMOUNT.match(text)) or bool(re.search(MONEY_WORDS, text, re.I))


def third_person(lemma: str) -> str:
    """The form of a verb after he, she or it: goes, carries, has, is."""
    irregular = {"be": "is", "have": "has", "do": "does", "go": "goes", "can": "can", "may": "may", "must": "must"}
    if lemma in irregular:
        return irregular[lemma]
    if lemma.endswith(("s", "x", "z", "ch", "sh")):
        return f"{lemma}es"
    return f"{lemma[:-1]}ies" if re.search("[^aeiou]y$", lemma) else f"{lemma}s"
