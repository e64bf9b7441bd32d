import asyncio
import sqlite3

from core import dataset, filters, migrations, packs, schema
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
