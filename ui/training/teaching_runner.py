"""Teaches the open project until it is learned, with or without an open dialog; one run at a time."""

from __future__ import annotations

from functools import partial

from core.activity_history import ActivityKind
from core.language import tr
from core.progress import Reporter
from core.storage.project import OnChanges, Project
from core.teaching import loop
from core.teaching.records import TeachingPlan
from ui.training.plan_runner import PlanRunner


class TeachingRunner(PlanRunner):
    """Runs the loop of teaching (core/teaching/loop.py). Its progress is the seconds used of the budget."""

    kind = ActivityKind.TEACHING

    def start(self, plan: TeachingPlan) -> None:
        """Begin a run."""
        self._run(tr("Teaching until learned"), partial(self._teach, plan, None))

    def go_on(self, id: int) -> None:
        """Continue a run that was stopped, failed, or interrupted."""
        self._run(tr("Teaching until learned"), partial(self._teach, None, id))

    async def _teach(
        self, plan: TeachingPlan | None, id: int | None, project: Project, reporter: Reporter, notify: OnChanges
    ) -> None:
        if plan is not None:
            id = await loop.begin(project, plan, reporter, notify)
        assert id is not None
        follow, leaves = partial(self._follow, project), partial(self._is_left, project)
        await loop.resume(project, self._workspace.provider, id, reporter, notify, follow, leaves)
