"""Checks whether a row follows from the spec: its quote is there, and its figures, terms and negations agree with it.

Rules on words, offline and deterministic. Tuned for precision: what only a reader would notice is not found.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from core.lazy_loading import lazy_pattern
from core.text import calendar_sums, clauses, clock_sums, denied_words, negation
from core.text.calendar_sums import NOTHING_EXPLAINED, ExplainedDates
from core.text.clauses import Clause, Figure, ParsedText
from core.text.grounding_reversals import NEGATION, find_reversal, is_negated
from core.text.grounding_reversals import NEGATION_DIFFERS as NEGATION_DIFFERS
from core.text.grounding_reversals import OPPOSITE_WORD as OPPOSITE_WORD

MAX_CLAUSES = 200  # of an answer, and of its facts, that are compared with each other
MAX_FACTS, MAX_SENTENCES = 50, 5000  # of a row, and of a spec, that are compared
MAX_READ_CHARACTERS = 4000  # characters of a question or an answer that are compared
QUOTE_MISSING, WRONG_FIGURE, WRONG_UNIT, SWAPPED_FIGURE, UNKNOWN_TERM, TERM_FROM_ELSEWHERE = (
    "quote-missing",
    "figure",
    "unit",
    "swapped",
    "term",
    "elsewhere",
)
ONLY_LOST, DUTY_AS_FOUL = "only-lost", "duty-as-foul"
ANSWERED = "answered"  # a row of the kind not_stated that does not say so
MIN_UNKNOWN_SHARE = 0.34  # of the content words of an English clause, from which on an unknown one is no mere rewording
MIN_STATEMENT_WORDS = 3  # words of an English clause that states something, its article not counted
MAX_SHOWN_CHARACTERS = 80  # of a whole answer in a doubt
DERIVING_KINDS = ("applied", "combined", "statement")  # kinds whose figures may be derived from others
MAX_DERIVED_FROM = 10  # different figures of a basis from which others are derived
MAX_FIGURES = 100  # figures of an answer, a question and the facts that are compared

_MARKS = lazy_pattern(r"(?m)[*_`~]|^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+|<[a-z/][^<>\n]{0,80}>|\]\([^()\n]{0,300}\)")
_QUOTE_WORD = lazy_pattern(r"[a-zß-öø-ÿā-ž]+|\d+(?:[.,:/]\d+)*|[^\W_]")
_ELLIPSIS = lazy_pattern(r"\[…\]|\(…\)|…+|⋯+|\.{3,}|[(（〔]?中略[)）〕]?")
_EXCLUSIVE = lazy_pattern(
    r"\bonly\b|\bsolely\b|\bnothing else\b|\bno other\b|\balone\b|\bexclusively\b|\bexcept\b|だけ|のみ|限[らりっる]|以外|しか"
)
_YES = lazy_pattern(r"\s*(?:yes|はい|ええ)(?![a-z])", re.IGNORECASE)
_ASKS_NOT = lazy_pattern(r"\b(?:not|never)\b|n['’]t\b|ない|ません|だめ|まずい|いけない", re.IGNORECASE)
_DUTY = lazy_pattern(r"\b(?:must|ha(?:s|ve) to|duty|obliged|required)\b|なければな|なくてはな|義務|必ず")
_FOUL = lazy_pattern(
    r"\b(?:fouls?|forbidden|prohibited|violations?|offences?|banned|illegal)\b|反則(?!では)|違反(?!では)|禁止|禁じ"
)
_EACH = lazy_pattern(r"\b(?:each|both|twice)\b|それぞれ|ずつ|両方")
_SHARES = {"half": 0.5, "半分": 0.5, "third": 1 / 3, "2 third": 2 / 3, "quarter": 0.25, "dozen": 12.0, "ダース": 12.0}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason why a row does not follow: `why` is one of the names above, `words` the part of the row it is about.

    `stated` is the figure that the text has in place of `words`, in the text's `passage`; both are '' where none is known.
    """

    why: str
    words: str
    stated: str = ""
    passage: str = ""


@dataclass(frozen=True, slots=True)
class _ParsedSpec:
    """The spec, parsed once for all rows: `quoted` as by `_normalise_words`, and the words of each of its sentences."""

    quoted: str
    read: ParsedText
    sets: tuple[tuple[str, frozenset[str]], ...]
    counted: frozenset[tuple[float, str]]


