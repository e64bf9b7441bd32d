"""What jobs on this computer would need, in time and memory, before they start or a model is downloaded."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from core.progress import Reporter
from core.providers.local_engine import LocalProvider
from core.providers.protocol_types import TrainingEstimate
from core.storage.project import Project
from core.training import row_selection, teacher_messages
from core.training.submit import TrainingPlan

MAX_SENT_ROWS = 500  # of a job, evenly from all of them: the estimate needs their lengths


async def estimate_plans(
    project: Project, provider: LocalProvider, plans: Sequence[TrainingPlan], reporter: Reporter
) -> TrainingEstimate | None:
    """The time of all jobs together, and the memory of the one that needs most; None where there are no rows.

    Raises `ProviderError`, and `CancelledError` when the reporter is cancelled.
    """
    total: TrainingEstimate | None = None
    for plan in plans:
        reporter.check()
        rows, validation = await project.read(_load_rows, plan)
        if not rows:
            continue
        step = -(-len(rows) // MAX_SENT_ROWS)
        found = await provider.estimate_training(
            plan.model, plan.method, plan.hyperparameters or {}, rows[::step], len(rows), validation
        )
        total = found if total is None else _add(total, found)
    return total


def _load_rows(db: sqlite3.Connection, plan: TrainingPlan) -> tuple[list[str], int]:
    """The rows of a job, and how many it is validated on."""
    load = teacher_messages if teacher_messages.are_wanted(plan.hyperparameters) else row_selection
    rows = load.load_rows(db, plan.rows, version=plan.version)
    return rows, row_selection.count_rows(db, plan.rows, "validation") if plan.validation else 0


def _add(first: TrainingEstimate, second: TrainingEstimate) -> TrainingEstimate:
    """Two jobs, one after the other."""
    larger = max(first, second, key=lambda one: one.memory)
    return replace(
        larger, seconds=first.seconds + second.seconds, is_exact=first.is_exact and second.is_exact, free=second.free
    )
