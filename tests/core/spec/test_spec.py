"""The spec itself: its fields are kept, each save is a step of undo, and its language is known."""

import asyncio

import pytest

from core.spec import facts, spec
from core.spec.spec import Spec
from tests.support.projects import write


def test_a_new_project_has_an_empty_spec(project):
    assert spec.load(project.rows) == Spec()
    assert facts.load(project.rows) == []


@pytest.mark.parametrize("save", [spec.store, facts.save])
def test_each_save_is_one_step_of_undo(project, save):
    first = Spec("Name", "en", "Prompt", "# Text\n", "What it is")
    second = Spec("Name", "en", "Prompt", "# Other 𠮟\n", "What it is not")
    for text in (first, second):
        assert write(project, save, text).counts == {"spec": 1}
    assert spec.load(project.rows) == second
    asyncio.run(project.undo())
    assert spec.load(project.rows) == first
    asyncio.run(project.redo())
    assert spec.load(project.rows) == second


@pytest.mark.parametrize(
    ("state", "language"),
    [
        (Spec(text="A team has three players."), "en"),
        (Spec(text="A team, チーム, has three players."), "ja"),
        (Spec(text="試合は十分間の前半と後半。"), "ja"),
        (Spec(text="チーム", language="en"), "en"),
        (Spec(), "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_that_of_the_letters(state, language):
    assert spec.get_language(state) == language
