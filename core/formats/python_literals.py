"""Reads dicts and lists as Python prints them, also in the cells of a table, and turns them into JSON."""

import ast
import re

from core.checks.json_positions import dumps

MAX_BRACKETS = 500  # Python's own parser is recursive

# A string as Python prints it, or the gap between two objects that numpy prints without a comma.
_STRING_OR_GAP = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|(?<=[}\]])(\s+)(?=[{\[])", re.DOTALL)


def to_json(text: str) -> str | None:
    """The JSON of a dict or list as Python or numpy prints it; None where the text is none, or is JSON already."""
    text = text.strip()
    if not text.startswith(("{", "[")) or sum(map(text.count, "[{(")) > MAX_BRACKETS:
        return None
    for candidate in (text, _STRING_OR_GAP.sub(lambda match: ", " if match[1] else match[0], text)):
        try:
            value = ast.literal_eval(candidate)
            return dumps(value) if isinstance(value, dict | list) else None
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None
