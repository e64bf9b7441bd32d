"""Statistics of an exam: intervals, paired tests, agreement of graders, rates corrected for a grader's errors, and the variation between repeats.

SciPy is imported where it is used: it takes half a second, which would delay the window's start.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.lazy_numpy import np, npt

SMALL_SAMPLE = 30  # fewer questions are a small sample
Z_95 = 1.959963984540054  # of the normal distribution at 95 per cent, two-sided
Z2 = Z_95 * Z_95


class ConfidenceInterval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PassRate:
    """`passed` of `asked` answers to `questions` questions were right; `total` and `squares` sum each question's share."""

    passed: int = 0
    asked: int = 0
    questions: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, passed: npt.ArrayLike, asked: npt.ArrayLike) -> PassRate:
        """The rate of arrays of right and of all answers, one number a question; a question that was not asked does not count."""
        right, every = np.asarray(passed, float), np.asarray(asked, float)
        shares = right[every > 0] / every[every > 0]
        return cls(int(right.sum()), int(every.sum()), len(shares), float(shares.sum()), float((shares**2).sum()))

    @property
    def share(self) -> float:
        """The mean of the questions' shares: one that was asked more often than others does not count for more."""
        return self.total / self.questions if self.questions else 0.0

    @property
    def interval(self) -> ConfidenceInterval:
        """Its 95 % interval, with the questions as the sample (`clustered_interval`)."""
        return clustered_interval(self.questions, self.total, self.squares)

    @property
    def size(self) -> float:
        """As how many questions asked once its questions tell as much (`clustered_interval`)."""
        return _effective_size(self.questions, self.total, self.squares) if self.questions else 0.0

    def __str__(self) -> str:
        return f"{self.passed}/{self.asked}" if self.asked else "–"


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A rate (0 to 1) corrected for the errors of its grader, with its 95 % interval."""

    share: float
    interval: ConfidenceInterval


@dataclass(frozen=True, slots=True)
class PairedTest:
    """`gained` questions only the second passed, `lost` only the first; `p` that chance alone parts them so far."""

    p: float
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """`mean` of the second less the first, its interval, and the number of pairs."""

    mean: float
    interval: ConfidenceInterval
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether 0 is outside the interval."""
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True, slots=True)
class KappaAgreement:
    """`value` is 1 for full agreement, 0 for chance's; None where it is not defined. `agreed` is the share in 0 to 1."""

    value: float | None
    agreed: float
    n: int


@dataclass(frozen=True, slots=True)
class RepeatSpread:
    """How repeats of one question differ: `deviation` within questions, the share `disagreeing`, of `n` repeated ones."""

    deviation: float
    disagreeing: float
    n: int


def is_small(n: int) -> bool:
    """Whether so few questions are a small sample, and to be called one."""
    return n < SMALL_SAMPLE


