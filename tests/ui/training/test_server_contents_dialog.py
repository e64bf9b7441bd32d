"""The window over a server's jobs, files and models, against a real HTTP server."""

import pytest

from core.storage.project import Project
from core.training import jobs, unused_files
from tests.support.fake_server import KEY, FakeServer
from tests.support.pages.dialogs import DESTROY, REJECT, answer
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.training.server_contents_dialog import ServerContentsDialog
from ui.workspace import Workspace


@pytest.fixture
def server(server, monkeypatch):
    monkeypatch.setattr(unused_files, "MIN_AGE_SECONDS", -10.0)
    server.keep(b"left", "left.jsonl", "fine-tune")
    job = server.create({"model": "base-model", "training_file": server.keep(b"used", "used.jsonl", "fine-tune")["id"]})
    server.step(job["id"], 5, 5, 0.5)
    server.end(job["id"], "succeeded")
    return server


class Opened:
    """The dialog with its workspace, and what is done at the end."""

    def __init__(self, qtbot, project: Project, server: FakeServer) -> None:
        self.workspace = Workspace(project, server.settings())
        self.dialog = ServerContentsDialog(self.workspace)
        qtbot.addWidget(self.dialog)
        self.dialog.open()

    async def play(self, scene):
        try:
            await scene
        finally:
            await cancel_all(self.workspace.tasks.running())
            await (await self.workspace.provider()).close()

    async def loaded(self):
        (await self.workspace.provider()).poll_seconds = 0.01
        await until(lambda: self.dialog.files.items() or self.dialog.note.text())


@pytest.fixture
def opened(qtbot, run, sample, server, server_key):
    async def make():
        return Opened(qtbot, sample, server)

    return run(make())


def test_a_job_made_elsewhere_is_adopted_with_all_that_it_told(opened, run):
    dialog = opened.dialog

    async def go():
        await opened.loaded()
        assert dialog.jobs.table.item(0, 0).text() == "ftjob-1"
        assert not dialog.adopt.isEnabled()
        dialog.jobs.check_items(lambda _state: True)
        dialog.adopt.click()
        rows = opened.workspace.project.rows
        await until(
            lambda: any(
                "succeeded" in event.message for job in jobs.load_all(rows) for event in jobs.load_events(rows, job.id)
            )
        )
        assert dialog.jobs.items() == []

    run(opened.play(go()))
    (job,) = jobs.load_all(opened.workspace.project.rows)
    assert (job.adopted > 0, job.status, job.fine_tuned_model) == (True, "succeeded", "ft:base-model:local::ftjob-1")


@pytest.mark.parametrize("agreed", [True, False])
def test_files_that_no_job_names_are_deleted_after_they_were_named(opened, server, run, agreed):
    dialog = opened.dialog

    async def go():
        await opened.loaded()
        dialog.pick_unused.click()
        assert [file.name for file in dialog.files.checked_items()] == ["left.jsonl"]
        dialog.delete_files.click()
        said = answer(opened.dialog, DESTROY if agreed else REJECT)
        assert "left.jsonl (file-1)" in said
        assert "used.jsonl" not in said
        if agreed:
            await until(lambda: "file-1" not in server.names)
            await until(lambda: len(dialog.files.items()) == 1)

    run(opened.play(go()))
    assert ("file-1" in server.names) is not agreed
    assert "file-2" in server.names


def test_a_file_that_is_used_is_deleted_only_with_a_warning(opened, run):
    async def go():
        await opened.loaded()
        opened.dialog.files.check_items(lambda _file: True)
        opened.dialog.delete_files.click()
        said = answer(opened.dialog, REJECT)
        assert "1 of them may still be used by a job." in said

    run(opened.play(go()))


def test_a_model_is_deleted_after_it_was_named(opened, server, run):
    async def go():
        await opened.loaded()
        opened.dialog.models.check_items(lambda _model: True)
        opened.dialog.delete_models.click()
        assert "ft:base-model:local::ftjob-1" in answer(opened.dialog, DESTROY)
        await until(lambda: list(server.models) == ["base-model"])

    run(opened.play(go()))


def test_a_server_that_cannot_be_asked_says_why(opened, server, run):
    server.key = "another"

    async def go():
        opened.dialog.again.click()
        await until(lambda: opened.dialog.note.text())
        assert "API key" in opened.dialog.note.text()
        server.key = KEY
        opened.dialog.again.click()
        await until(lambda: opened.dialog.files.items())
        assert opened.dialog.note.text() == ""

    run(opened.play(go()))


def test_where_a_server_lacks_a_list_that_is_said(opened, server, run):
    server.without.add("files")

    async def go():
        opened.dialog.load()
        await until(lambda: opened.dialog.jobs.items())
        assert opened.dialog.files.nothing.title.text() == "This list is not available here"

    run(opened.play(go()))
