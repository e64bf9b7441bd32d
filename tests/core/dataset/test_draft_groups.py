"""Drafts by kind and form: what belongs together, which rows have problems, and samples of each group."""

import pytest

from core.dataset import draft_groups, examples
from core.dataset.draft_groups import SAMPLES
from tests.support.projects import new_example, write


def draft(question, kind="direct", tags="who", **fields):
    return new_example(question, kind=kind, tags=tags, status="draft", **fields)


@pytest.fixture
def mixed(project):
    rows = [
        *(draft(f"Who is number {number}?") for number in range(5)),
        draft("How many?", tags="how_many"),
        draft("What is it?", kind="statement", tags="masked"),
        draft("For the exam?", split="test"),
        draft("Also for the exam?", tags="where", kind="reworded", split="test"),
        draft("Written by a model?", tags=""),
        new_example("Approved?", kind="direct", tags="who"),
    ]
    write(project, examples.add, rows)
    write(
        project,
        lambda db: (
            db.execute("INSERT INTO finding (rule, cluster, example, message) VALUES ('ungrounded', 0, 2, 'x')")
            and None
        ),
    )
    return project


def test_a_group_is_of_one_kind_and_form_and_the_exam_has_its_own(mixed):
    groups = draft_groups.load_groups(mixed.rows)
    assert [(group.for_exam, group.kind, group.form, group.ids) for group in groups] == [
        (True, "direct", "who", (8,)),
        (True, "reworded", "where", (9,)),
        (False, "direct", "", (10,)),
        (False, "direct", "how_many", (6,)),
        (False, "direct", "who", (1, 2, 3, 4, 5)),
        (False, "statement", "masked", (7,)),
    ]
    assert groups[4].doubted == {2}
    assert groups[4].choose(without_doubted=True) == [1, 3, 4, 5]
    assert groups[4].choose(without_doubted=False) == [1, 2, 3, 4, 5]


def test_samples_are_of_their_group_and_others_come_with_another_seed(mixed):
    groups = draft_groups.load_groups(mixed.rows)
    samples = draft_groups.load_samples(mixed.rows, groups, 1)
    assert [len(rows) for rows in samples] == [min(SAMPLES, len(group.ids)) for group in groups]
    assert all({row.id for row in rows} <= set(group.ids) for group, rows in zip(groups, samples, strict=True))
    drawn = {tuple(row.id for row in draft_groups.load_samples(mixed.rows, groups, seed)[4]) for seed in range(1, 9)}
    assert len(drawn) > 1
