"""Rescues a model of the open project without a person, with or without an open dialog; one rescue at a time."""

from __future__ import annotations

from functools import partial

from core.activity_history import ActivityKind
from core.language import tr
from core.progress import Reporter
from core.rescue import loop, records
from core.rescue.records import RescuePlan
from core.storage.project import OnChanges, Project
from ui.training.plan_runner import PlanRunner


class RescueRunner(PlanRunner):
    """Runs the steps of a rescue (core/rescue/loop.py). Its progress is the steps that are done."""

    kind = ActivityKind.RESCUE

    def start(self, plan: RescuePlan) -> None:
        """Begin a rescue."""
        self._run(tr("Rescuing a model"), partial(self._rescue, plan, None))

    def go_on(self, id: int, name: str = "") -> None:
        """Continue a rescue that was stopped, failed, or interrupted; `name` is what the new model answers to, '' for its own."""
        self._run(tr("Rescuing a model"), partial(self._continue, id, name))

    async def _continue(self, id: int, name: str, project: Project, reporter: Reporter, notify: OnChanges) -> None:
        if name:
            notify(await project.write("", records.set_model, id, name))
        await self._rescue(None, id, project, reporter, notify)

    async def _rescue(
        self, plan: RescuePlan | None, id: int | None, project: Project, reporter: Reporter, notify: OnChanges
    ) -> None:
        connect = self._workspace.provider
        if plan is not None:
            id = await loop.begin(project, await connect(plan.provider), plan, notify)
        assert id is not None
        follow, leaves = partial(self._follow, project), partial(self._is_left, project)
        await loop.resume(project, connect, id, reporter, notify, follow, leaves)
