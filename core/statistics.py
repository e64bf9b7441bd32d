"""What the figures of an exam are worth: intervals, paired tests, agreement, and how much answers vary.

SciPy is imported where it is used: it takes half a second, which the window's start has not got.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

SMALL = 30  # fewer questions are a small sample
RESAMPLES = 5000
BATCH = 200  # resamples that are held in memory at once


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """`gained` questions only the second passed, `lost` only the first; `p` that chance alone parts them so far."""

    p: float
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Difference:
    """`mean` of the second less the first, its interval, and the number of pairs."""

    mean: float
    interval: Interval
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether no difference at all lies outside the interval."""
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True, slots=True)
class Kappa:
    """`value` is 1 for full agreement, 0 for chance's; None where it is not defined. `agreed` is the share in 0 to 1."""

    value: float | None
    agreed: float
    n: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How repeats of one question differ: `deviation` within questions, the share `disagreeing`, of `n` repeated ones."""

    deviation: float
    disagreeing: float
    n: int


def is_small(n: int) -> bool:
    """Whether so few questions are a small sample, and to be called one."""
    return n < SMALL


@lru_cache(maxsize=8192)  # a result shows the same few rates again and again
def wilson(passed: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of the rate `passed` / `n`; of nothing asked it is everything, 0 to 1."""
    if not n:
        return Interval(0.0, 1.0)
    from scipy.stats import binomtest

    found = binomtest(passed, n).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


def mcnemar(pairs: Iterable[tuple[bool, bool]]) -> Paired:
    """McNemar's exact test, two-sided, on whether each question passed (with the first, with the second).

    One pair is one question: repeats of it are not independent and have to be made one before. Where the two never
    differ, p is 1.
    """
    counted = Counter((bool(one), bool(other)) for one, other in pairs)
    gained, lost = counted[False, True], counted[True, False]
    if not gained + lost:
        return Paired(1.0, 0, 0)
    from scipy.stats import binomtest

    return Paired(float(binomtest(gained, gained + lost).pvalue), gained, lost)


def bootstrap_difference(
    a: Sequence[float], b: Sequence[float], seed: int = 0, confidence: float = 0.95, limit: float = 1.0
) -> Difference:
    """The mean of `b` less that of `a`, paired by place (one question each), with the bootstrap's percentile interval.

    The same seed gives the same interval. Fewer than two pairs tell nothing: the interval is then all there can be,
    from -`limit` to `limit`, the largest score.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} scores are no pairs")
    gaps = np.asarray(b, float) - np.asarray(a, float)
    if len(gaps) < 2:
        return Difference(float(gaps.sum()), Interval(-limit, limit), len(gaps))
    from scipy.stats import bootstrap

    found = bootstrap(
        (gaps,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=BATCH,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(float(gaps.mean()), Interval(float(found.low), float(found.high)), len(gaps))


def kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> Kappa:
    """Cohen's kappa of two who marked the same answers, in order.

    Not defined (`value` None) without answers, and where both gave one and the same mark to all: chance agrees as much.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} marks are no pairs")
    n = len(a)
    if not n:
        return Kappa(None, 0.0, 0)
    firsts, seconds = Counter(a), Counter(b)
    same = sum(one == other for one, other in zip(a, b, strict=True))
    by_chance = sum(firsts[mark] * seconds[mark] for mark in firsts)
    if by_chance == n * n:
        return Kappa(None, 1.0, n)
    return Kappa((same * n - by_chance) / (n * n - by_chance), same / n, n)


def spread(questions: Iterable[Sequence[float]]) -> Spread:
    """The variation between the repeats of each question (their scores, or 1 and 0 for passed and failed).

    `deviation` is pooled: the root of the variance within questions (n - 1). Questions asked once say nothing of it.
    """
    repeated = [np.asarray(scores, float) for scores in questions if len(scores) > 1]
    if not repeated:
        return Spread(0.0, 0.0, 0)
    squares = sum(float(((scores - scores.mean()) ** 2).sum()) for scores in repeated)
    freedom = sum(len(scores) - 1 for scores in repeated)
    differing = sum(bool(np.ptp(scores) > 1e-9) for scores in repeated)
    return Spread((squares / freedom) ** 0.5, differing / len(repeated), len(repeated))
