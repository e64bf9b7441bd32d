"""Checks a spec before examples are made from it: finds contradictions, repetitions and unexplained terms."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from core.language import tr
from core.lazy_rapidfuzz import OSA
from core.text import near_duplicates, terms, topics_and_figures
from core.text.normalise import normalise
from core.text.statements import Statement
from core.text.topics_and_figures import Claim, Measure

FIGURES_DIFFER, UNITS_DIFFER, TERM_UNDEFINED, SENTENCE_TWICE = (
    "figures-differ",
    "units-differ",
    "term-undefined",
    "sentence-twice",
)
MAX_CONTRADICTING = 3  # sentences of one pattern with other figures; more are a series, not a contradiction
MAX_SIMILAR = 50  # sentences that are the same except for one word; more are a series, not typing errors
MAX_WORDS_LOOKED_UP = 16  # words of a sentence that is looked up by all its words except one
MAX_SLIP_LETTERS = 5  # letters of a word that may differ from another by a typing error


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark on the spec; `spans` are the places in its text (start and end in characters) that it is about."""

    rule: str
    message: str
    spans: tuple[tuple[int, int], ...]


def find_remarks(statements: Sequence[Statement]) -> list[Remark]:
    """The remarks on the statements, in the order of the text. Tuned for precision: it does not find everything.

    Two sentences are about the same thing when their content words are the same, in any order, except for a typing
    error; sentences that only their heading makes clear, when both have the same heading.
    """
    parsed = [
        _ParsedStatement(statement, topics_and_figures.parse_claim(statement.text, _is_row(statement)))
        for statement in statements
    ]
    groups = list(_group_statements(parsed))
    remarks = [
        *_find_contradictions(groups, parsed),
        *_find_repetitions(parsed, groups),
        *_find_unexplained_terms(statements),
    ]
    return sorted(remarks, key=lambda remark: remark.spans)


@dataclass(frozen=True, slots=True)
class _ParsedStatement:
    statement: Statement
    claim: Claim

    @property
    def place(self) -> str:
        return self.statement.heading if self.claim.is_vague else ""

    @property
    def span(self) -> tuple[int, int]:
        return self.statement.start, self.statement.end

    @property
    def amounts(self) -> tuple[tuple[str, object], ...]:
        return tuple(measure.amount for measure in self.claim.measures)


_Key = tuple[str, tuple[str, ...]]  # the heading, where it matters, and the words


def _is_row(statement: Statement) -> bool:
    return "|" in statement.quote and "|" not in statement.text


def _group_statements(parsed: list[_ParsedStatement]) -> Iterator[list[_ParsedStatement]]:
    """Groups of two or more sentences about the same thing, each in the order of the text."""
    groups: dict[_Key, list[_ParsedStatement]] = {}
    for one in parsed:
        if one.claim.words:
            groups.setdefault((one.place, tuple(sorted(one.claim.words))), []).append(one)
    for key, other in _iterate_slips(list(groups)):
        if key in groups and other in groups:
            groups[key] = sorted(groups[key] + groups.pop(other), key=lambda one: one.span)
    return (group for group in groups.values() if len(group) > 1)


def _iterate_slips(keys: list[_Key]) -> Iterator[tuple[_Key, _Key]]:
    """Yield pairs of keys of which one word differs by a typing error. Each is looked up by its other words."""
    by_rest: dict[tuple[str, int, int], list[tuple[str, _Key]]] = {}
    for place, words in keys:
        total = sum(map(hash, words))
        for word in words if 1 < len(words) <= MAX_WORDS_LOOKED_UP else ():
            if len(word) >= MAX_SLIP_LETTERS and word.isalpha():
                by_rest.setdefault((place, len(words), total - hash(word)), []).append((word, (place, words)))
    for same in by_rest.values():
        for (word, key), (other, another) in combinations(same, 2) if len(same) <= MAX_SIMILAR else ():
            if word[0] == other[0] and key != another and OSA.distance(word, other, score_cutoff=1) <= 1:
                yield key, another


def _find_contradictions(groups: list[list[_ParsedStatement]], parsed: list[_ParsedStatement]) -> Iterator[Remark]:
    broken = [(rule, part) for group in groups for rule, part in _iterate_contradictions(group)]
    sizes = Counter(one.statement.heading for one in parsed)
    common = Counter(_get_headings(part) for _, part in broken)
    for rule, part in broken:
        headings = _get_headings(part)
        # Sections of one pattern (juniors, seniors) differ on purpose: sentence by sentence.
        is_pattern = len(headings) > 1 < common[headings] and 2 * common[headings] >= min(
            sizes[one] for one in headings
        )
        if not is_pattern:
            yield Remark(rule, _describe_difference(rule, part), tuple(one.span for one in part))


