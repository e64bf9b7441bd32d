"""Curves prepared for a chart: smoothed, and thinned to what its pixels can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.lazy_numpy import np, npt
from core.training.metrics import MetricSeries

Numbers: TypeAlias = "npt.NDArray[np.float64]"
MAX_POINTWISE_SMOOTHED = 150  # points up to which smoothing is by points; of more it is by the width that so many take
MIN_SMOOTHED_POINTS = 30  # so few points are shown as they are: smoothed ones would be made up
NEGLIGIBLE_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One metric of one job. `part`: what it was measured on; `whole`: the job's steps; `slot`: the number of its colour."""

    job: int
    name: str
    title: str
    part: str
    series: MetricSeries
    whole: int
    slot: int

    @property
    def key(self) -> tuple[int, str]:
        """The job and the name of the metric, which no two curves share."""
        return self.job, self.name


@dataclass(frozen=True, slots=True)
class CurveView:
    """How curves are drawn: over steps or the share of the job, on a log scale or not, smoothing from 0 to below 1."""

    share: bool = False
    log: bool = False
    smoothing: float = 0.6


@dataclass(slots=True, eq=False)
class CurveLine:
    """A curve in the chart's coordinates: `x` and `y` as measured, `smooth` in place of `y` where it was smoothed."""

    curve: Curve
    x: Numbers
    y: Numbers
    steps: npt.NDArray[np.int64]
    values: Numbers
    smooth: Numbers | None = None


def is_equal(one: MetricSeries, other: MetricSeries) -> bool:
    """Whether both have the same points."""
    return one is other or (np.array_equal(one.steps, other.steps) and np.array_equal(one.values, other.values))


def build_line(curve: Curve, view: CurveView) -> CurveLine:
    """The line of `curve`; on a log scale values of zero or less are left out."""
    steps, values = curve.series.steps, curve.series.values
    if view.log:
        steps, values = steps[values > 0], values[values > 0]
    x = steps.astype(np.float64)
    if view.share:
        x *= 100 / max(1, curve.whole)
    y = np.log10(values) if view.log else values
    line = CurveLine(curve, x, y, steps, values)
    if view.smoothing and len(x) > MIN_SMOOTHED_POINTS:
        line.smooth = smooth(y, view.smoothing ** min(1.0, MAX_POINTWISE_SMOOTHED / len(x)))
    return line


def smooth(values: Numbers, weight: float) -> Numbers:
    """The exponential moving average: `weight` is the share of the earlier values; the start is corrected as in Adam.

    Summed by doubling: the sum over 2n values is the sum over n plus the weighted one n values before.
    """
    found = np.array(values, np.float64)
    width = 1
    while width < len(found) and weight**width > NEGLIGIBLE_WEIGHT:
        found[width:] += weight**width * found[:-width]
        width *= 2
    rising = min(width, len(found))  # after so many the weights sum to the same
    found[:rising] /= 1 - weight ** np.arange(1, rising + 1)
    found[rising:] /= 1 - weight**rising
    return found * (1 - weight)


def visible_slice(x: Numbers, low: float, high: float) -> slice:
    """The points between `low` and `high`, and one more on either side."""
    first, last = np.searchsorted(x, (low, high))
    return slice(max(0, int(first) - 1), min(len(x), int(last) + 1))


def thin(x: Numbers, y: Numbers, part: slice, most: int) -> tuple[Numbers, Numbers]:
    """The points of `part`, or the means of neighbours so that at most `most` remain, and both ends."""
    size = 1
    while (part.stop - part.start) / size > most:
        size *= 2
    if size == 1:
        return x[part], y[part]
    # Groups begin at multiples of their size, so that a line does not tremble while it is moved.
    starts = np.arange(part.start // size * size, part.stop, size)
    counts = np.diff(np.append(starts, part.stop))
    means = [np.add.reduceat(numbers[: part.stop], starts) / counts for numbers in (x, y)]
    ends = [part.start, part.stop - 1]
    return tuple(
        np.concatenate([row[ends[:1]], mean[1:-1], row[ends[1:]]]) for row, mean in zip((x, y), means, strict=True)
    )  # type: ignore[return-value]


def column_extremes(x: Numbers, y: Numbers, edges: Numbers) -> tuple[npt.NDArray[np.intp], Numbers, Numbers]:
    """Which of the columns between `edges` have points, and their minimum and maximum; neighbours touch."""
    starts = np.searchsorted(x, edges)
    filled = np.flatnonzero(starts[1:] > starts[:-1])
    if not len(filled):
        return filled, y[:0], y[:0]
    inner = y[: starts[-1]]
    low, high = (reach.reduceat(inner, starts[filled]) for reach in (np.minimum, np.maximum))
    low[:-1], high[:-1] = np.minimum(low[:-1], high[1:]), np.maximum(high[:-1], low[1:])
    return filled, low, high


def x_range(lines: Sequence[CurveLine]) -> tuple[float, float]:
    """The minimum and maximum x of all lines."""
    filled = [line.x for line in lines if len(line.x)]
    return (min((float(x[0]) for x in filled), default=0.0), max((float(x[-1]) for x in filled), default=1.0))


def y_range(lines: Sequence[CurveLine], low: float, high: float) -> tuple[float, float] | None:
    """The minimum and maximum y between `low` and `high`; None without points."""
    parts = [line.y[visible_slice(line.x, low, high)] for line in lines]
    parts = [part for part in parts if len(part)]
    return (min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)) if parts else None


def nearest_index(line: CurveLine, x: float) -> int:
    """The index of the point nearest to `x`; -1 without points."""
    if not len(line.x):
        return -1
    index = int(np.searchsorted(line.x, x))
    if index == len(line.x) or (index and x - line.x[index - 1] <= line.x[index] - x):
        index -= 1
    return index


def next_x(lines: Sequence[CurveLine], x: float, forward: bool) -> float | None:
    """The next x after (or before) `x` at which a line has a point; None without one."""
    found = []
    for line in lines:
        index = int(np.searchsorted(line.x, x, side="right" if forward else "left")) - (not forward)
        if 0 <= index < len(line.x):
            found.append(float(line.x[index]))
    return (min(found) if forward else max(found)) if found else None
