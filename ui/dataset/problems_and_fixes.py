"""The panel of the dataset's problems by rule, with an explanation, the rows and the fix of each."""

import sqlite3

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from core.checks import RULES, SEVERITIES
from core.dataset import bulk_edits, examples, filters, quarantine
from core.language import tr, trn
from core.progress import Reporter
from core.review import findings
from core.spec import facts
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui import style
from ui.dataset import fix_action_texts
from ui.dataset.background_check import BackgroundCheck
from ui.dataset.problems_by_rule_tree import ProblemGroup, ProblemRow, ProblemsTree
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine, ThrottledReload
from ui.workspace import Workspace

PAGE_ROWS = 100  # rows of a rule that are read at once
MAX_QUESTION_CHARACTERS = 120  # characters of a row that are shown


class ProblemsPanel(QWidget):
    """The problems of the dataset by rule, with an explanation and a fix.

    `chosen` gives a filter such as 'rule:role-unknown', `row_chosen` the id of a row.
    """

    chosen = Signal(str)
    row_chosen = Signal(int)
    quarantine_wanted = Signal()

    def __init__(self, workspace: Workspace, check: BackgroundCheck | None = None) -> None:
        super().__init__()
        self.workspace = workspace
        self.groups: dict[str, ProblemGroup] = {}
        self._reload = ThrottledReload(workspace, self, self._load)
        self._fixing = LatestTask(workspace, self)
        self.check = check or BackgroundCheck(workspace, self)
        self._make_parts()
        self._lay_out()
        self._connect()
        self.show_rule("")
        self._show_state(self.check.is_checking())
        self._reload.request()

    def _make_parts(self) -> None:
        self.state = basics.label(dim=True)
        self.unread = QPushButton(style.icon("import"), "")
        self.unread.hide()
        self.tree = ProblemsTree()
        self.title = basics.heading("")
        self.title.setWordWrap(True)
        self.explanation = basics.label(wrap=True)
        self.explanation.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_rows = QPushButton(tr("Show its rows"))
        self.fix = QPushButton()
        self.remake = QPushButton(tr("Remake…"))
        self.remake.setToolTip(tr("Write new answers from the facts as they are now"))
        self.nothing = EmptyState()

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(basics.heading(tr("Problems")))
        above.addStretch()
        above.addWidget(self.state)
        buttons = QHBoxLayout()
        buttons.addWidget(self.show_rows)
        buttons.addWidget(self.fix)
        buttons.addWidget(self.remake)
        buttons.addStretch()
        page = QWidget()
        below = QVBoxLayout(page)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(style.SPACE // 2)
        below.addWidget(self.tree, 1)
        for part in (self.title, self.explanation):
            below.addWidget(part)
        below.addLayout(buttons)
        below.addWidget(ProgressLine(self._fixing, keeps_place=False))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(above)
        layout.addWidget(self.unread)
        layout.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self.tree.rows_wanted.connect(self._on_rows_wanted)
        self.tree.looked_at.connect(self.show_rule)
        self.tree.chosen.connect(lambda rule: self.chosen.emit(f"rule:{rule}"))
        self.tree.row_chosen.connect(self.row_chosen)
        self.show_rows.clicked.connect(lambda: self.chosen.emit(f"rule:{self.tree.current_rule()}"))
        self.fix.clicked.connect(self._on_fix)
        self.remake.clicked.connect(self._on_remake)
        self.unread.clicked.connect(self.quarantine_wanted)
        self.check.checking.connect(self._show_state)
        self._fixing.busy.connect(lambda _busy: self.show_rule(self.tree.current_rule()))
        self.workspace.tasks.changed.connect(self.refresh)

    def refresh(self, changes: Changes) -> None:
        """Update after a write."""
        if changes.tables & {Table.EXAMPLE, Table.FINDING, Table.UNREAD}:
            self._reload.request()

    async def _load(self, project: Project) -> None:
        groups, unread, rows = await project.read(read_groups)
        self.groups = {group.rule: group for group in groups}
        self.tree.show_groups(groups)
        self.unread.setVisible(unread > 0)
        self.unread.setText(trn("{n} line could not be read…", "{n} lines could not be read…", unread))
        self._show_nothing(rows)
        self._pages.setCurrentIndex(1 if groups else 0)
        self.show_rule(self.tree.current_rule())

    def _show_nothing(self, rows: int) -> None:
        if not rows:
            self.nothing.set_texts(
                tr("No rows yet"), tr("Errors and warnings of the rows and of the whole dataset are listed here.")
            )
            return
        count = trn("{n} row was checked.", "{n} rows were checked.", rows)
        self.nothing.set_texts(tr("No errors or warnings"), count)

    def _show_state(self, checking: bool) -> None:
        self.state.setText(tr("Checking in the background…") if checking else "")

    def show_rule(self, rule: str) -> None:
        """Show what `rule` means, and what can be done about it; '' for none."""
        group = self.groups.get(rule)
        for part in (self.title, self.explanation):
            part.setVisible(group is not None)
        self.show_rows.setVisible(group is not None and group.count > 0)
        self.fix.setVisible(group is not None and self._can_fix(group))
        self.remake.setVisible(rule == facts.STALE_RULE and group is not None and group.count > 0)
        if group is None:
            return
        self.title.setText(RULES[rule].title())
        self.explanation.setText("\n".join(filter(None, (RULES[rule].explanation(), group.message))))
        self.fix.setText(
            fix_action_texts.fix_button_text(rule, group.count, self.workspace.project.rows)
            if fix_action_texts.can_fix(rule)
            else ""
        )
        self.fix.setEnabled(not self._fixing.is_busy())

    def _can_fix(self, group: ProblemGroup) -> bool:
        return group.count > 0 and fix_action_texts.can_fix(group.rule)

    def _on_fix(self) -> None:
        rule = self.tree.current_rule()
        label = fix_action_texts.fix_label(rule)
        self._fixing.start(lambda reporter: self._fix(label, rule, reporter), label)

    def _on_remake(self) -> None:
        from ui.generation.llm_run_dialog import show_run_outcome
        from ui.generation.remake_dialog import RemakeDialog

        dialog = RemakeDialog(self.workspace, self)
        dialog.drafts_wanted.connect(lambda: self.chosen.emit("status:draft"))
        show_run_outcome(dialog, self.window())
        dialog.open()

    async def _fix(self, label: str, rule: str, reporter: Reporter) -> Changes:
        return await self.workspace.project.write(label, bulk_edits.fix_all, rule, reporter, reporter=reporter)

    def _on_rows_wanted(self, rule: str, offset: int) -> None:
        self.workspace.tasks.start("", self._load_rows(rule, offset))

    async def _load_rows(self, rule: str, offset: int) -> None:
        rows = await self.workspace.project.read(read_rows, rule, offset)
        group = self.groups.get(rule)
        self.tree.add_rows(rule, offset, rows, group.count - offset - len(rows) if group and rows else 0)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self.tree.recolour()


def read_groups(db: sqlite3.Connection) -> tuple[list[ProblemGroup], int, int]:
    """The violated rules (first those of the whole dataset, then the worst), the quarantined lines, and the total of rows."""
    counts = examples.count_values(db, "problems")
    whole = [
        ProblemGroup(found.rule, counts.pop(found.rule, 0), found.message) for found in findings.load_for_dataset(db)
    ]
    worst = sorted(counts.items(), key=lambda entry: (SEVERITIES.index(RULES[entry[0]].severity), -entry[1], entry[0]))
    groups = whole + [ProblemGroup(rule, count) for rule, count in worst]
    return groups, quarantine.count(db), sum(examples.count_values(db, "split").values())


def read_rows(db: sqlite3.Connection, rule: str, offset: int, limit: int = PAGE_ROWS) -> list[ProblemRow]:
    """Rows with a problem of `rule`, clustered if the dataset check clustered them."""
    found = [(one.example, one.cluster, one.message) for one in findings.load(db, rule, offset, limit)]
    if not found:
        found = [(id, 0, "") for id in filters.find_first(db, filters.Filter(rule=rule), offset + limit)[offset:]]
    texts = examples.fetch(db, [id for id, _cluster, _message in found])
    return [ProblemRow(id, _format_row(texts, id), cluster, message) for id, cluster, message in found]


def _format_row(rows: dict[int, examples.Example], id: int) -> str:
    row = rows.get(id)
    return f"{id:,} · {' '.join((row.question or row.answer)[:MAX_QUESTION_CHARACTERS].split())}" if row else f"{id:,}"
