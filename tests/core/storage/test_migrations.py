import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest

from core.cli import commands
from core.dataset import examples, filters, versions
from core.exam import fact_coverage, runs
from core.formats import jsonl
from core.generation import llm_runs
from core.spec import facts, revisions, spec
from core.storage import compressed_texts, migrations, schema, undo
from core.storage.project import Project


def test_rows_of_the_first_tables_are_packed_with_nothing_lost(tmp_path):
    path = tmp_path / "old.juku"
    texts = [jsonl.new_row("", f"質問 {number}", "あ" * number) for number in range(150)]
    with sqlite3.connect(path) as db:
        migrations.m001_first_tables(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        for number, text in enumerate(texts):
            row = examples.read_row(text)
            names = ("data", "question", "answer", "split", "kind", "facts", "tags", "key_points", "source", "problems")
            values = [getattr(row, name) for name in names]
            db.execute(
                f"INSERT INTO example ({', '.join(names)}, id, digest) VALUES ({', '.join('?' * len(names))}, ?, ?)",
                (*values, 3 * number + 1, number),
            )
    db.close()
    project = Project(path)
    rows = list(examples.iterate(project.rows))
    assert [row.data for row in rows] == texts
    assert [row.id for row in rows] == [3 * number + 1 for number in range(150)]
    assert {row.status for row in rows} == {"approved"}
    assert project.rows.execute("SELECT count(*) FROM pack").fetchone()[0] == -(-150 // compressed_texts.TEXTS_PER_PACK)
    asyncio.run(project.write("Edit", examples.set_field, 4, "answer", "new"))
    asyncio.run(project.undo())
    assert filters.find(project.rows)[-1] == 448
    project.close()


# What a project of the second tables held, one row of each.
SECOND = {
    "spec": {"id": 1, "name": "Hobannu", "language": "ja", "system_prompt": "短く。", "text": "チームは3人です。\n"},
    "fact": {"id": 4, "name": "f07", "text": "チームは3人です。", "quote": "チームは3人です。"},
    "unread": {"id": 1, "source": "a", "line": 3, "start": 0, "length": 2, "raw": b"\xff{", "rule": "r", "message": "m"},
    "saved_filter": {"id": 1, "name": "Mine", "words": "kind:direct"},
    "version": {"id": 2, "name": "First", "created_at": 1.5, "rows": 1},
    "job": {
        "id": 3, "provider": "local", "token": "t", "remote_id": "ftjob-1", "model": "m", "rows": "1", "row_count": 1,
        "settings": "{}", "created_at": 1.0, "finished_at": 2.0, "status": "succeeded", "fine_tuned_model": "ft", "error": "",
        "version": 2,
    },
    "job_event": {
        "id": 1, "job": 3, "remote_id": "e", "created_at": 1.0, "level": "info", "message": "m", "data": "{}",
    },
    "eval_run": {
        "id": 1, "created_at": 1.0, "finished_at": 2.0, "models": '["a", "b"]', "repeats": 1, "settings": "{}",
        "status": "succeeded",
    },
    "eval_question": {
        "id": 1, "run": 1, "question": "何人？", "reference": "3人", "key_points": "3", "kind": "reworded", "facts": "f07",
    },
    "eval_answer": {
        "id": 1, "run": 1, "question": 1, "model": "b", "sample": 0, "text": "3人", "score": 1.0, "passed": 1,
        "fingerprint": "fp",
    },
    "finding": {"id": 1, "rule": "near-duplicate", "cluster": 1, "example": 1, "message": ""},
}  # fmt: skip


MOVED = {"eval_run": ("models",), "eval_answer": ("model",)}  # to the subjects of a run


def second_file(path):
    """A file of the second tables with something in each; its row's JSON text."""
    data = jsonl.new_row("短く。", "チームは何人ですか。", "3人です。")
    row = examples.read_row(data, kind="direct", status="draft", facts="f07", notes="見た")
    with sqlite3.connect(path) as db:
        migrations.m001_first_tables(db)
        migrations.m002_packed_examples(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        ((pack, slot),) = compressed_texts.store_texts(db, [data])
        example = {name: getattr(row, name) for name in examples.METADATA_FIELDS if name != "quote"}
        example |= {"id": 1, "pack": pack, "slot": slot, "question": row.question, "answer": row.answer, "length": 9}
        example |= {"source": "x", "line": 5, "problems": "", "digest": compressed_texts.digest(data.encode())}
        for table, values in {**SECOND, "example": example, "version_row": {**example, "version": 2}}.items():
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        before = {table: contents(db, table) for table in schema.table_names(db)}
    db.close()
    return data, before


def contents(db, table):
    """The rows of a table, each as a dict."""
    found = db.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def test_a_project_of_the_second_tables_keeps_everything(tmp_path):
    path = tmp_path / "old.juku"
    data, before = second_file(path)
    project = Project(path)
    for table, rows in before.items():
        if table != "meta":
            after = contents(project.rows, table)
            for old in rows:
                for name in MOVED.get(table, ()):
                    old.pop(name)
            assert [{name: row[name] for name in old} for old, row in zip(rows, after, strict=True)] == rows, table
    assert spec.load(project.rows).description == ""
    (fact,) = facts.load(project.rows)
    assert (fact.name, fact.ignored, fact.was, fact.known) == ("f07", False, "", "")
    (row,) = examples.iterate(project.rows)
    assert (row.data, row.status, row.notes, row.quote) == (data, "draft", "見た", "")
    (entry,) = fact_coverage.load(project.rows)
    assert (entry.trained["direct"], entry.drafts, str(entry.recall)) == (1, 1, "1/1")
    (exam,) = runs.load_all(project.rows)
    assert [(one.provider, one.model, one.condition) for one in exam.subjects] == [
        ("", "a", "closed"),
        ("", "b", "closed"),
    ]
    (answered,) = contents(project.rows, "eval_answer")
    assert answered["subject"] == exam.subjects[1].id
    assert revisions.list_revisions(project.rows) == [] == llm_runs.load_all(project.rows)
    # The new tables work, and undo and old versions with them.
    asyncio.run(project.write("Edit", facts.save, spec.Spec("Hobannu", "ja", "短く。", "チームは4人です。\n")))
    assert facts.load(project.rows)[0].was == "チームは3人です。"
    asyncio.run(project.undo())
    asyncio.run(project.write("Delete", examples.delete, [1]))
    asyncio.run(project.write("Back", versions.restore, 2))
    assert [row.data for row in examples.iterate(project.rows)] == [data]
    project.close()


STEPS = {
    "Delete the row": "DELETE FROM example",
    "Reword the fact": "UPDATE fact SET text = 'new', quote = 'other'",
    "Rename the spec": "UPDATE spec SET name = 'Other'",
    "Repair the line": "DELETE FROM unread",
    "Add a filter": "INSERT INTO saved_filter (name, words) VALUES ('New', 'word')",
}


def keep_steps(path, version):
    """Bring a file of the second tables to `version`, and leave undo steps in it as the Juku of that time did at its close."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(2, version):
            migrations.MIGRATIONS[number](db)
        db.execute(f"PRAGMA user_version = {version}")
        watch(db, version)
        kept = []
        for label, change in STEPS.items():
            kept.append((undo.begin_step(db), "undo", label))
            db.execute(change)
        undo.save_steps(db, kept[::-1])


def watch(db, version):
    """`undo.create_triggers`, as far as the tables of that time go."""
    there = [table for table in schema.RECORDS if table in schema.table_names(db)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(undo, "RECORDS", there)
        undo.create_triggers(db)


def undoable(db):
    return {table: contents(db, table) for table in schema.UNDOABLE}


@pytest.mark.parametrize("version", range(2, len(migrations.MIGRATIONS) + 1))
def test_undo_steps_of_an_older_juku_are_undone_and_redone(tmp_path, version):
    """They were dropped without a word."""
    path, plain = tmp_path / "old.juku", tmp_path / "plain.juku"
    data, _before = second_file(path)
    shutil.copy(path, plain)
    keep_steps(path, version)
    with closing(Project(plain)) as project:
        first = undoable(project.rows)
    with closing(Project(path)) as project:
        last = undoable(project.rows)
        assert project.undo_label == "Add a filter"
        for label in [*STEPS][::-1]:
            assert asyncio.run(project.undo()).label == label
        assert undoable(project.rows) == first
        assert [row.data for row in examples.iterate(project.rows)] == [data]
        assert project.undo_label is None
        for _label in STEPS:
            asyncio.run(project.redo())
        assert undoable(project.rows) == last
    with closing(Project(path)) as project:  # and from then on as any
        assert project.undo_label == "Add a filter"


def test_a_migration_is_told_with_where_the_file_is_as_it_was(tmp_path):
    path = tmp_path / "old.juku"
    second_file(path)
    with closing(Project(path)) as project:
        assert "“old.juku” was written by an older Juku" in project.notice
        assert "“old.juku.backup-v2”" in project.notice
        assert "undone" not in project.notice
    with closing(Project(path)) as project:
        assert project.notice == ""  # said once
    with closing(sqlite3.connect(tmp_path / "old.juku.backup-v2")) as db:
        assert schema.schema_version(db) == 2


def test_steps_that_cannot_be_taken_along_are_counted_and_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        migrations, "COLUMN_ADDING_MIGRATIONS", migrations.COLUMN_ADDING_MIGRATIONS - {migrations.m003_knowledge}
    )
    path = tmp_path / "old.juku"
    second_file(path)
    keep_steps(path, 2)
    assert commands.run(["link", str(path)]) == 0
    said = capsys.readouterr().err
    assert "“old.juku.backup-v2”" in said
    assert "5 earlier steps can no longer be undone" in said
    with closing(Project(path)) as project:
        assert project.undo_label is None
        assert list(filters.find(project.rows)) == []  # what they had done stays done


@pytest.mark.parametrize("step", sorted(migrations.COLUMN_ADDING_MIGRATIONS, key=lambda step: step.__name__))
def test_a_widening_migration_only_adds_columns_that_have_a_default(step):
    """What a person has written may be changed by none of them: kept steps would bring back what is no longer right."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for before in migrations.MIGRATIONS[: migrations.MIGRATIONS.index(step)]:
            before(db)
        fill(db)
        before = undoable(db)
        step(db)
        after = undoable(db)
        assert any(before.values())
        for table, rows in before.items():
            assert [{name: row[name] for name in old} for old, row in zip(rows, after[table], strict=True)] == rows
            for row in after[table]:
                added = set(row) - set(rows[0])
                defaults = {
                    name: default
                    for _cid, name, _kind, _null, default, _key in db.execute(f"PRAGMA table_info({table})")
                }
                assert all(defaults[name] is not None for name in added)


def fill(db):
    """One row in each table that can be undone, whatever columns it has."""
    for table in schema.UNDOABLE:
        names = schema.column_names(db, table)
        db.execute(
            f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", [str(at) for at in range(1, len(names) + 1)]
        )
