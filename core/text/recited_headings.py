"""Takes the heading from an answer that recites it before what it says: it tells where a fact stands, not what is so."""

import re
from functools import lru_cache

from core.text import statements

MARKS = " :：.。"  # around a heading that are not recited


def strip_heading(answer: str, text: str) -> str:
    """The answer without a heading of the spec `text` before it, as rows recite it."""
    headings = _build_heading_pattern(text)
    return answer[found.end() :] if headings and (found := headings.match(answer)) else answer


@lru_cache(maxsize=2)
def _build_heading_pattern(text: str) -> re.Pattern[str] | None:
    """What finds one of a spec's headings at the beginning of an answer."""
    parts = (part for one in statements.split_statements(text) for part in one.heading.split(statements.SEPARATOR))
    headings = sorted({re.escape(own) for part in parts if (own := part.strip(MARKS))}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(headings)})(?:: |：|(?<=[?!？！]) ?)", re.IGNORECASE) if headings else None
