"""The actions for a whole conversation: rename, search, export, delete."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from core.chat import conversations, transcripts
from core.chat.conversations import Conversation, ConversationThread
from core.language import tr
from core.storage.project import Changes
from ui.chat.conversation_list import ConversationList
from ui.widgets import context_menus, file_dialogs, server_texts
from ui.widgets.confirm import confirm
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


class ConversationActions(QObject):
    """The menu of the conversation that is shown, and the search among all conversations."""

    deleted = Signal(int)  # the conversation's id

    def __init__(self, workspace: Workspace, listed: ConversationList, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace, self._list, self._parent = workspace, listed, parent
        self._thread: ConversationThread | None = None
        self._leaf: int | None = None
        self._is_busy = False
        self._searching = LatestTask(workspace, self)
        self.menu = QMenu(parent)
        self.rename = self._action(tr("&Rename"), self._on_rename)
        self.markdown = self._action(tr("Export as &Markdown…"), lambda: self._on_export("md"))
        self.jsonl = self._action(tr("Export as &JSONL…"), lambda: self._on_export("jsonl"))
        self.menu.addSeparator()
        self.delete = self._action(tr("&Delete…"), self._on_delete)
        context_menus.offer(listed.list, *self.menu.actions())
        listed.search_wanted.connect(lambda _words: self.search())
        listed.renamed.connect(self._on_renamed)
        self._show_state()

    def _action(self, text: str, slot: object) -> QAction:
        action = self.menu.addAction(text)
        action.triggered.connect(lambda _checked=False: slot())  # type: ignore[operator]
        return action

    def show_thread(self, thread: ConversationThread | None, leaf: int | None) -> None:
        """Offer what can be done with this conversation; `leaf` is its last visible turn."""
        self._thread, self._leaf = thread, leaf
        self._show_state()

    def allow(self, is_busy: bool) -> None:
        """While something is being answered, a conversation is neither deleted nor left."""
        self._is_busy = is_busy
        self._list.list.setEnabled(not is_busy)
        self._show_state()

    def _show_state(self) -> None:
        for action in (self.rename, self.markdown, self.jsonl):
            action.setEnabled(self._thread is not None)
        self.delete.setEnabled(self._thread is not None and not self._is_busy)

    def search(self) -> None:
        """List the conversations that contain all words of the search."""
        words = self._list.search.text()

        async def load() -> None:
            self.show_found(await self._workspace.project.read(conversations.find_conversations, words))

        self._searching.start(lambda _reporter: load())

    def show_found(self, found: Sequence[Conversation]) -> None:
        """List the conversations and select the current one."""
        self._list.show_found(found, self._thread.conversation.id if self._thread else 0)

    def _on_rename(self) -> None:
        assert self._thread
        id = self._thread.conversation.id
        if id not in self._list.ids():
            self._list.search.clear()
        self._list.edit(id)

    def _on_renamed(self, id: int, title: str) -> None:
        self._workspace.tasks.start("", self._workspace.project.write("", conversations.rename, id, title))

    def _on_delete(self) -> None:
        assert self._thread
        found = self._thread.conversation
        confirm(
            self._parent,
            tr("Chat"),
            tr("Delete the conversation “{title}”?", title=found.title),
            tr("All its questions, answers and marks are deleted permanently. Rows made from them stay."),
            tr("Delete"),
            lambda: self._workspace.tasks.start("", self._delete(found.id)),
        )

    def ask_to_replace(self, on_agreed: Callable[[], object]) -> None:
        """Before answers that a person has marked give way to new ones."""
        text = tr("New answers replace these, and the marks you gave are deleted.")
        confirm(self._parent, tr("Chat"), tr("Ask again?"), text, tr("Run again"), on_agreed)

    async def _delete(self, id: int) -> Changes:
        changes = await self._workspace.project.write("", conversations.delete, id)
        self.deleted.emit(id)
        return changes

    def _on_export(self, suffix: str) -> None:
        assert self._thread
        characters = (one if one.isalnum() else "-" for one in self._thread.conversation.title[:40])
        name = "-".join(part for part in "".join(characters).split("-") if part) or "chat"
        file_dialogs.save_dialog(
            self._parent, self._workspace.settings, file_dialogs.REPORTS, tr("Export the conversation"),
            f"{name}.{suffix}", lambda path: self.export(path, suffix),
        ).open()  # fmt: skip

    def export(self, path: Path, suffix: str) -> None:
        """Write the branch that is shown: 'md' to read, 'jsonl' a line for each pane."""
        thread, leaf = self._thread, self._leaf
        assert thread
        assert leaf
        titles = server_texts.server_titles(self._workspace)

        def text(db: sqlite3.Connection) -> str:
            if suffix == "jsonl":
                return transcripts.to_jsonl(db, thread, leaf)
            return transcripts.to_markdown(thread, leaf, lambda id: titles.get(id, id))

        async def write() -> None:
            written = await self._workspace.project.read(text)
            await asyncio.to_thread(transcripts.write_file, path, written)
            Notice(self._parent.window(), tr("Written to {path}.", path=path))

        self._workspace.tasks.start("", write())