def wilson_interval(share: float, n: float) -> ConfidenceInterval:
    """Wilson's 95 % score interval of a rate `share` (0 to 1) over a sample of `n`; of nothing asked it is 0 to 1."""
    if not n:
        return ConfidenceInterval(0.0, 1.0)
    centre = (share * n + Z2 / 2) / (n + Z2)
    half = Z_95 * math.sqrt(n * share * (1 - share) + Z2 / 4) / (n + Z2)
    return ConfidenceInterval(max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def clustered_interval(n: int, total: float, squares: float) -> ConfidenceInterval:
    """The 95 % interval of the mean of `n` questions' rates, whose sum is `total` and the sum of whose squares `squares`.

    The questions are the sample: repeats count only by sharpening each question's rate. It is Wilson's interval for as
    many questions asked once as would tell as much, estimated from how much the rates differ: their variance, with Z²
    imagined questions added as Agresti and Coull add them, half of them right, so that a few equal rates prove little.
    For rates of 0 and 1 (each question asked once) that number is `n`, and the interval Wilson's own.
    Its coverage is in docs/exam-statistics.md.
    """
    return wilson_interval(total / n, _effective_size(n, total, squares)) if n else ConfidenceInterval(0.0, 1.0)


def _effective_size(n: int, total: float, squares: float) -> float:
    centre = (total + Z2 / 2) / (n + Z2)
    apart = squares - 2 * centre * total + n * centre**2
    variance = (apart + Z2 / 2 * (centre**2 + (1 - centre) ** 2)) / (n + Z2)
    return max(n, n * centre * (1 - centre) / variance)


def correct_rate(rate: PassRate, sensitivity: PassRate, specificity: PassRate) -> CorrectedRate | None:
    """A pass rate corrected for the errors of its grader.

    `sensitivity` is the grader's rate of passing right answers, `specificity` that of failing wrong ones, both
    measured on answers of the same sort that a person marked. The rate is Rogan and Gladen's (1978, Am J Epidemiol
    107:71), (rate + specificity - 1) / (sensitivity + specificity - 1), within 0 to 1. The interval is Lang and
    Reiczigel's (2014, Prev Vet Med 113:13), as Lee et al. propose it for judges ("How to Correctly Report
    LLM-as-a-Judge Evaluations", 2025, arXiv 2511.21140): it has the uncertainty of all three rates. As elsewhere here,
    the questions are the sample. Its coverage is in docs/exam-statistics.md.

    None where sensitivity + specificity is not clearly above 1 (by its own 95 % interval), as where one of them is not
    known: the grader might tell right from wrong no better than chance, and the division has no limits (Fieller 1954).
    """
    if not (rate.questions and sensitivity.questions and specificity.questions):
        return None
    n, right, wrong = rate.size + Z2, sensitivity.size + 2, specificity.size + 2
    p = (rate.share * rate.size + Z2 / 2) / n
    passing, failing = (one.share * one.size + 1 for one in (sensitivity, specificity))
    q1, q0 = passing / right, failing / wrong
    v1, v0 = q1 * (1 - q1) / right, q0 * (1 - q0) / wrong
    informed = q1 + q0 - 1
    if informed <= Z_95 * math.sqrt(v1 + v0):
        return None
    centre = (p + q0 - 1) / informed
    half = Z_95 * math.sqrt(p * (1 - p) / n + (1 - centre) ** 2 * v0 + centre**2 * v1) / informed
    middle = centre + 2 * Z2 * (centre * v1 - (1 - centre) * v0)
    share = _within((rate.share + specificity.share - 1) / (sensitivity.share + specificity.share - 1))
    return CorrectedRate(
        share, ConfidenceInterval(min(share, _within(middle - half)), max(share, _within(middle + half)))
    )


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


def mcnemar(pairs: Iterable[tuple[bool, bool]]) -> PairedTest:
    """McNemar's exact test, two-sided, on whether each question passed (with the first, with the second).

    One pair is one question: repeats of it are not independent and have to be made one before. Where the two never
    differ, p is 1.
    """
    counts = Counter((bool(one), bool(other)) for one, other in pairs)
    gained, lost = counts[False, True], counts[True, False]
    if not gained + lost:
        return PairedTest(1.0, 0, 0)
    from scipy.stats import binomtest

    return PairedTest(float(binomtest(gained, gained + lost).pvalue), gained, lost)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> MeanDifference:
    """The mean of `b` less that of `a`, scores from 0 to 1 paired by place (one question each), with its 95 % interval.

    The interval is `clustered_interval` over the gaps, so it is never narrow only because few questions happen to
    agree. Raises `ValueError` for sequences of different lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} scores are no pairs")
    gaps = [after - before for before, after in zip(a, b, strict=True)]
    halves = [(1 + gap) / 2 for gap in gaps]  # from 0 to 1, as rates are
    low, high = clustered_interval(len(gaps), math.fsum(halves), math.fsum(half**2 for half in halves))
    mean = math.fsum(gaps) / len(gaps) if gaps else 0.0
    return MeanDifference(mean, ConfidenceInterval(2 * low - 1, 2 * high - 1), len(gaps))


def kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> KappaAgreement:
    """Cohen's kappa of two graders who marked the same answers, in order.

    `value` is None without answers, and where both gave one and the same mark to all: chance agrees as much. Raises
    `ValueError` for sequences of different lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} marks are no pairs")
    n = len(a)
    if not n:
        return KappaAgreement(None, 0.0, 0)
    firsts, seconds = Counter(a), Counter(b)
    same = sum(one == other for one, other in zip(a, b, strict=True))
    by_chance = sum(firsts[mark] * seconds[mark] for mark in firsts)
    if by_chance == n * n:
        return KappaAgreement(None, 1.0, n)
    return KappaAgreement((same * n - by_chance) / (n * n - by_chance), same / n, n)


def repeat_spread(questions: Iterable[Sequence[float]]) -> RepeatSpread:
    """The variation between the repeats of each question (their scores, or 1 and 0 for passed and failed).

    `deviation` is pooled: the root of the variance within questions (n - 1). Questions asked once say nothing of it.
    """
    repeated = [np.asarray(scores, float) for scores in questions if len(scores) > 1]
    if not repeated:
        return RepeatSpread(0.0, 0.0, 0)
    squares = sum(float(((scores - scores.mean()) ** 2).sum()) for scores in repeated)
    freedom = sum(len(scores) - 1 for scores in repeated)
    differing = sum(bool(np.ptp(scores) > 1e-9) for scores in repeated)
    return RepeatSpread((squares / freedom) ** 0.5, differing / len(repeated), len(repeated))
