"""The panel of all that runs, and the history of what ran and how it ended."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.activity_history import ActivityOutcome, HistoryEntry
from core.language import tr
from ui import style
from ui.activities import Activities, Activity
from ui.activity import activity_texts
from ui.widgets import basics, context_menus, tables
from ui.widgets.flow_layout import FlowLayout

COLUMNS, STATE_COLUMN = 4, 1
REDRAW_MS = 500  # milliseconds between two looks at the progress: faster than that nobody reads


class ActivityPanel(QWidget):
    """What runs comes first, each with a way to cancel it; then what ended. `wanted` is emitted to show where it is."""

    wanted = Signal(HistoryEntry)

    def __init__(self, activities: Activities, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activities = activities
        self._entries: list[HistoryEntry] = []  # of the lines
        self._running: dict[str, Activity] = {}
        self.table = _build_table()
        self.detail = QPlainTextEdit(readOnly=True, tabChangesFocus=True)
        self.detail.setAccessibleName(tr("Details"))
        self.go = QPushButton(tr("Go to"))
        self.cancel = QPushButton(tr("Cancel"))
        self.copy = QPushButton(tr("Copy details"))
        self.remove = QPushButton(tr("Remove entry"))
        self.clear = QPushButton(tr("Clear history"))
        self._redraw = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        buttons = QWidget()
        flow = FlowLayout(buttons, style.SPACE // 2)
        for button in (self.go, self.cancel, self.copy, self.remove, self.clear):
            button.setAutoDefault(False)
            flow.addWidget(button)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.detail, 1)
        column.addWidget(buttons)
        self.parts = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        self.parts.setObjectName("activity-parts")
        self.parts.addWidget(self.table)
        self.parts.addWidget(side)
        self.parts.setStretchFactor(0, 3)
        self.parts.setStretchFactor(1, 2)
        self.parts.setSizes([600, 400])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE // 2, style.SPACE, style.SPACE // 2)
        layout.addWidget(self.parts)

    def _connect(self) -> None:
        self._activities.changed.connect(self._show_if_visible)
        self._activities.progressed.connect(self._on_progressed)
        self._redraw.timeout.connect(self._show_progress)
        self.table.itemSelectionChanged.connect(self._show_detail)
        self.table.itemActivated.connect(lambda _item: self._on_go())
        context_menus.offer(self.table, *(button for button, _slot in self._actions()))
        for button, slot in self._actions():
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
        QShortcut(
            QKeySequence.StandardKey.Delete, self.table, self._on_remove, context=Qt.ShortcutContext.WidgetShortcut
        )

    def _actions(self) -> tuple[tuple[QPushButton, Callable[[], object]], ...]:
        return (
            (self.go, self._on_go),
            (self.cancel, self._on_cancel),
            (self.copy, self._on_copy),
            (self.remove, self._on_remove),
            (self.clear, self._on_clear),
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._activities.reload()  # shows it, too

    def _on_progressed(self, _activity: Activity) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _show_if_visible(self) -> None:
        if self.isVisible():
            self.show_all()

    def show_all(self) -> None:
        """Show what runs and what ran; the chosen line stays chosen."""
        chosen = self.chosen()
        running = self._activities.running()
        self._running = {one.entry.id: one for one in running}
        self._entries = [*(one.entry for one in running), *self._activities.history()]
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._entries))
        for row, entry in enumerate(self._entries):
            self._fill_row(row, entry)
        ids = [one.id for one in self._entries]
        self.table.blockSignals(False)
        basics.select_row(self.table, ids.index(chosen.id) if chosen and chosen.id in ids else 0)
        self._show_detail()

    def _fill_row(self, row: int, entry: HistoryEntry) -> None:
        activity = self._running.get(entry.id)
        state = activity_texts.format_progress(activity) if activity else activity_texts.format_outcome(entry.outcome)
        texts = (entry.label, state, activity_texts.format_times(entry), activity_texts.format_project(entry))
        meaning = activity_texts.MEANINGS.get(ActivityOutcome(entry.outcome), "") if entry.outcome else ""
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(basics.plain_tooltip(text))
            if column == STATE_COLUMN and meaning:
                item.setForeground(style.colours(meaning)[0])
            self.table.setItem(row, column, item)

    def _show_progress(self) -> None:
        if self.isVisible():
            for row, entry in enumerate(self._entries):
                if (activity := self._running.get(entry.id)) and (item := self.table.item(row, STATE_COLUMN)):
                    item.setText(activity_texts.format_progress(activity))

    def chosen(self) -> HistoryEntry | None:
        """The entry of the chosen line."""
        row = self.table.currentRow()
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def _show_detail(self) -> None:
        entry = self.chosen()
        activity = self._running.get(entry.id) if entry else None
        text = "" if entry is None else activity.text if activity else entry.text
        if self.detail.toPlainText() != text:
            self.detail.setPlainText(text)  # never markup: a server may have written it
        nothing = tr("Nothing has run yet.") if entry is None else tr("It tells no details.")
        self.detail.setPlaceholderText(nothing)
        self.go.setEnabled(entry is not None)
        self.copy.setEnabled(entry is not None)
        self.cancel.setEnabled(activity is not None and activity.cancel is not None)
        self.remove.setEnabled(entry is not None and activity is None)
        self.clear.setEnabled(len(self._entries) > len(self._running))

    def _on_go(self) -> None:
        if entry := self.chosen():
            self.wanted.emit(entry)

    def _on_cancel(self) -> None:
        entry = self.chosen()
        activity = self._running.get(entry.id) if entry else None
        if activity and activity.cancel:
            activity.cancel()

    def _on_copy(self) -> None:
        if entry := self.chosen():
            QGuiApplication.clipboard().setText(activity_texts.format_entry(entry))

    def _on_remove(self) -> None:
        entry = self.chosen()
        if entry and entry.id not in self._running:
            self._activities.drop({entry.id})

    def _on_clear(self) -> None:
        self._activities.drop({one.id for one in self._entries} - self._running.keys())


def _build_table() -> QTableWidget:
    table = tables.build(tr("What runs, and what ran"), [tr("What"), tr("State"), tr("Began"), tr("Project")])
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(6 * table.fontMetrics().averageCharWidth())
    return table
