"""One place for all that runs, and the history of what ran."""

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from core import activity_history
from core.activity_history import ActivityKind, ActivityOutcome
from core.errors import JukuError
from core.progress import Progress
from tests.support.until import until
from ui.activity import activity_texts


def lines(window):
    table = window.activity.panel.table
    return [tuple(table.item(row, column).text() for column in (0, 1)) for row in range(table.rowCount())]


def test_what_runs_is_shown_cancelled_and_remembered(run, window):
    async def go():
        panel, tasks = window.activity.panel, window.workspace.tasks
        window.activity.toggle()
        assert panel.isVisible() and not lines(window) and not panel.go.isEnabled()
        tasks.start("Import a.csv", asyncio.sleep(3600), kind=ActivityKind.IMPORT)
        await until(lambda: lines(window) == [("Import a.csv", "Running")])
        assert window.activity.button.text() == "1 running"
        tasks.reporter("Import a.csv").update(30, 100)
        await until(lambda: lines(window) == [("Import a.csv", "30%")])
        QTest.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
        await until(lambda: lines(window) == [("Import a.csv", "Cancelled")])
        assert window.activity.button.text() == "Activity"
        assert [one.outcome for one in activity_history.load()] == ["cancelled"]  # another start reads this

    run(go())


def test_an_error_can_be_read_copied_and_taken_away(run, window):
    async def fail():
        raise JukuError("The file cannot be read", "<b>Line 3</b> ends in the middle.")

    async def go():
        panel = window.activity.panel
        window.activity.toggle()
        window.workspace.tasks.start("Import b.csv", fail(), kind=ActivityKind.IMPORT)
        await until(lambda: lines(window) == [("Import b.csv", "Failed")])
        assert panel.detail.toPlainText() == "The file cannot be read\n<b>Line 3</b> ends in the middle."
        panel.copy.click()
        assert "Import b.csv – Failed" in QGuiApplication.clipboard().text()
        QTest.keyClick(panel.table, Qt.Key.Key_Delete)
        assert not lines(window) and not activity_history.load()

    run(go())


def test_a_line_goes_to_its_place(run, window):
    async def go():
        panel, activities = window.activity.panel, window.workspace.activities
        window.activity.toggle()
        activities.end(activities.begin(ActivityKind.EXAM, "Exam"), ActivityOutcome.DONE, "12 answers")
        await until(lambda: lines(window) == [("Exam", "Done")])
        window.tabs.setCurrentWidget(window.dataset_tab)
        panel.table.setFocus()
        QTest.keyClick(panel.table, Qt.Key.Key_Return)
        await until(lambda: window.tabs.currentWidget() is window.exam_tab)
        panel.clear.click()
        assert not lines(window)

    run(go())


def test_short_edits_are_no_history(run, window):
    async def go():
        activities = window.workspace.activities
        activities.end(activities.begin(ActivityKind.OTHER, "Approve 3 rows"), ActivityOutcome.DONE)
        activities.end(activities.begin(ActivityKind.OTHER, "Approve 4 rows"), ActivityOutcome.FAILED, "no")
        assert [one.label for one in activities.history()] == ["Approve 4 rows"]

    run(go())


def test_a_job_that_was_left_goes_on_under_its_old_entry(run, window):
    async def go():
        activities = window.workspace.activities
        job = activities.begin(ActivityKind.TRAINING, "Train m", reference="job:7")
        activities.leave(job)
        assert [one.outcome for one in activities.history()] == ["continues"]
        again = activities.begin(ActivityKind.TRAINING, "Train m", reference="job:7")
        assert again.entry.id == job.entry.id and not activities.history()
        activities.leave(again)
        activities.close_left("job:7", ActivityOutcome.DONE, "Trained")
        assert [(one.outcome, one.text) for one in activities.history()] == [("done", "Trained")]

    run(go())


def test_the_time_left_is_told_from_the_pace(run, window, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("ui.activities.time.monotonic", lambda: now[0])

    async def go():
        activities = window.workspace.activities
        activity = activities.begin(ActivityKind.EXPORT, "Export")
        for passed, done, told in ((0, 0, "0%"), (1, 10, "10%"), (60, 25, "25% · about 3 minutes left")):
            now[0] = 100.0 + passed
            activities.report(activity, Progress(done, 100))
            assert activity_texts.format_progress(activity) == told
        activities.report(activity, Progress(30, 100, pause=9.0))
        assert "asked again in 9 seconds" in activity_texts.format_progress(activity)
        activities.end(activity, ActivityOutcome.DONE)

    run(go())


def test_closing_says_what_runs_and_what_becomes_of_it(run, window):
    async def go():
        window.workspace.tasks.start("Exam", asyncio.sleep(3600), kind=ActivityKind.EXAM)
        window.close()
        await until(lambda: window.findChild(QMessageBox))
        box = window.findChild(QMessageBox)
        assert box.informativeText() == "• Exam: answers that have arrived are kept; it can be continued"
        box.reject()
        await until(lambda: not window.findChildren(QMessageBox))
        assert window.isVisible()
        window.workspace.tasks.cancel()
        await until(lambda: not window.workspace.activities.running())

    run(go())
