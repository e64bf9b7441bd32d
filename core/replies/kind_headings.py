"""Finds the kind of example that a line of a reply names: a heading of its own, or in brackets before a question."""

from core.lazy_loading import lazy_pattern
from core.replies.questions_in_fields import parse_kind

_MARKER = r"(?:[>#*+\-•・●■◆○]{1,6}[ \t　]+|[(（]?[0-9０-９]{1,4}[.)．、）:：][ \t　]*)"
# A kind of example by itself on a line: `2. **reverse**`, `### Not stated (2)`, `【逆】`, `Applied:`.
_KIND_LINE = lazy_pattern(
    rf"{_MARKER}{{0,2}}[*_【\[(（「<]{{0,4}}(?P<kind>[^\n*【】\[\]()（）「」<>:：?？]{{1,40}})[*_】\])）」>]{{0,4}}"
    r"(?P<count>[ \t　]{0,2}[(（][^\n()（）?？]{1,20}[)）])?[:：]?[*_]{0,3}[:：]?"
)
# A kind in brackets or bold before a question: `1. [direct] Q: …`, `2. (statement) State …`, `**reverse**: …`.
_KIND_FIRST = lazy_pattern(
    rf"(?P<marker>{_MARKER}{{0,2}})(?:[*_]{{0,3}}[【\[(（](?P<bracketed>[^\n【】\[\]()（）]{{1,40}})[】\])）][*_]{{0,3}}|[*_]{{2,3}}(?P<bold>[^\n*_]{{1,40}})[*_]{{2,3}})[:：]?[ \t　]*(?=\S)"
)
MAX_KIND_LINE_CHARACTERS = 80  # of a line that names a kind and nothing else


def read_kind_line(line: str) -> str:
    """The kind that a line names and nothing else, besides how many follow; '' where it says more."""
    match = _KIND_LINE.fullmatch(line.rstrip()) if len(line) <= MAX_KIND_LINE_CHARACTERS else None
    return parse_kind(match["kind"].strip() + (match["count"] or "")) if match else ""


def split_kind(line: str) -> tuple[str, str]:
    """The kind in brackets or bold before a question, and the line without it; '' and the line where there is none."""
    match = _KIND_FIRST.match(line)
    kind = parse_kind((match["bracketed"] or match["bold"]).strip()) if match else ""
    return (kind, match["marker"] + line[match.end() :]) if match and kind else ("", line)
