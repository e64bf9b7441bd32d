"""The list of servers: added from presets, chosen, removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from core import providers, settings
from core.errors import JukuError, KeyStoreError
from core.language import tr
from core.paths import engine_home
from core.providers import server_presets
from core.providers.server_presets import ServerPreset
from core.settings import ProviderSettings, url_error
from ui import style
from ui.settings.server_details_page import ServerPage
from ui.widgets import basics, context_menus, server_texts
from ui.widgets.titled_delegate import TitledDelegate
from ui.workspace import Workspace

LIST_WIDTH = 240
MAX_LIST_WIDTH = 400  # names longer than this end in an ellipsis, and are whole in the tooltip
DETAILS_ROLE = Qt.ItemDataRole.UserRole
ROW_PADDING = 6
TALL_TEXT = "塾か"


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server in the list; `details` are the dim lines below its name."""

    id: str
    title: str
    details: tuple[str, ...] = ()


class ServerList(QListWidget):
    """The servers by name, with details below each."""

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_ServerDelegate(self))
        self.setAccessibleName(tr("Servers"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._ids: list[str] = []

    def show_lines(self, lines: Sequence[ServerRow], chosen: str) -> None:
        """List these servers; the row of the one with the id `chosen` is selected, without a signal."""
        self.blockSignals(True)
        self.clear()
        self._ids = [line.id for line in lines]
        for line in lines:
            item = QListWidgetItem(line.title)
            item.setData(DETAILS_ROLE, line.details)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, ", ".join(line.details))
            self.addItem(item)
            item.setToolTip(basics.plain_tooltip("\n".join([line.title, *line.details])))
        texts = [text for line in lines for text in (line.title, *line.details)]
        widest = max(self.fontMetrics().horizontalAdvance(text) for text in texts) + self._beside_texts()
        self.setFixedWidth(max(style.scaled(LIST_WIDTH), min(style.scaled(MAX_LIST_WIDTH), widest)))
        self.setCurrentRow(self._ids.index(chosen))
        self.blockSignals(False)

    def _beside_texts(self) -> int:
        return 4 * ROW_PADDING + 2 * self.frameWidth() + self.verticalScrollBar().sizeHint().width()

    def id(self) -> str:
        """The selected server's."""
        return self._ids[max(0, self.currentRow())]


class _ServerDelegate(TitledDelegate):
    """A name, and dim lines below it."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        name, front, dim = self.draw_without_text(painter, option, index)
        place = option.rect.adjusted(ROW_PADDING + 2, ROW_PADDING, -ROW_PADDING, 0)
        place.setHeight(_row_height(option))
        for number, text in enumerate((name, *index.data(DETAILS_ROLE))):
            painter.setPen(dim if number else front)
            cut = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cut)
            place.translate(0, _row_height(option))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        lines = 1 + len(index.data(DETAILS_ROLE))
        return QSize(style.scaled(60), lines * _row_height(option) + 2 * ROW_PADDING)


def _row_height(option: QStyleOptionViewItem) -> int:
    """The height of a line, also with characters that come from another font."""
    return max(option.fontMetrics.height(), option.fontMetrics.boundingRect(TALL_TEXT).height()) + 1


class ServersPage(QWidget):
    """The list of servers, with a page for the selected one. Each change is saved at once."""

    failed = Signal(JukuError)  # the server could not be saved

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self._settings = workspace.settings
        self._fresh: set[str] = set()  # ids that nothing refers to yet: they still follow the title
        self._places: dict[str, str] = {}  # where the keys lie
        self.list = ServerList()
        self.add = QPushButton(style.icon("add"), tr("Add"))
        self.remove = QPushButton(style.icon("delete"), tr("Remove"))
        self.use = QPushButton(tr("Use this provider"))
        context_menus.offer(self.list, self.use, self.add, self.remove)
        self.title = basics.heading("")
        self.page = ServerPage(workspace)
        self.pages = QStackedWidget()
        self.menu = QMenu(self)
        self._fill_menu()
        self._lay_out()
        self._connect()
        self._show_list(providers.LOCAL)
        self._finding = workspace.tasks.start("", self._find_places(), self)

    def _fill_menu(self) -> None:
        """The kinds of servers by what they do, with what to know of each."""
        offered = [preset for preset in server_presets.presets() if preset.id != providers.LOCAL]
        kinds = [preset for preset in offered if preset.id != server_presets.CUSTOM]
        for title in dict.fromkeys(server_texts.preset_ability(preset) for preset in kinds):
            self.menu.addSection(title)
            for preset in kinds:
                if server_texts.preset_ability(preset) == title:
                    self._offer(preset, preset.title)
        self.menu.addSeparator()
        self._offer(server_presets.preset(server_presets.CUSTOM), tr("Custom"))

    def _offer(self, preset: ServerPreset, title: str) -> None:
        words = server_texts.preset_remark(preset)
        action = self.menu.addAction(f"{title}  –  {words}" if words else title)
        action.setData(preset.id)
        action.triggered.connect(lambda _checked=False: self._on_add(preset, title))

    def _lay_out(self) -> None:
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.page)
        self.page.tested.connect(lambda: self._show_result(scroll))
        self.pages.addWidget(_make_local_page())
        self.pages.addWidget(scroll)
        below = QHBoxLayout()
        below.setSpacing(style.SPACE // 2)
        below.addWidget(self.add)
        below.addWidget(self.remove)
        left = QVBoxLayout()
        left.setSpacing(style.SPACE // 2)
        left.addWidget(self.list, 1)
        left.addLayout(below)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.use)
        right = QVBoxLayout()
        right.setSpacing(style.SPACE // 2)
        right.addLayout(head)
        right.addWidget(self.pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, style.SPACE, 0, 0)
        row.setSpacing(2 * style.SPACE)
        row.addLayout(left)
        row.addLayout(right, 1)

    def _connect(self) -> None:
        self.list.currentRowChanged.connect(lambda _row: self._show_current_server())
        # Not the button's own menu, which would run a loop of its own.
        self.add.clicked.connect(lambda _checked: self.menu.popup(self.add.mapToGlobal(QPoint(0, self.add.height()))))
        self.remove.clicked.connect(lambda _checked: self._on_remove())
        self.use.clicked.connect(lambda _checked: self._on_use())
        self.page.renamed.connect(self._on_renamed)
        self.page.moved.connect(self._on_moved)
        self.page.adjusted.connect(self._on_adjusted)
        self.page.key.storing.connect(lambda: self._fresh.discard(self.page.entry.id))
        self.page.key.changed.connect(self._on_key_changed)
        self.workspace.offers_changed.connect(self._refresh)

    def current_server(self) -> ProviderSettings | None:
        """The server that is selected in the list; None is this computer."""
        row = self.list.currentRow()
        return self._settings.providers[row - 1] if row > 0 else None

    def choose(self, id: str) -> None:
        """Show the page of the server `id`, to enter its key."""
        known = [entry.id for entry in self._settings.providers]
        self._show_list(id if id in known else providers.LOCAL)
        self.page.key.field.setFocus()

    # --- the list

    def _lines(self) -> list[ServerRow]:
        used = self._settings.provider
        here = (tr("Trains and answers"),)
        lines = [ServerRow(providers.LOCAL, tr("This computer"), here)]
        for entry in self._settings.providers:
            details = (server_texts.server_ability(entry), self._places.get(entry.id, ""))
            lines.append(ServerRow(entry.id, entry.title, tuple(filter(None, details))))
        return [
            ServerRow(line.id, tr("{title}  –  in use", title=line.title), line.details) if line.id == used else line
            for line in lines
        ]

    def _show_list(self, chosen: str) -> None:
        """List the servers, this computer first, and select the one with the id `chosen`."""
        self.list.show_lines(self._lines(), chosen)
        self._show_current_server()

    def _refresh(self) -> None:
        """Stay with the server that is shown: another window may have added or removed one before it."""
        entry = self.page.entry if self.list.currentRow() > 0 else None
        stays = any(one is entry for one in self._settings.providers)
        self._show_list(entry.id if entry and stays else providers.LOCAL)

    def _show_current_server(self) -> None:
        entry = self.current_server()
        used = (entry.id if entry else providers.LOCAL) == self._settings.provider
        self.title.setText(entry.title if entry else tr("This computer"))
        self.use.setText(tr("In use") if used else tr("Use this provider"))
        reason = tr("In use") if used else url_error(entry.base_url) if entry else ""
        basics.set_enabled(self.use, reason)
        self.remove.setEnabled(entry is not None)
        self.pages.setCurrentIndex(0 if entry is None else 1)
        if entry is not None and entry is not self.page.entry:
            self.page.show_provider(entry)

    async def finish(self) -> None:
        """Cancel what only shows something on these pages, and wait for keys that are being stored."""
        self._finding.cancel()
        await self.page.finish()

    async def _find_places(self) -> None:
        """Find where each server's key is stored; a missing keyring is reported on the server's own page."""
        found = {}
        for entry in list(self._settings.providers):
            try:
                found[entry.id] = await asyncio.to_thread(self.workspace.keys.location, entry.id)
            except KeyStoreError:
                found[entry.id] = "none"
        words = key_location_texts()
        self._places = {id: words.get(place, "") for id, place in found.items()}
        self._refresh()

    def _save(self) -> None:
        try:
            settings.save(self._settings)
        except JukuError as error:
            self.failed.emit(error)

    # --- what a person does

    def _show_result(self, scroll: QScrollArea) -> None:
        """Scroll to what a test says, and to the button below it where there is room for both."""
        for part in (self.page.correct, self.page.test_note):
            if not part.isHidden():
                scroll.ensureWidgetVisible(part, 0, style.SPACE)

    def _on_add(self, preset: ServerPreset, title: str) -> None:
        id = settings.new_id(self._settings, title)
        entry = ProviderSettings(id, title, preset.base_url, preset.id, preset.limit)
        self._settings.providers.append(entry)
        self._fresh.add(entry.id)
        self._save()
        self._show_list(entry.id)
        first = self.page.url if url_error(entry.base_url) else self.page.name
        first.setFocus()
        first.selectAll()

    def _on_renamed(self) -> None:
        entry = self.page.entry
        if self.workspace.is_connected(entry.id):
            self._fresh.discard(entry.id)
        if entry.id in self._fresh and entry.id not in (self._settings.writer.provider, self._settings.judge.provider):
            self._fresh.remove(entry.id)
            entry.id = ""
            entry.id = settings.new_id(self._settings, entry.title)
            self._fresh.add(entry.id)
            self.page.show_id()
        self._on_moved()

    def _on_moved(self) -> None:
        self._save()
        self._refresh()
        self.workspace.tasks.start("", self._reconnect(self.page.entry.id))

    def _on_adjusted(self) -> None:
        self._save()
        self._refresh()

    def _on_key_changed(self) -> None:
        self._fresh.discard(self.page.entry.id)
        self._on_moved()
        self._finding.cancel()
        self._finding = self.workspace.tasks.start("", self._find_places(), self)

    async def _reconnect(self, id: str) -> None:
        """Use what has been entered from the next request on."""
        await self.workspace.forget_provider(id)
        if id == self._settings.provider:
            self._choose(id)

    def _choose(self, id: str) -> None:
        try:
            self.workspace.choose_provider(id)
        except JukuError as error:
            self.failed.emit(error)

    def _on_use(self) -> None:
        entry = self.current_server()
        id = entry.id if entry else providers.LOCAL
        self._fresh.discard(id)
        self._choose(id)

    def _on_remove(self) -> None:
        entry = self.current_server()
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
        was_used = self._settings.provider == entry.id
        self._settings.remove_server(entry.id)
        self._fresh.discard(entry.id)
        self._save()
        self._show_list(providers.LOCAL)
        if was_used:
            self._choose(providers.LOCAL)
        else:
            self.workspace.offers_changed.emit()
        self.page.key.forget(entry.id)
        self.workspace.tasks.start("", self.workspace.forget_provider(entry.id))


def key_location_texts() -> dict[str, str]:
    """Short texts for where a key is stored, by `Keys.location`; 'none': there is no keyring."""
    return {
        "keyring": tr("API key in the keyring"),
        "session": tr("API key for this session only"),
        "environment": tr("API key from the environment"),
        "none": tr("No keyring available"),
        "": tr("No API key"),
    }


def _make_local_page() -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    explanation = tr(
        "Models are trained and asked on this computer, without an account or a network connection. The engine "
        "starts when it is needed and stops when you close the window."
    )
    layout.addWidget(basics.label(explanation, wrap=True))
    layout.addSpacing(style.SPACE)
    layout.addWidget(basics.label(tr("Its models, jobs and files are stored here:"), dim=True))
    folder = basics.label(str(engine_home()), wrap=True)
    folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    layout.addWidget(folder)
    layout.addStretch()
    return page
