"""Finds where the order of a conversation's turns is unusual: services differ in what they take."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from core.language import tr

ASSISTANT_FIRST, NO_USER, ONLY_ASSISTANT = "assistant-first", "no-user", "only-assistant"
SYSTEM_LATE, SYSTEM_TWICE, REPEATED = "system-late", "system-twice", "repeated"
DEVIATIONS = (ASSISTANT_FIRST, NO_USER, ONLY_ASSISTANT, SYSTEM_LATE, SYSTEM_TWICE, REPEATED)

_SYSTEM_ROLES = ("system", "developer")


class Deviation(NamedTuple):
    """What is unusual (one of `DEVIATIONS`), and the number of the message that shows it; None: the whole list."""

    kind: str
    number: int | None


def is_usual(roles: Sequence[str]) -> bool:
    """Whether a system message at most begins the conversation, and user and assistant alternate after it."""
    start = roles[:1] and roles[0] in _SYSTEM_ROLES
    return all(role == ("assistant" if n % 2 else "user") for n, role in enumerate(roles[1:] if start else roles))


def find_deviations(roles: Sequence[str]) -> list[Deviation]:
    """What is unusual in the order of a conversation's roles, each kind at its first place. Unknown roles are skipped."""
    found: dict[str, int | None] = {}
    known = [(number, role) for number, role in enumerate(roles) if role]
    spoken = [(number, role) for number, role in known if role not in _SYSTEM_ROLES]
    if "user" not in roles and spoken:
        found[ONLY_ASSISTANT if len(spoken) == len(known) else NO_USER] = None
    elif spoken and spoken[0][1] == "assistant":
        found[ASSISTANT_FIRST] = spoken[0][0]
    for (_before, earlier), (number, role) in pairwise(known):
        if role in _SYSTEM_ROLES:
            found.setdefault(SYSTEM_TWICE if _has_system(roles[:number]) else SYSTEM_LATE, number)
        elif role == earlier and role in ("user", "assistant"):
            found.setdefault(REPEATED, number)
    return [Deviation(kind, found[kind]) for kind in DEVIATIONS if kind in found]


def _has_system(roles: Sequence[str]) -> bool:
    return any(role in _SYSTEM_ROLES for role in roles)


def describe(kind: str) -> str:
    """A deviation in words, without its place."""
    return {
        ASSISTANT_FIRST: tr("the conversation begins with an answer"),
        NO_USER: tr("no message is from the user"),
        ONLY_ASSISTANT: tr("no message is from the user or the system"),
        SYSTEM_LATE: tr("a system message is not the first one"),
        SYSTEM_TWICE: tr("there is a second system message"),
        REPEATED: tr("two messages after each other have the same role"),
    }[kind]
