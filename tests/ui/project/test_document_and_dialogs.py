"""File dialogs open and close every file they list: the project's own among them, while it is written."""

import shutil
import subprocess
import sys

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QListView

from core.dataset import examples, filters, importing
from core.formats import jsonl
from core.storage import database_file_lock, undo
from core.storage.project import Project
from tests.core.storage.test_project import KILLS, kill_often
from tests.support.pages.dialogs import ACCEPT, answer, question_of
from tests.support.until import until

ASK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT count(*) FROM example').fetchone())"


def is_kept_out(path):
    done = subprocess.run([sys.executable, "-c", ASK, str(path)], capture_output=True, text=True)
    return "database is locked" in done.stderr


async def listed(path):
    """Open Qt's own dialog on the folder, and wait until it shows the file."""
    dialog = QFileDialog(None, "", str(path.parent))
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.open()
    view = dialog.findChild(QListView, "listView")
    model = view.model()

    def names():
        root = view.rootIndex()
        return [model.index(number, 0, root).data() for number in range(model.rowCount(root))]

    await until(lambda: path.name in names())
    return dialog


def rows_file(tmp_path, count):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(jsonl.new_row("", f"q{number}", "a") + "\n" for number in range(count)))
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")
def test_a_file_dialog_lets_no_other_program_in(run, window, tmp_path):
    project = window.workspace.project

    async def go():
        before = len(filters.find(project.rows))
        for number in range(3):
            dialog = await listed(project.path)
            await project.write("Edit", examples.set_field, 1, "answer", f"edit {number}")
            assert is_kept_out(project.path)
            dialog.close()
            dialog.deleteLater()
        await importing.import_file(project, rows_file(tmp_path, 300))
        assert is_kept_out(project.path)
        assert len(filters.find(project.rows)) == before + 300
        assert examples.fetch(project.rows, [1])[1].answer == "edit 2"

    run(go())


@pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")
def test_where_a_dialog_drops_the_lock_the_window_takes_it_again(run, tmp_path, monkeypatch):
    """On a system that has only the locks of processes: so a dialog really does what all of this is about."""
    monkeypatch.setattr(database_file_lock.DatabaseFileLock, "_lock_descriptor", lambda _file: False)
    project = Project(tmp_path / "p.juku")

    async def go():
        dialog = await listed(project.path)
        await until(lambda: not is_kept_out(project.path))
        dialog.close()
        dialog.deleteLater()
        assert project.assert_locks()
        assert is_kept_out(project.path)

    run(go())
    project.close()


def test_killed_beside_dialogs_it_loses_nothing(tmp_path):
    """`kill_often` looks into the file after each kill."""
    kill_often(tmp_path, "tests.support.edit_beside_dialogs", max(2, KILLS // 4))


def test_the_file_is_whole_when_the_window_is_left(run, window):
    project = window.workspace.project
    log = project.path.with_name(f"{project.path.name}-wal")

    async def go():
        await project.write("Edit", examples.set_field, 1, "answer", "edited")
        assert log.stat().st_size
        QApplication.sendEvent(window, QEvent(QEvent.Type.ActivationChange))
        await until(lambda: not log.stat().st_size)

    run(go())


def test_a_project_without_its_log_asks_before_it_is_opened(run, window, tmp_path):
    copy = tmp_path / "copied.juku"

    async def go():
        project = window.workspace.project
        await project.checkpoint()
        await project.write("Edit", examples.set_field, 1, "answer", "edited")
        shutil.copy(project.path, copy)
        window.open_paths([copy])
        question = await question_of(window)
        assert "copied.juku-wal" in question.informativeText()
        assert window.workspace.project is project
        answer(window, ACCEPT)
        await until(lambda: window.workspace.project.path == copy)

    run(go())


def test_the_menu_says_which_step_ends_with_the_session(run, window, monkeypatch):
    """Waits until *Undo* and *Redo* name the step, and of the one that is too big to be saved when it ends."""
    monkeypatch.setattr(undo, "MAX_SAVED_IMAGES", 2)

    async def go():
        tasks, project = window.workspace.tasks, window.workspace.project
        tasks.start("", project.write("Few", examples.delete, [1, 2]))
        await until(lambda: window.undo_action.text() == "&Undo: Few")
        tasks.start("", project.write("Many", examples.delete, [3, 4, 5]))
        await until(lambda: window.undo_action.text() == "&Undo: Many (until you close Juku)")
        window.undo_action.trigger()
        await until(lambda: window.redo_action.text() == "&Redo: Many (until you close Juku)")

    run(go())


def test_what_another_program_left_is_shown(run, window, tmp_path):
    """Waits until the message bar says it, and the grid has the rows of the other file."""
    project = window.workspace.project
    shutil.copy(project.path, older := tmp_path / "older")

    async def go():
        await until(lambda: window.dataset_tab.model.rowCount())
        await project.write("Delete", examples.delete, filters.find(project.rows))
        older.replace(project.path)
        window.workspace.tasks.start("", project.write("Edit", examples.set_field, 1, "answer", "x"))
        await until(lambda: "replaced" in window.messages.text())
        await until(lambda: window.dataset_tab.model.rowCount() == len(filters.find(project.rows)) > 0)

    run(go())
