"""Rows are kept for the exam from a dialog: what is chosen is shown before, kept in one step, and checked for leaks."""

import pytest
from PySide6.QtWidgets import QTableWidget

from core.dataset import examples
from core.dataset.filters import Filter
from tests.support.pages.dialogs import settle
from tests.support.until import until
from ui.dataset.hold_out_dialog import HoldOutDialog
from ui.exam.tab import ExamTab
from ui.tab_base import ALL_TABLES


@pytest.fixture
def untested(run, workspace):
    """The sample's rows without an exam."""
    run(workspace.project.write("", lambda db: db.execute("DELETE FROM example WHERE split = 'test'").rowcount))
    return workspace


@pytest.fixture
def dialog(qtbot, run, untested):
    async def make():
        dialog = HoldOutDialog(untested)
        dialog.open()
        await settle(dialog)
        return dialog

    return run(make())


def held(workspace):
    return list(examples.iterate(workspace.project.rows, Filter(split="test")))


def test_what_is_chosen_is_shown_kept_in_one_step_and_undone(run, untested, dialog):
    async def go():
        assert isinstance(dialog.table, QTableWidget)
        dialog.by_number.click()
        dialog.number.setValue(10)
        chosen = list(dialog.choice.ids)
        assert len(chosen) == 10
        assert dialog.keep.text() == "Keep 10 rows"
        dialog.again.click()
        assert dialog.choice.ids != chosen
        dialog.seed.setValue(1)
        assert dialog.choice.ids == chosen
        assert dialog.fewer.text() == ""
        dialog.number.setValue(1000)
        assert dialog.fewer.text().startswith("Fewer than asked for:")
        dialog.number.setValue(10)
        dialog.keep.click()
        await settle(dialog)
        assert dialog.note.text() == (
            "10 rows are kept for the exam (seed 1). No leak: none of them is asked in the training rows."
        )
        dialog.close()

    run(go())
    assert len(held(untested)) == 10
    assert all(row.key_points or row.kind == "not_stated" for row in held(untested))
    facts = [name for row in held(untested) for name in row.facts.split()]
    assert len(set(facts)) >= 8  # one wording of many facts, not many of one
    run(untested.project.undo())
    assert not held(untested)


@pytest.mark.parametrize("general", [False, True])
def test_it_is_offered_where_an_exam_has_no_question_of_ones_own(qtbot, run, untested, general):
    async def go():
        tab = ExamTab(untested)
        qtbot.addWidget(tab)
        tab.form.general.setChecked(general)
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.form.estimates)
        assert not tab.form.keep.isHidden()
        for button in (tab.empty.keep, tab.form.keep):
            button.click()
        opened = tab.findChildren(HoldOutDialog)
        assert len(opened) == 2
        for one in opened:
            await settle(one)
            one.close()

    run(go())
