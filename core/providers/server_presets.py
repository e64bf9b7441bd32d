"""The known kinds of servers: their addresses, what they train, and in which form they expect requests."""

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from core.errors import JukuError
from core.language import tr
from core.paths import RESOURCES

CUSTOM = "custom"
Auth = Literal["bearer", "api-key"]
Style = Literal["method", "hyperparameters"]  # where a creation carries its hyperparameters


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The numbers a setting may have: above `low` where `open`, else from it; up to `high`, None for no end.

    `advanced`: most people leave it as it is.
    """

    low: float
    high: float | None = None
    integer: bool = False
    open: bool = False
    values: tuple[str | bool, ...] = ()  # what may be chosen instead of numbers
    advanced: bool = False

    def holds(self, value: object) -> bool:
        """Whether a value is allowed."""
        if self.values:
            return any(value is one or (isinstance(one, str) and value == one) for one in self.values)
        if isinstance(value, bool) or not isinstance(value, int if self.integer else (int, float)):
            return False
        if not math.isfinite(value):  # JSON has no such number
            return False
        within = value > self.low if self.open else value >= self.low
        return within and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.values:
            return " / ".join(map(format_value, self.values))
        low = _format_number(self.low)
        if self.high is None:
            return f"> {low}" if self.open else f"≥ {low}"
        return f"{'>' if self.open else ''}{low} – {_format_number(self.high)}"

    def parse(self, text: str) -> int | float | str | bool | None:
        """The value that a person wrote; None for what is no value of this kind."""
        if self.values:
            return next((one for one in self.values if format_value(one) == text), None)
        try:
            return int(text) if self.integer else float(text)
        except ValueError:
            return None


def format_value(value: str | bool) -> str:
    """A value that is chosen by its name, as it is written in a request."""
    return value if isinstance(value, str) else str(value).lower()


def _format_number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


MAX_SEED = 2**31 - 1  # OpenAI's
SEEDS = NumberRange(0, MAX_SEED, integer=True)


@dataclass(frozen=True, slots=True)
class ServerPreset:
    """One kind of server. `capabilities` are expectations; what a server really can do is looked up (`connection_test`).

    `methods` are those that Juku can ask for; `shown` those that the server has and Juku only shows. `refuses` are the
    check rules (see `core.checks`) that are a warning for most servers and a reason to refuse the file for this one.
    """

    id: str
    title: str
    base_url: str = ""
    auth: Auth = "bearer"
    style: Style = "method"
    methods: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    hyperparameters: dict[str, dict[str, NumberRange]] | None = None
    capabilities: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    bom: bool = False
    deploys: bool = False  # a fine-tuned model answers only after the person has deployed it there
    suffix_limit: int = 64
    key_url: str = ""
    limit: int = 3

    @property
    def trains(self) -> bool:
        """Whether Juku can train there."""
        return bool(self.methods)

    def ranges(self, method: str) -> dict[str, NumberRange]:
        """The hyperparameters of a method, by name."""
        return (self.hyperparameters or {}).get(method, {})

    def check(self, method: str, hyperparameters: dict[str, Any], suffix: str = "") -> None:
        """Check a job before anything is sent. Raises `JukuError` for what the server would refuse."""
        if method not in self.methods:
            raise JukuError(
                tr("“{server}” does not support training with the method “{method}”", server=self.title, method=method),
                tr("Nothing was sent. Choose another method or another server."),
            )
        ranges = self.ranges(method)
        for name, value in hyperparameters.items():
            if name not in ranges:
                raise JukuError(
                    tr("“{server}” has no hyperparameter “{name}”", server=self.title, name=name),
                    tr("Nothing was sent. Possible names: {names}.", names=", ".join(ranges)),
                )
            if value != "auto" and not ranges[name].holds(value):
                raise JukuError(
                    tr("{name} cannot be {value}", name=name, value=value),
                    tr("Nothing was sent. Allowed: {range}.", range=ranges[name]),
                )
        if len(suffix) > self.suffix_limit:
            raise JukuError(
                tr("The suffix is too long"),
                tr(
                    "Nothing was sent. The limit on “{server}” is {n} characters.",
                    n=self.suffix_limit,
                    server=self.title,
                ),
            )


def presets() -> list[ServerPreset]:
    """All kinds of servers, in the order in which they are offered."""
    return list(_table().values())


def preset(id: str) -> ServerPreset:
    """The kind `id`; a server of a kind that is not known is a custom one."""
    table = _table()
    return table.get(id, table[CUSTOM])


@cache
def _table() -> dict[str, ServerPreset]:
    found = tomllib.loads((RESOURCES / "providers.toml").read_text(encoding="utf-8"))
    sets = {name: {key: _range(value) for key, value in ranges.items()} for name, ranges in found["ranges"].items()}
    return {id: _preset(id, entry, sets) for id, entry in found["provider"].items()}


def _preset(id: str, entry: dict[str, Any], sets: dict[str, dict[str, NumberRange]]) -> ServerPreset:
    wanted = dict(entry)
    for name in ("methods", "shown", "capabilities", "refuses"):
        wanted[name] = tuple(entry.get(name, ()))
    wanted["hyperparameters"] = {method: sets[name] for method, name in entry.get("hyperparameters", {}).items()}
    return ServerPreset(id=id, **wanted)


def _range(value: dict[str, Any]) -> NumberRange:
    return NumberRange(**{**value, "values": tuple(value.get("values", ())), "low": value.get("low", 0)})
