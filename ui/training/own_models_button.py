"""The button that adds a person's own base model to the local engine, or removes one."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMenu, QPushButton, QWidget

from core.language import tr
from core.providers import LOCAL
from core.providers.local_engine import LocalProvider
from core.providers.protocol_types import ModelOffer
from ui import style
from ui.widgets import basics, file_dialogs
from ui.widgets.model_box import ModelBox
from ui.workspace import Workspace

FOLDER_KIND = "model-folder"  # the folder that was opened last is remembered under it


class OwnModelsButton(QPushButton):
    """Adds models from a folder or the hub, and selects them in the list of base models."""

    def __init__(self, workspace: Workspace, base: ModelBox, owner: QWidget) -> None:
        super().__init__()
        self._workspace, self._base, self._owner = workspace, base, owner
        self.setText(tr("Add…"))
        basics.explain(self, tr("Use a base model of your own: a folder, or one of the Hugging Face hub"))
        self.setAccessibleName(tr("Add a base model"))
        self.setStyleSheet(style.NO_MENU_ARROW_BUTTON_SHEET)  # the text says that something follows
        menu = QMenu(self)
        menu.addAction(tr("From a &folder…"), self._ask_for_folder)
        menu.addAction(tr("From the Hugging Face &hub…"), self._ask_for_repository)
        menu.addSeparator()
        self._remove = menu.addAction("", self._on_remove)
        menu.aboutToShow.connect(self._show_remove)
        self.setMenu(menu)

    def _show_remove(self) -> None:
        offer = self._base.offer()
        added = offer is not None and offer.added
        title = offer.title if offer and added else ""
        self._remove.setText(
            tr("&Remove “{title}” from the list", title=title.replace("&", "&&"))
            if added
            else tr("&Remove from the list")
        )
        self._remove.setEnabled(added)

    def _ask_for_folder(self) -> None:
        file_dialogs.folder_dialog(
            self._owner, self._workspace.settings, FOLDER_KIND, tr("Folder of a model"), self._on_folder
        ).open()

    def _on_folder(self, folder: Path) -> None:
        file_dialogs.remember(self._workspace.settings, FOLDER_KIND, folder)
        self._start(folder=str(folder.resolve()))

    def _ask_for_repository(self) -> None:
        dialog = QInputDialog(self._owner.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("A model of the Hugging Face hub"))
        dialog.setLabelText(
            tr(
                "Name, for example Qwen/Qwen3-1.7B. Only its description is fetched now; Juku asks before it downloads the model."
            )
        )
        dialog.textValueSelected.connect(lambda text: self._start(repo=text.strip()) if text.strip() else None)
        dialog.open()

    def _start(self, folder: str = "", repo: str = "") -> None:
        self._workspace.tasks.start(tr("Looking at the model"), self._add(folder, repo))

    async def _add(self, folder: str, repo: str) -> None:
        model = await (await self._engine()).add_model(folder, repo)
        await self._workspace.load_offers()
        self._base.choose(model)
        self._base.activated.emit(self._base.currentIndex())

    def _on_remove(self) -> None:
        offer = self._base.offer()
        assert offer, "the action is off without a model"
        self._workspace.tasks.start("", self._forget(offer))

    async def _forget(self, offer: ModelOffer) -> None:
        await (await self._engine()).remove_model(offer.id)
        self._base.forget()
        await self._workspace.load_offers()

    async def _engine(self) -> LocalProvider:
        provider = await self._workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        return provider
