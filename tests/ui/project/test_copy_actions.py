"""Save a copy, Open a backup and the backups that make themselves, through the window's own menu and dialogs."""

import asyncio
import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QToolButton

from core.dataset import examples, filters
from core.errors import JukuError
from core.progress import Reporter
from core.storage import backups
from core.storage import project as projects
from core.storage.project import Project
from tests.support.pages.controls import choose
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui import backup_runner
from ui.project.backups_dialog import NAME_COLUMN, ROWS_COLUMN, BackupsDialog
from ui.settings.settings_dialog import SettingsDialog
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace


def action(window, words):
    """An entry of the File menu, by its text."""
    menu = window.menuBar().actions()[0].menu()
    return next(one for one in menu.actions() if one.text().replace("&", "").startswith(words))


def choose_path(dialog, path):
    """What a person does in a dialog that asks where a file goes."""
    dialog.selectFile(str(path))
    dialog.fileSelected.emit(str(path))
    dialog.close()


def edit(window, text):
    project = window.workspace.project
    window.workspace.tasks.start("", project.write("Edit a row", examples.set_field, 1, "answer", text))


def test_a_copy_is_saved_from_the_menu(run, window, tmp_path):
    async def go():
        action(window, "Save a copy").trigger()
        dialog = window.findChild(QFileDialog)
        assert Path(dialog.selectedFiles()[0]).name.startswith("test 20")
        choose_path(dialog, tmp_path / "copy.juku")
        await until(lambda: window.findChild(Notice) and "copy.juku" in window.findChild(Notice).text.text())
        assert window.workspace.project.path.name == "test.juku", "the copy is saved, not opened"

    run(go())
    copy = Project(tmp_path / "copy.juku")
    assert len(filters.find(copy.rows)) == len(filters.find(window.workspace.project.rows))
    copy.close()


def test_a_backup_is_made_when_one_wants_it(run, window):
    async def go():
        project = window.workspace.project
        folder = await project.read(backups.backup_folder)
        for count in (1, 2):  # also where nothing has changed since the last one
            action(window, "Back up now").trigger()
            await until(lambda count=count: len(backups.list_backups(folder)) == count)
            await until(lambda: not window.workspace.tasks.running())
        assert window.findChildren(Notice)[-1].text.text() == "A backup was made."

    run(go())


def test_a_backup_that_cannot_be_made_leaves_the_work_to_the_next(run, window, monkeypatch):
    async def go():
        edit(window, "Changed")
        project = window.workspace.project
        await until(lambda: project.unbacked_tables)
        before = set(project.unbacked_tables)

        async def refuse(_project, _reporter):
            raise JukuError("No room", "Free some space.")

        monkeypatch.setattr(backups, "back_up", refuse)
        with pytest.raises(JukuError):
            await window.workspace.backups.make_now(project, Reporter())
        assert project.unbacked_tables == before

    run(go())


def test_what_is_typed_is_in_the_copy(run, window, tmp_path):
    async def go():
        window.tabs.setCurrentWidget(window.dataset_tab)
        await until(lambda: window.dataset_tab.model.rowCount() > 100)
        window.dataset_tab.table.setCurrentIndex(window.dataset_tab.model.index(0, 1))
        window.dataset_tab.detail.question.setPlainText("Typed and not left?")
        window.copies.save_to(tmp_path / "copy.juku")
        await until((tmp_path / "copy.juku").exists)

    run(go())
    copy = Project(tmp_path / "copy.juku")
    assert examples.fetch(copy.rows, [1])[1].question == "Typed and not left?"
    copy.close()


def test_a_copy_over_the_open_project_is_refused_in_words(run, window):
    """Waits until the message bar says that this project is open."""

    async def go():
        window.copies.save_to(window.workspace.project.path)
        await until(lambda: "is open" in window.messages.text())

    run(go())


