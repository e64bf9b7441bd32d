"""The providers that are connected for the open project, and the models that each of them offers."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress

from PySide6.QtCore import QObject, Signal

from core import providers, settings
from core.errors import JukuError
from core.keys import Keys
from core.language import end_sentence, tr
from core.providers import Capabilities, ModelOffer, Provider
from core.storage.project import Project
from ui.activities import Activities
from ui.async_tasks import Tasks

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0  # until a provider is asked for its models again after an unexpected error


class Connections(QObject):
    """What the workspace and the runners it owns share: the project, the tasks, the settings and the providers."""

    offers_changed = Signal()
    offers_failed = Signal(str)  # the provider that could not be asked for its models
    reconnected = Signal(str)  # a provider whose address or key has changed: what it refused before may succeed now

    def __init__(self, project: Project, chosen: settings.Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.settings = chosen
        self.keys = Keys()
        self.activities = Activities(self, lambda: str(self.project.path))
        self.tasks = Tasks(self, self.activities)
        self._connected: dict[str, Provider] = {}
        # One for each, so that a keyring or an engine that is slow to answer holds up only its own.
        self._connecting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._offers: dict[str, list[ModelOffer]] = {}  # the models of each provider that has answered
        self._unlisted: defaultdict[str, list[ModelOffer]] = defaultdict(
            list
        )  # of each provider, what it does not list
        self._asking: set[str] = set()  # providers that are being asked for their models
        self._answered: set[str] = set()  # providers that have listed their models, also an empty list
        self._troubles: dict[str, JukuError] = {}

    @property
    def offers(self) -> list[ModelOffer]:
        """The models of the chosen provider, the student's."""
        return self.known_offers(self.settings.provider)

    @offers.setter
    def offers(self, offers: list[ModelOffer]) -> None:
        self._offers[self.settings.provider] = offers

    async def provider(self, id: str = "") -> Provider:
        """The provider `id`, or the chosen one; connected once. Raises `ProviderError`, `KeyStoreError`."""
        id = id or self.settings.provider
        async with self._connecting[id]:
            if id not in self._connected:
                self._connected[id] = await asyncio.to_thread(providers.connect, id, self.settings, self.keys)
            return self._connected[id]

    def is_connected(self, id: str) -> bool:
        """Whether a provider is connected, so that its id may be in use."""
        return id in self._connected

    def provider_title(self, id: str = "") -> str:
        """The name of a provider, or of the chosen one, also before it is connected."""
        titles = {entry.id: entry.title for entry in self.settings.providers}
        return titles.get(id or self.settings.provider, tr("This computer"))

    def role(self, name: str) -> tuple[str, str]:
        """The provider and the model of 'student', 'writer' or 'judge'; '' is the first model that is offered."""
        return self.settings.role(name)

    def set_role(self, name: str, provider: str, model: str) -> None:
        """Give a role to a model of a provider (core/settings.py). Raises `JukuError` when it cannot be saved."""
        if name == "student" and provider not in ("", self.settings.provider):
            self.drop_offers(self.settings.provider)
            self.settings.set_role(name, provider, model)
            self.choose_provider(provider)
            return
        self.settings.set_role(name, provider, model)
        settings.save(self.settings)
        self.offers_changed.emit()

    def choose_provider(self, id: str) -> None:
        """Make a provider the student's and ask it for its models. Raises `JukuError` when the choice cannot be saved."""
        before, self.settings.provider = self.settings.provider, id
        settings.save(self.settings)
        self.drop_offers(before)
        self.drop_offers(id)
        self.offers_changed.emit()
        self.tasks.start("", self.load_offers())

    async def load_offers(self) -> None:
        """Ask the student's provider for its models; `trouble` returns why it could not be asked."""
        await self._load(self.settings.provider)

    def known_offers(self, id: str) -> list[ModelOffer]:
        """The models of a provider that are loaded already."""
        return self._offers.get(id, [])

    def drop_offers(self, id: str) -> None:
        """Offer no models of a provider until it has been asked again."""
        self._offers.pop(id, None)

    def trouble(self, id: str) -> JukuError | None:
        """Why a provider could not be asked for its models when it was asked last."""
        return self._troubles.get(id)

    def no_models(self, id: str) -> str:
        """Why no model of a provider can be chosen, in a few words: it is asked, cannot be asked, or has none."""
        if error := self.trouble(id):
            return end_sentence(error.title)
        if id in self._answered:
            return tr("“{server}” has no models.", server=self.provider_title(id))
        return tr("Asking the provider for its models…")

    def request_offers(self, id: str, again: bool = False) -> None:
        """Ask a provider for its models if it has not listed them, or `again`; for the student's see `load_offers`."""
        done = id in self._asking or (not again and (id in self._offers or id in self._troubles))
        if id != self.settings.provider and not done and self.tasks.can_start():
            self._asking.add(id)
            task = self.tasks.start("", self._load(id))
            task.add_done_callback(lambda _task: self._asking.discard(id))

    async def _load(self, id: str) -> None:
        with suppress(JukuError):  # said where the models are chosen, and for the student's above the tabs
            try:
                await self.offers_of(id, fresh=True)
            except JukuError:
                raise
            except Exception:
                # Such as an import that failed beside another one: a bug only when it fails again.
                logger.exception("the models of %s", id)
                await asyncio.sleep(RETRY_SECONDS)
                await self.offers_of(id, fresh=True)

    async def offers_of(self, id: str, fresh: bool = False) -> list[ModelOffer]:
        """The models of a provider, asked for once, or `fresh`. Raises `ProviderError`, `KeyStoreError`."""
        if not fresh and (known := self.known_offers(id)):
            return known
        try:
            offers = self._add_unlisted(id, await (await self.provider(id)).offers())
        except Exception as error:
            self._troubles[id] = error if isinstance(error, JukuError) else self._build_unexpected_error(id)
            self.offers_failed.emit(id)
            raise
        self._troubles.pop(id, None)
        self._answered.add(id)
        self._offers[id] = offers
        self.offers_changed.emit()
        return offers

    def _build_unexpected_error(self, id: str) -> JukuError:
        title = tr("The models of “{server}” could not be loaded", server=self.provider_title(id))
        return JukuError(title, tr("Something unexpected happened in Juku. Try again; the log says more."))

    def add_offer(self, id: str, model: str) -> None:
        """Offer a model that a provider has and does not list: few servers list checkpoints."""
        offers = self.known_offers(id)
        if all(offer.id != model for offer in offers):
            self._unlisted[id].append(ModelOffer(model, model, tuned=True))
            self._offers[id] = self._add_unlisted(id, offers)
            self.offers_changed.emit()

    def _add_unlisted(self, id: str, offers: list[ModelOffer]) -> list[ModelOffer]:
        listed = {offer.id for offer in offers}
        return [*offers, *(offer for offer in self._unlisted[id] if offer.id not in listed)]

    def update_capabilities(self, id: str, capabilities: Capabilities) -> None:
        """Store what a test of the server has found in the connection that is in use."""
        if provider := self._connected.get(id):
            provider.capabilities = capabilities

    async def forget_provider(self, id: str) -> None:
        """Close the connection to a provider whose address or key has changed; the next use connects again."""
        had_trouble = self._troubles.pop(id, None) is not None
        had_offers = id != self.settings.provider and self._offers.pop(id, None) is not None
        if had_trouble or had_offers:
            self.offers_changed.emit()
        self.reconnected.emit(id)
        if provider := self._connected.pop(id, None):
            await provider.close()

    async def close(self) -> None:
        """Close the connections."""
        for provider in self._connected.values():
            await provider.close()
