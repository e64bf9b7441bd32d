"""Statements with a wrong figure, day, name or word in them, for questions that say something false."""

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text.english_calendar import MONTHS, WEEKDAYS
from core.text.questions.english_asking import to_asker
from core.text.questions.english_sentences import strip_asides
from core.text.questions.english_words import CLOCK, DIGITS, NUMBER_VALUES
from core.text.questions.shared_altered_values import choose_altered_number, choose_other
from core.text.questions.shared_arithmetic import format_clock, format_number, parse_clock, parse_number

MAX_WORDS = 22  # of a statement that is said as a whole in a question
_WORDS = {value: word for word, value in NUMBER_VALUES.items()}
_FIGURE = lazy_pattern(
    rf"(?P<clock>{CLOCK})|(?<![\w.,:])(?P<digits>{DIGITS})(?![\w:]*\d)|\b(?P<word>{'|'.join(sorted((w for w in NUMBER_VALUES if w != 'one'), key=len, reverse=True))})\b(?!-)"
    rf"|\b(?P<day>{'|'.join(WEEKDAYS)})(?=s?\b)|\b(?P<month>{'|'.join(m for m in MONTHS if m not in ('May', 'March'))})\b",
    re.IGNORECASE,
)
# Words of every subject whose opposite makes the statement false.
_OPPOSITES = [
    (lazy_pattern(rf"\b{word}\b"), other)
    for word, other in (
        ("at least", "at most"), ("at most", "at least"), ("before", "after"), ("inside", "outside"),
        ("compulsory", "optional"), ("optional", "compulsory"), ("free", "not free"), ("always", "never"), ("cheaper", "dearer"),
        ("bigger", "smaller"), ("forbidden", "allowed"), ("allowed", "forbidden"), ("open", "closed"), ("closed", "open"), ("left", "right"), ("hot", "cold"), ("cold", "hot"), ("wet", "dry"), ("dry", "wet"), ("morning", "evening"), ("mornings", "evenings"), ("evening", "morning"), ("afternoon", "morning"),
        ("cannot", "can"), ("must not", "may"), ("may not", "may"), ("can not", "can"), ("do not", "do"), ("is not", "is"), ("are not", "are"),
        ("must never", "may"), ("never", "always"), ("need no", "need a"), ("nobody", "everybody"), ("Nobody", "Everybody"),
    )
]  # fmt: skip
_TRUE = (
    "Is it true that {x}?",
    "Is it right that {x}?",
    "Someone told me that {x}. Is that so?",
    "Am I right that {x}?",
    "Did I get it right that {x}?",
)
_FALSE = (
    "Is it true that {x}?", "I heard that {x}. Is that right?", "Why is it that {x}?", "{X}, right?", "Since {x}, what should I do?",
    "Someone told me that {x}. Is that so?", "I thought that {x}. Am I wrong?", "So {x}?", "Is there a reason why {x}?",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pool:
    """The figures and names of a page, from which wrong ones are taken."""

    numbers: dict[str, list[Decimal]]
    names: tuple[str, ...]


def collect_pool(texts: Sequence[str], names: Sequence[str]) -> Pool:
    """The page's figures by what they count, and its names."""
    numbers: dict[str, list[Decimal]] = {}
    for text in texts:
        for match in _FIGURE.finditer(text):
            if (value := _value(match)) is not None:
                numbers.setdefault(_unit(text, match), []).append(value)
    return Pool(numbers, tuple(dict.fromkeys(names)))


def alter(text: str, pool: Pool, dice: random.Random) -> str:
    """The text with one thing in it that is wrong; '' where nothing can be altered."""
    denied = re.search(r"\b(?:not|never|no|nobody|nothing|cannot|neither)\b|n't\b", text, re.IGNORECASE)
    places = [] if denied else list(_FIGURE.finditer(text))
    ranges = [m for m in places if not _is_in_range(text, m)]
    opposites = [
        (pattern, other)
        for pattern, other in _OPPOSITES
        if pattern.search(text)
        and (not denied or re.search(r"\bno\b|not|never|nobody", pattern.pattern, re.IGNORECASE))
    ]
    if ranges and (not opposites or dice.random() < 0.75):
        match = dice.choice(ranges)
        wrong = _wrong(text, match, pool, dice)
        if wrong and wrong != match[0]:
            return text[: match.start()] + wrong + text[match.end() :]
    if opposites:
        pattern, other = dice.choice(opposites)
        return pattern.sub(other, text, count=1)
    named = [name for name in pool.names if name in text]
    if named and (other := choose_other(named[0], [one for one in pool.names if one not in text], dice)):
        return text.replace(named[0], other)
    return ""


def ask_true(sentence: str, dice: random.Random, names: Collection[str]) -> str:
    """The question whether a statement is so; '' where it is too long to be said."""
    said = _say(sentence, names)
    return dice.choice(_TRUE).format(x=said) if said else ""


def iterate_false(sentence: str, pool: Pool, dice: random.Random, names: Collection[str]) -> Iterator[str]:
    """Yield questions that take a false statement for true, in frames that differ."""
    frames = list(_FALSE)
    dice.shuffle(frames)
    for pattern in frames:
        said = _say(alter(strip_asides(sentence), pool, dice), names)
        if said:
            yield pattern.format(x=said, X=said[:1].upper() + said[1:])


def _say(sentence: str, names: Collection[str]) -> str:
    """A statement behind “that”: its first word small, without its full stop, as the one who asks says it."""
    plain = strip_asides(sentence).rstrip(".!")
    if not plain or len(plain.split()) > MAX_WORDS or re.search(r"[:.] |;|\?$|\bplease\b", plain):
        return ""
    first = plain.split()[0]
    small = plain if first in names or re.match("[A-Z]{2}|I\\b", plain) else plain[0].lower() + plain[1:]
    return to_asker(re.sub(r"^you\b", "I", small))


def _is_in_range(text: str, match: re.Match[str]) -> bool:
    """Whether a figure or day is an end of a span, where a wrong one makes no sense."""
    return bool(re.search(r"(?:from|between|to|and|–|-) $", text[: match.start()])) or bool(
        re.match(r"s? (?:to|and|by) ", text[match.end() :])
    )


def _value(match: re.Match[str]) -> Decimal | None:
    if match["digits"]:
        return parse_number(match["digits"])
    return Decimal(NUMBER_VALUES[match["word"].lower()]) if match["word"] else None


def _unit(text: str, match: re.Match[str]) -> str:
    """What a figure counts: its currency, or the word behind it."""
    before = text[: match.start()].rstrip()[-1:]
    if before in "€$£¥" and before:
        return before
    behind = re.match(r"[ -]?([a-z%]+)", text[match.end() :])
    return behind[1].removesuffix("s") if behind else ""


def _wrong(text: str, match: re.Match[str], pool: Pool, dice: random.Random) -> str:
    if match["clock"]:
        minutes = parse_clock(match["clock"])
        return "" if minutes is None else format_clock(minutes + dice.choice((-60, -30, 30, 60, 90)))
    if match["day"] or match["month"]:
        row = WEEKDAYS if match["day"] else MONTHS
        return dice.choice([one for one in row if one.lower() != match[0].lower() and one not in text])
    value = _value(match)
    if value is None:
        return ""
    unit = _unit(text, match)
    others = [one for one in pool.numbers.get(unit, ()) if one != value] if unit else []
    wrong = choose_altered_number(value, [one for one in others if one > 1], dice)
    if wrong <= 1 < value:
        wrong = value + 2
    if match["word"] and wrong == wrong.to_integral_value() and int(wrong) in _WORDS and wrong > 1:
        return _WORDS[int(wrong)]
    return format_number(wrong, "," in match[0])
