"""Chooses what a page does not say, for questions that it leaves open: checked against all of its statements."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that can be asked of a thing, in one or more `frames` with {n} for its name.

    `evidence` finds the words of a text that may answer it. Write it wide: a question that the page does answer and that
    is taught as open does more harm than one that is left out.
    """

    frames: tuple[str, ...]
    evidence: re.Pattern[str]


def find_absent(attributes: Sequence[Attribute], texts: Sequence[str]) -> list[Attribute]:
    """The attributes of which no text of the page has evidence."""
    page = "\n".join(texts)
    return [one for one in attributes if not one.evidence.search(page)]


def is_absent_for(attribute: Attribute, names: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether no text has evidence of the attribute and one of the names of a thing together."""
    return not any(attribute.evidence.search(text) and any(name in text for name in names) for text in texts)


def iterate_choices(attributes: Sequence[Attribute], dice: random.Random) -> Iterator[tuple[Attribute, str]]:
    """Yield attributes with one of their frames, in an order by chance; each frame comes once before any comes again."""
    left: list[tuple[Attribute, str]] = []
    while attributes:
        if not left:
            left = [(one, frame) for one in attributes for frame in one.frames]
            dice.shuffle(left)
        yield left.pop()
