"""The class of a rule: its id, severity, and title and explanation for people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]  # a server refuses it; it harms; worth knowing
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # the worst first


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `words` returns its title and explanation in the current language."""

    id: str
    severity: Severity
    words: Callable[[], tuple[str, str]]
    fixable: bool = False

    def title(self) -> str:
        """The translated title."""
        return self.words()[0]

    def explanation(self) -> str:
        """The translated explanation, a sentence or two."""
        return self.words()[1]
