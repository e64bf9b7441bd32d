"""The spec by chat against a real HTTP server: a proposal is looked at, and taken over in part."""

import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QToolButton

from tests.support.pages.keys import press
from tests.support.pages.spec_chat import SpecChatPage
from tests.support.until import until
from ui.spec.proposal_dialog import ProposalDialog
from ui.spec.spec_chat_messages import AnswerMessage, QuestionMessage, RemarksMessage

BASE, TUNED = "base-model", "ft:base-model:local:study:abc123"
OLD = "# Hobannu\n\nA match lasts 60 minutes.\n\nA goal counts one point.\n"
NEW = "# Hobannu\n\nA match lasts 70 minutes.\n\nA goal counts one point.\n\nA whistle ends it."
PROPOSAL = f"I made it longer.\n\n```markdown\n{NEW}\n```"


@pytest.fixture
def server(server):
    server.models |= {TUNED: 100}
    return server


@pytest.fixture
def scene(qtbot, run, sample, server, server_key):
    scene = SpecChatPage(qtbot, run, sample, server, OLD)
    yield scene
    run(scene.close())


def test_without_a_model_it_is_said_what_to_do(scene, qtbot):
    assert scene.chat.pages.currentIndex() == 0
    with qtbot.waitSignal(scene.chat.settings_wanted):
        scene.chat.settings.click()


def test_a_base_model_is_asked_with_the_present_text_and_the_conversation(scene, server):
    server.answer(BASE, "How much longer?")
    server.answer(BASE, "Good.")

    async def go():
        assert (scene.chat.pages.currentIndex(), scene.chat.model.model_id()) == (1, BASE)
        await scene.ask()
        scene.spec = replace(scene.spec, text="# New")
        await scene.ask("By 10 minutes.")

    scene.play(go())
    first, second = (asked["messages"] for asked in server.asked)
    assert OLD in first[0]["content"]
    assert "# New" in second[0]["content"]
    assert [one["content"] for one in second[1:]] == ["Longer, please.", "How much longer?", "By 10 minutes."]
    assert [one.words.toPlainText() for one in scene.messages(AnswerMessage)] == ["How much longer?", "Good."]
    assert len(scene.messages(QuestionMessage)) == 2
    assert scene.chat.field.toPlainText() == ""


def test_a_proposal_is_taken_over_in_part(scene, server):
    server.answer(BASE, PROPOSAL)

    async def go():
        await scene.ask()
        assert scene.answer.words.toPlainText() == "I made it longer."
        assert scene.answer.offered.text() == "2 changes are suggested."
        scene.answer.look.click()
        dialog = scene.dialog()
        assert (dialog.take.isEnabled(), dialog.note.text()) == (False, "")
        dialog.sides.accept({1})
        assert dialog.take.text() == "Apply 1 change"
        dialog.take.click()

    scene.play(go())
    assert scene.wanted == [(f"{OLD}\nA whistle ends it.\n", OLD)]
    assert scene.answer.offered.text().startswith("1 change was applied")


def test_sections_that_the_model_left_out_are_kept_and_named(scene, server):
    now = f"{OLD}\n## Whistle\n\nA whistle ends it.\n"
    server.answer(BASE, PROPOSAL.replace("\n\nA whistle ends it.", ""))

    async def go():
        scene.spec = replace(scene.spec, text=now)
        await scene.ask()
        assert scene.answer.offered.text() == (
            "1 change is suggested.\nThe suggestion leaves these sections out; they are kept: Whistle"
        )
        scene.answer.look.click()
        dialog = scene.dialog()
        dialog.sides.accept({0})
        dialog.take.click()

    scene.play(go())
    assert scene.wanted == [(now.replace("60", "70"), now)]


def test_what_was_edited_meanwhile_stays(scene, server):
    server.answer(BASE, PROPOSAL)

    async def go():
        await scene.ask()
        scene.spec = replace(scene.spec, text=OLD.replace("one point", "two points"))
        scene.answer.look.click()
        dialog = scene.dialog()
        assert "edited" in dialog.note.text()
        dialog.sides.all.click()
        dialog.take.click()
        scene.spec = replace(scene.spec, text=scene.wanted[0][0])
        scene.answer.look.click()
        assert scene.answer.offered.text() == "Everything is already in your text."

    scene.play(go())
    assert scene.wanted[0][0] == NEW.replace("one point", "two points") + "\n"


def test_a_text_that_lost_much_is_warned_of(scene, server, qtbot):
    dialog = ProposalDialog("line\n" * 200, "line\n", BASE)
    qtbot.addWidget(dialog)
    assert "left out parts" in dialog.note.text()


