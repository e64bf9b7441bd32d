"""Shutdown dates of models and of training: as the server reports them, else from a dated table."""

import datetime
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from core.language import tr, trn
from core.paths import RESOURCES
from core.providers.model_kinds import base_of

WARNING_DAYS = 60  # days before an end in which a person is warned of it
NOTICE_DAYS = 120  # days before and after an end in which it is worth a line


@dataclass(frozen=True, slots=True)
class ModelShutdown:
    """The last day on which a model answers. `replacement` is the model that the provider recommends instead, or ''."""

    day: datetime.date
    source: Literal["server", "table"]
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class ServiceShutdown:
    """The end of a service: `what` is `training` (new jobs) or `models` (a family of models with its fine-tunes)."""

    day: datetime.date
    what: str
    models: tuple[str, ...] = ()
    replacement: str = ""

    def describe(self, today: datetime.date) -> str:
        """What ends, and how soon."""
        left = (self.day - today).days
        if self.what == "training":
            if left < 0:
                return tr("New fine-tuning jobs have not been possible since {day}.", day=self.day)
            return tr(
                "New fine-tuning jobs are possible until {day} ({left}).", day=self.day, left=format_days_left(left)
            )
        names = ", ".join(self.models)
        if left < 0:
            return tr(
                "{models} and all models fine-tuned from them were shut down on {day}.", models=names, day=self.day
            )
        return tr("{models} and all models fine-tuned from them are shut down on {day} ({left}).", models=names, day=self.day,
                  left=format_days_left(left))  # fmt: skip


def find_shutdown(model: str, reported: datetime.date | None, preset: str) -> ModelShutdown | None:
    """When `model` stops answering at a server of the kind `preset`; None where no end is known.

    `reported` is what the server's own list says. A fine-tuned model ends with its base.
    """
    if reported is not None:
        return ModelShutdown(reported, "server")
    base = base_of(model)
    found = max(
        ((len(name), family) for family in _families(preset) for name in family["models"] if _is_of_family(base, name)),
        key=lambda pair: pair[0],
        default=(0, None),
    )[1]
    if found is None or "day" not in found:
        return None
    return ModelShutdown(found["day"], "table", found.get("replacement", ""))


def days_left(closing: ModelShutdown, today: datetime.date) -> int:
    """How many days the model still answers; 0 is the last one, negative numbers are gone."""
    return (closing.day - today).days


def format_days_left(days: int) -> str:
    """A number of days as a text: "3 days left"."""
    if days < 0:
        return tr("ended")
    return tr("today is the last day") if days == 0 else trn("{n} day left", "{n} days left", days)


def list_shutdowns(preset: str, today: datetime.date, within: int = NOTICE_DAYS) -> list[ServiceShutdown]:
    """What closes at a server of that kind within `within` days, or has closed in as many, the nearest first."""
    found = [ServiceShutdown(door["day"], door["what"]) for door in _load_table()["door"] if door["preset"] == preset]
    found += [
        ServiceShutdown(family["day"], "models", tuple(family["models"]), family.get("replacement", ""))
        for family in _families(preset)
        if "day" in family
    ]
    return sorted((door for door in found if abs((door.day - today).days) <= within), key=lambda door: door.day)


def last_day(preset: str) -> datetime.date | None:
    """The last day on which a new job can be made at a server of that kind; None where no end is known."""
    days: list[datetime.date] = [door["day"] for door in _load_table()["door"] if door["preset"] == preset]
    return min(days, default=None)


def _is_of_family(model: str, name: str) -> bool:
    """Whether a model is of the family `name`: by itself, with the day of its making, or a variant of it."""
    return model == name or model.startswith(f"{name}-")


def _families(preset: str) -> list[dict[str, Any]]:
    return [family for family in _load_table()["family"] if family["preset"] == preset]


@cache
def _load_table() -> dict[str, Any]:
    return tomllib.loads((RESOURCES / "shutdowns.toml").read_text(encoding="utf-8"))
