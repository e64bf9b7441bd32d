"""Reviews the suggested links from rows to facts: accept one, choose another fact, or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QCompleter,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.generation import fact_links, fact_links_from_model
from core.language import tr, trn
from core.progress import Reporter
from core.spec import facts
from core.spec.facts import Fact
from ui import style
from ui.dataset.fact_link_model import (
    CONFIDENCE_COLUMN,
    DECISION_COLUMN,
    FACT_COLUMN,
    ROW_COLUMN,
    FactLinkModel,
    decision_texts,
)
from ui.generation.model_task_dialogs import ModelTaskDialog, Subjects
from ui.widgets import basics, context_menus, tables
from ui.widgets.basics import EmptyState
from ui.widgets.confirm import confirm
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.workspace import Workspace

Index = QModelIndex | QPersistentModelIndex
DEFAULT_PERCENT = 80  # from which a proposal is good enough for most people


class FactDelegate(QStyledItemDelegate):
    """Edits the fact of a row by a drop-down that can be searched by name or text."""

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        model = index.model()
        assert isinstance(model, FactLinkModel)
        box = QComboBox(parent, editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.addItem(tr("no fact"), "")
        for name, text in model.facts().items():
            box.addItem(f"{name}: {text}", name)
        completer = box.completer()
        assert completer  # an editable box has one
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        box.activated.connect(lambda _place: self._finish(box))
        line = box.lineEdit()
        assert line
        line.returnPressed.connect(lambda: self._on_return(box))
        return box

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QComboBox)
        editor.setCurrentIndex(max(0, editor.findData(index.data(Qt.ItemDataRole.EditRole))))
        if line := editor.lineEdit():
            line.selectAll()

    def setModelData(self, editor: QWidget, model: object, index: Index) -> None:
        assert isinstance(editor, QComboBox)
        assert isinstance(model, FactLinkModel)
        place = _find_typed(editor)
        if place >= 0 and editor.itemData(place) != index.data(Qt.ItemDataRole.EditRole):
            model.setData(index, editor.itemData(place))

    def _on_return(self, box: QComboBox) -> None:
        """A part of a fact is enough; a whole entry is announced by the box itself."""
        if box.findText(box.currentText()) < 0 <= _find_typed(box):
            self._finish(box)

    def _finish(self, box: QComboBox) -> None:
        self.commitData.emit(box)
        self.closeEditor.emit(box)


def _find_typed(box: QComboBox) -> int:
    """The entry that was typed: whole, by the name of its fact, or by a part that no other entry has; -1 for none."""
    text = box.currentText().strip()
    if (place := max(box.findText(text), box.findData(text))) >= 0 or not text:
        return place
    found = [place for place in range(box.count()) if text.casefold() in box.itemText(place).casefold()]
    return found[0] if len(found) == 1 else -1


class FactLinkTable(QTableView):
    """The rows with their suggested facts.

    Space accepts, N sets no fact, F2 chooses another fact, Backspace takes a decision back.
    """

    def __init__(self) -> None:
        super().__init__(showGrid=False)
        self.links = FactLinkModel(self)
        self.setModel(self.links)
        self.setItemDelegateForColumn(FACT_COLUMN, FactDelegate(self))
        tables.set_up(self, tr("Rows and their facts"), several=True, lines=2)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        header = self.horizontalHeader()
        for column in (ROW_COLUMN, FACT_COLUMN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(CONFIDENCE_COLUMN, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(
            DECISION_COLUMN, QHeaderView.ResizeMode.Fixed
        )  # no decision moves the other columns
        widest = max(map(self.fontMetrics().horizontalAdvance, decision_texts()))
        header.resizeSection(DECISION_COLUMN, max(header.sectionSizeHint(DECISION_COLUMN), widest + 2 * style.SPACE))
        for key, slot in (
            (Qt.Key.Key_Space, self.accept),
            (Qt.Key.Key_N, self.refuse),
            (Qt.Key.Key_Backspace, self.reopen),
            (Qt.Key.Key_F2, self.choose_other_fact),
        ):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)

    def selectionCommand(self, index: Index, event: QEvent | None = None) -> QItemSelectionModel.SelectionFlag:
        """Ignore Ctrl with the arrow keys.

        It would move the cursor without the selection, and a decision would be on another row than is shown.
        """
        command = super().selectionCommand(index, event)
        if isinstance(event, QKeyEvent) and command == QItemSelectionModel.SelectionFlag.NoUpdate:
            return QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        return command

    def places(self) -> list[int]:
        """The numbers of the selected lines, in order."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def accept(self) -> None:
        self.links.accept(self.places())
        self._go_to_next()

    def refuse(self) -> None:
        """Decide that the selected rows belong to no fact."""
        self.links.decide(self.places(), "")
        self._go_to_next()

    def reopen(self) -> None:
        """Take back the decisions on the selected rows."""
        self.links.reopen(self.places())

    def choose_other_fact(self) -> None:
        """Choose another fact for the current row."""
        if self.currentIndex().isValid():
            self.edit(self.links.index(self.currentIndex().row(), FACT_COLUMN))

    def _go_to_next(self) -> None:
        """After a decision on one row, go to the next."""
        if len(places := self.places()) == 1 and places[0] + 1 < self.links.rowCount():
            basics.select_row(self, places[0] + 1)


