import pytest
from PySide6.QtCore import QModelIndex

from core.dataset import examples, quarantine
from core.dataset.filters import Filter, find
from core.formats import jsonl
from tests.support.pages.controls import choose
from tests.support.pages.dialogs import answer
from tests.support.until import until
from ui.dataset.quarantine_dialog import PAGE_LINES, QuarantineDialog
from ui.dataset.quarantine_editor import hex_dump

GOOD = jsonl.new_row("", "question", "answer")
COMMA = GOOD.replace('"}]}', '",}]}').encode()
BROKEN = GOOD[:-1].encode()
CP932 = jsonl.new_row("", "質問です", "答えです").encode("cp932")
SQL = "INSERT INTO unread (source, line, start, length, raw, rule, message) VALUES (?, ?, 0, ?, ?, ?, ?)"


def put(db, *lines):
    for number, raw in enumerate(lines, start=1):
        problem = quarantine.checks.check_line(raw).problems[0]
        db.execute(SQL, ("rows.jsonl", number, len(raw), raw, problem.rule, problem.message))


@pytest.fixture
def opened(run, workspace, qtbot):
    """Opens the dialog on these lines."""

    def make(*lines):
        async def go():
            await workspace.project.write("Lines", put, *lines)
            dialog = QuarantineDialog(workspace)
            qtbot.addWidget(dialog)
            dialog.open()
            await until(lambda: not lines or dialog.edit.entry is not None)
            return dialog

        return run(go())

    return make


def left(dialog):
    return len(dialog.model.ids())


def rows(workspace):
    return len(find(workspace.project.rows, Filter()))


def test_a_line_is_put_right_and_comes_back(run, opened, workspace):
    dialog = opened(BROKEN, COMMA)
    count = rows(workspace)

    async def go():
        assert "Column" in dialog.edit.state_note.text()
        assert not dialog.edit.put_back.isEnabled()
        assert dialog.edit.text.extraSelections(), "the place is marked"
        dialog.edit.text.setPlainText(GOOD)
        assert dialog.edit.state_note.text() == "This row has no errors: import it."
        dialog.edit.put_back.click()
        await until(lambda: left(dialog) == 1)
        await until(lambda: dialog.edit.entry and dialog.edit.entry.raw == COMMA)
        assert rows(workspace) == count + 1
        assert workspace.project.undo_label == "Import a fixed line"
        dialog.close()

    run(go())


def test_all_that_is_safe_is_mended_in_one_step(run, opened, workspace):
    dialog, count = opened(BROKEN, COMMA, CP932), rows(workspace)

    async def go():
        await until(lambda: dialog.repair_all_button.text() == "Fix 2 lines that are safe to fix")
        dialog.repair_all_button.click()
        await until(lambda: left(dialog) == 1)
        assert rows(workspace) == count + 2
        await workspace.project.undo()
        dialog.refresh()
        await until(lambda: left(dialog) == 3)
        dialog.close()

    run(go())


def test_bytes_are_shown_and_read_in_another_encoding(run, opened):
    dialog = opened(CP932)

    async def go():
        assert "\\x8e" in dialog.edit.text.toPlainText()
        assert "reads as CP932" in dialog.edit.state_note.text()
        dialog.edit.bytes_box.setChecked(True)
        assert dialog.edit.hex.toPlainText().startswith("00000000  7b 22 6d 65")
        dialog.edit.bytes_box.setChecked(False)
        dialog.edit.encoding_box.setCurrentText("cp932")
        dialog.edit.encoding_box.activated.emit(1)
        assert "質問です" in dialog.edit.text.toPlainText()
        assert dialog.edit.put_back.isEnabled()
        dialog.edit.forget()
        dialog.close()

    run(go())


def test_what_was_typed_waits_while_another_line_is_looked_at(run, opened):
    dialog = opened(BROKEN, COMMA)

    async def go():
        dialog.edit.text.setPlainText("half")
        dialog.table.selectRow(1)
        await until(lambda: dialog.edit.entry and dialog.edit.entry.raw == COMMA)
        assert dialog.edit.drafts() == 1
        dialog.table.selectRow(0)
        await until(lambda: dialog.edit.text.toPlainText() == "half")
        dialog.close()
        assert dialog.isVisible(), "it asks first"
        answer(dialog, "Discard the changes")
        await until(lambda: not dialog.isVisible())

    run(go())


def test_lines_are_filtered_deleted_and_saved_with_their_bytes(run, opened, tmp_path):
    dialog = opened(BROKEN, CP932, b"\xff\xfe{")

    async def go():
        dialog.save(tmp_path / "unread.txt")
        await until(lambda: "3 lines written" in dialog.result_note.text())
        assert (tmp_path / "unread.txt").read_bytes() == BROKEN + b"\n" + CP932 + b"\n\xff\xfe{\n"
        await until(lambda: dialog.rule_box.count() == 3)
        choose(dialog.rule_box, "encoding")
        await until(lambda: left(dialog) == 2)
        dialog.table.selectAll()
        dialog.delete_button.click()
        await until(lambda: left(dialog) == 1 and dialog.rule_box.currentData() == "")
        dialog.close()

    run(go())


def test_many_lines_are_read_in_pages(run, opened, workspace):
    dialog = opened()

    def many(db):
        db.executemany(SQL, ((f"{n}.jsonl", n, 1, b"{", "json-broken", "m" * 200) for n in range(100_000)))

    async def go():
        assert dialog.pages.currentIndex() == 1, "an empty quarantine says so"
        workspace.tasks.start("", workspace.project.write("Lines", many))
        await until(lambda: left(dialog) == 100_000)
        index = dialog.model.index(99_999, 0)
        assert index.data() == "…"
        await until(lambda: index.data() == "99999.jsonl")
        assert "m" * 200 in dialog.model.index(99_999, 2).data(3)
        assert len(dialog.model._pages) <= 3
        dialog.table.selectAll()
        assert len(dialog._selected_ids()) == 100_000
        dialog._counting.stop()
        dialog.close()

    run(go())
    assert PAGE_LINES < 1000
    assert dialog.model.rowCount(QModelIndex()) == 100_000


def test_a_line_over_the_limit_is_only_looked_at(run, workspace, qtbot):
    async def go():
        await workspace.project.write(
            "Lines", lambda db: db.execute(SQL, ("big.jsonl", 3, 50_000_000, b'{"a":', "too-long", "The line is long."))
        )
        dialog = QuarantineDialog(workspace)
        qtbot.addWidget(dialog)
        dialog.open()
        await until(lambda: dialog.edit.entry is not None)
        assert not dialog.table.showGrid()  # its lines would cut the selected row
        assert dialog.edit.text.isReadOnly()
        assert not dialog.edit.put_back.isEnabled()
        assert "50 MB" in dialog.edit.state_note.text()
        dialog.close()

    run(go())


def test_bytes_as_a_person_reads_them():
    assert hex_dump(b"A\x00" * 8 + b"z") == (
        "00000000  41 00 41 00 41 00 41 00 41 00 41 00 41 00 41 00  A·A·A·A·A·A·A·A·\n"
        "00000010  7a                                               z"
    )
    assert examples.SPLITS
