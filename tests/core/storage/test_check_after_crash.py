"""What is called safe after a mistake of ours was compared with the file, all of it."""

import asyncio
import shutil

from core.dataset import examples
from core.generation import llm_runs
from core.storage import check_after_crash
from tests.support.projects import new_example


def add(db):
    examples.add(db, [new_example("q")])


def test_a_file_without_the_last_records_is_not_called_safe(project, tmp_path):
    """Of jobs, exams, chats and what was asked, as of rows: nothing of them is undoable, all of it was paid for."""
    older = tmp_path / "older.juku"
    for change in (add, lambda db: llm_runs.begin(db, "judge", "local", "m", [{"row": 1}])):
        asyncio.run(project.checkpoint())
        shutil.copy(project.path, older)
        asyncio.run(project.write("", change))
        known = check_after_crash._content_state(project.rows)
        found, is_whole = check_after_crash._state_on_disk(older)
        assert is_whole
        assert not check_after_crash._includes(found, known)
        assert asyncio.run(check_after_crash.check_safety(project)).is_safe
