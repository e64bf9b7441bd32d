"""The router's window: domains of two projects, a question that is passed on and answered, and its examination."""

import asyncio

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialogButtonBox

from core.chat import router
from core.chat.router import Domain
from core.dataset import examples, sample_projects
from core.spec import spec
from core.storage.project import Project
from tests.support.pages.scene import Scene
from tests.support.projects import new_example
from tests.support.second_domain import NAMES, QUESTIONS, TEXTS
from tests.support.until import until
from ui.chat.domain_dialog import DomainDialog
from ui.chat.router_dialog import RouterDialog

GAME, FERRY = "ft:base-model:org:game:1", "ft:base-model:org:ferry:2"


@pytest.fixture
def server(server):
    server.models |= {GAME: 100, FERRY: 101}
    return server


@pytest.fixture
def files(tmp_path):
    def ferry(db):
        spec.store(db, spec.Spec(NAMES["en"], "en", "Answer as a sailor.", TEXTS["en"]))
        examples.add(db, (new_example(text, "?", split="test") for text in QUESTIONS["en"]))

    made = []
    for name, fill in (("game", lambda db: sample_projects.fill(db, "hobannu-en")), ("ferry", ferry)):
        project = Project(tmp_path / f"{name}.juku")
        asyncio.run(project.write("fill", fill))
        project.close()
        made.append(tmp_path / f"{name}.juku")
    return made


def play(run, project, server, work):
    """Await `work(workspace)` where the server's models are known."""
    scene = Scene(run, project, server.settings())

    async def whole():
        await scene.open()
        await scene.workspace.load_offers()
        await work(scene.workspace)

    scene.play(whole())


def test_two_domains_a_question_and_the_table(qtbot, run, project, server, files):
    async def scene(workspace):
        dialog = RouterDialog(workspace)
        qtbot.addWidget(dialog)
        dialog.open()
        await until(lambda: dialog.domains.nothing.isVisible())
        assert not dialog.ask.isEnabled() and not dialog.examine.isEnabled()
        for number, (path, model) in enumerate(zip(files, (GAME, FERRY), strict=True), 1):
            dialog.edit(Domain("", "", "", ""))
            (entry,) = [one for one in dialog.findChildren(DomainDialog) if one.isVisible()]
            assert not entry.buttons.button(entry.buttons.StandardButton.Ok).isEnabled()
            entry.take_from_project(path)
            entry.model.choose(model)
            entry.buttons.button(entry.buttons.StandardButton.Ok).click()
            await until(lambda count=number: len(dialog.known_domains) == count)
        assert dialog.domains.table.rowCount() == 2
        server.answer(FERRY, "Thirty-five minutes, captain.")
        dialog.question.setText("How long does a crossing of the ferry take?")
        dialog.ask.click()
        await until(lambda: "captain" in dialog.answer.toPlainText())
        assert dialog.chosen.text() == NAMES["en"] and "Contains" in dialog.why.text()
        assert server.asked[-1]["messages"][0]["content"] == "Answer as a sailor."
        dialog.examine.click()
        await until(lambda: "were routed to the right domain" in dialog.verdict.text())
        assert dialog.table.table.columnCount() == 4 and dialog.table.table.rowCount() == 3
        assert router.load_last_results(project.rows, router.OFFLINE)
        dialog.question.setText("xyzzy?")
        dialog.ask.click()
        await until(lambda: dialog.chosen.text() == "None of these")
        dialog.domains.choose(0)
        dialog.remove.click()
        await until(lambda: dialog.domains.table.rowCount() == 1)

    play(run, project, server, scene)


def test_a_model_that_calls_no_function_is_said(qtbot, run, project, server, files):
    """Waits until the note says it; the same model is asked again, calls one, and the domain is shown with its reason."""

    async def scene(workspace):
        domain, _asked = router.load_project_domain(files[0])
        await project.write("", router.store, Domain(domain.name, domain.description, "fake", GAME, domain.source, domain.text))  # fmt: skip
        dialog = RouterDialog(workspace)
        qtbot.addWidget(dialog)
        dialog.open()
        await until(lambda: dialog.known_domains)
        dialog.calling.setChecked(True)
        dialog.question.setText("How many players?")
        dialog.ask.click()
        await until(lambda: "called no function" in dialog.note.text())
        function = {"name": "domain_1", "arguments": '{"reason": "A game."}'}
        server.called = {"id": "c", "type": "function", "function": function}
        server.answer(GAME, "Three.")
        dialog.ask.click()
        await until(lambda: dialog.chosen.text() == domain.name and "A game." in dialog.why.text())

    play(run, project, server, scene)


def test_a_domains_model_that_is_gone_is_said_and_not_replaced(qtbot, run, project, server):
    """*Change…* showed another model where the domain's own was offered no more, and OK stored that one."""

    async def scene(workspace):
        dialog = DomainDialog(workspace, Domain("Ferry", "Boats", "fake", FERRY, id=1))
        qtbot.addWidget(dialog)
        made = []
        dialog.decided.connect(made.append)
        assert dialog.model.model_id() == FERRY
        del server.models[FERRY]
        await workspace.load_offers()
        assert (dialog.model.model_id(), dialog.model.currentText()) == (
            FERRY,
            "ferry (2) · base-model (no longer offered)",
        )
        assert "no longer offers" in dialog.on_model.text()
        dialog.buttons.accepted.emit()
        assert made[0].model == FERRY
        new = DomainDialog(workspace, Domain("", "", "", ""))
        qtbot.addWidget(new)
        assert new.model.model_id() == ""  # nothing is chosen for the person

    play(run, project, server, scene)


def test_enter_in_the_question_field_asks(qtbot, run, project, server):
    async def scene(workspace):
        server.answer(FERRY, "Thirty.")
        await project.write("", router.store, Domain("Ferry <b>boats</b>", "ferry passengers", "fake", FERRY))
        dialog = RouterDialog(workspace)
        qtbot.addWidget(dialog)
        dialog.open()
        await until(lambda: dialog.domains.table.rowCount() == 1)
        dialog.question.setText("How many passengers may a ferry take?")
        qtbot.keyClick(dialog.question, Qt.Key.Key_Return)
        await until(lambda: dialog.answer.toPlainText() == "Thirty.")
        assert dialog.chosen.text() == "Ferry <b>boats</b>"
        assert dialog.isVisible()
        assert len(server.asked) == 1

    play(run, project, server, scene)


def test_it_has_a_button_that_closes_it_and_keeps_its_places(qtbot, run, project, server):
    async def scene(workspace):
        dialog = RouterDialog(workspace)
        qtbot.addWidget(dialog)
        dialog.open()
        close = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Close)
        before = dialog.question.mapTo(dialog, QPoint(0, 0))
        gap = dialog.answer.mapTo(dialog, QPoint(0, 0)).y() - before.y() - dialog.question.height()
        above = dialog.question.mapTo(dialog, QPoint(0, 0)).y() - dialog.calling.geometry().bottom()
        assert (gap <= 20, above <= 90) == (True, True), "no voids"
        dialog.line.show()  # work that takes a while
        dialog.layout().activate()
        assert dialog.question.mapTo(dialog, QPoint(0, 0)) == before, "nothing jumps under the mouse"
        closed = []
        dialog.finished.connect(closed.append)
        close.click()
        assert closed

    play(run, project, server, scene)
