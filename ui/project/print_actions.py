"""Print and Save as PDF, in the File menu: of the spec, or of the report of the exam that is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QMainWindow, QTabWidget

from core.activity_history import ActivityKind
from core.language import tr
from ui.tab_base import Tab
from ui.widgets import file_dialogs, printing
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


class PrintActions(QObject):
    """Prints what the tab that is shown has to print; where it has nothing, that is said."""

    def __init__(self, workspace: Workspace, window: QMainWindow, tabs: QTabWidget) -> None:
        super().__init__(window)
        self._workspace, self._window, self._tabs = workspace, window, tabs

    def can_print(self) -> bool:
        """Whether the tab that is shown has something to print."""
        tab = self._tabs.currentWidget()
        return isinstance(tab, Tab) and bool(tab.print_title())

    def print_tab(self) -> None:
        """Ask for a printer, and print."""

        async def work(document: QTextDocument, title: str) -> None:
            printing.print_document(self._window, document, title)

        self._start("", work)

    def ask_for_pdf(self) -> None:
        """Ask where the PDF goes."""
        tab = self._tabs.currentWidget()
        if not isinstance(tab, Tab) or not tab.print_title():
            self._say_nothing()
            return
        file_dialogs.save_dialog(
            self._window, self._workspace.settings, file_dialogs.REPORTS, tr("Save as PDF"), f"{tab.print_title()}.pdf",
            self.save_pdf, file_dialogs.name_filters("PDF", "*.pdf"),
        ).open()  # fmt: skip

    def save_pdf(self, path: Path) -> None:
        """Write what the tab that is shown has to print as a PDF."""

        async def work(document: QTextDocument, title: str) -> None:
            await printing.save_pdf(document, path, title)
            text = tr("“{name}” was written.", name=path.name)
            self._workspace.tasks.tell(text)
            Notice(self._window, text)

        self._start(tr("Save as PDF"), work)

    def _start(self, label: str, work: Callable[[QTextDocument, str], Awaitable[None]]) -> None:
        tab = self._tabs.currentWidget()
        if not isinstance(tab, Tab) or not (title := tab.print_title()):
            self._say_nothing()
            return

        async def run() -> None:
            await work(await tab.build_document(), title)

        self._workspace.tasks.start(label, run(), kind=ActivityKind.EXPORT)

    def _say_nothing(self) -> None:
        text = tr("This tab has nothing to print: the spec has its text, and the exam its report.")
        Notice(self._window, text, "note")
