"""The settings of one server: its name, address and key, and whether it can be reached."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from core import keys, providers
from core.errors import JukuError, KeyStoreError
from core.language import tr, trn
from core.settings import ProviderSettings, url_error, url_warning
from ui import style, widgets
from ui.workspace import Workspace


class ProviderPage(QWidget):
    renamed = Signal()
    moved = Signal()  # the address has changed
    key_changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._keys = workspace.keys
        self._entry = ProviderSettings("", "", "")
        self._backend = ""
        self._running: set[asyncio.Task[None]] = set()
        self._testing: asyncio.Task[None] | None = None
        self.name = QLineEdit()
        self.url = QLineEdit()
        self.url_note = widgets.label(wrap=True)
        self.key = QLineEdit(echoMode=QLineEdit.EchoMode.Password)
        self.key_note = widgets.label(wrap=True)
        self.store = QPushButton(tr("Store"))
        self.replace = QPushButton(tr("Replace…"))
        self.delete = QPushButton(tr("Delete the key"))
        self.session = QPushButton(tr("Use for this session only"))
        self.test = QPushButton(tr("Test connection"))
        self.test_note = widgets.label(wrap=True)
        self.id_note = widgets.label(dim=True)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(tr("&Name"), self.name)
        form.addRow(tr("Base &URL"), self.url)
        form.addRow("", self.url_note)
        form.addRow(tr("API &key"), _row(self.key, self.store))
        form.addRow("", self.key_note)
        form.addRow("", _row(self.replace, self.delete, self.session, None))
        form.addRow("", _row(self.test, None))
        form.addRow("", self.test_note)
        form.addRow("", self.id_note)
        self._form = form
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addStretch()
        label = form.labelForField(form.itemAt(3, QFormLayout.ItemRole.FieldRole).widget())
        assert isinstance(label, QLabel)
        label.setBuddy(self.key)

    def _connect(self) -> None:
        self.name.editingFinished.connect(self._on_name)
        self.url.editingFinished.connect(self._on_url)
        self.url.textEdited.connect(lambda text: self._show_url(text))
        self.key.textChanged.connect(self._on_key_typed)
        self.key.returnPressed.connect(self._on_store)
        self.store.clicked.connect(lambda _checked: self._on_store())
        self.replace.clicked.connect(lambda _checked: self._show_entry())
        self.delete.clicked.connect(lambda _checked: self._start(self._delete()))
        self.session.clicked.connect(lambda _checked: self._on_session())
        self.test.clicked.connect(lambda _checked: self._on_test())

    @property
    def entry(self) -> ProviderSettings:
        return self._entry

    def show_provider(self, entry: ProviderSettings) -> None:
        """Show `entry`, which is edited in place; a key is never shown, only where it lies."""
        self._entry = entry
        self.name.setText(entry.title)
        self.url.setText(entry.base_url)
        self._show_url(entry.base_url)
        self.show_id()
        self.test.setEnabled(True)
        self.test_note.hide()
        self._show_fields(stored=False, entering=False)
        self._say_key(tr("Looking for the key…"))
        self._start(self._find_key())

    def show_id(self) -> None:
        self.id_note.setText(tr("On the command line: --provider {id}", id=self._entry.id))

    def _on_key_typed(self, text: str) -> None:
        for button in (self.store, self.session):
            button.setEnabled(bool(text.strip()))

    def take_over(self) -> None:
        """Use what is typed, also where the focus has not left its field yet."""
        self._on_name()
        self._on_url()

    def _on_name(self) -> None:
        title = " ".join(self.name.text().split()) or self._entry.title
        self.name.setText(title)
        if title != self._entry.title:
            self._entry.title = title
            self.renamed.emit()

    def _on_url(self) -> None:
        url = self.url.text().strip()
        if url != self._entry.base_url and not url_error(url):
            self._entry.base_url = url
            self.url.setText(url)
            self._show_url(url)
            self.moved.emit()

    def _show_url(self, url: str) -> None:
        error = url_error(url.strip())
        _say(self.url_note, error or url_warning(url.strip()), "error" if error else "warning")

    def _show_fields(self, stored: bool, entering: bool, failed: bool = False) -> None:
        self.key.clear()
        self._form.setRowVisible(3, entering)
        self._on_key_typed("")
        for button, shown in ((self.replace, stored), (self.delete, stored), (self.session, failed)):
            button.setVisible(shown)
        self._form.setRowVisible(5, stored or failed)

    def _show_entry(self) -> None:
        """Ask for a key, and say where it will lie."""
        self._show_fields(stored=False, entering=True)
        self._say_key(tr("It will be stored in {place}.", place=self._backend) if self._backend else "")
        self.key.setFocus()

    def _say_key(self, text: str, meaning: str = "") -> None:
        _say(self.key_note, text, meaning)

    async def _find_key(self) -> None:
        """Show where the key lies, if there is one."""
        entry = self._entry
        try:
            place = await asyncio.to_thread(self._keys.place, entry.id)
            if place in ("keyring", ""):
                self._backend = await asyncio.to_thread(keys.backend)
        except KeyStoreError as error:
            if entry is self._entry:
                self._show_failure(error)
            return
        if entry is self._entry:
            self._show_place(place)

    def _show_place(self, place: str) -> None:
        if not place:
            self._show_fields(stored=False, entering=True)
            self._say_key(tr("It will be stored in {place}.", place=self._backend))
            return
        words = {
            "keyring": tr("A key is stored in {place}.", place=self._backend),
            "session": tr("A key is in use for this session; it is stored nowhere."),
            "environment": tr("The key comes from the environment."),
        }
        self._show_fields(stored=place != "environment", entering=False)
        self._say_key(words[place], "good")

    def _show_failure(self, error: KeyStoreError) -> None:
        entered = self.key.text()
        self._show_fields(stored=False, entering=True, failed=True)
        self.key.setText(entered)
        self._say_key(str(error), "error")

    def _on_store(self) -> None:
        if key := self.key.text().strip():
            for button in (self.store, self.session):
                button.setEnabled(False)
            self._start(self._store(key))

    async def _store(self, key: str) -> None:
        entry = self._entry
        try:
            await asyncio.to_thread(self._keys.save, entry.id, key)
        except KeyStoreError as error:
            if entry is self._entry:
                self._show_failure(error)
            return
        if entry is self._entry:
            self._show_place("keyring")
        self.key_changed.emit()

    def _on_session(self) -> None:
        if key := self.key.text().strip():
            self._keys.keep_for_session(self._entry.id, key)
            self._show_place("session")
            self.key_changed.emit()

    async def _delete(self) -> None:
        entry = self._entry
        try:
            await asyncio.to_thread(self._keys.delete, entry.id)
        except KeyStoreError as error:
            self._show_failure(error)
            return
        self.key_changed.emit()
        if entry is self._entry:
            await self._find_key()

    def forget(self, entry: ProviderSettings) -> None:
        """Delete the key of a server that is no longer there."""
        self._start(self._forget(entry.id))

    async def _forget(self, id: str) -> None:
        await asyncio.to_thread(self._keys.delete, id)

    def _on_test(self) -> None:
        self.take_over()
        if url_error(self.url.text().strip()):
            return
        self.test.setEnabled(False)
        _say(self.test_note, tr("Connecting…"), "")
        self._testing = self._start(self._test())

    async def _test(self) -> None:
        """List the server's models, over a connection of its own."""
        entry, workspace = self._entry, self._workspace
        try:
            provider = await asyncio.to_thread(providers.connect, entry.id, workspace.settings, self._keys)
            try:
                found = await provider.models()
            finally:
                await provider.close()
            text, meaning = trn("Reached: {n} model", "Reached: {n} models", len(found)), "good"
        except JukuError as error:
            text, meaning = str(error), "error"
        if entry is self._entry:
            self.test.setEnabled(True)
            _say(self.test_note, text, meaning)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._workspace.tasks.start("", work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self) -> None:
        """Wait until no key is on its way any more; a test of the connection is given up."""
        if self._testing is not None:
            self._testing.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def _say(label: QLabel, text: str, meaning: str) -> None:
    label.setVisible(bool(text))
    label.setText(text)
    label.setStyleSheet(f"color: {style.colours(meaning)[0].name()}" if meaning else "")


def _row(*widgets: QWidget | None) -> QWidget:
    """The widgets side by side; None is empty space."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        if widget is None:
            layout.addStretch()
        else:
            layout.addWidget(widget, int(isinstance(widget, QLineEdit)))
    return made
