"""A model's answers are kept once, asked as its rows ask them, and compared with another's question by question."""

import asyncio
import csv
import json

import pytest

from core.dataset import examples
from core.generation import llm_runs, recorded_answers, run_recovery
from core.generation.recorded_answers import RecordedAnswer
from core.progress import Reporter
from core.spec import spec
from core.spec.spec import Spec
from tests.support.fake_server import Answer
from tests.support.projects import new_example, write
from tests.support.scripted_models import ask

OLD, NEW = ("fake", "ft:gpt-4o-mini:o::1"), ("fake", "base-model")


TURNS = [
    {"role": "system", "content": "Own."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello!", "weight": 0},
    {"role": "user", "content": "And the ball?"},
    {"role": "assistant", "content": "The ball is red."},
]


@pytest.fixture
def game(project):
    write(project, spec.store, Spec("Game", "en", "Answer briefly.", ""))
    compared = {"input": {"messages": [{"role": "user", "content": "Which floor?"}]}}
    compared |= {
        f"{kind}_output": [{"role": "assistant", "content": "Blue."}] for kind in ("preferred", "non_preferred")
    }
    rows = [
        new_example("How many play?", "Three.", split="test", key_points="3"),
        new_example("How many play?", "Three players."),
        new_example("How long is a half?", "A half lasts ten minutes."),
        examples.read_row(json.dumps({"messages": TURNS})),
        examples.read_row(json.dumps(compared), split="validation"),
        new_example("Draft?", "No.", split="test", status="draft"),
        new_example("", "Only an answer."),
    ]
    write(project, examples.add, rows)
    return project


def record(project, server, who, asked):
    """Ask a model these questions; what comes of it."""
    made = []
    write(
        project,
        lambda db: made.append(
            llm_runs.begin(db, recorded_answers.TASK_NAME, *who, recorded_answers.build_subjects(who, asked))
        ),
    )
    from core.generation.llm_run_tasks import TASKS

    assert TASKS[recorded_answers.TASK_NAME] is recorded_answers.TASK
    return asyncio.run(ask(project, server.provider(), made[0], Reporter()))


def test_questions_are_the_exams_or_those_of_all_approved_rows(game):
    assert [one.question for one in recorded_answers.load_questions(game.rows)] == ["How many play?"]
    found = recorded_answers.load_questions(game.rows, all_rows=True)
    assert [one.question for one in found] == ["How many play?", "How long is a half?", "And the ball?", "Which floor?"]
    assert found[0].key_points == "3"


def test_a_question_is_asked_with_all_that_its_row_says_before(game):
    first, _half, turns, compared = recorded_answers.load_questions(game.rows, all_rows=True)
    system = {"role": "system", "content": "Answer briefly."}
    assert first.messages == [system, {"role": "user", "content": "How many play?"}]
    assert compared.messages == [system, {"role": "user", "content": "Which floor?"}]
    assert turns.messages == [TURNS[0], TURNS[1], {"role": "assistant", "content": "Hello!"}, TURNS[3]]


def test_answers_are_kept_once_and_nothing_is_asked_twice(game, server):
    asked = recorded_answers.load_questions(game.rows, all_rows=True)
    server.script = lambda asked: Answer([f"To {asked['messages'][-1]['content']}"])
    assert record(game, server, OLD, asked[:2]).message == "2 answers were recorded."
    assert [one.answer for one in recorded_answers.load_answers(game.rows, OLD)] == [
        "To How many play?",
        "To How long is a half?",
    ]
    assert recorded_answers.load_answers(game.rows, OLD)[1].key_points  # taken from the expected answer
    assert [one.question for one in recorded_answers.find_unanswered(game.rows, OLD, asked)] == [
        "And the ball?",
        "Which floor?",
    ]
    assert recorded_answers.find_unanswered(game.rows, NEW, asked) == asked
    server.script = lambda _asked: Answer(["Another"])
    record(game, server, OLD, asked[:1])
    assert recorded_answers.load_answers(game.rows, OLD)[0].answer == "To How many play?"
    assert recorded_answers.count_answers(game.rows) == {OLD: 2}


def test_what_an_unfinished_llm_run_asks_is_not_asked_beside_it(game, server):
    asked = recorded_answers.load_questions(game.rows, all_rows=True)
    server.script = lambda asked: Answer([], error=(400, "No")) if "ball" in str(asked["messages"]) else Answer(["Yes"])
    outcome = record(game, server, OLD, asked[:3])
    assert (outcome.answered, outcome.failed) == (2, 1)
    assert [one.question for one in recorded_answers.find_unanswered(game.rows, OLD, asked)] == ["Which floor?"]
    write(game, run_recovery.drop, 1)
    assert [one.question for one in recorded_answers.find_unanswered(game.rows, OLD, asked)] == [
        "And the ball?",
        "Which floor?",
    ]


def test_a_record_is_never_undone(game, server):
    record(game, server, OLD, recorded_answers.load_questions(game.rows))
    asyncio.run(game.undo())  # the rows
    assert len(recorded_answers.load_answers(game.rows, OLD)) == 1
    assert [one.messages[-1]["content"] for one in recorded_answers.load_questions_of(game.rows, OLD)] == [
        "How many play?"
    ]


def test_the_cost_is_told_before(game):
    asked = recorded_answers.load_questions(game.rows, all_rows=True)
    found = recorded_answers.estimate(OLD, asked)
    assert found.requests == 4
    assert found.sent > found.received > 0
    assert found.dollars == pytest.approx((found.sent * 0.15 + found.received * 0.6) / 1e6)
    assert recorded_answers.estimate(("azure", "gpt-4o-mini-2024-07-18.ft-abc"), asked).dollars == found.dollars
    assert recorded_answers.estimate(("fake", "nobody-knows"), asked).dollars is None
    assert recorded_answers.estimate(("local", "nobody-knows"), asked, free=True).dollars == 0.0


def test_parity_tells_question_by_question_what_was_lost_and_gained(game, server, tmp_path):
    asked = recorded_answers.load_questions(game.rows, all_rows=True)
    old = {"play": "3 players", "half": "Ten minutes.", "ball": "It is red.", "floor": "=Green!"}
    new = {"play": "Three", "half": "An hour.", "ball": "The ball is red.", "floor": "Blue"}
    for who, said in ((OLD, old), (NEW, new)):
        server.script = lambda asked, said=said: Answer(
            [next(text for word, text in said.items() if word in asked["messages"][-1]["content"])]
        )
        record(game, server, who, asked if who == OLD else recorded_answers.load_questions_of(game.rows, OLD)[:4])
    pairs = recorded_answers.load_pairs(game.rows, OLD, NEW)
    assert [(one.old_mark.passed, one.new_mark.passed, one.agrees) for one in pairs] == [
        (True, True, True), (True, False, False), (True, True, True), (False, True, False),
    ]  # fmt: skip
    assert recorded_answers.count_results(pairs) == recorded_answers.PairCounts(4, 3, 3, 2, lost=1, gained=1)
    recorded_answers.export(tmp_path / "parity.csv", pairs, OLD, NEW)
    with (tmp_path / "parity.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["agree"] for line in lines] == ["yes", "no", "yes", "no"]
    assert lines[3]["old_answer"] == "'=Green!"
    assert lines[1]["old_model"] == OLD[1]


def test_the_same_wrong_answer_agrees():
    one = RecordedAnswer("?", "", "", "", "", "I do not know.", 0)
    assert recorded_answers.AnswerPair(one, "i do NOT know", one.mark("x"), one.mark("y")).agrees
