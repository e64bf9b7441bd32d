"""The list of a project's conversations: searched, chosen, renamed."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from core.chat.conversations import Conversation
from core.language import tr
from ui import style
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.length_and_time_texts import format_local_time

SEARCH_DELAY = 200  # milliseconds after the last key before it is searched
ID_ROLE, TITLE_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class ConversationList(QWidget):
    """The list with its search field; signals give the ids of conversations."""

    search_wanted = Signal(str)  # the words to search for
    chosen = Signal(int)  # the conversation's id
    renamed = Signal(int, str)  # the conversation's id and its new title
    new_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText(tr("Search conversations"))
        self.search.setAccessibleName(tr("Search conversations"))
        self.anew = QPushButton(style.icon("add"), tr("New conversation"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Conversations"))
        self.list.setStyleSheet(style.ROOMY_LIST_SHEET)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pause = QTimer(self, singleShot=True, interval=SEARCH_DELAY)
        self._nothing = EmptyState("", "")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.list)
        self._pages.addWidget(self._nothing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addWidget(self.anew)
        layout.addWidget(self.search)
        layout.addWidget(self._pages, 1)
        self.anew.clicked.connect(lambda _checked: self.new_wanted.emit())
        self.search.textChanged.connect(lambda _text: self._pause.start())
        self._pause.timeout.connect(lambda: self.search_wanted.emit(self.search.text()))
        self.list.itemSelectionChanged.connect(self._on_selected)
        self.list.itemChanged.connect(self._on_renamed)

    def show_found(self, found: Sequence[Conversation], current: int) -> None:
        """List conversations; the `current` one is selected where it is among them."""
        self.list.blockSignals(True)
        self.list.clear()
        for one in found:
            item = QListWidgetItem(one.title)
            item.setData(ID_ROLE, one.id)
            item.setData(TITLE_ROLE, one.title)
            item.setToolTip(basics.plain_tooltip(f"{one.title}\n{format_local_time(one.changed_at)}"))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.list.addItem(item)
            if one.id == current:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        if self.search.text().strip():
            self._nothing.set_texts(tr("Nothing found"), tr("No conversation contains all of these words."))
        else:
            self._nothing.set_texts(tr("No conversations yet"), tr("Your questions are kept here."))
        self._pages.setCurrentIndex(0 if found else 1)

    def select(self, id: int) -> None:
        """Mark a conversation as the one that is shown; 0 is none of them."""
        self.list.blockSignals(True)
        self.list.clearSelection()
        self.list.setCurrentRow(-1)
        for item in self._items():
            if item.data(ID_ROLE) == id:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)

    def ids(self) -> list[int]:
        """The ids of the listed conversations, from top to bottom."""
        return [item.data(ID_ROLE) for item in self._items()]

    def edit(self, id: int) -> None:
        """Let the person give a conversation another name."""
        for item in self._items():
            if item.data(ID_ROLE) == id:
                self.list.editItem(item)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _on_selected(self) -> None:
        if items := self.list.selectedItems():
            self.chosen.emit(items[0].data(ID_ROLE))

    def _on_renamed(self, item: QListWidgetItem) -> None:
        title = " ".join(item.text().split())
        if title and title != item.data(TITLE_ROLE):
            self.renamed.emit(item.data(ID_ROLE), title)
        elif item.text() != item.data(TITLE_ROLE):
            item.setText(item.data(TITLE_ROLE))
