"""Checks one parsed row: what is required to train a chat model on it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from core.checks import service_rules, turn_order
from core.checks.images import count_problems
from core.checks.messages import message_problems, role_of, unknown_keys
from core.checks.preferences import is_preference_row, preference_problems
from core.checks.rule_registry import Problem, problem
from core.checks.tool_calls import function_problems, round_problems
from core.language import tr

MAX_PROBLEMS_PER_ROW = 100  # that are reported

_TEACHER = "teacher_messages"
_ROW_KEYS = ("messages", _TEACHER, "tools", "parallel_tool_calls", "functions")


def check(value: object) -> list[Problem]:
    """The problems of a parsed row (at most `MAX_PROBLEMS_PER_ROW`), with JSON paths. Takes any JSON value; never raises."""
    return list(islice(_check_row(value), MAX_PROBLEMS_PER_ROW))


def _check_row(row: object) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield problem("not-object", "$", tr("The row is not a JSON object in curly braces."))
    elif "messages" not in row and isinstance(row.get("prompt"), str) and "completion" in row:
        message = tr("This is a prompt/completion pair; chat models are trained on messages.")
        yield problem("old-format", "$", message)
    elif is_preference_row(row):
        yield from preference_problems(row)
    else:
        yield from unknown_keys(row, _ROW_KEYS, "$")
        yield from function_problems(row, "$")
        yield from _check_teacher(row)
        yield from _check_messages(row)


def _check_teacher(row: dict[str, Any]) -> Iterator[Problem]:
    """What the teacher of a self-distillation reads; the engine checks the messages themselves."""
    messages = row.get(_TEACHER)
    if isinstance(messages, list) and messages:
        message = tr("Only this computer's engine reads {key}.", key=_TEACHER)
        yield problem("teacher-messages", f"$.{_TEACHER}", message)
    elif _TEACHER in row:
        yield problem("value-type", f"$.{_TEACHER}", tr("{key} is a list of messages.", key=_TEACHER))


def _check_messages(row: dict[str, Any]) -> Iterator[Problem]:
    messages = row.get("messages")
    if "messages" not in row:
        yield problem("messages-missing", "$", tr("The row has no messages."))
    elif not isinstance(messages, list):
        yield problem("messages-missing", "$.messages", tr("The messages are not a list."))
    elif not messages:
        yield problem("messages-empty", "$.messages", tr("The list of messages is empty."))
    else:
        roles = [role_of(message) for message in messages]
        for i, (message, role) in enumerate(zip(messages, roles, strict=True)):
            yield from message_problems(message, role, f"$.messages[{i}]")
        yield from _check_answers(messages, roles)
        yield from _check_order(messages, roles)
        yield from round_problems(messages, roles, row, "$.messages")
        yield from count_problems(messages, "$.messages")


def _check_answers(messages: list[Any], roles: list[str]) -> Iterator[Problem]:
    """Some message must be trained on: one of the assistant with a weight other than 0, and one at the end."""
    answers = [message for message, role in zip(messages, roles, strict=True) if role == "assistant"]
    if not answers:
        yield problem("assistant-missing", "$.messages", tr("No message is from the assistant."))
    elif all(_is_zero(message.get("weight")) for message in answers):
        message = tr("Every assistant message has weight 0: nothing is learned.")
        yield problem("assistant-missing", "$.messages", message)
    if answers and roles[-1] != "assistant":
        path = f"$.messages[{len(roles) - 1}]"
        yield problem("last-not-assistant", path, tr("The last message is not from the assistant."))


def _check_order(messages: list[Any], roles: list[str]) -> Iterator[Problem]:
    """An unusual order of turns, with the services that refuse it; not known where a role is not."""
    if "" in roles:
        return
    # A call of a tool is no answer: what may follow it is a rule of its own.
    turns = ["call" if message.get("tool_calls") else role for message, role in zip(messages, roles, strict=True)]
    for kind, number in turn_order.find_deviations(turns):
        path = "$.messages" if number is None else f"$.messages[{number}]"
        what, services = turn_order.describe(kind), ", ".join(service_rules.list_refusing(kind))
        words = (
            tr("Unusual: {what}. Refused by: {services}.", what=what, services=services)
            if services
            else tr("Unusual: {what}.", what=what)
        )
        yield problem("turn-order", path, words)


def _is_zero(weight: object) -> bool:
    return type(weight) is int and weight == 0
