"""Checks chat fine-tuning rows: which rules they break, where, and what can be fixed safely."""

from core.checks.automatic_fixes import fix, repair
from core.checks.check_line import CheckedLine, check_line
from core.checks.check_row import check
from core.checks.line_parsing import LINE_LIMIT, Decoded, decode, too_long
from core.checks.messages import ROLES, role_of
from core.checks.rule_registry import RULES, SEVERITIES, Problem, Rule, Severity, problem

__all__ = [
    "LINE_LIMIT",
    "ROLES",
    "RULES",
    "SEVERITIES",
    "CheckedLine",
    "Decoded",
    "Problem",
    "Rule",
    "Severity",
    "check",
    "check_line",
    "decode",
    "fix",
    "problem",
    "repair",
    "role_of",
    "too_long",
]
