"""The help key in dialogs: it opens the page of the guide about the dialog that has the keyboard."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from ui.widgets import basics

HAS_HELP = "has-help"  # the property of a dialog that has the key
# The page of the guide for each dialog, by the name of its class. In others the key opens the page of the tab.
PAGES_OF_DIALOGS = {
    "ApprovalDialog": "generate", "BackupsDialog": "projects", "BulkDialog": "rows", "ChangedSinceDialog": "train",
    "CodeDialog": "chat", "CommandPalette": "index", "CorrectionDialog": "chat", "CrashDialog": "projects",
    "DocumentImportDialog": "spec", "DomainDialog": "chat", "ExportDialog": "rows", "ExportModelDialog": "export-model",
    "FactLinkDialog": "rows", "FactLinkModelDialog": "rows", "GenerationDialog": "generate", "HoldOutDialog": "exam",
    "ImportDialog": "rows", "JsonDialog": "forms", "JudgeDialog": "generate", "LocalEngineDialog": "install",
    "PreflightDialog": "train", "ProbeDialog": "generate", "ProposalDialog": "spec", "QuarantineDialog": "rows",
    "RawRepliesDialog": "generate", "RefineDialog": "spec", "RemakeDialog": "generate", "ReplaceDialog": "rows",
    "RescueDialog": "rescue", "RevisionsDialog": "spec", "RouterDialog": "chat", "ServerContentsDialog": "connect",
    "SettingsDialog": "connect", "ShortcutsDialog": "index", "SplitDialog": "spec", "SweepDialog": "train",
    "TeachingDialog": "teach", "TermsDialog": "install", "TokenCountsDialog": "rows", "ToolCallDialog": "forms",
    "VersionsDialog": "rows", "WelcomeDialog": "index",
}  # fmt: skip


class DialogHelp(QObject):
    """Gives each dialog of `window` the help key, which a dialog before it takes from the window's menu."""

    def __init__(
        self, window: QWidget, show_page: Callable[[str], object], show_page_of_tab: Callable[[], object]
    ) -> None:
        super().__init__(window)
        self._window, self._show_page, self._show_page_of_tab = window, show_page, show_page_of_tab
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.focusWindowChanged.connect(self._on_window)

    def _on_window(self, _window: object) -> None:
        dialog = QApplication.activeWindow()
        if isinstance(dialog, QDialog) and not dialog.property(HAS_HELP) and self._is_mine(dialog):
            dialog.setProperty(HAS_HELP, True)
            keys = basics.key_sequence(QKeySequence.StandardKey.HelpContents)
            name = type(dialog).__name__
            QShortcut(keys, dialog, lambda: self._show(name))

    def _is_mine(self, dialog: QWidget) -> bool:
        parent = dialog.parentWidget()
        while parent is not None and parent is not self._window:
            parent = parent.parentWidget()
        return parent is not None

    def _show(self, dialog: str) -> None:
        if dialog in PAGES_OF_DIALOGS:
            self._show_page(PAGES_OF_DIALOGS[dialog])
        else:
            self._show_page_of_tab()
