"""`main.py generate`: rows without a model from the command line, counted first, and other ones when more is wanted."""

import json
from contextlib import closing

import pytest

from core.cli import commands
from core.dataset import examples
from core.dataset.filters import Filter
from core.spec import facts
from core.spec.spec import Spec
from core.storage import project as projects
from core.storage.project import Project
from tests.support.projects import write

TEXT = "The pool opens at six in the morning. A ticket costs 4 euros. A locker costs 2 euros.\n"


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.juku"
    with closing(projects.create(path)) as document:
        write(document, facts.save, Spec("Pool", "en", "", TEXT))
        write(document, facts.accept_missing)
    return path


def generate(capsys, path, *arguments):
    status = commands.run(["generate", str(path), "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def drafts(path):
    with closing(Project(path)) as document:
        return list(examples.iterate(document.rows, Filter(status="draft")))


def test_rows_are_counted_and_then_added_as_drafts(pool, capsys):
    status, counted = generate(capsys, pool, "--count")
    assert (status, counted["added"]) == (0, 0)
    assert counted["rows"] == sum(counted["kinds"].values()) > 20
    assert not drafts(pool)
    status, added = generate(capsys, pool)
    assert (status, added["added"], added["kinds"]) == (0, counted["rows"], counted["kinds"])
    assert len(drafts(pool)) == added["added"]
    assert generate(capsys, pool) == (1, {"rows": 0, "kinds": {}, "added": 0, "doubtful": 0})
    status, more = generate(capsys, pool, "--more", "--facts", "f02", "--kinds", "reworded", "--per-fact", "2")
    assert (status, more["kinds"]) == (0, {"reworded": 2})


def test_an_unknown_fact_is_an_error(pool, capsys):
    assert commands.run(["generate", str(pool), "--facts", "f99"]) == 2
    assert "There is no fact f99" in capsys.readouterr().err
    assert not drafts(pool)


def test_requests_to_a_model_are_counted_fact_by_fact_or_by_heading(pool, capsys):
    counted = []
    for more in ([], ["--by-heading"]):
        assert commands.run(["generate", "model", str(pool), "--json", "--model", "m", "--count", *more]) == 0
        counted.append(json.loads(capsys.readouterr().out))
    alone, together = counted
    assert together["rows"] == alone["rows"] > 20
    assert together["requests"] < alone["requests"]
