"""The chat tab against a real HTTP server: panes asked at once, each on its own, and what is kept of it."""

import json
import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtWidgets import QPushButton

from core.chat import conversations
from core.chat.conversations import ChatPane
from core.dataset import examples, versions
from core.dataset.filters import Filter
from core.exam import prompt_conditions
from core.providers import LOCAL, ModelOffer, Provider, request_code
from core.spec import spec
from core.training import jobs
from tests.support import fake_server
from tests.support.fake_server import FINGERPRINT, KEY, Answer
from tests.support.pages.chat import QUESTION, ChatPage
from tests.support.pages.dialogs import answer_when_asked, is_settled
from tests.support.pages.keys import press
from tests.support.patience import PATIENCE
from tests.support.projects import new_example, store_job
from tests.support.until import until
from ui.chat import send_question
from ui.chat.answer_view import MAX_PARAGRAPH_PIECE, AnswerView, find_differences
from ui.chat.correction_dialog import CorrectionDialog
from ui.chat.suggested_questions import _load_suggestions
from ui.chat.tab import SHORT_CONVERSATION
from ui.widgets.code_dialog import CodeDialog

BASE, TUNED = "base-model", "ft:base-model:local:study:abc123"


@pytest.fixture
def server(server):
    server.models |= {"ft:base-model:local:plain:older1": 50, TUNED: 100}
    return server


@pytest.fixture
def scene(qtbot, run, sample, server, server_key):
    scene = ChatPage(qtbot, run, sample, server)
    yield scene
    run(scene.close())


# --- asked side by side


def test_base_and_newest_tuned_model_stand_side_by_side(scene):
    assert scene.models() == [BASE, TUNED]
    assert scene.tab.name.text() == "New conversation"


def test_the_model_of_this_project_stands_before_another_projects(scene, run):
    run(scene.project.write("", store_job, "fake", "ft:base-model:local:plain:older1"))
    scene.tab.show_offers()
    assert scene.models() == [BASE, "ft:base-model:local:plain:older1"]


def test_the_base_beside_a_tuned_model_is_the_one_it_was_trained_from(scene):
    of_another = "ft:other-base:local:study:xyz789"
    scene.workspace.offers = [ModelOffer(name, name, name == of_another) for name in (BASE, "other-base", of_another)]
    scene.tab.choose_model("fake", of_another)
    assert scene.models() == ["other-base", of_another]


def test_both_are_asked_the_same_and_say_who_has_answered(scene, server):
    server.answer(BASE, "Eleven players.")
    server.answer(TUNED, "A team has three players.")
    scene.play(scene.ask())
    assert scene.texts() == [["Eleven players."], ["A team has three players."]]
    told = scene.column(1).summary.text()
    assert told.startswith(f"Fake · study (abc123) · base-model · {FINGERPRINT} · Closed book\n")
    assert "tokens: 1 sent, 7 received" in told
    assert "first word after" in told and "tokens/s" in told and "ended by itself" in told
    assert TUNED in scene.column(1).summary.toolTip()
    first, second = server.asked
    assert first["messages"] == second["messages"]
    assert first["messages"][0]["role"] == "system"
    assert (first["temperature"], first["top_p"], first["max_tokens"]) == (0.0, 1.0, 160)
    assert (scene.tab.name.text(), scene.tab.question.toPlainText()) == (QUESTION, "")
    assert scene.failures == []


@pytest.mark.parametrize(("limit", "said"), [(7, True), (8, False)])
def test_an_answer_as_long_as_it_may_be_is_said_to_be_cut(scene, limit, said):
    scene.tab.settings.tokens.setValue(limit)
    scene.play(scene.ask())
    assert ("cut off: it has the 7 tokens" in scene.column(0).error.text()) is said


def test_what_it_costs_is_said_where_prices_are_known(scene, server):
    server.models = {"gpt-4o-mini": 1}

    async def go():
        await scene.workspace.load_offers()
        await scene.ask()

    scene.play(go())
    assert "· $0.000004" in scene.column(0).summary.text()


