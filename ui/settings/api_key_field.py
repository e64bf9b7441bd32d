"""The API key of one server: entered, replaced, deleted; never shown, only where it is stored."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from core import keys
from core.errors import KeyStoreError
from core.language import end_sentence, tr
from core.settings import origin
from ui import style
from ui.widgets import basics
from ui.workspace import Workspace


class ApiKeyField(QWidget):
    """Enters and stores the API key of a server.

    The keyring may be slow, or hang: it is asked in another thread, and given up after a while.
    """

    storing = Signal()  # from now on the key refers to the server's id
    changed = Signal()
    fits = Signal(str)  # the key of the server with this id is meant for the address it has now

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._keys = workspace, workspace.keys
        self._id = ""
        self._turn = 0  # counts the servers that were shown: what is found for an older one is not shown any more
        self._key_url = ""
        self._entered_for = ""  # another server than the address leads to now, which the key was entered for
        self._address = ""
        self._backend = ""
        self._left_for: QWidget | None = None  # what got the focus when the field was hidden with it
        self.is_optional = False  # whether the server answers without a key
        self._running: set[asyncio.Task[None]] = set()
        self.field = QLineEdit(echoMode=QLineEdit.EchoMode.Password)
        self.note = basics.Note()
        self.store = QPushButton(tr("Store"))
        self.replace = QPushButton(tr("Replace…"))
        self.delete = QPushButton(tr("Delete the key"))
        self.session = QPushButton(tr("Use for this session only"))
        self.key_page = QPushButton(tr("Get a key…"))
        self.confirm = QPushButton(tr("Use this key there"))
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        entry = QHBoxLayout()
        entry.addWidget(self.field, 1)
        entry.addWidget(self.store)
        acts = QHBoxLayout()
        for button in (self.confirm, self.replace, self.delete, self.session, self.key_page):
            acts.addWidget(button)
        acts.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(entry)
        layout.addLayout(acts)

    def _connect(self) -> None:
        self.field.textChanged.connect(self._on_typed)
        self.field.returnPressed.connect(self._on_store)
        self.store.clicked.connect(lambda _checked: self._on_store())
        self.replace.clicked.connect(lambda _checked: self._show_entry())
        self.delete.clicked.connect(lambda _checked: self._start(self._delete()))
        self.confirm.clicked.connect(lambda _checked: self._on_confirm())
        self.session.clicked.connect(lambda _checked: self._on_session())
        self.key_page.clicked.connect(lambda _checked: QDesktopServices.openUrl(QUrl(self._key_url)))

    def show_provider(self, id: str, key_url: str, entered_for: str = "", address: str = "") -> None:
        """Look for the key of the server `id`; `key_url` is the page where its makers give keys out, or ''.

        A key that was `entered_for` another server is not sent to `address` until the person says so.
        """
        self._id, self._key_url = id, key_url
        self._entered_for, self._address = entered_for, address
        self._turn += 1
        had_focus = self.field.hasFocus()
        basics.explain(self.key_page, key_url)
        self._show_fields(stored=False, entering=False)
        self._left_for = QApplication.focusWidget() if had_focus else None
        self.note.show_text(tr("Looking for the API key…"))
        self._start(self._find())

    def follow(self, id: str) -> None:
        """The same server has another id; it has no key yet."""
        self._id = id

    def forget(self, id: str) -> None:
        """Delete the key of a server that is no longer there."""
        self._start(self._forget(id))

    def _on_typed(self, text: str) -> None:
        for button in (self.store, self.session):
            button.setEnabled(bool(text.strip()))

    def _show_fields(self, stored: bool, entering: bool, failed: bool = False) -> None:
        self.field.clear()
        self._on_typed("")
        for widget, shown in (
            (self.field, entering),
            (self.store, entering),
            (self.key_page, entering and bool(self._key_url)),
            (self.replace, stored),
            (self.delete, stored),
            (self.session, failed),
            (self.confirm, False),
        ):
            widget.setVisible(shown)
        if entering and self._left_for is not None and QApplication.focusWidget() is self._left_for:
            self.field.setFocus()  # the Tab key had gone there before the search for the key hid the field
        self._left_for = None

    def _show_entry(self) -> None:
        """Show the field for a key, and where the key will be stored."""
        self._show_fields(stored=False, entering=True)
        self.note.show_text(tr("It will be stored in {place}.", place=self._backend) if self._backend else "")
        self.field.setFocus()

    async def _find(self) -> None:
        """Show where the key is stored, if there is one."""
        id, turn = self._id, self._turn
        try:
            place = await asyncio.to_thread(self._keys.location, id)
            if place in ("keyring", ""):
                self._backend = await asyncio.to_thread(self._keys.backend)
        except KeyStoreError as error:
            if turn == self._turn:
                self._show_failure(error)
            return
        if turn == self._turn:
            self._show_place(place)

    def _show_place(self, place: str) -> None:
        if not place:
            self._show_fields(stored=False, entering=True)
            self.note.show_text(tr("It will be stored in {place}.", place=self._backend))
            return
        words = {
            "keyring": tr("An API key is stored in {place}.", place=self._backend),
            "session": tr("An API key is set for this session only; it is stored nowhere."),
            "environment": tr(
                "The API key comes from the environment variable {variable}.",
                variable=keys.environment_variable(self._id),
            ),
        }
        self._show_fields(stored=place != "environment", entering=False)
        if not self._entered_for:
            self.note.show_text(words[place], "good")
            return
        self.confirm.setVisible(True)
        self.note.show_text(tr("This key was entered for {old}. It is not sent to {new} until you confirm it or enter another.",
                         old=self._entered_for, new=origin(self._address)), "warning")  # fmt: skip

    def _on_confirm(self) -> None:
        self._confirm_address(self._id)
        self._start(self._find())
        self.changed.emit()

    def _confirm_address(self, id: str) -> None:
        """From now on the key of the server `id` goes to the address it has."""
        if id == self._id:
            self._entered_for = ""
        self.fits.emit(id)

    def _show_failure(self, error: KeyStoreError) -> None:
        entered = self.field.text()
        self._show_fields(stored=False, entering=True, failed=True)
        self.field.setText(entered)
        otherwise = tr(
            "Or set the environment variable {variable} to the API key before Juku starts. It is never written "
            "to a file.",
            variable=keys.environment_variable(self._id),
        )
        self.note.show_text(
            f"{end_sentence(error.title)}\n{error.message}\n{otherwise}",
            "" if self.is_optional and not entered else "error",
        )

    def _read_key(self) -> str:
        """The key that was typed; '' where it cannot be one, with a note that says why."""
        key = self.field.text().strip()
        if key.isascii() and key.isprintable() and " " not in key:
            return key
        words = tr(
            "This is not an API key: it has spaces or characters that no key has. Copy it again. Nothing was stored."
        )
        self.note.show_text(words, "error")
        return ""

    def _on_store(self) -> None:
        if key := self._read_key():
            for button in (self.store, self.session):
                button.setEnabled(False)
            self.storing.emit()
            self._start(self._store(key))

    async def _store(self, key: str) -> None:
        id = self._id
        try:
            await asyncio.to_thread(self._keys.save, id, key)
        except KeyStoreError as error:
            if id == self._id:
                self._show_failure(error)
            return
        self._confirm_address(id)
        if id == self._id:
            self._show_place("keyring")
        self.changed.emit()

    def _on_session(self) -> None:
        if key := self._read_key():
            self._keys.keep_for_session(self._id, key)
            self._confirm_address(self._id)
            self._show_place("session")
            self.changed.emit()

    async def _delete(self) -> None:
        id = self._id
        try:
            await asyncio.to_thread(self._keys.delete, id)
        except KeyStoreError as error:
            self._show_failure(error)
            return
        self._confirm_address(id)
        self.changed.emit()
        if id == self._id:
            await self._find()

    async def _forget(self, id: str) -> None:
        await asyncio.to_thread(self._keys.delete, id)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._workspace.tasks.start("", work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait until each key is stored or deleted."""
        await asyncio.gather(*self._running, return_exceptions=True)
