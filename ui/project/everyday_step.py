"""Everyday rows for a page whose rows were made before a base model was there: added as the training step begins."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.activity_history import ActivityKind
from core.errors import JukuError
from core.generation import everyday_rows
from core.language import end_sentence, tr, trn
from core.storage.project import Project
from core.teaching.teaching_path import PathState
from ui.generation import model_rows_choice
from ui.project.project_window import ProjectWindow
from ui.widgets.message_bar import Notice
from ui.widgets.model_box import USABLE_STATES
from ui.workspace import Workspace


class EverydayStep(QObject):
    """Adds the rows that a training on this computer lacks, and says what was left out where it cannot."""

    ready = Signal()  # the training may start: what was wanted has been added, or is not wanted

    def __init__(self, workspace: Workspace, window: ProjectWindow) -> None:
        super().__init__(window)
        self._workspace, self._window = workspace, window
        self._done: set[Path] = set()  # projects that were asked for: whoever takes the rows back again wants none

    def is_due(self, state: PathState) -> bool:
        """Whether a training would go without everyday rows that belong to it: on this computer, on rows of the page.

        Who trains on the rows of a tag alone has chosen them.
        """
        is_here = self._workspace.settings.provider == model_rows_choice.SERVER
        is_whole = not self._window.training_tab.form.tag()
        return state.lacks_everyday and is_here and is_whole and self._workspace.project.path not in self._done

    def adds(self, state: PathState) -> bool:
        """Whether the training step adds them first: the base model is there, and can answer."""
        return self.is_due(state) and self._is_ready() and bool(self._find_speaker())

    def _is_ready(self) -> bool:
        offer = self._window.training_tab.form.offer()
        return offer is not None and offer.state in USABLE_STATES

    def _find_speaker(self) -> str:
        return model_rows_choice.find_speaker(self._workspace, self._window.training_tab.form.base.usable())

    def begin(self, state: PathState) -> None:
        """Add what is missing, then emit `ready`; at once where nothing is, or nothing can be added."""
        if self.adds(state):
            label = tr("Everyday questions")
            work = self._add(self._workspace.project, self._find_speaker(), label)
            self._workspace.tasks.start(label, work, self, ActivityKind.TRAINING)
            return
        if self.is_due(state) and self._is_ready():
            self._explain_none()
        self.ready.emit()

    def _explain_none(self) -> None:
        text = tr(
            "This training has no everyday questions, since no base model here was made for the language of the text: the "
            "model will forget much of everything else. Choose another base model to add them."
        )
        Notice(self._window, text, "note", lasting=True)

    def explain_later(self, state: PathState) -> None:
        """After the page's rows were made: say that the everyday rows are still to come."""
        if self.is_due(state):
            text = tr(
                "Everyday questions are still missing: they are answered by the base model, which is not ready yet. “Start "
                "training” in the steps above adds them; without them a model that is trained forgets everything else."
            )
            Notice(self._window, text, "note", lasting=True)

    async def _add(self, project: Project, speaker: str, label: str) -> None:
        workspace = self._workspace
        try:
            server = await workspace.provider(model_rows_choice.SERVER)
            added = await everyday_rows.add_rows(
                project, server, speaker, workspace.tasks.reporter(label), workspace.tasks.changed.emit, "approved"
            )
        except JukuError as error:
            workspace.tasks.tell(f"{error.title}\n{error.message}", is_failure=True)
            self._explain_failure(error)
            return
        text = trn("{n} everyday question was added, so that the model keeps what it knows besides.",
                   "{n} everyday questions were added, so that the model keeps what it knows besides.", added.rows)  # fmt: skip
        if not added.rows:
            text = tr("The base model answered no everyday question well: none were added.")
        workspace.tasks.tell(text)
        Notice(self._window, text, "good" if added.rows else "warning")
        self._go_on(project)

    def _explain_failure(self, error: JukuError) -> None:
        reason = " ".join(filter(None, (end_sentence(error.title), error.message)))
        text = tr("No everyday questions were added, and nothing was trained. {reason}", reason=reason)
        project = self._workspace.project
        notice = Notice(self._window, text, "warning", lasting=True)
        notice.add_button(tr("Train without them"), lambda: self._go_on(project))

    def _go_on(self, project: Project) -> None:
        if self._workspace.project is project:
            self._done.add(project.path)
            self.ready.emit()
