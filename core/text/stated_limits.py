"""Tells whether a figure keeps to the limit of a fact: six seconds do not, where at most five are allowed."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.text import clauses
from core.text.clauses import Figure

_NUMBER = r"(\d+(?:[./]\d+)*)"
# How a limit is said before and after its figure, in English and Japanese: whether it is an upper one, and belongs to
# what is allowed itself. "No more than" comes before "more than", which it has within.
_BEFORE = [
    (True, True, r"(?:(?:no|not) (?:more|longer|later|higher|greater|older|larger|bigger|heavier|further) than|at (?:the )?most"
                 r"|up to|(?:a )?maximum(?: of)?|within|until|till|max|最大|最長|最高|最多)"),
    (True, False, r"(?:less|fewer|shorter|younger|lighter|smaller|earlier|lower) than|under|below"),
    (False, True, r"(?:(?:no|not) (?:less|fewer|shorter|younger|earlier|lower|smaller) than|at least|(?:a )?minimum(?: of)?|from|最低|最短"
                  r"|最小|少なくとも)"),
    (False, False, r"(?:more|longer|later|higher|greater|older|larger|bigger|heavier|further) than|over|above|exceeds?|exceeding|beyond"),
]  # fmt: skip
_AFTER = [
    (True, True, r"or (?:less|fewer|shorter|younger)|at (?:the )?most|以内|以下|まで|が(?:限度|上限)"),
    (True, False, r"未満|より(?:短|少な|小さ|早|若|軽)"),
    (False, True, r"(?:and|or) (?:more|longer|older|over)|at least|以上|以降|から"),
    (False, False, r"(?:を|より)?(?:超|こえ|オーバー)|より(?:長|多|大き|遅|重)|以上は超"),
]
_LIMITS = [
    (is_upper, is_inclusive, lazy_pattern(rf"(?<![a-z])(?:{words}) ?(?:the |約|about )?(?P<at>{_NUMBER})"))
    for is_upper, is_inclusive, words in _BEFORE
] + [
    (is_upper, is_inclusive, lazy_pattern(rf"(?<![\d.])(?P<at>{_NUMBER}) ?(?:[a-z]+|[か月日間週年歳才円人個本枚回点冊度時名つ]{{1,3}}?)? ?(?:old )?(?:{words})"))
    for is_upper, is_inclusive, words in _AFTER
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Limit:
    figure: Figure
    is_upper: bool
    is_inclusive: bool

    def allows(self, value: float) -> bool:
        bound = self.figure.values[-1]
        if value == bound:
            return self.is_inclusive
        return (value < bound) is self.is_upper


def follows_from_limit(claim: str, is_claim_negated: bool, fact: str, is_fact_negated: bool) -> bool:
    """Whether a clause denies what is beyond the limit of a fact, or allows what is within it; both are normalised.

    A fact that is negated itself denies what its limit has: "not for more than 5 seconds". False where the clause has a
    limit of its own, or no figure of the same kind: then nothing follows.
    """
    limits = [*_find_limits(fact)]
    if not limits or next(_find_limits(claim), None):
        return False
    values = [value for figure in _read_figures(claim) if (value := _convert(figure, limits[0].figure)) is not None]
    comparable = [limit for limit in limits if _convert(limit.figure, limits[0].figure) is not None]
    if not values or len(comparable) < len(limits):
        return False
    found = {all(limit.allows(value) for limit in limits) for value in values}
    return found == {is_claim_negated is is_fact_negated}


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit by its number: whether it is an upper one, and whether the number itself keeps to it."""

    value: float
    is_upper: bool
    is_inclusive: bool


def find_bounds(text: str) -> Iterator[Bound]:
    """Yield the limits of a normalised text: "16 or over", 18歳以上, 6歳未満."""
    return (Bound(one.figure.values[-1], one.is_upper, one.is_inclusive) for one in _find_limits(text))


def _find_limits(text: str) -> Iterator[_Limit]:
    figures: list[Figure] = []
    taken: set[int] = set()
    for is_upper, is_inclusive, pattern in _LIMITS:
        for match in pattern.finditer(text):
            figures = figures or _read_figures(text)
            figure = next((one for one in figures if one.written.startswith(match["at"])), None)
            if figure is not None and match.start("at") not in taken:
                taken.add(match.start("at"))
                yield _Limit(figure, is_upper, is_inclusive)


def _read_figures(text: str) -> list[Figure]:
    return [*clauses.parse_text(text, polite=False).figures]


def _convert(figure: Figure, like: Figure) -> float | None:
    """The value of a figure in the unit of another one; None where they are of different kinds.

    A figure without a unit has that of the other one: "groups of 9" are of people.
    """
    has_unit = figure.next in clauses.UNITS or clauses.list_content_words(figure.next)
    if not has_unit or clauses.stem(figure.next) == clauses.stem(like.next):
        return figure.values[0]
    return next(iter(clauses.convert_to_units(figure, [like.next])), None)
