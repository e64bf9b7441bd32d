"""The queue behind the window: it runs while it has something to do, whatever happens to the window and the project."""

import asyncio

import pytest
from PySide6.QtWidgets import QMessageBox

from core.providers import JobStatus
from core.storage import project as projects
from core.storage.project import Project
from core.training import jobs, submit
from core.training.submit import TrainingPlan
from tests.support.fake_server import KEY, FakeServer, Fault
from tests.support.pages.dialogs import ACCEPT, REJECT, answer
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.queue_runner import QueueRunner
from ui.training import job_end_notice
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

PLAN = TrainingPlan("base-model", "study")


class Bench:
    """A workspace with a runner and no window."""

    def __init__(self, project: Project, server: FakeServer) -> None:
        self.workspace = Workspace(project, server.settings())
        self.runner = self.workspace.queue
        self.ended, self.sent, self.failed = [], [], []
        self.runner.ended.connect(lambda job: self.ended.append((job.id, job.status)))
        self.runner.sent.connect(lambda *sent: self.sent.append(sent))
        self.workspace.tasks.failed.connect(self.failed.append)

    async def play(self, scene):
        (await self.workspace.provider()).poll_seconds = 0.01
        try:
            await scene
        finally:
            await cancel_all(self.workspace.tasks.running())
            await (await self.workspace.provider()).close()

    async def queue(self, *plans):
        ids = await submit.enqueue(self.workspace.project, "fake", plans)
        self.runner.wake("fake")
        return ids

    def statuses(self):
        return [job.status for job in reversed(jobs.load_all(self.workspace.project.rows))]


@pytest.fixture
def bench(run, sample, server, server_key):
    async def make():
        return Bench(sample, server)

    return run(make())


def test_there_is_one_runner_for_a_workspace(bench):
    assert bench.workspace.findChildren(QueueRunner) == [bench.runner]


def test_jobs_are_sent_followed_and_told_once_and_then_nothing_runs(bench, server, run):
    async def go():
        first, second = await bench.queue(PLAN, PLAN)
        await until(lambda: bench.statuses() == ["running", "running"])
        server.end("ftjob-1", "succeeded")
        server.end("ftjob-2", "failed")
        await until(lambda: len(bench.ended) == 2)
        assert sorted(bench.ended) == [(first, "succeeded"), (second, "failed")]
        await until(lambda: not bench.workspace.tasks.running())
        asked = len(server.requests)
        await asyncio.sleep(0.1)
        assert len(server.requests) == asked

    run(bench.play(go()))
    assert {job for job, *_sent in bench.sent} <= {1, 2}
    assert bench.sent


def test_a_job_queued_after_that_is_taken_up(bench, server, run):
    """Waits three times until a job runs, has ended, and no task is left."""

    async def go():
        for number in (1, 2, 3):
            await bench.queue(PLAN)
            await until(lambda n=number: len(server.jobs) == n and bench.statuses()[-1] == "running")
            server.end(f"ftjob-{number}", "succeeded")
            await until(lambda n=number: len(bench.ended) == n)
            await until(lambda: not bench.workspace.tasks.running())

    run(bench.play(go()))


def test_another_project_has_a_queue_of_its_own(bench, server, run, tmp_path):
    async def go():
        await bench.queue(PLAN)
        await until(lambda: bench.statuses() == ["running"])
        first, path = bench.workspace.project, bench.workspace.project.path
        bench.workspace.switch(projects.create(tmp_path / "other.juku"))
        bench.runner.begin()
        await until(lambda: first._closed)
        assert bench.runner.failures == {}
        server.end("ftjob-1", "succeeded")
        bench.workspace.switch(projects.open_existing(path))
        bench.runner.begin()
        await until(lambda: bench.ended == [(1, "succeeded")])
        await until(lambda: not bench.workspace.tasks.running())
        bench.workspace.project.close()

    run(bench.play(go()))


