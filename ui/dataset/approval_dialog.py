"""Approves or deletes drafts by kind and form, after a look at samples of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.dataset import bulk_edits, draft_groups
from core.dataset.draft_groups import DraftGroup
from core.dataset.examples import Example
from core.language import tr, trn
from core.progress import Reporter
from core.spec import facts
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.dataset.problems_by_rule_tree import TallRowDelegate
from ui.widgets import basics, context_menus
from ui.widgets.basics import EmptyState
from ui.widgets.form_texts import form_text
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.value_texts import value_text
from ui.workspace import Workspace

RELOAD_DELAY_MS = 150  # milliseconds without another change before the drafts are read again
TEXT_COLUMN, ANSWER_COLUMN, COUNT_COLUMN = range(3)
ROLE = Qt.ItemDataRole.UserRole
MAX_CHARACTERS = 500  # of a text in one line
DETAIL_LINES = 6


class ApprovalDialog(QDialog):
    """Shows the drafts by kind and form with samples; those that are ticked are approved or deleted in one undo step.

    Not modal.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Approve drafts by kind"))
        self.resize(style.scaled(860), style.scaled(640))
        self._workspace = workspace
        self._reading, self._writing = LatestTask(workspace, self), LatestTask(workspace, self)
        self._settling = QTimer(self, singleShot=True, interval=RELOAD_DELAY_MS)
        self._groups: list[DraftGroup] = []
        self._texts: dict[str, str] = {}  # of the facts, by name
        self._items: dict[tuple[bool, str, str], QTreeWidgetItem] = {}  # of the groups
        self._seed = 1  # of the samples
        self._make_tree()
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show_buttons()
        self._read()

    def _make_tree(self) -> None:
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(tr("Drafts by kind and form"))
        self.tree.setHeaderLabels([tr("Kind, form, and samples"), tr("Answer"), tr("Rows")])
        self.tree.setUniformRowHeights(True)
        self.tree.setItemDelegate(TallRowDelegate(self.tree))
        self.tree.headerItem().setTextAlignment(COUNT_COLUMN, _RIGHT)
        self.tree.setAllColumnsShowFocus(True)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(TEXT_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(ANSWER_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(COUNT_COLUMN, QHeaderView.ResizeMode.ResizeToContents)
        self.nothing = EmptyState(tr("Looking for drafts…"), "")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(self.tree)

    def _make_fields(self) -> None:
        self.all = QCheckBox(tr("All &drafts"))
        self.all.setTristate(True)
        self.without_doubted = QCheckBox(tr("Rows with &problems stay drafts"))
        self.without_doubted.setChecked(True)
        self.others = QPushButton(tr("&Other samples"), autoDefault=False)
        self.detail = QPlainTextEdit(readOnly=True)
        self.detail.setTabChangesFocus(True)
        self.detail.setAccessibleName(tr("The sample in full"))
        self.detail.setPlaceholderText(tr("Choose a sample to read it in full."))
        self.detail.setFixedHeight(DETAIL_LINES * self.detail.fontMetrics().lineSpacing() + 2 * style.SPACE)
        self.note = basics.Note()
        self.approve, self.delete = basics.primary_button(""), QPushButton()
        self.closing = QPushButton(tr("Close"))
        context_menus.offer(self.tree, self.approve, self.delete, self.others)
        for button in (self.approve, self.delete, self.closing):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        words = tr(
            "Read the samples, and tick what is good as a whole. Only approved rows are trained on. "
            "Approving and deleting can be undone."
        )
        above = QHBoxLayout()
        above.addWidget(self.all)
        above.addSpacing(2 * style.SPACE)
        above.addWidget(self.without_doubted)
        above.addStretch()
        above.addWidget(self.others)
        below = QHBoxLayout()
        below.addWidget(ProgressLine(self._writing), 1)
        for button in (self.delete, self.approve, self.closing):
            below.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.label(words, wrap=True, dim=True))
        layout.addLayout(above)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.detail)
        layout.addWidget(self.note)
        layout.addLayout(below)

    def _connect(self) -> None:
        self.tree.itemChanged.connect(lambda _item, _column: self._show_buttons())
        self.tree.currentItemChanged.connect(lambda item, _before: self._show_detail(item))
        self.all.clicked.connect(lambda _checked: self._on_all())
        self.without_doubted.toggled.connect(lambda _on: self._show_buttons())
        self.others.clicked.connect(lambda _checked: self._on_others())
        self.approve.clicked.connect(lambda _checked: self._on_approve())
        self.delete.clicked.connect(lambda _checked: self._on_delete())
        self.closing.clicked.connect(lambda _checked: self.close())
        self._writing.busy.connect(lambda _on: self._show_buttons())
        self._settling.timeout.connect(self._read)
        self._workspace.tasks.changed.connect(self._on_changes)
        for work in (self._reading, self._writing):
            self.finished.connect(lambda _result, work=work: work.stop())

    def open(self) -> None:
        """Not modal, unlike `QDialog.open`: the rows stay usable."""
        self.show()

    def chosen_ids(self, without_doubted: bool) -> list[int]:
        """The ids of the rows whose groups are ticked."""
        ticked = [group for group in self._groups if _is_ticked(self._items[group.key])]
        return [id for group in ticked for id in group.choose(without_doubted)]

    def _on_changes(self, changes: Changes) -> None:
        if self.isVisible() and changes.tables & {Table.EXAMPLE, Table.FINDING, Table.FACT}:
            self._settling.start()

    def _read(self) -> None:
        self._reading.start(self._load)

    async def _load(self, reporter: Reporter) -> None:
        seed = self._seed

        def load(db: sqlite3.Connection) -> tuple[list[DraftGroup], list[list[Example]], dict[str, str]]:
            groups = draft_groups.load_groups(db)
            texts = {fact.name: fact.text for fact in facts.load(db)}
            return groups, draft_groups.load_samples(db, groups, seed), texts

        groups, samples, self._texts = await self._workspace.project.read(load, reporter=reporter)
        self.nothing.set_texts(tr("No drafts"), tr("Generated rows are drafts until you approve them."))
        self.pages.setCurrentIndex(1 if groups else 0)
        self.detail.setVisible(bool(groups))
        self._show_groups(groups, samples)

    def _show_groups(self, groups: list[DraftGroup], samples: Sequence[Sequence[Example]]) -> None:
        ticked = {key for key, item in self._items.items() if _is_ticked(item)}
        self._groups, self._items = groups, {}
        place = self.tree.verticalScrollBar().value()
        self.tree.blockSignals(True)
        self.tree.clear()
        for kind, its_groups in _group_by_kind(groups).items():
            alone = len(its_groups) == 1 and not its_groups[0].form
            top = _build_item(self.tree, _format_kind(*kind), its_groups, follows=not alone)
            for group in its_groups:
                item = top if alone else _build_item(top, form_text(group.form) or tr("(no tag)"), [group])
                if item is not top:
                    item.setToolTip(
                        TEXT_COLUMN, basics.plain_tooltip(tr("The tag of these rows: {tag}", tag=group.form or "–"))
                    )
                self._items[group.key] = item
                item.setCheckState(TEXT_COLUMN, _CHECKED if group.key in ticked else Qt.CheckState.Unchecked)
                for row in samples[groups.index(group)]:
                    _add_sample(item, row)
        self.tree.expandAll()
        self.tree.blockSignals(False)
        self.tree.verticalScrollBar().setValue(place)
        self._show_detail(None)
        self._show_buttons()

    def _show_detail(self, item: QTreeWidgetItem | None) -> None:
        row = item.data(TEXT_COLUMN, ROLE) if item else None
        if not isinstance(row, Example):
            self.detail.clear()
            return
        told = [self._texts[name] for name in row.facts.split() if name in self._texts]
        lines = [(tr("Question"), row.question), (tr("Answer"), row.answer), *((tr("Fact"), text) for text in told)]
        self.detail.setPlainText("\n".join(tr("{name}: {text}", name=name, text=text) for name, text in lines))

    def _show_buttons(self) -> None:
        approved, deleted = (len(self.chosen_ids(doubted)) for doubted in (self.without_doubted.isChecked(), False))
        self.approve.setText(trn("Approve {n} row", "Approve {n} rows", approved) if approved else tr("Approve"))
        self.delete.setText(trn("Delete {n} row", "Delete {n} rows", deleted) if deleted else tr("Delete"))
        busy = tr("This is already running.") if self._writing.is_busy() else ""
        none = tr("Tick a kind or a form first.")
        basics.set_enabled(self.approve, busy or ("" if approved else none))
        basics.set_enabled(self.delete, busy or ("" if deleted else none))
        ticked = sum(_is_ticked(item) for item in self._items.values())
        states = Qt.CheckState
        whole = states.Checked if ticked == len(self._items) and ticked else states.PartiallyChecked
        self.all.setCheckState(whole if ticked else states.Unchecked)
        for widget in (self.all, self.without_doubted, self.others):
            widget.setEnabled(bool(self._items))

    def _on_all(self) -> None:
        """Tick all, or none where all are ticked."""
        state = _CHECKED if not all(map(_is_ticked, self._items.values())) else Qt.CheckState.Unchecked
        for item in self._items.values():
            item.setCheckState(TEXT_COLUMN, state)
        self._show_buttons()

    def _on_others(self) -> None:
        self._seed += 1
        self._read()

    def _on_approve(self) -> None:
        ids = self.chosen_ids(self.without_doubted.isChecked())
        left = len(self.chosen_ids(False)) - len(ids)
        said = trn("{n} row was approved.", "{n} rows were approved.", len(ids))
        if left:
            stayed = trn("{n} row with a problem stays a draft.", "{n} rows with problems stay drafts.", left)
            said = f"{said} {stayed}"
        change = bulk_edits.approve if self.without_doubted.isChecked() else _approve_all
        self._write(trn("Approve {n} row", "Approve {n} rows", len(ids)), change, ids, said)

    def _on_delete(self) -> None:
        ids = self.chosen_ids(False)
        said = trn("{n} row was deleted.", "{n} rows were deleted.", len(ids))
        self._write(trn("Delete {n} row", "Delete {n} rows", len(ids)), bulk_edits.delete, ids, said)

    def _write(self, label: str, change: Callable[..., Any], ids: list[int], said: str) -> None:
        self.note.show_text("")
        project, tasks = self._workspace.project, self._workspace.tasks

        async def write(reporter: Reporter) -> None:
            changes = await project.write(label, change, ids, reporter, reporter=reporter)
            tasks.changed.emit(changes)
            self.note.show_text(said, "good")

        self._writing.start(write, label)


