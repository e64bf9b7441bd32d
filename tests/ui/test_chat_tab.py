"""The chat tab against a real HTTP server: two models asked at once, each on its own."""

import threading

import pytest
from PySide6.QtCore import QEvent, QKeyCombination, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QPushButton

from core import spec
from core.providers import Offer
from core.settings import ProviderSettings, Settings
from tests.fake_server import FINGERPRINT, KEY, FakeServer
from tests.ui.waiting import until
from ui.chat_tab import ChatTab
from ui.tab import ALL_TABLES
from ui.workspace import Workspace

BASE, TUNED = "base-model", "ft:base-model:local:study:abc123"
QUESTION = "How many players are on a Hobannu team?"


@pytest.fixture
def server():
    with FakeServer() as server:
        server.models |= {"ft:base-model:local:plain:older1": 50, TUNED: 100}
        yield server


class Scene:
    """The tab over the English sample; `play` ends all tasks, since outside of `run` nothing may happen."""

    def __init__(self, qtbot, run, project, server):
        self._run, self._qtbot = run, qtbot
        run(self._open(project, server))

    async def _open(self, project, server):
        chosen = Settings(provider="fake", providers=[ProviderSettings("fake", "Fake", server.url)])
        self.workspace = Workspace(project, chosen)
        self.tab = ChatTab(self.workspace)
        self._qtbot.addWidget(self.tab)
        self.left, self.right = self.tab._base, self.tab._tuned
        self.workspace.offers_changed.connect(self.tab.show_offers)
        self.tab.resize(1000, 700)
        self.tab.show()
        self.tab.refresh(ALL_TABLES)
        await self.workspace.load_offers()
        await until(lambda: self.suggestions())

    def suggestions(self):
        return self.tab._suggested.findChildren(QPushButton)

    async def ask(self, question=QUESTION):
        self.tab._question.setPlainText(question)
        self.tab._send.click()
        await until(lambda: not self.tab._asking)

    def texts(self, pane):
        return [block.text() for block in pane._blocks]

    def play(self, coroutine):
        async def whole():
            try:
                await coroutine
            finally:
                await self.workspace.tasks.close()

        self._run(whole())

    async def close(self):
        await self.workspace.tasks.close()
        await (await self.workspace.provider()).close()


@pytest.fixture
def scene(qtbot, run, sample, server, monkeypatch):
    monkeypatch.setenv("JUKU_KEY_FAKE", KEY)
    scene = Scene(qtbot, run, sample, server)
    yield scene
    run(scene.close())


def press(field, key, modifiers=Qt.KeyboardModifier.NoModifier):
    combination = QKeyCombination(modifiers, key)
    text = "\n" if key == Qt.Key.Key_Return else ""
    field.keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, combination.key(), combination.keyboardModifiers(), text))


def test_base_and_newest_tuned_model_stand_side_by_side(scene):
    assert (scene.left.model(), scene.right.model()) == (BASE, TUNED)


def test_both_are_asked_the_same_and_answer_side_by_side(scene, server):
    server.answer(BASE, "Eleven players.")
    server.answer(TUNED, "A team has three players.")
    scene.play(scene.ask())
    assert (scene.texts(scene.left), scene.texts(scene.right)) == (["Eleven players."], ["A team has three players."])
    told = scene.right._told.text()
    assert told.startswith("study (abc123) · base-model · ")
    assert all(part in told for part in (FINGERPRINT, "7 tokens"))
    assert TUNED in scene.right._told.toolTip()
    first, second = server.asked
    assert first["messages"] == second["messages"]
    assert first["messages"][0]["role"] == "system"
    assert (first["temperature"], first["top_p"], first["max_tokens"]) == (0.0, 1.0, 160)
    assert scene.tab._asked.text() == QUESTION


def test_several_samples_are_numbered_and_compared(scene, server):
    server.answer(BASE, "Eleven.", "Eleven.", "Nine.")
    server.answer(TUNED, "Three.", "Three.", "Three.")
    scene.tab._settings._samples.setValue(3)
    scene.play(scene.ask())
    assert scene.texts(scene.left) == ["Eleven.", "Eleven.", "Nine."]
    assert scene.left._told.text().startswith("2 different answers of 3")
    assert scene.right._told.text().startswith("All 3 answers are the same")


def test_a_failure_stays_in_its_pane(scene, server):
    server.answer(BASE, error=(429, "Slow down."))
    server.answer(TUNED, "Three.")
    failures = []
    scene.workspace.tasks.failed.connect(failures.append)
    scene.play(scene.ask())
    assert "Slow down." in scene.left._error.text()
    assert not scene.left._blocks[0].isVisible()
    assert scene.texts(scene.right) == ["Three."]
    assert failures == []


