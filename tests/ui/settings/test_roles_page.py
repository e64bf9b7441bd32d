"""Who does what: each role has a server and a model, and what is asked reaches it over real HTTP."""

import json

import pytest
from PySide6.QtCore import Qt

from core import settings
from core.settings import ProviderSettings, Settings
from core.spec import facts, spec
from tests.support.fake_server import FakeServer
from tests.support.pages.controls import choose, choose_at, choose_model
from tests.support.pages.dialogs import is_settled
from tests.support.pages.scene import Scene
from tests.support.until import until
from ui.generation import llm_run_dialog
from ui.generation.generation_dialog import GenerationDialog
from ui.generation.model_task_dialogs import JudgeDialog, ProbeDialog
from ui.settings.roles_page import RolesPage
from ui.spec.spec_chat import SpecChat
from ui.training.training_form import TrainingForm
from ui.widgets.basics import short_model_name
from ui.widgets.chat_model_row import ChatModelRow
from ui.widgets.model_box import ModelBox

TIP = Qt.ItemDataRole.ToolTipRole
TUNED = "ft:base-model:local:study:abc123"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(llm_run_dialog, "RELOAD_DELAY_MS", 0)


@pytest.fixture
def servers():
    with FakeServer() as student, FakeServer() as writer, FakeServer() as judge:
        student.models |= {TUNED: 2}
        writer.models = {"writer-large": 1, "writer-small": 2}
        judge.models = {"judge-1": 1}
        yield {"student": student, "writer": writer, "judge": judge}


class RolesScene(Scene):
    """A workspace over three servers, all of whose roles are the student's at first."""

    def __init__(self, run, project, servers):
        entries = [ProviderSettings(name, name.title(), server.url) for name, server in servers.items()]
        super().__init__(run, project, Settings(provider="student", providers=entries))
        self.servers = servers

    def play(self, work):
        async def whole():
            await self.open()
            await self.workspace.load_offers()
            await work(self)

        super().play(whole())

    def asked(self):
        """The models that each server was asked with."""
        return {name: [body["model"] for body in server.asked] for name, server in self.servers.items()}


@pytest.fixture
def scene(run, sample, servers):
    return RolesScene(run, sample, servers)


def choose_role(page, role, server, model=None):
    """Choose as a person does."""
    if server is not None:
        box = page.boxes[role].provider
        assert box.findData(server) >= 0
        choose(box, server)
    if model:
        choose_model(page.boxes[role].model, model)
    elif model is not None:
        choose_at(page.boxes[role].model, 0)


def shown(page, role):
    boxes = page.boxes[role]
    return boxes.provider.currentText(), boxes.model.currentText()


def models(page, role):
    box = page.boxes[role].model
    return [found.id if (found := box.itemData(index)) else "" for index in range(box.count())]


def test_at_first_all_roles_are_the_students(scene, qtbot):
    async def go(scene):
        page = RolesPage(scene.workspace)
        qtbot.addWidget(page)
        page.show()
        assert shown(page, "student") == ("Student", "The first base model")
        assert shown(page, "writer") == ("Same as the student", "The model that was asked last")
        assert models(page, "student") == ["", "base-model"]  # what was trained already is no beginning
        assert set(models(page, "judge")) == {"", "base-model", TUNED}
        assert [scene.workspace.role(role)[0] for role in settings.MODEL_ROLES] == ["student"] * 3

    scene.play(go)


def test_a_role_is_given_to_a_model_of_another_server_and_saved(scene, qtbot):
    async def go(scene):
        page = RolesPage(scene.workspace)
        qtbot.addWidget(page)
        choose_role(page, "writer", "writer")
        assert page.boxes["writer"].note.text() == "Asking the provider for its models…"
        await until(lambda: "writer-large" in models(page, "writer"))
        choose_role(page, "writer", None, "writer-large")
        assert shown(page, "writer") == ("Writer", "writer-large")
        choose_role(page, "student", None, "base-model")
        choose_role(page, "judge", "")

    scene.play(go)
    saved = settings.load()
    assert saved.role("student") == ("student", "base-model")
    assert saved.role("writer") == ("writer", "writer-large")
    assert saved.role("judge") == ("student", "")


