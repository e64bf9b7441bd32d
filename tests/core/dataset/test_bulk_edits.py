import asyncio
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import bulk_edits, examples
from core.dataset.bulk_edits import ReplacePattern
from core.dataset.filters import Filter
from core.errors import FormatError
from core.formats import jsonl
from core.progress import Cancelled, Reporter
from tests.support.projects import new_example

ROW = '{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Tea or tea?"}, {"role": "assistant", "content": "Tea.", "weight": 1}], "n": 1.50}'


@pytest.fixture
def tea(project):
    rows = [examples.read_row(ROW, tags="hot drink"), new_example("Milk?", "No.")]
    asyncio.run(project.write("Add", examples.add, rows * 2))
    return project


def change(project, verb, *args):
    return asyncio.run(project.write("Step", verb, *args, Reporter()))


def row(project, id):
    return examples.fetch(project.rows, [id])[id]


def test_a_bulk_edit_is_one_step_and_says_how_many_rows(tea):
    assert change(tea, bulk_edits.set_field, [1, 2, 3], "status", "draft").counts == {"example": 3}
    assert examples.count_values(tea.rows, "status") == {"draft": 3, "approved": 1}
    assert change(tea, bulk_edits.add_tag, [1, 2], "new hot").ids == {"example": {1, 2}}
    assert [row(tea, id).tags for id in (1, 2)] == ["hot drink new", "new hot"]
    change(tea, bulk_edits.remove_tag, [1, 2, 3], "hot")
    assert [row(tea, id).tags for id in (1, 2, 3)] == ["drink new", "new", "drink"]
    change(tea, bulk_edits.add_prefix, [2, 3], "question", "Say: ")
    assert row(tea, 3).question == "Say: Tea or tea?"
    for _step in range(4):
        asyncio.run(tea.undo())
    assert row(tea, 3).data == ROW
    assert examples.count_values(tea.rows, "status") == {"approved": 4}


def test_a_system_prompt_is_replaced_added_or_removed(tea):
    change(tea, bulk_edits.set_system_prompt, [1, 2], "New.")
    assert row(tea, 1).data == ROW.replace('"S"', '"New."')
    assert jsonl.system_prompt(row(tea, 2).data) == "New."
    change(tea, bulk_edits.set_system_prompt, [1], "")
    assert [message["role"] for message in json.loads(row(tea, 1).data)["messages"]] == ["user", "assistant"]


def test_the_preview_shows_exactly_what_will_be_written(tea):
    pattern = ReplacePattern("tea", r"\1 coffee", fields=("question", "answer", "tags"))
    shown = bulk_edits.preview_replacements(tea.rows, pattern, Filter())
    assert shown.total == 2
    assert [(one.id, one.field) for one in shown.changes] == [
        (1, "question"),
        (1, "answer"),
        (3, "question"),
        (3, "answer"),
    ]
    change(tea, bulk_edits.replace_text, pattern, Filter())
    for one in shown.changes:
        assert getattr(row(tea, one.id), one.field) == one.after
    assert row(tea, 1).question == r"\1 coffee or \1 coffee?"
    assert row(tea, 1).data.endswith('"weight": 1}], "n": 1.50}')


def test_groups_case_and_a_bad_expression(tea):
    groups = ReplacePattern(r"(\w+) or (\w+)", r"\2 and \1", regex=True, match_case=True, fields=("question",))
    assert [one.after for one in bulk_edits.preview_replacements(tea.rows, groups, [1]).changes] == ["tea and Tea?"]
    cased = ReplacePattern("tea", "x", match_case=True)
    assert [one.after for one in bulk_edits.preview_replacements(tea.rows, cased, [1]).changes] == ["Tea or x?"]
    for find, replace in (("(", ""), ("a", r"\2"), ("a", r"\g<")):
        with pytest.raises(FormatError):
            ReplacePattern(find, replace, regex=True)


def test_a_cancelled_bulk_edit_leaves_nothing(tea):
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(tea.write("Step", bulk_edits.set_field, [1], "tags", "x", reporter, reporter=reporter))
    assert row(tea, 1).tags == "hot drink"
    with pytest.raises(Cancelled):
        bulk_edits.preview_replacements(tea.rows, ReplacePattern("tea"), Filter(), reporter=reporter)


@given(st.text(max_size=8), st.text("ab\\.1", max_size=4), st.text("ab\\.1", min_size=1, max_size=3))
def test_without_an_expression_every_sign_stands_for_itself(text, replace, find):
    expected = re.sub(re.escape(find), lambda _match: replace, text, flags=re.IGNORECASE)
    assert ReplacePattern(find, replace).substitution()(text) == expected
