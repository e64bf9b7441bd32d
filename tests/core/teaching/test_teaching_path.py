"""Which step from a text to a verdict is next."""

import pytest

from core.dataset import examples
from core.spec import facts
from core.spec.spec import Spec
from core.teaching import teaching_path
from core.teaching.teaching_path import PathState, PathStep
from tests.support.projects import new_example, write


@pytest.mark.parametrize(
    ("state", "done", "words"),
    [
        (PathState(), 0, "drop the text"),
        (PathState(characters=900), 1, "facts that were found"),
        (PathState(900, 20), 2, "generate rows"),
        (PathState(900, 20, rows=4, drafts=60, exam_rows=9, all_drafts=62), 2, "62 drafts"),
        (PathState(900, 20, rows=40), 2, "for the exam"),
        (PathState(900, 22, rows=10, bare_facts=14), 2, "have none (14 of 22)"),  # a few rows were brought
        (PathState(900, 22, rows=10, drafts=457, exam_rows=0, bare_facts=14, all_drafts=460), 2, "460 drafts"),
        (PathState(900, 22, rows=10, bare_facts=9), 2, "for the exam"),
        (PathState(900, 22, rows=60, bare_facts=22), 2, "for the exam"),  # rows that name no fact are enough, too
        (PathState(900, 22, rows=10, exam_rows=4, bare_facts=14), 3, "on 10 rows"),
        (PathState(900, 20, rows=40, exam_rows=8), 3, "on 40 rows"),
        (PathState(900, 20, 40, 0, 8, models=1), 4, "take the exam"),
        (PathState(900, 20, 40, 0, 8, 1, exams=1), 5, "verdict"),
        (PathState(rows=40, exam_rows=8), 1, "on 40 rows"),  # rows that were brought need no text
        (PathState(900, 20, models=1, exams=1), 4, "generate rows"),  # the rows were deleted since
    ],
)
def test_the_next_step_is_said(state, done, words):
    assert len(state.done) == done and words in teaching_path.describe_next(state)
    assert state.next_step not in state.done


def test_the_steps_of_a_project_are_read(project):
    assert teaching_path.load(project.rows) == PathState()

    def fill(db):
        facts.save(db, Spec(name="Gates", text="The amber gate opens at 3. The bronze gate opens at 4."))
        facts.accept_missing(db)
        rows = [new_example(f"When does gate {number} open?", f"At {number}.") for number in range(12)]
        examples.add(db, rows)
        examples.add(db, [new_example("Which gate opens at 3?", "The amber one.", split="test")])

    write(project, fill)
    found = teaching_path.load(project.rows)
    assert (found.facts, found.rows, found.exam_rows, found.models, found.bare_facts) == (2, 12, 1, 0, 2)
    assert found.next_step == PathStep.TRAINING
