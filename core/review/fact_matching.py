"""Matches rows with the facts they are about: by the terms and figures that both have, with a confidence for each link.

A row whose answer contradicts its fact is matched by its question: what it asks for, and that the fact has such a figure.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import exp, isclose, log

from core.lazy_loading import lazy_pattern
from core.spec.facts import Fact
from core.text import clauses, negation, normalise, question_words, search_terms, stated_figures, statements
from core.text.clauses import Figure
from core.text.question_words import Question

AUTO_LINK_CONFIDENCE = 0.8  # confidence from which a link is made without asking
CONTRADICTED_CONFIDENCE = 0.7  # that of a fact whose figure the answer contradicts, from which on it is linked
NEAREST_CONFIDENCE = 0.6  # the same of the fact that question and answer together are nearest to
MIN_CONFIDENCE = 0.2  # below this nothing is proposed
SECOND_FACT_CONFIDENCE = 0.6  # confidence of a second fact of one row, since few rows teach two
MAX_CANDIDATES = 8  # facts that a row is compared with in full
KINDS_WITHOUT_FACT = ("general", "memorised", "not_stated")  # kinds of rows that teach no fact
MAX_CHARACTERS_READ = 2000  # characters of a question and of an answer

_KANA = lazy_pattern("^[\u3041-\u309f]+$")
_HOW_MANY = lazy_pattern(r"\bhow many (?:\w+ly )?(\w+)", re.IGNORECASE)
_BARE_TOPIC = lazy_pattern(
    r"^[^、。]{2,40}(?:は[？?]?|を(?:お?教えて|お?知らせ|知りたい).*)\s*$|^(?:tell me|name|give me) (?:the|its) |^what(?:['’]s| is| are| was) (?:the|its|their) |^(?:the )?[a-z ]{3,40}\?$",
    re.IGNORECASE,
)
_INCLUDES = lazy_pattern(
    r"も?(?:入れ|含め)て|最初から最後|足して|\bincluding\b|\bfrom (?:start|beginning) to\b|\bplus\b", re.IGNORECASE
)
_MONEY, _TIME = ("money", "yen"), ("time", "months")
# Words of a question for more than a fact says, or for another span of time: then an answer may be computed.
_COMPUTED = lazy_pattern(
    r"\b(?:per|each|every|together|both|combined|with|if|half|maximum|at most|longest|anniversary|birthday|save|couple|family|days?|weeks?|months?|years?)\b"
    r"|あたり|当たり|につき|一緒|夫婦|家族|[0-9二三四五六](?:人|枚|個)で|延長|最長|最大|最高|半[日年]|周年|か月|ヶ月|間で|何時間|一[日年]",
    re.IGNORECASE,
)
# What an amount is multiplied with, or divided by, for others or for another span: 12 a year are 1 a month.
_FACTORS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 24.0, 30.0, 52.0, 60.0, 365.0)
_NOT_ADDED = frozenset(("degree", "share", "pressure"))  # measures of which there are no sums and no multiples
_MEASURES = frozenset(dimension for dimension, _size in clauses.UNITS.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    """The amounts of an answer that a question asks for, by what they measure; all figures of the answer; whether a question
    asks for more than one fact may say."""

    amounts: dict[str, frozenset[float]]
    figures: frozenset[float]
    is_computed: bool


@dataclass(frozen=True, slots=True)
class FactLink:
    """Row `row` is taken to teach `facts`, names parted by blanks; '' is none. `confidence` is from 0 to 1.

    With `contradicts` the answer has another figure than the fact; with `by_question` the fact was found by the question alone.
    """

    row: int
    facts: str
    confidence: float
    contradicts: bool = False
    by_question: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether the row is linked without asking: a doubt then shows where its answer contradicts the fact."""
        return bool(self.facts) and (self.by_question or self.confidence >= AUTO_LINK_CONFIDENCE)


