"""The dialog that teaches until learned, over a real queue and a server whose models learn their rows."""

import pytest

from core.teaching import records
from core.teaching.records import TeachingStatus
from core.training import jobs
from tests.support import learning_server
from tests.support.learning_server import LearningServer
from tests.support.pages.training import TrainingPage
from tests.support.projects import write
from tests.support.until import until
from ui import style
from ui.training.teaching_dialog import HEIGHT_OF_A_RUN, TeachingDialog
from ui.workspace import Workspace


@pytest.fixture
def server(server_key):
    with LearningServer() as fake:
        yield fake


@pytest.fixture
def window(qtbot, run, project, server):
    write(project, learning_server.fill)

    async def make():
        return TrainingPage(qtbot, Workspace(project, server.settings()))

    window = run(make())
    run(window.play(window.open()))
    yield window
    run(window.workspace.close())


def open_dialog(window):
    window.tab.until_learned.click()
    (dialog,) = [one for one in window.tab.findChildren(TeachingDialog) if one.isVisible()]
    return dialog


def newest(window):
    return records.load_newest(window.workspace.project.rows)


def test_a_run_is_begun_shown_and_told(window, run):
    async def go():
        dialog = open_dialog(window)
        await until(lambda: dialog.primary.isEnabled())
        assert not dialog.again.isVisible()
        assert not dialog.plot.isVisible() and dialog.height() < style.scaled(HEIGHT_OF_A_RUN)  # no empty axes
        dialog.general.setChecked(False)
        dialog.target.setValue(100)
        dialog.primary.click()
        assert not dialog.primary.isEnabled() and not dialog.minutes.isEnabled()
        dialog.close()  # the run goes on
        await until(lambda: newest(window) and newest(window).is_over)
        dialog = open_dialog(window)
        await until(lambda: dialog.plot.isVisible() and dialog.height() >= style.scaled(HEIGHT_OF_A_RUN))
        await until(lambda: "Exam, asked once at the end: 10/10" in dialog.verdict.text())
        assert dialog.rows.text().splitlines()[1].startswith("Round 1 · questions by rules")
        assert "Round 1" in dialog.plot.accessibleDescription()
        assert dialog.primary.isEnabled() and not dialog.again.isVisible() and not window.failures

    run(window.play(go()))


def test_a_run_is_cancelled_with_its_job_and_continued(window, run, server):
    server.holds_jobs = True

    async def go():
        dialog = open_dialog(window)
        await until(lambda: dialog.primary.isEnabled())
        dialog.general.setChecked(False)
        dialog.primary.click()
        await until(lambda: server.jobs and jobs.load_all(window.workspace.project.rows)[0].remote_id)
        dialog.line.cancel.click()
        await until(lambda: dialog.again.isVisible() and "can be continued" in dialog.verdict.text())
        assert newest(window).status == TeachingStatus.CANCELLED
        await until(lambda: [job["status"] for job in server.jobs.values()] == ["cancelled"])
        server.holds_jobs = False
        dialog.again.click()
        await until(lambda: newest(window).is_over and not window.tab.teaching.is_running)
        await until(lambda: not dialog.again.isVisible())
        assert server.creations == 2

    run(window.play(go()))


def test_a_run_that_is_left_with_the_window_keeps_its_job(window, run, server):
    server.holds_jobs = True

    async def go():
        dialog = open_dialog(window)
        await until(lambda: dialog.primary.isEnabled())
        dialog.primary.click()
        await until(lambda: server.jobs)
        project = window.workspace.project
        await window.workspace.tasks.close()
        assert records.load_newest(project.rows).status == TeachingStatus.RUNNING
        assert [job["status"] for job in server.jobs.values()] == ["running"]

    run(go())


def test_what_cannot_begin_says_why(window, run):
    write_nothing = "DELETE FROM example"

    async def go():
        await window.workspace.project.write("", lambda db: db.execute(write_nothing) and None)
        dialog = open_dialog(window)
        await until(lambda: dialog.primary.isEnabled())
        dialog.primary.click()
        await until(lambda: window.failures)
        assert "no exam questions" in str(window.failures[0]) and dialog.primary.isEnabled()
        assert newest(window) is None

    run(window.play(go()))