def _get_headings(group: list[_ParsedStatement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.statement.heading for one in group))


def _describe_difference(rule: str, group: list[_ParsedStatement]) -> str:
    if rule == UNITS_DIFFER:
        return tr("These sentences use different units for the same thing.")
    first, *others = (one.claim.measures for one in group)
    pairs = [pair for measures in others if (pair := _find_only_difference(first, measures))]
    figures = dict.fromkeys(measure.figure for pair in pairs for measure in pair)
    return tr("These sentences say the same, but with different figures: {figures}.", figures=", ".join(figures))


def _iterate_contradictions(group: list[_ParsedStatement]) -> Iterator[tuple[str, list[_ParsedStatement]]]:
    """Yield each rule that the sentences of a group break, with the first sentence and those that differ from it."""
    clear = [one for one in group if one.claim.measures and not one.claim.is_pointing]
    broken: dict[str, list[_ParsedStatement]] = {}
    if len({one.amounts for one in clear}) <= MAX_CONTRADICTING:
        for one in clear[1:]:
            if rule := _classify_contradiction(clear[0], one):
                broken.setdefault(rule, [clear[0]]).append(one)
    yield from broken.items()


def _classify_contradiction(one: _ParsedStatement, other: _ParsedStatement) -> str:
    pair = _find_only_difference(one.claim.measures, other.claim.measures)
    if pair is None or pair[0].kind != pair[1].kind:
        return ""
    return FIGURES_DIFFER if pair[0].unit == pair[1].unit else UNITS_DIFFER


def _find_only_difference(ones: Sequence[Measure], others: Sequence[Measure]) -> tuple[Measure, Measure] | None:
    """The one figure in which two sentences differ; None where none or more do: then they are about different things."""
    if len(ones) != len(others):
        return None
    only, other = _subtract_measures(ones, others), _subtract_measures(others, ones)
    return (only[0], other[0]) if len(only) == len(other) == 1 else None


def _subtract_measures(ones: Sequence[Measure], others: Sequence[Measure]) -> list[Measure]:
    left = Counter(measure.amount for measure in others)
    rest = []
    for measure in ones:
        left[measure.amount] -= 1
        if left[measure.amount] < 0:
            rest.append(measure)
    return rest


def _find_repetitions(parsed: list[_ParsedStatement], groups: list[list[_ParsedStatement]]) -> Iterator[Remark]:
    same: dict[tuple[str, str], list[_ParsedStatement]] = {}
    for one in parsed:
        same.setdefault((one.place, near_duplicates.normalise(one.statement.text)), []).append(one)
    copies = [group for group in same.values() if len(group) > 1]
    for group in copies:
        message = tr("The same sentence appears here {n} times.", n=len(group))
        yield Remark(SENTENCE_TWICE, message, tuple(one.span for one in group))
    again = {id(one) for group in copies for one in group[1:]}
    for group in groups:
        near = _find_near_copies([one for one in group if id(one) not in again])
        if len(near) > 1:
            yield Remark(SENTENCE_TWICE, tr("These sentences say nearly the same."), tuple(one.span for one in near))


def _find_near_copies(group: list[_ParsedStatement]) -> list[_ParsedStatement]:
    """The first of sentences with the same words, and those with the words in the same order."""
    first, *others = group
    text = normalise(first.statement.text[: topics_and_figures.MAX_READ_CHARACTERS])
    return [first, *(one for one in others if _is_near_copy(one, first, text))]


def _is_near_copy(one: _ParsedStatement, first: _ParsedStatement, text: str) -> bool:
    if one.amounts != first.amounts or len(one.claim.words) != len(first.claim.words):
        return False
    differing = sum(word != other for word, other in zip(one.claim.words, first.claim.words, strict=True))
    return (
        differing <= 1
        and near_duplicates.compute_similarity(
            normalise(one.statement.text[: topics_and_figures.MAX_READ_CHARACTERS]), text
        )
        > 0
    )


def _find_unexplained_terms(statements: Sequence[Statement]) -> Iterator[Remark]:
    for term in terms.find_undefined(statements):
        message = tr("“{term}” is used, but no sentence explains it.", term=term.name)
        yield Remark(TERM_UNDEFINED, message, _find_sentences(term.spans, statements))


def _find_sentences(spans: Sequence[tuple[int, int]], statements: Sequence[Statement]) -> tuple[tuple[int, int], ...]:
    """The statements in which these places are: a term alone would only be repeated."""
    starts = [one.start for one in statements]
    found = (statements[max(0, bisect_right(starts, start) - 1)] for start, _end in spans)
    return tuple(dict.fromkeys((one.start, one.end) for one in found))