def test_the_words_come_while_they_are_written_and_can_be_stopped(scene, server):
    server.answer(BASE, PROPOSAL, hold=threading.Event())

    async def go():
        scene.chat.field.setPlainText("Longer.")
        press(scene.chat.field, Qt.Key.Key_Return)
        assert scene.chat.send.text() == "Stop"
        await until(lambda: scene.answer.words.toPlainText() == "I")
        scene.chat.send.click()
        await scene.answered()
        assert scene.chat.send.text() == "Send"
        assert "Stopped" in scene.answer.error.text()
        await scene.ask("Again.")

    scene.play(go())
    assert [one["content"] for one in server.asked[1]["messages"][1:]] == ["Again."]


def test_a_text_that_is_being_written_is_counted_not_shown(scene):
    answer = AnswerMessage(BASE, "Answering…")
    for piece in ("So:\n\n```mark", "down\n# A\n", "b\n"):
        answer.add(piece)
    answer._show()
    assert answer.words.toPlainText() == "So:"
    assert "Writing the new text" in answer.state.text()


def test_what_the_server_refuses_is_said(scene, server):
    server.answer(BASE, error=(400, "Too long."))
    failed = []
    scene.workspace.tasks.failed.connect(failed.append)
    scene.play(scene.ask())
    assert "Too long." in scene.answer.error.text()
    assert not failed


@pytest.mark.parametrize(
    ("text", "finish", "words"),
    [
        (PROPOSAL.removesuffix("```"), True, "was cut off"),
        (PROPOSAL, False, "incomplete"),
        ("", True, "did not reply"),
        (f"```markdown\n{OLD}```", True, "the same as yours"),
    ],
)
def test_a_reply_without_a_whole_text_offers_nothing(scene, server, text, finish, words):
    server.answer(BASE, text, finish=finish)
    scene.play(scene.ask())
    assert words in scene.answer.error.text() + scene.answer.offered.text()
    assert not scene.answer.look.isVisible()


@pytest.mark.parametrize("no_schema", [False, True])
def test_contradictions_are_listed_as_the_models(scene, server, no_schema):
    server.no_schema = no_schema  # then it is asked once more, without
    server.answer(BASE, '{"statements": ["“A goal counts one point” says no more.", "<b>No</b> break is named."]}')

    async def go():
        scene.chat.contradictions.click()
        await scene.answered()
        found = scene.messages(RemarksMessage)[-1]
        assert len(found.remarks) == 2
        buttons = found.findChildren(QToolButton)
        assert [button.text() for button in buttons].count("Show in the text") == 1
        buttons[0].click()
        buttons[-1].click()

    scene.play(go())
    assert scene.places == [OLD.index("A goal")]
    assert "<b>No</b> break" in scene.chat.field.toPlainText()
    assert "statements" in server.asked[0]["messages"][0]["content"]
    formats = [asked.get("response_format", {}).get("type") for asked in server.asked]
    assert formats == ["json_schema", None][: 1 + no_schema]


def test_no_text_is_not_looked_through(scene, server):
    scene.spec = replace(scene.spec, text=" ")

    async def go():
        scene.chat.contradictions.click()

    scene.play(go())
    assert "no text yet" in scene.answer.error.text()
    assert server.asked == []


def test_a_new_conversation_forgets_and_stops(scene, server):
    server.answer(BASE, "One.")
    server.answer(BASE, "Two of them.", hold=threading.Event())

    async def go():
        await scene.ask()
        scene.chat.field.setPlainText("And?")
        scene.chat.send.click()
        await until(lambda: len(server.asked) == 2)
        scene.chat.anew.click()
        assert scene.chat.suggestions.isVisible()
        await until(lambda: not scene.workspace.tasks.running())
        server.answer(BASE, "Three.")
        await scene.ask("Anew.")

    scene.play(go())
    assert [one["content"] for one in server.asked[2]["messages"][1:]] == ["Anew."]
    assert [one.words.toPlainText() for one in scene.messages(AnswerMessage)][-1] == "Three."


def test_suggestions_begin(scene, server):
    async def go():
        scene.chat.suggested[0].click()
        assert scene.chat.field.toPlainText() == "Write a spec about "
        scene.chat.suggested[1].click()
        await scene.answered()

    scene.play(go())
    assert "missing" in server.asked[0]["messages"][-1]["content"]
    assert not scene.chat.suggestions.isVisible()


def test_half_a_composition_is_never_sent(scene, server, qapp):
    async def go():
        qapp.sendEvent(scene.chat.field, QInputMethodEvent("ほばんぬ", []))
        press(scene.chat.field, Qt.Key.Key_Return)

    scene.play(go())
    assert server.asked == []


def test_a_tuned_model_is_asked_only_when_it_is_chosen(scene, server):
    async def go():
        scene.chat.model.choose(TUNED)
        await scene.workspace.load_offers()
        await scene.ask()

    scene.play(go())
    assert server.asked[0]["model"] == TUNED