class FactLinkDialog(QDialog):
    """Reviews the links between rows and facts that the program suggests. Not modal.

    The decisions are written in one step; rows linked here are not suggested again.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Link rows to facts"))
        self.resize(style.scaled(980), style.scaled(620))
        self._workspace = workspace
        self._work = LatestTask(workspace, self)
        self.table, self.nothing = FactLinkTable(), EmptyState(tr("Looking for the facts of the rows…"), "")
        self.count, self.note = basics.heading(""), basics.Note()
        self._make_buttons()
        self._lay_out()
        self.table.links.decided.connect(self._show_state)
        self.percent.valueChanged.connect(lambda _value: self._show_state())
        self.finished.connect(lambda _result: self._work.stop())
        self._show_state()
        self.read()

    def _make_buttons(self) -> None:
        self.accept_one = QPushButton(tr("&Accept"), autoDefault=False)
        self.other = QPushButton(tr("&Other fact…"), autoDefault=False)
        self.none = QPushButton(tr("&No fact"), autoDefault=False)
        self.accept_all, self.percent = QPushButton(autoDefault=False), basics.integer_field(1, 100, DEFAULT_PERCENT)
        self.percent.setSuffix(" %")
        self.percent.setAccessibleName(tr("Confidence"))
        self.ask = QPushButton(tr("Ask a chat &model…"), autoDefault=False)
        self.ask.setToolTip(tr("Let a chat model choose the facts of the rows that are not linked yet"))
        self.save, self.closing = basics.primary_button(""), QPushButton(tr("Close"), autoDefault=False)
        self.save.setAutoDefault(False)
        for button, slot in (
            (self.accept_one, self.table.accept), (self.other, self.table.choose_other_fact), (self.none, self.table.refuse),
            (self.accept_all, lambda: self.table.links.accept_from(self.percent.value() / 100)), (self.ask, self._on_ask),
            (self.save, self._on_save), (self.closing, self.close),
        ):  # fmt: skip
            button.clicked.connect(lambda _checked, slot=slot: slot())
        QShortcut(QKeySequence("Ctrl+Return"), self, self._on_save)
        context_menus.offer(self.table, self.accept_one, self.other, self.none)

    def _lay_out(self) -> None:
        words = basics.label(
            tr(
                "Linked rows count in the fact table and in the exam by fact, and are marked when the passage of their fact "
                "changes. Keys: Space accepts, N says no fact, F2 chooses another fact, Backspace clears the decision."
            ),
            wrap=True,
            dim=True,
        )
        acts, below = QHBoxLayout(), QHBoxLayout()
        for part in (self.accept_one, self.other, self.none):
            acts.addWidget(part)
        acts.addStretch()
        for button in (self.accept_all, self.percent):
            acts.addWidget(button)
        below.addWidget(self.ask)
        below.addWidget(ProgressLine(self._work), 1)
        for part in (self.save, self.closing):
            below.addWidget(part)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.count)
        layout.addWidget(words)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.note)
        layout.addLayout(acts)
        layout.addLayout(below)

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be."""
        self.show()

    def reject(self) -> None:
        """Close; ask first when decisions would be lost."""
        if not (decided := len(self.table.links.decisions())):
            super().reject()
            return
        question = trn("Close without saving {n} decision?", "Close without saving {n} decisions?", decided)
        confirm(self, self.windowTitle(), question, "", tr("Close"), super().reject)

    def read(self) -> None:
        """Suggest facts for all rows that no person has linked."""
        self._work.start(self._read)

    async def _read(self, reporter: Reporter) -> None:
        project = self._workspace.project
        known = await project.read(facts.load, reporter=reporter)
        links = await fact_links.find_links(project, reporter, most=fact_links.MAX_IMPORTED_ROWS) if known else []
        rows = await project.read(fact_links.load_open_links, links, reporter=reporter)
        rows.sort(key=lambda one: bool(one.facts))  # those to decide first, the others as they were
        self.table.links.show_rows(rows, {fact.name: fact.text for fact in known if not fact.ignored})
        self._show_nothing(known)
        if rows:
            basics.select_row(self.table, 0)
            self.table.setFocus()

    def _show_nothing(self, known: list[Fact]) -> None:
        self.pages.setCurrentIndex(1 if self.table.links.rowCount() else 0)
        if known:
            self.nothing.set_texts(tr("No rows left to link"), tr("Every row has a fact or was marked as having none."))
        else:
            self.nothing.set_texts(tr("No facts yet"), tr("Find facts in the spec first: rows are linked to facts."))

    def _show_state(self) -> None:
        links, decided = self.table.links, len(self.table.links.decisions())
        some = links.rowCount() > 0
        self.count.setText(trn("{n} row to review", "{n} rows to review", links.rowCount()) if some else "")
        for button in (self.accept_one, self.other, self.none):
            button.setEnabled(some)
        above = links.count_from(self.percent.value() / 100)
        self.accept_all.setText(trn("Accept {n} from", "Accept all {n} from", above))
        self.accept_all.setEnabled(above > 0)
        self.ask.setEnabled(bool(self._open_rows()))
        self.save.setText(trn("Save {n} decision", "Save {n} decisions", decided) if decided else tr("Save"))
        self.save.setEnabled(decided > 0 and not self._workspace.project.read_only)

    def _open_rows(self) -> list[int]:
        """The rows without a link and without a decision."""
        links = self.table.links
        decided = {row for row, _names in links.decisions()}
        every = (links.row(place) for place in range(links.rowCount()))
        return [one.row for one in every if not (one.facts or one.by_model or one.row in decided)]

    def _on_save(self) -> None:
        if self.save.isEnabled():
            self._work.start(self._save, tr("Link rows to facts"))

    async def _save(self, reporter: Reporter) -> None:
        decisions = self.table.links.decisions()
        changes = await self._workspace.project.write(tr("Link rows to facts"), fact_links.decide, decisions)
        self._workspace.tasks.changed.emit(changes)  # now: the dialog may be closed while the rows are read anew
        count = trn("{n} decision saved.", "{n} decisions saved.", len(decisions))
        self.note.show_text(f"{count} {tr('You can undo this.')}", "good")
        await self._read(reporter)

    def _on_ask(self) -> None:
        dialog = FactLinkModelDialog(self._workspace, self._open_rows(), self)
        dialog.finished_with.connect(lambda _text: self.read())
        dialog.open()


class FactLinkModelDialog(ModelTaskDialog):
    """Asks a chat model for the facts of rows."""

    def __init__(self, workspace: Workspace, ids: list[int], parent: QWidget | None = None) -> None:
        self._ids = ids
        words = tr(
            "The model reads each row and chooses its fact from a list, or none. What it chooses is linked in one step "
            "that can be undone, and can be reviewed in the list."
        )
        super().__init__(workspace, "links", tr("Let a model link rows"), words, parent)

    def subjects(self) -> Callable[[sqlite3.Connection], Subjects]:
        ids = self._ids
        return lambda db: fact_links_from_model.build_subjects(db, ids)

    def empty_texts(self) -> tuple[str, str]:
        return tr("Nothing to ask"), tr("Every row is linked or has been reviewed.")

    def format_subjects(self, subjects: Subjects) -> str:
        return trn("{n} row without a fact", "{n} rows without a fact", len(subjects))

    def button_text(self, count: int) -> str:
        return trn("Ask about {n} row", "Ask about {n} rows", count) if count else tr("Ask")
