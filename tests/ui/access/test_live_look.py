"""Another language or text size is seen at once: the window is built anew on the same open project, and nothing is lost."""

import asyncio
import dataclasses
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QSplitter

from core import settings
from core.dataset import examples
from core.exam import runs
from core.exam.runs import ExamPlan, ExamSubject
from core.providers import JobStatus, ModelOffer
from core.training.job_progress import JobProgress
from core.training.jobs import Job
from tests.support.pages.controls import choose
from tests.support.pages.dialogs import notice
from tests.support.pages.menus import find_entry
from tests.support.pages.windows import close, open_window
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui import style
from ui.main_window import MainWindow
from ui.settings.settings_dialog import SettingsDialog
from ui.spec.spec_chat_messages import MessageText
from ui.widgets.json_dialog import JsonDialog
from ui.window_rebuild import WindowRebuild
from ui.workspace import Workspace


@pytest.fixture
def held(run, sample):
    """The window on the sample, with what builds it anew; the window of the end is closed."""

    async def make():
        return WindowRebuild(open_window(sample))

    rebuild = run(make())
    yield rebuild
    if not rebuild.window.closed.done():
        run(close(rebuild.window))
    else:
        run(rebuild.window.workspace.close())
        rebuild.window.deleteLater()
    rebuild.deleteLater()


async def wait_for(gate: asyncio.Event) -> None:
    await gate.wait()


async def switch(rebuild: WindowRebuild, **chosen):
    """Choose another language or size, and wait for the window that has it."""
    before = rebuild.window
    for name, value in chosen.items():
        setattr(before.workspace.settings, name, value)
    before.workspace.look_changed.emit()
    await until(lambda: rebuild.window is not before and not rebuild.is_rebuilding())
    return rebuild.window


def test_the_language_changes_at_once_and_tab_selection_and_undo_stay(run, held):
    async def go():
        window = held.window
        project = window.workspace.project
        tab = window.dataset_tab
        await until(lambda: tab.model.rowCount() > 100)
        window.workspace.tasks.start("", project.write("Edit a row", examples.set_field, 1, "answer", "changed"))
        await until(window.undo_action.isEnabled)
        window.tabs.setCurrentWidget(tab)
        tab.choose("split:test")
        await until(lambda: 0 < tab.model.rowCount() < 100)
        tab.table.select_rows([2, 4])
        tab.table.go_to(4, select=False)
        ids = list(tab.table.selected_ids())
        new = await switch(held, language="ja")
        assert not new.tabs.tabText(0).isascii()
        assert new.workspace.project is project and new.isVisible()
        assert new.tabs.currentWidget() is new.dataset_tab
        await until(lambda: list(new.dataset_tab.table.selected_ids()) == ids)
        assert new.dataset_tab.bar.line.text() == "split:test"
        new.undo_action.trigger()
        await until(lambda: examples.fetch(project.rows, [1])[1].answer != "changed")

    run(go())


def test_what_is_typed_and_not_sent_is_there_in_the_new_window(run, held):
    async def go():
        window = held.window
        await until(lambda: window.dataset_tab.model.rowCount() > 100)
        window.chat_tab.question.setPlainText("Typed and not sent?")
        window.chat_tab.settings.temperature.setValue(0.7)
        window.spec_tab.chat.field.setPlainText("Say it shorter")
        window.spec_tab.editor.insertPlainText("A new first line.\n\n")
        window.training_tab.form.suffix.setText("mine")
        window.exam_tab.form.repeats.setValue(3)
        new = await switch(held, language="ja", text_size=150)
        assert new.chat_tab.question.toPlainText() == "Typed and not sent?"
        assert new.chat_tab.settings.temperature.value() == 0.7
        assert new.spec_tab.chat.field.toPlainText() == "Say it shorter"
        assert new.spec_tab.editor.toPlainText().startswith("A new first line.")
        assert new.training_tab.form.suffix.text() == "mine"
        assert new.exam_tab.form.repeats.value() == 3

    run(go())


def test_larger_letters_are_seen_at_once_and_the_entries_of_the_menu_follow(run, held, qapp):
    async def go():
        base, old = qapp.font().pointSizeF(), held.window
        larger = find_entry(old, "&View", "&Larger text")
        larger.trigger()
        await until(lambda: held.window is not old and not held.is_rebuilding())
        assert qapp.font().pointSizeF() == pytest.approx(1.1 * base)
        dialog = SettingsDialog(held.window.workspace, held.window)
        dialog.open()
        dialog.tabs.setCurrentIndex(5)
        old = held.window
        choose(dialog.text_size, style.TEXT_SIZES[-1])
        assert not find_entry(old, "&View", "&Larger text").isEnabled()
        await until(lambda: held.window is not old and not held.is_rebuilding())
        assert not find_entry(held.window, "&View", "&Larger text").isEnabled()
        assert settings.load().text_size == style.TEXT_SIZES[-1]
        (again,) = held.window.findChildren(SettingsDialog)
        assert again.isVisible() and again.tabs.currentIndex() == 5
        assert again.text_size.currentData() == style.TEXT_SIZES[-1]

    run(go())


