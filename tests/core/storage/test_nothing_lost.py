"""Nothing lost: between sessions, beside another window, and on a disk that is full or cannot be written."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys

import pytest

from core import paths
from core.dataset import examples, filters, importing
from core.dataset.import_reader_process import ImportOptions, KnownRows, read_blocks, store_blocks
from core.errors import JukuError, MissingLogError, ProjectError
from core.storage import project, schema, undo
from core.storage.project import Project
from tests.support.projects import new_examples, write

ROWS = 2000


def test_undo_goes_on_after_a_restart(tmp_path):
    path = tmp_path / "p.juku"
    document = Project(path)
    write(document, examples.add, new_examples(3), label="Add")
    write(document, examples.set_field, 2, "answer", "new", label="Edit")
    write(document, examples.delete, [1], label="Delete")
    asyncio.run(document.undo())
    document.close()
    document = Project(path)
    assert (document.undo_label, document.redo_label) == ("Edit", "Delete")
    asyncio.run(document.redo())
    assert list(filters.find(document.rows)) == [2, 3]
    for _step in range(2):
        asyncio.run(document.undo())
    assert examples.fetch(document.rows, [2])[2].answer == "answer 1"
    document.close()
    document = Project(path)
    assert (document.undo_label, document.redo_label) == ("Add", "Edit")
    assert not any(name.startswith("kept_") for name in schema.table_names(document.rows))
    document.close()


def test_only_steps_that_are_small_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(undo, "MAX_SAVED_IMAGES", 5)
    document = Project(tmp_path / "p.juku")
    write(document, examples.add, new_examples(10), label="Many")
    write(document, examples.set_field, 2, "tags", "new", label="Few")
    document.close()
    document = Project(tmp_path / "p.juku")
    assert document.undo_label == "Few"
    asyncio.run(document.undo())
    assert document.undo_label is None
    document.close()


def test_an_import_is_undone_after_a_restart_and_its_texts_are_swept(tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(f"{row.data}\n" for row in new_examples(50)))
    document = Project(tmp_path / "p.juku")
    asyncio.run(importing.import_file(document, source))
    document.close()
    document = Project(tmp_path / "p.juku")
    asyncio.run(document.undo())
    write(document, examples.add, new_examples(1))
    document.close()
    document = Project(tmp_path / "p.juku")
    assert document.rows.execute("SELECT count(*) FROM pack").fetchone() == (1,)
    document.close()


def test_a_second_window_is_told(tmp_path):
    document = Project(tmp_path / "p.juku")
    with pytest.raises(ProjectError, match="already open"):
        Project(tmp_path / "p.juku")
    code = "import sys; from pathlib import Path; from core.storage.project import Project; Project(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(document.path)]
    other = subprocess.run(command, cwd=paths.RESOURCES.parent, capture_output=True, text=True)
    assert "already open" in other.stderr
    write(document, examples.add, new_examples(1))
    document.close()
    Project(tmp_path / "p.juku").close()


@pytest.fixture
def disk(tmp_path):
    """A function that mounts a small disk, with the given options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("no disk can be mounted here")
        return folder

    if not shutil.which("mount"):
        pytest.skip("no disk can be mounted here")
    yield mount
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def test_a_disk_that_cannot_be_written_shows_the_project_and_refuses_edits(disk, tmp_path):
    folder = disk("size=4m")
    document = Project(folder / "p.juku")
    write(document, examples.add, new_examples(3))
    document.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    document = Project(folder / "p.juku")
    assert document.read_only
    assert [row.question for row in examples.iterate(document.rows)] == ["question 0", "question 1", "question 2"]
    with pytest.raises(ProjectError, match="is read-only"):
        write(document, examples.set_field, 1, "answer", "x")
    document.close()


def test_a_project_that_was_not_closed_is_whole_on_a_disk_that_cannot_be_written(disk, tmp_path):
    """Its log can be brought in only in a copy; without its log it says so there, too."""
    document = Project(tmp_path / "p.juku")
    write(document, examples.add, new_examples(3))
    folder, alone = disk("size=4m"), "alone.juku"
    for part in tmp_path.glob("p.juku*"):
        shutil.copy(part, folder)
    shutil.copy(tmp_path / "p.juku", folder / alone)
    document.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    seen = Project(folder / "p.juku")
    assert len(filters.find(seen.rows)) == 3
    assert seen.read_only
    assert "p.juku" in seen.notice
    seen.close()
    with pytest.raises(MissingLogError):
        Project(folder / alone)
    seen = Project(folder / alone, without_log=True)
    assert len(filters.find(seen.rows)) == 0
    seen.close()


def steps(document, source):
    """Every kind of write there is, in turn for ever."""
    yield lambda: document.write("Add", examples.add, new_examples(5, 50))
    yield lambda: importing.import_file(document, source)
    yield lambda: document.write("Edit", examples.set_field, filters.find(document.rows)[0], "answer", "n" * 20_000)
    yield lambda: document.write("Delete", examples.delete, list(filters.find(document.rows)[::2]))
    yield document.undo
    yield from steps(document, source)


def test_a_full_disk_at_every_stage_keeps_all_finished_steps(disk, tmp_path):
    """Less and less room: whatever fails says so, and the project holds what was there before."""
    folder = disk("size=3m")
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(f"{row.data}\n" for row in new_examples(200, 30)))
    document = Project(folder / "p.juku")
    failed = 0
    for number, step in zip(range(60), steps(document, source), strict=False):
        before = list(examples.iterate_texts(document.rows))
        filler = folder / f"filler-{number}"
        filler.write_bytes(b"x" * min(50_000 * (number % 9), shutil.disk_usage(folder).free))
        try:
            asyncio.run(step())
        except JukuError as error:
            assert "full" in str(error), error
            assert list(examples.iterate_texts(document.rows)) == before
            failed += 1
        if shutil.disk_usage(folder).free < 100_000:
            for each in folder.glob("filler-*"):
                each.unlink()
    document.close()
    assert failed
    with sqlite3.connect(folder / "p.juku") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_file_that_grows_or_shrinks_while_it_is_read_brings_whole_rows_only(tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(f"{row.data}\n" for row in new_examples(ROWS, 20)))
    original = source.read_bytes()
    for change in (
        lambda: source.write_bytes(original[: len(original) // 2 - 7]),
        lambda: source.write_bytes(original * 2),
    ):
        source.write_bytes(original)
        document = Project(tmp_path / "p.juku")
        reporter = project.Reporter(lambda progress, change=change: change() if progress.done < 2**20 else None)
        write(
            document,
            lambda db, reporter=reporter: store_blocks(db, read_blocks(source, ImportOptions(), KnownRows(), reporter)),
            label="Import",
        )
        good = set(original.decode().splitlines())
        assert {row.data for row in examples.iterate(document.rows)} <= good
        document.close()
        document.path.unlink()
