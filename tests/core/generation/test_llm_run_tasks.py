"""What a chat model's answers become: what the base model knows, what a judge found, and refined facts."""

import asyncio
import json

import pytest

from core.dataset import bulk_edits, examples, sample_projects
from core.generation import fact_refining, knowledge_probe, llm_runs, row_judging
from core.generation.llm_run_tasks import TASKS
from core.generation.llm_runs import LlmRequest
from core.progress import Reporter
from core.spec import facts, spec
from core.spec.spec import Spec
from core.text import statements
from tests.support.fake_server import Answer
from tests.support.projects import new_example, write
from tests.support.scripted_models import MODEL, ask

TEXT = "A team has three players. The court has a blue floor. A half lasts ten minutes.\n"


def asked_of(project, server, task, subjects):
    """The outcome of asking about these."""
    made = []
    write(project, lambda db: made.append(llm_runs.begin(db, task, "fake", MODEL, subjects)))
    return asyncio.run(ask(project, server.provider(), made[0], Reporter()))


@pytest.fixture
def game(project):
    write(project, spec.store, Spec("Game", "en", "Answer briefly.", TEXT))
    write(project, facts.accept_missing)
    write(
        project,
        examples.add,
        [
            new_example("How many play?", "Three.", facts="f01", kind="direct", key_points="3"),
            new_example("Say how many play.", "Three.", facts="f01", kind="statement"),
            new_example("Who plays?", "A team of 3 players.", facts="f01", kind="reworded"),
            new_example("Anything?", "No.", facts="f01 f02", kind="direct"),
        ],
    )
    return project


def test_a_base_model_is_asked_what_it_knows(game, server):
    write(game, facts.ignore, [2])
    subjects = knowledge_probe.build_subjects(game.rows)
    assert [(subject["fact"], subject["points"]) for subject in subjects] == [("f01", "3"), ("f01", "3|team"), ("f03", "ten"), ("f03", "ten minutes")]  # fmt: skip
    assert subjects[0]["question"] == "How many play?"

    def answer(asked):
        question = asked["messages"][-1]["content"]
        if "play" in question:
            return Answer(["3", "three players", "4", "", ""])
        return Answer(["ten minutes"] if "Fill" in question else [])

    server.script = answer
    outcome = asked_of(game, server, "probe", subjects)
    assert [fact.known for fact in facts.load(game.rows)] == ["4/6", "", "1/1"]
    assert outcome.message == "2 facts were tested: 1 known, 1 sometimes, 0 unknown."
    assert outcome.failed == 1
    assert server.asked[0]["n"] == knowledge_probe.ANSWERS_PER_QUESTION
    assert server.asked[0]["messages"][0] == {"role": "system", "content": "Answer briefly."}
    asyncio.run(game.undo())
    assert not any(fact.known for fact in facts.load(game.rows))


@pytest.mark.parametrize("name", sample_projects.list_names())
def test_every_fact_of_the_samples_can_be_asked_for(project, name):
    write(project, sample_projects.fill, name)
    subjects = knowledge_probe.build_subjects(project.rows)
    assert {subject["fact"] for subject in subjects} == {fact.name for fact in facts.load(project.rows)}
    assert all(subject["question"] and subject["points"] for subject in subjects)


def test_a_judge_marks_rows_that_contradict_their_fact(game, server):
    subjects = row_judging.build_subjects(game.rows, [1, 2, 3, 4, 99])
    assert [subject["row"] for subject in subjects] == [1, 2, 3, 4]
    verdicts = {
        "How many play?": '{"reason": "Five are not  three.", "verdict": "contradicts"}',
        "Say how many play.": "Verdict: supported",
        "Who plays?": '```json\n{"verdict": "not_in_text"}\n```',
        "Anything?": "Well, it depends.",
    }

    def answer(asked):
        text = asked["messages"][0]["content"]
        assert "A team has three players." in text
        return Answer([next(reply for question, reply in verdicts.items() if question in text)])

    server.script = answer
    outcome = asked_of(game, server, "judge", subjects)
    found = list(examples.iterate(game.rows))
    assert [one.problems for one in found] == ["judge-contradicts", "", "judge-not-in-text", ""]
    assert found[0].notes == "Judge: Five are not three."
    assert (
        outcome.message == "4 rows were judged: 1 contradicts its fact, 1 says what its fact does not say, 1 unclear."
    )
    # Approving leaves out what the judge has refused, in one step.
    asyncio.run(game.write("Drafts", bulk_edits.set_field, [1, 2, 3, 4], "status", "draft", Reporter()))
    assert bulk_edits.find_rows_refused_by_judge(game.rows, [1, 2, 3, 4]) == [1, 3]
    asyncio.run(game.write("Approve", bulk_edits.approve, [1, 2, 3, 4], Reporter()))
    assert [one.status for one in examples.iterate(game.rows)] == ["draft", "approved", "draft", "approved"]
    for _step in range(2):
        asyncio.run(game.undo())
    # Judged again, and found right.
    verdicts["How many play?"] = '{"verdict": "supported"}'
    asked_of(game, server, "judge", subjects[:1])
    assert next(examples.iterate(game.rows)).problems == ""
    for _step in range(2):
        asyncio.run(game.undo())
    assert list(examples.iterate(game.rows))[2].problems == ""


def test_facts_are_refined_and_stand_on_the_closest_passage(game, server):
    found = statements.split_statements("The net is red and 2 m high. Each ball weighs 400 g.\n")
    server.script = lambda _asked: Answer(
        [json.dumps({"statements": ["The net is red.", "The net is 2 m high.", "Each ball weighs 400 g.",
                                    "The net is red.", "A team has three players."]})]
    )  # fmt: skip
    outcome = asked_of(game, server, "facts", fact_refining.build_subjects(found))
    assert outcome.message == "3 facts were added."
    made = {fact.name: (fact.text, fact.quote) for fact in facts.load(game.rows)[3:]}
    assert made == {
        "f04": ("The net is red.", found[0].quote),
        "f05": ("The net is 2 m high.", found[0].quote),
        "f06": ("Each ball weighs 400 g.", found[1].quote),
    }
    assert "- The net is red and 2 m high." in server.asked[0]["messages"][0]["content"]


def test_statements_are_refined_some_at_a_time():
    found = statements.split_statements("".join(f"Rule {number} holds.\n\n" for number in range(45)))
    assert [len(subject["statements"]) for subject in fact_refining.build_subjects(found)] == [20, 20, 5]


@pytest.mark.parametrize("name", TASKS)
def test_a_request_about_what_is_gone_fails_nothing(project, name):
    subject = {
        "fact": "f01",
        "counts": {"direct": 1},
        "row": 1,
        "question": "Q",
        "points": "3",
        "statements": [["A", "A"]],
        "messages": [{"role": "user", "content": "Q"}],
        **dict.fromkeys(("provider", "model", "reference", "key_points", "kind", "facts"), ""),
    }
    request = LlmRequest(1, subject, replies=["odd", "7"])
    assert TASKS[name].messages(project.rows, request)
    write(project, TASKS[name].apply, [request])


def test_remarks_are_asked_for_with_the_whole_text():
    (message,) = fact_refining.build_remarks_messages(Spec(text=TEXT))
    assert TEXT in message["content"]
    assert fact_refining.parse_remarks("1. Two lengths of a half are given.\n2. Balls are not described.") == [
        "Two lengths of a half are given.",
        "Balls are not described.",
    ]