class Linker:
    """Compares rows with the facts of a project."""

    def __init__(self, known: Sequence[Fact], text: str = "") -> None:
        """`text` is the spec's: the headings above a fact are among its terms."""
        headings = {one.quote: one.heading for one in statements.split_statements(text)} if text else {}
        taught = [fact for fact in known if not fact.ignored]
        self.names = [fact.name for fact in taught]
        self._terms = [_terms(_fact_text(fact)) for fact in taught]
        self._above = [_terms(headings.get(fact.quote, "")) for fact in taught]
        self._figures = [_figures(_fact_text(fact)) for fact in taught]
        self._amounts = [_measure_amounts(_parse_figures(_fact_text(fact))) for fact in taught]
        self._having: dict[str | float, list[int]] = defaultdict(list)  # the facts that have a term or a figure
        for at in range(len(taught)):
            for one in self._terms[at] | self._figures[at]:
                self._having[one].append(at)
        self._weights = {one: log(1 + len(taught) / len(having)) for one, having in self._having.items()}
        self._strange = log(1 + 2 * len(taught))  # the weight of a term that no fact has

    def link(self, row: int, question: str, answer: str) -> FactLink:
        """The facts that a row teaches most likely, and how likely."""
        if not self.names or negation.find_unknown_phrase(answer):
            return FactLink(row, "", 0.0)
        row_terms = _RowTerms.of(question[:MAX_CHARACTERS_READ], answer[:MAX_CHARACTERS_READ])
        found = self._find_candidates(row_terms)
        ranked = self._rank(row_terms, found)
        if not ranked:
            return FactLink(row, "", 0.0)
        first, confidence = ranked[0]
        asked = _find_asked(question, answer)
        if asked and confidence < AUTO_LINK_CONFIDENCE:
            other = self._find_contradicted(row_terms, found, first, asked)
            if other:
                return replace(other, row=row)
        if confidence < MIN_CONFIDENCE:
            return FactLink(row, "", confidence)
        chosen = [first, *self._find_second(row_terms.without(self._terms[first], self._figures[first]), found, first)]
        contradicts = asked is not None and len(chosen) == 1 and self._is_contradicted(first, asked, found)
        return FactLink(row, " ".join(self.names[at] for at in sorted(chosen)), confidence, contradicts)

    def find_contradicted(self, question: str, answer: str) -> FactLink | None:
        """The fact that has what the question asks for, with another figure than the answer; None without one."""
        asked = _find_asked(question, answer)
        if asked is None:
            return None  # most rows
        row_terms = _RowTerms.of(question[:MAX_CHARACTERS_READ], answer[:MAX_CHARACTERS_READ])
        found = self._find_candidates(row_terms)
        ranked = self._rank(row_terms, found)
        if not ranked or ranked[0][1] >= AUTO_LINK_CONFIDENCE or negation.find_unknown_phrase(answer):
            return None
        return self._find_contradicted(row_terms, found, ranked[0][0], asked)

    def _find_contradicted(
        self, row_terms: "_RowTerms", found: Sequence[int], nearest: int, asked: _Asked
    ) -> FactLink | None:
        """The fact that has what the question asks for, with another figure than the answer; None without one.

        `nearest` is the fact that the whole row is nearest to: an answer that repeats the fact's words needs less of a question.
        A question with figures of its own may be answered by a sum, and one that asks for several things by another fact.
        """
        scores = {at: self._score(at, row_terms.of_question()) for at in found}
        best: tuple[float, int] | None = None
        for at in scores:
            if not self._is_contradicted(at, asked, found):
                continue
            confidence = self._compute_contradicted_confidence(at, scores, row_terms)
            if at == nearest and confidence >= NEAREST_CONFIDENCE:
                confidence = max(confidence, CONTRADICTED_CONFIDENCE)
            best = max(best or (0.0, 0), (confidence, at))
        if best is None or best[0] < CONTRADICTED_CONFIDENCE:
            return None
        return FactLink(0, self.names[best[1]], best[0], contradicts=True, by_question=True)

    def _is_contradicted(self, at: int, asked: _Asked, found: Sequence[int]) -> bool:
        """Whether a fact has a figure that measures what is asked for, and the answer none that may come from it.

        `found` are facts whose figures may be added: how long is a loan that is extended?
        """
        own = self._amounts[at]
        if asked.figures & self._figures[at] or own.keys().isdisjoint(asked.amounts):
            return False
        for measure in own.keys() & asked.amounts.keys():
            others = {one for other in found for one in self._amounts[other].get(measure, ())}
            reached = (
                _compute(own[measure], others) if asked.is_computed and measure not in _NOT_ADDED else own[measure]
            )
            if any(isclose(amount, one) for amount in asked.amounts[measure] for one in reached):
                return False
        return True

    def _compute_contradicted_confidence(self, at: int, scores: dict[int, float], row_terms: "_RowTerms") -> float:
        """How surely a question asks for the figure of a fact: `scores` are those of all candidates, by the question alone."""
        rival = max((score for other, score in scores.items() if other != at), default=0.0)
        whole = sum(self._weights[term] for term in self._terms[at])
        features = (
            1.0,
            self._share(row_terms.question_terms, at),
            (scores[at] - rival) / (scores[at] + rival) if scores[at] + rival else 0.0,
            scores[at] / whole if whole else 0.0,
        )
        return _apply_weights(CONTRADICTED_WEIGHTS, features)

    def candidates(self, question: str, answer: str) -> list[str]:
        """The names of the facts that share the rarest terms and figures with a row, at most `MAX_CANDIDATES`."""
        return [
            self.names[at]
            for at in self._find_candidates(_RowTerms.of(question[:MAX_CHARACTERS_READ], answer[:MAX_CHARACTERS_READ]))
        ]

    def _find_candidates(self, row_terms: "_RowTerms") -> list[int]:
        shared: dict[int, float] = defaultdict(float)
        for one in row_terms.terms | row_terms.question_figures | row_terms.answer_figures:
            for at in self._having.get(one, ()):
                shared[at] += self._weights[one]
        return sorted(shared, key=lambda at: (-shared[at], at))[:MAX_CANDIDATES]

    def _find_second(self, rest: "_RowTerms", found: Sequence[int], first: int) -> list[int]:
        """Another fact, for the terms that the first leaves: one that shares a figure with the answer."""
        others = [at for at in found if at != first and rest.answer_figures & self._figures[at]]
        return [at for at, confidence in self._rank(rest, others)[:1] if confidence >= SECOND_FACT_CONFIDENCE]

    def _rank(self, row_terms: "_RowTerms", found: Sequence[int]) -> list[tuple[int, float]]:
        """These facts, by their numbers, each with the confidence that the row teaches it, the surest first."""
        scores = sorted(((self._score(at, row_terms), at) for at in found), key=lambda pair: (-pair[0], pair[1]))
        ranked = []
        for place, (score, at) in enumerate(scores):
            rival = scores[0 if place else 1][0] if len(scores) > 1 else 0.0
            features = self.features(at, score, rival, row_terms)
            ranked.append((at, _apply_weights(WEIGHTS, features)))
        return sorted(ranked, key=lambda pair: -pair[1])

    def _score(self, at: int, row_terms: "_RowTerms") -> float:
        """How much weight of terms a row shares with a fact; the headings above it count half."""
        own = sum(self._weights[term] for term in row_terms.terms & self._terms[at])
        return own + 0.5 * sum(map(self._weight, row_terms.terms & self._above[at] - self._terms[at]))

    def _weight(self, term: str) -> float:
        return self._weights.get(term, self._strange)

    def _share(self, terms: frozenset[str], at: int) -> float:
        whole = sum(map(self._weight, terms))
        return sum(self._weights[term] for term in terms & self._terms[at]) / whole if whole else 0.0

    def features(self, at: int, score: float, rival: float, row_terms: "_RowTerms") -> list[float]:
        """What the confidence is made of: `score` is this fact's, `rival` that of the best other one."""
        whole = sum(self._weights[term] for term in self._terms[at])
        has, lacks = row_terms.answer_figures & self._figures[at], row_terms.answer_figures - self._figures[at]
        return [
            1.0,
            score / self._strange,
            score / whole if whole else 0.0,
            self._share(row_terms.question_terms, at),
            self._share(row_terms.answer_terms, at),
            (score - rival) / (score + rival) if score + rival else 0.0,
            1.0 if has else 0.0,
            1.0 if lacks and not has else 0.0,
            1.0 if row_terms.question_figures & self._figures[at] else 0.0,
        ]


