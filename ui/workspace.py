"""What the tabs share: the open project, the tasks, and the providers with their models."""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from core import providers, settings
from core.dataset.filters import Filter
from core.dataset.search_index import Finder
from core.errors import FileChangedError, JukuError, ProjectError
from core.keys import Keys
from core.language import tr
from core.progress import Reporter
from core.providers import Capabilities, Offer, Provider
from core.storage import remembered_choices
from core.storage.connection import left_error
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui.backup_runner import BackupRunner
from ui.settings_watch import SettingsWatch
from ui.tasks import Tasks, cancel_all

log = logging.getLogger(__name__)
AGAIN = 1.0  # seconds until models are asked for again after what nobody expected
QUIET = 2_000  # milliseconds without a change before the search index is made anew


class Workspace(QObject):
    """One open project, the provider it trains and chats with, and those of the other roles."""

    offers_changed = Signal()
    offers_failed = Signal(str)  # the provider that could not be asked for its models
    rows_wanted = Signal(str)  # rows are to be shown: the words of a filter
    reconnected = Signal(str)  # a provider whose address or key has changed: what it refused before may succeed now

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
        self.offers: list[Offer] = []  # the student's
        self._others: dict[str, list[Offer]] = {}
        self._asking: set[str] = set()  # providers that are being asked for their models
        self._troubles: dict[str, JukuError] = {}
        self._answered: set[str] = set()  # providers that have told their models, be it none
        self._connected: dict[str, Provider] = {}
        # One for each, so that a keyring or an engine that is slow to answer holds up only its own.
        self._connecting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._index_task: asyncio.Task[None] | None = None
        self._unlisted: defaultdict[str, list[Offer]] = defaultdict(list)  # of each provider, what it does not list
        self._choices: tuple[Project, dict[str, str]] | None = None
        SettingsWatch(self)
        self.backups = BackupRunner(self)

    async def find(self, filter: Filter) -> array[int]:
        """Ids of the rows that match; a newer search stops the older one."""
        return await self.finder.find(filter)

    def _on_changed(self, changes: Changes) -> None:
        self.finder.note(changes)
        if Table.EXAMPLE in changes.counts:
            self._indexing.start()

    def _refresh_index(self) -> None:
        """Make the search index once no more rows have changed for a moment."""
        if self.tasks.can_start() and (self._index_task is None or self._index_task.done()):
            self._index_task = self.tasks.start("", self.finder.refresh(Reporter()))

    def bring_log_in(self) -> None:
        """Make the project one whole file now, and keep other programs out of it."""
        self.project.hold()
        if self.project.has_log and self.tasks.can_start():
            self.tasks.start("", self._bring_log_in())

    async def _bring_log_in(self) -> None:
        with suppress(ProjectError):  # nobody has asked for it: the next write says what is wrong
            await self.project.checkpoint()

    async def provider(self, id: str = "") -> Provider:
        """The provider `id`, or the chosen one; connected once. Raises `ProviderError`, `KeyStoreError`."""
        id = id or self.settings.provider
        async with self._connecting[id]:
            if id not in self._connected:
                self._connected[id] = await asyncio.to_thread(providers.connect, id, self.settings, self.keys)
            return self._connected[id]

    def is_connected(self, id: str) -> bool:
        """Whether something here may refer to a provider by its id already."""
        return id in self._connected

    def provider_title(self, id: str = "") -> str:
        """The name of a provider, or of the chosen one, also before it is connected."""
        titles = {entry.id: entry.title for entry in self.settings.providers}
        return titles.get(id or self.settings.provider, tr("This computer"))

    def role(self, name: str) -> tuple[str, str]:
        """The provider and the model of 'student', 'writer' or 'judge'; '' is the first model that is offered."""
        return self.settings.role(name)

    def cast(self, name: str, provider: str, model: str) -> None:
        """Give a role to a model of a provider (core/settings.py). Raises `JukuError` where that cannot be saved."""
        if name == "student" and provider not in ("", self.settings.provider):
            self.settings.cast(name, provider, model)
            self.choose_provider(provider)
            return
        self.settings.cast(name, provider, model)
        settings.save(self.settings)
        self.offers_changed.emit()

    def choose_provider(self, id: str) -> None:
        self.settings.provider = id
        settings.save(self.settings)
        self.offers = []
        self.offers_changed.emit()
        self.tasks.start("", self.load_offers())

    async def load_offers(self) -> None:
        """Ask the student's provider for its models; why it cannot be asked is told by `trouble`."""
        await self._load(self.settings.provider)

    def known_offers(self, id: str) -> list[Offer]:
        """The models of a provider, as far as it has told them already."""
        return self.offers if id == self.settings.provider else self._others.get(id, [])

    def trouble(self, id: str) -> JukuError | None:
        """Why a provider could not be asked for its models when it was asked last."""
        return self._troubles.get(id)

    def no_models(self, id: str) -> str:
        """Why no model of a provider can be chosen, in a few words: it is asked, cannot be asked, or has none."""
        if error := self.trouble(id):
            return f"{error.title}."
        if id in self._answered:
            return tr("“{server}” has no models.", server=self.provider_title(id))
        return tr("Asking the provider for its models…")

    def want_offers(self, id: str, again: bool = False) -> None:
        """Ask a provider that has not told its models, or `again` any. The student's is asked anyhow (`load_offers`)."""
        done = id in self._asking or (not again and (id in self._others or id in self._troubles))
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
                # Such as an import that failed beside another one: a fault of ours only when it fails again.
                log.exception("the models of %s", id)
                await asyncio.sleep(AGAIN)
                await self.offers_of(id, fresh=True)

    async def offers_of(self, id: str, fresh: bool = False) -> list[Offer]:
        """The models of a provider, asked for once, or `fresh`. Raises `ProviderError`, `KeyStoreError`."""
        if not fresh and (known := self.known_offers(id)):
            return known
        try:
            offers = self._with_unlisted(id, await (await self.provider(id)).offers())
        except Exception as error:
            self._troubles[id] = error if isinstance(error, JukuError) else self._unexpected(id)
            self.offers_failed.emit(id)
            raise
        self._troubles.pop(id, None)
        self._answered.add(id)
        if id == self.settings.provider:
            self.offers = offers
        else:
            self._others[id] = offers
        self.offers_changed.emit()
        return offers

    def _unexpected(self, id: str) -> JukuError:
        title = tr("The models of “{server}” could not be loaded", server=self.provider_title(id))
        return JukuError(title, tr("Something unexpected happened in Juku. Try again; the log says more."))

    def add_offer(self, id: str, model: str) -> None:
        """Offer a model that a provider has and does not list: few servers list checkpoints."""
        offers = self.known_offers(id)
        if all(offer.id != model for offer in offers):
            self._unlisted[id].append(Offer(model, model, tuned=True))
            longer = self._with_unlisted(id, offers)
            if id == self.settings.provider:
                self.offers = longer
            else:
                self._others[id] = longer
            self.offers_changed.emit()

    def _with_unlisted(self, id: str, offers: list[Offer]) -> list[Offer]:
        listed = {offer.id for offer in offers}
        return [*offers, *(offer for offer in self._unlisted[id] if offer.id not in listed)]

    def choice(self, place: str) -> str:
        """What the person has chosen in this project's window at a place of it; '' for nothing."""
        if self._choices is None or self._choices[0] is not self.project:
            self._choices = self.project, remembered_choices.load(self.project.rows)
        return self._choices[1].get(place, "")

    def keep_choice(self, place: str, value: str) -> None:
        """Choose it again after a restart; where the project cannot be written it holds for this session."""
        if value != self.choice(place):
            assert self._choices is not None
            self._choices[1][place] = value
            if not self.project.read_only and self.tasks.can_start():
                self.tasks.start("", self.project.write("", remembered_choices.store, place, value))

    def learn(self, id: str, capabilities: Capabilities) -> None:
        """A look at a server has told what it can do: the connection that is in use knows it, too."""
        if provider := self._connected.get(id):
            provider.capabilities = capabilities

    async def forget_provider(self, id: str) -> None:
        """Connect anew next time: its address or key has changed."""
        known = [held.pop(id, None) for held in (self._troubles, self._others)]
        if any(one is not None for one in known):
            self.offers_changed.emit()
        self.reconnected.emit(id)
        if provider := self._connected.pop(id, None):
            await provider.close()

    def switch(self, project: Project) -> None:
        """Go on with another project; what still ran on the old one is cancelled first."""
        self.tasks.start("", self._close_old(self.project, self.tasks.running(), self.backups.leave()))
        self.project = project
        self.finder = Finder(project)
        self._indexing.start()
        self.remember(project.path)

    async def _close_old(self, old: Project, running: list[asyncio.Task[None]], changed: bool) -> None:
        await cancel_all(running)
        if error := await self._leave(old, changed):
            self.tasks.failed.emit(error)

    async def _leave(self, project: Project, changed: bool) -> FileChangedError | None:
        """Back up what has changed, and close; what was saved where, if another program has exchanged the file."""
        error = copy = None
        try:
            if changed:
                error = await self.backups.make_last(project)
        finally:
            copy = project.close()
        return left_error(project.path, copy) if copy else error

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
        if error := await self._leave(self.project, self.backups.leave()):
            self.settings.left = str(error)
            with suppress(JukuError):  # the copy lies beside the project all the same
                settings.save(self.settings)
