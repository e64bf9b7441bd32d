"""The message about a server that cannot be reached: the reason and what to do; hidden when it answers again."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from core.errors import JukuError, ProviderError
from core.installation.engine_folder import NO_ENGINE_CODE
from core.language import tr
from ui.widgets.message_bar import MessageBar
from ui.workspace import Workspace

RETRY_MS = 15_000  # milliseconds between two looks at whether a server is back
UNAUTHORIZED_STATUS = 401  # the status of a request with a wrong key, or none


class ServerTroubleBar(MessageBar):
    """Shows why the chosen provider's models could not be loaded; `settings_wanted` where a key is missing,
    `engine_wanted` where the local engine is."""

    settings_wanted = Signal()
    engine_wanted = Signal()

    def __init__(self, workspace: Workspace, window: QWidget) -> None:
        super().__init__(window)
        self._workspace = workspace
        self._shown_error = ""
        self.enter, self.again = QPushButton(), QPushButton(tr("Try again"))
        for button in (self.enter, self.again):
            self.add_button(button)
        self._waiting = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._waiting.timeout.connect(self.ask_again)
        self.enter.clicked.connect(lambda _checked: self._on_enter())
        self.again.clicked.connect(self.ask_again)
        workspace.offers_failed.connect(self._on_failed)
        workspace.offers_changed.connect(self.show_trouble)

    def ask_again(self) -> None:
        """Ask the server for its models again."""
        if self._workspace.tasks.can_start() and self._workspace.trouble(self._workspace.settings.provider):
            self._workspace.tasks.start("", self._workspace.load_offers())

    def show_trouble(self) -> None:
        """Show the current error; one that the person has closed is not shown again."""
        error = self._workspace.trouble(self._workspace.settings.provider)
        self._waiting.stop()
        if error is None:
            self._shown_error = ""
            self.hide()
            return
        is_key, is_engine = is_about_key(error), is_about_engine(error)
        if not is_key:
            self._waiting.start()
        if str(error) == self._shown_error:
            return
        self._shown_error = str(error)
        self.enter.setText(_name_way_out(is_key, is_engine))
        self.again.setVisible(not is_key)
        self.show_error(error)

    def _on_enter(self) -> None:
        error = self._workspace.trouble(self._workspace.settings.provider)
        wanted = self.engine_wanted if error and is_about_engine(error) else self.settings_wanted
        wanted.emit()

    def _on_failed(self, provider: str) -> None:
        if provider == self._workspace.settings.provider:
            self.show_trouble()


def is_about_key(error: JukuError) -> bool:
    """Whether a key is missing or refused: then trying again does not help."""
    return isinstance(error, ProviderError) and error.status == UNAUTHORIZED_STATUS


def is_about_engine(error: JukuError) -> bool:
    """Whether the local engine is not on this computer."""
    return isinstance(error, ProviderError) and error.code == NO_ENGINE_CODE


def _name_way_out(is_key: bool, is_engine: bool) -> str:
    if is_engine:
        return tr("Get the local engine…")
    return tr("Enter the API key…") if is_key else tr("Settings…")
