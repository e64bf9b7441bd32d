"""The main window: the tabs, the menus, the status bar, and files dropped onto it."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QCloseEvent, QDropEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.errors import FileChangedError, JukuError
from core.language import tr
from core.lazy_loading import LazyModule
from ui import style
from ui.widgets import screen_fit
from ui.window_frame import DRAG_ENDS, WindowFrame, dropped_files, window_title

if TYPE_CHECKING:
    import asyncio

    from core import settings
    from core.activity_history import HistoryEntry
    from core.storage.project import Changes, Project
    from core.teaching.teaching_path import PathStep
    from core.training.jobs import Job
    from ui import window_parts as parts
    from ui.activities import Activity
    from ui.tab_base import Tab
    from ui.workspace import Workspace
else:
    # Imported when the window is on the screen already.
    asyncio, settings = LazyModule("asyncio"), LazyModule("core.settings")
    parts = LazyModule("ui.window_parts")

logger = logging.getLogger(__name__)


class MainWindow(WindowFrame):
    """The main window on one workspace; `closed` is done once everything is saved and stopped."""

    def __init__(self, workspace: Workspace | None = None, before: MainWindow | None = None) -> None:
        """Without a workspace it is a frame to begin with, to be filled later.

        `before` is the window on the same workspace whose place this one takes (ui/window_rebuild.py).
        """
        super().__init__()
        if workspace is not None:
            self.fill(workspace, before)

    def fill(self, workspace: Workspace, before: MainWindow | None = None) -> None:
        """Show the workspace's project, with all that belongs to the window."""
        self.setUpdatesEnabled(False)  # the frame stays on the screen until all has its place
        self.workspace = workspace
        self.closed: asyncio.Future[None] = before.closed if before else asyncio.get_running_loop().create_future()
        teaching, rescuer = (before.training_tab.teaching, before.files.rescuer) if before else (None, None)
        self._closing = False
        self._agreed = False  # whether the person wants to close although a job is being trained here
        self.restarts = False  # whether Juku restarts with the same project after this window is closed
        self._unsaved = False  # whether closing has failed because something could not be saved
        self.spec_tab: parts.SpecTab = parts.SpecTab(workspace)
        self.dataset_tab = parts.DatasetTab(workspace)
        self.training_tab: parts.TrainingTab = parts.TrainingTab(workspace, teaching=teaching)
        self.chat_tab = parts.ChatTab(workspace)
        self.exam_tab = parts.ExamTab(workspace)
        self.tab_list: list[Tab] = [
            self.spec_tab, self.dataset_tab, self.training_tab, self.chat_tab, self.exam_tab,
        ]  # fmt: skip
        self.activity = parts.ActivityDock(workspace.activities, self)
        self.copies = parts.CopyActions(workspace, self, self.flush)
        parts.CompositionGuard(self)
        self._one = parts.OneWindow(self)
        self._one.asked.connect(self._on_asked)
        self._lay_out()
        self.printing = parts.PrintActions(workspace, self, self.tabs)
        self.files: parts.FileActions = parts.FileActions(workspace, self, rescuer)
        self.layouts = parts.WindowLayout(workspace, self)
        self.opening = parts.ProjectOpener(workspace, self, self.replace, self.messages.show_error)
        self._make_menus()
        self._make_status_bar()
        self._connect()
        self._restore()
        self.show_project(is_opened=before is None)
        self.is_filled = True
        if before:
            self._take_over(before)
        if self.early_tab is not None:
            self.tabs.setCurrentIndex(self.early_tab)
        self._content.show()
        self.setUpdatesEnabled(True)

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
        if not self.isVisible():
            self.restore_place(chosen.geometry)
        if self.layouts.restore_geometry():
            screen_fit.fit(self)
        if 0 <= chosen.tab < self.tabs.count():
            self.tabs.setCurrentIndex(chosen.tab)

    def _lay_out(self) -> None:
        self.messages, self.trouble = parts.MessageBar(self), parts.ServerTroubleBar(self.workspace, self)
        self.place = parts.SyncedFolderBar(self.workspace, self)
        self.drop_overlay = parts.DropOverlay(self)
        self.tabs = self._make_tabs()
        for tab in self.tab_list:
            self.tabs.addTab(tab, style.icon(tab.icon), tab.title())
        self.path = parts.TeachingPathBar(self.workspace)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.path)
        layout.addWidget(self.tabs, 1)
        self._content = screen_fit.wrap_in_scroll_area(whole)
        if self.isVisible():
            self._content.hide()  # it comes up as a whole at the end
        self.setCentralWidget(self._content)

    def _make_menus(self) -> None:
        for menu in (self._file_menu, self._edit_menu, self._view_menu, self._window_menu, self._help_menu):
            menu.aboutToShow.connect(partial(parts.basics.make_room_in, menu))
        self.files.fill(self._file_menu)
        edit = self._edit_menu
        self.undo_action = parts.basics.menu_action(edit, tr("&Undo"), self._on_undo, QKeySequence.StandardKey.Undo)
        self.redo_action = parts.basics.menu_action(edit, tr("&Redo"), self._on_redo, QKeySequence.StandardKey.Redo)
        parts.EditActions(edit, self.tabs)
        parts.ViewActions(self._view_menu, self, self.workspace, self.tab_list, self.path, self.activity)
        parts.WindowActions(self._window_menu, self, self.workspace)
        self.help = parts.HelpActions(self._help_menu, self, self.workspace)

    def _make_status_bar(self) -> None:
        self.server_label = parts.basics.label(dim=True)
        self.statusBar().addWidget(self.server_label)
        self.deadline = parts.DeadlineLabel(self.workspace)
        self.statusBar().addWidget(self.deadline)
        self._task = parts.basics.label(dim=True)
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
            tabs.currentChanged.connect(lambda _index: parts.floating_message.reposition_all(self))
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
        self.notification = parts.EndNotification(self.workspace, self)
        self.notification.clicked.connect(self._on_notification_clicked)
        self.path.step_chosen.connect(self._on_step)
        parts.TeachingPathActions(self.workspace, self, self.path)
        self.copies.opened.connect(lambda path: self.open_paths([path]))
        for tab in self.tab_list:
            tab.show_examples.connect(self.show_examples)
            tab.show_model.connect(self._on_show_model)

    def show_project(self, is_opened: bool = True) -> None:
        """Show the workspace's project. `is_opened`: just now, so that an exam that is said to be running was broken off."""
        self.setWindowTitle(window_title(self.workspace.project.path))
        for one in (self._one, self.place, self.path):
            one.follow(self.workspace.project)
        if is_opened and self.workspace.project.notice:
            self.messages.show_text(self.workspace.project.notice)
        self.refresh(parts.ALL_TABLES)
        self.layouts.restore()
        tasks = self.workspace.tasks
        if is_opened and not self.workspace.project.read_only:
            tasks.start("", self.workspace.project.write("", parts.runs.mark_interrupted))
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
        for notice in self.findChildren(parts.Notice):  # their buttons would act on the rows of the next one
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
            self.refresh(parts.ALL_TABLES)

    def _newest_activity(self) -> Activity | None:
        """What the status bar shows. A job, which goes on without the window, is not cancelled in passing."""
        shown = (
            one for one in self.workspace.activities.running() if one.entry.kind in parts.SHOWN_KINDS and one.cancel
        )
        return next(shown, None)

    def _on_job_ended(self, job: Job) -> None:
        parts.job_end_notice.show(self, job)

    def _show_running(self, _progressed: Activity | None = None) -> None:
        newest = self._newest_activity()
        for widget in (self._task, self._progress, self._cancel):
            widget.setVisible(newest is not None)
        if newest is not None:
            told = (
                ""
                if newest.share is None and not newest.progress.pause
                else parts.activity_texts.format_progress(newest)
            )
            self._task.setText(" – ".join(filter(None, (newest.entry.label, told))))
            self._progress.setRange(0, 0 if newest.share is None else 1000)
            self._progress.setValue(int(1000 * (newest.share or 0)))

    def _on_cancel(self) -> None:
        if (newest := self._newest_activity()) and newest.cancel:
            newest.cancel()

    def _on_activity_wanted(self, entry: HistoryEntry) -> None:
        """Show where something runs or ran."""
        if entry.project and entry.project != str(self.workspace.project.path):
            text = tr("It belongs to another project: {name}", name=parts.activity_texts.format_project(entry))
            notice = parts.Notice(self, text, "note", lasting=True)
            notice.add_button(tr("Open this project"), lambda: self.open_paths([Path(entry.project)]))
            return
        tab = {
            parts.ActivityKind.EXAM: self.exam_tab, parts.ActivityKind.TRAINING: self.training_tab,
            parts.ActivityKind.TEACHING: self.training_tab, parts.ActivityKind.MODEL: self.training_tab,
        }.get(parts.ActivityKind(entry.kind), self.dataset_tab)  # fmt: skip
        self.tabs.setCurrentWidget(tab)
        if entry.kind == parts.ActivityKind.TRAINING:
            self.training_tab.show_job(int(entry.reference.rpartition(":")[2] or 0))
        elif entry.kind == parts.ActivityKind.TEACHING:
            self.training_tab.show_teaching()
        elif entry.kind == parts.ActivityKind.RESCUE:
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
        if step in (parts.PathStep.TEXT, parts.PathStep.FACTS):
            self.tabs.setCurrentWidget(self.spec_tab)
            self.spec_tab.show_text() if step == parts.PathStep.TEXT else self.spec_tab.show_facts()
        elif step == parts.PathStep.ROWS and self.path.state and self.path.state.drafts:
            self.show_examples("status:draft")
        elif step == parts.PathStep.ROWS:
            self.tabs.setCurrentWidget(self.dataset_tab)
        else:
            self.tabs.setCurrentWidget(self.training_tab if step == parts.PathStep.TRAINING else self.exam_tab)

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
            parts.Notice(self, tr("Undone: {step}", step=label) if undo else tr("Redone: {step}", step=label))
        return changes

    def show_settings(self, page: int = 0) -> None:
        """Open the settings at a page, by its place."""
        dialog = parts.SettingsDialog(self.workspace, self)
        dialog.tabs.setCurrentIndex(page)
        dialog.open()

    def _on_server_settings(self) -> None:
        """The chosen server's page, ready for its key."""
        dialog = parts.SettingsDialog(self.workspace, self)
        dialog.show_server(self.workspace.settings.provider)
        dialog.open()

    def _on_notification_clicked(self, entry: HistoryEntry) -> None:
        """The person wants to see what has ended."""
        parts.single_instance.raise_window(self)
        self._on_activity_wanted(entry)

    def _on_asked(self, files: list[Path]) -> None:
        """This project was opened again, perhaps with files."""
        parts.single_instance.raise_window(self)
        if files:
            self.open_paths(files)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # Files are taken before any widget sees them: a text field would swallow them as text.
        self.windowHandle().installEventFilter(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.is_filled:
            self.path.set_room(event.size().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and not self._is_own(event) and (files := dropped_files(event)):
            event.acceptProposedAction()
            if not self.is_filled:
                self.early_files += files if event.type() == QEvent.Type.Drop else []
                return True
            if event.type() == QEvent.Type.Drop:
                self.drop_overlay.hide()
                self.open_paths(files)
            else:
                self.drop_overlay.show_over(
                    self._content, parts.drop_question.format_drop(files, self.files.is_for_spec)
                )
            return True
        if event.type() in DRAG_ENDS and self.is_filled:
            self.drop_overlay.hide()
        return super().eventFilter(watched, event)

    def _is_own(self, event: QDropEvent) -> bool:
        """Whether rows of this window are dragged over it: they are here already."""
        source = event.source()
        return isinstance(source, QWidget) and source.window() is self

    def changeEvent(self, event: QEvent) -> None:
        """Who goes elsewhere may copy the file: all that was done is to be in it."""
        super().changeEvent(event)
        if self.is_filled and event.type() in (QEvent.Type.ActivationChange, QEvent.Type.WindowStateChange):
            self.workspace.bring_log_in()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save and stop everything first; the window goes when that is done."""
        if not self.is_filled:
            super().closeEvent(event)
            return
        event.ignore()
        if not self._closing and not self._agreed and (running := self._list_running()):
            parts.close_question.ask(self, running, self._on_agreed, self._on_stay)
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
        asked = [one for one in self.workspace.activities.running() if one.entry.kind in parts.ASKED_KINDS]
        if not is_here and all(one.entry.kind == parts.ActivityKind.TRAINING for one in asked):
            return []  # it goes on at its server
        told = [parts.activity_texts.describe_at_close(one, is_here) for one in asked]
        if is_here and not any(one.entry.kind == parts.ActivityKind.TRAINING for one in asked):
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
