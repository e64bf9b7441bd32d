"""The Help menu: commands and keys, the diagnosis for a report, the log, and what Juku is."""

import asyncio

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QMessageBox

from core import __version__, diagnosis, paths
from core.installation import updates
from core.language import tr
from ui import style
from ui.menus.command_palette import CommandPalette, ShortcutsDialog
from ui.project.file_actions import ProjectWindow
from ui.settings.local_engine_dialog import LocalEngineDialog
from ui.widgets import basics
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


class HelpActions(QObject):
    """Fills the Help menu of `window`."""

    def __init__(self, menu: QMenu, window: ProjectWindow, workspace: Workspace) -> None:
        super().__init__(menu)
        self._window, self._workspace = window, workspace
        basics.menu_action(menu, tr("All &commands…"), self._on_palette, "Ctrl+Shift+P")
        basics.menu_action(menu, tr("&Keyboard shortcuts…"), lambda: ShortcutsDialog(window).open(), "Ctrl+/")
        menu.addSeparator()
        basics.menu_action(menu, tr("Get the local &engine…"), self.get_engine)
        if updates.find_address(workspace.settings.updates_address):
            basics.menu_action(menu, tr("Check for &updates…"), self._on_updates)
        menu.addSeparator()
        basics.menu_action(menu, tr("Copy &diagnosis"), self._on_diagnosis)
        basics.menu_action(menu, tr("Open the &log folder"), self._on_log_folder)
        menu.addSeparator()
        basics.menu_action(menu, tr("&About Juku"), self._on_about)

    def _on_palette(self) -> None:
        CommandPalette(self._window).open()

    def get_engine(self) -> None:
        """Show what would be fetched for the local engine, and fetch it if the person agrees."""
        LocalEngineDialog(self._workspace, self._window).open()

    def _on_updates(self) -> None:
        self._workspace.tasks.start(tr("Looking for a newer version…"), self._look_for_updates())

    async def _look_for_updates(self) -> None:
        found = await asyncio.to_thread(
            updates.find_newer, updates.find_address(self._workspace.settings.updates_address)
        )
        if found is None:
            Notice(self._window, tr("Version {version} is the newest one.", version=__version__))
            return
        about = "\n".join(filter(None, (found.date, found.url, found.notes)))
        Notice(
            self._window, f"{tr('Version {version} can be had.', version=found.version)}\n{about}".strip(), lasting=True
        )

    def _on_diagnosis(self) -> None:
        self._workspace.tasks.start(tr("Looking at this computer…"), self._copy_diagnosis())

    async def _copy_diagnosis(self) -> None:
        found = await asyncio.to_thread(lambda: list(diagnosis.collect_findings()))
        QGuiApplication.clipboard().setText(
            "".join(f"{one.name}: {one.value} {one.advice}".strip() + "\n" for one in found)
        )
        missing = [one.name for one in found if not one.ok]
        text = tr("The diagnosis was copied: versions, folders and devices, no keys and no texts.")
        if missing:
            text = f"{text} {tr('Missing: {names}', names=', '.join(missing))}"
        Notice(self._window, text, "warning" if missing else "good", lasting=bool(missing))

    def _on_log_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(paths.log_file().parent))

    def _on_about(self) -> None:
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("About Juku"))
        box.setIconPixmap(style.icon("juku").pixmap(64, 64))
        box.setText(tr("Juku (塾) teaches a language model what you know and checks whether it learned."))
        versions = tr("Version {juku}, with Qt for Python {qt} (LGPL).", juku=__version__, qt=pyside_version)
        box.setInformativeText(f"{versions}\n{tr('Open-source software under the Apache License 2.0.')}")
        box.open()
