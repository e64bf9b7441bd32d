"""All rules by id, for the checks, the window, the command line and the guide."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.checks.rule_type import SEVERITIES as SEVERITIES
from core.checks.rule_type import Rule as Rule
from core.checks.rule_type import Severity as Severity
from core.checks.rules_for_datasets import SET_RULES
from core.checks.rules_for_lines import FILE_RULES, LINE_RULES
from core.checks.rules_for_rows import ROW_RULES
from core.language import tr, trn

# In the order in which they are shown.
RULES: dict[str, Rule] = {rule.id: rule for rule in [*LINE_RULES, *FILE_RULES, *ROW_RULES, *SET_RULES]}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check found. `path` is a JSON path such as `$.messages[1].role`, or '' for the whole line."""

    rule: str
    severity: Severity
    path: str
    message: str


def problem(rule: str, path: str, message: str) -> Problem:
    """Build a problem of a known rule, with that rule's severity."""
    return Problem(rule, RULES[rule].severity, path, message)


def clip(text: str, length: int = 40) -> str:
    """Text from a file made safe for a message: at most `length` characters, one line, no control characters."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if is_printable(c) else "\ufffd" for c in short)


def clip_list(names: Sequence[str], most: int = 20) -> str:
    """Names from a file made safe for a message: at most `most` of them, each clipped, and how many more there are."""
    more = [trn("and {n} more", "and {n} more", len(names) - most)] if len(names) > most else []
    return tr(", ").join([*map(clip, names[:most]), *more])


def is_printable(char: str) -> bool:
    """Whether a character can be shown on a line; unlike `str.isprintable`, all spaces can, also the ideographic one."""
    return char.isprintable() or unicodedata.category(char) == "Zs"
