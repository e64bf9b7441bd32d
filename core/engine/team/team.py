"""Everything about users, put together once for the server. Without users it does nothing that a person would notice."""

from pathlib import Path

from core.engine.team.audit_log import AuditLog
from core.engine.team.counters import Counters
from core.engine.team.quotas import Quotas
from core.engine.team.settings import TEAM_JOBS_AT_ONCE, SettingsFile
from core.engine.team.users import User, UserStore


class Team:
    """The users of one home folder, their limits and what is noted of them. Raises ValueError for a file that cannot be
    read: nobody must come in by a damaged list of users, or without a limit by a damaged list of limits."""

    def __init__(self, home: Path) -> None:
        self.users = UserStore(home)
        self.settings = SettingsFile(home)
        self.quotas = Quotas(home, self.settings)
        self.audit = AuditLog(home)
        self.counters = Counters()

    def max_jobs(self) -> int:
        """How many jobs may train at the same time."""
        given = self.settings.value.server.jobs_at_once
        return given or (TEAM_JOBS_AT_ONCE if self.users.all() else 1)

    def note(self, user: User, action: str, target: str, status: int, request_id: str) -> None:
        """Write a line of the audit log, where there are users."""
        if self.users.all():
            self.audit.add(user, action, target, status, request_id)

    def stop(self) -> None:
        """Write what is not on the disk yet."""
        self.quotas.save()
        self.audit.close()
