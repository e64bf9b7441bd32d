"""The spec tab: the text, saved automatically, and beside it the facts, the outline, the remarks and the chat."""

import asyncio
import sqlite3
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.activity_history import ActivityKind
from core.dataset import row_system_prompts
from core.dataset.row_system_prompts import PromptUse
from core.documents import Document
from core.errors import JukuError
from core.exam import fact_coverage
from core.exam.fact_coverage import FactCoverage
from core.language import tr, trn
from core.progress import Reporter
from core.review import findings
from core.spec import facts, spec, spec_review_process
from core.spec.quote_tracking import Span
from core.spec.spec import Spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.training import lineage
from ui import style
from ui.spec.document_import_dialog import REPLACE_TEXT, DocumentImportDialog, read_document, reading
from ui.spec.fact_pane import FactPane
from ui.spec.outline_and_remarks import Outline, RemarkList
from ui.spec.revisions_dialog import RevisionsDialog
from ui.spec.spec_chat import SpecChat
from ui.spec.spec_editor import DIALECT, SpecDocument, SpecEditor, SpecPassage, SpecPreview, build_passages
from ui.tab_base import Tab
from ui.widgets import basics
from ui.widgets.find_bar import FindBar
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.widgets.length_and_time_texts import format_length
from ui.widgets.text_highlights import utf16_length
from ui.workspace import Workspace

REMARKS_PAGE = 1  # the place of that page at the side
TYPING_PAUSE_MS = 1000  # milliseconds between the last key and the save


