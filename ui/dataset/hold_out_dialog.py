"""Holds out rows for the exam: how many, which of each fact, and whether similar rows are trained on."""

from __future__ import annotations

import random
from collections import Counter

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QRadioButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.exam import hold_out
from core.exam.hold_out import HeldOutChoice, HoldOutMaterial
from core.language import tr, trn
from core.progress import Reporter
from core.spec import facts
from ui import style
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.workspace import Workspace

MAX_SEED = 999_999
MAX_HELD_OUT = 1_000_000


class HoldOutDialog(QDialog):
    """Chooses rows to keep for the exam. Not modal. The choice is shown first; writing it is one undo step."""

    questions_wanted = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keep some rows for the exam"))
        self.resize(style.scaled(640), style.scaled(560))
        self._workspace = workspace
        self._work = LatestTask(workspace, self)
        self._found = HoldOutMaterial([])
        self._texts: dict[str, str] = {}  # of the facts, by name
        self.choice = HeldOutChoice([], Counter(), 0)
        self._make_fields()
        self._make_table()
        self._lay_out()
        self._connect()
        self._show()
        self._work.start(self._read)

    def _make_fields(self) -> None:
        self.by_share, self.by_number = QRadioButton(tr("A &share of the rows")), QRadioButton(tr("A &number of rows"))
        self.share, self.number = (
            basics.integer_field(1, 50, round(100 * hold_out.DEFAULT_SHARE)),
            basics.integer_field(1, MAX_HELD_OUT, 20),
        )
        self.share.setSuffix(" %")
        self._ways = QButtonGroup(self)
        for button, field in ((self.by_share, self.share), (self.by_number, self.number)):
            self._ways.addButton(button)
            field.setAccessibleName(button.text().replace("&", ""))
        self.by_share.setChecked(True)
        self.seed = basics.integer_field(0, MAX_SEED, 1)
        self.seed.setToolTip(tr("The same seed chooses the same rows"))
        self.again = QPushButton(tr("Choose &others"), autoDefault=False)

    def _make_table(self) -> None:
        self.count, self.fewer, self.note = basics.heading(""), basics.Note(), basics.Note()
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([tr("Fact"), tr("Text"), tr("In the exam"), tr("Added")])
        for column in (0, 1):  # as their cells
            if heading := self.table.horizontalHeaderItem(column):
                heading.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        tables.set_up(self.table, tr("Questions by fact"))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.nothing = EmptyState(tr("Looking through the rows…"), "")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(self.table)

    def _lay_out(self) -> None:
        words = tr(
            "Rows that are kept are asked in the exam and never trained on. Of each fact one wording is chosen, so that "
            "the exam asks in other words than the training; rows that ask nearly the same stay on one side."
        )
        grid = QGridLayout()
        grid.addWidget(self.by_share, 0, 0)
        grid.addWidget(self.share, 0, 1)
        grid.addWidget(self.by_number, 1, 0)
        grid.addWidget(self.number, 1, 1)
        name = basics.label(tr("See&d"))
        name.setBuddy(self.seed)
        grid.addWidget(name, 0, 3)
        grid.addWidget(self.seed, 0, 4)
        grid.addWidget(self.again, 1, 4)
        grid.setColumnMinimumWidth(2, 2 * style.SPACE)
        grid.setColumnStretch(5, 1)
        self.keep, self.closing = basics.primary_button(""), QPushButton(tr("Close"), autoDefault=False)
        self.keep.setAutoDefault(False)
        self.show_questions = QPushButton(tr("Show the &questions"), autoDefault=False)
        self.show_questions.hide()
        below = QHBoxLayout()
        below.addWidget(ProgressLine(self._work), 1)
        for button in (self.show_questions, self.keep, self.closing):
            below.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.label(words, wrap=True, dim=True))
        layout.addLayout(grid)
        layout.addWidget(self.count)
        layout.addWidget(self.fewer)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.note)
        layout.addLayout(below)

    def _connect(self) -> None:
        for field in (self.share, self.number, self.seed):
            field.valueChanged.connect(lambda _value: self._show())
        self.by_share.toggled.connect(lambda _on: self._show())
        self.again.clicked.connect(lambda _checked: self.seed.setValue(_next_seed(self.seed.value())))
        self.keep.clicked.connect(lambda _checked: self._on_keep())
        self.show_questions.clicked.connect(self.questions_wanted)
        self.show_questions.clicked.connect(lambda _checked: self.close())
        self.closing.clicked.connect(lambda _checked: self.close())
        self.finished.connect(lambda _result: self._work.stop())
        self.finished.connect(self.deleteLater)

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be."""
        self.show()

    async def _read(self, reporter: Reporter) -> None:
        project = self._workspace.project
        self._texts = {fact.name: fact.text for fact in await project.read(facts.load, reporter=reporter)}
        self._found = await hold_out.load_material(project, reporter)
        self.nothing.set_texts(
            tr("No rows to choose from"),
            tr(
                "Approved training rows with a question and an answer can be kept, unless a row that is kept already asks the same."
            ),
        )
        without = sum(len(one.ids) for one in self._found.wordings if not one.facts)
        if self._texts and 2 * without > self._found.rows:
            self.note.show_text(
                tr("Most rows name no fact. Link rows to facts first, so that each fact is asked in other words.")
            )
        self._show()

    def _show(self) -> None:
        """Show the rows that would be chosen."""
        self.share.setEnabled(self.by_share.isChecked())
        self.number.setEnabled(self.by_number.isChecked())
        rows = self.number.value() if self.by_number.isChecked() else round(self._found.rows * self.share.value() / 100)
        self.choice = hold_out.choose_rows(self._found, rows, self.seed.value())
        chosen = len(self.choice.ids)
        self.count.setText(
            trn("{chosen} of {n} row is kept", "{chosen} of {n} rows are kept", self._found.rows, chosen=f"{chosen:,}")
            if self._found.rows else ""
        )  # fmt: skip
        self.keep.setText(trn("Keep {n} row", "Keep {n} rows", chosen) if chosen else tr("Keep"))
        self.keep.setEnabled(chosen > 0 and not self._workspace.project.read_only)
        self.fewer.show_text(hold_out.format_shortfall(self._found, rows, self.choice, self.seed.value()))
        self._show_facts()

    def _show_facts(self) -> None:
        added, examined = self.choice.by_fact, self._found.examined
        lines = [(name, text, examined[name], added[name]) for name, text in self._texts.items()]
        lines.sort(key=lambda line: not line[3])
        if self.choice.without:
            lines.insert(0, ("–", tr("rows without a fact"), 0, self.choice.without))
        self.pages.setCurrentIndex(1 if self._found.rows else 0)
        self.table.setRowCount(len(lines))
        for row, (name, text, before, count) in enumerate(lines):
            for column, cell in enumerate((name, text, str(before) if before else "", str(count) if count else "–")):
                item = QTableWidgetItem(cell)
                item.setToolTip(basics.plain_tooltip(text) if column == 1 else "")
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.table.setItem(row, column, item)

    def _on_keep(self) -> None:
        self.keep.setEnabled(False)
        self._work.start(self._hold_out, tr("Keep rows for the exam"))

    async def _hold_out(self, reporter: Reporter) -> None:
        project, choice, seed = self._workspace.project, self.choice, self.seed.value()
        changes = await project.write(tr("Keep rows for the exam"), hold_out.hold_out_rows, choice.ids, seed)
        self._workspace.tasks.changed.emit(changes)  # now: the dialog may be closed while the rest is looked at
        leaks = await hold_out.count_leaks(project, choice.ids, reporter)
        self.show_questions.show()
        await self._read(reporter)
        kept = hold_out.format_held_out(choice, seed)[0]
        self.note.show_text(f"{kept} {hold_out.format_leaks(leaks)}", "warning" if leaks else "good")


def _next_seed(seed: int) -> int:
    """A seed other than this one."""
    return (seed + random.randrange(1, MAX_SEED)) % (MAX_SEED + 1)  # noqa: S311 - not to be secret
