"""What can be done with the selected jobs: by button, by menu and by key, each only where it makes sense."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

from core.language import tr
from core.providers import JobStatus
from core.training.jobs import UNSENT, Job

ONE, MANY = True, False
KEPT = ("cancel", "again")  # each has its own place: a second click on the one must not hit the other
PAUSABLE = (JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.VALIDATING_FILES)


@dataclass(frozen=True, slots=True)
class Act:
    """`text`, a key, whether it is for one job only, and for which jobs it makes sense."""

    text: str
    key: str
    single: bool
    suits: Callable[[Job], bool]


class JobActions(QObject):
    """`wanted` tells an act's name and the jobs it is for."""

    wanted = Signal(str, list)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._acts = _acts()
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
        return [job for job in self._selected if act.suits(job)]

    def _on_triggered(self, name: str) -> None:
        if fitting := self._fitting(name):
            self.wanted.emit(name, fitting)

    def button(self, name: str) -> QPushButton:
        """A button that is there while its action is."""
        action = self.actions[name]
        button = QPushButton(action.text())
        if name in KEPT:
            place = button.sizePolicy()
            place.setRetainSizeWhenHidden(True)
            button.setSizePolicy(place)
        button.setToolTip(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        button.clicked.connect(action.trigger)

        def follow() -> None:
            button.setVisible(action.isVisible())
            button.setEnabled(action.isEnabled())

        action.changed.connect(follow)
        follow()
        return button


def _acts() -> dict[str, Act]:
    return {
        "chat": Act(tr("&Ask it"), "", ONE, _has_model),
        "exam": Act(tr("Start e&xam"), "", ONE, _has_model),
        "pause": Act(tr("&Pause"), "", MANY, lambda job: job.status in PAUSABLE and not job.wish),
        "resume": Act(tr("Res&ume"), "", MANY, lambda job: job.status == JobStatus.PAUSED and not job.wish),
        "cancel": Act(tr("&Cancel job"), "", MANY, lambda job: not job.ended and job.wish != "cancel"),
        "again": Act(
            tr("Start a&gain"), "", MANY, lambda job: job.ended and not job.adopted and job.version is not None
        ),
        "copy": Act(tr("Copy i&ds"), "Ctrl+C", MANY, lambda job: job.remote_id is not None),
        "forget": Act(tr("&Delete record…"), "Del", MANY, lambda job: job.ended),
        "delete": Act(tr("De&lete the model…"), "", ONE, _has_model),
    }


def _has_model(job: Job) -> bool:
    return job.fine_tuned_model is not None and job.ended


def is_unsent(job: Job) -> bool:
    """Whether nothing was asked of the server yet."""
    return job.status in UNSENT and job.remote_id is None
