"""Conversations in a real project file, asked of a real HTTP server: branches, histories, proof, search, export."""

import asyncio
import json

import pytest

from core.chat import conversations, corrections, transcripts
from core.chat.conversations import ChatPane, PaneRequest
from core.dataset import examples
from core.dataset.filters import Filter
from core.exam import prompt_conditions
from core.providers import Provider, Reply, Sampling
from core.providers.model_identity import ModelIdentityError
from core.spec import facts, spec
from tests.support import fake_server
from tests.support.fake_server import KEY, Answer

BASE, TUNED = "base-model", "ft:base-model:local:study:abc123"
LEFT, RIGHT = ChatPane(0, "fake", BASE), ChatPane(1, "fake", TUNED, prompt_conditions.RETRIEVED)
QUESTION = "How many players are on a Hobannu team?"


def say(project, text, conversation=0, parent=None):
    made = []
    asyncio.run(project.write("", lambda db: made.append(conversations.add_turn(db, conversation, parent, text))))
    return made[0]


def answer(project, server, turn, pane, question=QUESTION, provider=None, **how):
    async def work():
        made = provider or server.provider()
        builder = await project.read(prompt_conditions.load_prompt_builder)
        request = PaneRequest(
            turn, pane, question, "Be brief.", how.pop("sampling", Sampling()), how.pop("history", ())
        )
        try:
            return await conversations.ask(project, made, builder, request, **how)
        finally:
            builder.close()
            await made.close()

    return asyncio.run(work())


def load(project, id):
    return conversations.load(project.rows, id)


def put(project, turn, pane, *texts):
    """Answers without a server."""
    request = PaneRequest(turn, pane, "", "", Sampling())
    reply = Reply(list(texts), pane.model, "fp", 1.0, 7, True, 3)
    asyncio.run(
        project.write("", conversations.store_answers, request, reply, {"model": pane.model, "messages": []}, [])
    )


def test_an_answer_is_kept_with_its_proof_its_passages_and_its_request(sample, server):
    server.answer(TUNED, "Three.", "3.")
    conversation, turn = say(sample, QUESTION)
    seen = []
    sampling = Sampling(0.5, 0.9, 50, 2, 7, ("\n\n", "END"))
    changes = answer(sample, server, turn, RIGHT, sampling=sampling, on_text=lambda *piece: seen.append(piece))
    assert changes.tables == {"chat_answer", "conversation"}
    assert sample.undo_label == "sample"  # a record of what happened
    first, second = load(sample, conversation).answers
    assert (first.text, second.text, first.pane, first.reported) == ("Three.", "3.", RIGHT, TUNED)
    assert (first.fingerprint, first.sent, first.received, first.complete) == (fake_server.FINGERPRINT, 1, 7, True)
    assert first.reason == second.reason == "stop"
    assert 0 < first.first_seconds < first.seconds
    assert first.tokens_per_second == pytest.approx(6 / (first.seconds - first.first_seconds))
    assert first.passages[0].passage.text in spec.load(sample.rows).text
    assert first.passages[0].score > first.passages[-1].score > 0
    assert seen == [(0, "Three."), (1, "3.")]
    sent = server.asked[0]
    assert sent["messages"][0]["content"].startswith("Be brief.")
    assert first.passages[0].passage.text in sent["messages"][0]["content"]
    assert (sent["stop"], sent["seed"], sent["n"]) == (["\n\n", "END"], 7, 2)
    kept = conversations.load_request(sample.rows, turn, 1)
    assert kept == {name: value for name, value in sent.items() if name not in ("stream", "stream_options")}


def test_each_pane_goes_on_from_its_own_answers(sample, server):
    conversation, first = say(sample, "One?")
    put(sample, first, LEFT, "left one", "another sample")
    put(sample, first, RIGHT, "right one")
    _, second = say(sample, "Two?", conversation, first)
    put(sample, second, RIGHT, "right two")
    _, third = say(sample, "Three?", conversation, second)
    thread = load(sample, conversation)
    before = thread.path(third)[:-1]
    said = [message["content"] for message in thread.history(before, 0)]
    assert said == ["One?", "left one"]  # the second was not answered here
    assert [message["content"] for message in thread.history(before, 1)] == ["One?", "right one", "Two?", "right two"]
    answer(sample, server, third, LEFT, "Three?", history=thread.history(before, 0))
    roles = [(message["role"], message["content"]) for message in server.asked[0]["messages"]]
    assert roles == [("system", "Be brief."), ("user", "One?"), ("assistant", "left one"), ("user", "Three?")]


