import csv
import json
from pathlib import Path

import openpyxl
import pytest
from PySide6.QtWidgets import QPushButton

from core.dataset import examples
from core.dataset.filters import Filter, find
from tests.support.pages.controls import choose
from tests.support.pages.dialogs import answer, notice
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset.export_dialog import ExportDialog, with_suffix

TURNS = ("user", "assistant", "user", "assistant")
LONG = json.dumps({"messages": [{"role": role, "content": "x"} for role in TURNS]})
ROWS = [
    *(new_example(f"q{n}", split="train", tags="mine") for n in range(3)),
    examples.read_row(LONG, split="test", tags="mine"),
    new_example("draft", tags="mine", status="draft"),
]


@pytest.fixture
def opened(run, workspace, owner):
    """Opens the dialog on five rows with the tag `mine`, of which the first two are selected."""

    async def go():
        await workspace.project.write("Rows", examples.add, ROWS)
        ids = find(workspace.project.rows, Filter(tag="mine"))
        dialog = ExportDialog(workspace, Filter(tag="mine"), ids[:2], owner)
        dialog.open()
        await until(lambda: dialog.row_count == 2)
        return dialog

    return run(go())


def test_selection_shown_rows_and_splits(run, opened, workspace):
    async def go():
        assert opened.what.count() == 3
        assert opened.what.currentText() == "The 2 selected rows"
        choose(opened.what, "shown")
        await until(lambda: opened.row_count == 5)
        choose(opened.split, "train")
        await until(lambda: opened.row_count == 4)
        opened.approved.setChecked(True)
        await until(lambda: opened.row_count == 3)
        choose(opened.split, "validation")
        await until(lambda: "0 rows" in opened.note.text())
        assert not opened.ok_button.isEnabled()
        choose(opened.what, "all")
        choose(opened.split, "")
        await until(lambda: opened.row_count > 100)
        opened.reject()

    run(go())


def test_a_file_is_written_and_said(run, opened, workspace, owner, tmp_path):
    async def go():
        choose(opened.what, "shown")
        await until(lambda: opened.row_count == 5)
        opened.path.setText(str(tmp_path / "out.jsonl"))
        opened.card.setChecked(True)
        opened.ok_button.click()
        await until(lambda: notice(owner))
        assert f"5 rows written to {tmp_path / 'out.jsonl'}." in notice(owner).text.text()
        assert notice(owner).findChild(QPushButton).text() == "Show in folder"

    run(go())
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines == [row.data for row in ROWS]
    assert "5" in (tmp_path / "out.jsonl.card.md").read_text()


def test_what_a_format_cannot_hold_is_said_before(run, opened, tmp_path, owner):
    async def go():
        choose(opened.what, "shown")
        opened.path.setText(str(tmp_path / "rows.jsonl"))
        choose(opened.format, "csv")
        assert opened.path.text() == str(tmp_path / "rows.csv")
        assert opened.bom.isChecked()
        await until(lambda: "1 row is left out: more than one question and answer (1)." in opened.note.text())
        opened.full.setChecked(True)
        await until(lambda: opened.row_count == 5)
        opened.full.setChecked(False)
        await until(lambda: opened.row_count == 4)
        opened.ok_button.click()
        await until(lambda: notice(owner))
        assert "1 row is left out" in notice(owner).text.text()

    run(go())
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 5


def test_what_a_format_has_no_place_for_is_said_before(run, opened, tmp_path, owner):
    async def go():
        choose(opened.what, "shown")
        opened.path.setText(str(tmp_path / "rows.jsonl"))
        choose(opened.format, "gemini")
        await until(lambda: "no place for it: split (1), status (1), tags (5)" in opened.note.text())
        choose(opened.format, "xlsx")
        assert opened.path.text() == str(tmp_path / "rows.xlsx")
        assert not opened.bom.isEnabled()
        await until(lambda: opened.row_count == 4 and "no place" not in opened.note.text())
        opened.ok_button.click()
        await until(lambda: notice(owner))

    run(go())
    assert openpyxl.load_workbook(tmp_path / "rows.xlsx").active.max_row == 5


def test_a_file_that_is_there_is_replaced_only_when_asked(run, opened, tmp_path, owner):
    path = tmp_path / "there.jsonl"
    path.write_text("mine")

    async def go():
        opened.path.setText(str(path))
        opened.ok_button.click()
        assert path.read_text() == "mine"
        answer(opened, "Replace")
        await until(lambda: notice(owner))
        assert path.read_text().count("\n") == 2

    run(go())


def test_a_folder_for_hugging_face(run, opened, tmp_path, owner):
    async def go():
        choose(opened.what, "shown")
        opened.path.setText(str(tmp_path / "set.jsonl"))
        choose(opened.format, "huggingface")
        assert opened.path.text() == str(tmp_path / "set")
        await until(lambda: opened.row_count == 5)
        opened.ok_button.click()
        await until(lambda: notice(owner))

    run(go())
    assert sorted(path.name for path in (tmp_path / "set" / "data").iterdir()) == ["test.jsonl", "train.jsonl"]


def test_a_path_that_cannot_be_written_is_said_and_nothing_is_there(run, opened, workspace, tmp_path):
    failed = []
    workspace.tasks.failed.connect(failed.append)

    async def go():
        opened.path.setText(str(tmp_path / "gone" / "out.jsonl"))
        opened.ok_button.click()
        await until(lambda: failed)

    run(go())
    assert "out.jsonl" in failed[0].title
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("before", "format", "after"),
    [
        ("a.jsonl", "csv", "a.csv"),
        ("a.b.jsonl.txt", "dpo", "a.b.jsonl"),
        ("a.csv", "huggingface", "a"),
        ("a.jsonl.gz", "csv", "a.csv.gz"),
        ("a", "markdown", "a.md"),
        ("a.xlsx", "parquet", "a.parquet"),
        ("a.csv.gz", "xlsx", "a.xlsx"),
        ("a.parquet", "huggingface-parquet", "a"),
        ("v1.2", "jsonl", "v1.2.jsonl"),
    ],
)
def test_endings_follow_the_format(before, format, after):
    assert with_suffix(Path("x") / before, format) == Path("x") / after
