import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from core.dataset import examples
from core.dataset.filters import Filter
from tests.support.pages.dialogs import is_settled
from tests.support.projects import new_example, read_texts
from tests.support.until import until
from ui.dataset.replace_dialog import AFTER_COLUMN, BEFORE_COLUMN, ROW_COLUMN, ReplaceDialog
from ui.widgets.text_highlights import MARKS_ROLE, find_changes, on_one_line, to_utf16_spans

ROWS = (("How much is <b>tea</b>?", "Tea costs 5 yen."), ("返品は何日?", "返品は14日です。"), ("TEA 🍵 tea?", "No."))


@pytest.fixture
def rows(run, workspace):
    """Three rows of our own behind the sample's; their ids."""
    found = []

    def add(db):
        found.extend(examples.add(db, [new_example(*row, tags="drinks") for row in ROWS]))

    run(workspace.project.write("Add", add))
    return found


@pytest.fixture
def dialog(run, workspace, rows, qtbot):
    async def make():
        dialog = ReplaceDialog(workspace, rows)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return run(make())


def cell(dialog, row, column, role=Qt.ItemDataRole.DisplayRole):
    return dialog.model.index(row, column).data(role)


def test_every_change_is_shown_before_it_is_made(run, dialog, workspace, rows):
    async def go():
        dialog.pattern_field.setText("tea")
        dialog.replacement.setText("coffee")
        await until(lambda: dialog.model.rowCount() == 3)
        assert cell(dialog, 0, BEFORE_COLUMN) == "How much is <b>tea</b>?"
        assert cell(dialog, 0, AFTER_COLUMN, MARKS_ROLE) == [(15, 21)]
        assert dialog.count.text() == "2 rows change, in 3 fields"
        assert read_texts(workspace.project, rows) == list(ROWS)
        dialog.replace_button.click()
        await until(lambda: dialog.model.rowCount() == 0 and dialog.note.isVisible())
        assert read_texts(workspace.project, rows)[0] == ("How much is <b>coffee</b>?", "coffee costs 5 yen.")
        assert workspace.project.undo_label == "Replace “tea” with “coffee”"
        assert "2 rows" in dialog.note.text()
        workspace.tasks.start("", workspace.project.undo())
        await until(lambda: dialog.model.rowCount() == 3)
        assert read_texts(workspace.project, rows) == list(ROWS)

    run(go())


def test_a_row_without_its_tick_stays_as_it_is(run, dialog, workspace, rows):
    async def go():
        dialog.pattern_field.setText("tea")
        await until(lambda: dialog.model.rowCount() == 3)
        assert dialog.model.setData(
            dialog.model.index(0, ROW_COLUMN), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole
        )
        assert (
            cell(dialog, 1, ROW_COLUMN, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked
        )  # the same row's answer
        assert dialog.replace_button.text() == "Replace in 1 row"
        dialog.replace_button.click()
        await until(lambda: read_texts(workspace.project, rows)[2] == (" 🍵 ?", "No."))
        assert read_texts(workspace.project, rows)[0] == ROWS[0]

    run(go())


def test_a_regular_expression_with_groups_and_its_errors_in_words(run, dialog, workspace, rows):
    async def go():
        dialog.regex.setChecked(True)
        dialog.pattern_field.setText("(\\d+")
        await until(dialog.note.isVisible)
        assert "regular expression" in dialog.note.text()
        assert not dialog.replace_button.isEnabled()
        dialog.pattern_field.setText("(\\d+) yen")
        dialog.replacement.setText("\\2")
        await until(lambda: "group" in dialog.note.text())
        dialog.replacement.setText("¥\\1")
        await until(lambda: dialog.model.rowCount() == 1)
        assert not dialog.note.isVisible()
        assert cell(dialog, 0, AFTER_COLUMN) == "Tea costs ¥5."

    run(go())


def test_fields_case_and_scope(run, dialog, workspace, rows):
    async def go():
        dialog.match_case.setChecked(True)
        dialog.pattern_field.setText("tea")
        await until(lambda: dialog.count.text() == "2 rows change, in 2 fields")
        dialog.fields["question"].setChecked(False)
        await until(lambda: dialog.model.rowCount() == 0 and is_settled(dialog))
        dialog.fields["tags"].setChecked(True)
        dialog.pattern_field.setText("drinks")
        await until(lambda: dialog.model.rowCount() == 3)
        assert dialog.scope.currentText() == "The 3 selected rows"
        dialog.show_choice(Filter(split="test"))
        assert [dialog.scope.itemText(place) for place in range(2)] == ["The rows that are shown", "All rows"]
        await until(lambda: dialog.model.rowCount() == 0)
        dialog.show_choice(Filter(order="length"))
        assert dialog.scope.count() == 1
        await until(lambda: dialog.model.rowCount() == 3)

    run(go())


def test_what_is_typed_meanwhile_stops_the_older_search(run, dialog):
    async def go():
        dialog.pattern_field.setText("tea")
        dialog._start()
        first = dialog._work._reporter
        dialog.pattern_field.setText("tea?")
        dialog._start()
        assert first.cancelled
        await until(lambda: dialog.model.rowCount() == 1)
        dialog.close()
        assert dialog._work._task.done()

    run(go())


@given(st.text(alphabet="ab 返品🍵\n", max_size=40), st.text(alphabet="ab 返品🍵\n", max_size=40))
def test_what_is_not_marked_is_the_same_on_both_sides(before, after):
    gone, come = find_changes(before, after)

    def rest(text, spans):
        return "".join(
            text[a:b] for a, b in zip([0, *(b for _, b in spans)], [*(a for a, _ in spans), None], strict=True)
        )

    assert rest(before, gone) == rest(after, come)


def test_marks_are_narrow():
    assert find_changes("The shop opens at 9.", "The shop opens at 10.") == ([(18, 19)], [(18, 20)])
    assert find_changes("返品は14日です。", "返品は30日です。") == ([(3, 5)], [(3, 5)])
    assert to_utf16_spans("🍵tea", [(1, 4)]) == [(2, 5)]
    assert on_one_line("霧の灯台\u3000遊び方\u202e", [])[0] == "霧の灯台\u3000遊び方 "
    text, spans = on_one_line("x" * 100 + "\nnew", [(101, 104)], 101, width=60)
    assert text == "…" + "x" * 23 + "↵new"
    assert [text[a:b] for a, b in spans] == ["new"]
