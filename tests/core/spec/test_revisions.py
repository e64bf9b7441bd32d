"""Kept states of the spec: kept by name or as it is used, and gone back to as an ordinary edit."""

import asyncio

import pytest

from core.dataset import examples, filters, sample_projects
from core.dataset.examples import Filter
from core.errors import JukuError
from core.spec import facts, revisions, spec
from core.spec.facts import STALE_RULE
from core.spec.spec import Spec
from tests.support.projects import write


def keep(project, how=revisions.save, name="First"):
    kept = []
    changes = write(project, lambda db: kept.append(how(db, name)))
    assert changes.tables <= {"revision"}
    return kept[0]


def test_a_state_is_kept_once_where_work_is_made_from_it(project):
    write(project, spec.store, Spec("Game", "en", "Prompt", "A.\n", "What it is"))
    first = keep(project, revisions.save_current, "Job 1")
    assert keep(project, revisions.save_current, "Job 2") == first
    write(project, spec.store, Spec("Game", "en", "Prompt", "B.\n"))
    second = keep(project, revisions.save_current, "Job 3")
    assert keep(project, name="On demand") > second > first
    found = revisions.list_revisions(project.rows)
    assert [(one.name, one.spec.text) for one in found] == [("On demand", "B.\n"), ("Job 3", "B.\n"), ("Job 1", "A.\n")]
    assert found[2].spec == Spec("Game", "", "Prompt", "A.\n")
    assert found[0].created_at >= found[2].created_at > 0


@pytest.mark.parametrize(
    "other", [Spec("Name", "", "Prompt", "A"), Spec("Game", "", "Other", "A"), Spec("Game", "", "Prompt", "A.\n")]
)
def test_any_change_of_what_is_taught_is_another_state(project, other):
    write(project, spec.store, Spec("Game", "", "Prompt", "A"))
    first = keep(project, revisions.save_current)
    write(project, spec.store, other)
    assert keep(project, revisions.save_current) != first


def test_a_state_is_gone_back_to_by_one_undoable_step_and_the_facts_follow(project):
    write(project, sample_projects.fill, "hobannu-ja")
    first = keep(project)
    before = spec.load(project.rows), facts.load(project.rows), list(examples.iterate(project.rows))
    text = before[0].text.replace("3人ずつの2チーム", "5人ずつの2チーム")
    write(project, facts.save, Spec("Other", "ja", "Prompt", text, before[0].description))
    changed = spec.load(project.rows), facts.load(project.rows), list(examples.iterate(project.rows))
    assert filters.find(project.rows, Filter(rule=STALE_RULE))
    write(project, revisions.restore, first)
    assert (spec.load(project.rows), facts.load(project.rows), list(examples.iterate(project.rows))) == before
    asyncio.run(project.undo())
    assert (spec.load(project.rows), facts.load(project.rows), list(examples.iterate(project.rows))) == changed
    assert revisions.list_revisions(project.rows)[0].id == first


def test_a_state_is_renamed_and_forgotten(project):
    first, second = keep(project), keep(project, name="Second")
    write(project, revisions.rename, first, "Best")
    sql = (
        "INSERT INTO job (provider, token, model, rows, row_count, settings, created_at, status, error, revision) "
        "VALUES ('local', 't', 'm', '', 0, '{}', 0, 'succeeded', '', ?)"
    )
    write(project, lambda db: db.execute(sql, (second,)))
    write(project, revisions.delete, second)
    assert [one.name for one in revisions.list_revisions(project.rows)] == ["Best"]
    assert project.rows.execute("SELECT status, revision FROM job").fetchall() == [("succeeded", None)]
    with pytest.raises(JukuError, match="no longer there"):
        write(project, revisions.restore, second)
