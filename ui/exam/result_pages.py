"""The result of an exam in four pages: summary, heat map, blind marking, trend chart."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from core.exam import answers, checkpoint_trends, judges
from core.exam.judges import JUDGE, PERSON
from core.language import tr
from core.storage.project import Project
from ui import style
from ui.exam import result_data
from ui.exam.blind_marking import BlindMarking
from ui.exam.heat_map import HeatMap
from ui.exam.heat_map_model import SHOW_ALL
from ui.exam.result_data import RUN_GRADER, ExamOutcome
from ui.exam.result_summary import ResultSummary
from ui.exam.trend_chart import TrendChart
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ThrottledReload
from ui.workspace import Workspace

SUMMARY_PAGE, HEAT_MAP_PAGE, MARKING_PAGE, TREND_PAGE = range(4)


class ResultPages(QWidget):
    """Reads a run off the window's thread and shows it: totals first, then what takes longer to compute."""

    wordings_wanted = Signal(list)  # names of facts
    shown = Signal(int, str)  # a run, and whose marks count

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._run = 0
        self._against = 0
        self._stale = False  # whether marks were made since the result was read
        self._outcome: ExamOutcome | None = None
        self._reload = ThrottledReload(workspace, self, self._load)
        self._comparing, self._answering = LatestTask(workspace, self), LatestTask(workspace, self)
        self.overview, self.heat = ResultSummary(), HeatMap()
        self.marking, self.chart = BlindMarking(workspace), TrendChart()
        self.by = DropDown()
        self.by.setAccessibleName(tr("Marks to use"))
        self.by.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.pages = QTabWidget(documentMode=True)
        self.pages.tabBar().setDrawBase(False)
        for page, title in (
            (self.overview, tr("Overview")), (self.heat, tr("Facts and answers")), (self.marking, tr("Mark blind")),
            (self.chart, tr("Over time")),
        ):  # fmt: skip
            self.pages.addTab(page, title)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, style.SPACE // 3)
        row.setSpacing(style.SPACE)
        name = basics.label(tr("Marks b&y"), dim=True)
        name.setBuddy(self.by)
        row.addWidget(name)
        row.addWidget(self.by)
        self.pages.setCornerWidget(corner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)

    def _connect(self) -> None:
        self.by.activated.connect(lambda _index: self._reload.request())
        self.overview.line_wanted.connect(self._on_line_wanted)
        self.overview.wordings_wanted.connect(self.wordings_wanted)
        self.overview.against_chosen.connect(self._on_against)
        self.heat.answers.wanted.connect(self._on_answers_wanted)
        self.marking.left.connect(self._on_marking_left)
        self.pages.currentChanged.connect(lambda _page: self._on_page())

    def outcome(self) -> ExamOutcome | None:
        """The run that is shown, as it was read last."""
        return self._outcome

    def show_run(self, run: int) -> None:
        """Show this run, as it is now."""
        if run != self._run:
            self._run, self._against = run, 0
            self._outcome = None
            self.by.clear()
        self.marking.show_run(run)
        self._reload.request()

    def note_marks(self) -> None:
        """Marks were made: they are counted at once, or when the page on which a person marks is left."""
        if self.pages.currentIndex() == MARKING_PAGE and self.marking.isVisible():
            self._stale = True
        else:
            self._reload.request()

    def _on_marking_left(self) -> None:
        if self._stale and self._workspace.tasks.can_start():
            self._stale = False
            self._reload.request()

    async def _load(self, project: Project) -> None:
        run = self._run
        if not run:
            return
        by = self.by.currentData() or RUN_GRADER
        titles = server_texts.server_titles(self._workspace)
        outcome = await project.read(result_data.load_outcome, run, by, titles)
        if run != self._run or project is not self._workspace.project:
            return
        self._outcome = outcome
        self._show(outcome)
        self._compare(project, outcome)
        if self.pages.currentIndex() == TREND_PAGE:
            self.chart.show_points(await project.read(checkpoint_trends.load_points, by))

    def _show(self, outcome: ExamOutcome) -> None:
        self._show_by(outcome)
        self.overview.show_outcome(outcome, self._against)
        self.heat.show_outcome(outcome)
        self.shown.emit(outcome.run.id, outcome.by)

    def _show_by(self, outcome: ExamOutcome) -> None:
        """Whose marks there are, and how many."""
        shown = [(judges.grader_title(RUN_GRADER, outcome.run.grader), RUN_GRADER)]
        for by in (JUDGE, PERSON):
            if outcome.marked.get(by) or outcome.by == by:
                count = outcome.marked.get(by, 0)
                shown.append((f"{judges.grader_title(by, '')} ({count:,})", by))
        if [text for text, _by in shown] != [self.by.itemText(at) for at in range(self.by.count())]:
            self.by.clear()
            for text, by in shown:
                self.by.addItem(text, by)
        self.by.setCurrentIndex(max(0, self.by.findData(outcome.by)))

    def _compare(self, project: Project, outcome: ExamOutcome) -> None:
        async def work() -> None:
            compared = await asyncio.to_thread(result_data.compare_subjects, outcome.result, self._against)
            checks = await project.read(result_data.format_checks, outcome)
            if outcome is self._outcome and compared.against == self._against:
                self.overview.show_compared(compared, checks)

        self._comparing.start(lambda _reporter: work())

    def _on_against(self, subject: int) -> None:
        self._against = subject
        self.heat.set_reference(subject)
        if self._outcome is not None:
            self._compare(self._workspace.project, self._outcome)

    def _on_line_wanted(self, level: str, key: str, wanted: str) -> None:
        self.pages.setCurrentIndex(HEAT_MAP_PAGE)
        self.heat.show_line(level, key, wanted or SHOW_ALL)

    def _on_answers_wanted(self, question: int) -> None:
        project, run = self._workspace.project, self._run

        async def work() -> None:
            found = await project.read(answers.load_answers, run, [question])
            marks = await project.read(answers.load_marks, run, [question])
            if run == self._run and project is self._workspace.project:
                self.heat.answers.show_answers(question, found, marks)

        if self._workspace.tasks.can_start():
            self._answering.start(lambda _reporter: work())

    def _on_page(self) -> None:
        if self.pages.currentIndex() == TREND_PAGE:
            self._reload.request()
