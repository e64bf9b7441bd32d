"""The Help menu: commands and keys, the diagnosis for a report, the log, and what Juku is."""

import asyncio

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import QEvent, QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox

from core import __version__, diagnosis, guide, language, paths
from core.installation import updates
from core.language import tr
from ui import style
from ui.guide.guide_window import GuideWindow
from ui.menus.command_palette import CommandPalette, ShortcutsDialog
from ui.menus.dialog_help import DialogHelp
from ui.project.project_window import ProjectWindow
from ui.settings.local_engine_dialog import LocalEngineDialog
from ui.tab_base import Tab
from ui.widgets import basics
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

# The pages of the guide that F1 opens, by the icons of the tabs.
PAGES_OF_TABS = {"spec": "spec", "examples": "rows", "training": "train", "chat": "chat", "exam": "exam"}


class HelpActions(QObject):
    """Fills the Help menu of `window`."""

    def __init__(self, menu: QMenu, window: ProjectWindow, workspace: Workspace) -> None:
        super().__init__(menu)
        self._window, self._workspace = window, workspace
        window.installEventFilter(self)
        self.guide: GuideWindow | None = None
        self._guide_language = ""
        self._dialogs = DialogHelp(window, self.show_guide, self._on_guide_of_tab)
        basics.menu_action(menu, tr("&Guide"), lambda: self.show_guide(guide.FIRST_PAGE))
        basics.menu_action(menu, tr("Guide to &this tab"), self._on_guide_of_tab, QKeySequence.StandardKey.HelpContents)
        if guide.CHANGES.is_file():
            basics.menu_action(menu, tr("&What’s new"), lambda: self.show_guide(guide.CHANGES_PAGE))
        menu.addSeparator()
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

    def show_guide(self, page: str) -> None:
        """Show a page of the guide in its window, in the language of the screen."""
        if self.guide is None or self._guide_language != language.current_language():
            self._end_guide()
            self.guide, self._guide_language = GuideWindow(), language.current_language()
        self.guide.show_page(page)
        self.guide.show()
        self.guide.raise_()
        self.guide.activateWindow()

    def _end_guide(self) -> None:
        if self.guide is not None:
            self.guide.close()
            self.guide.deleteLater()
            self.guide = None

    def _on_guide_of_tab(self) -> None:
        tab = self._window.tabs.currentWidget()
        self.show_guide(PAGES_OF_TABS.get(tab.icon, guide.FIRST_PAGE) if isinstance(tab, Tab) else guide.FIRST_PAGE)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Hide and not event.spontaneous():  # the window closes
            self._end_guide()
        return super().eventFilter(watched, event)

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
