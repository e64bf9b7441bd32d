"""The button that writes an exam's report: a page to send, a table, JSON, or a configuration for promptfoo."""

import sqlite3
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu, QPushButton

from core.activity_history import ActivityKind
from core.exam import report
from core.exam.report import FORMATS, ReportOptions, html_page
from core.language import tr
from ui.widgets import file_dialogs
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


class ReportButton(QPushButton):
    """Saves the report of a run; `show_run` sets which run, and whose marks count."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(tr("&Export"))
        self._workspace = workspace
        self._run, self._by = 0, ""
        menu = QMenu(self)
        for name, one in FORMATS.items():
            menu.addAction(f"{one.title()}…", partial(self._ask, name))
        self.setMenu(menu)

    def show_run(self, run: int, by: str) -> None:
        """Export the run `run` from now on, with the marks of `by`."""
        self._run, self._by = run, by

    def build_page(self, db: sqlite3.Connection, run: int) -> str:
        """The report of a run as HTML, with the marks that count here."""
        options = ReportOptions("", self._by, tuple(self._workspace.settings.providers))
        return html_page.build_page(db, run, "", self._by, options.titles)

    def _ask(self, format: str) -> None:
        suffix = FORMATS[format].suffix
        name = f"{self._workspace.project.path.stem} – {tr('Exam')} {self._run}{suffix}"
        file_dialogs.save_dialog(
            self, self._workspace.settings, file_dialogs.REPORTS, tr("Export the report"), name,
            lambda path: self.export_to(path, format), f"{FORMATS[format].title()} (*{suffix})",
        ).open()  # fmt: skip

    def export_to(self, path: Path, format: str) -> None:
        """Write the report of the run that is shown, off the window's thread."""
        self._workspace.tasks.start(tr("Export the report"), self._export(path, format), kind=ActivityKind.EXPORT)

    async def _export(self, path: Path, format: str) -> None:
        project = self._workspace.project
        options = ReportOptions(project.path.stem, self._by, tuple(self._workspace.settings.providers))
        await project.read(report.save, self._run, path, format, options)
        Notice(self.window(), tr("“{name}” was written.", name=path.name))