@dataclass(frozen=True, slots=True)
class _RowTerms:
    """The terms and figures of a row's question and of its answer."""

    question_terms: frozenset[str]
    answer_terms: frozenset[str]
    question_figures: frozenset[float]
    answer_figures: frozenset[float]

    @classmethod
    def of(cls, question: str, answer: str) -> "_RowTerms":
        return cls(_terms(question), _terms(answer), _figures(question), _figures(answer))

    @property
    def terms(self) -> frozenset[str]:
        return self.question_terms | self.answer_terms

    def of_question(self) -> "_RowTerms":
        """Those of the question alone."""
        return _RowTerms(self.question_terms, frozenset(), self.question_figures, frozenset())

    def without(self, terms: frozenset[str], figures: frozenset[float]) -> "_RowTerms":
        """What is left where a fact with these terms and figures is taken away."""
        return _RowTerms(
            self.question_terms - terms,
            self.answer_terms - terms,
            self.question_figures - figures,
            self.answer_figures - figures,
        )


# Fitted on the development half of tests/core/generation/fact_link_rows.jsonl and on the samples (logistic regression).
WEIGHTS = (-4.3, 0.25, 1.4, 0.95, 3.3, 3.2, 3.0, -2.0, -0.2)
# Fitted on the sample answers, right and wrong, of the development domains (tools/fact_links.py measures each domain with
# the others' weights). The constant is higher than fitted: the conditions of `_find_contradicted` are not in the features.
CONTRADICTED_WEIGHTS = (0.25, 0.85, 2.4, 1.3)


