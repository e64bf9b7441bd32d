"""What a service accepts beyond the rules of rows: its published rules, from the dated table in resources."""

import datetime
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from core.checks.rule_registry import Problem, problem
from core.language import tr
from core.paths import RESOURCES

_TOOL_ROLES = ("tool", "function")
_SYSTEM_ROLES = ("system", "developer")
_ROW_KEYS = frozenset(("messages", "input", "preferred_output", "non_preferred_output", "prompt", "completion"))
_MESSAGE_KEYS = frozenset(("role", "content", "weight"))


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of one service; an empty or zero value means that its documentation sets no such rule.

    `forms` are the other forms of rows that it takes. `extra_keys`: whether keys that it does not know are accepted.
    """

    title: str
    source: str
    read: datetime.date
    min_rows: int = 0
    max_rows: int = 0
    max_megabytes: int = 0
    roles: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    alternate: bool = False
    system_first: bool = False
    needs_user: bool = False
    text_only: bool = False
    extra_keys: bool = True
    byte_order_mark: bool = False
    forms: tuple[str, ...] = ()


@cache
def load() -> dict[str, ServiceRules]:
    """The rules by the service's name on the command line."""
    table = tomllib.loads((RESOURCES / "training_rules.toml").read_text(encoding="utf-8"))
    return msgspec.convert(table, dict[str, ServiceRules])


def check(row: dict[str, Any], rules: ServiceRules) -> Iterator[Problem]:
    """Yield what the service refuses in a row, with its place."""
    if not rules.extra_keys:
        for key in row.keys() - _ROW_KEYS:
            yield _refusal(rules, f"$.{key}", tr("other keys are refused: {keys}", keys=key))
    inner = row.get("input")
    conversation = inner.get("messages") if isinstance(inner, dict) else row.get("messages")
    place = "$.input.messages" if isinstance(inner, dict) else "$.messages"
    messages = [one for one in conversation if isinstance(one, dict)] if isinstance(conversation, list) else []
    yield from _check_roles([str(one.get("role", "")) for one in messages], rules, place)
    for number, message in enumerate(messages):
        yield from _check_message(message, rules, f"{place}[{number}]")


def _check_message(message: dict[str, Any], rules: ServiceRules, path: str) -> Iterator[Problem]:
    if rules.text_only and not isinstance(message.get("content"), str):
        yield _refusal(rules, f"{path}.content", tr("a content is one text"))
    if not rules.extra_keys and message.keys() - _MESSAGE_KEYS:
        keys = ", ".join(sorted(message.keys() - _MESSAGE_KEYS))
        yield _refusal(rules, path, tr("other keys are refused: {keys}", keys=keys))


def _check_roles(roles: list[str], rules: ServiceRules, path: str) -> Iterator[Problem]:
    for number, role in enumerate(roles):
        if rules.roles and role not in rules.roles:
            yield _refusal(
                rules, f"{path}[{number}].role", tr("a role is one of {roles}", roles=", ".join(rules.roles))
            )
    if rules.first and roles and roles[0] not in rules.first:
        yield _refusal(
            rules, f"{path}[0]", tr("a conversation begins with one of {roles}", roles=", ".join(rules.first))
        )
    if rules.alternate:
        for number in range(1, len(roles)):
            if roles[number] == roles[number - 1] and roles[number] not in _TOOL_ROLES:
                yield _refusal(rules, f"{path}[{number}]", tr("user and assistant alternate"))
    if (rules.system_first or rules.alternate) and any(role in _SYSTEM_ROLES for role in roles[1:]):
        number = next(place for place, role in enumerate(roles) if place and role in _SYSTEM_ROLES)
        yield _refusal(rules, f"{path}[{number}]", tr("a system message is the first one"))
    if (rules.needs_user or rules.alternate) and roles and "user" not in roles:
        yield _refusal(rules, path, tr("a conversation has a message of the user"))


def check_file(rows: int, size: int, has_mark: bool, rules: ServiceRules) -> Iterator[Problem]:
    """Yield what the service refuses in a whole file: of `rows` rows and `size` bytes, with a byte order mark or without."""
    if rows < rules.min_rows:
        yield _refusal(rules, "", tr("a file has at least {n} rows, this one has {rows}", n=rules.min_rows, rows=rows))
    if rules.max_rows and rows > rules.max_rows:
        yield _refusal(rules, "", tr("a file has at most {n} rows, this one has {rows}", n=rules.max_rows, rows=rows))
    if rules.max_megabytes and size > rules.max_megabytes * 1024 * 1024:
        yield _refusal(rules, "", tr("a file has at most {n} MB", n=rules.max_megabytes))
    if rules.byte_order_mark and not has_mark:
        yield _refusal(rules, "", tr("a file begins with a byte order mark (export with --bom)"))


def _refusal(rules: ServiceRules, path: str, what: str) -> Problem:
    return problem("service-refuses", path, tr("{service}: {what}.", service=rules.title, what=what))
