"""Takes the next step from a text to a verdict at one click, and tells before it about how long it takes."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

from core.activity_history import ActivityKind
from core.dataset import draft_groups
from core.errors import JukuError
from core.generation.page_rows import RowChoice
from core.language import tr
from core.progress import Reporter
from core.providers import LOCAL
from core.providers.local_engine import LocalProvider
from core.storage.project import Changes, OnChanges, Project
from core.teaching import teaching_path
from core.teaching.teaching_path import PathState, PathStep
from core.training import estimates
from core.training.row_selection import MINIMUM_ROWS
from core.training.submit import TrainingPlan
from ui.activities import Activity
from ui.dataset import bulk_actions
from ui.dataset.hold_out_dialog import HoldOutDialog
from ui.generation import model_rows_choice
from ui.generation.generation_dialog import GenerationDialog
from ui.generation.model_rows_choice import ModelRows
from ui.llm_run_runner import LlmRunResult
from ui.project.everyday_step import EverydayStep
from ui.project.project_window import ProjectWindow
from ui.project.teaching_path_bar import TeachingPathBar
from ui.tab_base import Tab
from ui.widgets.length_and_time_texts import format_about
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

ESTIMATE_DELAY_MS = 2000  # milliseconds after the last change of rows or settings
ROWS_TASK = "examples"  # of the runner of generated rows, which knows what is running
SECONDS_PER_FACT = 0.1  # to make the rows of a fact by rules: 0.01 to 0.07 on two busy cores
EVERYDAY_SECONDS = 20  # for the answers to everyday questions, by a small model on two cores
RUNNING_KINDS = {
    PathStep.FACTS: {ActivityKind.IMPORT},
    PathStep.ROWS: {ActivityKind.GENERATION, ActivityKind.IMPORT},
    PathStep.TRAINING: {ActivityKind.TRAINING, ActivityKind.MODEL, ActivityKind.TEACHING},
    PathStep.EXAM: {ActivityKind.EXAM, ActivityKind.TEACHING},
}


class TeachingPathActions(QObject):
    """Does in the tabs what the person would do there; each click shows its tab first."""

    def __init__(self, workspace: Workspace, window: ProjectWindow, bar: TeachingPathBar) -> None:
        super().__init__(window)
        self._workspace, self._window, self._bar = workspace, window, bar
        self._shown: Activity | None = None
        self._estimated: tuple[tuple[PathState, TrainingPlan], str] | None = (
            None  # what a time was asked for, and the time
        )
        # A process of the engine measures this computer: not while the window is being opened.
        self._estimating = QTimer(self, singleShot=True, interval=ESTIMATE_DELAY_MS)
        self._estimating.timeout.connect(self._on_estimating)
        self.everyday = EverydayStep(workspace, window)
        self.everyday.ready.connect(window.training_tab.form.start.click)
        bar.next_wanted.connect(self.take)
        bar.cancel_wanted.connect(self._on_cancel)
        bar.read.connect(self._show)
        workspace.activities.changed.connect(self._show)
        workspace.activities.progressed.connect(self._show)
        workspace.offers_changed.connect(self._estimate_training)
        window.exam_tab.form.changed.connect(self._show)
        window.training_tab.form.base.currentIndexChanged.connect(lambda _index: self._show())
        window.spec_tab.pane.found.connect(self._show)

    def _show(self, _progressed: Activity | None = None) -> None:
        """Tell what runs for the next step, or how long that will take."""
        self._estimate_training()
        state = self._bar.state
        step = state.next_step if state else None
        running = self._workspace.activities.running() if step else []
        project = str(self._workspace.project.path)
        kinds = RUNNING_KINDS.get(step, set()) if step else set()
        mine = (one for one in running if one.entry.kind in kinds and one.entry.project in ("", project))
        self._shown = next(mine, None)
        if self._shown is not None:
            self._bar.show_running(self._shown)
        elif state is not None:
            adds = state.next_step == PathStep.TRAINING and self.everyday.adds(state)
            self._bar.show_next(teaching_path.act_title(state), self._format_time(state), adds)

    def _format_time(self, state: PathState) -> str:
        match state.next_step:
            case PathStep.FACTS:
                return format_about(0)
            case PathStep.ROWS if state.needs_rows and not state.drafts:
                speaks = model_rows_choice.find_speaker(self._workspace)
                return format_about(SECONDS_PER_FACT * state.facts + (EVERYDAY_SECONDS if speaks else 0))
            case PathStep.TRAINING:
                return self._estimated[1] if self._estimated and self._estimated[0] == self._training(state) else ""
            case PathStep.EXAM:
                return format_about(self._window.exam_tab.form.seconds) if self._window.exam_tab.form.seconds else ""
        return ""

    def _estimate_training(self) -> None:
        state = self._bar.state
        if state is None or state.next_step != PathStep.TRAINING or self._workspace.settings.provider != LOCAL:
            return
        wanted = self._training(state)
        is_known = self._estimated is not None and self._estimated[0] == wanted
        form = self._window.training_tab.form
        if not is_known and form.offer() and not form.problem() and self._workspace.tasks.can_start():
            self._estimated = wanted, tr("the time is being estimated…")
            self._estimating.start()

    def _on_estimating(self) -> None:
        if self._estimated is not None and self._workspace.tasks.can_start():
            self._workspace.tasks.start("", self._load_training_time(self._estimated[0]))

    def _training(self, state: PathState) -> tuple[PathState, TrainingPlan]:
        """What a time is estimated for: these rows with the settings of the form."""
        return state, self._window.training_tab.form.plan()

    async def _load_training_time(self, wanted: tuple[PathState, TrainingPlan]) -> None:
        provider = await self._workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        plan = wanted[1]
        try:
            found = await estimates.estimate_plans(self._workspace.project, provider, [plan], Reporter())
        except JukuError:  # what is wrong is said when it is to start
            found = None
        if self._estimated is not None and self._estimated[0] == wanted:
            self._estimated = wanted, format_about(found.seconds) if found else ""
            self._show()

    def take(self) -> None:
        """Take the next step."""
        state, window = self._bar.state, self._window
        if state is None:
            return
        match state.next_step:
            case PathStep.TEXT:
                self._take_text()
            case PathStep.FACTS:
                window.tabs.setCurrentWidget(window.spec_tab)
                window.spec_tab.show_facts()
                window.spec_tab.pane.add_missing()
            case PathStep.ROWS:
                self._take_rows(state)
            case PathStep.TRAINING:
                window.tabs.setCurrentWidget(window.training_tab)
                self.everyday.begin(state)
            case PathStep.EXAM:
                window.tabs.setCurrentWidget(window.exam_tab)
                window.exam_tab.form.start.click()
            case None:
                window.tabs.setCurrentWidget(window.exam_tab)
        # The button is off while the step runs, and Qt would give the keyboard to the first step of the bar.
        if self._bar.act.hasFocus() and isinstance(tab := window.tabs.currentWidget(), Tab):
            widget = tab.main_widget()
            (widget if widget.isEnabled() else window.tabs.tabBar()).setFocus()

    def _take_text(self) -> None:
        """Paste what is on the clipboard; without a text there, say what to do."""
        tab = self._window.spec_tab
        self._window.tabs.setCurrentWidget(tab)
        tab.show_text()
        if QGuiApplication.clipboard().text().strip():
            tab.editor.paste()
            self._workspace.tasks.start("", tab.flush())
        else:
            text = tr("The clipboard has no text. Copy one and press the button again, drop a file here, or write.")
            Notice(self._window, text, "note")

    def _take_rows(self, state: PathState) -> None:
        if state.needs_rows and state.drafts:
            self._window.show_examples("status:draft")
            self._workspace.tasks.start("", self._approve())
        elif state.needs_rows and not state.facts:
            self._window.tabs.setCurrentWidget(self._window.dataset_tab)
        elif state.needs_rows:
            self._make_rows()
        else:
            HoldOutDialog(self._workspace, self._window).open()

    def _make_rows(self) -> None:
        """Make the page's rows and, with a base model that is ready, everyday ones: without them it forgets all else."""
        label, runner = tr("Generate rows without a model"), self._workspace.llm_runs
        self._window.show_examples("status:draft")
        if speaker := model_rows_choice.find_speaker(self._workspace, self._window.training_tab.form.base.usable()):
            everyday = ModelRows(self._workspace, speaker, None, own=False, everyday=True)

            async def work(project: Project, reporter: Reporter, on_changes: OnChanges) -> str:
                return await everyday.add_with_page_rows(project, label, RowChoice(), reporter, on_changes)

            runner.run(ROWS_TASK, label, work)
        else:
            runner.write(ROWS_TASK, label, model_rows_choice.write_page_rows(RowChoice()))
        runner.ended.connect(self._on_rows_made)

    def _on_rows_made(self, ended: LlmRunResult) -> None:
        if ended.task != ROWS_TASK:
            return
        self._workspace.llm_runs.ended.disconnect(self._on_rows_made)
        QTimer.singleShot(0, self, lambda: self._workspace.tasks.start("", self._explain_rows()))

    async def _explain_rows(self) -> None:
        """Where the rules gave too few rows, a model can write more; without a base model everyday rows come later."""
        state = await self._workspace.project.read(teaching_path.load)
        if state.rows + state.drafts < MINIMUM_ROWS:
            text = tr("That gave {n} rows; a training needs {minimum}. Write more text and facts, or let a chat model write rows.",
                      n=state.rows + state.drafts, minimum=MINIMUM_ROWS)  # fmt: skip
            notice = Notice(self._window, text, "warning", lasting=True)
            notice.add_button(tr("Generate missing rows…"), self._open_generation)
        else:
            self.everyday.explain_later(state)

    def _open_generation(self) -> None:
        GenerationDialog(self._workspace, parent=self._window).open()

    async def _approve(self) -> Changes | None:
        """Approve the drafts that have no problem; the others stay, and are said."""
        groups = await self._workspace.project.read(draft_groups.load_groups)
        ids = [id for group in groups for id in group.choose(without_doubted=True)]
        left = sum(len(group.ids) for group in groups) - len(ids)
        if ids:
            bulk_actions.approve(self._workspace, ids)
        if ids and not left:
            self._window.show_examples("")  # of the drafts, none would be left to see
        if left:
            Notice(self._window, teaching_path.describe_doubted(left), "note", lasting=True)
        return None

    def _on_cancel(self) -> None:
        if self._shown is not None and self._shown.cancel:
            self._shown.cancel()
