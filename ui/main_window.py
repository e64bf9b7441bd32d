"""The main window: the tabs, the menus, the status bar, and files dropped onto it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, QTimer
from PySide6.QtGui import QCloseEvent, QDropEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QMenu,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core import settings
from core.activity_history import ActivityKind, HistoryEntry
from core.errors import FileChangedError, JukuError
from core.exam import runs
from core.language import tr
from core.storage.project import Changes, Project
from core.teaching.teaching_path import PathStep
from core.training.jobs import Job
from ui import style
from ui.activities import Activity
from ui.activity import activity_texts
from ui.activity.activity_dock import ActivityDock
from ui.activity.end_notification import EndNotification
from ui.chat.tab import ChatTab
from ui.dataset import drop_question
from ui.dataset.tab import DatasetTab
from ui.exam.tab import ExamTab
from ui.menus.edit_menu import EditActions
from ui.menus.help_menu import HelpActions
from ui.menus.view_menu import ViewActions
from ui.menus.window_menu import WindowActions
from ui.project import close_question, single_instance
from ui.project.copy_actions import CopyActions
from ui.project.file_actions import FileActions, ProjectWindow
from ui.project.opening import ProjectOpener
from ui.project.print_actions import PrintActions
from ui.project.single_instance import OneWindow
from ui.project.synced_folder_bar import SyncedFolderBar
from ui.project.teaching_path_actions import TeachingPathActions
from ui.project.teaching_path_bar import TeachingPathBar
from ui.project.window_layout import WindowLayout
from ui.rescue.deadline_label import DeadlineLabel
from ui.settings.settings_dialog import SettingsDialog
from ui.spec.tab import SpecTab
from ui.tab_base import ALL_TABLES, Tab, TabPages
from ui.training import job_end_notice
from ui.training.tab import TrainingTab
from ui.widgets import basics, floating_message, screen_fit
from ui.widgets.composition_guard import CompositionGuard
from ui.widgets.drop_overlay import DropOverlay
from ui.widgets.message_bar import MessageBar, Notice
from ui.widgets.server_trouble_bar import ServerTroubleBar
from ui.workspace import Workspace

logger = logging.getLogger(__name__)
# During a drag no other events of the mouse come: one that does says that the drag is over.
DRAG_ENDS = {QEvent.Type.DragLeave, QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress}
SHOWN_KINDS = {*ActivityKind} - {ActivityKind.TRAINING}  # in the status bar
ASKED_KINDS = {*ActivityKind} - {ActivityKind.OTHER}  # before the window closes


class MainWindow(ProjectWindow):
    """The main window on one workspace; `closed` is done once everything is saved and stopped."""

    def __init__(self, workspace: Workspace, before: MainWindow | None = None) -> None:
        """`before` is the window on the same workspace whose place this one takes (ui/window_rebuild.py)."""
        super().__init__()
        self.workspace = workspace
        self.closed: asyncio.Future[None] = before.closed if before else asyncio.get_running_loop().create_future()
        teaching, rescuer = (before.training_tab.teaching, before.files.rescuer) if before else (None, None)
        self._closing = False
        self._agreed = False  # whether the person wants to close although a job is being trained here
        self.restarts = False  # whether Juku restarts with the same project after this window is closed
        self._unsaved = False  # whether closing has failed because something could not be saved
        self.spec_tab: SpecTab = SpecTab(workspace)
        self.dataset_tab = DatasetTab(workspace)
        self.training_tab: TrainingTab = TrainingTab(workspace, teaching=teaching)
        self.chat_tab = ChatTab(workspace)
        self.exam_tab = ExamTab(workspace)
        self.tab_list: list[Tab] = [
            self.spec_tab, self.dataset_tab, self.training_tab, self.chat_tab, self.exam_tab,
        ]  # fmt: skip
        self.activity = ActivityDock(workspace.activities, self)
        self.copies = CopyActions(workspace, self, self.flush)
        CompositionGuard(self)
        self._one = OneWindow(self)
        self._one.asked.connect(self._on_asked)
        self._lay_out()
        self.printing = PrintActions(workspace, self, self.tabs)
        self.files: FileActions = FileActions(workspace, self, rescuer)
        self.layouts = WindowLayout(workspace, self)
        self.opening = ProjectOpener(workspace, self, self.replace, self.messages.show_error)
        self._make_menus()
        self._make_status_bar()
        self._connect()
        self._restore()
        self.show_project(is_opened=before is None)
        if before:
            self._take_over(before)

    def _take_over(self, before: MainWindow) -> None:
        """Show what the window before shows; that one leaves everything to this one."""
        for ours, theirs in zip(self.tab_list, before.tab_list, strict=True):
            ours.take_over(theirs)
        self.layouts.take_over(before.layouts)
        if not before.messages.isHidden():
            self.messages.show_text(before.messages.text())

    def is_closing(self) -> bool:
        """Whether the window saves and stops everything, to be closed then."""
        return self._closing

    def stop_listening(self) -> None:
        """Leave it to another window to answer who opens the project a second time."""
        self._one.end()

    def leave(self) -> None:
        """Another window has taken the place of this one: show and begin nothing more, without closing the project."""
        for timer in self.findChildren(QTimer):
            timer.stop()
        tasks = self.workspace.tasks
        tasks.changed.disconnect(self.refresh)
        tasks.failed.disconnect(self._on_failed)
        self.workspace.rows_wanted.disconnect(self.show_examples)
        self.workspace.queue.ended.disconnect(self._on_job_ended)
        self.workspace.activities.changed.disconnect(self._show_running)
        self.workspace.activities.progressed.disconnect(self._show_running)
        self.notification.deleteLater()  # the other window has one of its own
        self.hide()

    def _restore(self) -> None:
        """Restore size and position, within the screens of today."""
        chosen = self.workspace.settings
        self.resize(style.scaled(1240), style.scaled(820))
        if not self.layouts.restore_geometry():
            self.restoreGeometry(QByteArray.fromBase64(chosen.geometry.encode()))
        screen_fit.fit(self)
        if 0 <= chosen.tab < self.tabs.count():
            self.tabs.setCurrentIndex(chosen.tab)

    def _lay_out(self) -> None:
        self.messages, self.trouble = MessageBar(self), ServerTroubleBar(self.workspace, self)
        self.place = SyncedFolderBar(self.workspace, self)
        self.drop_overlay = DropOverlay(self)
        self.tabs = TabPages(documentMode=True)
        self.tabs.setIconSize(QSize(style.scaled(18), style.scaled(18)))
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
        ViewActions(self._add_menu(tr("&View")), self, self.workspace, self.tab_list, self.path, self.activity)
        WindowActions(self._add_menu(tr("&Window")), self, self.workspace)
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
        self._progress.setMaximumWidth(style.scaled(180))
        self._cancel = QPushButton(tr("Cancel"))
        self._progress.setAccessibleName(tr("Progress"))
        self._cancel.clicked.connect(lambda _checked: self._on_cancel())
        for widget in (self._task, self._progress, self._cancel):
            self.statusBar().addPermanentWidget(widget)
        self.statusBar().addPermanentWidget(self.activity.button)
        self._show_running()
        self._on_offers()

    def _connect(self) -> None:
        tasks = self.workspace.tasks
        for tabs in self.findChildren(QTabWidget):  # with another page there are other buttons
            tabs.currentChanged.connect(lambda _index: floating_message.reposition_all(self))
        tasks.changed.connect(self.refresh)
        tasks.failed.connect(self._on_failed)
        self.workspace.activities.changed.connect(self._show_running)
        self.workspace.activities.progressed.connect(self._show_running)
        self.activity.panel.wanted.connect(self._on_activity_wanted)
        self.workspace.offers_changed.connect(self._on_offers)
        self.workspace.offers_failed.connect(self._on_offers_failed)
        self.workspace.rows_wanted.connect(self.show_examples)
        self.trouble.settings_wanted.connect(self._on_server_settings)
        self.trouble.engine_wanted.connect(self.help.get_engine)
        self.dataset_tab.import_wanted.connect(self.files.ask_for_rows)
        self.spec_tab.document_wanted.connect(self.files.ask_for_document)
        self.spec_tab.settings_wanted.connect(self.show_settings)
        self.training_tab.rescue_wanted.connect(self.files.open_rescue)
        self.workspace.queue.ended.connect(self._on_job_ended)
        self.notification = EndNotification(self.workspace, self)
        self.notification.clicked.connect(self._on_notification_clicked)
        self.path.step_chosen.connect(self._on_step)
        TeachingPathActions(self.workspace, self, self.path)
        self.copies.opened.connect(lambda path: self.open_paths([path]))
        for tab in self.tab_list:
            tab.show_examples.connect(self.show_examples)
            tab.show_model.connect(self._on_show_model)

    def show_project(self, is_opened: bool = True) -> None:
        """Show the workspace's project. `is_opened`: just now, so that an exam that is said to be running was broken off."""
        self.setWindowTitle(f"{self.workspace.project.path.stem} – Juku")
        for one in (self._one, self.place, self.path):
            one.follow(self.workspace.project)
        if is_opened and self.workspace.project.notice:
            self.messages.show_text(self.workspace.project.notice)
        self.refresh(ALL_TABLES)
        self.layouts.restore()
        tasks = self.workspace.tasks
        if is_opened and not self.workspace.project.read_only:
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
        await self.layouts.save()
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

    async def _save_layout(self) -> None:
        """How the window looks is worth no error at its end, but for a file that was exchanged: that is told."""
        try:
            await self.layouts.save()
        except FileChangedError as error:
            self.workspace.settings.left = str(error)
        except JukuError as error:
            logger.info("the layout was not saved: %s", error)

    async def flush(self) -> None:
        """Save what is typed and not saved yet. Raises `ProjectError` when it cannot be saved."""
        for tab in self.tab_list:
            await tab.flush()

    def _on_failed(self, error: JukuError) -> None:
        self.messages.show_error(error)
        if isinstance(error, FileChangedError):
            self.refresh(ALL_TABLES)

    def _newest_activity(self) -> Activity | None:
        """What the status bar shows. A job, which goes on without the window, is not cancelled in passing."""
        shown = (one for one in self.workspace.activities.running() if one.entry.kind in SHOWN_KINDS and one.cancel)
        return next(shown, None)

    def _on_job_ended(self, job: Job) -> None:
        job_end_notice.show(self, job)

    def _show_running(self, _progressed: Activity | None = None) -> None:
        newest = self._newest_activity()
        for widget in (self._task, self._progress, self._cancel):
            widget.setVisible(newest is not None)
        if newest is not None:
            told = "" if newest.share is None and not newest.progress.pause else activity_texts.format_progress(newest)
            self._task.setText(" – ".join(filter(None, (newest.entry.label, told))))
            self._progress.setRange(0, 0 if newest.share is None else 1000)
            self._progress.setValue(int(1000 * (newest.share or 0)))

    def _on_cancel(self) -> None:
        if (newest := self._newest_activity()) and newest.cancel:
            newest.cancel()

    def _on_activity_wanted(self, entry: HistoryEntry) -> None:
        """Show where something runs or ran."""
        if entry.project and entry.project != str(self.workspace.project.path):
            text = tr("It belongs to another project: {name}", name=activity_texts.format_project(entry))
            notice = Notice(self, text, "note", lasting=True)
            notice.add_button(tr("Open this project"), lambda: self.open_paths([Path(entry.project)]))
            return
        tab = {
            ActivityKind.EXAM: self.exam_tab, ActivityKind.TRAINING: self.training_tab,
            ActivityKind.TEACHING: self.training_tab, ActivityKind.MODEL: self.training_tab,
        }.get(ActivityKind(entry.kind), self.dataset_tab)  # fmt: skip
        self.tabs.setCurrentWidget(tab)
        if entry.kind == ActivityKind.TRAINING:
            self.training_tab.show_job(int(entry.reference.rpartition(":")[2] or 0))
        elif entry.kind == ActivityKind.TEACHING:
            self.training_tab.show_teaching()
        elif entry.kind == ActivityKind.RESCUE:
            self.files.open_rescue()

    def _on_offers(self) -> None:
        title = self.workspace.provider_title()
        is_there = self.workspace.trouble(self.workspace.settings.provider) is None
        there, away = tr("Connected to: {provider}", provider=title), tr("Not connected: {provider}", provider=title)
        self.server_label.setText(there if is_there else away)
        for tab in self.tab_list:
            tab.show_offers()

    def _on_offers_failed(self, _provider: str) -> None:
        self._on_offers()

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

    def show_settings(self, page: int = 0) -> None:
        """Open the settings at a page, by its place."""
        dialog = SettingsDialog(self.workspace, self)
        dialog.tabs.setCurrentIndex(page)
        dialog.open()

    def _on_server_settings(self) -> None:
        """The chosen server's page, ready for its key."""
        dialog = SettingsDialog(self.workspace, self)
        dialog.show_server(self.workspace.settings.provider)
        dialog.open()

    def _on_notification_clicked(self, entry: HistoryEntry) -> None:
        """The person wants to see what has ended."""
        single_instance.raise_window(self)
        self._on_activity_wanted(entry)

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
        if isinstance(event, QDropEvent) and not self._is_own(event) and (files := drop_question.files(event)):
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self.drop_overlay.hide()
                self.open_paths(files)
            else:
                self.drop_overlay.show_over(self._content, drop_question.format_drop(files, self.files.is_for_spec))
            return True
        if event.type() in DRAG_ENDS:
            self.drop_overlay.hide()
        return super().eventFilter(watched, event)

    def _is_own(self, event: QDropEvent) -> bool:
        """Whether rows of this window are dragged over it: they are here already."""
        source = event.source()
        return isinstance(source, QWidget) and source.window() is self

    def changeEvent(self, event: QEvent) -> None:
        """Who goes elsewhere may copy the file: all that was done is to be in it."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ActivationChange, QEvent.Type.WindowStateChange):
            self.workspace.bring_log_in()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save and stop everything first; the window goes when that is done."""
        event.ignore()
        if not self._closing and not self._agreed and (running := self._list_running()):
            close_question.ask(self, running, self._on_agreed, self._on_stay)
        elif not self._closing:
            self._closing = True
            self.workspace.tasks.start("", self._close())

    def _list_running(self) -> list[str]:
        """What runs that is worth a question, each with what becomes of it."""
        try:
            is_here = self.workspace.queue.trains_here()
        except Exception:  # a project that cannot be read any more must not keep the window open
            logger.exception("not known whether a model is being trained")
            is_here = False
        asked = [one for one in self.workspace.activities.running() if one.entry.kind in ASKED_KINDS]
        if not is_here and all(one.entry.kind == ActivityKind.TRAINING for one in asked):
            return []  # it goes on at its server
        told = [activity_texts.describe_at_close(one, is_here) for one in asked]
        if is_here and not any(one.entry.kind == ActivityKind.TRAINING for one in asked):
            told.append(tr("A model is being trained on this computer: it stops at its last checkpoint and continues "
                           "when Juku starts again"))  # fmt: skip
        return told

    def _on_stay(self) -> None:
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
            await self._save_layout()
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
