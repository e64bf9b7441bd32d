"""The base dialog for saved states: save one under a name, rename, delete, compare two, restore one."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QDateTime, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from core.language import tr
from core.storage.project import Changes, Project
from ui import style
from ui.widgets import basics, context_menus, tables
from ui.widgets.basics import EmptyState
from ui.widgets.confirm import confirm
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine, ThrottledReload
from ui.widgets.length_and_time_texts import format_local_time
from ui.workspace import Workspace

NAME_COLUMN, DATE_COLUMN, SIZE_COLUMN = range(3)


class Snapshot(NamedTuple):
    """A saved state as it is listed; `size` is text. The current state has the id 0 and no date."""

    id: int
    name: str
    created_at: float
    size: str


class SnapshotTexts(NamedTuple):
    """The texts of a dialog of saved states."""

    title: str
    name: str  # of the field for a name
    states: str  # of the list
    size: str  # of the column
    restore: str  # of the button
    nothing: tuple[str, str]  # title and text while nothing is kept


class SnapshotsDialog(QDialog):
    """The base of dialogs with saved states: the list on the left, on the right the comparison of two. Not modal."""

    tables: frozenset[str]  # whose changes are to be shown at once

    def __init__(
        self, workspace: Workspace, words: SnapshotTexts, comparison: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._workspace = workspace
        self._words = words
        self.snapshots: list[Snapshot] = []  # as the list shows them, line by line
        self.setWindowTitle(words.title)
        self._work = LatestTask(workspace, self)
        self._restoring = LatestTask(workspace, self)  # not stopped by a comparison that is asked for meanwhile
        self._reload = ThrottledReload(workspace, self, self._load)
        self._make_list()
        self._make_boxes()
        self._lay_out(comparison)
        self._connect()
        self._show_buttons()
        self._reload.request()

    # --- what each of these windows does in its own way

    async def _load(self, project: Project) -> None:
        """Read the saved states, show them with `_show_snapshots`, and compare."""
        raise NotImplementedError

    def _compare(self) -> None:
        """Show the difference of the two chosen states."""
        raise NotImplementedError

    def _save_snapshot(self, name: str) -> None:
        raise NotImplementedError

    def _rename(self, state: Snapshot, name: str) -> None:
        raise NotImplementedError

    def _on_delete(self, state: Snapshot) -> None:
        raise NotImplementedError

    def _on_restore(self, state: Snapshot) -> None:
        raise NotImplementedError

    # --- how it is built

    def _make_list(self) -> None:
        self.name = QLineEdit(maxLength=120)
        self.name.setAccessibleName(self._words.name)
        self.name.setPlaceholderText(self._words.name)
        self._suggest_name()
        self.keep = basics.primary_button(tr("Save this state"))
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([tr("Name"), tr("Saved on"), self._words.size])
        tables.set_up(self.table, self._words.states)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        for column in (DATE_COLUMN, SIZE_COLUMN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.rename, self.delete = QPushButton(tr("Rename")), QPushButton(tr("Delete…"))
        self.restore = QPushButton(self._words.restore)
        context_menus.offer(self.table, self.restore, self.rename, self.delete)
        self.pages = QStackedWidget()
        self.nothing = EmptyState(*self._words.nothing)
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(self.table)

    def _make_boxes(self) -> None:
        self.old, self.new = DropDown(), DropDown()
        self.old.setAccessibleName(tr("Compare this state"))
        self.new.setAccessibleName(tr("with this one"))
        for box in (self.old, self.new):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(18)
        self.note = basics.Note()

    def _lay_out(self, comparison: QWidget) -> None:
        self._splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        self._splitter.addWidget(self._build_list_side())
        self._splitter.addWidget(self._build_comparison_side(comparison))
        self._splitter.setHandleWidth(style.SPACE)
        close = QPushButton(tr("Close"), autoDefault=False)
        close.clicked.connect(self.close)
        bottom = QHBoxLayout()
        bottom.addWidget(ProgressLine(self._work, self._restoring), 1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(self.note)
        layout.addLayout(bottom)

    def _build_list_side(self) -> QWidget:
        naming = QHBoxLayout()
        naming.addWidget(self.name, 1)
        naming.addWidget(self.keep)
        acts = QHBoxLayout()
        for button in (self.restore, self.rename, self.delete):
            button.setAutoDefault(False)
            acts.addWidget(button)
        acts.addStretch()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addLayout(naming)
        column.addWidget(self.pages, 1)
        column.addLayout(acts)
        return left

    def _build_comparison_side(self, comparison: QWidget) -> QWidget:
        right = QWidget()
        choice = QHBoxLayout()
        choice.addWidget(basics.label(tr("Compare")))
        choice.addWidget(self.old, 1)
        choice.addWidget(basics.label("→"))
        choice.addWidget(self.new, 1)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addLayout(choice)
        column.addWidget(comparison, 1)
        return right

    def _connect(self) -> None:
        self.keep.clicked.connect(self._on_keep)
        self.rename.clicked.connect(lambda _checked: self._on_rename())
        for button, act in ((self.delete, self._on_delete), (self.restore, self._on_restore)):
            button.clicked.connect(
                lambda _checked, act=act: act(self._selected_snapshot()) if self._selected_snapshot() else None
            )
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.itemChanged.connect(self._on_renamed)
        for box in (self.old, self.new):
            box.activated.connect(lambda _index: self._compare())
        self.name.textChanged.connect(lambda _text: self._show_buttons())
        self._workspace.tasks.changed.connect(self._on_changes)
        self.finished.connect(lambda _result: self._work.stop())

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: the window stays usable."""
        self.show()

    # --- what is listed and chosen

    def _selected_snapshot(self) -> Snapshot | None:
        """The selected state; None for the current one."""
        row = self.table.currentRow()
        found = self.snapshots[row] if 0 <= row < len(self.snapshots) else None
        return found if found and found.id else None

    def _show_snapshots(self, found: list[Snapshot], now: str = "") -> None:
        """List the states, first the current one if its size is given; the selection is kept."""
        before = self._selected_snapshot()
        self.snapshots = [Snapshot(0, tr("Now"), 0.0, now), *found] if now and found else found
        self.table.blockSignals(True)
        self.table.setRowCount(len(self.snapshots))
        for row, state in enumerate(self.snapshots):
            self._show_state(row, state)
        if found:
            newest = len(self.snapshots) - len(found)
            rows = (row for row, state in enumerate(self.snapshots) if before and state.id == before.id)
            basics.select_row(self.table, next(rows, newest))
        self.table.blockSignals(False)
        self.pages.setCurrentWidget(self.table if found else self.nothing)
        self._fill_boxes(found)
        self._show_buttons()

    def _show_state(self, row: int, state: Snapshot) -> None:
        date = format_local_time(state.created_at) if state.id else ""
        for column, text in enumerate((state.name, date, state.size)):
            item = QTableWidgetItem(text)
            item.setToolTip(basics.plain_tooltip(text) if text else "")
            if column != NAME_COLUMN or not state.id:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column == SIZE_COLUMN:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _fill_boxes(self, found: list[Snapshot]) -> None:
        """Offer every state on both sides, and the current one on the right; the choice is kept if possible."""
        chosen = self._selected_snapshot()
        left, right = self.old.currentData(), self.new.currentData()
        self.old.clear()
        self.new.clear()
        self.new.addItem(tr("Now"), 0)
        for state in found:
            self.old.addItem(state.name, state.id)
            self.new.addItem(state.name, state.id)
        kept = self.old.findData(left)
        self.old.setCurrentIndex(kept if kept >= 0 else self.old.findData(chosen.id if chosen else 0))
        self.new.setCurrentIndex(max(0, self.new.findData(right)))

    def _on_rename(self) -> None:
        """Edit the selected name in the table."""
        if item := self.table.item(self.table.currentRow(), NAME_COLUMN):
            self.table.editItem(item)

    def _show_buttons(self) -> None:
        chosen = self._selected_snapshot() is not None
        for button in (self.rename, self.delete, self.restore):
            button.setEnabled(chosen)
        basics.set_enabled(self.keep, "" if self.name.text().strip() else tr("Enter a name."))
        for box in (self.old, self.new):
            box.setEnabled(bool(self.snapshots))

    def _on_selected(self) -> None:
        self._show_buttons()
        if chosen := self._selected_snapshot():
            self.old.setCurrentIndex(self.old.findData(chosen.id))
            self._compare()

    # --- what is done

    def _on_keep(self) -> None:
        if name := self.name.text().strip():
            self._save_snapshot(name)
            self._suggest_name()

    def _suggest_name(self) -> None:
        self.name.setText(tr("State of {date}", date=format_local_time(QDateTime.currentSecsSinceEpoch())))

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        state, name = self.snapshots[item.row()], item.text().strip()
        if name and name != state.name:
            self._rename(state, name)
        else:
            self._reload.request()

    def _ask(self, question: str, text: str, act: str, on_agreed: Callable[[], None]) -> None:
        confirm(self, self.windowTitle(), question, text, act, on_agreed)

    def _write(self, label: str, change: Callable[..., object], *args: object) -> None:
        self.note.show_text("")
        self._workspace.tasks.start("", self._run_write(label, change, *args))

    async def _run_write(self, label: str, change: Callable[..., object], *args: object) -> Changes | None:
        try:
            return await self._workspace.project.write(label, change, *args)
        except JukuError as error:
            self._show_error(error)
            return None

    def _show_error(self, error: JukuError) -> None:
        self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")

    def _on_changes(self, changes: Changes) -> None:
        if changes.tables & self.tables:
            self._reload.request()
