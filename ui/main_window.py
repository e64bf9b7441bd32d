"""The main window: the tabs, the menus, the status bar, and files dropped onto it."""

import asyncio
import logging
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDropEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core import settings
from core.errors import FileChangedError, JukuError
from core.exam import runs
from core.language import tr
from core.progress import Progress
from core.storage.project import Changes, Project
from core.teaching.teaching_path import PathStep
from ui import style
from ui.chat.tab import ChatTab
from ui.dataset import drop_question
from ui.dataset.tab import DatasetTab
from ui.exam.tab import ExamTab
from ui.menus.edit_menu import EditActions
from ui.menus.help_menu import HelpActions
from ui.menus.view_menu import ViewActions
from ui.project import single_instance
from ui.project.copy_actions import CopyActions
from ui.project.file_actions import FileActions, ProjectWindow
from ui.project.opening import ProjectOpener
from ui.project.single_instance import OneWindow
from ui.project.synced_folder_bar import SyncedFolderBar
from ui.project.teaching_path_bar import TeachingPathBar
from ui.rescue.deadline_label import DeadlineLabel
from ui.settings.settings_dialog import SettingsDialog
from ui.spec.tab import SpecTab
from ui.tab_base import ALL_TABLES, Tab
from ui.training.desktop_notification import DesktopNotification
from ui.training.tab import TrainingTab
from ui.widgets import basics, floating_message, screen_fit
from ui.widgets.drop_overlay import DropOverlay
from ui.widgets.latest_task_and_reload import format_pause
from ui.widgets.message_bar import MessageBar, Notice
from ui.widgets.server_trouble_bar import ServerTroubleBar
from ui.workspace import Workspace

logger = logging.getLogger(__name__)


