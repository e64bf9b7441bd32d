"""A job's status is one enum, whose values are the protocol's words, in the file and on the wire."""

import ast
import sqlite3
from contextlib import closing

import pytest

from core.paths import ROOT
from core.providers import TERMINAL, JobState, JobStatus
from core.training.jobs import ENDED, UNSENT

PLACES = ("core/training", "core/cli", "ui/training", "ui/rescue")


def test_its_values_are_what_is_stored_and_sent():
    assert [str(one) for one in TERMINAL] == ["succeeded", "failed", "cancelled"]
    assert [*ENDED] == ["succeeded", "failed", "cancelled", "missing"]
    assert [*UNSENT] == ["waiting", "uploading", "creating"]
    with closing(sqlite3.connect(":memory:")) as db:
        (stored,) = db.execute("SELECT ? || ''", (JobStatus.WAITING,)).fetchone()
    assert (stored, type(stored)) == ("waiting", str)
    assert {JobStatus.PAUSED: 1}["paused"] == 1


@pytest.mark.parametrize("status", ["succeeded", "pausing", "a word of some other server"])
def test_a_status_that_is_not_known_is_kept_as_it_is(status):
    state = JobState("ftjob-1", status, None, None, "", [])
    assert (state.status, state.ended) == (status, status == "succeeded")


def test_no_code_compares_a_status_with_a_literal():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for place in PLACES
        for path in (ROOT / place).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and getattr(node.left, "attr", getattr(node.left, "id", "")) == "status"
        and any(isinstance(part, ast.Constant) and part.value in [*JobStatus] for part in ast.walk(node))
    ]
    assert found == []