def test_a_broken_stream_is_called_incomplete(scene, server):
    server.answer(TUNED, "Three pla", finish=False)
    scene.play(scene.ask())
    assert scene.texts(scene.right) == ["Three pla"]
    assert "incomplete" in scene.right._error.text()
    assert scene.left._error.text() == ""


def test_an_answer_appears_while_it_is_written_and_can_be_stopped(scene, server):
    server.answer(TUNED, "Three of them.", hold=threading.Event())

    async def go():
        scene.tab._question.setPlainText(QUESTION)
        scene.tab._send.click()
        assert scene.tab._send.text() == "Stop"
        await until(lambda: scene.texts(scene.right) == ["Three "] and len(scene.tab._asking) == 1)
        scene.tab._send.click()
        await until(lambda: not scene.tab._asking)

    scene.play(go())
    assert scene.tab._send.text() == "Send"
    assert "Stopped" in scene.right._error.text()
    assert scene.texts(scene.right) == ["Three "]
    assert scene.texts(scene.left) == ["base-model answers."]


def test_another_system_prompt_is_warned_of_and_can_be_taken_back(scene, server):
    settings, own = scene.tab._settings, spec.load(scene.workspace.project.rows).system_prompt
    assert (settings.system_prompt(), settings._reset.isVisible()) == (own, False)
    settings._prompt.setPlainText("Talk like a pirate.")
    assert "may look untrained" in settings._warning.text()
    scene.play(scene.ask())
    assert server.asked[0]["messages"][0]["content"] == "Talk like a pirate."
    settings._reset.click()
    assert (settings.system_prompt(), settings._warning.text()) == (own, "")


def test_a_suggested_question_is_asked_with_one_click(scene, server):
    async def go():
        assert len(scene.suggestions()) == 3
        scene.suggestions()[0].click()
        await until(lambda: not scene.tab._asking)

    scene.play(go())
    assert {asked["messages"][-1]["content"] for asked in server.asked} == {QUESTION}
    assert not scene.tab._suggested.isVisible()


def test_a_model_handed_over_stands_on_the_right_even_before_it_is_offered(scene, server):
    new = "ft:base-model:local:later:zzz"
    scene.tab.choose_model(new)
    assert scene.right.model() == TUNED
    server.models[new] = 1  # older than the others, so that it is not the default
    scene.play(scene.workspace.load_offers())
    assert (scene.left.model(), scene.right.model()) == (BASE, new)


def test_without_a_tuned_model_only_the_base_is_asked(scene, server):
    server.models = {BASE: 1}

    async def go():
        await scene.workspace.load_offers()
        assert scene.right.model() == ""
        await scene.ask()

    scene.play(go())
    assert [asked["model"] for asked in server.asked] == [BASE]


def test_enter_sends_and_shift_enter_begins_a_line(scene):
    field, sent = scene.tab._question, []
    field.sent.disconnect()
    field.sent.connect(lambda: sent.append(field.toPlainText()))
    field.setPlainText("One")
    field.moveCursor(field.textCursor().MoveOperation.End)
    press(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    field.insertPlainText("Two")
    press(field, Qt.Key.Key_Return)
    assert sent == ["One\nTwo"]


def test_enter_while_an_input_method_composes_sends_nothing(scene, qapp):
    field, sent = scene.tab._question, []
    field.sent.disconnect()
    field.sent.connect(lambda: sent.append(field.toPlainText()))
    qapp.sendEvent(field, QInputMethodEvent("ほばんぬ", []))
    press(field, Qt.Key.Key_Return)
    assert sent == []
    committed = QInputMethodEvent("", [])
    committed.setCommitString("ホバンヌとは?")
    qapp.sendEvent(field, committed)
    press(field, Qt.Key.Key_Return)
    assert sent == ["ホバンヌとは?"]


def test_earlier_questions_come_back_into_an_empty_field(scene):
    field = scene.tab._question

    async def go():
        await scene.ask("First?")
        await scene.ask("Second?")

    scene.play(go())
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        press(field, key)
        seen.append(field.toPlainText())
    assert seen == ["Second?", "First?", "First?", "Second?", ""]
    field.setPlainText("Half a question")
    press(field, Qt.Key.Key_Up)
    assert field.toPlainText() == "Half a question"


def test_what_a_model_writes_is_shown_to_the_letter(scene, server):
    server.answer(TUNED, "<b>Three</b> <img src=x>")
    scene.play(scene.ask())
    assert scene.texts(scene.right) == ["<b>Three</b> <img src=x>"]


def test_a_model_that_was_not_fetched_is_said_to_be_so(scene, server):
    async def go():
        scene.workspace.offers = [Offer("q", "Qwen", state="missing"), Offer(TUNED, TUNED, tuned=True)]
        scene.workspace.offers_changed.emit()
        scene.left.choose("q")
        await scene.ask()

    scene.play(go())
    assert scene.left._error.text().startswith("Qwen is not on this computer yet")
    assert [asked["model"] for asked in server.asked] == [TUNED]