_CHECKED = Qt.CheckState.Checked
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _approve_all(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> None:
    """Approve also what a judge has refused: the person has chosen so."""
    bulk_edits.set_field(db, ids, "status", "approved", reporter)


def _is_ticked(item: QTreeWidgetItem) -> bool:
    return item.checkState(TEXT_COLUMN) == _CHECKED


def _group_by_kind(groups: Sequence[DraftGroup]) -> dict[tuple[bool, str], list[DraftGroup]]:
    found: dict[tuple[bool, str], list[DraftGroup]] = {}
    for group in groups:
        found.setdefault((group.for_exam, group.kind), []).append(group)
    return found


def _format_kind(for_exam: bool, kind: str) -> str:
    title = value_text(kind) or tr("(none)")
    return tr("for the exam: {kind}", kind=title) if for_exam else title


def _build_item(
    parent: QTreeWidget | QTreeWidgetItem, title: str, groups: Sequence[DraftGroup], follows: bool = False
) -> QTreeWidgetItem:
    """A line with a tick for these groups, which `follows` those of the lines below it."""
    item = QTreeWidgetItem(parent, [title, "", f"{sum(len(group.ids) for group in groups):,}"])
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    if follows:
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsAutoTristate)
    item.setCheckState(TEXT_COLUMN, Qt.CheckState.Unchecked)
    item.setTextAlignment(COUNT_COLUMN, _RIGHT)
    font = item.font(TEXT_COLUMN)
    font.setBold(True)
    item.setFont(TEXT_COLUMN, font)
    if doubted := sum(len(group.doubted) for group in groups):
        item.setText(ANSWER_COLUMN, trn("{n} with a problem", "{n} with problems", doubted))
        item.setForeground(ANSWER_COLUMN, style.colours("warning")[0])
    return item


def _add_sample(parent: QTreeWidgetItem, row: Example) -> None:
    """A line with a row's question and answer. The texts of items are plain; those of tooltips are made so."""
    texts = [" ".join(text[:MAX_CHARACTERS].split()) for text in (row.question, row.answer)]
    item = QTreeWidgetItem(parent, texts)
    item.setData(TEXT_COLUMN, ROLE, row)
    for column, text in ((TEXT_COLUMN, row.question), (ANSWER_COLUMN, row.answer)):
        item.setToolTip(column, basics.plain_tooltip(text[: 4 * MAX_CHARACTERS]))
