"""Files of other kinds on the command line: sheets, archives, and what has to be said of them."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from core.cli import commands
from core.dataset import exporting
from tests.support.row_files import chat_row

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns its exit status, and what it prints."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = commands.run([*map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def project(tmp_path: Path, run: Run) -> Path:
    path = tmp_path / "p.juku"
    run("new", path)
    return path


def test_an_archive_is_imported_and_checked_file_by_file(tmp_path: Path, run: Run, project: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        for name in ("a.jsonl", "b.jsonl"):
            archive.writestr(name, chat_row(f"{name}?", "a"))
        archive.writestr("README.md", "# Read me")
    status, out, err = run("import", project, tmp_path / "rows.zip")
    assert status == 0
    assert "rows.zip/a.jsonl: 1 row imported" in out
    assert "rows.zip/b.jsonl: 1 row imported" in out
    assert "files without rows left out: README.md" in err
    status, out, err = run("check", tmp_path / "rows.zip")
    assert (status, "rows.zip/b.jsonl" in out) == (1, True)


def test_a_sheet_is_named(tmp_path: Path, run: Run, project: Path) -> None:
    book = openpyxl.Workbook()
    for cells in (["Notes", "Dates"], ["x", "y"]):
        book.active.append(cells)
    book.create_sheet("Rows").append(["question", "answer"])
    book["Rows"].append(["q", "a"])
    book.save(tmp_path / "t.xlsx")
    status, out, err = run("import", project, tmp_path / "t.xlsx")
    assert (status, "user=Dates" in err, "Others: Rows" in err) == (2, True, True)
    status, out, err = run("import", project, tmp_path / "t.xlsx", "--sheet", "Rows")
    assert status == 0
    assert "Read the sheet “Rows”. Others: Sheet" in out


def test_the_requests_of_a_batch_are_named(tmp_path: Path, run: Run, project: Path) -> None:
    asked = '{"custom_id": "1", "body": {"messages": [{"role": "user", "content": "q"}]}}'
    said = '{"custom_id": "1", "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "a"}}]}}}'
    (tmp_path / "in.jsonl").write_text(asked)
    (tmp_path / "out.jsonl").write_text(said)
    status, _out, err = run("import", project, tmp_path / "out.jsonl")
    assert (status, "--requests" in err) == (2, True)
    status, out, _err = run("import", project, tmp_path / "out.jsonl", "--requests", tmp_path / "in.jsonl")
    assert (status, "1 row imported" in out) == (0, True)


@pytest.mark.parametrize("format", exporting.FORMATS)
def test_every_format_is_exported_and_what_is_lost_is_told(
    tmp_path: Path, run: Run, project: Path, format: str
) -> None:
    (tmp_path / "t.csv").write_text("question,answer,tags\nq,a,x\nr,b,\n")
    run("import", project, tmp_path / "t.csv")
    status, out, _err = run("rows", "export", project, tmp_path / "out", "--format", format)
    lacks_preferences = format in ("dpo", "trl")
    assert (status, "left out: no rejected answer" in out) == (int(lacks_preferences), lacks_preferences)
    has_columns = format in ("csv", "tsv", "markdown", "xlsx", "parquet", "huggingface-parquet")
    assert ("no place for it: tags (1)" in out) == (not has_columns)
    status, out, _err = run("export", project, tmp_path / "again", "--format", format, "--json")
    assert json.loads(out)["rows"] == (0 if lacks_preferences else 2)


def test_nothing_but_a_project_replaces_a_project(tmp_path: Path, run: Run, project: Path) -> None:
    other, rows, pipe = tmp_path / "other.juku", tmp_path / "rows.jsonl", tmp_path / "pipe"
    rows.write_text(chat_row("q", "a") + "\nbroken\n")
    run("import", project, rows)
    run("new", other)
    os.mkfifo(pipe)
    before = {file: file.read_bytes() for file in (other, rows)}
    for arguments in (
        ("export", project, project, "--format", "jsonl"),
        ("export", project, other, "--format", "csv"),
        ("export", project, other, "--format", "xlsx"),
        ("export", project, pipe, "--format", "jsonl"),
        ("check", rows, "--fix", other),
        ("check", rows, "--fix", rows),  # the broken line would be gone
        ("project", "save-copy", project, other),
    ):
        status, _out, err = run(*arguments)
        assert (status, bool(err)) == (2, True), arguments
    assert {file: file.read_bytes() for file in before} == before
    assert run("rows", "list", project)[0] == 0
    assert run("project", "save-copy", project, other, "--replace")[0] == 0
