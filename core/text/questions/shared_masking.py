"""Hides words of a statement, and puts statements in another order: rows that every language has."""

import random
import re
from collections.abc import Sequence

from core.lazy_loading import lazy_pattern

SHARES = (0.15, 0.5, 0.8, 0.35, 0.65, 0.05)  # of the words that are hidden: what is left of more tells nothing
BLANK = {"en": "___", "ja": "＿＿"}
_GAPS = lazy_pattern("\0(?: ?\0)*")
_LATIN_RUN = lazy_pattern(r"[A-Za-z0-9０-９.,:]+|.", re.DOTALL)


def draw_shares(dice: random.Random, count: int) -> list[float]:
    """`count` of `SHARES`, in any order: over the facts of a page all of them come."""
    order = [*SHARES]
    dice.shuffle(order)
    return order[:count]


def mask(text: str, share: float, dice: random.Random, language: str, words: Sequence[str] = ()) -> str:
    """The text with a share of its words hidden, at least one and never all; hidden neighbours become one gap.

    `words` are the words of a language that writes no blanks between them, as an analyser cuts them; without them,
    its single characters are hidden. A text of one word stays as it is.
    """
    spaced = language != "ja"
    parts = text.split() if spaced else list(words or _LATIN_RUN.findall(text))
    if len(parts) < 2:
        return text
    count = max(1, min(len(parts) - 1, round(share * len(parts))))
    hidden = set(dice.sample(range(len(parts)), count))
    joined = (" " if spaced else "").join("\0" if at in hidden else part for at, part in enumerate(parts))
    return _GAPS.sub(BLANK[language], joined)


def shuffle(texts: Sequence[str], dice: random.Random) -> list[str]:
    """The texts in another order; fewer than two stay as they are."""
    order = list(texts)
    for _ in range(8):
        dice.shuffle(order)
        if order != list(texts):
            break
    return order
