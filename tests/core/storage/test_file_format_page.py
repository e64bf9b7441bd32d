"""The guide's page on the project file has the tables and columns of the program's own schema."""

import re
import sqlite3
from contextlib import closing

import pytest

from core import guide
from core.language import LANGUAGES
from core.storage import migrations, schema

NAME = re.compile(r"`([a-z_]+)`")


@pytest.fixture(scope="module")
def tables():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrations.migrate(db)
        return {name: schema.column_names(db, name) for name in schema.table_names(db)}


@pytest.fixture(params=LANGUAGES)
def page(request):
    return (guide.FOLDER / request.param / "file-format.md").read_text(encoding="utf-8")


def rows_of_tables(text):
    """Of each table of the page: the names in its first and its last cell."""
    cells = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return [(NAME.findall(line[0]), NAME.findall(line[-1])) for line in cells]


def test_every_table_is_on_the_page(page, tables):
    assert sorted(name for names, _columns in rows_of_tables(page) for name in names) == sorted(tables)


def test_the_columns_are_those_of_the_schema(tables):
    page = (guide.FOLDER / "en" / "file-format.md").read_text(encoding="utf-8")
    for names, columns in rows_of_tables(page):
        wanted = [column for name in names if name != "version_row" for column in tables[name]]
        if "version_row" in names:
            wanted += ["version", "example"]  # its own column, and "the columns of example"
        assert columns == wanted, names


def test_the_numbers_are_those_of_the_schema(page):
    assert f"{schema.APPLICATION_ID:#X}".replace("0X", "0x") in page
    assert re.search(rf"`PRAGMA user_version` \| [^|]*\b{len(migrations.MIGRATIONS)} \|", page)
