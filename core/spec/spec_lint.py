"""Remarks on a spec before any example is made from it: what contradicts, repeats or is never explained."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.distance import OSA

from core.language import tr
from core.text import near_duplicates, terms, topics_and_figures
from core.text.normalise import normalise
from core.text.statements import Statement
from core.text.topics_and_figures import Claim, Measure

FIGURES, UNITS, TERM, TWICE = "figures-differ", "units-differ", "term-undefined", "sentence-twice"
MAX_CONTRADICTING = 3  # sentences of one pattern with other figures; more are a series, not a contradiction
MAX_SIMILAR = 50  # sentences that are the same but for one word; more are a series, not typing errors
MAX_WORDS_LOOKED_UP = 16  # words of a sentence that is looked up by all its words but one
MAX_SLIP_LETTERS = 5  # letters of a word that may differ from another by a slip


@dataclass(frozen=True, slots=True)
class Remark:
    """`spans` are the places in the spec's text that it is about."""

    rule: str
    message: str
    spans: tuple[tuple[int, int], ...]


def find_remarks(statements: Sequence[Statement]) -> list[Remark]:
    """What a person may want to mend, in the order of the text. Made to be precise: no remark is no proof.

    Two sentences are about the same thing when their words that carry meaning are the same, in any order, but for a
    slip of the pen; sentences that only their heading makes clear, when it stands above both.
    """
    found = [
        _ParsedStatement(statement, topics_and_figures.read_claim(statement.text, _is_row(statement)))
        for statement in statements
    ]
    groups = list(_groups(found))
    remarks = [*_differing(groups, found), *_find_repeated(found, groups), *_find_unexplained(statements)]
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


def _groups(found: list[_ParsedStatement]) -> Iterator[list[_ParsedStatement]]:
    """Sentences about the same thing, two and more, in their order."""
    groups: dict[_Key, list[_ParsedStatement]] = {}
    for one in found:
        if one.claim.words:
            groups.setdefault((one.place, tuple(sorted(one.claim.words))), []).append(one)
    for key, other in _slips(list(groups)):
        if key in groups and other in groups:
            groups[key] = sorted(groups[key] + groups.pop(other), key=lambda one: one.span)
    return (group for group in groups.values() if len(group) > 1)


def _slips(keys: list[_Key]) -> Iterator[tuple[_Key, _Key]]:
    """Pairs of keys of which one word differs by a slip. Each is looked up by what is left without one of its words."""
    left: dict[tuple[str, int, int], list[tuple[str, _Key]]] = {}
    for place, words in keys:
        total = sum(map(hash, words))
        for word in words if 1 < len(words) <= MAX_WORDS_LOOKED_UP else ():
            if len(word) >= MAX_SLIP_LETTERS and word.isalpha():
                left.setdefault((place, len(words), total - hash(word)), []).append((word, (place, words)))
    for same in left.values():
        for (word, key), (other, another) in combinations(same, 2) if len(same) <= MAX_SIMILAR else ():
            if word[0] == other[0] and key != another and OSA.distance(word, other, score_cutoff=1) <= 1:
                yield key, another


def _differing(groups: list[list[_ParsedStatement]], found: list[_ParsedStatement]) -> Iterator[Remark]:
    broken = [(rule, part) for group in groups for rule, part in _contradictions(group)]
    sizes = Counter(one.statement.heading for one in found)
    common = Counter(_headings(part) for _, part in broken)
    for rule, part in broken:
        headings = _headings(part)
        # Sections of one pattern (juniors, seniors) differ on purpose: sentence by sentence.
        is_pattern = len(headings) > 1 < common[headings] and 2 * common[headings] >= min(
            sizes[one] for one in headings
        )
        if not is_pattern:
            yield Remark(rule, _difference(rule, part), tuple(one.span for one in part))


def _headings(group: list[_ParsedStatement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.statement.heading for one in group))


def _difference(rule: str, group: list[_ParsedStatement]) -> str:
    if rule == UNITS:
        return tr("These sentences use different units for the same thing.")
    first, *others = (one.claim.measures for one in group)
    pairs = [pair for measures in others if (pair := _difference_of(first, measures))]
    figures = dict.fromkeys(measure.figure for pair in pairs for measure in pair)
    return tr("These sentences say the same, but with different figures: {figures}.", figures=", ".join(figures))


def _contradictions(group: list[_ParsedStatement]) -> Iterator[tuple[str, list[_ParsedStatement]]]:
    """The rule that sentences about one thing break, with the first of them and those that differ from it."""
    clear = [one for one in group if one.claim.measures and not one.claim.is_pointing]
    broken: dict[str, list[_ParsedStatement]] = {}
    if len({one.amounts for one in clear}) <= MAX_CONTRADICTING:
        for one in clear[1:]:
            if rule := _contradiction(clear[0], one):
                broken.setdefault(rule, [clear[0]]).append(one)
    yield from broken.items()


def _contradiction(one: _ParsedStatement, other: _ParsedStatement) -> str:
    pair = _difference_of(one.claim.measures, other.claim.measures)
    if pair is None or pair[0].kind != pair[1].kind:
        return ""
    return FIGURES if pair[0].unit == pair[1].unit else UNITS


def _difference_of(ones: Sequence[Measure], others: Sequence[Measure]) -> tuple[Measure, Measure] | None:
    """The one figure in which two sentences differ: where more do, they are about different things."""
    if len(ones) != len(others):
        return None
    only, other = _without(ones, others), _without(others, ones)
    return (only[0], other[0]) if len(only) == len(other) == 1 else None


def _without(ones: Sequence[Measure], others: Sequence[Measure]) -> list[Measure]:
    left = Counter(measure.amount for measure in others)
    found = []
    for measure in ones:
        left[measure.amount] -= 1
        if left[measure.amount] < 0:
            found.append(measure)
    return found


def _find_repeated(found: list[_ParsedStatement], groups: list[list[_ParsedStatement]]) -> Iterator[Remark]:
    same: dict[tuple[str, str], list[_ParsedStatement]] = {}
    for one in found:
        same.setdefault((one.place, near_duplicates.normalise(one.statement.text)), []).append(one)
    copies = [group for group in same.values() if len(group) > 1]
    for group in copies:
        message = tr("The same sentence appears here {n} times.", n=len(group))
        yield Remark(TWICE, message, tuple(one.span for one in group))
    again = {id(one) for group in copies for one in group[1:]}
    for group in groups:
        near = _near([one for one in group if id(one) not in again])
        if len(near) > 1:
            yield Remark(TWICE, tr("These sentences say nearly the same."), tuple(one.span for one in near))


def _near(group: list[_ParsedStatement]) -> list[_ParsedStatement]:
    """The first of sentences with the same words, and those that say it in the same order."""
    first, *others = group
    text = normalise(first.statement.text[: topics_and_figures.MAX_READ_CHARACTERS])
    return [first, *(one for one in others if _says(one, first, text))]


def _says(one: _ParsedStatement, first: _ParsedStatement, text: str) -> bool:
    if one.amounts != first.amounts or len(one.claim.words) != len(first.claim.words):
        return False
    differing = sum(word != other for word, other in zip(one.claim.words, first.claim.words, strict=True))
    return (
        differing <= 1
        and near_duplicates.similarity(normalise(one.statement.text[: topics_and_figures.MAX_READ_CHARACTERS]), text)
        > 0
    )


def _find_unexplained(statements: Sequence[Statement]) -> Iterator[Remark]:
    for term in terms.find_undefined(statements):
        message = tr("“{term}” is used, but no sentence explains it.", term=term.name)
        yield Remark(TERM, message, term.spans)
