"""The exam tab: the held-out questions put to several models under several conditions, and the results."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from core.activity_history import ActivityKind
from core.dataset import filters, row_system_prompts
from core.dataset.row_system_prompts import PromptUse
from core.exam import answers, exam_duration, questions
from core.exam import runs as exam_runs
from core.exam.runs import ExamEstimate, ExamPlan, ExamRun, ExamStatus, ExamSubject
from core.language import tr, trn
from core.providers import LOCAL
from core.providers.models_api import is_tuned
from core.spec import spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.training import lineage
from ui import style
from ui.dataset.approval_dialog import ApprovalDialog
from ui.dataset.hold_out_dialog import HoldOutDialog
from ui.exam import exam_texts
from ui.exam.exam_form import ExamForm
from ui.exam.report_button import ReportButton
from ui.exam.result_pages import ResultPages
from ui.exam.start_page import ExamProgressLine, ExamStartPage, ask_about_prompt
from ui.generation.generation_dialog import GenerationDialog
from ui.generation.llm_run_dialog import show_run_outcome
from ui.tab_base import Tab
from ui.widgets import basics, kept_inputs, printing, screen_fit
from ui.widgets.confirm import Role, confirm
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.workspace import Workspace

EXAM_TABLES = {Table.EVAL_RUN, Table.EVAL_SUBJECT, Table.EVAL_QUESTION, Table.EVAL_ANSWER, Table.FACT}
QUESTION_TABLES = {Table.EXAMPLE, Table.SPEC, Table.JOB}  # tables that decide what an exam would ask
QUESTIONS_FILTER = filters.format_filter(questions.EXAM_ROWS)


class ExamTab(Tab):
    """The form or the result of a run; `runs` chooses which."""

    icon = "exam"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._exam: asyncio.Task[None] | None = None
        self._runs: list[ExamRun] = []
        self._wanted_run: int | None = None  # the run that the window before has shown
        self._counts: dict[int, tuple[int, int]] = {}
        self._unjudged = 0  # answers of the run that is shown, which its judge has not seen
        self.shown_project: Project | None = None  # whose runs these are
        self._reload = ThrottledReload(workspace, self, self._load)
        self._estimate_reload = ThrottledReload(workspace, self, self._load_estimates)
        self.form, self.result = ExamForm(workspace), ResultPages(workspace)
        self.running, self.empty = ExamProgressLine(), ExamStartPage()
        self._make_run_row()
        self._lay_out()
        self._connect()
        self._show_state()

    def title(self) -> str:
        return tr("Exam")

    def _make_run_row(self) -> None:
        self.runs, self.new = DropDown(), basics.toggle_button(tr("&New exam"))
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setMinimumContentsLength(30)
        self.go_on, self.again = QPushButton(), QPushButton(tr("&Use the same settings"))
        self.again.setToolTip(tr("Fill in the form as in this exam"))
        self.delete, self.export = QPushButton(tr("De&lete…")), ReportButton(self.workspace)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        name = QLabel(tr("Re&sult of"))
        name.setBuddy(self.runs)
        row.addWidget(name)
        row.addWidget(self.runs, 1)
        for button in (self.go_on, self.again, self.export, self.delete, self.new):
            row.addWidget(button)
        self._row = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        self._row.setLayout(row)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.result)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        for part in (self._row, self.form, self.running):
            layout.addWidget(part)
        layout.addWidget(screen_fit.wrap_in_scroll_area(self.pages), 1)

    def _connect(self) -> None:
        self.runs.activated.connect(lambda _index: self._on_chosen())
        self.new.toggled.connect(lambda _on: self._on_new())
        self.form.changed.connect(self._estimate_soon)
        self.form.start_wanted.connect(self._on_start_wanted)
        self.form.prompt_wanted.connect(self._on_prompt)
        self.running.stop.clicked.connect(lambda _checked: self._exam and self._exam.cancel())
        self.go_on.clicked.connect(lambda _checked: self._on_go_on())
        self.again.clicked.connect(lambda _checked: self._on_again())
        self.delete.clicked.connect(lambda _checked: self._on_delete())
        self.empty.show_questions.clicked.connect(lambda _checked: self.show_examples.emit(QUESTIONS_FILTER))
        self.empty.keep_wanted.connect(self._on_hold_out)
        self.form.keep_wanted.connect(self._on_hold_out)
        self.result.wordings_wanted.connect(self._on_wordings)
        self.result.shown.connect(self.export.show_run)

    def print_title(self) -> str:
        run = self.run()
        return f"{self.workspace.project.path.stem} – {self.title()} {run.id}" if run else ""

    async def build_document(self) -> QTextDocument:
        run = self.run()
        assert run, "print_title tells that there is one"
        page = await self.workspace.project.read(self.export.build_page, run.id)
        return printing.build_report_document(page)

    def main_widget(self) -> QWidget:
        return self.new if self.run() else self.form.start

    def refresh(self, changes: Changes) -> None:
        if changes.tables & (EXAM_TABLES | {Table.EVAL_MARK}) or self.workspace.project is not self.shown_project:
            if changes.tables & EXAM_TABLES or self.workspace.project is not self.shown_project:
                self._reload.request()
            else:
                self.result.note_marks()
        if Table.SPEC in changes.tables:
            self.form.subjects.show_offers()  # its language decides which base model is preset
        if changes.tables & QUESTION_TABLES:
            self._estimate_reload.request()

    def show_offers(self) -> None:
        self.form.show_offers()

    def take_over(self, other: Tab) -> None:
        assert isinstance(other, ExamTab)
        self._take_over_exam(other)
        kept_inputs.copy_inputs(other.form, self.form)
        if other.new.isChecked():
            self.new.setChecked(True)
        self._wanted_run = other.runs.currentData()
        self.result.pages.setCurrentIndex(other.result.pages.currentIndex())

    def choose_model(self, provider: str, model: str) -> None:
        """Examine `model` of a provider beside what is chosen already."""
        self.form.subjects.prefer(provider, model)
        self.new.setChecked(True)

    def run(self) -> ExamRun | None:
        """The run that is shown."""
        return next((run for run in self._runs if run.id == self.runs.currentData()), None)

    def _on_start_wanted(self) -> None:
        """Start, after a word where the models would be asked under another prompt than they were trained with."""
        if self.form.trained is None:
            self._on_start()
        else:
            on_use = self.form.as_trained.click if self.form.trained.is_offered else None
            ask_about_prompt(self, self.form.warning.text(), on_use, self._on_start)

    def _on_prompt(self, prompt: str) -> None:
        write = self.workspace.project.write
        self.workspace.tasks.start("", write(tr("Use the rows’ prompt"), row_system_prompts.use_prompt, prompt))

    def _on_start(self) -> None:
        self.new.setChecked(False)
        plan = self.form.plan()
        self._begin(partial(self._examine, plan), plan.subjects)

    def _on_go_on(self) -> None:
        if run := self.run():
            self._begin(partial(self._continue, run.id), run.subjects)

    def _begin(self, work: Callable[[], Awaitable[None]], subjects: Sequence[ExamSubject]) -> None:
        unready = {(LOCAL, offer.id) for offer in self.workspace.known_offers(LOCAL) if offer.converts}
        self.running.begin(time.monotonic(), any((one.provider, one.model) in unready for one in subjects))
        tasks, work_of_window = self.workspace.tasks, _await_exam(self.workspace, work)
        self._follow_exam(tasks.start(tr("Exam"), work_of_window, kind=ActivityKind.EXAM, is_windowless=True))
        self._show_state()

    def _follow_exam(self, exam: asyncio.Task[None]) -> None:
        """Show that an exam is running until it has ended."""
        self._exam = exam
        exam.add_done_callback(lambda _task: self._on_exam_ended())

    def _on_exam_ended(self) -> None:
        if isValid(self):  # else another window has taken the place of this tab's meanwhile
            self._exam = None
            self._show_state()

    def _take_over_exam(self, other: "ExamTab") -> None:
        """Show the exam that the tab of another window has begun; its progress goes on."""
        if other._exam is not None and not other._exam.done():
            self.running.take_over(other.running)
            self._follow_exam(other._exam)
            self._show_state()

    async def _examine(self, plan: ExamPlan) -> None:
        tasks, project = self.workspace.tasks, self.workspace.project
        await exam_runs.examine(project, self.workspace.provider, plan, tasks.reporter(tr("Exam")), tasks.changed.emit)

    async def _continue(self, run: int) -> None:
        tasks, project = self.workspace.tasks, self.workspace.project
        await exam_runs.resume(project, self.workspace.provider, run, tasks.reporter(tr("Exam")), tasks.changed.emit)

    async def _load(self, project: Project) -> None:
        """Read which runs there are; the result reads the one that is shown."""
        found, counts = await project.read(_load_overview)
        if project is not self.workspace.project:
            return
        self._counts = counts
        if project is not self.shown_project:
            self._remember_subjects(found)
        self._show_runs(project, found)
        run = self.run()
        self._unjudged = 0
        if run is not None:
            self.result.show_run(run.id)
            if run.judge and run.status in (ExamStatus.CANCELLED, ExamStatus.FAILED):
                self._unjudged = await project.read(answers.count_unjudged, run.id)
        self.pages.setCurrentIndex(0 if run is None else 1)
        self._show_state()

    def _remember_subjects(self, runs: list[ExamRun]) -> None:
        """Begin with who was chosen in this project last, else with who was examined last."""
        subjects = self.form.subjects
        if self.shown_project is not None or not subjects.is_touched():
            last = runs[0].subjects if runs else []
            subjects.remember(
                subjects.load_choice() or [ExamSubject(one.provider, one.model, one.condition) for one in last]
            )

    async def _load_estimates(self, project: Project) -> None:
        """Estimate the exam that is chosen in the form."""
        if not self.form.isHidden():
            plan = self.form.plan()
            sizes = {offer.id: offer.bytes for offer in self.workspace.known_offers(LOCAL)}
            found, seconds = await project.read(_read_estimates, plan, sizes)
            trained, wanted = await project.read(_load_trained_prompt, plan)
            if project is self.workspace.project:
                self.form.show_estimates(found, seconds)
                self.form.show_trained(trained, wanted)
                first = found[0] if found else None
                self.empty.show_count(*(first.requests - first.general, first.general) if first else (0, 0))

    def _show_runs(self, project: Project, found: list[ExamRun]) -> None:
        """List the runs; a new one is shown at once, else the choice stays."""
        known = {run.id for run in self._runs} if project is self.shown_project else set()
        if project is not self.shown_project and self._wanted_run is not None:
            known = {run.id for run in found}
        chosen = self.runs.currentData() if project is self.shown_project else self._wanted_run
        if found != self._runs or project is not self.shown_project:
            self.runs.clear()
            for run in found:
                self.runs.addItem(exam_texts.format_run(run), run.id)
            is_new = bool(found) and found[0].id not in known
            self.runs.setCurrentIndex(0 if is_new else max(0, self.runs.findData(chosen)))
        if project is not self.shown_project:
            if self._wanted_run is None:
                self.new.setChecked(False)
            self._estimate_reload.request()
        self._runs, self.shown_project, self._wanted_run = found, project, None

    def _show_state(self) -> None:
        """Show what can be done now: a running exam can be stopped, an interrupted one continued."""
        run, running = self.run(), self._exam is not None
        self._row.setVisible(run is not None)
        had_keyboard = self.form.isAncestorOf(QApplication.focusWidget() or self)
        self.form.setVisible(run is None or self.new.isChecked())
        if had_keyboard and self.form.isHidden():
            self.runs.setFocus()  # Qt would give it to the first widget of the window
        self.form.show_running(running)
        self.running.setVisible(running)
        asked = next((one for one in self._runs if one.status == ExamStatus.RUNNING), None)
        self.running.show_batch(asked is not None and asked.batch)
        self.running.show_counts(*self._counts_of(asked), time.monotonic())
        for activity in self.workspace.activities.running() if running else []:
            if activity.entry.kind == ActivityKind.EXAM:  # the bar tells the same time as this tab
                activity.tell_time_left(self.running.seconds_left)
        done, wanted = self._counts_of(run)
        left = wanted - done
        self.go_on.setVisible(run is not None and not running and (left > 0 or self._unjudged > 0))
        self.go_on.setText(
            trn("&Continue: {n} answer missing", "&Continue: {n} answers missing", left)
            if left > 0
            else trn("&Continue: {n} answer not judged", "&Continue: {n} answers not judged", self._unjudged)
        )
        self.delete.setEnabled(not running)

    def _counts_of(self, run: ExamRun | None) -> tuple[int, int]:
        """How many answers of a run there are, and how many there should be."""
        return self._counts.get(run.id, (0, 0)) if run else (0, 0)

    def _on_chosen(self) -> None:
        self._reload.request()

    def _on_new(self) -> None:
        self._show_state()
        self._estimate_soon()

    def _estimate_soon(self) -> None:
        if self.workspace.tasks.can_start():
            self._estimate_reload.request()

    def _on_again(self) -> None:
        if run := self.run():
            self.form.fill(run)
            self.new.setChecked(True)

    def _on_delete(self) -> None:
        run = self.run()
        if run is None:
            return
        project, tasks = self.workspace.project, self.workspace.tasks
        confirm(
            self,
            tr("Delete an exam"),
            tr("Delete this exam with all its answers and marks?"),
            f"{exam_texts.format_run(run)}\n\n{tr('This cannot be undone.')}",
            tr("Delete"),
            lambda: tasks.start("", project.write("", exam_runs.delete, run.id)),
            Role.DestructiveRole,
        )

    def _on_hold_out(self) -> None:
        """Choose rows that are to be kept for the exam."""
        dialog = HoldOutDialog(self.workspace, self)
        dialog.questions_wanted.connect(lambda: self.show_examples.emit(QUESTIONS_FILTER))
        dialog.open()

    def _on_wordings(self, names: list[str]) -> None:
        """Make examples for these facts, which the model has not learned."""
        dialog = GenerationDialog(self.workspace, set(names), self, more=True)
        show_run_outcome(dialog, self.window(), self._open_approval)
        dialog.drafts_wanted.connect(lambda: self.show_examples.emit("status:draft"))
        dialog.approval_wanted.connect(self._open_approval)
        dialog.open()

    def _open_approval(self) -> None:
        ApprovalDialog(self.workspace, self).open()


async def _await_exam(workspace: Workspace, work: Callable[[], Awaitable[None]]) -> None:
    """Wait for an exam, and tell what came of it; of no window, since another one may take its place meanwhile."""
    await work()
    if newest := await workspace.project.read(exam_runs.load_all):
        workspace.tasks.tell(exam_texts.format_run(newest[0]))


def _load_overview(db: sqlite3.Connection) -> tuple[list[ExamRun], dict[int, tuple[int, int]]]:
    return exam_runs.load_all(db), answers.count_by_run(db)


def _load_trained_prompt(db: sqlite3.Connection, plan: ExamPlan) -> tuple[PromptUse | None, str]:
    """The prompt under which the plan's models were trained, where the exam would ask under another; and that other."""
    models = [(one.provider, one.model) for one in plan.subjects if is_tuned(one.model)]
    return lineage.find_differing_prompt(db, models), spec.load(db).system_prompt


def _read_estimates(db: sqlite3.Connection, plan: ExamPlan, sizes: dict[str, int]) -> tuple[list[ExamEstimate], float]:
    found = exam_runs.estimate(db, plan)
    return found, exam_duration.estimate_seconds(db, found, plan.sampling.n, sizes)
