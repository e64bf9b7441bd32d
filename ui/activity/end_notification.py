"""Tells through the desktop that something long has ended, where the window is not looked at."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from core.activity_history import ActivityKind, ActivityOutcome, HistoryEntry
from core.language import tr
from ui.activity import activity_texts
from ui.widgets.desktop_notifier import DesktopNotifier
from ui.workspace import Workspace

LONG_SECONDS = 10.0  # who waits that long may have gone elsewhere
MAX_REMEMBERED = 50  # notifications that can still be clicked


class EndNotification(QObject):
    """Notifies of what ended after a while, unless the person does not want that. `clicked`: show where it ran."""

    clicked = Signal(HistoryEntry)

    def __init__(self, workspace: Workspace, window: QWidget, address: str = "") -> None:
        super().__init__(window)
        self._workspace, self._window = workspace, window
        self._entries: dict[str, HistoryEntry] = {}
        self.notifier = DesktopNotifier(workspace.tasks, self, address)
        self.notifier.clicked.connect(self._on_clicked)
        workspace.activities.ended.connect(self._on_ended)

    def _on_ended(self, entry: HistoryEntry) -> None:
        is_told = entry.outcome in (ActivityOutcome.DONE, ActivityOutcome.FAILED)
        is_long = entry.kind == ActivityKind.TRAINING or entry.ended - entry.started >= LONG_SECONDS
        if not (is_told and is_long and self._workspace.settings.notifies) or self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        self._entries = dict([*self._entries.items(), (entry.id, entry)][-MAX_REMEMBERED:])
        title = tr("{what}: {outcome}", what=entry.label, outcome=activity_texts.format_outcome(entry.outcome))
        self.notifier.show(entry.id, title, entry.text, entry.outcome == ActivityOutcome.FAILED)

    def _on_clicked(self, id: str) -> None:
        if entry := self._entries.get(id):
            self.clicked.emit(entry)
