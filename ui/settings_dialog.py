"""What a person chooses for all projects: language, look, and the servers that train and answer."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core import providers, settings
from core.errors import JukuError
from core.language import LANGUAGES, tr
from core.paths import engine_home
from core.settings import ProviderSettings
from ui import style, widgets
from ui.prompts_page import PromptsPage
from ui.provider_page import ProviderPage
from ui.workspace import Workspace

BOX_WIDTH = 180
NEW_TITLE, NEW_URL = "OpenAI", "https://api.openai.com/v1"


class SettingsDialog(QDialog):
    """Each choice holds at once and is saved at once; there is only *Close*."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._settings = workspace.settings
        self._fresh: set[str] = set()  # ids that nothing refers to yet: they still follow the title
        self.setWindowTitle(tr("Settings"))
        self.messages = widgets.MessageBar()
        self._make_look()
        self._make_providers()
        self._lay_out()
        self._connect()
        self._show_list(providers.LOCAL)
        self.resize(860, 660)

    def _make_look(self) -> None:
        self.language = QComboBox()
        for code, name in (("", tr("As the system")), *LANGUAGES.items()):
            self.language.addItem(name, code)
        self.language.setCurrentIndex(max(0, self.language.findData(self._settings.language)))
        self.theme = QComboBox()
        for theme, name in (("", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark"))):
            self.theme.addItem(name, theme)
        self.theme.setCurrentIndex(max(0, self.theme.findData(self._settings.theme)))

    def _make_providers(self) -> None:
        self.list = QListWidget(spacing=2)
        self.list.setAccessibleName(tr("Servers"))
        self.list.setFixedWidth(210)
        self.add = QPushButton(style.icon("add"), tr("Add"))
        self.remove = QPushButton(style.icon("delete"), tr("Remove"))
        self.use = QPushButton(tr("Use this one"))
        self.title = widgets.heading("")
        self.page = ProviderPage(self.workspace)
        self.pages = QStackedWidget()
        self.pages.addWidget(_local_page())
        self.pages.addWidget(self.page)
        self.prompts = PromptsPage()
        self.prompts.failed.connect(self.messages.show_error)

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self._general(), tr("General"))
        self.tabs.addTab(self.prompts, tr("Prompts for chat models"))
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.messages)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(buttons)

    def _general(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(widgets.heading(tr("Window")))
        form = QFormLayout()
        language = QHBoxLayout()
        language.addWidget(self.language)
        language.addWidget(widgets.label(tr("Takes effect after a restart."), dim=True), 1)
        form.addRow(tr("&Language"), language)
        form.addRow(tr("&Theme"), self.theme)
        for box in (self.language, self.theme):
            box.setFixedWidth(BOX_WIDTH)
        layout.addLayout(form)
        form.labelForField(language).setBuddy(self.language)
        layout.addSpacing(style.SPACE)
        layout.addWidget(widgets.heading(tr("Where models are trained and asked")))
        layout.addLayout(self._provider_row(), 1)
        return page

    def _provider_row(self) -> QHBoxLayout:
        below = QHBoxLayout(spacing=style.SPACE // 2)
        below.addWidget(self.add)
        below.addWidget(self.remove)
        left = QVBoxLayout(spacing=style.SPACE // 2)
        left.addWidget(self.list, 1)
        left.addLayout(below)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.use)
        right = QVBoxLayout(spacing=style.SPACE)
        right.addLayout(head)
        right.addWidget(self.pages, 1)
        row = QHBoxLayout()
        row.setSpacing(2 * style.SPACE)
        row.addLayout(left)
        row.addLayout(right, 1)
        return row

    def _connect(self) -> None:
        self.language.activated.connect(lambda _index: self._on_language())
        self.theme.activated.connect(lambda _index: self._on_theme())
        self.list.currentRowChanged.connect(lambda _row: self._show_chosen())
        self.add.clicked.connect(lambda _checked: self._on_add())
        self.remove.clicked.connect(lambda _checked: self._on_remove())
        self.use.clicked.connect(lambda _checked: self._on_use())
        self.page.renamed.connect(self._on_renamed)
        self.page.moved.connect(self._on_moved)
        self.page.key_changed.connect(self._on_key_changed)
        for button in (self.add, self.remove, self.use):
            button.setAutoDefault(False)
        for button in self.page.findChildren(QPushButton):
            button.setAutoDefault(False)
        self.finished.connect(self._on_finished)

    def chosen(self) -> ProviderSettings | None:
        """The server that is selected in the list; None is this computer."""
        row = self.list.currentRow()
        return self._settings.providers[row - 1] if row > 0 else None

    def _show_list(self, chosen: str) -> None:
        """List the servers, this computer first, and select the one with the id `chosen`."""
        used = self._settings.provider
        entries = [(providers.LOCAL, tr("This computer"))]
        entries += [(entry.id, entry.title) for entry in self._settings.providers]
        self.list.blockSignals(True)
        self.list.clear()
        for id, title in entries:
            self.list.addItem(tr("{title}  –  in use", title=title) if id == used else title)
        self.list.setCurrentRow([id for id, _title in entries].index(chosen))
        self.list.blockSignals(False)
        self._show_chosen()

    def _show_chosen(self) -> None:
        entry = self.chosen()
        used = (entry.id if entry else providers.LOCAL) == self._settings.provider
        self.title.setText(entry.title if entry else tr("This computer"))
        self.use.setText(tr("In use") if used else tr("Use this one"))
        self.use.setEnabled(not used)
        self.remove.setEnabled(entry is not None)
        self.pages.setCurrentIndex(0 if entry is None else 1)
        if entry is not None and entry is not self.page.entry:
            self.page.show_provider(entry)

    def _save(self) -> None:
        try:
            settings.save(self._settings)
        except JukuError as error:
            self.messages.show_error(error)

    def _on_language(self) -> None:
        self._settings.language = self.language.currentData()
        self._save()

    def _on_theme(self) -> None:
        self._settings.theme = self.theme.currentData()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        style.apply(app, self._settings.theme)
        self._save()

    def _on_add(self) -> None:
        entry = ProviderSettings(settings.new_id(self._settings, NEW_TITLE), NEW_TITLE, NEW_URL)
        self._settings.providers.append(entry)
        self._fresh.add(entry.id)
        self._save()
        self._show_list(entry.id)
        self.page.name.setFocus()
        self.page.name.selectAll()

    def _on_renamed(self) -> None:
        entry = self.page.entry
        if entry.id in self._fresh:
            self._fresh.remove(entry.id)
            entry.id = ""
            entry.id = settings.new_id(self._settings, entry.title)
            self._fresh.add(entry.id)
            self.page.show_id()
        self._on_moved()
        chosen = self.chosen()
        self._show_list(chosen.id if chosen else providers.LOCAL)

    def _on_moved(self) -> None:
        self._save()
        self.workspace.tasks.start("", self._reconnect(self.page.entry.id))

    def _on_key_changed(self) -> None:
        self._fresh.discard(self.page.entry.id)
        self._on_moved()

    async def _reconnect(self, id: str) -> None:
        """Use what has been entered from the next request on."""
        await self.workspace.forget_provider(id)
        if id == self._settings.provider:
            self._choose(id)

    def _choose(self, id: str) -> None:
        try:
            self.workspace.choose_provider(id)
        except JukuError as error:
            self.messages.show_error(error)

    def _on_use(self) -> None:
        entry = self.chosen()
        id = entry.id if entry else providers.LOCAL
        self._fresh.discard(id)
        self._choose(id)
        self._show_list(id)

    def _on_remove(self) -> None:
        entry = self.chosen()
        assert entry
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("Remove a server"))
        box.setText(tr("Remove “{title}” and its stored key?", title=entry.title))
        box.setInformativeText(tr("Nothing on the server changes: its models and files stay there."))
        remove = box.addButton(tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        remove.clicked.connect(lambda _checked: self._remove(entry))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _remove(self, entry: ProviderSettings) -> None:
        self._settings.providers.remove(entry)
        self._fresh.discard(entry.id)
        if self._settings.provider == entry.id:
            self._choose(providers.LOCAL)
        self._save()
        self._show_list(providers.LOCAL)
        self.page.forget(entry)
        self.workspace.tasks.start("", self.workspace.forget_provider(entry.id))

    def reject(self) -> None:
        if self.prompts.may_close():
            super().reject()
        else:
            self.tabs.setCurrentWidget(self.prompts)

    def _on_finished(self, _result: int) -> None:
        self.workspace.tasks.start("", self._finish())

    async def _finish(self) -> None:
        self.page.take_over()
        await self.page.finish()
        self.deleteLater()


def _local_page() -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    about = tr(
        "Models are trained and asked on this computer, without an account and without the network. "
        "The engine starts when it is needed and ends with the window."
    )
    layout.addWidget(widgets.label(about, wrap=True))
    layout.addSpacing(style.SPACE)
    layout.addWidget(widgets.label(tr("Its models, jobs and files lie here:"), dim=True))
    folder = widgets.label(str(engine_home()), wrap=True)
    folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    layout.addWidget(folder)
    layout.addStretch()
    return page
