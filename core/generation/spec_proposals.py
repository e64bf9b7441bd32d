"""A model's proposal for the spec as a whole text: what it leaves out of the present one stays."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from core.generation import spec_sections
from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz, process

MIN_SHARE_OF_WHOLE = 0.5  # of the present text's characters; a shorter proposal may be a part of it
MIN_LINE_SIMILARITY = 60.0  # per cent that a changed line of a part shares with the line it replaces
PART_SEPARATOR = "…"  # a line between the parts of a proposal

# A line in the place of what stays: “… (rest unchanged)”, “[remaining sections as before]”, 「（以下変更なし）」, “...”.
_PLACEHOLDER = lazy_pattern(
    r"\W*(?:(?:the )?(?:rest|remaining|remainder|other)\b.{0,60}\b(?:unchanged|same|as (?:before|is)|omitted|not changed|stays?)\b.{0,20}"
    r"|(?:unchanged|no changes?)\W*|(?:以下|以降|残り|その他|ほか|他).{0,20}(?:変更なし|変わらず|同じ|同様|省略|そのまま).{0,10}|(?:変更なし|省略|中略)\W*)"
    r"|[^\w|]*(?:…|\.{3}|・・・)[^\w|]*",
    re.IGNORECASE,
)


class CompletedProposal(NamedTuple):
    """A proposal as a whole text, and the titles of the sections that it left out and that were kept."""

    text: str
    kept: list[str]


def complete_proposal(proposal: str, now: str, asked: str = "") -> CompletedProposal:
    """A proposal as a whole text: where it holds only a part, or says that the rest is unchanged, the rest of `now` stays.

    Each part takes the place of the lines that it changes, else stands at the end: a part never deletes what it leaves out.
    A whole text keeps the sections that it leaves out, unless the person's message `asked` for less or for another text.
    """
    lines, before = proposal.split("\n"), now.split("\n")
    parts = _split_at_placeholders(lines)
    if parts == [lines] and not _is_part(lines, before, asked):
        text, kept = spec_sections.keep_left_out(lines, before, asked)
        return CompletedProposal("\n".join(text), kept)
    for part in parts:
        before = _apply_part(part, before)
    return CompletedProposal("\n".join(before), [])


def _split_at_placeholders(lines: list[str]) -> list[list[str]]:
    """The runs of lines between placeholders, without blank lines at their ends; all lines where there is none."""
    if not any(_PLACEHOLDER.fullmatch(line) for line in lines if line.strip()):
        return [lines]
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() and _PLACEHOLDER.fullmatch(line):
            parts.append([])
        else:
            parts[-1].append(line)
    return [stripped for part in parts if (stripped := _strip_blank_lines(part))]


def _strip_blank_lines(lines: Sequence[str]) -> list[str]:
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def _is_part(lines: Sequence[str], before: Sequence[str], asked: str) -> bool:
    """Whether a text without placeholders is a part of the present one.

    It is much shorter and does not begin as that does, or is a text without headings that nobody asked for.
    """
    inside, present = [[one.strip() for one in text if one.strip()] for text in (lines, before)]
    if not inside or not present:
        return False
    is_less_wanted = spec_sections.asks_for_deletion(asked)
    if is_less_wanted and all(text[0].startswith("# ") for text in (inside, present)):
        return False
    if sum(map(len, inside)) >= MIN_SHARE_OF_WHOLE * sum(map(len, present)):
        loses_headings = spec_sections.has_headings(before) and not spec_sections.has_headings(lines)
        return loses_headings and not is_less_wanted
    return len(inside) < 3 or inside[0] != present[0]


def _apply_part(part: Sequence[str], before: list[str]) -> list[str]:
    """The text with a part in the place of the lines it changes; what it has of each section goes into that section."""
    result = list(before)
    for piece in _split_at_sections(part, before):
        start, end = _find_replaced_lines(piece, result)
        gap = [""] if start == len(result) and result and result[-1].strip() else []
        result[start:end] = [*gap, *piece]
    return result


def _split_at_sections(part: Sequence[str], before: Sequence[str]) -> list[list[str]]:
    """A part as one piece; where headings that it leaves out stand between its lines, a piece for each section."""
    start, end = _find_replaced_lines(part, before)
    left_out = {one.key for one in spec_sections.split_sections(before[start:end]) if one.title}
    if left_out <= {one.key for one in spec_sections.split_sections(part) if one.title}:
        return [list(part)]
    numbers = [number for number, one in enumerate(spec_sections.split_sections(before)) for _line in one.lines]
    pieces: list[list[str]] = [[]]
    current: int | None = None
    for line, at in zip(part, _find_lines(part, before), strict=True):
        if at is not None and current is not None and numbers[at] != current:
            pieces.append([])
        current = current if at is None else numbers[at]
        pieces[-1].append(line)
    return [stripped for piece in pieces if (stripped := _strip_blank_lines(piece))]


def _find_replaced_lines(part: Sequence[str], before: Sequence[str]) -> tuple[int, int]:
    """From which to which line of the present text a part changes; the end for both where it changes none."""
    matches = [at for at in _find_lines(part, before) if at is not None]
    if not matches:
        return len(before), len(before)
    return min(matches), max(matches) + 1


def _find_lines(part: Sequence[str], before: Sequence[str]) -> list[int | None]:
    """For each line of a part, the line of the present text that it repeats or changes; None where none is like it.

    Below a heading that the present text has, too, only its section is searched: its neighbours may have lines like it.
    """
    places: dict[str, tuple[int, int]] = {}
    start = 0
    for one in spec_sections.split_sections(before):
        places.setdefault(one.key if one.title else "", (start, start + len(one.lines)))
        start += len(one.lines)
    found: list[int | None] = []
    for one in spec_sections.split_sections(part):
        first, last = places.get(one.key, (0, len(before))) if one.title else (0, len(before))
        for line in one.lines:
            at = _find_line(line, before[first:last]) if line.strip() else None
            found.append(None if at is None else first + at)
    return found


def _find_line(line: str, before: Sequence[str]) -> int | None:
    """The line of the present text that `line` repeats or changes; None where none is like it."""
    texts = [one.strip() for one in before]
    if line.strip() in texts:
        return texts.index(line.strip())
    found = process.extractOne(line.strip(), texts, scorer=fuzz.ratio, score_cutoff=MIN_LINE_SIMILARITY)
    return found[2] if found else None
