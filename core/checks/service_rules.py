"""What a service accepts beyond the rules of rows: its published rules, from the dated table in resources."""

import datetime
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from core.checks import turn_order
from core.checks.rule_registry import Problem, problem
from core.language import tr
from core.paths import RESOURCES

_ROW_KEYS = frozenset(("messages", "input", "preferred_output", "non_preferred_output", "prompt", "completion"))
_MESSAGE_KEYS = frozenset(("role", "content", "weight"))


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of one service; an empty or zero value means that its documentation sets no such rule.

    `forms` are the other forms of rows that it takes, `order` what it refuses of `turn_order.DEVIATIONS`. `extra_keys`:
    whether keys that it does not know are accepted. `unverified` says in English what its source was not seen to say.
    """

    title: str
    source: str
    read: datetime.date
    min_rows: int = 0
    max_rows: int = 0
    max_megabytes: int = 0
    roles: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    text_only: bool = False
    extra_keys: bool = True
    byte_order_mark: bool = False
    forms: tuple[str, ...] = ()
    unverified: str = ""


@cache
def load() -> dict[str, ServiceRules]:
    """The rules by the service's name on the command line."""
    table = tomllib.loads((RESOURCES / "training_rules.toml").read_text(encoding="utf-8"))
    return msgspec.convert(table, dict[str, ServiceRules])


@cache
def list_refusing(deviation: str) -> tuple[str, ...]:
    """The titles of the services that refuse a deviation of `turn_order.DEVIATIONS`."""
    return tuple(rules.title for rules in load().values() if deviation in rules.order)


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
    for kind, at in turn_order.find_deviations(roles):
        if kind in rules.order:
            yield _refusal(rules, path if at is None else f"{path}[{at}]", turn_order.describe(kind))


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
