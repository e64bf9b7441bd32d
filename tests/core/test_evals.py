"""Exams over real HTTP: rates per kind and fact, gained and lost, and what remains of a stopped one."""

import asyncio
import threading

import pytest

from core import evals, facts
from core.dataset import add, read_row
from core.errors import JukuError, ProviderError
from core.formats import jsonl
from core.progress import Reporter
from core.providers import Sampling
from core.spec import Spec, store
from tests.fake_server import FakeServer

BASE, TUNED = "base-model", "ft:base-model:local:study:1"
ROWS = [
    ("How many play?", "memorised", "f01", "3"),
    ("What is the size of a team?", "reworded", "f01", "3"),
    ("How long is a half?", "reworded", "f02", "10 minutes|ten minutes"),
    ("What is the capital of Japan?", "general", "", "Tokyo"),
]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(evals, "PARALLEL", 1)  # the answers are scripted in the order of the questions
    with FakeServer() as server:
        yield server


@pytest.fixture
def exam(project):
    """A project with four exam questions about two facts."""

    def fill(db):
        store(db, Spec("Game", "en", "Answer briefly.", ""))
        facts.add(db, "A team has three players.", "")
        facts.add(db, "A half lasts ten minutes.", "")
        add(db, (question(*row) for row in ROWS))

    asyncio.run(project.write("fill", fill))
    return project


def question(text, kind, facts, key_points):
    return read_row(jsonl.new_row("", text, "?"), split="test", kind=kind, facts=facts, key_points=key_points)


def examine(project, server, n=1, **more):
    async def work():
        provider = server.provider()
        try:
            return await evals.examine(project, provider, [BASE, TUNED], Sampling(n=n), Reporter(), **more)
        finally:
            await provider.close()

    return asyncio.run(work())


def newest(project):
    return evals.result(project.rows, evals.runs(project.rows)[0])


def rates(rows):
    return {row.name: [str(rate) for rate in row.rates] for row in rows}


def test_a_result_per_kind_and_fact_with_gained_and_lost(exam, server):
    for text in ("60 points", "Eleven", "ten minutes", "Tokyo"):
        server.answer(BASE, text)
    for text in ("Three players.", "a team of three", "ten minutes", "Kyoto"):
        server.answer(TUNED, text)
    seen = []
    examine(exam, server, on_changes=seen.append)
    result = newest(exam)
    assert result.run.status == "succeeded"
    assert result.run.finished_at
    assert rates(result.kinds) == {"memorised": ["0/1", "1/1"], "reworded": ["1/2", "2/2"], "general": ["1/1", "0/1"]}
    assert rates(result.facts) == {"f01": ["0/2", "2/2"], "f02": ["1/1", "1/1"]}
    assert result.facts[0].text == "A team has three players."
    assert [row.name for row in result.gained(1)] == ["f01"]
    assert [row.text for row in result.lost(1)] == ["What is the capital of Japan?"]
    assert {"eval_run", "eval_answer"} <= set().union(*(changes.tables for changes in seen))
    assert exam.undo_label == "fill"


def test_each_question_is_asked_as_in_training_and_chat(exam, server):
    examine(exam, server)
    assert len(server.asked) == 2 * len(ROWS)
    asked = server.asked[0]
    assert asked["messages"] == [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "How many play?"},
    ]
    assert (asked["temperature"], asked["top_p"]) == (0.0, 1.0)


def test_repeats_make_a_rate(exam, server):
    server.answer(BASE, "3", "4", "three")
    examine(exam, server, n=3)
    answers = [answer for answer in evals.answers(exam.rows, 1) if answer.question == 1 and answer.model == BASE]
    assert [answer.passed for answer in answers] == [True, False, True]
    assert answers[0].fingerprint == "fp_test"
    assert rates(newest(exam).kinds)["memorised"] == ["2/3", "0/3"]


def test_a_stopped_exam_keeps_its_answers_and_finds_nothing_lost(exam, server):
    held = threading.Event()
    for text in ("3", "3", "ten minutes", "Tokyo"):
        server.answer(BASE, text)
    server.answer(TUNED, "three")
    server.answer(TUNED, "three", hold=held)

    async def work():
        provider, fifth = server.provider(), asyncio.Event()

        def on_changes(_changes):
            if len(evals.answers(exam.rows, 1)) == 5:
                fifth.set()

        models = [BASE, TUNED]
        running = asyncio.create_task(evals.examine(exam, provider, models, Sampling(), Reporter(), on_changes))
        await fifth.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        held.set()
        await provider.close()

    asyncio.run(work())
    result = newest(exam)
    assert result.run.status == "cancelled"
    assert rates(result.kinds)["memorised"] == ["1/1", "1/1"]
    assert rates(result.kinds)["general"] == ["1/1", "–"]
    assert result.lost(1) == []


def test_a_refusal_ends_the_exam_and_keeps_the_answers(exam, server):
    server.answer(BASE, "3")
    server.answer(BASE, error=(404, "The model does not exist"))
    with pytest.raises(ProviderError, match="does not exist"):
        examine(exam, server)
    assert newest(exam).run.status == "failed"
    assert len(evals.answers(exam.rows, 1)) == 1


def test_later_edits_do_not_change_a_result(exam, server):
    examine(exam, server)
    asyncio.run(exam.write("clear", lambda db: db.execute("DELETE FROM example")))
    assert [question.question for question in evals.questions(exam.rows, 1)] == [row[0] for row in ROWS]


def test_without_questions_nothing_is_asked(project, server):
    with pytest.raises(JukuError, match="no exam questions"):
        examine(project, server)
    assert server.asked == []
    assert evals.runs(project.rows) == []


def test_a_run_that_was_killed_is_not_running_any_more(exam):
    asyncio.run(exam.write("", evals._start, [BASE], Sampling()))
    asyncio.run(exam.write("", evals.mark_interrupted))
    assert [run.status for run in evals.runs(exam.rows)] == ["cancelled"]
