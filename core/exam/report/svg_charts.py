"""The charts of a report, as SVG: rates with their intervals, and rates over the steps of a training."""

from __future__ import annotations

from collections.abc import Sequence

from core.exam.checkpoint_trends import CheckpointResult
from core.exam.report.html_escape import Markup, escape, tag
from core.exam.statistics import PassRate

WIDTH, HEIGHT = 640, 240  # of the chart over steps
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
SERIES = 4  # colours of lines (resources/report.css)


def draw_rate(rate: PassRate, label: str, kind: str = "") -> Markup:
    """A rate as a bar over its whole width, with its interval on it."""
    low, high = (100 * end for end in rate.interval)
    parts = [tag("rect", class_="track", width=100, height=12)]
    if rate.asked:
        whisker = f"M{low:.1f} 6H{high:.1f}M{low:.1f} 3V9M{high:.1f} 3V9"
        parts += [
            tag("rect", class_=f"fill {kind}".strip(), width=f"{100 * rate.share:.1f}", height=12),
            tag("path", class_="whisker", d=whisker, vector_effect="non-scaling-stroke"),
        ]
    return tag(
        "svg", *parts, class_="bar", viewBox="0 0 100 12", preserveAspectRatio="none", role="img", aria_label=label
    )


def colour_class(rate: PassRate) -> str:
    """The class of a cell of the heat map: from h0 (nothing right) to h4 (all right)."""
    if not rate.asked:
        return "none"
    if rate.passed in (0, rate.asked):
        return "h4" if rate.passed else "h0"
    return f"h{1 + int(3 * rate.share)}"


def draw_trends(series: Sequence[tuple[str, Sequence[CheckpointResult]]], label: str, axis: str) -> Markup:
    """Held-out rates over steps, a line for each job, with their intervals."""
    steps = [point.step or 0 for _title, points in series for point in points]
    first, last = min(steps), max(steps)
    ends = sorted({first, last})

    def x(step: int | None) -> float:
        share = ((step or 0) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [_draw_level_line(share) for share in (0.0, 0.5, 1.0)]
    for number, (_title, points) in enumerate(series):
        parts += _draw_line([(x(point.step), point.held) for point in points], number % SERIES)
    anchors = ("start", "end") if len(ends) == 2 else ("middle",)
    for step, anchor in zip(ends, anchors, strict=True):
        parts.append(tag("text", f"{step:,}", x=f"{x(step):.1f}", y=HEIGHT - 18, text_anchor=anchor))
    parts.append(tag("text", axis, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 4, text_anchor="middle"))
    return tag("svg", *parts, class_="lines", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _draw_level_line(share: float) -> Markup:
    y = _y(share)
    rule = tag("path", class_="rule", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}")
    return Markup(rule + tag("text", f"{share:.0%}", x=LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"))


def _draw_line(places: Sequence[tuple[float, PassRate]], colour: int) -> list[Markup]:
    path = "".join(f"{'L' if at else 'M'}{x:.1f} {_y(rate.share):.1f}" for at, (x, rate) in enumerate(places))
    whiskers = "".join(f"M{x:.1f} {_y(rate.interval.low):.1f}V{_y(rate.interval.high):.1f}" for x, rate in places)
    dots = [
        tag(
            "circle",
            tag("title", escape(rate)),
            class_=f"dot s{colour}",
            cx=f"{x:.1f}",
            cy=f"{_y(rate.share):.1f}",
            r=4,
        )
        for x, rate in places
    ]
    return [
        tag("path", class_=f"spread s{colour}", d=whiskers),
        tag("path", class_=f"line s{colour}", d=path),
        *dots,
    ]
