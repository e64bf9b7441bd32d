"""The settings of a team's server: `HOME/team.toml`. Every value has a default; changes count at once."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from core.engine.team.users import User
from core.engine.team.watched_file import WatchedFile

Count = Annotated[int, Meta(ge=0)]
TEAM_JOBS_AT_ONCE = 4


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one user may have. Administrators have no limits.

    `file_bytes`: of files and exports together. `jobs_at_once`: fine-tuning jobs that have not ended. A day is one of UTC.
    """

    file_bytes: Count = 10_000_000_000
    jobs_at_once: Count = 3
    jobs_per_day: Count = 20
    tokens_per_day: Count = 2_000_000
    requests_per_minute: Count = 600


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`jobs_at_once`: trained at the same time, where memory allows; None: 4 with users, 1 without any.
    `open_metrics`: /metrics needs no key."""

    jobs_at_once: Annotated[int, Meta(ge=1)] | None = None
    open_metrics: bool = False


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `users`: by name, the limits in which a person differs."""

    server: ServerSettings = ServerSettings()
    limits: Limits = Limits()
    users: dict[str, dict[str, int]] = {}

    def limits_of(self, user: User) -> Limits:
        """The limits of one user."""
        return _merge(self.limits, self.users.get(user.name, {}))


def _merge(limits: Limits, changes: dict[str, int]) -> Limits:
    return msgspec.convert({**msgspec.to_builtins(limits), **changes}, Limits)


def _parse(data: bytes | None) -> Settings:
    values = tomllib.loads(data.decode("utf-8")) if data is not None else {}
    settings = msgspec.convert(values, Settings)
    for changes in settings.users.values():
        _merge(settings.limits, changes)  # a wrong one is told now, not when the person comes
    return settings


class SettingsFile(WatchedFile[Settings]):
    """The settings of one home folder. Raises ValueError for a wrong file when the engine starts; later, what was read
    before still counts."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "team.toml", _parse)
