"""The class of a rule: its id, severity, and title and explanation for people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]  # a server refuses it; it harms; worth knowing
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # the worst first


@dataclass(frozen=True, slots=True)
class Rule:
    """`words` gives title and explanation in the language chosen when it is called."""

    id: str
    severity: Severity
    words: Callable[[], tuple[str, str]]
    fixable: bool = False

    def title(self) -> str:
        return self.words()[0]

    def explanation(self) -> str:
        return self.words()[1]
