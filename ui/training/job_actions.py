"""The actions for the selected jobs (button, menu, key), each offered only where it makes sense, and what they do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

from core.errors import JukuError
from core.language import tr, trn
from core.providers import LOCAL, JobStatus
from core.storage.project import Changes
from core.training import submit
from core.training.jobs import UNSENT, Job
from core.training.submit import TrainingPlan
from ui.training.server_contents_dialog import MAX_NAMED, ask_to_delete
from ui.widgets import basics
from ui.widgets.confirm import Role, confirm
from ui.workspace import Workspace

SINGLE_JOB, MANY_JOBS = True, False
PAUSABLE_STATUSES = (JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.VALIDATING_FILES)


@dataclass(frozen=True, slots=True)
class JobAction:
    """An action on jobs: its `text`, a key, whether it is for one job only, and for which jobs it makes sense."""

    text: str
    key: str
    single: bool
    suits: Callable[[Job], bool]


NEEDED_CAPABILITIES = {"pause": "pause", "resume": "pause", "delete": "model_delete"}  # by action, of its server


class JobActions(QObject):
    """The actions on the selected jobs. `wanted` gives an action's name and the jobs it is for."""

    wanted = Signal(str, list)

    def __init__(
        self, owner: QWidget, may_have: Callable[[str, str], bool] = lambda _provider, _capability: True
    ) -> None:
        """`may_have` tells whether a provider may have a capability: what a server lacks is not offered."""
        super().__init__(owner)
        self._acts, self._may_have = _make_actions(), may_have
        self._selected: list[Job] = []
        self.actions: dict[str, QAction] = {}
        for name, act in self._acts.items():
            action = QAction(act.text, owner)
            if act.key:
                action.setShortcut(QKeySequence(act.key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _checked=False, name=name: self._on_triggered(name))
            owner.addAction(action)
            self.actions[name] = action
        owner.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.show_selected([])

    def show_selected(self, selected: Sequence[Job]) -> None:
        """Offer what can be done with these."""
        self._selected = list(selected)
        for name, action in self.actions.items():
            fitting = self._fitting(name)
            action.setVisible(bool(fitting))
            action.setEnabled(bool(fitting))

    def _fitting(self, name: str) -> list[Job]:
        act = self._acts[name]
        if act.single and len(self._selected) != 1:
            return []
        needed = NEEDED_CAPABILITIES.get(name)
        return [
            job for job in self._selected if act.suits(job) and (needed is None or self._may_have(job.provider, needed))
        ]

    def _on_triggered(self, name: str) -> None:
        if fitting := self._fitting(name):
            self.wanted.emit(name, fitting)

    def button(self, name: str) -> QPushButton:
        """A button that is there while its action is."""
        action = self.actions[name]
        button = QPushButton(action.text())
        button.setToolTip(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        button.clicked.connect(action.trigger)

        def follow() -> None:
            button.setVisible(action.isVisible())
            button.setEnabled(action.isEnabled())

        action.changed.connect(follow)
        follow()
        return button


def _make_actions() -> dict[str, JobAction]:
    return {
        "chat": JobAction(tr("&Ask it"), "", SINGLE_JOB, _has_model),
        "exam": JobAction(tr("Start e&xam"), "", SINGLE_JOB, _has_model),
        "pause": JobAction(tr("&Pause"), "", MANY_JOBS, lambda job: job.status in PAUSABLE_STATUSES and not job.wish),
        "resume": JobAction(tr("Res&ume"), "", MANY_JOBS, lambda job: job.status == JobStatus.PAUSED and not job.wish),
        "cancel": JobAction(tr("&Cancel job"), "", MANY_JOBS, lambda job: not job.ended and job.wish != "cancel"),
        "again": JobAction(
            tr("Start a&gain"), "", MANY_JOBS, lambda job: job.ended and not job.adopted and job.version is not None
        ),
        "export": JobAction(tr("E&xport model…"), "", SINGLE_JOB, _is_exportable),
        "copy": JobAction(tr("Copy i&ds"), "Ctrl+C", MANY_JOBS, lambda job: job.remote_id is not None),
        "forget": JobAction(tr("&Delete record…"), "Del", MANY_JOBS, lambda job: job.ended),
        "delete": JobAction(tr("De&lete the model…"), "", SINGLE_JOB, _has_model),
    }


def _has_model(job: Job) -> bool:
    return job.fine_tuned_model is not None and job.ended


def _is_exportable(job: Job) -> bool:
    """Whether the model can leave: it was trained on this computer."""
    return _has_model(job) and job.provider == LOCAL


def is_unsent(job: Job) -> bool:
    """Whether nothing was asked of the server yet."""
    return job.status in UNSENT and job.remote_id is None


class JobOperations(QObject):
    """Does what `JobActions` ask for. Each action is a task; one failed job does not stop the action for the others."""

    again_wanted = Signal(str, list, str)  # a provider, plans, and the name that their jobs share
    model_wanted = Signal(str, Job, str)  # a tab's name ("chat", "exam"), the job, and its model
    export_wanted = Signal(str, str)  # a provider, and the model that is to be exported

    def __init__(self, workspace: Workspace, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._owner = workspace, owner
        self._runner = workspace.queue

    def do(self, name: str, jobs: Sequence[Job]) -> None:
        """Do the action `name` to `jobs`."""
        match name:
            case "chat" | "exam":
                self.model_wanted.emit(name, jobs[0], jobs[0].fine_tuned_model)
            case "cancel":
                self._cancel(jobs)
            case "pause" | "resume":
                self._run_for_each(jobs, lambda job: self._pause_or_resume(job, name))
            case "again":
                self._train_again(jobs)
            case "export":
                self.export_wanted.emit(jobs[0].provider, jobs[0].fine_tuned_model)
            case "copy":
                QGuiApplication.clipboard().setText("\n".join(job.remote_id or "" for job in jobs))
            case "forget":
                self._ask_to_forget(jobs)
            case "delete":
                self._ask_to_delete_model(jobs[0])

    def _run_for_each(self, jobs: Sequence[Job], act: Callable[[Job], Awaitable[Changes]]) -> None:
        async def one_by_one() -> None:
            for job in jobs:
                try:
                    self._workspace.tasks.changed.emit(await act(job))
                except JukuError as error:
                    self._workspace.tasks.failed.emit(error)
            for provider in dict.fromkeys(job.provider for job in jobs):
                self._runner.wake(provider)

        self._workspace.tasks.start("", one_by_one())

    async def _pause_or_resume(self, job: Job, action: str) -> Changes:
        provider = await self._workspace.provider(job.provider)
        act = submit.pause if action == "pause" else submit.resume
        return await act(self._workspace.project, provider, job.id)

    def _cancel(self, jobs: Sequence[Job]) -> None:
        """Ask first where a paid server is at work; what waits in the queue, or runs here, costs nothing."""
        paid = [job for job in jobs if job.provider != LOCAL and not is_unsent(job)]
        if not paid:
            self._run_for_each(jobs, self._runner.cancel)
            return
        lost = tr("Servers charge for what was trained until then. A job that was cancelled leaves no model, only the "
                  "checkpoints that it has saved.")  # fmt: skip
        confirm(
            self._owner,
            tr("Cancel jobs"),
            trn("Cancel {n} job?", "Cancel {n} jobs?", len(jobs)),
            "\n".join([*(basics.short_model_name(job.model) for job in jobs[:MAX_NAMED]), "", lost]),
            trn("Cancel the job", "Cancel the jobs", len(jobs)),
            lambda: self._run_for_each(jobs, self._runner.cancel),
            Role.DestructiveRole,
            tr("Let it go on") if len(jobs) == 1 else tr("Let them go on"),
        )

    def _train_again(self, jobs: Sequence[Job]) -> None:
        for provider in dict.fromkeys(job.provider for job in jobs):
            mine = [job for job in reversed(jobs) if job.provider == provider]
            sweeps = {job.sweep for job in mine}
            self.again_wanted.emit(
                provider, [plan_again(job) for job in mine], sweeps.pop() if len(sweeps) == 1 else ""
            )

    def _ask_to_forget(self, jobs: Sequence[Job]) -> None:
        names = [basics.short_model_name(job.fine_tuned_model or job.model) for job in jobs[:MAX_NAMED]]
        lost = tr(
            "Its curve, events and checkpoints are deleted from this project. The job itself and its model are kept."
        )
        confirm(
            self._owner,
            tr("Delete records"),
            trn("Delete the record of {n} job?", "Delete the records of {n} jobs?", len(jobs)),
            "\n".join([*names, "", lost]),
            tr("Delete record"),
            lambda: self._run_for_each(jobs, lambda job: submit.forget(self._workspace.project, job.id)),
            Role.DestructiveRole,
        )

    def _ask_to_delete_model(self, job: Job) -> None:
        model = job.fine_tuned_model
        assert model, "the act is offered only where there is one"
        warning = tr("It will no longer answer anyone who uses it. It can only be trained again.")
        ask_to_delete(
            self._owner, tr("Delete this model?"), [model], warning,
            lambda: self._workspace.tasks.start(tr("Deleting a model"), self._delete_model(job.provider, model)),
        )  # fmt: skip

    async def _delete_model(self, provider_id: str, model: str) -> None:
        provider = await self._workspace.provider(provider_id)
        await provider.delete_model(model)
        if provider_id == self._workspace.settings.provider:
            await self._workspace.load_offers()


def plan_again(job: Job) -> TrainingPlan:
    """A plan with the same settings as `job`, for the rows as they are now."""
    asked = job.request
    return TrainingPlan(
        job.model,
        job.rows,
        asked.get("hyperparameters") or {},
        asked.get("seed"),
        asked.get("suffix") or "",
        job.method,
        bool(asked.get("validation")),
        asked.get("metadata") or {},
    )
