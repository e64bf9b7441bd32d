"""What the button says that fixes all rows with a problem."""

import asyncio

import pytest

from core import dataset, editing, facts, findings, spec
from core.editing import DIFFERING
from core.progress import Reporter
from core.said import turns
from tests.core.test_trained_prompt import rows
from ui import fixing


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
    asyncio.run(project.write("Rows", dataset.add, made))
    asyncio.run(findings.refresh(project, Reporter()))
    count = findings.counts(project.rows)[DIFFERING]
    assert fixing.button(DIFFERING, count, project.rows) == words
    asyncio.run(project.write("Fix", editing.fix_all, DIFFERING, Reporter()))
    assert {turns(text).prompt for text in dataset.texts(project.rows)} == {becomes}
