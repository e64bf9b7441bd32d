"""What the tabs share: the open project, the tasks, and the provider with its models."""

from __future__ import annotations

import asyncio
from array import array
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from core import providers, settings
from core.errors import JukuError
from core.filters import Filter
from core.indexing import Finder
from core.keys import Keys
from core.language import tr
from core.progress import Reporter
from core.project import Changes, Project
from core.providers import Offer, Provider
from ui.tasks import Tasks, cancel_all

QUIET = 2_000  # milliseconds without a change before the search index is made anew


class Workspace(QObject):
    """One open project and the provider it trains and chats with."""

    offers_changed = Signal()

    def __init__(self, project: Project, chosen: settings.Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.finder = Finder(project)
        self.settings = chosen
        self.keys = Keys()
        self.tasks = Tasks(self)
        self.tasks.changed.connect(self._on_changed)
        self._indexing = QTimer(self, singleShot=True, interval=QUIET)
        self._indexing.timeout.connect(self._refresh_index)
        self._indexing.start()
        self.offers: list[Offer] = []
        self._connected: dict[str, Provider] = {}
        self._connecting = asyncio.Lock()
        self._index_task: asyncio.Task[None] | None = None

    async def find(self, filter: Filter) -> array[int]:
        """Ids of the rows that match; a newer search stops the older one."""
        return await self.finder.find(filter)

    def _on_changed(self, changes: Changes) -> None:
        self.finder.note(changes)
        if "example" in changes.counts:
            self._indexing.start()

    def _refresh_index(self) -> None:
        """Make the search index once no more rows have changed for a moment."""
        if self.tasks.can_start() and (self._index_task is None or self._index_task.done()):
            self._index_task = self.tasks.start("", self.finder.refresh(Reporter()))

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
        self.finder = Finder(project)
        self._indexing.start()
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
        self._indexing.stop()
        await self.tasks.close()
        for provider in self._connected.values():
            await provider.close()
        self.project.close()
