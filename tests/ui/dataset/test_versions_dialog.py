import pytest
from PySide6.QtCore import Qt

from core.dataset import examples, filters, versions
from core.dataset.filters import Filter
from tests.support.pages.controls import choose_at
from tests.support.pages.dialogs import ACCEPT, answer_when_asked
from tests.support.projects import new_example, read_texts
from tests.support.until import until
from ui.dataset.version_diff import AFTER_COLUMN, BEFORE_COLUMN, KIND_COLUMN
from ui.dataset.versions_dialog import VersionsDialog
from ui.widgets.text_highlights import MARKS_ROLE


@pytest.fixture
def dialog(run, workspace, qtbot):
    async def make():
        dialog = VersionsDialog(workspace)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        await until(lambda: "Save a version first" in dialog.diff.nothing.text.text())
        return dialog

    return run(make())


def ids(workspace):
    return filters.find(workspace.project.rows, Filter())


async def keep(dialog, name):
    count = dialog.table.rowCount()
    dialog.name.setText(name)
    dialog.keep.click()
    await until(lambda: dialog.table.rowCount() == count + 1)


def test_keep_change_compare_and_go_back(run, dialog, workspace):
    first, second, third, *_ = ids(workspace)

    def change(db):
        examples.set_field(db, first, "answer", "Changed.")
        examples.set_field(db, second, "tags", "new")
        examples.delete(db, [third])
        examples.add(db, [new_example("New?", "New.")])

    async def go():
        assert dialog.name.text().startswith("State of ")
        count, before = len(ids(workspace)), read_texts(workspace.project, [first])
        await keep(dialog, "first")
        await until(lambda: dialog.diff.nothing.title.text() == "No difference")
        workspace.tasks.start("", workspace.project.write("Change", change))
        await until(lambda: dialog.diff.summary.text() == "1 row added · 1 removed · 2 changed")
        model = dialog.diff.model
        assert [model.index(row, KIND_COLUMN).data() for row in range(4)] == ["changed", "changed", "removed", "added"]
        assert model.index(0, AFTER_COLUMN).data().endswith("Changed.")
        assert model.index(0, BEFORE_COLUMN).data(MARKS_ROLE)
        assert "Changed." in dialog.diff.after.toPlainText()
        assert dialog.diff.after.extraSelections()
        assert model.index(1, AFTER_COLUMN).data() == "Tags: new"
        dialog.diff.table.selectRow(1)
        assert "Tags: new" in dialog.diff.after.toPlainText()
        dialog.restore.click()
        assert "Undo" in await answer_when_asked(dialog, ACCEPT)
        await until(lambda: dialog.diff.pages.currentWidget() is dialog.diff.nothing)
        assert read_texts(workspace.project, [first]) == before
        assert len(ids(workspace)) == count
        workspace.tasks.start("", workspace.project.undo())
        await until(lambda: read_texts(workspace.project, [first])[0][1] == "Changed.")

    run(go())


def test_two_versions_are_compared_and_a_row_is_opened(run, dialog, workspace):
    async def go():
        await keep(dialog, "first")
        workspace.tasks.start("", workspace.project.write("Delete", examples.delete, ids(workspace)[:3]))
        await keep(dialog, "second")
        assert [dialog.new.itemText(place) for place in range(3)] == ["Now", "second", "first"]
        dialog.table.selectRow(1)
        choose_at(dialog.new, 1)
        await until(lambda: dialog.diff.summary.text() == "0 rows added · 3 removed · 0 changed")
        assert dialog.diff.after.toPlainText() == ""
        opened = []
        dialog.row_chosen.connect(opened.append)
        dialog.diff.table.activated.emit(dialog.diff.model.index(1, 0))
        assert opened == [dialog.diff.model.difference(1).id]

    run(go())


def test_rename_and_delete(run, dialog, workspace):
    async def go():
        await keep(dialog, "<b>first</b>")
        dialog.table.item(0, 0).setText("better")
        await until(lambda: [one.name for one in versions.list_versions(workspace.project.rows)] == ["better"])
        await until(lambda: dialog.old.itemText(0) == "better")
        dialog.delete.click()
        assert "“better”" in await answer_when_asked(dialog, ACCEPT)
        await until(lambda: dialog.table.rowCount() == 0 and not dialog.delete.isEnabled())

    run(go())


def test_many_differences_come_page_by_page(run, dialog, workspace):
    more = [new_example(f"q{number}") for number in range(1500)]

    async def go():
        await keep(dialog, "first")
        workspace.tasks.start("", workspace.project.write("Add", examples.add, more))
        await until(lambda: dialog.diff.model.rowCount() == 1000)
        assert dialog.diff.more.text() == "Show more (500 are left)"
        dialog.diff.more.click()
        await until(lambda: dialog.diff.model.rowCount() == 1500)
        assert not dialog.diff.more.isVisible()
        assert dialog.diff.model.index(1499, AFTER_COLUMN).data() == "q1499↵a"

    run(go())
