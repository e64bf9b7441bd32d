"""Kept states of the spec: kept, compared, named anew, deleted, and gone back to."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from core import language
from core.spec import facts, revisions, spec
from tests.support.pages.controls import choose_at
from tests.support.pages.dialogs import ACCEPT, answer_when_asked
from tests.support.until import until
from ui.spec.revisions_dialog import RevisionsDialog
from ui.widgets.length_and_time_texts import format_length, format_local_time
from ui.widgets.snapshots_dialog import DATE_COLUMN, NAME_COLUMN, SIZE_COLUMN


@pytest.fixture
def dialog(run, workspace, qtbot):
    async def make():
        dialog = RevisionsDialog(workspace)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.open()
        await until(lambda: dialog.current_spec.text)
        return dialog

    return run(make())


def now(workspace):
    return spec.load(workspace.project.rows)


async def keep(dialog, name):
    before = len(dialog.snapshots)
    dialog.name.setText(name)
    dialog.keep.click()
    await until(lambda: len(dialog.snapshots) > before)


async def change(workspace, **fields):
    new = replace(now(workspace), **fields)
    workspace.tasks.start("", workspace.project.write("Edit", facts.save, new))
    await until(lambda: now(workspace) == new)


def test_nothing_is_kept_at_first(run, dialog):
    assert dialog.pages.currentWidget() is dialog.nothing
    assert not dialog.sides.isVisible()
    assert [button.isEnabled() for button in (dialog.rename, dialog.delete, dialog.restore)] == [False] * 3


def test_keep_change_compare_and_go_back(run, dialog, workspace):
    before = now(workspace)

    async def go():
        await keep(dialog, "first")
        assert [dialog.table.item(row, NAME_COLUMN).text() for row in range(2)] == ["Now", "first"]
        assert dialog.table.item(1, SIZE_COLUMN).text() == format_length(before.text)
        assert dialog.table.item(1, DATE_COLUMN).text()
        await until(lambda: dialog.sides.summary.text() == "No difference")
        assert not dialog.beside.text()
        await change(workspace, text=before.text + "\nOne more.", name="Other", system_prompt="Be short.")
        await until(lambda: dialog.sides.summary.text() == "1 change")
        assert [title.text() for title in dialog.sides.titles] == ["first", "Now"]
        assert "→ “Other”" in dialog.beside.text()
        assert "→ “Be short.”" in dialog.beside.text()
        dialog.restore.click()
        assert "Undo" in await answer_when_asked(dialog, ACCEPT)
        await until(lambda: now(workspace) == before)
        assert workspace.project.undo_label == "Restore the spec"
        await until(lambda: dialog.sides.summary.text() == "No difference")
        workspace.tasks.start("", workspace.project.undo())
        await until(lambda: now(workspace).name == "Other")

    run(go())


def test_any_two_are_compared(run, dialog, workspace):
    async def go():
        await keep(dialog, "first")
        await change(workspace, text="Short.")
        await keep(dialog, "second")
        assert [dialog.new.itemText(place) for place in range(3)] == ["Now", "second", "first"]
        assert (dialog.old.currentText(), dialog.table.currentRow()) == ("first", 2)  # what was compared stays
        choose_at(dialog.new, 1)
        assert [title.text() for title in dialog.sides.titles] == ["first", "second"]
        dialog.table.selectRow(1)
        assert dialog.sides.summary.text() == "No difference"
        dialog.table.selectRow(0)  # now: nothing to rename, delete or go back to
        assert not dialog.restore.isEnabled()
        assert not dialog.table.item(0, NAME_COLUMN).flags() & Qt.ItemFlag.ItemIsEditable

    run(go())


def test_rename_and_delete(run, dialog, workspace):
    async def go():
        await keep(dialog, "<b>first</b>")
        dialog.table.item(1, NAME_COLUMN).setText("better")
        await until(lambda: [one.name for one in revisions.list_revisions(workspace.project.rows)] == ["better"])
        await until(lambda: dialog.old.itemText(0) == "better")
        dialog.delete.click()
        assert "“better”" in await answer_when_asked(dialog, ACCEPT)
        await until(lambda: dialog.pages.currentWidget() is dialog.nothing and not dialog.delete.isEnabled())

    run(go())


def test_dates_and_lengths_speak_the_language_of_the_screen():
    language.set_language("ja")
    assert format_local_time(1_700_000_000).startswith("2023/11/1")
    assert format_length("試合は60分である。 ").startswith("10")
    assert format_length("Three words here").startswith("3")