def test_up_to_four_panes_each_under_its_condition(scene, server):
    async def go():
        scene.tab.add_pane.click()
        scene.tab.add_pane.click()
        assert not scene.tab.add_pane.isEnabled()
        heads = scene.tab.panes.headers
        for head, condition in zip(heads, prompt_conditions.CONDITIONS, strict=True):
            head.choose(ChatPane(head.number, "fake", BASE, condition))
        await scene.ask()

    scene.play(go())
    sent = {condition: None for condition in prompt_conditions.CONDITIONS}
    for number, condition in enumerate(prompt_conditions.CONDITIONS):
        body = conversations.load_request(
            scene.workspace.project.rows, scene.tab.conversation_view.rows[0].turn.id, number
        )
        sent[condition] = [message["content"] for message in body["messages"]]
    state = spec.load(scene.workspace.project.rows)
    assert sent["closed"] == [state.system_prompt, QUESTION]
    assert state.text in sent["open"][0]
    found = scene.column(2).passages
    found.fold.click()
    assert found.fold.text() == "▾ 4 passages found"
    assert all(f"[{number}]" in sent["retrieved"][0] for number in range(1, 5))
    assert len(sent["few_shot"]) > 4
    assert scene.column(0).passages.isHidden()


def test_a_pane_is_taken_away_and_a_new_one_has_said_nothing(scene, server):
    async def go():
        await scene.ask("One?")
        scene.tab.add_pane.click()
        scene.tab.panes.headers[0].remove.click()
        assert scene.tab.panes.numbers() == [1, 2]
        assert list(scene.tab.conversation_view.rows[0].columns) == [1, 2]
        scene.tab.add_pane.click()
        assert scene.tab.panes.numbers() == [1, 2, 3]
        scene.tab.panes.headers[2].choose(ChatPane(3, "fake", BASE))
        server.asked.clear()
        await scene.ask("Two?")

    scene.play(go())
    told = sorted([body["model"], *(one["content"] for one in body["messages"][1:])] for body in server.asked)
    assert told == [[BASE, "Two?"], [TUNED, "One?", f"{TUNED} answers.", "Two?"], [TUNED, "Two?"]]


def test_several_samples_are_numbered_and_their_differences_marked(scene, server):
    server.answer(BASE, "Eleven players.", "Eleven players.", "Nine players.")
    server.answer(TUNED, "Three.", "Three.", "Three.")
    scene.tab.settings.samples.setValue(3)
    scene.play(scene.ask())
    assert scene.texts()[0] == ["Eleven players.", "Eleven players.", "Nine players."]
    assert scene.column(0).summary.text().startswith("2 different answers of 3")
    assert scene.column(1).summary.text().startswith("All 3 answers are identical")
    marked = [block.text.extraSelections() for block in scene.column(0).blocks]
    assert [len(spans) for spans in marked] == [0, 0, 1]
    assert marked[2][0].cursor.selectedText() == "Nine"


def test_what_differs_is_said_by_words_and_of_unlike_texts_all():
    assert find_differences("三人です。", "四人です。") == [(0, 1)]
    assert find_differences("same", "same") == []
    assert find_differences("Three players.", "zzz") == [(0, 3)]
    assert find_differences("a" * 20_000, "b" * 20_000) == [(0, 20_000)]


