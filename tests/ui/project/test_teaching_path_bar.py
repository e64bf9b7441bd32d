"""The bar of the steps from a text to a verdict."""

from PySide6.QtWidgets import QApplication

from core import settings
from core.activity_history import ActivityKind
from core.dataset import examples
from core.teaching.teaching_path import PathState, PathStep
from tests.support.until import until


def next_of(window):
    return [step for step, button in window.path.buttons.items() if button.isChecked()]


def test_the_bar_says_what_is_next_and_a_click_goes_there(run, window):
    async def go():
        bar = window.path
        await until(lambda: next_of(window) == [PathStep.TRAINING])  # the sample has rows and no model yet
        assert bar.isVisible() and bar.buttons[PathStep.ROWS].text().startswith("✓")
        assert bar.buttons[PathStep.TRAINING].accessibleName() == "Step 4, Training: next"
        for step, tab in (
            (PathStep.ROWS, window.dataset_tab),
            (PathStep.EXAM, window.exam_tab),
            (PathStep.TRAINING, window.training_tab),
            (PathStep.FACTS, window.spec_tab),
        ):
            bar.buttons[step].click()
            assert window.tabs.currentWidget() is tab and next_of(window) == [PathStep.TRAINING]
        bar.act.setFocus()
        bar.next_wanted.emit()  # the button is off while it runs: the keyboard is with what it works on
        assert QApplication.focusWidget() is window.tabs.tabBar()  # there is no server: nothing can start
        bar.buttons[PathStep.TEXT].click()
        assert QApplication.focusWidget() is window.spec_tab.editor

    run(go())


def test_its_button_has_a_text_in_a_window_that_is_built_while_something_runs(run, window):
    async def go():
        bar = window.path
        await until(lambda: next_of(window) == [PathStep.TRAINING])
        bar.act.setText("")  # as it begins
        bar.show_running(window.workspace.activities.begin(ActivityKind.TRAINING, "Train smollm2", None, "job:1"))
        assert bar.act.text() == "Start training" and not bar.act.isEnabled()

    run(go())


def test_the_bar_follows_what_is_done(run, window):
    async def go():
        await until(lambda: next_of(window) == [PathStep.TRAINING])
        project = window.workspace.project
        ids = [row.id for row in examples.fetch(project.rows, list(range(1, 400))).values()]
        window.workspace.tasks.start("", project.write("Delete rows", examples.delete, ids))
        await until(lambda: next_of(window) == [PathStep.ROWS])
        assert "generate rows" in window.path.words.text()
        window.undo_action.trigger()
        await until(lambda: next_of(window) == [PathStep.TRAINING])

    run(go())


def test_rows_that_were_brought_tick_no_page_and_no_facts(run, window, monkeypatch):
    monkeypatch.setattr("core.teaching.teaching_path.load", lambda _db: PathState(rows=40, exam_rows=8))

    async def go():
        window.path.reload()
        await until(lambda: window.path.state == PathState(rows=40, exam_rows=8))
        buttons = [window.path.buttons[step] for step in (PathStep.TEXT, PathStep.FACTS, PathStep.ROWS)]
        assert [button.text() for button in buttons] == ["1 Page", "2 Facts", "✓ Rows"]
        assert buttons[0].accessibleName() == "Step 1, Page: not needed" and next_of(window) == [PathStep.TRAINING]

    run(go())


def test_it_is_hidden_for_good_and_brought_back_by_the_menu(run, window):
    async def go():
        await until(window.path.isVisible)
        window.path.close_button.click()
        assert not window.path.isVisible() and settings.load().hides_steps
        menu = next(action.menu() for action in window.menuBar().actions() if action.text() == "&View")
        (entry,) = [action for action in menu.actions() if action.text().startswith("S&teps")]
        assert not entry.isChecked()
        entry.trigger()
        assert window.path.isVisible() and entry.isChecked() and not settings.load().hides_steps

    run(go())


def test_a_project_that_was_taken_to_its_end_has_no_bar(run, window, monkeypatch):
    async def go():
        await until(window.path.isVisible)
        complete = PathState(900, 20, 40, 0, 8, 1, 1)
        monkeypatch.setattr("core.teaching.teaching_path.load", lambda _db: complete)
        window.path.reload()
        await until(lambda: "verdict" in window.path.words.text())
        assert window.path.isVisible()  # it has just been completed
        window.path.follow(window.workspace.project)
        window.path.reload()
        await until(lambda: not window.path.isVisible())

    run(go())


def test_a_low_window_has_no_bar(run, window):
    async def go():
        await until(window.path.isVisible)
        window.resize(1024, 600)
        await until(lambda: not window.path.isVisible())
        window.resize(1024, 626)  # 1600×940 at 150 %
        await until(window.path.isVisible)
        window.resize(1024, 800)
        await until(window.path.isVisible)
        assert settings.load().hides_steps is False

    run(go())
