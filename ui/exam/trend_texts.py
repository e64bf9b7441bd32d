"""Lines of the exam's chart as numbers and words."""

from dataclasses import dataclass

from core.exam.scores import Rate


@dataclass(frozen=True, slots=True)
class Spot:
    """A point at `x`; `label` stands at the axis where x is no number of its own, `about` is the tool tip."""

    x: int
    label: str
    held: Rate
    general: Rate
    about: str


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    spots: list[Spot]
