"""How many days are left: of the model that is rescued, and of training at the chosen server. It stays on the screen."""

from __future__ import annotations

import datetime

from core import clock
from core.providers import shutdown_dates
from core.rescue import records, report
from core.rescue.records import RescueRun
from core.storage.project import Changes, Project
from ui.widgets import basics, server_texts
from ui.workspace import Workspace

URGENT_DAYS = 7  # from which it is shown as what is about to be lost


class DeadlineLabel(basics.Note):
    """The line of a status bar: hidden where nothing ends soon, or the rescue is done."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setWordWrap(False)
        self._workspace = workspace
        self._run: RescueRun | None = None
        workspace.tasks.changed.connect(self._on_changes)
        workspace.offers_changed.connect(self.show_days)

    def load(self) -> None:
        """Read the rescue of the open project."""
        self._workspace.tasks.start("", self._load(self._workspace.project))

    async def _load(self, project: Project) -> None:
        run = await project.read(records.load_newest)
        if project is self._workspace.project:
            self._run = run
            self.show_days()

    def _on_changes(self, changes: Changes) -> None:
        if changes.tables & records.TABLES:
            self.load()

    def show_days(self) -> None:
        """Show the days that are left today."""
        text = ""
        today, run = clock.today(), self._run
        ends: list[datetime.date] = []
        if run is not None and not run.is_over:
            preset = server_texts.preset_of(self._workspace, run.plan.provider).id
            text = report.format_deadline(basics.short_model_name(run.plan.model), run.closing, preset, today)
            ends = [day for day in (run.closing, shutdown_dates.last_day(preset)) if day and day >= today]
        else:
            preset = server_texts.preset_of(self._workspace, self._workspace.settings.provider).id
            last = shutdown_dates.last_day(preset)
            if last and 0 <= (last - today).days <= shutdown_dates.WARNING_DAYS:
                ends = [last]
                title = self._workspace.provider_title()
                text = f"{title}: {report.format_deadline('', None, preset, today)}"
        is_urgent = any((day - today).days <= URGENT_DAYS for day in ends)
        self.show_text(text, "error" if is_urgent else "warning")
