"""Everyday rows of a page that was turned into rows before a base model was there."""

import pytest

from core.dataset import bulk_edits, examples, filters
from core.dataset.filters import Filter
from core.generation import everyday_rows
from core.progress import Reporter
from core.spec import facts
from core.spec.spec import Spec
from core.teaching.teaching_path import PathStep
from core.training import jobs
from tests.support.pages.windows import close
from tests.support.projects import new_example, write
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.generation import model_rows_choice
from ui.main_window import MainWindow
from ui.training.preflight_dialog import PreflightDialog
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

PAGE = """# The kitchen of Arle

The kitchen of Arle has six stations. A session costs 4 euros for guests. The kitchen opens at 7:30 and closes at 22:00.
Knives are kept in the blue drawer. The dishwasher runs at 90 degrees. Guests sign the green book.
"""


def fill(db):
    """A page with its facts, and a row of the exam."""
    facts.save(db, Spec(name="Kitchen", text=PAGE, language="en"))
    facts.accept_missing(db)
    examples.add(db, [new_example("Who keeps the key?", "Rosa keeps it.", split="test")])


def approve(db):
    bulk_edits.approve(db, [*examples.find_ids(db, Filter(status="draft"))], Reporter())


def note(window):
    found = [one for one in window.findChildren(Notice) if one.isVisible()]
    return found[-1] if found else None


def everyday(window):
    return [*examples.iterate(window.workspace.project.rows, Filter(tag=everyday_rows.TAG))]


@pytest.fixture
def studio(run, project, server, server_key, monkeypatch):
    """The whole window on a page with facts; the server, which takes the place of the local engine, has no model yet."""
    monkeypatch.setattr(model_rows_choice, "SERVER", "fake")
    write(project, fill)
    server.models.clear()

    async def make():
        window = MainWindow(Workspace(project, server.settings()))
        window.show()
        return window

    window = run(make())
    yield window
    run(close(window))


async def make_rows(window):
    """Take the step that makes the rows, and approve them."""
    bar, project = window.path, window.workspace.project
    await until(lambda: bar.state and bar.state.next_step == PathStep.ROWS and bar.act.isEnabled())
    bar.act.click()
    await until(lambda: bar.state.drafts and window.workspace.llm_runs.progress("examples") is None)
    await until(lambda: note(window))
    said = note(window).text.text()
    window.workspace.tasks.start("", project.write("Approve", approve))
    await until(lambda: bar.state.next_step == PathStep.TRAINING)
    return said


async def bring_model(window, server):
    server.models["base-model"] = 1
    await window.workspace.load_offers()
    await until(lambda: "everyday questions" in window.path.words.text())


async def train(window):
    window.path.act.click()
    await until(lambda: window.findChild(PreflightDialog) or jobs.load_all(window.workspace.project.rows))
    if asked := window.findChild(PreflightDialog):
        asked.start.click()
    await until(lambda: jobs.load_all(window.workspace.project.rows))


def test_rows_made_without_a_base_model_get_everyday_ones_before_the_training(run, studio, server):
    window = studio

    async def go():
        assert "Everyday questions are still missing" in await make_rows(window)
        assert not everyday(window) and "everyday" not in window.path.words.text()  # no model is there to add them
        await bring_model(window, server)
        before = filters.count(window.workspace.project.rows, Filter(split="train", status="approved"))
        await train(window)
        found = everyday(window)
        assert len(found) == everyday_rows.ROWS and {(row.status, row.answer) for row in found} == {
            ("approved", "base-model answers.")
        }
        assert jobs.load_all(window.workspace.project.rows)[0].row_count == before + everyday_rows.ROWS
        assert "60 everyday questions were added" in note(window).text.text()
        await cancel_all(window.workspace.tasks.running())  # what follows the job

    run(go())


def test_a_failure_is_said_and_one_click_trains_without_them(run, studio, server):
    window = studio

    async def go():
        await make_rows(window)
        await bring_model(window, server)
        with_key, server.key = server.key, "sk-new"
        window.path.act.click()
        await until(lambda: note(window) and "No everyday questions were added" in note(window).text.text())
        assert not jobs.load_all(window.workspace.project.rows)
        server.key = with_key
        (button,) = [one for one in note(window).findChildren(type(window.path.act)) if "without" in one.text()]
        button.click()
        await until(lambda: window.findChild(PreflightDialog) or jobs.load_all(window.workspace.project.rows))
        assert not everyday(window)
        await cancel_all(window.workspace.tasks.running())

    run(go())


def test_the_number_of_the_pages_rows_is_told_where_everyday_ones_fail(run, studio, server, monkeypatch):
    window = studio

    async def go():
        server.models["base-model"] = 1
        await window.workspace.load_offers()
        server.key = "sk-new"
        told = []
        window.workspace.llm_runs.ended.connect(told.append)
        bar = window.path
        await until(lambda: bar.state and bar.state.next_step == PathStep.ROWS and bar.act.isEnabled())
        bar.act.click()
        await until(lambda: told and bar.state.all_drafts)
        count = bar.state.all_drafts
        assert told[0].meaning == "error" and f"{count} rows were added as drafts" in told[0].text

    run(go())


def test_rejected_everyday_rows_are_not_made_again(project):
    write(project, fill)
    assert not everyday_rows.are_missing(project.rows), "no row was made from the page"
    write(project, examples.add, [new_example("Where are knives?", "In the drawer.", source="offline")])
    assert everyday_rows.are_missing(project.rows)
    write(project, everyday_rows.store_answers, [("Why is the sky blue?", "It is.")], "base-model", "rejected")
    assert not everyday_rows.are_missing(project.rows)
