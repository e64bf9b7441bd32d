"""Steps of undo: what a write says it has touched, and which steps a project takes into its next session."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.dataset import examples, filters, importing
from core.formats import jsonl
from core.progress import Reporter
from core.spec import facts, spec
from core.storage import compressed_texts, database_file, schema, undo, wal_check
from core.storage import project as projects
from core.storage.connection import transaction
from core.storage.project import Changes, Project
from tests.support.projects import new_examples


def add(project, count, label="Add"):
    return asyncio.run(project.write(label, examples.add, new_examples(count)))


def answers(project):
    return [row.answer for row in examples.iterate(project.rows)]


def note(db):
    """Write a record, which undo leaves alone."""
    names = "name, description, provider, model, source, text"
    db.execute(f"INSERT INTO domain ({names}) VALUES ('cooking', '', '', '', '', '')")


def test_a_write_says_which_rows_it_has_touched(project):
    assert add(project, 3).ids == {"example": {1, 2, 3}}
    changes = asyncio.run(project.write("Edit", examples.set_field, 2, "answer", "new"))
    assert (changes.ids, changes.counts, changes.tables) == ({"example": {2}}, {"example": 1}, {"example"})
    changes = asyncio.run(project.undo())
    assert (changes.ids, changes.counts) == ({"example": {2}}, {"example": 1})


def test_rows_are_named_up_to_a_limit_and_counted_beyond(project, monkeypatch):
    monkeypatch.setattr(undo, "MAX_LISTED_IDS", 3)
    assert add(project, 3).ids == {"example": {1, 2, 3}}
    changes = add(project, 4)
    assert (changes.ids, changes.count) == (None, 4)


def test_rows_that_were_loaded_are_one_step(project, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(jsonl.new_row("", f"q{i}", f"a{i}") + "\n" for i in range(4)))
    add(project, 1)

    async def go():
        brought = await importing.import_file(project, path)
        assert brought.changes.ids == {"example": {2, 3, 4, 5}}
        assert (await project.undo()).count == 4
        assert answers(project) == ["answer 0"]
        await project.redo()
        assert len(answers(project)) == 5

    asyncio.run(go())


def test_rows_that_were_loaded_are_another_state_and_none_are_the_same(project):
    def state():
        return schema.revision(project.rows), schema.commit_count(project.rows)

    def load(count):
        def some(db):
            for row in new_examples(count):
                examples.add(db, [row])
            return {"example": range(1, count + 1)}

        return asyncio.run(project.load("Load", some, Reporter()))

    before = state()
    assert load(0).count == 0 and state() == before
    assert project.undo_label is None
    assert load(3).ids == {"example": {1, 2, 3}}
    assert state() == (before[0] + 1, before[1] + 1)
    assert project.undo_label == "Load"


def test_nothing_to_undo_touches_nothing(project):
    async def go():
        return await project.undo(), await project.redo()

    assert asyncio.run(go()) == (Changes(""), Changes(""))


def test_steps_of_both_ways_go_on_in_the_next_session(tmp_path):
    path = tmp_path / "a.juku"

    async def edit(project):
        for answer in ("first", "second", "third"):
            await project.write(f"to {answer}", examples.set_field, 1, "answer", answer)
        await project.undo()

    with closing(Project(path)) as project:
        add(project, 1)
        asyncio.run(edit(project))
    with closing(Project(path)) as project:
        assert (project.undo_label, project.redo_label) == ("to second", "to third")
        assert project.undo_is_saved and project.redo_is_saved
        asyncio.run(project.redo())
        assert answers(project) == ["third"]
        for left in ("second", "first", "answer 0"):
            asyncio.run(project.undo())
            assert answers(project) == [left]
        assert project.undo_label == "Add"


def test_a_deleted_text_that_undo_can_bring_back_stays_in_the_file(tmp_path):
    path = tmp_path / "a.juku"
    with closing(Project(path)) as project:
        add(project, 2)
        asyncio.run(project.write("Delete", examples.delete, [1, 2]))
    with closing(Project(path)) as project:
        asyncio.run(project.undo())
        assert answers(project) == ["answer 0", "answer 1"]


def test_steps_beyond_the_limit_of_the_file_are_said_and_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(undo, "MAX_SAVED_IMAGES", 3)
    path = tmp_path / "a.juku"
    with closing(Project(path)) as project:
        add(project, 2, "two")
        assert project.undo_is_saved
        add(project, 3, "three")
        assert project.undo_is_saved
        add(project, 4, "four")
        assert not project.undo_is_saved
        asyncio.run(project.undo())
        assert not project.redo_is_saved
        assert not project.undo_is_saved  # what is to be redone comes first
    with closing(Project(path)) as project:
        assert (project.undo_label, project.redo_label) == (None, None)
        assert len(answers(project)) == 5


def test_the_newest_steps_are_those_that_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(undo, "MAX_SAVED_IMAGES", 3)
    path = tmp_path / "a.juku"
    with closing(Project(path)) as project:
        for label in ("old", "older than new", "new"):
            add(project, {"new": 1}.get(label, 2), label)
        asyncio.run(project.undo())
        assert project.redo_is_saved
    with closing(Project(path)) as project:
        assert (project.undo_label, project.redo_label) == ("older than new", "new")
        asyncio.run(project.undo())
        assert project.undo_label is None
        assert answers(project) == ["answer 0", "answer 1"]


def test_a_step_back_then_is_the_next_step_forward_only_once(project):
    for label in ("one", "two"):
        add(project, 1, label)
    asyncio.run(project.undo())
    assert (project.undo_label, project.redo_label) == ("one", "two")
    asyncio.run(project.undo())
    assert (project.undo_label, project.redo_label) == (None, "one")
    asyncio.run(project.redo())
    assert (project.undo_label, project.redo_label) == ("one", "two")


def test_the_state_tells_projects_and_their_changes_apart(tmp_path):
    with closing(Project(tmp_path / "a.juku")) as one, closing(Project(tmp_path / "b.juku")) as other:
        first = schema.project_state(one.rows)
        assert first != schema.project_state(other.rows)
        assert schema.revision(one.rows) == schema.revision(other.rows)  # so it is the id that differs
        revision = schema.revision(one.rows)
        asyncio.run(one.write("Spec", facts.save, spec.Spec(text="new")))
        assert schema.revision(one.rows) == revision + 1
        assert schema.project_state(one.rows) not in (first, schema.project_state(other.rows))


def test_every_table_of_the_file_is_watched(project):
    tables = {*schema.UNDOABLE, *schema.RECORDS}
    assert tables <= schema.table_names(project.rows)
    assert not set(schema.UNDOABLE) & set(schema.RECORDS)


def test_what_is_written_to_a_record_is_told_and_not_undone(project):
    before = schema.commit_count(project.rows)
    changes = asyncio.run(project.write("Note", note))
    assert (changes.records, changes.counts, changes.tables) == ({"domain"}, {}, {"domain"})
    assert project.undo_label is None
    assert schema.commit_count(project.rows) == before + 1
    assert asyncio.run(project.write("Nothing", lambda db: None)) == Changes("Nothing", ids={})
    assert schema.commit_count(project.rows) == before + 1


def test_a_project_that_is_opened_or_put_to_rest_is_one_file(tmp_path):
    with closing(Project(tmp_path / "a.juku")) as project:
        assert not project.has_log
        add(project, 1)
        assert project.has_log
        assert asyncio.run(project.checkpoint())
        assert not project.has_log
    assert not project.has_log
    assert asyncio.run(project.checkpoint())


def test_the_copy_that_is_looked_at_goes_when_it_is_closed(tmp_path):
    path = tmp_path / "a.juku"
    with closing(Project(path)) as project:
        add(project, 2)
        look = projects.open_read_only(path)
        copy = Path(look.rows.execute("PRAGMA database_list").fetchone()[2])
        assert copy != path and copy.exists()
        assert len(filters.find(look.rows)) == 2
        look.close()
        assert not copy.parent.exists()


def test_an_existing_file_is_never_made_anew(tmp_path):
    path = tmp_path / "a.juku"
    projects.create(path).close()
    before = path.read_bytes()
    with pytest.raises(projects.ProjectError, match="already exists"):
        projects.create(path)
    assert path.read_bytes() == before
    with closing(projects.open_existing(path)) as project:
        assert not project.read_only


def test_only_the_next_step_forward_has_to_fit(project, monkeypatch):
    monkeypatch.setattr(undo, "MAX_SAVED_IMAGES", 3)
    add(project, 3)
    add(project, 2)
    asyncio.run(project.undo())
    asyncio.run(project.undo())
    assert project.redo_is_saved


def test_the_first_write_of_any_kind_settles_the_log(project, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(jsonl.new_row("", "q", "a") + "\n")
    undo, redo = (lambda: asyncio.run(project.undo())), (lambda: asyncio.run(project.redo()))
    for write in (lambda: add(project, 1), lambda: asyncio.run(importing.import_file(project, path)), undo, redo):
        before = schema.revision(project.rows), schema.commit_count(project.rows)
        write()
        assert (schema.revision(project.rows), schema.commit_count(project.rows)) == (before[0] + 1, before[1] + 1)
        found = wal_check.read_log_marks(project.path)
        assert found.log is not None and found.file > 0 and found.log == -found.file
        assert asyncio.run(project.checkpoint())


def test_a_file_holds_what_there_was_only_with_its_records(project):
    add(project, 1)
    asyncio.run(project.write("Note", note))
    assert asyncio.run(project.checkpoint())
    mark, commits = project._writing.submit(project._storage.content_state).result()
    assert database_file._contains_state(project.path, (mark, commits))
    assert not database_file._contains_state(project.path, (mark, commits + 1))
    assert not database_file._contains_state(project.path, (mark - 1, commits))


def test_steps_that_are_kept_again_take_the_place_of_the_earlier(project):
    add(project, 1, "one")
    add(project, 1, "two")
    first, second = project._undo.undo_steps

    def keep(steps):
        with transaction(project._db):
            undo.save_steps(project._db, [(step.id, "undo", step.label) for step in steps])
        return project._db.execute("SELECT label FROM kept_step").fetchall()

    assert project._writing.submit(keep, [second, first]).result() == [("one",), ("two",)]
    assert project._writing.submit(keep, [second]).result() == [("two",)]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such bits")
def test_a_new_project_is_no_program_and_only_its_owner_writes_it(project):
    assert not project.path.stat().st_mode & 0o133


def test_steps_are_kept_all_or_none(tmp_path, monkeypatch):
    """A disk that is full at the close costs the undo steps, not the document."""

    def full(_db):
        raise sqlite3.OperationalError("database or disk is full")

    path = tmp_path / "a.juku"
    with monkeypatch.context() as during, closing(Project(path)) as project:
        add(project, 2)
        during.setattr(compressed_texts, "delete_unused_packs", full)
        project.close()
    with closing(Project(path)) as project:
        assert project.undo_label is None
        assert answers(project) == ["answer 0", "answer 1"]
