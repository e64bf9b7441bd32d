"""The dialog for unexpected errors: one for all of them, with what is known to be safe."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEventLoop, Qt, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from core import log, paths
from core.language import tr, trn
from core.storage import check_after_crash
from core.storage.check_after_crash import SafetyResult
from ui import style
from ui.widgets import basics

if TYPE_CHECKING:
    from ui.workspace import Workspace

logger = logging.getLogger(__name__)
MAX_ERROR_KINDS = 20  # different errors whose details are shown
DETAILS_WIDTH, DETAILS_HEIGHT, MIN_DETAILS_HEIGHT = 660, 480, 90


class CrashDialog(QDialog):
    """Reports mistakes of the program, each kind once. `copy_wanted` and `restart_wanted` are for the main window."""

    copy_wanted = Signal()
    restart_wanted = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._kinds: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self.setWindowTitle(tr("Unexpected error"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.title = basics.heading(tr("Something went wrong in Juku"))
        self.count = basics.label(wrap=True)
        self.safe = basics.Note()
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setFont(style.fixed_font())
        self.details.setAccessibleName(tr("Details"))
        self.details.setMinimumHeight(style.scaled(MIN_DETAILS_HEIGHT))
        self._lay_out()
        self._check_saved()

    def _lay_out(self) -> None:
        self.buttons = QDialogButtonBox()
        role = QDialogButtonBox.ButtonRole
        self.copy_details = self._add_button(tr("Copy &details"), role.ActionRole, self._on_copy_details)
        self.copy = self._add_button(tr("&Save a copy…"), role.ActionRole, self.copy_wanted.emit)
        self.restart = self._add_button(tr("&Restart"), role.ActionRole, self.restart_wanted.emit)
        self.go_on = self._add_button(tr("&Continue"), role.RejectRole, self.reject)
        self.go_on.setDefault(True)
        where = _describe_report()
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        for part in (self.title, self.count, self.safe, basics.label(where, wrap=True, dim=True)):
            layout.addWidget(part)
        layout.addWidget(self.details, 1)
        layout.addWidget(self.buttons)
        self.go_on.setFocus()
        self.setWindowIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxCritical))
        self.setMinimumSize(
            style.scaled(DETAILS_WIDTH), style.scaled(DETAILS_HEIGHT)
        )  # room for all sentences, also where the last of them comes later

    def _add_button(self, text: str, role: QDialogButtonBox.ButtonRole, slot: object) -> QPushButton:
        button = self.buttons.addButton(text, role)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked: slot())  # type: ignore[operator]
        return button

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.buttons.setFocusProxy(None)  # type: ignore[arg-type]  # the default button: Tab left out the others
        basics.order_focus(self.details, self.copy_details, self.copy, self.restart, self.go_on)

    def add(self, error: BaseException) -> None:
        """Count one more mistake. Its details are shown unless it has happened before."""
        details = log.format_crash(error)
        is_new = details not in self._kinds and len(self._kinds) < MAX_ERROR_KINDS
        self._kinds[details if details in self._kinds or is_new else ""] += 1
        total = self._kinds.total()
        self.count.setText(trn("It has happened {n} time since this message appeared.",
                               "It has happened {n} times since this message appeared.", total))  # fmt: skip
        self.count.setVisible(total > 1)
        if is_new:
            self.details.setPlainText(self._all_details())

    def _all_details(self) -> str:
        return "\n".join(details for details in self._kinds if details)

    # --- what is known to be safe

    def _check_saved(self) -> None:
        self.safe.show_text(tr("Checking what is saved…"))
        if self._workspace.tasks.can_start():
            self._task = self._workspace.tasks.start("", self._check())
        else:
            self._show(SafetyResult(False, tr("the project is closed")))

    async def _check(self) -> None:
        self._show(await check_after_crash.check_safety(self._workspace.project))

    def _show(self, found: SafetyResult) -> None:
        name = self._workspace.project.path.name
        if found.is_safe:
            words = tr(
                "All your changes are saved in “{name}”: the file on the disk was compared and checked. Only what you are typing just now may be missing.",
                name=name,
            )
            self.safe.show_text(words, "good")
            return
        words = tr(
            "It is not certain that your last changes are saved in “{name}” ({reason}). Save a copy under another name before you do anything else.",
            name=name,
            reason=found.reason,
        )
        self.safe.show_text(words, "error")

    def done(self, result: int) -> None:
        if self._task:
            self._task.cancel()
        super().done(result)

    def _on_copy_details(self) -> None:
        counts = "\n".join(f"{count} ×\n{details}" for details, count in self._kinds.items() if details)
        QGuiApplication.clipboard().setText(counts)


def _describe_report() -> str:
    return tr(
        "To report it, send the details below. They say where in the program it happened, and hold no texts or keys of yours. They are also in {log}.",
        log=paths.log_file(),
    )


def show(error: BaseException) -> None:
    """Log an unexpected error and show it over the window; without a window it is in the log and on standard error."""
    from ui.main_window import MainWindow

    logger.error("unexpected", exc_info=error)
    windows = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow))
    owner = next((window for window in windows if window.isVisible() and window.is_filled), None)
    if owner is None:
        return
    dialog = owner.findChild(CrashDialog)
    if dialog is None or not dialog.isVisible():
        dialog = CrashDialog(owner.workspace, owner)
        dialog.copy_wanted.connect(owner.copies.ask)
        dialog.restart_wanted.connect(owner.restart)
        dialog.open()
    dialog.add(error)


def tell_end(error: Exception) -> None:
    """Log what ends the program, or keeps it from starting, and say it: the terminal is seen by few. Blocks until it is read."""
    from core.errors import JukuError

    logger.error("the program ends", exc_info=error)
    box = QMessageBox(QMessageBox.Icon.Critical, "Juku", "")
    box.setTextFormat(Qt.TextFormat.PlainText)
    if isinstance(error, JukuError):
        box.setText(error.title)
        box.setInformativeText(error.message)
    else:
        box.setText(tr("Something went wrong in Juku"))
        box.setInformativeText(_describe_report())
        box.setDetailedText(log.format_crash(error))
    box.open()
    while box.isVisible():  # no task runs any more that could be disturbed
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