def test_an_edited_question_is_another_branch(project):
    conversation, first = say(project, "One?")
    _, second = say(project, "Two?", conversation, first)
    _, edited = say(project, "Two, please?", conversation, first)
    _, third = say(project, "Three?", conversation, second)
    thread = load(project, conversation)
    assert [turn.text for turn in thread.path(third)] == ["One?", "Two?", "Three?"]
    assert [turn.text for turn in thread.path(edited)] == ["One?", "Two, please?"]
    assert [turn.id for turn in thread.branches(thread.path(second)[-1])] == [second, edited]
    assert (thread.newest(), thread.newest(second), thread.newest(edited)) == (third, third, edited)
    _, root = say(project, "Uno?", conversation)
    assert [turn.text for turn in load(project, conversation).branches(load(project, conversation).turns[0])] == [
        "One?",
        "Uno?",
    ]
    assert load(project, conversation).newest() == root


def test_a_retry_takes_the_place_of_the_answers_before(project):
    conversation, turn = say(project, "One?")
    put(project, turn, LEFT, "a", "b")
    put(project, turn, RIGHT, "c")
    put(project, turn, LEFT, "d")
    thread = load(project, conversation)
    assert [one.text for one in thread.answers] == ["d", "c"]
    assert thread.panes(thread.path(turn)) == [LEFT, RIGHT]


@pytest.mark.parametrize("asked", [BASE, TUNED])
def test_another_model_than_was_asked_is_caught_and_nothing_is_kept(project, server, asked):
    other = {BASE: TUNED, TUNED: "ft:base-model:local:plain:other1"}[asked]

    def swap(body):
        body["model"] = other
        return Answer(["I am somebody else."])

    server.script = swap
    conversation, turn = say(project, QUESTION)
    with pytest.raises(ModelIdentityError, match=other):
        answer(project, server, turn, ChatPane(0, "fake", asked))
    assert load(project, conversation).answers == []


@pytest.mark.parametrize(
    ("asked", "told", "caught"),
    [(BASE, f"{BASE}+1a2b3c", True), (TUNED, BASE, True), (BASE, "other-base", True), (BASE, BASE, False), (TUNED, f"{BASE}+1a2b3c", False)],
)  # fmt: skip
def test_on_this_computer_the_weights_tell_who_has_answered(project, server, monkeypatch, asked, told, caught):
    monkeypatch.setattr(fake_server, "FINGERPRINT", told)
    conversation, turn = say(project, QUESTION)
    here = Provider("local", "This computer", server.url, KEY)
    if caught:
        with pytest.raises(ModelIdentityError):
            answer(project, server, turn, ChatPane(0, "local", asked), provider=here)
    else:
        answer(project, server, turn, ChatPane(0, "local", asked), provider=here)
    assert [one.fingerprint for one in load(project, conversation).answers] == ([] if caught else [told])


def test_a_mark_and_its_note_stay_with_the_answer(project):
    conversation, turn = say(project, "One?")
    put(project, turn, LEFT, "a", "b")
    id = load(project, conversation).answers[1].id
    asyncio.run(project.write("", conversations.store_mark, id, 60, "half right"))
    assert [(one.mark, one.note) for one in load(project, conversation).answers] == [(None, ""), (60, "half right")]


def test_conversations_are_found_by_all_words_wherever_they_stand(project):
    one, turn = say(project, "How many players?\nPlease.")
    put(project, turn, LEFT, "三人です。100% sure")
    two, _turn = say(project, "Where is the ferry?" * 9)
    found = lambda words: [conversation.id for conversation in conversations.find_conversations(project.rows, words)]  # noqa: E731
    assert found("") == [two, one]
    assert (found("PLAYERS 三人"), found("100%"), found("1%0"), found("ferry"), found("ferry 三人")) == (
        [one],
        [one],
        [],
        [two],
        [],
    )
    titles = [conversation.title for conversation in conversations.find_conversations(project.rows)]
    assert (titles[1], len(titles[0])) == ("How many players? Please.", conversations.MAX_TITLE_CHARACTERS + 1)
    asyncio.run(project.write("", conversations.rename, one, "Teams"))
    assert found("teams") == [one]
    asyncio.run(project.write("", conversations.delete, one))
    assert found("") == [two]
    assert load(project, one) is None
    assert project.rows.execute("SELECT count(*) FROM chat_answer").fetchone() == (0,)


