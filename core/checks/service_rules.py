"""What a service accepts beyond the rules of rows: its published rules, from the dated table in resources."""

import datetime
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from core.checks import turn_order
from core.checks.images import get_images
from core.checks.preferences import is_preference_row
from core.checks.rule_registry import Problem, problem
from core.language import tr
from core.paths import RESOURCES

# What the service's own rules say instead of the general ones.
_OWN_RULES = ("too-few-rows", "turn-order", "encoding-bom")
_FORM_RULES = ("form-other", "old-format", "form-unsupported")
_OTHER_FORMS = ("text", "prompt", "completion", "preferred_output")  # keys of rows without messages
# What no service takes, though Juku can read it.
_ALWAYS_REFUSED = (
    "form-other",
    "form-mixed",
    "old-format",
    "encoding-utf-16",
    "encoding-cp932",
    "encoding-cp1252",
    "encoding-other",
)


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of one service; an empty or zero value means that its documentation sets no such rule.

    `order` are the deviations of `turn_order` that it refuses. `row_keys` and `message_keys`: what it does with keys that
    are not of the format, "refused", "accepted" or "" (not said); so `byte_order_mark`, which may also be "required".
    `image_links`: it fetches images. `uniform_content`: the contents of a row are all texts or all lists. `one_form`: a row
    has the keys of one form. `described_tools`: a tool has a description and parameters. `functions`: it knows the
    protocol's old functions. `arrays`: the rows may be a JSON list. `ignored` are general rules that it does not have,
    `forms` the other forms of rows that it takes. `unverified` says in English what was not found in its documentation.
    """

    title: str
    source: str
    read: datetime.date
    also: tuple[str, ...] = ()  # other sources
    min_rows: int = 1
    max_rows: int = 0
    max_megabytes: int = 0
    roles: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    row_keys: str = ""
    message_keys: str = ""
    byte_order_mark: str = ""
    image_links: bool = True
    uniform_content: bool = False
    one_form: bool = False
    described_tools: bool = False
    functions: bool = True
    preferences: bool = True
    blank_lines: bool = True
    arrays: bool = False
    ignored: tuple[str, ...] = ()
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


def check(row: dict[str, Any], rules: ServiceRules, is_converted: bool = False) -> Iterator[Problem]:
    """Yield what the service refuses in a row, with its place. `is_converted`: the file has a form of its own for it."""
    inner = row.get("input")
    conversation = inner.get("messages") if isinstance(inner, dict) else row.get("messages")
    place = "$.input.messages" if isinstance(inner, dict) else "$.messages"
    messages = [one for one in conversation if isinstance(one, dict)] if isinstance(conversation, list) else []
    yield from _check_roles([str(one.get("role", "")) for one in messages], rules, place)
    if not rules.image_links:
        yield from _check_images(messages, rules, place)
    if rules.uniform_content and len({isinstance(one.get("content"), list) for one in messages}) > 1:
        yield _refusal(rules, place, tr("contents are all texts, or all lists of parts"))
    if rules.one_form and (others := [key for key in _OTHER_FORMS if key in row]) and "messages" in row:
        yield _refusal(rules, "$", tr("a row with messages has no {key}", key=others[0]))
    if rules.described_tools:
        yield from _check_tools(row, rules)
    if not rules.functions and ("functions" in row or any("function_call" in one for one in messages)):
        yield _refusal(rules, "$", tr("calls are written as tools, not as functions"))
    if not rules.preferences and not is_converted and is_preference_row(row):
        yield _refusal(rules, "$", tr("rows are conversations, without preferences"))


def _check_images(messages: list[dict[str, Any]], rules: ServiceRules, place: str) -> Iterator[Problem]:
    for number, message in enumerate(messages):
        urls = [one.get("image_url") for one in get_images([message])]
        if any(isinstance(url, dict) and not str(url.get("url", "")).startswith("data:") for url in urls):
            yield _refusal(rules, f"{place}[{number}].content", tr("an image is in the row, as a data URI"))


def _check_tools(row: dict[str, Any], rules: ServiceRules) -> Iterator[Problem]:
    tools = row.get("tools")
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and not {"description", "parameters"} <= function.keys():
            path = f"$.tools[{number}].function"
            yield _refusal(rules, path, tr("a tool has a description and parameters"))


def judge(found: Problem, rules: ServiceRules, form: str) -> Problem | None:
    """What a problem of the general rules means for the service: the same, a refusal, or nothing (None).

    `form` is the form of the file's rows.
    """
    if found.rule in (*_OWN_RULES, *rules.ignored) or (form in rules.forms and found.rule in _FORM_RULES):
        return None
    if found.rule == "key-unknown":
        wish = rules.message_keys if "[" in found.path else rules.row_keys
        return {"accepted": None, "refused": _refusal(rules, found.path, found.message)}.get(wish, found)
    if found.rule in _ALWAYS_REFUSED or (found.rule == "blank" and not rules.blank_lines):
        return _refusal(rules, found.path, found.message)
    return found


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
    if rules.byte_order_mark == "required" and not has_mark:
        yield _refusal(rules, "", tr("a file begins with a byte order mark (export with --bom)"))
    if rules.byte_order_mark == "refused" and has_mark:
        yield _refusal(rules, "", tr("a file begins without a byte order mark (export with --no-bom)"))


def _refusal(rules: ServiceRules, path: str, what: str) -> Problem:
    return problem("service-refuses", path, tr("{service}: {what}.", service=rules.title, what=what.rstrip(".。")))