def test_an_upload_is_cut_off_when_its_job_is_cancelled(bench, server, run):
    server.weather = lambda _method, path: Fault("stall") if path.endswith("/files") else None

    async def go():
        (id,) = await bench.queue(PLAN)
        await until(lambda: bench.statuses() == ["uploading"])
        await until(lambda: server.requests or bench.sent)
        await bench.runner.cancel(jobs.load(bench.workspace.project.rows, id))
        assert bench.statuses() == ["cancelled"]
        await until(lambda: not bench.workspace.tasks.running())

    run(bench.play(go()))
    assert server.creations == 0
    assert bench.failed == []


def test_what_is_being_asked_for_is_cancelled_as_soon_as_it_is_known(bench, server, run):
    server.lose_answer = True

    async def go():
        (id,) = await bench.queue(PLAN)
        await until(lambda: bench.statuses() == [JobStatus.CREATING])
        await bench.runner.cancel(jobs.load(bench.workspace.project.rows, id))
        await until(lambda: bench.statuses() == ["cancelled"])

    run(bench.play(go()))
    assert [job["status"] for job in server.jobs.values()] == ["cancelled"]


def test_a_server_that_answers_again_is_asked_again(bench, server, run):
    server.key = "another"

    async def go():
        await bench.queue(PLAN)
        await until(lambda: "fake" in bench.runner.failures)
        server.key = KEY
        await bench.workspace.load_offers()
        await until(lambda: bench.statuses() == ["running"])
        assert bench.runner.failures == {}

    run(bench.play(go()))


def test_the_limit_of_a_server_is_kept(bench, server, run):
    bench.workspace.settings.providers[0].limit = 2

    async def go():
        await bench.queue(PLAN, PLAN, PLAN)
        await until(lambda: bench.statuses() == ["running", "running", "waiting"])
        await asyncio.sleep(0.1)
        assert bench.statuses()[-1] == "waiting"
        server.end("ftjob-1", "cancelled")
        await until(lambda: bench.statuses() == ["cancelled", "running", "running"])

    run(bench.play(go()))


async def note_job(window, **what):
    values = {"provider": "local", "token": "t", "model": "m", "rows": "", "row_count": 1, "settings": "{}"}
    values |= {"status": "running", "remote_id": "ftjob-1", "method": "supervised"}
    await window.workspace.project.write("", jobs.insert, values | what)


@pytest.mark.parametrize("agreed", [True, False])
def test_closing_while_a_model_is_trained_here_is_asked_about(window, run, agreed):
    async def go():
        await note_job(window)
        window.close()
        assert "continues when Juku starts again" in answer(window, ACCEPT if agreed else REJECT)
        if agreed:
            await until(window.closed.done)
        else:
            await asyncio.sleep(0.1)
            assert not window.closed.done()
        await window.workspace.project.write("", jobs.delete, 1)

    run(go())


@pytest.mark.parametrize(
    "elsewhere",
    [{"provider": "nowhere"}, {"status": "paused"}, {"status": "succeeded"}, {"remote_id": None, "status": "waiting"}],
)
def test_closing_is_not_asked_about_where_nothing_is_lost(window, run, elsewhere):
    async def go():
        await note_job(window, **elsewhere)
        window.close()
        assert not window.findChildren(QMessageBox)
        await until(window.closed.done)

    run(go())


def test_the_end_of_a_job_is_told_in_the_window(window, run):
    async def go():
        job = _job(window, status="failed", error="<b>Line 4</b> is wrong", error_code="invalid_training_file")
        window.workspace.queue.ended.emit(job)
        text = window.findChild(Notice).text.text()
        assert text.startswith(
            "Not trained: base\nThe training rows cannot be used as they are. (<b>Line 4</b> is wrong) Fix"
        )

    run(go())


def test_what_is_said_of_each_end(window):
    said = {
        status: job_end_notice.format_notice(_job(window, status=status))[2]
        for status in ("succeeded", "cancelled", "failed")
    }
    assert said == {"succeeded": "good", "cancelled": "warning", "failed": "error"}


def _job(window, **values):
    base = dict.fromkeys(jobs.Job.__slots__, "")
    return jobs.Job(**{**base, "id": 1, "model": "base", "fine_tuned_model": None, **values})