def test_a_backup_is_opened_as_a_copy(run, window, tmp_path):
    async def go():
        project = window.workspace.project
        rows = len(filters.find(project.rows))
        made = await backups.back_up(project, Reporter())
        edit(window, "after the backup")
        await until(lambda: project.undo_label == "Edit a row")
        action(window, "Open a backup").trigger()
        dialog = window.findChild(BackupsDialog)
        await until(lambda: dialog.table.rowCount() == 1)
        assert dialog.table.item(0, ROWS_COLUMN).text() == f"{rows}"
        assert dialog.table.item(0, NAME_COLUMN).text() == "test"
        dialog.open_copy.click()
        asked = window.findChild(QFileDialog)
        assert Path(asked.selectedFiles()[0]).name.startswith("test – backup of 20")
        choose_path(asked, tmp_path / "back.juku")
        await until(lambda: window.workspace.project.path == tmp_path / "back.juku")
        assert examples.fetch(window.workspace.project.rows, [1])[1].answer != "after the backup"
        assert made.path.exists()
        window.open_paths([tmp_path / "test.juku"])
        await until(lambda: window.workspace.project.path == tmp_path / "test.juku")
        assert examples.fetch(window.workspace.project.rows, [1])[1].answer == "after the backup"

    run(go())


def test_a_backup_is_never_restored_over_the_open_project(run, window):
    """Waits until the message bar says that this project is open."""

    async def go():
        made = await backups.back_up(window.workspace.project, Reporter())
        window.copies.restore_to(made, window.workspace.project.path)
        await until(lambda: "is open" in window.messages.text())

    run(go())


def test_the_list_of_backups_may_be_closed_before_it_is_read(run, window, monkeypatch):
    """Waits until the dialog is gone while its list is still read; what is read then fails nothing."""
    reached, leave = threading.Event(), threading.Event()

    def slow(*_folder):
        reached.set()
        leave.wait(PATIENCE)
        return []

    monkeypatch.setattr(backups, "list_backups", slow)

    async def go():
        window.copies.show_backups()
        await until(reached.is_set)
        window.findChild(BackupsDialog).close()
        await until(lambda: not window.findChild(BackupsDialog))
        leave.set()
        await asyncio.sleep(0)

    run(go())


def test_without_backups_it_says_when_they_are_made(run, window):
    async def go():
        window.copies.show_backups()
        dialog = window.findChild(BackupsDialog)
        await until(lambda: dialog.pages.currentIndex() == 1)
        assert not dialog.open_copy.isEnabled()
        dialog.close()

    run(go())


def test_a_backup_that_cannot_be_read_is_listed_and_not_offered(run, window):
    async def go():
        made = await backups.back_up(window.workspace.project, Reporter())
        made.path.write_bytes(b"no project" * 1000)
        window.copies.show_backups()
        dialog = window.findChild(BackupsDialog)
        await until(lambda: dialog.table.rowCount() == 1)
        assert dialog.table.item(0, ROWS_COLUMN).text() == "cannot be read"
        assert not dialog.open_copy.isEnabled()
        dialog.close()

    run(go())


def test_the_backups_of_other_projects_are_shown_on_demand(run, window, tmp_path):
    other = Project(tmp_path / "other.juku")
    asyncio.run(backups.back_up(other, Reporter()))
    other.close()

    async def go():
        window.copies.show_backups()
        dialog = window.findChild(BackupsDialog)
        await until(lambda: dialog.pages.currentIndex() == 1)
        dialog.all.click()
        await until(lambda: dialog.table.rowCount() == 1)
        assert dialog.table.item(0, NAME_COLUMN).text() == "other"
        dialog.close()

    run(go())


def test_a_backup_is_made_by_itself_after_a_change(run, window, monkeypatch):
    monkeypatch.setattr(backup_runner, "MIN_DELAY", 0.01)

    async def go():
        runner = window.workspace.backups
        runner._last -= 3600
        edit(window, "changed")
        await until(backups.list_all_backups)
        assert not window.workspace.project.unbacked_tables
        edit(window, "changed again")
        await until(runner._timer.isActive)
        assert runner._timer.remainingTime() > 29 * 60 * 1000, "the next one waits for its time"

    run(go())


def test_whoever_wants_none_gets_none(run, window, monkeypatch):
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)
    window.workspace.settings.backup_minutes = -1

    async def go():
        edit(window, "changed")
        await until(lambda: window.workspace.project.undo_label)
        assert not window.workspace.backups._timer.isActive()
        assert not window.workspace.backups.is_due_at_close(window.workspace.project)

    run(go())