def test_an_answer_to_a_question_that_is_gone_is_left(project):
    conversation, turn = say(project, "One?")
    asyncio.run(project.write("", conversations.delete, conversation))
    put(project, turn, LEFT, "late")
    assert project.rows.execute("SELECT count(*) FROM chat_answer").fetchone() == (0,)


def test_a_branch_leaves_as_markdown_and_as_chats_of_each_pane(sample, server, tmp_path):
    server.answer(BASE, "# not a heading\n> 三人")
    server.answer(TUNED, "Three.")
    conversation, turn = say(sample, QUESTION)
    for pane in (LEFT, RIGHT):
        answer(sample, server, turn, pane)
    _, other = say(sample, "Another branch", conversation)
    id = load(sample, conversation).answers[0].id
    asyncio.run(sample.write("", conversations.store_mark, id, 60, "so *so*"))
    thread = load(sample, conversation)
    written = transcripts.to_markdown(thread, turn, lambda provider: provider.title())
    assert [line for line in written.splitlines() if line.startswith("#")][0] == f"# {QUESTION}"  # noqa: RUF015
    assert f"> {QUESTION}\n" in written
    assert "### Fake · base-model · Closed book\n\n> # not a heading\n> > 三人\n" in written
    assert "Mark: 60/100 – so \\*so\\*" in written
    assert "Another branch" not in written
    lines = [json.loads(line) for line in transcripts.to_jsonl(sample.rows, thread, turn).splitlines()]
    assert [line["messages"][-1]["content"] for line in lines] == ["# not a heading\n> 三人", "Three."]
    assert lines[0]["messages"][:-1] == server.asked[0]["messages"]
    assert all(examples.read_row(json.dumps(line)).problems == "" for line in lines)
    assert transcripts.to_jsonl(sample.rows, thread, other) == ""
    transcripts.write_file(tmp_path / "chat.md", written)
    assert (tmp_path / "chat.md").read_text("utf-8") == written


def test_a_corrected_answer_becomes_a_row_of_the_fact_it_speaks_of(sample):
    found = corrections.guess_facts(sample.rows, QUESTION, "A team has three players.")
    (name,) = found.meant
    assert "three players" in found.facts[0].text
    assert {fact.id for fact in found.facts} == {fact.id for fact in facts.load(sample.rows)}
    taught = found.facts[:1]
    made = []

    def add(db):
        made.append(corrections.add_row(db, QUESTION, "Three players.", taught, "direct"))
        points = corrections.suggest_key_points(db, "How many play?", "A team has three players.", taught)
        made.append(
            corrections.add_row(db, "How many play?", "A team has three.", taught, "reworded", "approved", points)
        )

    asyncio.run(sample.write("Correct", add))
    train, test = examples.fetch(sample.rows, made).values()
    assert (train.split, train.status, train.facts, train.kind) == ("train", "draft", name, "direct")
    assert (train.question, train.answer, train.quote) == (QUESTION, "Three players.", taught[0].quote)
    assert (test.split, test.status, test.facts, test.key_points) == ("test", "approved", name, "three")
    asyncio.run(sample.undo())
    assert not set(made) & set(examples.find_ids(sample.rows, Filter()))


def test_without_a_spec_no_fact_is_guessed(project):
    assert corrections.guess_facts(project.rows, QUESTION, "Three.") == corrections.FactGuess([], [])
    assert corrections.suggest_key_points(project.rows, QUESTION, "A team has 3 players.", []) == "3"


@pytest.mark.parametrize(
    ("reason", "received", "cut"), [("", 160, 160), ("", 159, None), ("length", 12, 160), ("stop", 160, None)]
)
def test_whether_an_answer_was_cut_is_told_by_its_reason_where_the_server_gives_one(project, reason, received, cut):
    conversation, turn = say(project, QUESTION)
    reply = Reply(["Three."], RIGHT.model, "fp", 1.0, received, True, 3, 0.25, (reason,))
    body = {"model": RIGHT.model, "messages": [], "max_tokens": 160}
    asyncio.run(
        project.write("", conversations.store_answers, PaneRequest(turn, RIGHT, "", "", Sampling()), reply, body, [])
    )
    answers = load(project, conversation).answers
    assert conversations.find_cut(answers) == cut
    assert answers[0].tokens_per_second == pytest.approx((received - 1) / 0.75)
