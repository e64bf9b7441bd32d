import asyncio
import dataclasses

import pytest
from PySide6.QtCore import QObject

from core.checks import RULES
from core.dataset import examples as dataset_examples
from core.dataset import importing
from core.formats import jsonl
from core.review import findings
from core.spec import facts, spec
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset import background_check
from ui.dataset.background_check import BackgroundCheck
from ui.dataset.problems_and_fixes import PAGE_ROWS, ProblemsPanel
from ui.dataset.problems_by_rule_tree import (
    COUNT_COLUMN,
    ID_ROLE,
    MORE_ID,
    RULE_ROLE,
    TEXT_COLUMN,
    ProblemGroup,
    ProblemRow,
    ProblemsTree,
)
from ui.generation.remake_dialog import RemakeDialog

TYPO = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assitant", "content": "a"}]}'


@pytest.fixture
def panel(run, workspace, qtbot):
    async def make():
        panel = ProblemsPanel(workspace)
        qtbot.addWidget(panel)
        panel.resize(380, 640)
        panel.show()
        await until(lambda: panel.nothing.title.text() or panel.groups)
        return panel

    return run(make())


def add(panel, rows):
    examples = [dataset_examples.read_row(row) for row in rows]
    panel.workspace.tasks.start("", panel.workspace.project.write("Add", dataset_examples.add, examples))


def rules(panel):
    return [panel.tree.topLevelItem(place).data(0, RULE_ROLE) for place in range(panel.tree.topLevelItemCount())]


def group(panel, rule):
    return panel.tree.find_group(rule)


def test_rules_with_their_counts_open_to_rows(run, panel):
    async def go():
        chosen, opened = [], []
        panel.chosen.connect(chosen.append)
        panel.row_chosen.connect(opened.append)
        add(panel, [TYPO % number for number in range(PAGE_ROWS + 30)] + [jsonl.new_row("", " <b>x</b>", "y")])
        await until(lambda: {"role-unknown", "whitespace"} <= set(rules(panel)))
        item = group(panel, "role-unknown")
        assert item.text(TEXT_COLUMN) == RULES["role-unknown"].title()
        assert item.text(COUNT_COLUMN) == f"{PAGE_ROWS + 30}"
        assert rules(panel).index("role-unknown") < rules(panel).index("whitespace")
        panel.tree.setCurrentItem(item)
        assert panel.explanation.text() == RULES["role-unknown"].explanation()
        item.setExpanded(True)
        await until(lambda: item.childCount() == PAGE_ROWS + 1)
        assert item.child(PAGE_ROWS).text(TEXT_COLUMN) == "… 30 more"
        assert item.child(PAGE_ROWS).data(0, ID_ROLE) == MORE_ID
        panel.tree.itemClicked.emit(item.child(PAGE_ROWS), TEXT_COLUMN)
        await until(lambda: item.childCount() == PAGE_ROWS + 30)
        panel.tree.itemActivated.emit(item.child(1), TEXT_COLUMN)
        assert opened == [item.child(1).data(0, ID_ROLE)]
        panel.tree.itemClicked.emit(item, TEXT_COLUMN)
        assert chosen == ["rule:role-unknown"]

    run(go())


def test_all_of_a_rule_are_fixed_in_one_step(run, panel, workspace):
    async def go():
        add(panel, [TYPO % 1, TYPO % 2])
        await until(lambda: "role-unknown" in rules(panel))
        item = group(panel, "role-unknown")
        panel.tree.setCurrentItem(item)
        item.setExpanded(True)
        assert panel.fix.text() == "Fix all 2"
        panel.fix.click()
        await until(lambda: "role-unknown" not in rules(panel))
        assert workspace.project.undo_label == "Fix: Unknown role"
        workspace.tasks.start("", workspace.project.undo())
        await until(lambda: "role-unknown" in rules(panel))

    run(go())


def test_what_cannot_be_fixed_offers_no_fix(run, panel):
    async def go():
        add(panel, [jsonl.new_row("", "", "y")])
        await until(lambda: "content-empty" in rules(panel))
        panel.tree.setCurrentItem(group(panel, "content-empty"))
        assert not panel.fix.isVisible()
        assert panel.show_rows.isVisible()

    run(go())


