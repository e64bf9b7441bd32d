"""The settings for all projects: servers, roles, prices, prompts, backups, appearance."""

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core import settings
from core.errors import JukuError
from core.language import LANGUAGES, tr
from ui import style
from ui.settings.backups_page import BackupsPage
from ui.settings.prices_page import PricesPage
from ui.settings.prompts_page import PromptsPage
from ui.settings.roles_page import RolesPage
from ui.settings.server_list_page import ServersPage
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.message_bar import MessageBar
from ui.workspace import Workspace

BOX_WIDTH = 180


class SettingsDialog(QDialog):
    """The settings. Each choice is saved at once; there is only *Close*."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._settings = workspace.settings
        self._is_finishing = False
        self.setWindowTitle(tr("Settings"))
        self.messages = MessageBar(self)
        self._make_look()
        self.servers = ServersPage(workspace)
        self.roles = RolesPage(workspace)
        self.prices = PricesPage()
        self.prompts = PromptsPage()
        self.backups = BackupsPage(workspace)
        self._lay_out()
        self._connect()
        self.resize(style.scaled(940), style.scaled(720))

    def show_server(self, provider: str) -> None:
        """Go to the page of a server."""
        self.tabs.setCurrentWidget(self.servers)
        self.servers.choose(provider)

    def _make_look(self) -> None:
        self.language = DropDown()
        for code, name in (("", tr("Use the system setting")), *LANGUAGES.items()):
            self.language.addItem(name, code)
        self.language.setCurrentIndex(max(0, self.language.findData(self._settings.language)))
        self.theme = DropDown()
        for theme, name in (("", tr("Use the system setting")), ("light", tr("Light")), ("dark", tr("Dark"))):
            self.theme.addItem(name, theme)
        self.theme.setCurrentIndex(max(0, self.theme.findData(self._settings.theme)))
        self.notifies = QCheckBox(tr("&Notify me when something long has ended"))
        basics.explain(self.notifies, tr("Through the desktop, while another window is used"))
        self.notifies.setChecked(self._settings.notifies)
        self.text_size = DropDown()
        for size in style.TEXT_SIZES:
            self.text_size.addItem(f"{size}\u2009%", size)
        self.text_size.setCurrentIndex(max(0, self.text_size.findData(self._settings.text_size)))

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        for page, title in (
            (self.servers, tr("Servers")),
            (self.roles, tr("Roles")),
            (self.prices, tr("Prices")),
            (self.prompts, tr("Prompts for chat models")),
            (self.backups, tr("Backups")),
            (self._build_window_page(), tr("Appearance")),
        ):
            self.tabs.addTab(page, title)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(buttons)

    def _build_window_page(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(0, style.SPACE, 0, 0)
        form.addRow(tr("&Language"), self.language)
        form.addRow(tr("&Theme"), self.theme)
        form.addRow(tr("Text &size"), self.text_size)
        for box in (self.language, self.theme, self.text_size):
            box.setMinimumWidth(style.scaled(BOX_WIDTH))
            box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        form.addRow("", self.notifies)
        return page

    def _connect(self) -> None:
        self.language.activated.connect(lambda _index: self._on_language())
        self.theme.activated.connect(lambda _index: self._on_theme())
        self.text_size.activated.connect(lambda _index: self._on_text_size())
        self.notifies.toggled.connect(self._on_notifies)
        for page in (self.servers, self.roles, self.prices, self.prompts, self.backups):
            page.failed.connect(self.messages.show_error)
            for button in page.findChildren(QPushButton):
                button.setAutoDefault(False)  # Enter in a field is not for them
        self.finished.connect(self._on_finished)

    def _save(self) -> None:
        try:
            settings.save(self._settings)
        except JukuError as error:
            self.messages.show_error(error)

    def _on_language(self) -> None:
        self._settings.language = self.language.currentData()
        self._save()
        self.workspace.look_changed.emit()

    def _on_text_size(self) -> None:
        self._settings.text_size = self.text_size.currentData()
        self._save()
        self.workspace.look_changed.emit()

    def _on_notifies(self, is_wanted: bool) -> None:
        self._settings.notifies = is_wanted
        self._save()

    def _on_theme(self) -> None:
        self._settings.theme = self.theme.currentData()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        style.apply(app, self._settings.theme)
        self._save()

    def reject(self) -> None:
        if self.prompts.may_close():
            super().reject()
        else:
            self.tabs.setCurrentWidget(self.prompts)

    def _on_finished(self, _result: int) -> None:
        if not self._is_finishing:
            self.workspace.tasks.start("", self.finish())

    async def finish(self) -> None:
        """Take over what was typed, and close."""
        self._is_finishing = True
        self.servers.page.apply_typed()
        await self.servers.finish()
        self.done(QDialog.DialogCode.Rejected)
        self.deleteLater()