def test_settings_go_out_with_the_question(scene, server):
    settings = scene.tab.settings
    for field, value in ((settings.temperature, 0.7), (settings.top_p, 0.5), (settings.tokens, 20), (settings.seed, 3)):
        field.setValue(value)
    settings.stops.setPlainText("END\n\\n\\n\n\na\nb\nc")
    settings.passages.setValue(1)
    scene.tab.panes.headers[1].choose(ChatPane(1, "fake", TUNED, prompt_conditions.RETRIEVED))
    scene.play(scene.ask())
    sent = {body["model"]: body for body in server.asked}[TUNED]
    told = (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"], sent["stop"])
    assert told == (0.7, 0.5, 20, 3, ["END", "\n\n", "a", "b"])
    assert "Only the first 4" in settings.hint.text()
    assert len(scene.answers_of(1)[0].passages) == 1


# --- what goes wrong


def test_a_failure_stays_in_its_pane(scene, server):
    server.answer(BASE, error=(400, "Too long."))
    server.answer(TUNED, "Three.")
    scene.play(scene.ask())
    assert "Too long." in scene.column(0).error.text()
    assert not scene.column(0).blocks[0].isVisible()
    assert scene.texts()[1] == ["Three."]
    assert scene.failures == []


def test_a_broken_stream_is_called_incomplete(scene, server):
    server.answer(TUNED, "Three pla", finish=False)
    scene.play(scene.ask())
    assert scene.texts()[1] == ["Three pla"]
    assert "incomplete" in scene.column(1).error.text()
    assert scene.column(0).error.text() == ""


@pytest.mark.parametrize("swapped", [BASE, TUNED])
def test_an_answer_of_another_model_is_never_taken_for_the_panes_own(scene, server, swapped):
    """The server answers one model's questions by the other."""
    other = {BASE: TUNED, TUNED: BASE}

    def script(body):
        if body["model"] == swapped:
            body["model"] = other[swapped]
        return Answer(["Three players."])

    server.script = script
    scene.play(scene.ask())
    caught, fine = scene.column([BASE, TUNED].index(swapped)), scene.column([TUNED, BASE].index(swapped))
    assert caught.texts() == []
    assert "Another model has answered" in caught.error.text()
    assert other[swapped] in caught.error.text()
    assert (fine.texts(), fine.error.text()) == (["Three players."], "")
    assert [answer.pane.model for answer in scene.answers()] == [other[swapped]]


def test_on_this_computer_the_weights_prove_who_has_answered(scene, server, monkeypatch):
    """The right name is told, and the wrong weights."""
    monkeypatch.setattr(fake_server, "FINGERPRINT", f"{BASE}+1a2b3c4d")

    async def go():
        await scene.workspace.provider("fake")
        scene.workspace._connected[LOCAL] = Provider(LOCAL, "This computer", server.url, KEY)
        scene.workspace._offers[LOCAL] = await scene.workspace.offers_of("fake")
        for head, model in zip(scene.tab.panes.headers, (BASE, TUNED), strict=True):
            head.choose(ChatPane(head.number, LOCAL, model))
        await scene.ask()

    scene.play(go())
    assert scene.column(0).texts() == []
    assert f"{BASE}+1a2b3c4d answered" in scene.column(0).error.text()
    assert (
        scene.column(1).summary.text().startswith("This computer · study (abc123) · base-model · adapter 1a2b3c4d · ")
    )
    assert "free" in scene.column(1).summary.text()


def test_a_model_that_was_not_fetched_is_said_to_be_so(scene, server):
    async def go():
        scene.workspace.offers = [ModelOffer("q", "Qwen", state="missing"), ModelOffer(TUNED, TUNED, tuned=True)]
        scene.workspace.offers_changed.emit()
        scene.tab.panes.headers[0].choose(ChatPane(0, "fake", "q"))
        await scene.ask()

    scene.play(go())
    assert scene.column(0).error.text().startswith("Qwen is not on this computer yet")
    assert [asked["model"] for asked in server.asked] == [TUNED]


# --- as it comes


def test_an_answer_appears_while_it_is_written_and_can_be_stopped(scene, server):
    server.answer(TUNED, "Three of them.", hold=threading.Event())

    async def go():
        scene.tab.question.setPlainText(QUESTION)
        scene.tab.send.click()
        await until(lambda: scene.tab.asking.is_busy())
        assert scene.tab.send.text() == "Stop"
        await until(lambda: scene.texts()[1] == ["Three "] and scene.column(0).summary.text())
        assert not scene.tab.list.anew.isEnabled()
        scene.tab.send.click()
        await scene.quiet()

    scene.play(go())
    assert scene.tab.send.text() == "Send"
    assert "was not saved" in scene.column(1).error.text()
    assert scene.texts() == [["base-model answers."], ["Three "]]
    assert [answer.pane.number for answer in scene.answers()] == [0]


def test_a_model_that_writes_is_no_longer_being_prepared(qtbot):
    column = AnswerView(str)
    qtbot.addWidget(column)
    column.begin(1, converts=True)
    assert column.state.text().startswith("Preparing")
    column.show_preparation(0.43)
    assert column.state.text() == "Preparing the model for its first use: 43%"
    column.add(0, "Three")
    assert column.state.text() == "Answering…"


def test_an_answer_that_waits_for_the_file_of_another_model_says_so(run, qtbot, monkeypatch):
    """The engine makes it in front of all answers; the base of a fine-tuned model is not in the question."""
    monkeypatch.setattr(send_question, "PREPARATION_POLL_SECONDS", 0.0)
    column, shown = AnswerView(str), []
    qtbot.addWidget(column)
    column.begin(1, converts=False)

    class Engine:
        async def offers(self):
            shown.append(column.state.text())
            if len(shown) == 3:
                column.add(0, "Three")
            made = None if len(shown) == 1 else 0.2 * len(shown)
            return [ModelOffer(TUNED, TUNED, tuned=True), ModelOffer(BASE, "Base", answering_progress=made)]

    run(send_question.show_preparation(Engine(), TUNED, column))
    assert shown == ["Answering…", "Answering…", "Preparing the model for its first use: 40%"]
    assert column.state.text() == "Answering…"


@pytest.mark.parametrize("text", ["word " * 20_000, "A line of the answer.\n" * 5_000, "三人です。" * 20_000])
def test_a_long_text_comes_in_few_and_small_steps(qtbot, text):
    """However many pieces come, they are shown once a frame; and no paragraph is ever laid out that is long."""
    column = AnswerView(str)
    qtbot.addWidget(column)
    column.begin(1, converts=False)
    for start in range(0, len(text), 5):
        column.add(0, text[start : start + 5])
    assert (column.flushes, column.texts()) == (0, [""])
    with qtbot.waitSignal(column.flush_timer.timeout, timeout=int(PATIENCE * 1000)):
        pass
    assert column.flushes == 1
    column.add(0, "The end.")
    column.fail("")
    assert column.flushes == 2
    assert column.texts() == [f"{text}The end."]
    document = column.blocks[0].text.document()
    block, longest = document.begin(), 0
    while block.isValid():
        longest, block = max(longest, block.length()), block.next()
    assert longest <= MAX_PARAGRAPH_PIECE + 1
    assert column.blocks[0].text.is_broken == ("\n" not in text)


def test_what_a_model_writes_is_shown_to_the_letter(scene, server):
    server.answer(TUNED, "<b>Three</b> <img src=x>")
    scene.play(scene.ask())
    assert scene.texts()[1] == ["<b>Three</b> <img src=x>"]
    assert scene.column(1).blocks[0].text.toPlainText() == "<b>Three</b> <img src=x>"


# --- the conversation


def test_each_pane_goes_on_from_what_it_has_said_itself(scene, server):
    server.answer(BASE, "Eleven.")
    server.answer(TUNED, "Three.")

    async def go():
        await scene.ask()
        await scene.ask("Are you sure?")

    scene.play(go())
    told = {body["model"]: [message["content"] for message in body["messages"][1:]] for body in server.asked[2:]}
    assert told == {BASE: [QUESTION, "Eleven.", "Are you sure?"], TUNED: [QUESTION, "Three.", "Are you sure?"]}
    assert [row.turn.text for row in scene.tab.conversation_view.rows] == [QUESTION, "Are you sure?"]
    assert scene.column(0, 0).again.isHidden()
    assert not scene.column(0, 1).again.isHidden()


def test_an_edited_question_begins_a_branch_and_the_old_one_stays(scene, server):
    async def go():
        await scene.ask("One?")
        await scene.ask("Two?")
        first = scene.tab.conversation_view.rows[0]
        first.edit.click()
        assert first.field.toPlainText() == "One?"
        first.field.setPlainText("Uno?")
        first.send.click()
        await until(lambda: scene.tab.conversation_view.rows[0].turn.text == "Uno?")
        await scene.quiet()
        assert [row.turn.text for row in scene.tab.conversation_view.rows] == ["Uno?"]
        assert scene.tab.conversation_view.rows[0].place.text() == "2/2"
        scene.tab.conversation_view.rows[0].back.click()
        await until(lambda: len(scene.tab.conversation_view.rows) == 2)

    scene.play(go())
    assert [row.turn.text for row in scene.tab.conversation_view.rows] == ["One?", "Two?"]
    assert (scene.tab.conversation_view.rows[0].place.text(), scene.tab.conversation_view.rows[1].place.isHidden()) == (
        "1/2",
        True,
    )
    assert [message["content"] for message in server.asked[-1]["messages"][1:]] == ["Uno?"]


def test_a_pane_is_asked_again_and_a_mark_is_not_lost_by_a_slip(scene, server):
    server.answer(BASE, "Eleven.")

    async def go():
        await scene.ask()
        block = scene.column(0).blocks[0]
        block.judge.click()
        block.mark.number.setValue(60)
        block.mark.note.setText("by feel")
        block.mark.keep.click()
        await until(lambda: scene.answers()[0].mark == 60)
        await until(lambda: block.mark.mark_note.text() == "60 of 100 – by feel")
        server.answer(BASE, "Nine.")
        scene.column(0).again.click()
        await answer_when_asked(scene.tab, "Cancel")
        assert scene.texts()[0] == ["Eleven."]
        scene.column(0).again.click()
        await answer_when_asked(scene.tab, "Run again")
        await until(lambda: scene.texts()[0] == ["Nine."])
        await scene.quiet()

    scene.play(go())
    assert [(one.text, one.mark) for one in scene.answers_of(0)] == [("Nine.", None)]
    assert len(server.asked) == 3


def test_the_newest_conversation_is_there_again_with_its_panes(scene, server, run):
    async def go():
        scene.tab.panes.headers[1].choose(ChatPane(1, "fake", TUNED, prompt_conditions.OPEN_BOOK))
        await scene.ask("One?")
        scene.tab.list.anew.click()
        assert scene.tab.conversation_view.rows == []
        assert scene.tab.panes.panes()[1].condition == prompt_conditions.OPEN_BOOK
        await scene.ask("Two?")
        await until(lambda: scene.tab.list.list.count() == 2)

    scene.play(go())

    async def again():
        await scene.open()
        await until(lambda: scene.tab.conversation_view.rows)
        assert [row.turn.text for row in scene.tab.conversation_view.rows] == ["Two?"]
        assert scene.texts() == [["base-model answers."], [f"{TUNED} answers."]]
        assert scene.tab.panes.panes()[1] == ChatPane(1, "fake", TUNED, prompt_conditions.OPEN_BOOK)
        scene.tab.list.list.setCurrentRow(1)
        await until(lambda: scene.tab.name.text() == "One?")

    scene.play(again())


def test_conversations_are_searched_renamed_exported_and_deleted(scene, server, tmp_path):
    async def go():
        listed, acts = scene.tab.list, scene.tab.acts
        await scene.ask("Where is the ferry?")
        listed.anew.click()
        await scene.ask()
        await until(lambda: listed.list.count() == 2)
        listed.search.setText("ferry")
        await until(lambda: listed.list.count() == 1)
        listed.list.item(0).setText("Boats")
        await until(lambda: "Boats" in [one.title for one in scene.stored_conversations()])
        listed.search.clear()
        await until(lambda: listed.list.count() == 2)
        for suffix in ("md", "jsonl"):
            acts.export(tmp_path / f"chat.{suffix}", suffix)
            await until((tmp_path / f"chat.{suffix}").exists)
        acts.delete.trigger()
        await answer_when_asked(scene.tab, "Delete")
        await until(lambda: scene.tab.conversation_view.rows == [] and listed.list.count() == 1)

    scene.play(go())
    assert [one.title for one in scene.stored_conversations()] == ["Boats"]
    assert f"> {QUESTION}" in (tmp_path / "chat.md").read_text("utf-8")
    lines = [json.loads(line) for line in (tmp_path / "chat.jsonl").read_text("utf-8").splitlines()]
    assert [line["messages"][-1]["content"] for line in lines] == ["base-model answers.", f"{TUNED} answers."]


# --- what becomes of an answer


def test_an_answer_is_corrected_into_a_draft_of_its_fact(scene, server):
    server.answer(BASE, "Each team fields eleven players.")

    async def go():
        await scene.ask("How many people play on each side?")
        scene.column(0).blocks[0].correct.click()
        dialog = scene.tab.window().findChild(CorrectionDialog)
        await until(lambda: dialog.selected_facts())
        dialog.answer.setPlainText("Two teams of three players each.")
        await until(lambda: [fact.name for fact in dialog.selected_facts()] == ["f01"] and is_settled(dialog))
        dialog.ok.click()
        await until(dialog.isHidden)

    scene.play(go())
    (row,) = examples.iterate(scene.workspace.project.rows, Filter(source="chat"))
    assert (row.question, row.answer) == ("How many people play on each side?", "Two teams of three players each.")
    assert (row.split, row.status, row.facts, row.kind) == ("train", "draft", "f01", "direct")
    assert scene.workspace.project.undo_label == "Correct and save as an example"


def test_a_question_is_added_to_the_exam_with_the_facts_that_a_person_chose(scene, server):
    server.answer(BASE, "A team has three players.")
    shown = []
    scene.tab.show_examples.connect(shown.append)

    async def go():
        await scene.ask()
        scene.column(0).blocks[0].examine.click()
        dialog = scene.tab.window().findChild(CorrectionDialog)
        await until(lambda: dialog.points.text() == "three")
        for row in range(dialog.facts.count()):
            item = dialog.facts.item(row)
            wanted = item.text().startswith("f02:")
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        dialog.points.setText("three ; 3")
        dialog.points.textEdited.emit("three ; 3")
        dialog.ok.click()
        await until(dialog.isHidden)

    scene.play(go())
    (row,) = examples.iterate(scene.workspace.project.rows, Filter(source="chat"))
    assert (row.split, row.status, row.facts, row.key_points) == ("test", "approved", "f02", "three ; 3")


def test_a_request_is_shown_as_code_that_can_be_copied(scene, server, qapp):
    async def go():
        await scene.ask()
        scene.column(1).code.click()
        await until(lambda: scene.tab.findChildren(CodeDialog))
        (sent,) = scene.tab.findChildren(CodeDialog)
        body = scene.request(1)
        assert sent.text() == request_code.to_python(
            request_code.build_request_code(await scene.workspace.provider(), body)
        )
        sent.tabs.setCurrentIndex(2)
        sent.copy.click()
        assert json.loads(QGuiApplication.clipboard().text()) == body
        scene.tab.question.setPlainText("And now?")
        scene.tab.panes.headers[0].code.click()
        await until(lambda: len(scene.tab.findChildren(CodeDialog)) == 2)
        coming = scene.tab.findChildren(CodeDialog)[1]
        coming.tabs.setCurrentIndex(2)
        told = [message["content"] for message in json.loads(coming.text())["messages"]]
        assert told[1:] == [QUESTION, "base-model answers.", "And now?"]
        for dialog in (sent, coming):
            dialog.close()

    scene.play(go())
    assert len(server.asked) == 2


# --- the fields


def test_another_system_prompt_is_warned_of_and_can_be_taken_back(scene, server):
    settings, own = scene.tab.settings, spec.load(scene.workspace.project.rows).system_prompt
    settings.fold.click()
    assert (settings.system_prompt(), settings.reset.isVisible()) == (own, False)
    settings.prompt.setPlainText("Talk like a pirate.")
    assert "may seem untrained" in settings.warning.text()
    scene.play(scene.ask())
    assert server.asked[0]["messages"][0]["content"] == "Talk like a pirate."
    settings.reset.click()
    assert (settings.system_prompt(), settings.warning.text()) == (own, "")


def test_a_tuned_model_is_asked_under_the_prompt_it_was_trained_with(scene, server):
    settings, project = scene.tab.settings, scene.workspace.project
    own = spec.load(project.rows).system_prompt

    def job(db):
        id = jobs.insert(db, {
            "provider": "fake", "token": "t", "model": BASE, "rows": "study", "row_count": 9, "settings": "{}",
            "status": "succeeded", "version": versions.save_current(db, "Kept"),
        })  # fmt: skip
        db.execute("UPDATE job SET fine_tuned_model = ? WHERE id = ?", (TUNED, id))
        spec.store(db, spec.Spec("Game", "en", "Be someone else.", "Text."))

    async def go():
        scene.workspace.tasks.start("", project.write("Job", job))
        await until(lambda: "was trained with another system prompt" in settings.warning.text())
        assert settings.system_prompt() == "Be someone else."
        settings.as_trained.click()
        assert (settings.system_prompt(), settings.warning.text()) == (own, "")
        assert not settings.as_trained.isVisible()
        settings.reset.click()
        assert settings.as_trained.isVisible()

    scene.play(go())


def test_a_suggested_question_is_asked_with_one_click(scene, server):
    async def go():
        assert len(scene.suggestions()) == 3
        scene.suggestions()[0].click()
        await scene.quiet()

    scene.play(go())
    assert {asked["messages"][-1]["content"] for asked in server.asked} == {QUESTION}
    assert not scene.tab.suggestions.isVisible()
    # While the conversation is short, what was not asked in it is offered below.
    offered = scene.tab.next_questions
    assert offered.isVisible()
    others = [button.text() for button in offered.findChildren(QPushButton) if button.isVisible()]
    assert len(others) == 2 and QUESTION not in others


def test_a_long_conversation_has_the_room_for_itself(scene, server):
    async def go():
        for number in range(SHORT_CONVERSATION + 1):
            scene.tab.question.setPlainText(f"{QUESTION} {number}")
            scene.tab.send.click()
            await scene.quiet()

    scene.play(go())
    assert not scene.tab.next_questions.isVisible()


def test_a_model_handed_over_stands_beside_the_base_even_before_it_is_offered(scene, server):
    new = "ft:base-model:local:later:zzz"
    scene.tab.choose_model(scene.tab.workspace.settings.provider, new)
    assert scene.models() == [BASE, new]
    server.models[new] = 1  # older than the others, so that it is not the default
    scene.play(scene.workspace.load_offers())
    assert scene.models() == [BASE, new]


def test_without_a_tuned_model_only_the_base_is_asked(scene, server):
    server.models = {BASE: 1}

    async def go():
        await scene.workspace.load_offers()
        assert scene.models() == [BASE, ""]
        await scene.ask()

    scene.play(go())
    assert [asked["model"] for asked in server.asked] == [BASE]


def test_enter_sends_and_shift_enter_begins_a_line(scene):
    field, sent = scene.tab.question, []
    field.sent.disconnect()
    field.sent.connect(lambda: sent.append(field.toPlainText()))
    field.setPlainText("One")
    field.moveCursor(field.textCursor().MoveOperation.End)
    press(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    field.insertPlainText("Two")
    press(field, Qt.Key.Key_Return)
    assert sent == ["One\nTwo"]


def test_enter_while_an_input_method_composes_sends_nothing(scene, qapp):
    field, sent = scene.tab.question, []
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
    field = scene.tab.question

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


def test_questions_with_a_blank_are_suggested_only_where_there_are_no_others(run, project):
    asked = ["How wide is ___?", "___ players play.", "How many play?", "How long is a half?", "Who throws first?"]

    def fill(db):
        rows = [new_example(one, "So.", split="test") for one in asked]
        examples.add(db, rows)

    run(project.write("fill", fill))
    assert run(project.read(_load_suggestions)) == asked[2:]
    run(project.write("", lambda db: db.execute("DELETE FROM example WHERE id > 3").rowcount))
    assert run(project.read(_load_suggestions)) == [asked[2], *asked[:2]]


def test_questions_as_a_person_asks_them_are_suggested_first(run, project):
    asked = ["ball, five?", "how many play", "Who throws first?", "How long is a half?", "When does it end?"]
    forms = ["keywords", "hurried", "who", "", ""]
    sources = ["offline", "offline", "offline", "", ""]

    def fill(db):
        rows = [new_example(one, "So.", split="test", tags=form, source=source)
                for one, form, source in zip(asked, forms, sources, strict=True)]  # fmt: skip
        examples.add(db, rows)

    run(project.write("fill", fill))
    assert run(project.read(_load_suggestions)) == [*asked[3:], asked[2]]
