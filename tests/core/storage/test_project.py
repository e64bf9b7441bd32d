import asyncio
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import examples, filters, importing
from core.errors import JukuError, ProjectError
from core.formats import jsonl
from core.paths import ROOT
from core.progress import Reporter
from core.spec import facts, spec
from core.storage import migrations, schema, undo
from core.storage import project as projects
from core.storage.project import Project
from tests.support.edit_forever import contents, steps
from tests.support.patience import PATIENCE
from tests.support.projects import new_examples

KILLS = int(os.environ.get("JUKU_KILLS", "12"))  # more of them with: JUKU_KILLS=200


def test_undo_and_redo_restore_every_row(project):
    async def go():
        changes = await project.write("Add", examples.add, new_examples(10))
        assert (changes.counts, project.undo_label) == ({"example": 10}, "Add")
        await project.write("Edit", examples.set_field, 3, "answer", "new")
        assert examples.fetch(project.rows, [3])[3].answer == "new"
        assert (await project.undo()).label == "Edit"
        assert examples.fetch(project.rows, [3])[3].answer == "answer 2"
        await project.undo()
        assert not filters.find(project.rows)
        assert project.undo_label is None
        await project.redo()
        await project.redo()
        assert examples.fetch(project.rows, [3])[3].answer == "new"
        assert project.redo_label is None

    asyncio.run(go())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("edit"), st.integers(0, 20)),
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("spec"), st.text(st.characters(codec="utf-8"), max_size=5)),
        st.tuples(st.just("undo"), st.just(0)),
        st.tuples(st.just("redo"), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=40)
def test_any_sequence_equals_a_list_of_states(tmp_path_factory, steps):
    """The document against the plainest model of undo there is: a list of whole states and a place in it."""
    project = Project(tmp_path_factory.mktemp("p") / "test.juku")

    def state():
        ids = filters.find(project.rows)
        return list(examples.fetch(project.rows, ids).items()), spec.load(project.rows)

    async def go():
        states, place = [state()], 0
        for number, (verb, argument) in enumerate(steps):
            if verb in ("undo", "redo"):
                await (project.undo() if verb == "undo" else project.redo())
                place = max(0, place - 1) if verb == "undo" else min(len(states) - 1, place + 1)
            elif (await apply(verb, argument, number)).count:
                states, place = [*states[: place + 1], state()], place + 1
            assert state() == states[place]

    async def apply(verb, argument, number):
        ids = filters.find(project.rows)
        if verb == "add":
            return await project.write("add", examples.add, new_examples(argument))
        if verb == "spec":
            return await project.write("spec", facts.save, spec.Spec(text=argument, name=str(number)))
        chosen = [ids[argument % len(ids)]] if ids else []
        if verb == "delete" or not chosen:
            return await project.write("delete", examples.delete, chosen)
        return await project.write("edit", examples.set_field, chosen[0], "answer", f"edit {number}")

    try:
        asyncio.run(go())
    finally:
        project.close()


def test_a_failing_change_leaves_nothing(project):
    def half(db):
        examples.add(db, new_examples(3))
        raise JukuError("no")

    async def go():
        with pytest.raises(JukuError):
            await project.write("Half", half)
        assert not filters.find(project.rows)
        assert project.undo_label is None

    asyncio.run(go())