@pytest.mark.parametrize("minutes", [30, 0])
def test_a_project_is_backed_up_when_it_is_closed(run, sample, monkeypatch, minutes):
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)

    async def go():
        from core.settings import Settings

        workspace = Workspace(sample, Settings(backup_minutes=minutes))
        await workspace.tasks.start("", sample.write("Edit a row", examples.set_field, 1, "answer", "changed"))
        await workspace.close()

    run(go())
    (made,) = backups.list_all_backups()
    assert backups.count_rows(made.path) > 100


def test_an_unchanged_project_is_not_backed_up(run, sample, monkeypatch):
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)

    async def go():
        from core.settings import Settings

        await Workspace(sample, Settings()).close()

    run(go())
    assert backups.list_all_backups() == []


def test_what_is_written_while_the_project_is_left_is_backed_up(run, window, tmp_path, monkeypatch):
    """Whether to back up was decided before the write had ended, and the change counted as one of the next project."""
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)
    other = Project(tmp_path / "other.juku")

    async def go():
        edit(window, "changed")
        await asyncio.sleep(0)  # the write has begun
        window.workspace.switch(other)
        await until(backups.list_all_backups)
        assert not other.unbacked_tables

    run(go())
    (made,) = backups.list_all_backups()
    assert made.name == "test"


def test_a_project_that_is_being_closed_can_be_opened_again(run, window, tmp_path, monkeypatch):
    """Its last backup took a moment, and the window said that the project is in use: by itself."""
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)
    Project(tmp_path / "other.juku").close()
    may_end, back_up = asyncio.Event(), backups.back_up
    opened = list[str]()

    async def slow(project, reporter):
        await may_end.wait()
        await back_up(project, reporter)

    monkeypatch.setattr(backups, "back_up", slow)

    async def go():
        edit(window, "changed")
        await until(lambda: window.workspace.project.undo_label)
        first = window.workspace.project.path
        window.open_paths([tmp_path / "other.juku"])
        await until(lambda: window.workspace.project.path.name == "other.juku")
        monkeypatch.setattr(projects, "open_existing", lambda path: opened.append(path.name) or Project(path))
        window.open_paths([first])
        for _ in range(50):  # of the event loop
            await asyncio.sleep(0)
        assert not opened, "it waits"
        may_end.set()
        await until(lambda: window.workspace.project.path == first)

    run(go())
    assert opened == ["test.juku"]


def test_a_project_that_is_left_for_another_is_backed_up(run, window, tmp_path, monkeypatch):
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)
    Project(tmp_path / "other.juku").close()

    async def go():
        edit(window, "changed")
        await until(lambda: window.workspace.project.undo_label)
        window.open_paths([tmp_path / "other.juku"])
        await until(lambda: window.workspace.project.path.name == "other.juku")
        await until(backups.list_all_backups)

    run(go())
    assert backups.list_all_backups()[0].name == "test"
    window.workspace.settings.backup_minutes = -1


def test_how_often_is_a_setting(run, window):
    async def go():
        dialog = SettingsDialog(window.workspace, window)
        dialog.open()
        page = dialog.backups
        assert page.often.currentData() == 30
        choose(page.often, -1)
        assert window.workspace.settings.backup_minutes == -1
        await until(lambda: dialog.servers._places)  # the pages look for keys before they may go
        dialog.close()

    run(go())


def test_a_project_in_a_synced_folder_says_what_is_safe(run, window, tmp_path):
    (tmp_path / "Dropbox").mkdir()
    for path in (tmp_path / "Dropbox" / "p.juku", tmp_path / "plain.juku"):
        Project(path).close()

    async def go():
        assert window.place.isHidden()
        window.open_paths([tmp_path / "Dropbox" / "p.juku"])
        await until(lambda: not window.place.isHidden())
        assert "Dropbox" in window.place.text()
        assert "one computer at a time" in window.place.text()
        window.messages.show_text("another message")
        assert not window.place.isHidden()
        window.place.findChild(QToolButton).click()
        assert window.place.isHidden()
        window.open_paths([tmp_path / "plain.juku"])
        await until(lambda: window.workspace.project.path.name == "plain.juku")
        await until(lambda: not window.workspace.tasks.running())
        assert window.place.isHidden()

    run(go())