def test_the_window_stays_as_it_is_arranged(run, held):
    """Not as it was when the project was closed last: that is what the project has."""

    async def go():
        old = held.window
        await old.layouts.save()
        old.resize(760, 640)
        old.tabs.setCurrentWidget(old.spec_tab)
        await until(lambda: sides(old).sizes()[0])
        sides(old).setSizes([300, 700])
        share = left_share(old)
        old.dataset_tab.table.header.show_column(0, False)
        old.activity.show()
        new = await switch(held)
        assert (new.width(), new.height()) == (760, 640) and new.activity.isVisible()
        assert 0 not in new.dataset_tab.table.header.shown_columns()
        # The other language's texts may need more room: the sides keep their shares of it.
        await until(lambda: abs(left_share(new) - share) < 0.04)

    run(go())


def test_a_window_that_is_being_closed_is_not_built_anew(run, held):
    """Another one would be left on a project that is closed."""

    async def go():
        window = held.window
        await until(lambda: window.dataset_tab.model.rowCount() > 100)
        window.spec_tab.editor.insertPlainText("A new first line.\n\n")  # to be saved first
        window.workspace.look_changed.emit()
        assert held.is_rebuilding()
        window.close()
        await asyncio.wait_for(asyncio.shield(window.closed), PATIENCE)
        await until(lambda: not held.is_rebuilding())
        assert held.window is window and not window.isVisible()

    run(go())


def sides(window):
    return window.findChild(QSplitter, "spec-sides")


def left_share(window):
    left, right = sides(window).sizes()
    return left / (left + right)


def test_an_exam_that_is_running_is_not_taken_for_one_that_was_broken_off(run, held):
    async def go():
        project = held.window.workspace.project
        await until(lambda: held.window.dataset_tab.model.rowCount() > 100)
        await project.write("", runs.add_run, ExamPlan([ExamSubject("nowhere", "m")]))
        new = await switch(held)
        await until(lambda: new.dataset_tab.model.rowCount() > 100)
        await new.flush()
        assert project.rows.execute("SELECT status FROM eval_run").fetchall()[-1] == (runs.ExamStatus.RUNNING,)

    run(go())


def test_a_job_and_a_download_are_followed_once(run, held):
    """The next window follows what the one before has followed: it ends when that ends."""

    async def go():
        old = held.window
        activities = old.workspace.activities
        fields = dict.fromkeys(one.name for one in dataclasses.fields(Job))
        job = Job(**{**fields, "id": 7, "model": "base-model", "status": JobStatus.RUNNING, "error": ""})
        fetched = ModelOffer("base-model", "Base", state="fetching")
        show(old, job, fetched)
        assert len(activities.running()) == 2
        new = await switch(held)
        show(new, job, fetched)
        assert len(activities.running()) == 2
        show(new, replace(job, status=JobStatus.SUCCEEDED), replace(fetched, state="ready"))
        assert activities.running() == []

    def show(window, job, offer):
        window.training_tab.activities.show_jobs([JobProgress(job)])
        window.training_tab.activities.show_models([offer])

    run(go())


def test_an_open_dialog_is_waited_for_and_that_is_said(run, held):
    async def go():
        old = held.window
        dialog = JsonDialog("The row as JSON", "{}", parent=old)
        dialog.open()
        old.workspace.settings.language = "ja"
        old.workspace.look_changed.emit()
        assert held.window is old and "The row as JSON" in notice(old).text.text()
        dialog.reject()
        old.workspace.tasks.start("", asyncio.sleep(0))
        await until(lambda: held.window is not old and not held.is_rebuilding())
        assert not held.window.tabs.tabText(0).isascii()

    run(go())


def test_an_import_that_is_running_is_waited_for(run, held):
    async def go():
        old, gate = held.window, asyncio.Event()
        old.workspace.tasks.start("Importing", wait_for(gate))
        old.workspace.look_changed.emit()
        assert held.reason() == "Importing" and held.window is old
        gate.set()
        await until(lambda: held.window is not old and not held.is_rebuilding())

    run(go())


def test_a_run_of_a_plan_goes_on_in_the_next_window(run, held):
    """Teaching and a rescue take hours: they keep their runner."""

    async def go():
        old = held.window
        teaching, rescuer = old.training_tab.teaching, old.files.rescuer
        gate = asyncio.Event()
        task = old.workspace.tasks.start("Teaching", wait_for(gate), is_windowless=True)
        new = await switch(held, language="ja")
        assert (new.training_tab.teaching, new.files.rescuer) == (teaching, rescuer)
        assert not task.done() and new.workspace.tasks.label == "Teaching"
        gate.set()
        await until(lambda: not new.workspace.tasks.label)

    run(go())


def test_a_conversation_about_the_text_is_kept(run, sample, server, server_key):
    """It is in no file: the next window shows the same questions, answers and offers."""
    server.answer("base-model", "I left one sentence out.")

    async def go():
        rebuild = WindowRebuild(MainWindow(Workspace(sample, server.settings())))
        rebuild.window.show()
        chat = rebuild.window.spec_tab.chat
        await until(lambda: chat.model.usable())
        chat.field.setPlainText("Shorter, please")
        chat.send.click()
        await until(lambda: not chat.is_busy() and "I left one sentence out." in texts_of(chat))
        new = await switch(rebuild, language="ja")
        assert texts_of(new.spec_tab.chat) == ["Shorter, please", "I left one sentence out."]
        await close(new)

    run(go())


def texts_of(chat):
    return [one.toPlainText() for one in chat.findChildren(MessageText) if one.toPlainText()]
