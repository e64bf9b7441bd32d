"""What the person knows: the spec as text that saves by itself, and the facts it consists of."""

import asyncio
import re
import sqlite3
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core import facts, spec
from core.errors import JukuError
from core.language import tr, trn
from core.project import Changes, Project
from core.spec import Spec
from ui import style, widgets
from ui.fact_table import FactTable
from ui.reload import Reload
from ui.spec_editor import SpecEditor
from ui.tab import Tab
from ui.workspace import Workspace

TYPING = 1000  # milliseconds between the last key and the save
KANA = re.compile(r"[\u3041-\u30ff]")
LINE_MARK = re.compile(r"(?:#{1,6}|[-*+]|\d+[.)]|>)\s+")


class SpecTab(Tab):
    icon = "spec"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._stored = Spec()  # as the project has it
        self._project: Project | None = None  # whose spec is shown
        self._saving = asyncio.Lock()
        self._reload = Reload(workspace, self._load_facts)
        self._newest: set[int] = set()
        self._make_text()
        self._make_facts()
        self._lay_out()
        self._connect()
        self._show_buttons()

    def title(self) -> str:
        return tr("Spec")

    def _make_text(self) -> None:
        self.name = QLineEdit()
        self.prompt = QPlainTextEdit(tabChangesFocus=True)
        self.prompt.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 14)
        self.prompt.setPlaceholderText(tr("You are a helpful assistant who knows …"))
        self.editor = SpecEditor()
        self.status = widgets.label(dim=True)
        self.counts = widgets.label(dim=True)
        self._typing = QTimer(self, singleShot=True, interval=TYPING)

    def _make_facts(self) -> None:
        self.table = FactTable()
        self.add = QPushButton(style.icon("add"), tr("Add fact"))
        self.edit = QPushButton(tr("Edit"))
        self.rows = QPushButton(tr("Show its rows"))
        self.delete = QPushButton(style.icon("delete"), tr("Delete"))
        self.note = widgets.label(wrap=True)
        self.facts = QStackedWidget()
        self.facts.addWidget(
            widgets.EmptyState(
                tr("No facts yet"),
                tr(
                    "A fact is one statement that the model is to know. Select a sentence in the text and press "
                    "“Add fact”. Rows and exam questions refer to it by its name."
                ),
            )
        )
        self.facts.addWidget(self.table)

    def _lay_out(self) -> None:
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(self._left())
        splitter.addWidget(self._right())
        splitter.setSizes([680, 560])
        splitter.setHandleWidth(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.addWidget(splitter)

    def _left(self) -> QWidget:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(tr("&Name"), self.name)
        form.addRow(tr("System &prompt"), self.prompt)
        hint = tr("Sent before every question: the same in training, chat and exam.")
        form.addRow("", widgets.label(hint, wrap=True, dim=True))
        below = QHBoxLayout()
        below.addWidget(self.counts)
        below.addStretch()
        below.addWidget(self.status)
        return _column(form, self.editor, below)

    def _right(self) -> QWidget:
        above = QHBoxLayout()
        above.addWidget(widgets.heading(tr("Facts")))
        above.addStretch()
        above.addWidget(self.add)
        buttons = QHBoxLayout()
        for button in (self.rows, self.edit, self.delete):
            buttons.addWidget(button)
        buttons.addStretch()
        return _column(above, self.facts, self.note, buttons)

    def _connect(self) -> None:
        self.name.textEdited.connect(lambda _text: self._on_typed())
        self.prompt.textChanged.connect(self._on_typed)
        self.editor.textChanged.connect(self._on_typed)
        self._typing.timeout.connect(self._save)
        for field in (self.name, self.prompt, self.editor):
            field.installEventFilter(self)
        save = QShortcut(QKeySequence.StandardKey.Save, self)
        save.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        save.activated.connect(self._save)
        self.editor.copyAvailable.connect(lambda _yes: self._show_buttons())
        self.add.clicked.connect(lambda _checked: self._on_add())
        self.edit.clicked.connect(lambda _checked: self.table.edit_text())
        self.rows.clicked.connect(lambda _checked: self._on_rows())
        self.delete.clicked.connect(lambda _checked: self._on_delete())
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(self._on_rows)
        self.table.delete_wanted.connect(self._on_delete)
        self.table.facts.edited.connect(self._on_edited)

    def refresh(self, changes: Changes) -> None:
        if "spec" in changes.tables:
            self._show_spec()
        if changes.tables & {"fact", "example"}:
            self._reload.ask()

    def _show_spec(self) -> None:
        """Show what the project has, unless something was typed that it has not got yet."""
        project = self.workspace.project
        if project is self._project and self.pending():
            return
        self._project = project
        self._stored = spec.load(project.rows)
        fields = (self.name, self.prompt, self.editor)
        for field in fields:
            field.blockSignals(True)
        if self.name.text() != self._stored.name:
            self.name.setText(self._stored.name)
        if self.prompt.toPlainText() != self._stored.system_prompt:
            self.prompt.setPlainText(self._stored.system_prompt)
        self.editor.show_text(self._stored.text)
        for field in fields:
            field.blockSignals(False)
        self._typing.stop()
        self._show_saved()
        self._show_buttons()

    async def _load_facts(self, project: Project) -> None:
        found = await project.read(facts.load)
        ids = {fact.id for fact in found}
        added, self._newest = ids - self._newest, ids
        self.table.show_facts(found)
        if len(added) == 1 and len(ids) > 1:
            self.table.choose(added.pop())
        self.facts.setCurrentIndex(1 if found else 0)
        self._show_saved()
        self._show_buttons()

    def entered(self) -> Spec:
        """What the fields hold."""
        text, prompt = self.editor.toPlainText(), self.prompt.toPlainText()
        return Spec(self.name.text(), self._stored.language, prompt, text)

    def pending(self) -> bool:
        """Whether something was typed that the project has not got yet."""
        return self.entered() != self._stored

    async def flush(self) -> None:
        """Save what was typed. Raises `ProjectError` when it cannot be saved; it stays in the fields."""
        self._typing.stop()
        async with self._saving:
            entered = self.entered()
            if self._project is None or entered == self._stored:
                return
            try:
                changes = await self._project.write(tr("Edit the spec"), facts.save, entered)
            except JukuError:
                self.status.setText(tr("Not saved"))
                raise
            self._stored = entered
        self._show_saved()
        self.workspace.tasks.changed.emit(changes)

    def _save(self) -> None:
        if self._project is not None and self.pending():
            self.workspace.tasks.start("", self.flush())
        else:
            self._show_saved()

    def _on_typed(self) -> None:
        self._typing.start()
        self.status.setText(tr("Saving…"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self._typing.isActive():
            self._typing.stop()
            self._save()
        return super().eventFilter(watched, event)

    def _show_saved(self) -> None:
        text = self.editor.toPlainText()
        self.status.setText(tr("Saving…") if self.pending() else tr("Saved"))
        self.table.facts.show_text(text)
        facts = trn("{n} fact", "{n} facts", self.table.facts.rowCount())
        self.counts.setText(f"{length_words(text, self._stored.language)} · {facts}")
        self._show_note()

    def _show_note(self) -> None:
        stale = self.table.facts.stale()
        self.note.setVisible(stale > 0)
        self.note.setText(
            trn("⚠ The passage of {n} fact is no longer in the text.",
                "⚠ The passages of {n} facts are no longer in the text.", stale)
        )  # fmt: skip
        self.note.setStyleSheet(f"color: {style.colours('warning')[0].name()}")

    def _show_buttons(self) -> None:
        selected = bool(self.editor.selected_text())
        self.add.setEnabled(selected)
        about = tr("Make a fact of the selected passage") if selected else tr("First select a passage in the text")
        self.add.setToolTip(about)
        for button in (self.edit, self.rows, self.delete):
            button.setEnabled(self.table.fact() is not None)

    def _on_chosen(self) -> None:
        fact = self.table.fact()
        self.editor.mark(fact.quote if fact else "")
        self._show_buttons()

    def _on_add(self) -> None:
        quote = self.editor.selected_text()
        quote = quote[mark.end() :] if (mark := LINE_MARK.match(quote)) else quote
        self._change(tr("Add a fact"), facts.add, " ".join(quote.split()), quote)

    def _on_edited(self, id: int, text: str) -> None:
        self._change(tr("Edit a fact"), facts.edit, id, text)

    def _on_delete(self) -> None:
        if fact := self.table.fact():
            self._change(tr("Delete a fact"), facts.delete, [fact.id])

    def _on_rows(self) -> None:
        if fact := self.table.fact():
            self.show_examples.emit(f"fact:{fact.name}")

    def _change(self, label: str, change: Callable[..., None], *args: object) -> None:
        self.workspace.tasks.start("", self._write(label, change, *args))

    async def _write(self, label: str, change: Callable[[sqlite3.Connection], None], *args: object) -> Changes:
        await self.flush()
        return await self.workspace.project.write(label, change, *args)


def length_words(text: str, language: str) -> str:
    """How long `text` is, as it is counted in its language: in characters for Japanese, else in words."""
    if language == "ja" or (not language and KANA.search(text)):
        return trn("{n} character", "{n} characters", len("".join(text.split())))
    return trn("{n} word", "{n} words", len(text.split()))


def _column(*parts: object) -> QWidget:
    """The parts one below the other."""
    made = QWidget()
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part, int(isinstance(part, QPlainTextEdit | QStackedWidget)))
        else:
            layout.addLayout(part)  # type: ignore[arg-type]
    return made
