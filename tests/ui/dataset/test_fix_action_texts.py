"""What the button says that fixes all rows with a problem."""

import asyncio

import pytest

from core.dataset import bulk_edits, examples
from core.dataset.bulk_edits import DIFFERENT_PROMPT
from core.dataset.row_json import read_texts
from core.progress import Reporter
from core.review import findings
from core.spec import facts, spec
from tests.core.dataset.test_row_system_prompts import rows
from ui.dataset import fix_action_texts


@pytest.mark.parametrize(
    ("wanted", "usual", "words", "becomes"),
    [
        ("Answer briefly.", "", "Use the project’s prompt in 7 rows", "Answer briefly."),
        ("", "Usual.", "Use the other rows’ prompt in 3 rows", "Usual."),
        ("", "", "Remove the system prompt from 3 rows", ""),
    ],
)
def test_it_is_said_which_prompt_the_rows_get(project, wanted, usual, words, becomes):
    made = [*rows(usual, 4), *rows("Imported.", 3, 100)]
    asyncio.run(project.write("Spec", facts.save, spec.Spec(system_prompt=wanted)))
    asyncio.run(project.write("Rows", examples.add, made))
    asyncio.run(findings.refresh(project, Reporter()))
    count = findings.count_by_rule(project.rows)[DIFFERENT_PROMPT]
    assert fix_action_texts.fix_button_text(DIFFERENT_PROMPT, count, project.rows) == words
    asyncio.run(project.write("Fix", bulk_edits.fix_all, DIFFERENT_PROMPT, Reporter()))
    assert {read_texts(text).system_prompt for text in examples.iterate_texts(project.rows)} == {becomes}
