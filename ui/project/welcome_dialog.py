"""The welcome: three ways to begin, and the recent projects."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from ui import style
from ui.project import recent_projects
from ui.widgets import basics
from ui.workspace import Workspace

DIALOG_WIDTH = 560
ROWS_SHOWN = 5  # of the list, before it scrolls


class WelcomeDialog(QDialog):
    """Each signal is what the person has chosen; the dialog is closed by then."""

    text_wanted = Signal()  # a new project for a text
    rows_wanted = Signal()  # a new project for rows of files
    sample_wanted = Signal()
    project_wanted = Signal(object)  # the path of a recent project
    other_wanted = Signal()  # another project

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Welcome to Juku"))
        self.teach = self._add_way(
            tr("&Teach my own knowledge"),
            tr("Paste or drop a text; then facts, rows, training and an exam, one step after the other."),
            self.text_wanted.emit,
        )
        self.bring = self._add_way(
            tr("&Bring rows I have"),
            tr("Questions and answers from files: JSONL, spreadsheets, tables, exports of other programs."),
            self.rows_wanted.emit,
        )
        self.look = self._add_way(
            tr("&Look at the sample"),
            tr("The rules of an invented ball game, with facts, rows and an exam, ready to train on."),
            self.sample_wanted.emit,
        )
        self.heading = basics.heading(tr("Recent projects"))
        self.list = QListWidget()
        self.list.setStyleSheet(style.ROOMY_LIST_SHEET)
        self.list.setAccessibleName(tr("Recent projects"))
        self.list.itemActivated.connect(self.open_project)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._on_menu)
        self._show_projects()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        other = buttons.addButton(tr("&Open another…"), QDialogButtonBox.ButtonRole.ActionRole)
        other.clicked.connect(lambda _checked: self._choose(self.other_wanted.emit))
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        for part in (self.teach, self.bring, self.look):
            layout.addWidget(part)
        layout.addWidget(self.heading)
        layout.addWidget(self.list)
        layout.addStretch()
        layout.addWidget(buttons)
        self.resize(style.scaled(DIALOG_WIDTH), self.sizeHint().height())

    def _add_way(self, title: str, words: str, run: Callable[[], object]) -> QPushButton:
        return basics.choice_button(title, words, lambda: self._choose(run))

    def _choose(self, run: Callable[[], object]) -> None:
        self.accept()
        run()

    def _show_projects(self) -> None:
        self.list.clear()
        for one in recent_projects.load(self._workspace.settings):
            text = f"{one.name} – {one.folder}"
            item = QListWidgetItem(text if one.is_there else tr("{project} (no longer there)", project=text))
            item.setData(Qt.ItemDataRole.UserRole, one)
            item.setToolTip(basics.plain_tooltip(str(one.path)))
            if not one.is_there:
                item.setForeground(style.dim())
            self.list.addItem(item)
        rows = min(ROWS_SHOWN, self.list.count())
        self.list.setFixedHeight(rows * self.list.sizeHintForRow(0) + 2 * self.list.frameWidth() + style.SPACE)
        for part in (self.heading, self.list):
            part.setVisible(rows > 0)

    def open_project(self, item: QListWidgetItem) -> None:
        """Open the project of a line, if it is still there."""
        one = item.data(Qt.ItemDataRole.UserRole)
        if one.is_there:
            self._choose(lambda: self.project_wanted.emit(one.path))

    def _on_menu(self, place: QPoint) -> None:
        if item := self.list.itemAt(place):
            menu = QMenu(self)
            basics.menu_action(menu, tr("Take out of this list"), lambda: self.forget(item))
            menu.popup(self.list.viewport().mapToGlobal(place))

    def forget(self, item: QListWidgetItem) -> None:
        """Take the project of a line out of the list; its file stays."""
        recent_projects.forget(self._workspace.settings, item.data(Qt.ItemDataRole.UserRole).path)
        self._workspace.save_settings()
        self._show_projects()
