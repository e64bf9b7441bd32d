"""States of the dataset that were given a name: keep one, compare two, go back to one."""

from collections.abc import Callable

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core import versions
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.project import Changes, Project
from core.versions import Version
from ui import style, widgets
from ui.latest import Latest, ProgressLine
from ui.nothing import Nothing
from ui.reload import Reload
from ui.version_diff import DiffView
from ui.workspace import Workspace

NAME, DATE, ROWS = range(3)


class VersionsDialog(QDialog):
    """`row_chosen` tells the id of a row that was opened in a comparison."""

    row_chosen = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._workspace = workspace
        self._versions: list[Version] = []
        self._known: set[int] = set()
        self._compared: tuple[int, int | None] = (0, None)  # what the comparison below belongs to
        self.setWindowTitle(tr("Versions of the dataset"))
        self.resize(1080, 720)
        self._work = Latest(workspace, self)
        self._restoring = Latest(workspace, self)  # not stopped by a comparison that is asked for meanwhile
        self._reload = Reload(workspace, self._load)
        self._make_list()
        self._make_compare()
        self._lay_out()
        self._connect()
        self._show_buttons()
        self._reload.ask()

    def _make_list(self) -> None:
        self.name = QLineEdit(maxLength=120)
        self.name.setAccessibleName(tr("Name of the version"))
        self.name.setPlaceholderText(tr("Name of the version"))
        self._suggest()
        self.keep = widgets.primary(tr("Keep this state"))
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([tr("Name"), tr("Kept"), tr("Rows")])
        self.table.setAccessibleName(tr("Versions"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (DATE, ROWS):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.rename, self.delete = QPushButton(tr("Rename")), QPushButton(tr("Delete…"))
        self.restore = QPushButton(tr("Go back to it…"))

    def _make_compare(self) -> None:
        self.old, self.new = QComboBox(), QComboBox()
        self.old.setAccessibleName(tr("Compare this version"))
        self.new.setAccessibleName(tr("with this one"))
        for box in (self.old, self.new):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(18)
        self.note = widgets.Note()
        self.diff = DiffView()

    def _lay_out(self) -> None:
        naming = QHBoxLayout()
        naming.addWidget(self.name, 1)
        naming.addWidget(self.keep)
        acts = QHBoxLayout()
        for button in (self.restore, self.rename, self.delete):
            button.setAutoDefault(False)
            acts.addWidget(button)
        acts.addStretch()
        self._nothing = Nothing(
            tr("No versions yet"),
            tr(
                "A version keeps all rows as they are now under a name. You can compare it with a later state, or go back."
            ),
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self._nothing)
        self._pages.addWidget(self.table)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addLayout(naming)
        column.addWidget(self._pages, 1)
        column.addLayout(acts)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(left)
        splitter.addWidget(self._comparison())
        splitter.setSizes([400, 660])
        splitter.setHandleWidth(style.SPACE)
        close = QPushButton(tr("Close"), autoDefault=False)
        close.clicked.connect(self.close)
        bottom = QHBoxLayout()
        bottom.addWidget(ProgressLine(self._work, self._restoring), 1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.note)
        layout.addLayout(bottom)

    def _comparison(self) -> QWidget:
        right = QWidget()
        choice = QHBoxLayout()
        choice.addWidget(widgets.label(tr("Compare")))
        choice.addWidget(self.old, 1)
        choice.addWidget(widgets.label("→"))
        choice.addWidget(self.new, 1)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addLayout(choice)
        column.addWidget(self.diff, 1)
        return right

    def _connect(self) -> None:
        self.keep.clicked.connect(self._on_keep)
        self.rename.clicked.connect(lambda: self.table.editItem(self.table.item(self.table.currentRow(), NAME)))
        self.delete.clicked.connect(self._on_delete)
        self.restore.clicked.connect(self._on_restore)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.itemChanged.connect(self._on_renamed)
        for box in (self.old, self.new):
            box.activated.connect(lambda _index: self._compare())
        self.diff.more_wanted.connect(self._compare)
        self.diff.row_chosen.connect(self.row_chosen)
        self.name.textChanged.connect(lambda _text: self._show_buttons())
        self._workspace.tasks.changed.connect(self._on_changes)
        self.finished.connect(lambda _result: self._work.stop())

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: the grid stays usable beside it."""
        self.show()

    def version(self) -> Version | None:
        """The selected version."""
        row = self.table.currentRow()
        return self._versions[row] if 0 <= row < len(self._versions) else None

    async def _load(self, project: Project) -> None:
        self._show_versions(await project.read(versions.versions))
        self._compare()

    def _show_versions(self, found: list[Version]) -> None:
        before = self.version()
        new = next((entry.id for entry in found if entry.id not in self._known), 0)
        self._versions, self._known = found, {entry.id for entry in found}
        self.table.blockSignals(True)
        self.table.setRowCount(len(found))
        for row, entry in enumerate(found):
            self._show_version(row, entry)
        chosen = new or (before.id if before else 0)
        if found:
            self.table.selectRow(next((row for row, entry in enumerate(found) if entry.id == chosen), 0))
        self.table.blockSignals(False)
        self._pages.setCurrentWidget(self.table if found else self._nothing)
        self._fill_boxes()
        self._show_buttons()

    def _show_version(self, row: int, entry: Version) -> None:
        for column, text in enumerate((entry.name, local_time(entry.created_at), f"{entry.rows:,}")):
            item = QTableWidgetItem(text)
            if column != NAME:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column == ROWS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _fill_boxes(self) -> None:
        """Offer every version on both sides, and now on the right; what is chosen stays where it can."""
        chosen = self.version()
        old, new = self.old.currentData(), self.new.currentData()
        self.old.clear()
        self.new.clear()
        self.new.addItem(tr("Now"), 0)
        for entry in self._versions:
            self.old.addItem(entry.name, entry.id)
            self.new.addItem(entry.name, entry.id)
        kept = self.old.findData(old)
        self.old.setCurrentIndex(kept if kept >= 0 else self.old.findData(chosen.id if chosen else 0))
        self.new.setCurrentIndex(max(0, self.new.findData(new)))

    def _show_buttons(self) -> None:
        chosen = self.version() is not None
        for button in (self.rename, self.delete, self.restore):
            button.setEnabled(chosen)
        self.keep.setEnabled(bool(self.name.text().strip()))
        for box in (self.old, self.new):
            box.setEnabled(bool(self._versions))

    def _on_selected(self) -> None:
        self._show_buttons()
        if chosen := self.version():
            self.old.setCurrentIndex(self.old.findData(chosen.id))
            self._compare()

    def _compare(self, offset: int = 0) -> None:
        if not self._versions:
            self._compared = (0, None)
            self.diff.say(
                tr("Nothing to compare"), tr("Keep a version first; then every later change can be seen here.")
            )
            return
        old, new = self.old.currentData(), self.new.currentData() or None
        if not offset and (old, new) != self._compared:
            self.diff.say(tr("Comparing…"), "")
        self._compared = (old, new)
        self._work.ask(lambda reporter: self._diff(old, new, offset, reporter))

    async def _diff(self, old: int, new: int | None, offset: int, reporter: Reporter) -> None:
        try:
            diff = await self._workspace.project.read(versions.diff, old, new, offset, reporter=reporter)
        except JukuError as error:
            self._show_error(error)
            return
        self.diff.show_diff(diff, more=offset > 0)

    def _show_error(self, error: JukuError) -> None:
        self.note.say("\n".join(filter(None, (error.title, error.message))), "error")

    def _on_keep(self) -> None:
        name = self.name.text().strip()
        if name:
            self._write(tr("Keep the version “{name}”", name=name), versions.keep, name)
            self._suggest()

    def _suggest(self) -> None:
        self.name.setText(tr("State of {date}", date=local_time(QDateTime.currentSecsSinceEpoch())))

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        entry, name = self._versions[item.row()], item.text().strip()
        if name and name != entry.name:
            self._write(tr("Rename a version"), versions.rename, entry.id, name)
        else:
            self._reload.ask()

    def _on_delete(self) -> None:
        if (entry := self.version()) is None:
            return
        label = tr("Delete the version “{name}”", name=entry.name)
        self._ask(
            tr("Delete the version “{name}”?", name=entry.name),
            tr("Only this kept state goes; the rows of the dataset stay as they are now."),
            tr("Delete"),
            lambda: self._write(label, versions.delete, entry.id),
        )

    def _on_restore(self) -> None:
        if (entry := self.version()) is None:
            return
        label = tr("Go back to “{name}”", name=entry.name)
        self._ask(
            tr("Go back to “{name}”?", name=entry.name),
            trn(
                "The dataset becomes what it was then: {n} row. Undo brings back what is there now.",
                "The dataset becomes what it was then: {n} rows. Undo brings back what is there now.",
                entry.rows,
            ),
            tr("Go back"),
            lambda: self._restoring.ask(lambda reporter: self._restore(label, entry.id, reporter), label),
        )

    async def _restore(self, label: str, id: int, reporter: Reporter) -> Changes | None:
        project = self._workspace.project
        try:
            return await project.write(label, versions.restore, id, reporter, reporter=reporter)
        except JukuError as error:
            self._show_error(error)
            return None

    def _ask(self, question: str, text: str, act: str, on_agreed: Callable[[], None]) -> None:
        """Ask before something that one would not want by a slip; Escape and Enter leave all as it is."""
        box = QMessageBox(QMessageBox.Icon.Question, self.windowTitle(), "", parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(question)
        box.setInformativeText(text)
        agree = box.addButton(act, QMessageBox.ButtonRole.AcceptRole)
        agree.setAutoDefault(False)
        box.setDefaultButton(box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole))
        box.accepted.connect(on_agreed)
        box.open()

    def _write(self, label: str, change: Callable[..., object], *args: object) -> None:
        self.note.say("")
        self._workspace.tasks.start("", self._written(label, change, *args))

    async def _written(self, label: str, change: Callable[..., object], *args: object) -> Changes | None:
        try:
            return await self._workspace.project.write(label, change, *args)
        except JukuError as error:
            self._show_error(error)
            return None

    def _on_changes(self, changes: Changes) -> None:
        if changes.tables & {"version", "example"}:
            self._reload.ask()


def local_time(seconds: float) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat)
