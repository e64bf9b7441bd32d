"""Curves as a chart needs them: smoothed, and thinned to what its pixels can show, so that many points cost no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.curves import Series

Numbers = npt.NDArray[np.float64]
FEW = 30  # so few points are shown as they are: smoothed ones would be made up
COARSEST = 64  # points below which halving once more saves nothing
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One number of one job. `part` is what it was measured on, `whole` the steps of the job, `slot` its colour's number."""

    job: int
    name: str
    title: str
    part: str
    series: Series
    whole: int
    slot: int

    @property
    def key(self) -> tuple[int, str]:
        return self.job, self.name


@dataclass(frozen=True, slots=True)
class View:
    """How curves are drawn: over steps or the share of the job, by logarithm or not, and how smooth (0 to below 1)."""

    share: bool = False
    log: bool = False
    smoothing: float = 0.6


@dataclass(slots=True, eq=False)
class Line:
    """A curve in the chart's own coordinates (`x`, `y` as they were told), and its coarser forms."""

    curve: Curve
    x: Numbers
    y: Numbers
    steps: npt.NDArray[np.int64]
    values: Numbers
    bands: list[tuple[Numbers, Numbers, Numbers]] = field(default_factory=list)
    smooth: list[tuple[Numbers, Numbers]] = field(default_factory=list)


def is_same(one: Curve, other: Curve) -> bool:
    """Whether both have the same points."""
    return one.whole == other.whole and all(
        np.array_equal(getattr(one.series, name), getattr(other.series, name)) for name in ("steps", "values")
    )


def line_of(curve: Curve, view: View) -> Line:
    """The line that `curve` becomes; with a logarithmic scale, what is not above zero is left out."""
    steps, values = curve.series.steps, curve.series.values
    if view.log:
        steps, values = steps[values > 0], values[values > 0]
    x = steps.astype(np.float64)
    if view.share:
        x *= 100 / max(1, curve.whole)
    y = np.log10(values) if view.log else values
    line = Line(curve, x, y, steps, values, bands(x, y))
    if view.smoothing and len(x) > FEW:
        line.smooth = means(x, smoothed(y, view.smoothing))
    return line


def smoothed(values: Numbers, weight: float) -> Numbers:
    """The exponential moving average, each value `weight` parts what was before; corrected for its start, as Adam does.

    Summed by doubling: the sum over 2n values is that over n, and the one n places before, weighted.
    """
    found = np.array(values, np.float64)
    norm = np.ones(len(found))
    span = 1
    while span < len(found) and weight**span > NEGLIGIBLE:
        for sums in (found, norm):
            sums[span:] += weight**span * sums[:-span].copy()
        span *= 2
    return found / norm


def bands(x: Numbers, y: Numbers) -> list[tuple[Numbers, Numbers, Numbers]]:
    """Each level has half the points of the one before: where they begin, and the least and the most in them."""
    levels = [(x, y, y)]
    while len(levels[-1][0]) > COARSEST:
        x, low, high = levels[-1]
        pairs = np.arange(0, len(x), 2)
        levels.append((x[::2], np.minimum.reduceat(low, pairs), np.maximum.reduceat(high, pairs)))
    return levels


def means(x: Numbers, y: Numbers) -> list[tuple[Numbers, Numbers]]:
    """Each level has half the points of the one before, as means; the first and the last point stay in place."""
    levels = [(x, y)]
    while len(levels[-1][0]) > COARSEST:
        x, y = (_halved(numbers) for numbers in levels[-1])
        levels.append((x, y))
    return levels


def _halved(numbers: Numbers) -> Numbers:
    inner = numbers[1:-1]
    even = len(inner) // 2 * 2
    return np.concatenate([numbers[:1], inner[:even].reshape(-1, 2).mean(axis=1), inner[even:], numbers[-1:]])


def seen(x: Numbers, low: float, high: float) -> slice:
    """The points between `low` and `high`, and one more on either side, to which the line goes on."""
    first, last = np.searchsorted(x, (low, high))
    return slice(max(0, int(first) - 1), int(last) + 1)


def level_for(x: Numbers, low: float, high: float, most: float) -> int:
    """Which level has at most `most` points in sight; `x` is the finest one's."""
    part = seen(x, low, high)
    count = min(part.stop, len(x)) - part.start
    level = 0
    while count > most:
        count, level = count // 2, level + 1
    return level


def span(lines: Sequence[Line]) -> tuple[float, float]:
    """From the least to the greatest x of all lines."""
    filled = [line.x for line in lines if len(line.x)]
    return (min((float(x[0]) for x in filled), default=0.0), max((float(x[-1]) for x in filled), default=1.0))


def height(lines: Sequence[Line], low: float, high: float) -> tuple[float, float] | None:
    """From the least to the greatest y of what lies between `low` and `high`; None where nothing does."""
    found: list[tuple[float, float]] = []
    for line in lines:
        level = min(level_for(line.x, low, high, 2 * COARSEST), len(line.bands) - 1)
        x, least, most = line.bands[level]
        part = seen(x, low, high)
        if len(x[part]):
            found.append((float(least[part].min()), float(most[part].max())))
    return (min(low for low, _high in found), max(high for _low, high in found)) if found else None


def nearest(line: Line, x: float) -> int:
    """The number of the point whose x is next to `x`; -1 where the line has none."""
    if not len(line.x):
        return -1
    index = int(np.searchsorted(line.x, x))
    if index == len(line.x) or (index and x - line.x[index - 1] <= line.x[index] - x):
        index -= 1
    return index


def stop(lines: Sequence[Line], x: float, forward: bool) -> float | None:
    """The next x after (or before) `x` at which any line has a point."""
    found = []
    for line in lines:
        index = int(np.searchsorted(line.x, x, side="right" if forward else "left")) - (not forward)
        if 0 <= index < len(line.x):
            found.append(float(line.x[index]))
    return (min(found) if forward else max(found)) if found else None
