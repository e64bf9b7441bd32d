import pytest
from PySide6.QtCore import Qt

from core import dataset, importing
from core.checks import RULES
from core.formats import jsonl
from tests.ui.waiting import until
from ui.problems_panel import PAGE, ProblemsPanel
from ui.problems_tree import COUNT, ID, MORE, RULE, TEXT, Row

TYPO = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assitant", "content": "a"}]}'


@pytest.fixture
def panel(run, workspace, qtbot):
    async def make():
        panel = ProblemsPanel(workspace)
        qtbot.addWidget(panel)
        panel.resize(380, 640)
        panel.show()
        await until(lambda: panel._nothing.title.text() or panel._groups)
        return panel

    return run(make())


def add(panel, rows):
    examples = [dataset.read_row(row) for row in rows]
    panel._workspace.tasks.start("", panel._workspace.project.write("Add", dataset.add, examples))


def rules(panel):
    return [panel.tree.topLevelItem(place).data(0, RULE) for place in range(panel.tree.topLevelItemCount())]


def group(panel, rule):
    return panel.tree._group(rule)


def test_rules_with_their_counts_open_to_rows(run, panel):
    async def go():
        chosen, opened = [], []
        panel.chosen.connect(chosen.append)
        panel.row_chosen.connect(opened.append)
        add(panel, [TYPO % number for number in range(PAGE + 30)] + [jsonl.new_row("", " <b>x</b>", "y")])
        await until(lambda: {"role-unknown", "whitespace"} <= set(rules(panel)))
        item = group(panel, "role-unknown")
        assert item.text(TEXT) == RULES["role-unknown"].title()
        assert item.text(COUNT) == f"{PAGE + 30}"
        assert rules(panel).index("role-unknown") < rules(panel).index("whitespace")
        panel.tree.setCurrentItem(item)
        assert panel.explanation.text() == RULES["role-unknown"].explanation()
        item.setExpanded(True)
        await until(lambda: item.childCount() == PAGE + 1)
        assert item.child(PAGE).text(TEXT) == "… 30 more"
        assert item.child(PAGE).data(0, ID) == MORE
        panel.tree.itemClicked.emit(item.child(PAGE), TEXT)
        await until(lambda: item.childCount() == PAGE + 30)
        panel.tree.itemActivated.emit(item.child(1), TEXT)
        assert opened == [item.child(1).data(0, ID)]
        panel.tree.itemClicked.emit(item, TEXT)
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
        reporter = workspace.tasks.reporter("")
        workspace.tasks.start("", workspace.project.write("Import", importing.import_file, path, reporter))
        await until(panel.unread.isVisible)
        assert panel.unread.text() == "1 line could not be read…"
        panel.unread.click()
        assert wanted

    run(go())
