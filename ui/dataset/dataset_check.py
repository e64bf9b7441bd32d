"""What the check of the whole set found, as the problems panel reads it: the one place of the window that asks for it."""

import sqlite3

from core.progress import Reporter
from core.review import findings
from core.storage.project import Changes, Project
from ui.dataset.problems_tree import ProblemGroup


def is_stale(db: sqlite3.Connection) -> bool:
    """Whether rows have changed since the last check."""
    return findings.is_stale(db)


async def refresh(project: Project, reporter: Reporter) -> Changes | None:
    """Check the whole set again; None where nothing was to be done. Raises `JukuError`, `CancelledError`."""
    return await findings.refresh(project, reporter)


def of_set(db: sqlite3.Connection) -> list[ProblemGroup]:
    """The problems that no single row has, such as too few rows."""
    return [ProblemGroup(found.rule, 0, found.message) for found in findings.of_set(db)]


def of_rows(db: sqlite3.Connection, rule: str, offset: int, limit: int) -> list[tuple[int, int, str]]:
    """Rows of one rule, cluster by cluster: id, cluster (0: none) and message. Empty for a rule of single rows."""
    return [(found.example, found.cluster, found.message) for found in findings.load(db, rule, offset, limit)]
