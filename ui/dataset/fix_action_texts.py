"""The texts of the actions that fix all rows with a problem."""

import sqlite3

from core.checks import RULES
from core.dataset import bulk_edits, examples
from core.dataset.bulk_edits import DIFFERENT_PROMPT
from core.language import tr, trn
from core.spec import spec
from core.spec.facts import STALE_RULE


def can_fix(rule: str) -> bool:
    """Whether the problem `rule` has an automatic fix."""
    return rule in RULES and (RULES[rule].fixable or rule == examples.DUPLICATE_ROW)


def fix_button_text(rule: str, count: int, db: sqlite3.Connection) -> str:
    """The text of the button that fixes all rows."""
    if rule == DIFFERENT_PROMPT:
        return _prompt_words(db, count)
    if rule in (examples.DUPLICATE_ROW, bulk_edits.SAME_CONTENTS):
        return trn("Delete the {n} duplicate", "Delete the {n} duplicates", count)
    if rule == STALE_RULE:
        return trn("{n} is still right", "All {n} are still right", count)
    return trn("Fix {n}", "Fix all {n}", count)


def _prompt_words(db: sqlite3.Connection, count: int) -> str:
    if spec.load(db).system_prompt.strip():
        return trn("Use the project’s prompt in {n} row", "Use the project’s prompt in {n} rows", count)
    if bulk_edits.find_expected_system_prompt(db).strip():
        return trn("Use the other rows’ prompt in {n} row", "Use the other rows’ prompt in {n} rows", count)
    return trn("Remove the system prompt from {n} row", "Remove the system prompt from {n} rows", count)


def fix_label(rule: str) -> str:
    """The name of the undo step."""
    if rule in (examples.DUPLICATE_ROW, bulk_edits.SAME_CONTENTS):
        return tr("Delete duplicates")
    return tr("Mark rows as still right") if rule == STALE_RULE else tr("Fix: {rule}", rule=RULES[rule].title())
