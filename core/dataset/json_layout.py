"""JSON text laid out for reading, and back on one line: only line breaks and indentation come and go."""

import re
from collections.abc import Iterator

INDENT = "  "
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{\[][ \t]*|[}\]]|,[ \t]*|[^"{}\[\],]++', re.DOTALL)
_BREAK = re.compile(r"\n[ \t]*")
_CLOSING = re.compile(r"[}\]]")


def spread(text: str) -> str:
    """One-line JSON text (valid or not) with a line for each value; `joined` gives the same text back."""
    return text if "\n" in text else "".join(_lines(text))


def joined(text: str) -> str:
    """JSON text on one line."""
    return _BREAK.sub("", text.strip())


def _lines(text: str) -> Iterator[str]:
    depth, closed = 0, 0  # `closed`: up to where an empty pair of brackets has been written already
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if match.start() < closed:
            continue
        if piece[0] in "{[":
            if empty := _CLOSING.match(text, match.end()):
                closed = empty.end()
                yield text[match.start() : closed]
                continue
            depth += 1
            yield f"{piece}\n{INDENT * depth}"
        elif piece in "}]":
            depth = max(0, depth - 1)
            yield f"\n{INDENT * depth}{piece}"
        else:
            yield f"{piece}\n{INDENT * depth}" if piece.startswith(",") else piece
