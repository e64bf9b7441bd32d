"""What one action mends in all rows that break a rule, in words."""

from core import dataset
from core.checks import RULES
from core.facts import STALE
from core.language import tr, trn


def can_fix(rule: str) -> bool:
    return rule in RULES and (RULES[rule].fixable or rule == dataset.DUPLICATE)


def button(rule: str, count: int) -> str:
    """What the button says that does it."""
    if rule == dataset.DUPLICATE:
        return trn("Delete the {n} duplicate", "Delete the {n} duplicates", count)
    if rule == STALE:
        return trn("{n} is still right", "All {n} are still right", count)
    return trn("Fix {n}", "Fix all {n}", count)


def label(rule: str) -> str:
    """The name of the step."""
    if rule == dataset.DUPLICATE:
        return tr("Delete duplicates")
    return tr("Mark rows as still right") if rule == STALE else tr("Fix: {rule}", rule=RULES[rule].title())