def find_doubts(
    question: str, answer: str, basis: Sequence[str], spec: str = "", quote: str = "", kind: str = "", name: str = ""
) -> list[Doubt]:
    """The doubts about a row; [] where it follows from `basis`, the facts it teaches and its quote.

    `spec` is the whole text, which must contain the quote; the words of its `name` may be in every answer. Without a basis, and for the kind `not_stated`, only the quote
    is checked, and whether the answer says that it is not stated; `negation.find_unknown_phrase` finds others that say so. Figures of the kinds
    `DERIVING_KINDS` may be derived: sums, differences, products, quotients of two, and what the answer itself adds up.
    """
    missing = _find_missing_part(quote, _parse_spec(spec).quoted) if quote and spec else ""
    doubts = [Doubt(QUOTE_MISSING, missing)] if missing else []
    if kind == "not_stated" and answer.strip() and not negation.find_admission(answer):
        doubts.append(Doubt(ANSWERED, answer[:MAX_SHOWN_CHARACTERS]))
    if kind == "not_stated" or not any(basis):
        return doubts
    parsed_basis, parsed_answer = _parse_basis(tuple(basis)), _parse_text(answer[:MAX_READ_CHARACTERS], polite=True)
    if not parsed_answer.clauses or parsed_answer.text in parsed_basis.sentences or answer in basis:
        return doubts
    whole, deriving = _parse_spec(spec), kind in DERIVING_KINDS
    clocks = clock_sums.find_explained_values(answer, question, tuple(basis)) if deriving else frozenset()
    dates = calendar_sums.find_explained_dates(answer, question, basis) if deriving else NOTHING_EXPLAINED
    doubts += _find_figure_doubts(
        parsed_answer, question, parsed_basis, whole, deriving, clocks, dates
    ) or _find_swapped(parsed_answer, parsed_basis)
    doubts += (
        _find_reversed(parsed_answer, parsed_basis)
        or _find_denied_words(question, parsed_answer, parsed_basis)
        or _find_wrong_yes(question, answer, parsed_basis)
        or _find_lost_exclusivity(answer, parsed_answer, parsed_basis)
        or _find_duties_as_fouls(parsed_answer, parsed_basis, whole)
    )
    doubts += _find_unknown_terms(parsed_answer, question, parsed_basis, whole, deriving, name, dates)
    return list(dict.fromkeys(doubts))


def _find_missing_part(quote: str, spec: str) -> str:
    """The first part of `quote` that is not in `spec` (normalised by `_normalise_words`); '' where all are, in order."""
    at = 0
    parts = [part for part in _ELLIPSIS.split(quote) if _QUOTE_WORD.search(_strip_marks(part))]
    for part in parts:
        words = _normalise_words(part)
        place = spec.find(words, at)
        if place < 0:
            return part.strip()
        at = place + len(words) - 1
    return "" if parts else quote


