"""Finds what a question asks of a table's row (“Course: Knots; Price: €30; Teacher: Ana Ruel”): the text of one cell."""

from core.lazy_loading import lazy_pattern
from core.text import clauses
from core.text.normalise import normalise

_CELL = lazy_pattern(
    r"(?P<header>[^:;]{1,40}): (?P<text>[^;]+)(?:; |$)|(?P<name>[^：、。]{1,20})：(?P<value>.+?)(?:、(?=[^：、。]{1,20}：)|$)"
)


def find_asked_cell(answer: str, question: str) -> str:
    """The text of the only cell that a question asks for; '' where the answer is no table's row, or that is not certain.

    It asks for a cell whose header it names and whose text it does not; without any, for the first one, where it gives
    another one's: “Who is the teacher of the knots course?”, “What costs €30?”.
    """
    cells = _read_cells(answer)
    if len(cells) < 2:
        return ""
    asked = normalise(question)
    stems = clauses.extract_content_words(asked)
    given = [_mentions(asked, stems, text) for _header, text in cells]
    named = [
        text
        for (header, text), is_given in zip(cells, given, strict=True)
        if not is_given and _mentions(asked, stems, header)
    ]
    if not named and any(given) and not given[0]:
        named = [cells[0][1]]
    return named[0] if len(named) == 1 else ""


def _read_cells(answer: str) -> list[tuple[str, str]]:
    text = answer.strip().rstrip(".。")
    found = [*_CELL.finditer(text)]
    if sum(len(one[0]) for one in found) < len(text):
        return []
    return [(one["header"] or one["name"], (one["text"] or one["value"]).strip()) for one in found]


def _mentions(asked: str, stems: frozenset[str], text: str) -> bool:
    """Whether a question has these words, each in any of its forms."""
    normal = normalise(text)
    own = clauses.extract_content_words(normal)
    return bool(normal) and (normal in asked or (normal.isascii() and bool(own) and own <= stems))
