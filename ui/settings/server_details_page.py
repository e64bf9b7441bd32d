"""The settings of one server: its kind, name, address, key and limits, and the result of a connection test."""

import asyncio

from PySide6.QtCore import QDateTime, QEvent, QLocale, QObject, QTimer, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core import providers
from core.errors import JukuError
from core.language import end_sentence, tr
from core.providers import LOCAL, Capabilities, connection_test, server_presets
from core.settings import ProviderSettings, url_error, url_warning
from ui import style
from ui.settings.api_key_field import ApiKeyField
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.workspace import Workspace

MAX_JOBS_AT_ONCE = 50  # at once
FEATURE_COLUMNS = 4  # features side by side


class CapabilityList(QWidget):
    """The features a test has found; hidden until there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, basics.Note] = {}
        self._when = basics.label(dim=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * style.SPACE)
        grid.setVerticalSpacing(style.SPACE)
        for number, (name, title) in enumerate(feature_titles().items()):
            self.marks[name] = basics.Note()
            cell = basics.column(basics.label(title), self.marks[name], spacing=0)
            grid.addWidget(cell, number // FEATURE_COLUMNS, number % FEATURE_COLUMNS)
        grid.setColumnStretch(FEATURE_COLUMNS, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addLayout(grid)
        layout.addWidget(self._when)
        self.hide()

    def show_found(self, found: Capabilities) -> None:
        """Show what a test found out; hidden when nothing was tested yet."""
        self.setVisible(found.checked_at > 0)
        for name, mark in self.marks.items():
            mark.show_text(*_format_ability(getattr(found, name)))
        moment = QDateTime.fromSecsSinceEpoch(int(found.checked_at))
        when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
        self._when.setText(tr("Checked on {when}", when=when))


def feature_titles() -> dict[str, str]:
    """The titles of the features, by their names in `Capabilities`."""
    return {
        "files": tr("Files"),
        "jobs": tr("Training"),
        "checkpoints": tr("Checkpoints"),
        "pause": tr("Pause"),
        "moderation": tr("Moderation"),
        "batch": tr("Batches"),
        "embeddings": tr("Embeddings"),
        "model_delete": tr("Deletes models"),
    }


def _format_ability(able: bool | None) -> tuple[str, str]:
    if able is None:
        return tr("unknown"), ""
    return (tr("available"), "good") if able else (tr("not available"), "")


class ServerPage(QWidget):
    """The name, address, key and features of one server. What is entered is used at once."""

    renamed = Signal()
    moved = Signal()  # the address or the kind has changed
    tested = Signal()  # a test of the connection has something to say
    adjusted = Signal()  # what no connection has to know

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._entry = ProviderSettings("", "", "")
        self._testing: asyncio.Task[None] | None = None
        self._make_fields()
        self._make_test()
        self._lay_out()
        self._connect()

    def _make_fields(self) -> None:
        self.ability_note = basics.label(wrap=True, dim=True)
        self.kind = DropDown()
        for preset in server_presets.presets():
            if preset.id != LOCAL:
                self.kind.addItem(tr("Custom") if preset.id == server_presets.CUSTOM else preset.title, preset.id)
        self.name = QLineEdit()
        self.url = QLineEdit()
        self.url_note = basics.Note()
        self.key = ApiKeyField(self._workspace)
        self.models = QLineEdit()
        self.models.setPlaceholderText(tr("names, separated by commas"))
        words = tr("Models that the server has and does not list, such as deployments.")
        basics.explain(self.models, words)
        self.limit = basics.integer_field(1, MAX_JOBS_AT_ONCE, 3)
        basics.explain(self.limit, tr("Further jobs wait in the queue until one of these has finished."))
        self.id_note = basics.label(dim=True)

    def _make_test(self) -> None:
        self.test = QPushButton(tr("Test connection"))
        self.test_note = basics.Note()
        self.test_note.installEventFilter(self)
        self.correct = QPushButton(tr("Use this address"))
        self.correct.hide()
        self._found_url = ""
        self.capabilities = CapabilityList()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("K&ind"), self.kind)
        form.addRow(tr("&Name"), self.name)
        address = _make_column(self.url, self.url_note)
        form.addRow(tr("Base &URL"), address)
        form.addRow(tr("API &key"), self.key)
        form.addRow(self.key.note)  # as wide as the page: the name of a variable is one long word
        self._limit_row = _align_left(self.limit)
        form.addRow(tr("&Simultaneous jobs"), self._limit_row)
        form.addRow(tr("&More models"), self.models)
        form.addRow(
            "", _make_column(_align_left(self.test), self.test_note, _align_left(self.correct), self.capabilities)
        )
        form.addRow("", self.id_note)
        self._form = form
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.ability_note)
        layout.addLayout(form)
        layout.addStretch()
        for row, field in ((address, self.url), (self.key, self.key.field), (self._limit_row, self.limit)):
            label = form.labelForField(row)
            assert isinstance(label, QLabel)
            label.setBuddy(field)

    def _connect(self) -> None:
        self.kind.activated.connect(lambda _index: self._on_kind())
        self.name.editingFinished.connect(self._on_name)
        self.url.editingFinished.connect(self._on_url)
        self.url.textEdited.connect(lambda text: self._show_url(text))
        self.limit.valueChanged.connect(self._on_limit)
        self.key.changed.connect(lambda: self._show_test(""))  # what was said of the key before
        self.models.editingFinished.connect(self._on_models)
        self.test.clicked.connect(lambda _checked: self._on_test())
        self.correct.clicked.connect(lambda _checked: self._on_correct())
        self.key.fits.connect(self._on_key_fits)

    @property
    def entry(self) -> ProviderSettings:
        """The settings as they are entered now."""
        return self._entry

    def _preset(self) -> server_presets.ServerPreset:
        return server_presets.preset(self._entry.preset)

    def show_provider(self, entry: ProviderSettings) -> None:
        """Show `entry`, which is edited in place."""
        self._entry = entry
        self.name.setText(entry.title)
        self.url.setText(entry.base_url)
        self.models.setText(", ".join(entry.models))
        self._show_url(entry.base_url)
        self._show_kind()
        self.show_id()
        self.test.setEnabled(True)
        self._show_test("")
        self.capabilities.show_found(providers.read_capabilities(entry))
        self._show_key()

    def _show_key(self) -> None:
        self.key.is_optional = server_texts.is_local_preset(self._preset())
        self.key.show_provider(self._entry.id, self._preset().key_url, self._entry.key_origin, self._entry.base_url)

    def _on_key_fits(self, id: str) -> None:
        for entry in self._workspace.settings.providers:
            if entry.id == id:
                entry.key_origin = ""

    def show_id(self) -> None:
        """Show the id by which the key is stored and the command line names the server."""
        self.key.follow(self._entry.id)
        self.id_note.setText(tr("On the command line: --provider {id}", id=self._entry.id))

    def apply_typed(self) -> None:
        """Use what is typed, also where the focus has not left its field yet."""
        self._on_name()
        self._on_url()
        self._on_models()

    # --- kind, name, address

    def _show_kind(self) -> None:
        preset = self._preset()
        self.kind.setCurrentIndex(self.kind.findData(preset.id))
        sentences = [end_sentence(server_texts.server_ability(self._entry)), server_texts.preset_remark(preset)]
        self.ability_note.setText(" ".join(filter(None, sentences)))
        self.url.setPlaceholderText(server_texts.address_placeholder(preset))
        self._form.setRowVisible(self._limit_row, preset.trains)
        self.limit.blockSignals(True)
        self.limit.setValue(self._entry.limit)
        self.limit.blockSignals(False)

    def _on_kind(self) -> None:
        """Another kind has another address, unless the person has written one."""
        entry, before, chosen = self._entry, self._preset(), server_presets.preset(self.kind.currentData())
        if chosen.id == before.id:
            return
        entry.preset = chosen.id
        if entry.base_url in ("", before.base_url) and chosen.base_url:
            entry.set_url(chosen.base_url)
            self.url.setText(chosen.base_url)
            self._show_url(chosen.base_url)
        self._forget_findings()
        self._show_kind()
        self._show_key()
        self.moved.emit()

    def _forget_findings(self) -> None:
        """What was found at another address does not hold for this one."""
        self._entry.capabilities, self._entry.checked_at = {}, 0.0
        self.capabilities.show_found(Capabilities())
        self._show_test("")

    def _on_name(self) -> None:
        title = " ".join(self.name.text().split()) or self._entry.title
        self.name.setText(title)
        if title != self._entry.title:
            self._entry.title = title
            self.renamed.emit()

    def _on_url(self) -> None:
        url = self.url.text().strip()
        if url != self._entry.base_url and not url_error(url):
            before = self._entry.key_origin
            self._entry.set_url(url)
            self.url.setText(url)
            self._show_url(url)
            self._forget_findings()
            self._show_kind()
            if self._entry.key_origin != before:
                self._show_key()
            self.moved.emit()

    def _on_models(self) -> None:
        names = list(dict.fromkeys(filter(None, map(str.strip, self.models.text().split(",")))))
        self.models.setText(", ".join(names))
        if names != self._entry.models:
            self._entry.models = names
            self.moved.emit()

    def _show_url(self, url: str) -> None:
        error = url_error(url.strip()) if url.strip() else ""
        self.url_note.show_text(error or url_warning(url.strip()), "error" if error else "warning")

    def _on_limit(self, jobs: int) -> None:
        self._entry.limit = jobs
        self.adjusted.emit()

    # --- a look at the server

    def _on_test(self) -> None:
        self.apply_typed()
        if error := url_error(self.url.text().strip()):
            self.url_note.show_text(error, "error")
            return
        self.test.setEnabled(False)
        self._show_test(tr("Connecting…"))
        self._testing = self._workspace.tasks.start("", self._test(), self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The result of a test has got its place, or another one."""
        if (
            watched is self.test_note
            and event.type() in (QEvent.Type.Resize, QEvent.Type.Move)
            and self.test_note.text()
        ):
            QTimer.singleShot(0, self, self.tested.emit)
        return super().eventFilter(watched, event)

    def _show_test(self, text: str, meaning: str = "", url: str = "") -> None:
        """Show the result of a test; `url` is the address that it found instead."""
        self.test_note.show_text(text, meaning)
        if text:
            QTimer.singleShot(0, self, self.tested.emit)  # when the text has its place
        self._found_url = url
        self.correct.setVisible(bool(url))

    def _on_correct(self) -> None:
        """Enter the address that the test has found, and test it."""
        self.url.setText(self._found_url)
        self._on_test()

    async def _test(self) -> None:
        """Test the server over a connection of its own."""
        entry, workspace = self._entry, self._workspace
        try:
            provider = await asyncio.to_thread(providers.connect, entry.id, workspace.settings, workspace.keys)
            try:
                found = await connection_test.check_connection(provider)
            finally:
                await provider.close()
        except JukuError as error:
            found = connection_test.ConnectionStatus(False, error.title, error.message)
        if found.capabilities is not None:
            self._store_capabilities(entry, found.capabilities)
        if entry is self._entry:
            self.test.setEnabled(True)
            words = "\n".join(filter(None, (found.title, found.advice)))
            self._show_test(words, "good" if found.ok else "error", found.base_url)
            self.capabilities.show_found(providers.read_capabilities(entry))
            self._show_kind()

    def _store_capabilities(self, entry: ProviderSettings, found: Capabilities) -> None:
        connection_test.store_capabilities(entry, found)
        self._workspace.update_capabilities(entry.id, found)
        self.adjusted.emit()

    async def finish(self) -> None:
        """Wait until each key is stored or deleted; a test of the connection is cancelled."""
        if self._testing is not None:
            self._testing.cancel()
            await asyncio.gather(self._testing, return_exceptions=True)
        await self.key.finish()


def _make_column(*parts: QWidget) -> QWidget:
    """One below the other in one row of the form, which would leave too much room for notes of its own."""
    return basics.column(*parts, spacing=style.SPACE // 2)


def _align_left(widget: QWidget) -> QWidget:
    """The widget as wide as it wants to be, at the left."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(widget)
    layout.addStretch()
    return row
