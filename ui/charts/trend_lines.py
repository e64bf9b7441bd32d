"""What the plot of rates draws (ui/charts/trend_plot.py): lines of points, each a rate with its interval."""

from dataclasses import dataclass, field

from core.exam.statistics import PassRate


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A point at `x`; `label` is its axis label if x is only an index, `tooltip` its tooltip.

    `held` is drawn with its interval, `general` dotted, where anything was asked.
    """

    x: int
    label: str
    held: PassRate
    tooltip: str
    general: PassRate = field(default_factory=PassRate)


@dataclass(frozen=True, slots=True)
class TrendLine:
    """A line of the plot."""

    title: str
    points: list[TrendPoint]
