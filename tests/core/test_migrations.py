import asyncio
import sqlite3

from core import (
    coverage,
    dataset,
    evals,
    facts,
    filters,
    inquiries,
    migrations,
    packs,
    revisions,
    schema,
    spec,
    versions,
)
from core.formats import jsonl
from core.project import Project


def test_rows_of_the_first_tables_are_packed_with_nothing_lost(tmp_path):
    path = tmp_path / "old.juku"
    texts = [jsonl.new_row("", f"質問 {number}", "あ" * number) for number in range(150)]
    with sqlite3.connect(path) as db:
        migrations.m001_first_tables(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        for number, text in enumerate(texts):
            row = dataset.read_row(text)
            names = ("data", "question", "answer", "split", "kind", "facts", "tags", "key_points", "source", "problems")
            values = [getattr(row, name) for name in names]
            db.execute(
                f"INSERT INTO example ({', '.join(names)}, id, digest) VALUES ({', '.join('?' * len(names))}, ?, ?)",
                (*values, 3 * number + 1, number),
            )
    db.close()
    project = Project(path)
    rows = list(dataset.examples(project.rows))
    assert [row.data for row in rows] == texts
    assert [row.id for row in rows] == [3 * number + 1 for number in range(150)]
    assert {row.status for row in rows} == {"approved"}
    assert project.rows.execute("SELECT count(*) FROM pack").fetchone()[0] == -(-150 // packs.ROWS)
    asyncio.run(project.write("Edit", dataset.edit, 4, "answer", "new"))
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
    row = dataset.read_row(data, kind="direct", status="draft", facts="f07", notes="見た")
    with sqlite3.connect(path) as db:
        migrations.m001_first_tables(db)
        migrations.m002_packed_examples(db)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        ((pack, slot),) = packs.put(db, [data])
        example = {name: getattr(row, name) for name in dataset.OWN if name != "quote"}
        example |= {"id": 1, "pack": pack, "slot": slot, "question": row.question, "answer": row.answer, "length": 9}
        example |= {"source": "x", "line": 5, "problems": "", "digest": packs.digest(data.encode())}
        for table, values in {**SECOND, "example": example, "version_row": {**example, "version": 2}}.items():
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        before = {table: contents(db, table) for table in schema.tables(db)}
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
    (row,) = dataset.examples(project.rows)
    assert (row.data, row.status, row.notes, row.quote) == (data, "draft", "見た", "")
    (entry,) = coverage.ledger(project.rows)
    assert (entry.trained["direct"], entry.drafts, str(entry.recall)) == (1, 1, "1/1")
    (exam,) = evals.runs(project.rows)
    assert [(one.provider, one.model, one.condition) for one in exam.subjects] == [
        ("", "a", "closed"),
        ("", "b", "closed"),
    ]
    (answered,) = contents(project.rows, "eval_answer")
    assert answered["subject"] == exam.subjects[1].id
    assert revisions.load(project.rows) == [] == inquiries.load(project.rows)
    # The new tables work, and undo and old versions with them.
    asyncio.run(project.write("Edit", facts.save, spec.Spec("Hobannu", "ja", "短く。", "チームは4人です。\n")))
    assert facts.load(project.rows)[0].was == "チームは3人です。"
    asyncio.run(project.undo())
    asyncio.run(project.write("Delete", dataset.delete, [1]))
    asyncio.run(project.write("Back", versions.restore, 2))
    assert [row.data for row in dataset.examples(project.rows)] == [data]
    project.close()
