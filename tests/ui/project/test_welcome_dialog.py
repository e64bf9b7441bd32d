"""The welcome: three ways to begin, and the recent projects."""

import asyncio

from core import paths, settings
from tests.support.pages.windows import settings_without_server
from tests.support.until import until
from ui import app
from ui.project.recent_projects import RecentProject
from ui.project.welcome_dialog import WelcomeDialog


def open_welcome(window):
    window.files.show_welcome()
    (dialog,) = window.findChildren(WelcomeDialog)
    return dialog


def choose_path(monkeypatch, path):
    """The person names this file in the next dialog."""

    def answer(_window, _settings, _kind, _title, _name, then, *_rest):
        then(path)

        class Dialog:
            def open(self):
                """It has been answered."""

        return Dialog()

    monkeypatch.setattr("ui.widgets.file_dialogs.save_dialog", answer)


def test_teaching_begins_with_a_new_project_and_the_keyboard_in_its_text(run, window, monkeypatch, tmp_path):
    async def go():
        choose_path(monkeypatch, tmp_path / "Kitchen.juku")
        window.tabs.setCurrentWidget(window.exam_tab)
        open_welcome(window).teach.click()
        await until(lambda: window.workspace.project.path.stem == "Kitchen")
        await until(lambda: window.focusWidget() is window.spec_tab.editor)
        assert window.tabs.currentWidget() is window.spec_tab and window.path.isVisible()

    run(go())


def test_rows_that_are_brought_are_asked_for_in_a_new_project(run, window, monkeypatch, tmp_path):
    """Waits until the new project is open and files are asked for."""
    asked = []

    async def go():
        choose_path(monkeypatch, tmp_path / "Rows.juku")
        monkeypatch.setattr(window.files, "ask_for_rows", lambda: asked.append(window.workspace.project.path.stem))
        open_welcome(window).bring.click()
        await until(lambda: asked == ["Rows"])

    run(go())


def test_a_project_that_is_gone_is_told_and_taken_out(run, window, tmp_path):
    async def go():
        window.workspace.settings.recent = [str(tmp_path / "gone.juku"), str(window.workspace.project.path)]
        dialog = open_welcome(window)
        gone, there = dialog.list.item(0), dialog.list.item(1)
        assert "no longer there" in gone.text() and "no longer" not in there.text()
        dialog.open_project(gone)
        assert dialog.isVisible()
        dialog.forget(gone)
        assert dialog.list.count() == 1 and settings.load().recent == [str(window.workspace.project.path)]
        opened = []
        dialog.project_wanted.connect(opened.append)
        dialog.open_project(dialog.list.item(0))
        assert opened == [window.workspace.project.path] and not dialog.isVisible()

    run(go())


def test_the_recent_menu_greys_what_is_gone_and_forgets_it(run, window, tmp_path):
    async def go():
        window.workspace.settings.recent = [str(tmp_path / "gone & away.juku"), str(window.workspace.project.path)]
        menu = window.files.recent
        menu.aboutToShow.emit()
        gone, there, _line, forget = menu.actions()
        assert not gone.isEnabled() and there.isEnabled() and "gone && away" in gone.text()
        forget.trigger()
        assert settings.load().recent == [str(window.workspace.project.path)]

    run(go())


def test_the_home_folder_is_short(window):
    one = RecentProject(paths.Path.home() / "a.juku", "a", paths.shorten_home(paths.Path.home() / "b"), False)
    assert one.folder == "~/b" and paths.shorten_home(paths.Path("/srv/x")) == "/srv/x"


def test_the_first_start_welcomes_and_the_second_does_not(run):
    async def start(chosen):
        windows = []
        showing = asyncio.create_task(app.show(chosen, [], windows.append))
        await until(lambda: showing.done() or (windows and windows[0].isVisible()))
        found = [one for one in windows[0].findChildren(WelcomeDialog) if one.isVisible()]
        windows[0].close()
        await showing
        return len(found)

    async def go():
        assert await start(settings_without_server()) == 1
        assert await start(settings.load()) == 0

    run(go())
