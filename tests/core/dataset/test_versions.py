import asyncio

import pytest

from core.dataset import bulk_edits, examples, versions
from core.progress import Reporter
from core.storage.project import Project
from tests.support.projects import new_example, write


@pytest.fixture
def kept(project):
    """Five rows kept as version 1, then one edited, one tagged, one deleted and one added."""
    write(project, examples.add, [new_example(f"q{n}", f"a{n}") for n in range(1, 6)])
    write(project, versions.save, "first")
    write(project, examples.set_field, 1, "answer", "other")
    write(project, examples.set_field, 2, "tags", "t")
    write(project, examples.delete, [3])
    write(project, examples.add, [new_example("q6", "a6")])
    return project


def test_a_diff_names_every_row_that_differs(kept):
    diff = versions.diff(kept.rows, 1)
    assert (diff.added, diff.removed, diff.changed) == (1, 1, 2)
    assert [(row.kind, row.id) for row in diff.rows] == [("changed", 1), ("changed", 2), ("removed", 3), ("added", 6)]
    edited, tagged, removed, added = diff.rows
    assert (edited.before.answer, edited.after.answer) == ("a1", "other")
    assert (tagged.before.tags, tagged.after.tags) == ("", "t")
    assert (removed.before.question, removed.after) == ("q3", None)
    assert (added.before, added.after.question) == (None, "q6")
    assert [row.id for row in versions.diff(kept.rows, 1, offset=1, limit=2).rows] == [2, 3]


def test_going_back_is_a_step_like_any_other(kept):
    now = list(examples.iterate(kept.rows))
    changes = write(kept, versions.restore, 1)
    assert changes.counts == {"example": 4}
    assert versions.diff(kept.rows, 1) == versions.VersionDiff(0, 0, 0, [])
    asyncio.run(kept.undo())
    assert list(examples.iterate(kept.rows)) == now


def test_two_versions_are_compared_and_one_that_holds_the_same_is_used_again(kept):
    write(kept, versions.save, "second")
    assert [version.name for version in versions.list_versions(kept.rows)] == ["second", "first"]
    diff = versions.diff(kept.rows, 1, 2)
    assert (diff.added, diff.removed, diff.changed) == (1, 1, 2)
    write(kept, versions.save_current, "third")
    assert len(versions.list_versions(kept.rows)) == 2
    write(kept, examples.set_field, 1, "notes", "n")
    write(kept, versions.save_current, "third")
    assert len(versions.list_versions(kept.rows)) == 3
    write(kept, versions.rename, 1, "renamed")
    write(kept, versions.delete, 2)
    assert [version.name for version in versions.list_versions(kept.rows)] == ["third", "renamed"]


def test_the_texts_of_a_version_outlive_their_rows(kept, tmp_path):
    write(kept, bulk_edits.delete, range(1, 7), Reporter())
    kept.close()
    again = Project(kept.path)
    write(again, versions.restore, 1)
    assert [row.answer for row in examples.iterate(again.rows)] == ["a1", "a2", "a3", "a4", "a5"]
    again.close()