def _strip_marks(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _normalise_words(text: str) -> str:
    """Words and single Japanese characters between blanks, so that a quote is found by its words alone."""
    return f" {' '.join(_QUOTE_WORD.findall(_strip_marks(text)))} "


@lru_cache(maxsize=4)  # specs; one is used for all rows
def _parse_spec(spec: str) -> _ParsedSpec:
    read = clauses.parse_text(spec, polite=False)
    sets: dict[str, frozenset[str]] = {}
    for clause in read.clauses:
        sets[clause.sentence] = sets.get(clause.sentence, frozenset()) | clause.words
    counted = frozenset((value, clauses.stem(figure.next)) for figure in read.figures for value in figure.values)
    return _ParsedSpec(_normalise_words(spec), read, tuple(sets.items())[:MAX_SENTENCES], counted)


@lru_cache(maxsize=2048)  # facts, each taught by many rows
def _parse_basis(texts: tuple[str, ...]) -> ParsedText:
    return clauses.join_texts(
        [clauses.parse_text(text[:MAX_READ_CHARACTERS], polite=False) for text in texts[:MAX_FACTS]]
    )


@lru_cache(maxsize=1024)  # one answer, and one question, in many rows
def _parse_text(text: str, polite: bool = False) -> ParsedText:
    return clauses.parse_text(text, polite)


def _find_figure_doubts(
    parsed_answer: ParsedText,
    question: str,
    parsed_basis: ParsedText,
    whole: _ParsedSpec,
    deriving: bool,
    clocks: frozenset[float],
    dates: ExplainedDates,
) -> list[Doubt]:
    unexplained = [
        figure
        for figure in parsed_answer.figures[:MAX_FIGURES]
        if not _is_same_figure_given(figure, parsed_basis.figures[:MAX_FIGURES])
        and not (figure.next in clock_sums.CLOCK_WORDS and clocks.intersection(figure.values))
        and not dates.explain(figure)
    ]
    if not unexplained:
        return []
    parsed_question = _parse_text(question[:MAX_READ_CHARACTERS])
    given = [*parsed_basis.figures[:MAX_FIGURES], *parsed_question.figures[:MAX_FIGURES]]
    counted = clauses.count_words(parsed_basis.text) | clauses.count_words(parsed_question.text)
    derived = (
        _derive_figures(given, parsed_answer, f"{parsed_basis.text} {parsed_question.text}") if deriving else set()
    )
    doubts = []
    for figure in unexplained:
        named = any(_have_common_value(figure, other) for other in given)
        if named and not _has_other_unit(figure, given):
            continue
        # A month is no sum of numbers: "dates" has those that follow.
        if not (
            (figure.next != "月" and _can_be_derived(figure, given, derived, parsed_answer, deriving))
            or _is_plain_count(figure, given, counted, whole)
        ):
            doubts.append(Doubt(WRONG_UNIT if named else WRONG_FIGURE, figure.written))
    return doubts


def _have_common_value(one: Figure, other: Figure) -> bool:
    return not set(one.values).isdisjoint(other.values)


def _is_same_figure_given(figure: Figure, given: Sequence[Figure]) -> bool:
    return any(figure.values == other.values and figure.next == other.next for other in given)


def _is_plain_count(figure: Figure, given: Sequence[Figure], counted: set[float], whole: _ParsedSpec) -> bool:
    """Whether a number without a unit is given in words, is before the same word in the spec, or counts nothing."""
    if figure.next in clauses.UNITS:
        return False
    rivals = {clauses.stem(other.next) for other in given if other.next}
    in_spec = (
        bool(figure.next)
        and clauses.stem(figure.next) not in rivals
        and (figure.values[0], clauses.stem(figure.next)) in whole.counted
    )
    return in_spec or figure.values[0] in counted or _is_indefinite_one(figure, given)


def _is_indefinite_one(figure: Figure, given: Iterable[Figure]) -> bool:
    """Whether it is a 1 that counts nothing: "one of them", 1チームにつき."""
    return figure.values == (1.0,) and all(
        clauses.stem(other.next) != clauses.stem(figure.next) for other in given if other.next
    )


def _has_other_unit(figure: Figure, given: Sequence[Figure]) -> bool:
    """Whether the same number is given, but with another unit or of other things."""
    if figure.next not in clauses.UNITS:
        return False
    same = [other.next for other in given if _have_common_value(figure, other)]
    units = {clauses.UNITS[other.next] for other in given if other.next in clauses.UNITS}
    if not same or any(clauses.UNITS.get(next) == clauses.UNITS[figure.next] for next in same):
        return False
    # "20 x 10 metre": the 20 has no unit of its own and may have that of the 10. What counts or names is another.
    return all(same) or clauses.UNITS[figure.next] not in units


def _can_be_derived(
    figure: Figure, given: Sequence[Figure], derived: set[float], parsed_answer: ParsedText, deriving: bool
) -> bool:
    """Whether a figure is a given one in another unit, or can be derived from given ones."""
    if any(
        _round_value(value)
        in {_round_value(other) for one in given for other in clauses.convert_to_units(one, {figure.next})}
        for value in figure.values
    ):
        return True
    if not deriving:
        return False
    others = [other.values[0] for other in parsed_answer.figures if other is not figure][:6]
    shown = {sum(others)} | {a * b + c for a, b, c in _iterate_triples(others)}
    return any(_round_value(value) in derived or value in shown for value in figure.values)


def _iterate_triples(numbers: Sequence[float]) -> Iterator[tuple[float, float, float]]:
    for a, b, c in combinations(numbers, 3):
        yield from ((a, b, c), (a, c, b), (b, c, a))


def _round_value(value: float) -> float:
    return round(value, 4)


def _find_shares(text: str) -> set[float]:
    """The shares that a text names in words: a half, a third, two thirds, a dozen (of one)."""
    return {share for words, share in _SHARES.items() if words in text}


def _derive_figures(given: Sequence[Figure], parsed_answer: ParsedText, given_text: str) -> set[float]:
    """The results of two given figures (sum, difference, product, quotient, share), in the units of the answer."""
    units = {figure.next for figure in parsed_answer.figures if figure.next}
    every = (value for figure in given for value in (*figure.values, *clauses.convert_to_units(figure, units)))
    numbers = list(dict.fromkeys(every))[:MAX_DERIVED_FROM]
    results = {2 * value for value in numbers} | {value / 2 for value in numbers}
    results |= {value * share for value in numbers for share in _find_shares(given_text)}
    doubled = _EACH.search(given_text) is not None  # 「前半と後半がそれぞれ12分、間に4分」
    for a, b in combinations(numbers, 2):
        results |= {2 * a + b, a + 2 * b} if doubled else set()
        results |= {a + b, abs(a - b), a * b} | ({a / b, b / a, a * b / 100} if a and b else set())
    return {_round_value(value) for value in results}


def _find_swapped(parsed_answer: ParsedText, parsed_basis: ParsedText) -> list[Doubt]:
    """The first figure that is among the words of another figure of the basis, and among none of its own."""
    contexts: dict[float, frozenset[str]] = {}
    for figure in parsed_basis.figures[:MAX_FIGURES]:
        contexts[figure.values[0]] = contexts.get(figure.values[0], frozenset()) | figure.context
    for figure in parsed_answer.figures[:MAX_FIGURES] if len(contexts) > 1 else ():
        own = contexts.get(figure.values[0])
        for value, context in contexts.items() if own is not None else ():
            if value in figure.values or not own or f"#{value}" in figure.context:
                continue
            if figure.context & (context - own) and not figure.context & (own - context):
                return [Doubt(SWAPPED_FIGURE, figure.written)]
    return []


def _find_closest_clauses(words: frozenset[str], clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses that share the most words: at least two, and 60 % of `words`."""
    most = max((len(words & clause.words) for clause in clauses), default=0)
    if most < 2 or most < 0.6 * len(words):
        return []
    return [clause for clause in clauses if len(words & clause.words) == most]


def _find_reversed(parsed_answer: ParsedText, parsed_basis: ParsedText) -> list[Doubt]:
    """The first clause that agrees with one of the facts except for a negation, an opposite or the voice."""
    same = {clause.text for clause in parsed_basis.clauses}
    for clause in parsed_answer.clauses[:MAX_CLAUSES]:
        if clause.text in same or _is_fragment(clause):
            continue
        reasons = [
            find_reversal(clause.text, other.text)
            for other in _find_closest_clauses(clause.words, parsed_basis.clauses[:MAX_CLAUSES])
        ]
        if reasons and all(reasons):
            return [Doubt(reasons[0], clause.text)]
    return []


def _is_fragment(clause: Clause) -> bool:
    """Whether it only names something ("The rowing boats."), and so denies nothing."""
    words = clause.text.split()
    return clause.text.isascii() and len(words) < MIN_STATEMENT_WORDS + 1 and not NEGATION.search(clause.text)


def _find_denied_words(question: str, parsed_answer: ParsedText, parsed_basis: ParsedText) -> list[Doubt]:
    found = denied_words.find_denied(question[:MAX_READ_CHARACTERS], parsed_answer, parsed_basis)
    return [Doubt(NEGATION_DIFFERS, found)] if found else []


def _find_wrong_yes(question: str, answer: str, parsed_basis: ParsedText) -> list[Doubt]:
    """The doubt about a yes to what the facts deny."""
    if not _YES.match(answer) or _ASKS_NOT.search(question):
        return []
    asked = _find_reversed(_parse_text(question[:MAX_READ_CHARACTERS]), parsed_basis)
    return (
        [Doubt(NEGATION_DIFFERS, answer[:MAX_SHOWN_CHARACTERS])] if asked and asked[0].why == NEGATION_DIFFERS else []
    )


def _find_lost_exclusivity(answer: str, parsed_answer: ParsedText, parsed_basis: ParsedText) -> list[Doubt]:
    """The doubt about a yes to something other than the only thing that the facts allow."""
    if (
        not _YES.match(answer)
        or not _EXCLUSIVE.search(parsed_basis.text)
        or _EXCLUSIVE.search(parsed_answer.text)
        or is_negated(parsed_answer.text)
    ):
        return []
    added_words = [
        word
        for word in clauses.list_content_words(parsed_answer.text)
        if clauses.stem(word) not in clauses.COMMON_STEMS
        and not clauses.is_known(word, parsed_basis.words, parsed_basis.text)
    ]
    return [Doubt(ONLY_LOST, added_words[0])] if added_words else []


def _find_duties_as_fouls(parsed_answer: ParsedText, parsed_basis: ParsedText, whole: _ParsedSpec) -> list[Doubt]:
    """The doubt about something that the answer calls a foul, where the spec says that it must be done."""
    if not _FOUL.search(parsed_answer.text):
        return []
    for clause in parsed_answer.clauses[:MAX_CLAUSES]:
        if not _FOUL.search(clause.sentence) or is_negated(clause.sentence) or _DUTY.search(clause.text):
            continue
        words = (
            clause.words
            - clauses.COMMON_STEMS
            - clauses.extract_content_words(" ".join(_FOUL.findall(clause.sentence)))
        )
        sets = [*whole.sets, *((one.sentence, one.words) for one in parsed_basis.clauses[:MAX_CLAUSES])]
        most = max((len(words & other) for _text, other in sets), default=0)
        best = [text for text, other in sets if len(words & other) == most]
        if most > 1 and all(_DUTY.search(text) and not _FOUL.search(text) and not is_negated(text) for text in best):
            return [Doubt(DUTY_AS_FOUL, clause.text)]
    return []


def _find_unknown_terms(
    parsed_answer: ParsedText,
    question: str,
    parsed_basis: ParsedText,
    whole: _ParsedSpec,
    deriving: bool,
    name: str,
    dates: ExplainedDates,
) -> list[Doubt]:
    """The doubt about the first clause with an unknown word, or only with words from elsewhere in the spec."""
    parsed_name = _parse_text(name[:MAX_READ_CHARACTERS])
    for clause in parsed_answer.clauses[:MAX_CLAUSES]:
        words = [
            word for word in clauses.list_content_words(clause.text) if clauses.stem(word) not in clauses.COMMON_STEMS
        ]
        unknown = [word for word in words if not clauses.is_known(word, parsed_basis.words, parsed_basis.text)]
        if unknown:
            parsed_question = _parse_text(question[:MAX_READ_CHARACTERS])
            days = clauses.WEEKDAYS if deriving and parsed_question.words & clauses.WEEKDAYS else frozenset()
            unknown = [
                word
                for word in unknown
                if not clauses.is_known(word, parsed_question.words | days | dates.names, parsed_question.text)
                and not _is_in_name(word, parsed_name)
            ]
        elsewhere = [word for word in unknown if _is_word_in_spec(whole, word)]
        new = [word for word in unknown if word not in elsewhere and len(word) > 1]
        if new and (len(unknown) >= MIN_UNKNOWN_SHARE * len(words) or not new[0].isascii()):
            return [Doubt(UNKNOWN_TERM, new[0])]
        if len(unknown) > 1 and _are_from_one_sentence(elsewhere, whole):
            return [Doubt(TERM_FROM_ELSEWHERE, " ".join(elsewhere))]
        if len(unknown) > 1 and len(unknown) == len(words):
            return [Doubt(UNKNOWN_TERM, clause.text)]
        if len(elsewhere) == 1 and len(parsed_answer.clauses) == 1 and unknown == words and not deriving:
            return [Doubt(TERM_FROM_ELSEWHERE, elsewhere[0])]
    return []


def _is_in_name(word: str, parsed_name: ParsedText) -> bool:
    """Whether a whole word is in the spec's name. A single kanji tells of many things, and is not enough."""
    return len(word) > 1 and (
        clauses.stem(word) in parsed_name.words or (not word.isascii() and word in parsed_name.text)
    )


def _is_word_in_spec(whole: _ParsedSpec, word: str) -> bool:
    return clauses.stem(word) in whole.read.words or (not word.isascii() and len(word) > 1 and word in whole.read.text)


def _are_from_one_sentence(words: Sequence[str], whole: _ParsedSpec) -> bool:
    """Whether two or more of the words come from one sentence of the spec."""
    stems = {clauses.stem(word) for word in words}
    return len(stems) > 1 and any(len(stems & other) > 1 for _text, other in whole.sets)