class MainWindow(ProjectWindow):
    """The main window on one workspace; `closed` is done once everything is saved and stopped."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False
        self._agreed = False  # whether the person wants to close although a job is being trained here
        self.restarts = False  # whether Juku restarts with the same project after this window is closed
        self._unsaved = False  # whether closing has failed because something could not be saved
        self.spec_tab = SpecTab(workspace)
        self.dataset_tab = DatasetTab(workspace)
        self.training_tab = TrainingTab(workspace)
        self.chat_tab = ChatTab(workspace)
        self.exam_tab = ExamTab(workspace)
        self.tab_list: list[Tab] = [
            self.spec_tab, self.dataset_tab, self.training_tab, self.chat_tab, self.exam_tab,
        ]  # fmt: skip
        self.copies = CopyActions(workspace, self, self.flush)
        self.files = FileActions(workspace, self)
        self._one = OneWindow(self)
        self._one.asked.connect(self._on_asked)
        self._lay_out()
        self.opening = ProjectOpener(workspace, self, self.replace, self.messages.show_error)
        self._make_menus()
        self._make_status_bar()
        self._connect()
        self._restore()
        self.show_project()

    def _restore(self) -> None:
        """Restore size and position, within the screens of today."""
        chosen = self.workspace.settings
        share = chosen.text_size / style.NORMAL_TEXT_SIZE
        self.resize(round(1240 * share), round(820 * share))
        self.restoreGeometry(QByteArray.fromBase64(chosen.geometry.encode()))
        screen_fit.fit(self)
        if 0 <= chosen.tab < self.tabs.count():
            self.tabs.setCurrentIndex(chosen.tab)

    def _lay_out(self) -> None:
        self.messages, self.trouble = MessageBar(self), ServerTroubleBar(self.workspace, self)
        self.place = SyncedFolderBar(self.workspace, self)
        self.drop_overlay = DropOverlay(self)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.setIconSize(QSize(18, 18))
        self.tabs.tabBar().setDrawBase(False)
        for tab in self.tab_list:
            self.tabs.addTab(tab, style.icon(tab.icon), tab.title())
        self.path = TeachingPathBar(self.workspace)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.path)
        layout.addWidget(self.tabs, 1)
        self._content = screen_fit.wrap_in_scroll_area(whole)
        self.setCentralWidget(self._content)

    def _make_menus(self) -> None:
        self.files.fill(self._add_menu(tr("&File")))
        edit = self._add_menu(tr("&Edit"))
        self.undo_action = basics.menu_action(edit, tr("&Undo"), self._on_undo, QKeySequence.StandardKey.Undo)
        self.redo_action = basics.menu_action(edit, tr("&Redo"), self._on_redo, QKeySequence.StandardKey.Redo)
        EditActions(edit, self.tabs)
        ViewActions(self._add_menu(tr("&View")), self, self.workspace, self.tab_list, self.path)
        self.help = HelpActions(self._add_menu(tr("&Help")), self, self.workspace)

    def _add_menu(self, title: str) -> QMenu:
        menu = self.menuBar().addMenu(title)
        menu.aboutToShow.connect(lambda: basics.make_room_in(menu))
        return menu

    def _make_status_bar(self) -> None:
        self.server_label = basics.label(dim=True)
        self.statusBar().setContentsMargins(style.SPACE // 2, 0, 0, 0)
        self.statusBar().addWidget(self.server_label)
        self.deadline = DeadlineLabel(self.workspace)
        self.statusBar().addWidget(self.deadline)
        self._task = basics.label(dim=True)
        self._progress = QProgressBar(textVisible=False)
        self._progress.setMaximumWidth(180)
        self._cancel = QPushButton(tr("Cancel"))
        self._cancel.clicked.connect(self.workspace.tasks.cancel)
        for widget in (self._task, self._progress, self._cancel):
            self.statusBar().addPermanentWidget(widget)
        self._on_busy("")
        self._on_offers()

    def _connect(self) -> None:
        tasks = self.workspace.tasks
        for tabs in self.findChildren(QTabWidget):  # with another page there are other buttons
            tabs.currentChanged.connect(lambda _index: floating_message.reposition_all(self))
        tasks.changed.connect(self.refresh)
        tasks.failed.connect(self._on_failed)
        tasks.busy.connect(self._on_busy)
        tasks.progress.connect(self._on_progress)
        self.workspace.offers_changed.connect(self._on_offers)
        self.workspace.offers_failed.connect(lambda _provider: self._on_offers())
        self.workspace.rows_wanted.connect(self.show_examples)
        self.trouble.settings_wanted.connect(self._on_server_settings)
        self.dataset_tab.import_wanted.connect(self.files.ask_for_rows)
        self.spec_tab.document_wanted.connect(self.files.ask_for_document)
        self.spec_tab.settings_wanted.connect(self.show_settings)
        self.training_tab.rescue_wanted.connect(self.files.open_rescue)
        self._notice = DesktopNotification(self)
        self._notice.clicked.connect(self._on_notice_clicked)
        self.workspace.queue.ended.connect(self._notice.show_job_end)
        self.path.step_chosen.connect(self._on_step)
        self.copies.opened.connect(lambda path: self.open_paths([path]))
        for tab in self.tab_list:
            tab.show_examples.connect(self.show_examples)
            tab.show_model.connect(self._on_show_model)

    def show_project(self) -> None:
        """Show the workspace's project, which has just been opened."""
        self.setWindowTitle(f"{self.workspace.project.path.stem} – Juku")
        for one in (self._one, self.place, self.path):
            one.follow(self.workspace.project)
        if self.workspace.project.notice:
            self.messages.show_text(self.workspace.project.notice)
        self.refresh(ALL_TABLES)
        tasks = self.workspace.tasks
        if not self.workspace.project.read_only:
            tasks.start("", self.workspace.project.write("", runs.mark_interrupted))
        tasks.start("", self.workspace.load_offers())
        self.deadline.load()
        self.workspace.llm_runs.follow()

    def open_paths(self, found: list[Path]) -> None:
        """What the command line named or what was dropped."""
        self.files.open_paths(found)

    def refresh(self, changes: Changes) -> None:
        project = self.workspace.project
        for action, verb, label, is_kept in (
            (self.undo_action, tr("&Undo"), project.undo_label, project.undo_is_saved),
            (self.redo_action, tr("&Redo"), project.redo_label, project.redo_is_saved),
        ):
            named = tr("{verb}: {step}", verb=verb, step=label) if label else verb
            action.setText(named if is_kept else tr("{step} (until you close Juku)", step=named))
            action.setEnabled(label is not None)
        self.path.refresh(changes)
        for tab in self.tab_list:
            tab.refresh(changes)

    async def replace(self, project: Project) -> None:
        """Show `project` in place of the open one, which is saved first. Raises `ProjectError` when it cannot be saved."""
        await self.flush()
        self.messages.hide()
        # Closing the tasks would cancel this very one: the switch happens when it is done.
        asyncio.get_running_loop().call_soon(self._switch, project)

    def _switch(self, project: Project) -> None:
        for dialog in self.findChildren(QDialog):  # they were opened on what the project before has
            dialog.done(QDialog.DialogCode.Rejected)
        for notice in self.findChildren(Notice):  # their buttons would act on the rows of the next one
            notice.end()
        self.workspace.switch(project)
        self.show_project()

    async def flush(self) -> None:
        """Save what is typed and not saved yet. Raises `ProjectError` when it cannot be saved."""
        for tab in self.tab_list:
            await tab.flush()

    def _on_failed(self, error: JukuError) -> None:
        self.messages.show_error(error)
        if isinstance(error, FileChangedError):
            self.refresh(ALL_TABLES)

    def _on_busy(self, label: str) -> None:
        self._task.setText(label)
        self._progress.setRange(0, 0)
        for widget in (self._task, self._progress, self._cancel):
            widget.setVisible(bool(label))

    def _on_progress(self, label: str, progress: Progress) -> None:
        if label == self.workspace.tasks.label:
            self._task.setText(" – ".join(filter(None, (label, format_pause(progress)))))
            if progress.total:
                self._progress.setRange(0, 1000)
                self._progress.setValue(int(1000 * progress.done / progress.total))

    def _on_offers(self) -> None:
        title = self.workspace.provider_title()
        is_there = self.workspace.trouble(self.workspace.settings.provider) is None
        there, away = tr("Connected to: {provider}", provider=title), tr("Not connected: {provider}", provider=title)
        self.server_label.setText(there if is_there else away)
        for tab in self.tab_list:
            tab.show_offers()

    def show_examples(self, words: str) -> None:
        """Show the rows that the filter `words` finds."""
        self.tabs.setCurrentWidget(self.dataset_tab)
        self.dataset_tab.choose(words)

    def _on_show_model(self, name: str, provider: str, model: str) -> None:
        tab = self.chat_tab if name == "chat" else self.exam_tab
        self.tabs.setCurrentWidget(tab)
        tab.choose_model(provider, model)

    def _on_step(self, step: PathStep) -> None:
        """Show where a step is taken."""
        if step in (PathStep.TEXT, PathStep.FACTS):
            self.tabs.setCurrentWidget(self.spec_tab)
            self.spec_tab.show_text() if step == PathStep.TEXT else self.spec_tab.show_facts()
        elif step == PathStep.ROWS and self.path.state and self.path.state.drafts:
            self.show_examples("status:draft")
        elif step == PathStep.ROWS:
            self.tabs.setCurrentWidget(self.dataset_tab)
        else:
            self.tabs.setCurrentWidget(self.training_tab if step == PathStep.TRAINING else self.exam_tab)

    def _on_undo(self) -> None:
        self.workspace.tasks.start("", self._revert(undo=True))

    def _on_redo(self) -> None:
        self.workspace.tasks.start("", self._revert(undo=False))

    async def _revert(self, undo: bool) -> Changes:
        await self.flush()
        project = self.workspace.project
        label = project.undo_label if undo else project.redo_label
        changes = await (project.undo() if undo else project.redo())
        if label and self.tabs.currentWidget() not in (self.spec_tab, self.dataset_tab):  # where it can be seen
            Notice(self, tr("Undone: {step}", step=label) if undo else tr("Redone: {step}", step=label))
        return changes

    def show_settings(self) -> None:
        """Open the settings."""
        SettingsDialog(self.workspace, self).open()

    def _on_server_settings(self) -> None:
        """The chosen server's page, ready for its key."""
        dialog = SettingsDialog(self.workspace, self)
        dialog.show_server(self.workspace.settings.provider)
        dialog.open()

    def _on_notice_clicked(self) -> None:
        """The person wants to see the job that has ended."""
        single_instance.raise_window(self)
        self.tabs.setCurrentWidget(self.training_tab)

    def _on_asked(self, files: list[Path]) -> None:
        """This project was opened again, perhaps with files."""
        single_instance.raise_window(self)
        if files:
            self.open_paths(files)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # Files are taken before any widget sees them: a text field would swallow them as text.
        self.windowHandle().installEventFilter(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.path.set_room(event.size().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and (files := drop_question.files(event)):
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self.drop_overlay.hide()
                self.open_paths(files)
            else:
                self.drop_overlay.show_over(self._content, drop_question.format_drop(files, self.files.is_for_spec))
            return True
        if event.type() == QEvent.Type.DragLeave:
            self.drop_overlay.hide()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Who goes elsewhere may copy the file: all that was done is to be in it."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ActivationChange, QEvent.Type.WindowStateChange):
            self.workspace.bring_log_in()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save and stop everything first; the window goes when that is done."""
        event.ignore()
        if not self._closing and not self._agreed and self._trains_here():
            self._ask_to_close()
        elif not self._closing:
            self._closing = True
            self.workspace.tasks.start("", self._close())

    def _trains_here(self) -> bool:
        try:
            return self.workspace.queue.trains_here()
        except Exception:  # a project that cannot be read any more must not keep the window open
            logger.exception("not known whether a model is being trained")
            return False

    def _ask_to_close(self) -> None:
        box = QMessageBox(QMessageBox.Icon.Question, tr("A model is being trained"), "", parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(tr("A model is being trained on this computer."))
        box.setInformativeText(
            tr(
                "If you close the window, the training stops at its last checkpoint and continues when Juku "
                "starts again."
            )
        )
        stay = box.addButton(tr("Keep open"), QMessageBox.ButtonRole.RejectRole)
        close = box.addButton(tr("Close"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(stay)
        close.clicked.connect(self._on_agreed)
        box.finished.connect(lambda _result: self._on_asked_to_close(box.clickedButton() is close))
        box.open()

    def _on_asked_to_close(self, is_agreed: bool) -> None:
        if not is_agreed:
            self.restarts = False

    def restart(self) -> None:
        """Close the window and restart with the same project (ui/app.py)."""
        self.restarts = True
        self.close()

    def _on_agreed(self) -> None:
        self._agreed = True
        self.close()

    async def _close(self) -> None:
        try:
            await self.flush()
        except Exception as error:  # an unexpected error, too, must not keep the window from closing
            # Not lost without a word: the window stays, and closing it once more discards what cannot be saved.
            if not self._unsaved:
                self._unsaved, self._closing = True, False
                raise
            logger.warning("closed without saving: %s", error)
        self.hide()
        self.workspace.settings.tab = self.tabs.currentIndex()
        self._one.end()
        self.workspace.settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        try:
            settings.save(self.workspace.settings)
        except JukuError as error:
            logger.warning("%s", error)
        asyncio.get_running_loop().call_soon(self.closed.set_result, None)
