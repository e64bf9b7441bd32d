"""The facts beside the text: find, merge, split and ignore them, and generate the rows they lack."""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent, QTextCharFormat, QTextLayout
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QStyle,
    QStyleOption,
    QVBoxLayout,
    QWidget,
)

from core.dataset import examples
from core.exam.fact_coverage import FactCoverage
from core.formats import jsonl
from core.generation import run_recovery
from core.generation.llm_runs import LlmRun
from core.language import tr, trn
from core.spec import facts, revisions, spec
from core.spec.facts import Fact
from core.storage.project import Changes, Project
from core.text import statements
from ui import style
from ui.dataset.approval_dialog import ApprovalDialog
from ui.dataset.fact_link_dialog import FactLinkDialog
from ui.generation.generation_dialog import GenerationDialog
from ui.generation.llm_run_dialog import LlmRunDialog, show_run_outcome
from ui.generation.model_task_dialogs import JudgeDialog, ProbeDialog, RefineDialog
from ui.generation.remake_dialog import RemakeDialog
from ui.spec.fact_table import STATE_MEANINGS, STATE_UNDERLINES, FactTable, state_titles
from ui.spec.kind_legend import KindLegend
from ui.widgets import basics, context_menus
from ui.workspace import Workspace


class StateChip(basics.Chip):
    """A state of facts in the colour and with the underline that its passages have in the text."""

    def __init__(self, state: str) -> None:
        super().__init__(STATE_MEANINGS[state])
        self._format = QTextLayout.FormatRange()
        self._format.format.setUnderlineStyle(STATE_UNDERLINES.get(state, QTextCharFormat.UnderlineStyle.NoUnderline))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the text with its line, which a style sheet cannot."""
        option = QStyleOption()
        option.initFrom(self)
        painter = QPainter(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        colour = self.palette().color(self.foregroundRole())
        shown = self._format
        shown.start, shown.length = 0, len(self.text())
        shown.format.setForeground(colour)
        shown.format.setUnderlineColor(colour)
        layout = QTextLayout(self.text(), self.font())
        layout.setFormats([shown])
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        room = self.contentsRect()
        layout.draw(painter, QPointF(room.x(), room.y() + (room.height() - layout.boundingRect().height()) / 2))


class FactLegend(QWidget):
    """How many facts are in which state, in the colours of the text."""

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        self._labels: dict[str, QLabel] = {}
        for state in STATE_MEANINGS:
            self._labels[state] = StateChip(state)
            layout.addWidget(self._labels[state])
        layout.addStretch()

    def show_entries(self, entries: list[FactCoverage]) -> None:
        """Show how many facts are in each state."""
        counts = Counter(entry.state for entry in entries)
        for state, label in self._labels.items():
            label.setText(state_titles(state, counts[state]))
            label.setVisible(counts[state] > 0)


class FactPane(QWidget):
    """The fact table with its buttons, legend and note."""

    fact_chosen = Signal(object)  # the id of the chosen fact, or None
    found = Signal()  # statements without a fact were looked for
    rows_wanted = Signal(str)  # a search in the filter's words

    def __init__(self, workspace: Workspace, flush: Callable[[], Awaitable[None]]) -> None:
        """`flush` saves the typed text before facts are made from it."""
        super().__init__()
        self._workspace, self._flush = workspace, flush
        self._selected = ""
        self.missing = 0  # statements without a fact
        self._newest: set[int] | None = None
        self.table = FactTable()
        self.legend, self.kinds = FactLegend(), KindLegend()
        self.note, self.interrupted = basics.Note(), basics.Note()
        self._make_buttons()
        self._make_menu()
        self._lay_out()
        self._connect()
        self._show_buttons()

    def _make_buttons(self) -> None:
        self.add = QPushButton(style.icon("add"), tr("Add fact"))
        self.add_found = QPushButton(tr("Find facts"))
        self.make = basics.primary_button(tr("Generate missing rows…"))
        self.make.setToolTip(tr("Generate the rows that are missing, for the selected facts or for all"))
        self.rows = QPushButton(tr("Show its rows"))
        self.more = QPushButton(tr("More"))

    def _make_menu(self) -> None:
        menu = QMenu(self)
        self.edit = self._action(menu, tr("Edit the text"), self.table.edit_text)
        self.merge = self._action(menu, tr("Merge into one"), self._on_merge)
        self.split = self._action(menu, tr("Split…"), self._on_split)
        self.ignore = self._action(menu, tr("Ignore"), self._on_ignore)
        self.confirm = self._action(menu, tr("Mark as still right"), self._on_confirm)
        self.remake = self._action(menu, tr("Remake its rows…"), lambda: self._open(self._build_dialog(RemakeDialog)))
        self.delete = self._action(menu, tr("Delete"), self._on_delete)
        self.take_back = self._action(menu, "", lambda: self._change(tr("Restore facts"), facts.restore_deleted))
        self.write = self._action(menu, tr("Write a row by hand"), self._on_write)
        menu.addSeparator()
        self.probe = self._action(
            menu, tr("Ask the base model what it knows…"), lambda: self._open(self._build_dialog(ProbeDialog))
        )
        self.judge = self._action(
            menu, tr("Judge drafts with a model…"), lambda: self._open(self._build_dialog(JudgeDialog))
        )
        self.refine = self._action(menu, tr("Find facts with a model…"), lambda: self._open(RefineDialog))
        menu.addSeparator()
        self.link = self._action(menu, tr("Link rows to facts…"), self._on_link)
        self.more.setMenu(menu)
        context_menus.offer(self.table, self.rows, self.make, None, *menu.actions())

    def _action(self, menu: QMenu, text: str, slot: Callable[[], object]) -> QAction:
        action = menu.addAction(text)
        action.triggered.connect(lambda _checked=False: slot())
        return action

    def _lay_out(self) -> None:
        self.facts = QStackedWidget()
        self.facts.addWidget(
            basics.EmptyState(
                tr("No facts yet"),
                tr(
                    "A fact is one statement that the model is to know. Write or import the text, then add what was "
                    "found in it with the button above; or select a sentence and press “Add fact”. Rows and exam "
                    "questions refer to it by its name."
                ),
            )
        )
        self.facts.addWidget(self.table)
        self.facts.addWidget(QWidget())
        self.facts.setCurrentIndex(2)  # until it is known whether there are facts
        above = QHBoxLayout()
        above.addWidget(self.legend)
        above.addStretch()
        above.addWidget(self.add)
        above.addWidget(self.add_found)
        below = QHBoxLayout()
        for button in (self.make, self.rows, self.more):
            below.addWidget(button)
        below.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(basics.column(above, self.facts, self.kinds, self.note, self.interrupted, below))

    def _connect(self) -> None:
        self.add.clicked.connect(lambda _checked: self._on_add())
        self.add_found.clicked.connect(lambda _checked: self.add_missing())
        self.make.clicked.connect(lambda _checked: self._on_make())
        self.rows.clicked.connect(lambda _checked: self.show_rows())
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(self.show_rows)
        self.table.delete_wanted.connect(self._on_delete)
        self.table.facts.edited.connect(lambda id, text: self._change(tr("Edit a fact"), facts.edit, id, text))

    async def show_entries(self, project: Project, entries: list[FactCoverage], lost: set[int]) -> None:
        """Show the facts; `lost` are those whose passage is no longer in the text."""
        ids = {entry.fact.id for entry in entries}
        added = ids - self._newest if self._newest is not None else set()
        self._newest = ids
        self.table.show_entries(entries, lost)
        self.legend.show_entries(entries)
        if len(added) == 1 and len(ids) > 1:
            self.table.choose(added.pop())
        self.facts.setCurrentIndex(1 if entries else 0)
        self.kinds.setVisible(bool(entries))
        gone = await project.read(facts.load_deleted)
        self.take_back.setText(trn("Restore {n} deleted fact", "Restore {n} deleted facts", len(gone)))
        self.take_back.setVisible(bool(gone))
        self._show_interrupted_runs(await project.read(run_recovery.load_unfinished))
        self._show_note()
        self._show_buttons()

    def _show_interrupted_runs(self, left: list[LlmRun]) -> None:
        """Show that LLM runs were interrupted and are not in progress."""
        runner = self._workspace.llm_runs
        tasks = {one.task for one in left if runner.progress(one.task) is None}
        if "examples" in tasks:
            text = tr("A run with a chat model was interrupted: see “Generate missing rows…”.")
        else:
            text = tr("A run with a chat model was interrupted: see “More”.") if tasks else ""
        self.interrupted.show_text(text, "note")

    def _show_note(self) -> None:
        lost = self.table.facts.count_lost()
        self.note.show_text(
            trn("⚠ The passage of {n} fact is no longer in the text.",
                "⚠ The passages of {n} facts are no longer in the text.", lost) if lost else "", "warning",
        )  # fmt: skip

    def begin(self) -> None:
        """Another project was opened: forget selections and dismissed notes."""
        self._newest, self._selected = None, ""
        self.table.clearSelection()

    def show_missing(self, count: int) -> None:
        """Show how many statements of the text have no fact."""
        self.missing = count
        self._show_buttons()
        self.found.emit()

    def show_selection(self, passage: str) -> None:
        """Show the text selection, from which a fact can be made."""
        self._selected = passage
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.add.setEnabled(bool(self._selected))
        tooltip = (
            tr("Make a fact from the selected passage") if self._selected else tr("First select a passage in the text")
        )
        self.add.setToolTip(tooltip)
        count = self.missing
        self.add_found.setEnabled(count > 0)
        self.add_found.setText(trn("Add {n} found", "Add {n} found", count) if count else tr("Find facts"))
        self.add_found.setToolTip(
            tr("Make facts from the sentences, list items and table rows that have none yet") if count
            else tr("Every sentence of the text is a fact")
        )  # fmt: skip
        chosen = self.table.chosen_facts()
        for button in (self.rows, self.edit, self.ignore, self.delete):
            button.setEnabled(bool(chosen))
        names = {fact.name for fact in chosen}
        is_stale = any(one.stale for one in self.table.facts.entries() if not names or one.fact.name in names)
        self.remake.setEnabled(is_stale)
        self.confirm.setEnabled(bool(chosen) and is_stale)
        self.merge.setEnabled(len(chosen) > 1)
        for action in (self.split, self.write):
            action.setEnabled(len(chosen) == 1)
        self.make.setEnabled(self.table.facts.rowCount() > 0)
        ignored = bool(chosen) and all(fact.ignored for fact in chosen)
        self.ignore.setText(tr("Stop ignoring") if ignored else tr("Ignore"))

    def _on_chosen(self) -> None:
        fact = self.table.fact()
        self.fact_chosen.emit(fact.id if fact else None)
        self._show_buttons()

    def _on_add(self) -> None:
        self._change(tr("Add a fact"), facts.add, *facts.read_passage(self._selected))

    def add_missing(self) -> None:
        """Make facts from the statements of the text that have none."""
        self._workspace.tasks.start("", self._accept())

    async def _accept(self) -> Changes:
        await self._flush()
        return await self._workspace.project.write(tr("Find facts"), _accept_missing)

    def _on_merge(self) -> None:
        self._change(tr("Merge facts"), facts.merge, [fact.id for fact in self.table.chosen_facts()])

    def _on_split(self) -> None:
        if fact := self.table.fact():
            dialog = SplitDialog(fact, self)
            dialog.parts_wanted.connect(lambda parts: self._change(tr("Split a fact"), facts.split, fact.id, parts))
            dialog.open()

    def _on_ignore(self) -> None:
        chosen = self.table.chosen_facts()
        ignored = all(fact.ignored for fact in chosen)
        label = tr("Stop ignoring facts") if ignored else tr("Ignore facts")
        self._change(label, facts.ignore, [fact.id for fact in chosen], not ignored)

    def _on_confirm(self) -> None:
        self._change(
            tr("Mark rows as still right"), facts.confirm_rows, [fact.name for fact in self.table.chosen_facts()]
        )

    def _on_delete(self) -> None:
        if chosen := self.table.chosen_facts():
            self._change(tr("Delete a fact"), facts.delete, [fact.id for fact in chosen])

    def show_rows(self) -> None:
        """Filter the examples to the rows of the selected facts."""
        if fact := self.table.fact():
            self.rows_wanted.emit(f"fact:{fact.name}")

    def _on_write(self) -> None:
        if fact := self.table.fact():
            self._change(tr("Add a row"), _add_row, fact)
            self.show_rows()

    def _on_make(self) -> None:
        self._open(self._build_dialog(GenerationDialog))

    def _build_dialog(self, kind: Callable[..., LlmRunDialog]) -> Callable[[Workspace, QWidget], LlmRunDialog]:
        """A dialog about the selected facts, or all when none is selected."""
        names = {fact.name for fact in self.table.chosen_facts()} or None
        return lambda workspace, parent: kind(workspace, names=names, parent=parent)

    def _on_link(self) -> None:
        FactLinkDialog(self._workspace, self).open()

    def _open(self, make: Callable[[Workspace, QWidget], LlmRunDialog]) -> None:
        self._workspace.tasks.start("", self._save_and_open(make))

    async def _save_and_open(self, make: Callable[[Workspace, QWidget], LlmRunDialog]) -> None:
        await self._flush()
        dialog = make(self._workspace, self)
        approve = self._open_approval if isinstance(dialog, GenerationDialog) else None
        show_run_outcome(dialog, self.window(), approve)
        if isinstance(dialog, GenerationDialog | RemakeDialog):
            dialog.drafts_wanted.connect(lambda: self.rows_wanted.emit("status:draft"))
        if isinstance(dialog, GenerationDialog):
            dialog.approval_wanted.connect(self._open_approval)
        dialog.open()

    def _open_approval(self) -> None:
        ApprovalDialog(self._workspace, self).open()

    def _change(self, label: str, change: Callable[..., object], *args: object) -> None:
        self._workspace.tasks.start("", self._write(label, change, *args))

    async def _write(self, label: str, change: Callable[..., object], *args: object) -> Changes:
        await self._flush()
        return await self._workspace.project.write(label, change, *args)


def _add_row(db: sqlite3.Connection, fact: Fact) -> None:
    """Add an empty draft about a fact."""
    text = jsonl.new_row(spec.load(db).system_prompt, "", "")
    examples.add(db, [examples.read_row(text, status="draft", facts=fact.name, quote=fact.quote)])


def _accept_missing(db: sqlite3.Connection) -> None:
    """Add facts for the statements without one, and save a revision of the spec they were found in."""
    facts.accept_missing(db)
    revisions.save_current(db, tr("Facts found"))


class SplitDialog(QDialog):
    """Splits one fact into several, one per line."""

    parts_wanted = Signal(list)  # the texts of the new facts

    def __init__(self, fact: Fact, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Split {name}", name=fact.name))
        self.resize(style.scaled(560), style.scaled(260))
        self.edit = QPlainTextEdit(tabChangesFocus=True)
        self.edit.setAccessibleName(tr("Resulting facts"))
        parts = [one.text for one in statements.split_statements(fact.quote)]
        self.edit.setPlainText("\n".join(parts if len(parts) > 1 else [fact.text]))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.split = self.buttons.addButton(tr("Split up"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)
        self.edit.textChanged.connect(self._show_count)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        layout.addWidget(basics.label(tr("One fact per line. The rows stay with the first one."), wrap=True, dim=True))
        layout.addWidget(self.edit)
        layout.addWidget(self.buttons)
        self._show_count()

    def parts(self) -> list[str]:
        """The lines that were entered, without empty and repeated ones."""
        lines = (" ".join(line.split()) for line in self.edit.toPlainText().split("\n"))
        return list(dict.fromkeys(line for line in lines if line))

    def _show_count(self) -> None:
        count = len(self.parts())
        basics.set_enabled(self.split, "" if count > 1 else tr("Enter at least two facts, one per line."))
        self.split.setText(trn("Split into {n}", "Split into {n}", count) if count > 1 else tr("Split up"))

    def _on_accepted(self) -> None:
        self.parts_wanted.emit(self.parts())
        self.accept()