def _fact_text(fact: Fact) -> str:
    """A fact's text, with its passage where that has other words."""
    return fact.text if fact.quote in fact.text or fact.text in fact.quote else f"{fact.text}\n{fact.quote}"


@lru_cache(maxsize=4096)
def _terms(text: str) -> frozenset[str]:
    """Stems of English words, pairs of Japanese characters and single kanji; no function words, no words of kana alone."""
    plain = normalise.normalise(text)
    words = {word for word in clauses.extract_content_words(plain) if word.isascii()}
    pairs = {word for word in search_terms.split_terms(plain) if not word.isascii() and not _KANA.match(word)}
    return frozenset(words | pairs)


@lru_cache(maxsize=4096)
def _figures(text: str) -> frozenset[float]:
    """The figures of a text, as numbers."""
    return frozenset(value for figure in _parse_figures(text) for value in figure.values)


def _parse_figures(text: str) -> tuple[Figure, ...]:
    return clauses.parse_text(text, polite=False).figures


def _measure_amounts(figures: Sequence[Figure], thing: str = "") -> dict[str, frozenset[float]]:
    """The amounts of some figures by what they measure or count, in the smallest unit of it; `thing` is what those without
    a word count."""
    amounts: dict[str, set[float]] = defaultdict(set)
    for one in figures:
        if measure := stated_figures.get_measure(one) or thing:
            size = clauses.UNITS[one.next][1] if one.next in clauses.UNITS else 1.0
            amounts[measure] |= {round(value * size, 4) for value in one.values}
    return {measure: frozenset(found) for measure, found in amounts.items()}


def _compute(own: frozenset[float], others: set[float]) -> set[float]:
    """The amounts of a fact, their multiples and parts, and their sums and differences with other amounts."""
    reached = {one * by for one in own for by in (1.0, *_FACTORS)} | {one / by for one in own for by in _FACTORS}
    for one, other in product(own, others):
        if one != other:
            reached |= {one + other, abs(one - other), one + 2 * other, 2 * one + other}
    return reached


@lru_cache(maxsize=256)  # a row is looked at several times
def _find_asked(question: str, answer: str) -> _Asked | None:
    """The figures of an answer, where a question asks for just those; None for most rows."""
    asks = Question(question[:MAX_CHARACTERS_READ])
    if asks.numbers or asks.things > 1 or asks.asks_sum or _INCLUDES.search(asks.text):
        return None
    if not (asks.kinds or _BARE_TOPIC.search(asks.text.strip())):
        return None
    counted = _HOW_MANY.search(asks.text)
    thing = clauses.stem(counted[1].casefold()) if counted else ""
    figures = _parse_figures(answer[:MAX_CHARACTERS_READ])
    amounts = _measure_amounts(figures, thing)
    asked = {measure: amounts[measure] for measure in amounts if _is_asked(asks, measure)}
    values = frozenset(value for one in figures for value in one.values)
    return _Asked(asked, values, _COMPUTED.search(asks.text) is not None) if asked else None


def _is_asked(asks: Question, measure: str) -> bool:
    """Whether a question may ask for what a figure measures; a price may be in a currency that is no known unit."""
    allowed = {
        question_words.MONEY: measure in _MONEY or measure not in _MEASURES,
        question_words.CLOCK: measure in _TIME,
        question_words.TIME: measure in _TIME,
        question_words.COUNT: measure not in _MONEY,
    }
    return not asks.kinds or any(allowed[kind] for kind in asks.kinds)


def _apply_weights(weights: Sequence[float], features: Sequence[float]) -> float:
    return 1 / (1 + exp(-sum(weight * one for weight, one in zip(weights, features, strict=True))))
