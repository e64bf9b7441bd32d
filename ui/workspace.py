"""What the tabs share: the open project, the tasks, and the provider with its models."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core import providers, settings
from core.errors import JukuError
from core.keys import Keys
from core.language import tr
from core.project import Project
from core.providers import Offer, Provider
from ui.tasks import Tasks, cancel_all


class Workspace(QObject):
    """One open project and the provider it trains and chats with."""

    offers_changed = Signal()

    def __init__(self, project: Project, chosen: settings.Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.settings = chosen
        self.keys = Keys()
        self.tasks = Tasks(self)
        self.offers: list[Offer] = []
        self._connected: dict[str, Provider] = {}
        self._connecting = asyncio.Lock()

    async def provider(self, id: str = "") -> Provider:
        """The provider `id`, or the chosen one; connected once. Raises `ProviderError`, `KeyStoreError`."""
        id = id or self.settings.provider
        async with self._connecting:
            if id not in self._connected:
                self._connected[id] = await asyncio.to_thread(providers.connect, id, self.settings, self.keys)
            return self._connected[id]

    def provider_title(self) -> str:
        """The chosen provider's name, also before it is connected."""
        titles = {entry.id: entry.title for entry in self.settings.providers}
        return titles.get(self.settings.provider, tr("This computer"))

    def choose_provider(self, id: str) -> None:
        self.settings.provider = id
        settings.save(self.settings)
        self.offers = []
        self.offers_changed.emit()
        self.tasks.start("", self.load_offers())

    async def load_offers(self) -> None:
        """Ask the provider for its models."""
        provider = await self.provider()
        offers = await provider.offers()
        if provider.id == self.settings.provider:
            self.offers = offers
            self.offers_changed.emit()

    async def forget_provider(self, id: str) -> None:
        """Connect anew next time: its address or key has changed."""
        if provider := self._connected.pop(id, None):
            await provider.close()

    def switch(self, project: Project) -> None:
        """Go on with another project; what still ran on the old one is cancelled first."""
        self.tasks.start("", self._close_old(self.project, self.tasks.running()))
        self.project = project
        self.remember(project.path)

    async def _close_old(self, old: Project, running: list[asyncio.Task[None]]) -> None:
        await cancel_all(running)
        old.close()

    def remember(self, path: Path) -> None:
        self.settings.remember(path)
        try:
            settings.save(self.settings)
        except JukuError as error:
            self.tasks.failed.emit(error)

    async def close(self) -> None:
        await self.tasks.close()
        for provider in self._connected.values():
            await provider.close()
        self.project.close()