class SpecTab(Tab):
    """Shows and saves the spec of the open project."""

    icon = "spec"
    document_wanted = Signal()  # a document is to be chosen and brought in
    settings_wanted = Signal()  # a provider is to be chosen

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._stored = Spec()  # as the project has it
        self._project: Project | None = None  # whose spec is shown
        self._looked: tuple[str, list[Span]] | None = None  # what was looked through last
        self._unasked: PromptUse | None = None  # the prompt of the rows, where the project asks under another one
        self._saving = asyncio.Lock()
        self._reload = ThrottledReload(workspace, self, self._load_facts)
        self._make_text()
        self._make_side()
        self._lay_out()
        self._connect()

    def title(self) -> str:
        return tr("Spec")

    def _make_text(self) -> None:
        self.name, self.description = QLineEdit(), QLineEdit()
        self.description.setPlaceholderText(tr("The topic, in one sentence"))
        self.prompt = QPlainTextEdit(tabChangesFocus=True)
        self.prompt.setViewportMargins(style.FIELD_INSET, 0, style.FIELD_INSET, 0)
        self.prompt.setFixedHeight(3 * self.fontMetrics().lineSpacing() + style.SPACE)  # two lines, of Japanese too
        self.prompt.setPlaceholderText(tr("You are a helpful assistant who knows …"))
        self.differing = basics.Note()
        self.as_rows = QPushButton(tr("Use the rows’ prompt"))
        basics.explain(self.as_rows, tr("Makes it the project's system prompt; this can be undone."))
        self.as_rows.hide()
        self.editor, self.preview = SpecEditor(), SpecPreview()
        self.texts = QStackedWidget()
        self.texts.addWidget(self.editor)
        self.texts.addWidget(self.preview)
        self.find_bar = FindBar(self.editor)
        self.reading = basics.toggle_button(tr("Preview"))
        self.colours = basics.toggle_button(tr("Colors"), checked=True)
        self.colours.setToolTip(tr("Color each passage by the state of its fact: rows, exam questions, out of date"))
        self.document = QPushButton(style.icon("import"), tr("Document…"))
        self.document.setToolTip(tr("Import Markdown, text, HTML, Word or PDF"))
        self.revisions = QPushButton(tr("Revisions…"))
        self.status = basics.label(dim=True)
        self.counts = basics.label(dim=True)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)

    def _make_side(self) -> None:
        self.pane = FactPane(self.workspace, self.flush)
        self.table = self.pane.table
        self.outline = Outline()
        self.remarks = RemarkList()
        self.chat = SpecChat(self.workspace, self.current_spec)
        self.side = QTabWidget(documentMode=True)
        self.side.tabBar().setDrawBase(False)
        for widget, title in (
            (self.pane, tr("Facts")), (self.remarks, tr("Remarks")), (self.outline, tr("Outline")), (self.chat, tr("Chat")),
        ):  # fmt: skip
            self.side.addTab(widget, title)

    def _lay_out(self) -> None:
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.setObjectName("spec-sides")
        splitter.addWidget(self._build_text_side())
        splitter.addWidget(self.side)
        splitter.setSizes([640, 600])
        splitter.setHandleWidth(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.addWidget(splitter)

    def _build_text_side(self) -> QWidget:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(tr("&Name"), self.name)
        form.addRow(tr("&Description"), self.description)
        form.addRow(tr("System &prompt"), self.prompt)
        self.prompt.setToolTip(tr("Sent before every question: the same in training, chat and exam."))
        noted = QHBoxLayout()
        noted.addWidget(self.differing, 1)
        noted.addWidget(self.as_rows, 0, Qt.AlignmentFlag.AlignTop)
        tools = QHBoxLayout()
        for button in (self.reading, self.colours):
            tools.addWidget(button)
        tools.addStretch()
        for button in (self.document, self.revisions):
            tools.addWidget(button)
        below = QHBoxLayout()
        below.addWidget(self.counts)
        below.addStretch()
        below.addWidget(self.status)
        # The warning is below the text, so it moves nothing when it appears.
        return basics.column(form, tools, self.find_bar, self.texts, noted, below)

    def _connect(self) -> None:
        for field in (self.name, self.description):
            field.textEdited.connect(lambda _text: self._on_typed())
        for text in (self.prompt, self.editor):
            text.textChanged.connect(self._on_typed)
        self._typing.timeout.connect(self._save)
        for watched in (self.name, self.description, self.prompt, self.editor):
            watched.installEventFilter(self)
        save = QShortcut(QKeySequence.StandardKey.Save, self)
        save.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        save.activated.connect(self._save)
        self.editor.copyAvailable.connect(lambda _yes: self.pane.show_selection(self.editor.selected_text()))
        self.editor.passage_chosen.connect(self.table.choose)
        self.editor.passage_opened.connect(lambda _id: self.pane.show_rows())
        self.pane.fact_chosen.connect(self.editor.mark)
        self.pane.rows_wanted.connect(self.show_examples)
        self.as_rows.clicked.connect(lambda _checked: self._on_rows_prompt())
        self.reading.toggled.connect(self._on_reading)
        self.colours.toggled.connect(self.editor.set_coloured)
        self.document.clicked.connect(lambda _checked: self.document_wanted.emit())
        self.revisions.clicked.connect(lambda _checked: self._on_revisions())
        self.outline.line_chosen.connect(self._on_line)
        self.remarks.place_chosen.connect(self._on_place)
        self.side.currentChanged.connect(lambda _page: self._show_saved_state())
        self.chat.text_wanted.connect(self._on_proposed)
        self.chat.place_chosen.connect(self._on_place)
        self.chat.settings_wanted.connect(self.settings_wanted)

    def print_title(self) -> str:
        return (self.name.text() or self.title()) if self.editor.toPlainText().strip() else ""

    async def build_document(self) -> QTextDocument:
        await self.flush()
        document = SpecDocument()
        name = self.name.text().strip()
        document.setMarkdown(f"# {name}\n\n{self._stored.text}" if name else self._stored.text, DIALECT)
        return document

    def main_widget(self) -> QWidget:
        return self.preview if self.reading.isChecked() else self.editor

    def refresh(self, changes: Changes) -> None:
        if Table.SPEC in changes.tables:
            self._show_spec()
        if changes.tables & {
            Table.SPEC,
            Table.FACT,
            Table.EXAMPLE,
            Table.EVAL_RUN,
            Table.EVAL_ANSWER,
            Table.INQUIRY,
            Table.FINDING,
        }:
            self._reload.request()

    def is_busy(self) -> bool:
        return self.chat.is_busy()

    def take_over(self, other: Tab) -> None:
        assert isinstance(other, SpecTab)
        self.side.setCurrentIndex(other.side.currentIndex())
        for ours, theirs in ((self.reading, other.reading), (self.colours, other.colours)):
            ours.setChecked(theirs.isChecked())
        cursor = self.editor.textCursor()
        cursor.setPosition(other.editor.textCursor().anchor())
        cursor.setPosition(other.editor.textCursor().position(), QTextCursor.MoveMode.KeepAnchor)
        self.editor.setTextCursor(cursor)
        self.editor.verticalScrollBar().setValue(other.editor.verticalScrollBar().value())
        self.chat.take_over(other.chat)

    def _show_spec(self) -> None:
        """Show the stored spec, unless something unsaved was typed."""
        project = self.workspace.project
        if project is self._project and self.pending():
            return
        other = project is not self._project
        self._project = project
        self._stored = spec.load(project.rows)
        self.name.setPlaceholderText(project.path.stem)
        fields = (self.name, self.description, self.prompt, self.editor)
        for field in fields:
            field.blockSignals(True)
        for line, text in ((self.name, self._stored.name), (self.description, self._stored.description)):
            if line.text() != text:
                line.setText(text)
                line.setCursorPosition(0)
        if self.prompt.toPlainText() != self._stored.system_prompt:
            self.prompt.setPlainText(self._stored.system_prompt)
        if other:
            self.editor.clear()
            self.chat.begin_anew()
            self.pane.begin()
            self.find_bar.close_bar()
            self._looked = None
        self.editor.show_text(self._stored.text)
        for field in fields:
            field.blockSignals(False)
        self._typing.stop()
        self._show_saved_state()

    async def _load_facts(self, project: Project) -> None:
        text, entries, passages, taken, differing, unasked = await project.read(_load_coverage)
        if text != self._stored.text:
            return  # it has been edited meanwhile, and will be looked at again
        self.editor.show_coverage(passages)
        found = {passage.id for passage in passages}
        lost = {one.fact.id for one in entries if one.fact.quote and one.fact.id not in found}
        await self.pane.show_entries(project, entries, lost)
        await self._search_text(text, taken)
        self._show_differing(differing, unasked)
        self._show_saved_state()

    def _show_differing(self, rows: int, unasked: PromptUse | None) -> None:
        """Show how many rows have another system prompt than the project, and offer to use theirs."""
        text = trn("{n} row has another system prompt; see “Problems” in the examples.",
                   "{n} rows have another system prompt; see “Problems” in the examples.", rows) if rows else ""  # fmt: skip
        if unasked:
            text = row_system_prompts.describe_difference(unasked, self._stored.system_prompt)
        self._unasked = unasked
        self.differing.show_text(text, "warning")
        self.as_rows.setVisible(unasked is not None)

    def _on_rows_prompt(self) -> None:
        if self._unasked:
            self.workspace.tasks.start("", self._use_prompt(self._unasked.prompt))

    async def _use_prompt(self, prompt: str) -> Changes:
        await self.flush()
        return await self.workspace.project.write(tr("Use the rows’ prompt"), row_system_prompts.use_prompt, prompt)

    async def _search_text(self, text: str, taken: list[Span]) -> None:
        """Search a new text for statements without a fact, and for remarks."""
        if (state := (text, taken)) != self._looked:
            found = await spec_review_process.review(text, taken, Reporter())
            self._looked = state
            self.pane.show_missing(found.missing)
            self.remarks.show_remarks(found.remarks, text)
            count = self.remarks.count()
            self.side.setTabText(REMARKS_PAGE, tr("Remarks ({n})", n=count) if count else tr("Remarks"))

    def current_spec(self) -> Spec:
        """The spec as it is in the fields."""
        text, prompt = self.editor.toPlainText(), self.prompt.toPlainText()
        return Spec(self.name.text(), self._stored.language, prompt, text, self.description.text())

    def pending(self) -> bool:
        """Whether something typed is not saved yet."""
        return self.current_spec() != self._stored

    async def flush(self) -> None:
        """Save what was typed. Raises `ProjectError` when it cannot be saved; it stays in the fields."""
        self._typing.stop()
        async with self._saving:
            current = self.current_spec()
            if self._project is None or current == self._stored:
                return
            try:
                changes = await self._project.write(tr("Edit the spec"), facts.save, current)
            except JukuError:
                self.status.setText(tr("Not saved"))
                raise
            self._stored = current
        self._show_saved_state()
        self.workspace.tasks.changed.emit(changes)

    def _save(self) -> None:
        if self._project is not None and self.pending():
            self.workspace.tasks.start("", self.flush())
        else:
            self._show_saved_state()

    def _on_typed(self) -> None:
        self._typing.start()
        self.status.setText(tr("Saving…"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self._typing.isActive():
            self._typing.stop()
            self._save()
        return super().eventFilter(watched, event)

    def _show_saved_state(self) -> None:
        text = self.editor.toPlainText()
        self.status.setText(tr("Saving…") if self.pending() else tr("Saved"))
        if self.side.currentWidget() is self.outline:
            self.outline.show_text(text)
        if self.reading.isChecked():
            self.preview.show_text(text)
        count = trn("{n} fact", "{n} facts", self.table.facts.rowCount())
        self.counts.setText(f"{format_length(text, self._stored.language)} · {count}")

    def _on_reading(self, reading: bool) -> None:
        self.texts.setCurrentIndex(int(reading))
        self._show_saved_state()

    def _on_line(self, line: int) -> None:
        self.reading.setChecked(False)
        self.editor.go_to(self.editor.document().findBlockByNumber(line).position())
        self.editor.setFocus()

    def _on_place(self, start: int) -> None:
        """Show a remark's place in the text, given in characters."""
        self.reading.setChecked(False)
        self.editor.go_to(utf16_length(self._stored.text[:start]))
        self.editor.setFocus()

    def show_text(self) -> None:
        """Put the keyboard into the text."""
        self.reading.setChecked(False)
        self.editor.setFocus()

    def show_facts(self) -> None:
        """Show the facts, and put the keyboard where those that were found are added."""
        self.side.setCurrentWidget(self.pane)
        self.pane.add_found.setFocus()

    def _on_revisions(self) -> None:
        self.workspace.tasks.start("", self._open_revisions())

    async def _open_revisions(self) -> None:
        await self.flush()
        RevisionsDialog(self.workspace, self).open()

    def import_document(self, path: Path) -> None:
        """Read a document, show it, and import it when the person accepts it."""
        self.workspace.tasks.start(reading(path), self._read_document(path), kind=ActivityKind.IMPORT)

    async def _read_document(self, path: Path) -> None:
        await self.flush()
        document = await read_document(self.workspace, path)
        dialog = DocumentImportDialog(document, bool(self.editor.toPlainText().strip()), self)
        dialog.accepted_text.connect(self._on_document)
        dialog.open()

    def _on_document(self, mode: str, document: Document) -> None:
        before = self.editor.toPlainText()
        text = document.text if mode == REPLACE_TEXT else f"{before.rstrip()}\n\n{document.text}".lstrip()
        if not self.name.text().strip():
            self.name.setText(document.title)
        self.workspace.tasks.start("", self.take_text(text, before))

    def show_offers(self) -> None:
        self.chat.show_offers()

    def _on_proposed(self, text: str, before: str) -> None:
        self.workspace.tasks.start("", self.take_text(text, before))

    async def take_text(self, text: str, before: str) -> None:
        """Replace the text in one undo step; `before` is the text it was made from.

        Raises `JukuError` when the text was edited in the meantime, or when it cannot be saved.
        """
        await self.flush()
        if self.editor.toPlainText() != before:
            raise JukuError(
                tr("The text was edited in the meantime"),
                tr("Nothing was changed, so no edit is lost. Request the change again."),
            )
        self.editor.show_text(text)
        await self.flush()


def _load_coverage(
    db: sqlite3.Connection,
) -> tuple[str, list[FactCoverage], list[SpecPassage], list[Span], int, PromptUse | None]:
    """The text, the coverage of its facts, their passages, those of deleted facts too, and how many rows have another
    system prompt, and that of theirs that the project could take."""
    text, entries = spec.load(db).text, fact_coverage.load(db)
    places = facts.find_places(text, (entry.fact for entry in entries))
    states = {one.fact.id: one.state for one in entries}  # computed here, not in the window's thread
    passages = build_passages(text, ((id, place, states[id]) for id, place in places.items()))
    taken = [*places.values(), *facts.find_places(text, facts.load_deleted(db)).values()]
    return (
        text,
        entries,
        passages,
        taken,
        findings.count_by_rule(db).get("system-prompt-differs", 0),
        lineage.find_differing_prompt(db, []),
    )