def test_cancelling_an_import_takes_it_back(project, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text((jsonl.new_row("", "q", "a" * 500) + "\n") * 20_000)
    started = asyncio.Event()

    async def go():
        loop = asyncio.get_running_loop()
        reporter = Reporter(lambda _progress: loop.call_soon_threadsafe(started.set))
        task = asyncio.ensure_future(importing.import_file(project, path, reporter=reporter))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not filters.find(project.rows)
        assert project.undo_label is None

    asyncio.run(go())


def test_a_write_that_is_cancelled_stops_halfway_and_leaves_nothing(project):
    began = threading.Event()

    def endless(db, reporter):
        examples.add(db, new_examples(1))
        began.set()
        while True:
            reporter.check()

    async def go():
        reporter = Reporter()
        task = asyncio.ensure_future(project.write("Endless", endless, reporter, reporter=reporter))
        await asyncio.to_thread(began.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not filters.find(project.rows) and project.undo_label is None
        assert (await project.write("Add", examples.add, new_examples(1))).count == 1

    asyncio.run(go())


def test_images_beyond_the_limit_are_dropped(project):
    async def go():
        for number in range(undo.UNDO_LIMIT + 5):
            await project.write("Spec", facts.save, spec.Spec(text=str(number)))
        return await asyncio.to_thread(lambda: None)

    asyncio.run(go())
    assert kept_steps(project) == undo.UNDO_LIMIT


def kept_steps(project):
    """How many steps have images of the spec."""
    count = "SELECT count(DISTINCT step) FROM before_spec"
    return project._writing.submit(lambda: project._db.execute(count).fetchone()[0]).result()


def test_images_of_a_way_forward_that_has_ended_are_dropped(project):
    async def go():
        for text in ("a", "b"):
            await project.write("Spec", facts.save, spec.Spec(text=text))
        await project.undo()
        await project.write("Spec", facts.save, spec.Spec(text="c"))

    asyncio.run(go())
    assert kept_steps(project) == 2


def test_a_change_after_an_undo_ends_the_way_forward(project):
    async def go():
        await project.write("Add", examples.add, new_examples(3))
        await project.write("Edit", examples.set_field, 1, "answer", "first")
        await project.undo()
        assert project.redo_label == "Edit"
        await project.write("Edit", examples.set_field, 2, "answer", "second")
        assert project.redo_label is None
        assert (await project.redo()).label == ""
        assert [row.answer for row in examples.iterate(project.rows)] == ["answer 0", "second", "answer 2"]

    asyncio.run(go())


def test_five_hundred_steps_can_be_undone_and_no_more(project, monkeypatch):
    assert undo.UNDO_LIMIT == 500
    monkeypatch.setattr(undo, "UNDO_LIMIT", 3)

    async def go():
        await project.write("Add", examples.add, new_examples(1))
        for number in range(5):
            await project.write("Edit", examples.set_field, 1, "answer", f"edit {number}")
        undone = 0
        while (await project.undo()).label:
            undone += 1
        assert (undone, examples.fetch(project.rows, [1])[1].answer) == (3, "edit 1")

    asyncio.run(go())


@pytest.mark.parametrize("content", [b"hello" * 1000, b"", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_project_is_refused_unchanged(tmp_path, content):
    path = tmp_path / "x.juku"
    path.write_bytes(content)
    if content:
        with pytest.raises(ProjectError):
            Project(path)
        assert path.read_bytes() == content
    else:
        Project(path).close()  # an empty file is where a project may be made


def test_another_programs_database_is_refused_unchanged(tmp_path):
    path = tmp_path / "other.juku"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="not a Juku project"):
        Project(path)
    assert path.read_bytes() == before


def test_a_newer_project_is_refused(tmp_path):
    path = tmp_path / "new.juku"
    Project(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(migrations.MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(ProjectError, match="newer"):
        Project(path)


def test_an_older_project_is_backed_up_and_migrated(tmp_path, monkeypatch):
    path = tmp_path / "old.juku"
    project = Project(path)
    asyncio.run(project.write("Add", examples.add, new_examples(2)))
    project.close()
    more = [*migrations.MIGRATIONS, lambda db: db.execute("ALTER TABLE example ADD COLUMN extra TEXT")]
    monkeypatch.setattr(migrations, "MIGRATIONS", more)
    project = Project(path)
    assert len(filters.find(project.rows)) == 2
    assert "extra" in schema.column_names(project.rows, "example")
    project.close()
    monkeypatch.undo()
    backup = Project(tmp_path / f"old.juku.backup-v{len(migrations.MIGRATIONS)}")
    assert len(filters.find(backup.rows)) == 2
    backup.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ProjectError, match="cannot be written"):
        Project(tmp_path / "missing" / "x.juku")
    with pytest.raises(ProjectError, match="cannot be found"):
        projects.open_existing(tmp_path / "x.juku")


def test_a_full_disk_is_said_and_loses_nothing(project):
    async def go():
        await project.write("Add", examples.add, new_examples(5))
        pages = project._writing.submit(lambda: project._db.execute("PRAGMA page_count").fetchone()[0]).result()
        # SQLite's own limit fails in the same way, and with the same words, as a disk without room.
        project._writing.submit(lambda: project._db.execute(f"PRAGMA max_page_count = {pages + 2}")).result()
        with pytest.raises(ProjectError, match="full"):
            await project.write("Add", examples.add, new_examples(5000))
        assert len(filters.find(project.rows)) == 5
        project._writing.submit(lambda: project._db.execute("PRAGMA max_page_count = 100000")).result()
        await project.write("Add", examples.add, new_examples(5000))
        assert len(filters.find(project.rows)) == 5005

    asyncio.run(go())


def test_who_cancels_too_late_hears_what_was_done(project):
    """The change is in the file: the window shows it, and nothing after it is done."""
    heard, done = [], threading.Event()

    async def caller():
        heard.append(await project.write("Add", add))
        await asyncio.sleep(0)
        heard.append("went on")

    def add(db):
        examples.add(db, new_examples(3))
        loop.call_soon_threadsafe(lambda: (task.cancel(), done.set()))
        assert done.wait(PATIENCE)

    async def go():
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(caller())
        with pytest.raises(asyncio.CancelledError):
            await task

    loop = task = None
    asyncio.run(go())
    assert [changes.count for changes in heard] == [3]
    assert len(filters.find(project.rows)) == 3


def test_a_time_that_runs_out_while_something_is_written_is_told_as_such(project):
    async def go():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:

                def add(db):
                    examples.add(db, new_examples(1))
                    over = threading.Event()
                    loop.call_soon_threadsafe(limit.reschedule, loop.time())
                    loop.call_soon_threadsafe(loop.call_later, 0.01, over.set)
                    assert over.wait(PATIENCE)

                await project.write("Add", add)
                await asyncio.sleep(PATIENCE)

    asyncio.run(go())
    assert len(filters.find(project.rows)) == 1


def test_a_killed_process_loses_nothing_that_was_done(tmp_path):
    """kill -9 at random moments: the file is sound and holds exactly the steps that were finished."""
    kill_often(tmp_path, "tests.support.edit_forever", KILLS)


def kill_often(tmp_path, module, rounds):
    chance = random.Random(1)
    path, source = tmp_path / "killed.juku", tmp_path / "rows.jsonl"
    source.write_text("".join(jsonl.new_row("", f"q{i}", f"a{i}") + "\n" for i in range(300)))
    Project(path).close()
    for seed in range(rounds):
        before = tmp_path / f"before-{seed}.juku"
        shutil.copyfile(path, before)
        count = run_and_kill(module, path, source, seed, chance.randint(1, 12))
        assert is_sound(path, tmp_path / "sound")
        exported = path.with_suffix(".jsonl")
        assert not exported.exists() or all(json.loads(line) for line in exported.read_text().splitlines())
        project = Project(path)
        found = contents(project)
        project.close()
        # Killed between the commit and the report, one more step may be there: whole.
        assert found in asyncio.run(replay(before, source, seed, count + 1))[count - 1 :]
        for left in tmp_path.glob("before-*"):
            left.unlink()


def is_sound(path, folder):
    """What another program finds in a copy of file and log; in the place itself it would take the log away."""
    folder.mkdir(exist_ok=True)
    for part in path.parent.glob(f"{path.name}*"):
        shutil.copyfile(part, folder / part.name)
    with sqlite3.connect(folder / path.name) as db:
        found = db.execute("PRAGMA integrity_check").fetchone()
    db.close()
    shutil.rmtree(folder)
    return found == ("ok",)


def run_and_kill(module, path, source, seed, wanted):
    """Let the process report `wanted` steps and kill it in a later one; how many it had reported then."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(path), str(source), str(seed)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    for _number in range(wanted):
        process.stdout.readline()
    process.kill()
    reported = wanted + len(process.stdout.read().splitlines())
    process.wait()
    process.stdout.close()
    return reported


async def replay(path, source, seed, count):
    """What the project holds after each of the first `count` steps."""
    project, found = Project(path), []
    async for digest in steps(project, source, seed):
        found.append(digest)
        if len(found) == count:
            break
    project.close()
    return found


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_where_the_file_or_its_folder_cannot_be_written_it_is_only_read(project, closed, monkeypatch):
    project.close()
    place = project.path if closed == "file" else project.path.parent
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: allowed(path, mode) and (path, mode) != (place, os.W_OK))
    with closing(Project(project.path)) as opened:
        assert opened.read_only and opened.notice
        with pytest.raises(ProjectError, match="read-only"):
            asyncio.run(opened.write("Add", examples.add, new_examples(1)))
    with closing(Project(project.path.with_name("new.juku"))) as new:
        assert not new.read_only