def test_the_lists_are_those_of_the_other_forms(scene, qtbot):
    """What fits no role is not offered, what is gone is said to be, and the choice survives refreshes and restarts."""
    scene.servers["student"].models |= {"text-embedding-3-small": 3, "whisper-1": 4}

    async def go(scene):
        page = RolesPage(scene.workspace)
        qtbot.addWidget(page)
        assert all(isinstance(boxes.model, ModelBox) for boxes in page.boxes.values())
        assert set(models(page, "judge")) == {"", "base-model", TUNED}
        choose_role(page, "judge", None, TUNED)
        assert page.boxes["judge"].model.itemData(page.boxes["judge"].model.currentIndex(), TIP) == f"<p>{TUNED}</p>"
        del scene.servers["student"].models[TUNED]
        await scene.workspace.load_offers()
        assert shown(page, "judge")[1] == f"{short_model_name(TUNED)} (no longer offered)"
        again = RolesPage(scene.workspace)
        qtbot.addWidget(again)
        assert again.boxes["judge"].model.model_id() == TUNED
        choose_role(page, "judge", None, "")
        assert shown(page, "judge")[1] == "The model that was asked last"
        scene.workspace.set_role(
            "judge", "", "text-embedding-3-small"
        )  # a settings file may name anything: it is shown
        page.show_roles()
        assert page.boxes["judge"].model.model_id() == "text-embedding-3-small"

    scene.play(go)


def test_a_server_that_does_not_answer_is_said_and_the_choice_stays(scene, qtbot):
    scene.servers["writer"].key = "another"

    async def go(scene):
        failed = []
        scene.workspace.offers_failed.connect(failed.append)
        page = RolesPage(scene.workspace)
        qtbot.addWidget(page)
        scene.workspace.set_role("writer", "writer", "gone-model")
        page.show()
        await until(lambda: "does not accept the API key" in page.boxes["writer"].note.text())
        assert shown(page, "writer") == ("Writer", "gone-model")
        assert failed == ["writer"]  # it is not asked again by itself
        row = ChatModelRow(scene.workspace, "examples")
        qtbot.addWidget(row)
        await until(lambda: failed == ["writer"] * 2)
        assert not scene.failures  # it is said beside the choice, and nowhere else
        assert "does not accept the API key" in row.note.text()

    scene.play(go)


def test_each_task_asks_the_provider_that_has_its_role(scene, qtbot):
    pairs = [{"kind": "direct", "question": "Who?", "answer": "A team has three players.", "quote": ""}]
    scene.servers["writer"].answer("writer-large", json.dumps({"examples": pairs}))

    async def finish(dialog):
        dialog.open()
        qtbot.addWidget(dialog)
        await until(lambda: dialog.is_loaded and is_settled(dialog) and dialog.model.model_id())
        ended = []
        dialog.finished_with.connect(ended.append)
        dialog.start()
        dialog._mine = True
        await until(lambda: ended)

    async def go(scene):
        workspace = scene.workspace
        workspace.set_role("writer", "writer", "writer-large")
        workspace.set_role("judge", "judge", "")
        writing = GenerationDialog(workspace, {"F001"})
        qtbot.addWidget(writing)
        assert "on Writer" in writing.model.server_label.text()
        writing.online.click()
        about = {"fact": (await scene.project.read(facts.load))[0].name, "counts": {"direct": 1}}
        workspace.llm_runs.begin("examples", "writer-large", lambda _db: [about])
        await until(lambda: not workspace.tasks.label)
        await finish(JudgeDialog(workspace, [1]))
        await finish(ProbeDialog(workspace))

    scene.play(go)
    asked = scene.asked()
    assert set(asked["writer"]) == {"writer-large"}
    assert set(asked["judge"]) == {"judge-1"}
    assert set(asked["student"]) == {"base-model"}


def test_the_spec_is_drafted_with_the_writer(scene, qtbot):
    async def go(scene):
        state = await scene.project.read(spec.load)
        scene.workspace.set_role("writer", "writer", "writer-large")
        chat = SpecChat(scene.workspace, lambda: state)
        qtbot.addWidget(chat)
        await until(lambda: chat.model.usable() == "writer-large")
        scene.workspace.set_role("writer", "writer", "writer-small")
        assert chat.model.model_id() == "writer-small"
        chat.field.setPlainText("Longer, please.")
        chat.send.click()
        await until(lambda: not chat.is_busy())

    scene.play(go)
    assert scene.asked() == {"student": [], "writer": ["writer-small"], "judge": []}


def test_a_training_begins_with_the_students_model(scene, qtbot):
    scene.servers["student"].models |= {"base-large": 3}

    async def go(scene):
        scene.workspace.settings.student_model = "base-model"
        form = TrainingForm(scene.workspace)
        qtbot.addWidget(form)
        form.show_offers("student", [], "base-model")  # before anything is offered
        assert not form.start.isEnabled()
        form.show_offers("student", scene.workspace.offers, "base-model")
        assert form.base.model_id() == "base-model"
        choose_model(form.base, "base-large")
        form.show_offers("student", scene.workspace.offers, "base-model")
        assert form.base.model_id() == "base-large"  # the person's choice stays
        form.show_offers("student", scene.workspace.offers, "base-other")  # the settings say otherwise now
        assert (form.base.model_id(), form.start.isEnabled()) == ("base-other", False)
        assert form.base.currentText() == "base-other (no longer offered)"

    scene.play(go)