def test_lines_that_cannot_be_read_are_told_and_lead_to_the_quarantine(run, panel, workspace, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{broken\n")

    async def go():
        wanted = []
        panel.quarantine_wanted.connect(lambda: wanted.append(True))
        workspace.tasks.changed.emit((await importing.import_file(workspace.project, path)).changes)
        await until(panel.unread.isVisible)
        assert panel.unread.text() == "1 line could not be read…"
        panel.unread.click()
        assert wanted

    run(go())


def test_rows_that_belong_together_stand_together_and_a_whole_set_problem_has_none(qtbot):
    tree = ProblemsTree()
    qtbot.addWidget(tree)
    wanted = []
    tree.rows_wanted.connect(lambda rule, offset: wanted.append((rule, offset)))
    tree.show_groups([ProblemGroup("too-few-rows", 0, "There are 7 rows."), ProblemGroup("near-duplicate", 6)])
    whole, near = tree.topLevelItem(0), tree.topLevelItem(1)
    assert whole.text(COUNT_COLUMN) == ""
    assert whole.childIndicatorPolicy() == whole.ChildIndicatorPolicy.DontShowIndicator
    near.setExpanded(True)
    assert wanted == [("near-duplicate", 0)]
    tree.add_rows("near-duplicate", 0, [ProblemRow(1, "a", 1), ProblemRow(2, "b", 1), ProblemRow(5, "c", 5)], 3)
    assert [near.child(place).text(TEXT_COLUMN) for place in range(3)] == [
        "group of 2 rows",
        "group of 1 row",
        "… 3 more",
    ]
    tree.add_rows("near-duplicate", 3, [ProblemRow(6, "d", 5), ProblemRow(7, "e", 7), ProblemRow(8, "f", 7)], 0)
    counts = [near.child(place).childCount() for place in range(near.childCount())]
    assert counts == [2, 2, 2]  # a group that two pages share is one
    tree.show_groups([ProblemGroup("near-duplicate", 5)])
    assert tree.topLevelItemCount() == 1
    assert wanted[-1] == ("near-duplicate", 0)  # what is open is read anew


def test_the_whole_set_is_checked_once_rows_rest(run, workspace, monkeypatch):
    begun = []

    async def refresh(project, reporter):
        begun.append(reporter)
        await asyncio.sleep(0.05)

    monkeypatch.setattr(findings, "is_stale", lambda db: True)
    monkeypatch.setattr(findings, "refresh", refresh)
    monkeypatch.setattr(background_check, "CHECK_DELAY_MS", 20)

    async def go():
        owner = QObject()
        check = BackgroundCheck(workspace, owner)
        told = []
        check.checking.connect(told.append)
        await until(lambda: told == [True, False])
        row = new_example("q")
        for _time in range(3):
            await workspace.project.write("Add", dataset_examples.add, [row])
            check.ask()
        await until(lambda: told == [True, False] * 2)
        assert len(begun) == 2
        check.ask()
        await until(check.is_checking)
        check.ask()
        assert begun[-1].cancelled or len(begun) == 2
        await until(lambda: told[-1:] == [False] and len(told) >= 8)

    run(go())


def test_rows_out_of_date_are_offered_to_be_remade(run, qtbot, workspace):
    """Beside saying that they are still right."""

    async def go():
        def change(db):
            old = spec.load(db)
            quote = facts.load(db)[1].quote
            facts.save(db, dataclasses.replace(old, text=old.text.replace(quote, quote.replace(".", " indeed."))))

        await workspace.project.write("edit", change)
        panel = ProblemsPanel(workspace)
        qtbot.addWidget(panel)
        await until(lambda: facts.STALE_RULE in panel.groups)
        panel.show_rule(facts.STALE_RULE)
        assert not panel.remake.isHidden()
        assert not panel.fix.isHidden()
        panel.remake.click()
        (dialog,) = panel.findChildren(RemakeDialog)
        await until(lambda: dialog.is_loaded)
        assert dialog.scope.names() is None
        dialog.close()
        panel.show_rule("")
        assert panel.remake.isHidden()

    run(go())
