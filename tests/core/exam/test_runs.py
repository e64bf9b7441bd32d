"""Exams over real HTTP: who was asked with what before it, how it is marked, and what remains of a stopped one."""

import asyncio
import json
import threading

import pytest

from core.cli import commands
from core.dataset.examples import add
from core.errors import JukuError, ProviderError
from core.exam import calibration, judges, pairwise_comparison, prompt_conditions, retrieval, runs, scores, verdict
from core.exam import questions as exam_questions
from core.exam.runs import ExamPlan, ExamSubject
from core.progress import Reporter
from core.providers import Sampling
from core.providers.model_identity import ModelIdentityError
from core.spec import facts
from core.spec.spec import Spec, store
from tests.support.fake_server import Answer
from tests.support.patience import PATIENCE
from tests.support.projects import new_example

TEXT = "# Team\n\nA team has three players.\n\n# Time\n\nA half lasts ten minutes.\n"
BASE, TUNED = "base-model", "ft:base-model:local:study:1"
SHIPPED = {"en": []}.__getitem__  # the general question of `ROWS` is enough here
SHIPPED_IN_FACT = exam_questions.load_general
ROWS = [
    ("How many play?", "memorised", "f01", "3"),
    ("What is the size of a team?", "reworded", "f01", "3"),
    ("How long is a half?", "reworded", "f02", "10 minutes|ten minutes"),
    ("What is the capital of Japan?", "general", "", "Tokyo"),
]


@pytest.fixture
def server(server, one_request_at_a_time, monkeypatch):
    monkeypatch.setattr(exam_questions, "load_general", SHIPPED)
    return server


@pytest.fixture
def exam(project):
    """A project with four exam questions about two facts."""

    def fill(db):
        store(db, Spec("Game", "en", "Answer briefly.", TEXT))
        facts.add(db, "A team has three players.", "")
        facts.add(db, "A half lasts ten minutes.", "")
        add(db, (question(*row) for row in ROWS))

    asyncio.run(project.write("fill", fill))
    return project


def question(text, kind, facts, key_points):
    return new_example(text, "?", split="test", kind=kind, facts=facts, key_points=key_points)


SUBJECTS = [ExamSubject("fake", BASE), ExamSubject("fake", TUNED)]


async def with_server(server, work):
    provider = server.provider()
    provider.poll_seconds = 0.01

    async def connect(_id):
        return provider

    try:
        return await work(connect)
    finally:
        await provider.close()


def examine(project, server, n=1, subjects=SUBJECTS, on_changes=lambda _changes: None, **more):
    plan = ExamPlan(subjects, Sampling(n=n), **{"general": True, **more})
    return asyncio.run(
        with_server(server, lambda connect: runs.examine(project, connect, plan, Reporter(), on_changes))
    )


def go_on(project, server, run):
    asyncio.run(with_server(server, lambda connect: runs.resume(project, connect, run, Reporter())))


def newest(project, by=""):
    return scores.load_result(project.rows, runs.load_all(project.rows)[0], by)


def rates(lines):
    return {line.name: [str(rate) for rate in line.rates] for line in lines}


def texts(project, subject=1):
    sql = "SELECT text FROM eval_answer WHERE subject = ? ORDER BY question, sample"
    return [text for (text,) in project.rows.execute(sql, (subject,))]


def script(server, answers):
    """Answer by the model and the last message: `answers` is {model: {question: text}}."""

    def reply(asked):
        return Answer([answers[asked["model"]].get(asked["messages"][-1]["content"], "?")] * asked.get("n", 1))

    server.script = reply


RIGHT = {"How many play?": "Three.", "What is the size of a team?": "3", "How long is a half?": "ten minutes"}


def test_a_result_per_kind_and_fact_with_gained_and_lost(exam, server):
    script(
        server, {BASE: {"How long is a half?": "ten minutes", "What is the capital of Japan?": "Tokyo"}, TUNED: RIGHT}
    )
    seen = []
    examine(exam, server, on_changes=seen.append)
    result = newest(exam)
    assert result.run.status == "succeeded" and result.run.finished_at
    assert rates(result.kinds) == {"memorised": ["0/1", "1/1"], "reworded": ["1/2", "2/2"], "general": ["1/1", "0/1"]}
    # What only repeats a training row proves nothing of its fact.
    assert rates(result.facts) == {"f01": ["0/1", "1/1"], "f02": ["1/1", "1/1"]}
    assert result.facts[0].text == "A team has three players."
    found = result.compare(1)
    assert [line.name for line in found.gained] == ["f01"]
    assert [line.text for line in found.lost] == ["What is the capital of Japan?"]
    assert (found.passing.gained, found.passing.lost, found.small) == (1, 0, True)
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


def test_each_condition_puts_something_else_before_the_question(exam, server):
    shot = new_example("How many balls?", "Two.", tags="few-shot")
    asyncio.run(exam.write("shot", add, [shot]))
    examine(
        exam,
        server,
        subjects=[ExamSubject("fake", BASE, name) for name in prompt_conditions.CONDITIONS],
        retrieval=prompt_conditions.RetrievalSettings(k=1),
    )
    first = {asked["messages"][0]["content"]: asked["messages"] for asked in server.asked if "team" in asked["messages"][-1]["content"]}  # fmt: skip
    closed, opened, retrieved = first
    assert closed == "Answer briefly." and len(first[closed]) == 4  # the last of them, with a shot before it
    assert [message["content"] for message in first[closed][1:3]] == ["How many balls?", "Two."]
    assert TEXT in opened
    assert "[1] Team\nA team has three players." in retrieved
    (cited,) = {passages for (passages,) in exam.rows.execute(
        "SELECT passages FROM eval_answer a JOIN eval_subject s ON s.id = a.subject JOIN eval_question q ON q.id = a.question "
        "WHERE condition = 'retrieved' AND q.question LIKE '%team%'")}  # fmt: skip
    assert prompt_conditions.parse_passages(cited)[0].passage.text == "A team has three players."


def end_batches(server):
    """Batches are done when they are looked at: every answer is 3."""

    def body(asked):
        choice = {"index": 0, "message": {"role": "assistant", "content": "3"}, "finish_reason": "stop"}
        usage = {"completion_tokens": 1, "prompt_tokens": 9}
        return {"id": "c", "model": asked["model"], "choices": [choice], "usage": usage}

    def end(method, path):
        for id, batch in server.batches.items():
            if method == "GET" and path.endswith(id) and batch["status"] == "in_progress":
                server.finish_batch(id, body)

    server.weather = end


def embedded(server):
    return [json.loads(body)["input"] for _method, path, body in server.requests if path.endswith("embeddings")]


BY_MEANING = {
    "subjects": [
        ExamSubject("fake", BASE, prompt_conditions.RETRIEVED),
        ExamSubject("fake", TUNED, prompt_conditions.RETRIEVED),
    ],
    "retrieval": prompt_conditions.RetrievalSettings(k=1, embedding="vectors"),
}


@pytest.mark.parametrize("batch", [False, True])
def test_the_questions_of_an_exam_are_embedded_together(exam, server, batch):
    """Each was a request of its own: slow, and against the limit of requests."""
    end_batches(server)
    examine(exam, server, batch=batch, **BY_MEANING)
    passages, questions = embedded(server)
    assert len(passages) == len(retrieval.split_passages(TEXT))
    assert questions == [one.question for one in runs.load_questions(exam.rows, 1)]
    assert [len(texts(exam, subject)) for subject in (1, 2)] == [4, 4]
    assert len(server.asked) == (0 if batch else 8)


def test_an_exam_that_goes_on_embeds_nothing_twice(exam, server):
    server.script = lambda asked: Answer([], error=(401, "no")) if len(server.asked) > 2 else Answer(["3"])
    with pytest.raises(ProviderError):
        examine(exam, server, **{**BY_MEANING, "subjects": BY_MEANING["subjects"][:1]})
    server.script = None
    go_on(exam, server, 1)
    assert len(texts(exam)) == 4
    assert len(embedded(server)) == 2


def test_repeats_make_a_rate_and_their_spread(exam, server):
    server.answer(BASE, "3", "4", "three")
    examine(exam, server, n=3)
    result = newest(exam)
    assert rates(result.kinds)["memorised"] == ["2/3", "0/3"]
    assert result.totals[0].spread.n == 4 and result.totals[0].spread.disagreeing == 0.25


def test_a_stopped_exam_goes_on_where_it_stopped_and_asks_nothing_twice(exam, server):
    script(server, {BASE: RIGHT, TUNED: RIGHT})
    asked_first, wait = server.script, threading.Event()

    def hold(asked):
        if asked["model"] == TUNED and asked["messages"][-1]["content"] != "How many play?":
            wait.wait(PATIENCE)
        return asked_first(asked)

    server.script = hold

    async def work(connect):
        fifth = asyncio.Event()

        def on_changes(_changes):
            if len(texts(exam)) + len(texts(exam, 2)) == 5:
                fifth.set()

        running = asyncio.create_task(
            runs.examine(exam, connect, ExamPlan(SUBJECTS, general=True), Reporter(), on_changes)
        )
        await fifth.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        wait.set()

    asyncio.run(with_server(server, work))
    result = newest(exam)
    assert result.run.status == "cancelled"
    assert rates(result.kinds)["general"] == ["0/1", "–"]
    assert result.compare(1).lost == []
    before, server.script = len(server.asked), asked_first
    go_on(exam, server, 1)
    assert len(server.asked) == before + 3
    assert newest(exam).run.status == "succeeded"
    assert [len(texts(exam, subject)) for subject in (1, 2)] == [4, 4]


def test_a_subject_that_fails_keeps_no_other_from_being_asked(exam, server):
    def reply(asked):
        return Answer([], error=(404, "The model does not exist")) if asked["model"] == BASE else Answer(["3"])

    server.script = reply
    examine(exam, server)
    result = newest(exam)
    assert result.run.status == "failed"
    assert "does not exist" in result.run.subjects[0].error and not result.run.subjects[1].error
    assert [total.held.asked for total in result.totals] == [0, 2]
    server.script = lambda asked: Answer(["3"])
    go_on(exam, server, 1)
    assert newest(exam).run.status == "succeeded" and not newest(exam).run.subjects[0].error


def test_an_empty_answer_is_a_wrong_one_and_is_told(exam, server):
    """It was an error: a model that says nothing to one question kept its exam from ever ending."""
    silent = {"How many play?": "", "How long is a half?": "\u3000\n"}
    server.script = lambda asked: Answer([silent.get(asked["messages"][-1]["content"], "3")])
    examine(exam, server, subjects=SUBJECTS[1:])
    result = newest(exam)
    assert result.run.status == "succeeded" and rates(result.kinds)["memorised"] == ["0/1"]
    assert len(texts(exam)) == 4
    assert "2 answers of base-model · study (Closed book) are empty" in " ".join(verdict.build_sentences(result))


def test_an_exam_that_gets_no_answer_at_all_is_an_error(exam, server):
    server.script = lambda asked: Answer([], error=(404, "The model does not exist"))
    with pytest.raises(ProviderError, match="does not exist"):
        examine(exam, server)


def test_a_base_that_a_tuned_model_answers_for_is_caught(exam, server):
    server.script = lambda asked: Answer(["3"], model=TUNED)
    with pytest.raises(ModelIdentityError, match="was requested"):
        examine(exam, server, subjects=SUBJECTS[:1])
    assert texts(exam) == []


def test_what_is_trained_on_is_told_and_counts_for_nothing(exam, server):
    leak = new_example("What is the size of a team?", "Three players.")
    asyncio.run(exam.write("leak", add, [leak]))
    script(server, {BASE: RIGHT, TUNED: RIGHT})
    examine(exam, server)
    assert [question.question for question in newest(exam).leaks] == ["What is the size of a team?"]
    result = newest(exam)
    kinds = rates(result.kinds)
    assert (kinds["reworded"], kinds["leaked"]) == (["1/1", "1/1"], ["1/1", "1/1"])
    assert [str(result.totals[0].held), str(result.totals[0].leaked)] == ["1/1", "1/1"]
    assert list(rates(result.facts)) == ["f02"]  # nothing else was asked about the other fact
    assert (result.compare(1).scoring.n, result.compare(1).missing) == (1, 0)
    assert any("also among the training rows" in sentence for sentence in verdict.build_sentences(result))


def test_a_judge_marks_each_answer_once_and_its_agreement_with_a_person_is_told(exam, server):
    def reply(asked):
        said = asked["messages"][-1]["content"]
        if "<reference>" not in said:
            return Answer([RIGHT.get(said, "No idea.")])
        good = "No idea." not in said
        return Answer([json.dumps({"reason": "As it stands.", "score": 100 if good else 0})])

    server.script = reply
    examine(exam, server, judge=("fake", "judge-model"))
    judged = [asked for asked in server.asked if asked["model"] == "judge-model"]
    assert len(judged) == 4 and judged[0]["response_format"]["type"] == "json_schema" and judged[0]["seed"]
    assert rates(newest(exam, by=judges.JUDGE).kinds)["reworded"] == ["2/2", "2/2"]
    for answer, score in ((1, 100), (2, 80), (4, 90)):
        asyncio.run(exam.write("", judges.store_person_mark, answer, score, "seen"))
    found = calibration.load(exam.rows, 1, judges.JUDGE).kappa
    assert (found.n, round(found.agreed, 2)) == (3, 0.67)
    assert {mark.grader for mark in judges.load_marks(exam.rows, 1)[1]} == {"judge", "person"}
    assert rates(newest(exam, by=judges.PERSON).kinds)["general"] == ["1/1", "1/1"]  # both said the same
    asyncio.run(exam.write("", judges.delete_person_mark, 4))
    assert rates(newest(exam, by=judges.PERSON).kinds)["general"] == ["–", "–"]
    go_on(exam, server, 1)
    assert sum(asked["model"] == "judge-model" for asked in server.asked) == 4


def test_two_subjects_are_compared_in_both_orders(exam, server):
    script(server, {BASE: {}, TUNED: RIGHT})
    examine(exam, server)

    def reply(asked):
        said = asked["messages"][-1]["content"]
        first = said.split("<first>")[1].split("</first>")[0].strip()
        if "size of a team" in said:
            return Answer(['{"better": "first"}'])  # whoever stands first: a judge that is swayed
        return Answer([json.dumps({"better": "second" if first == "?" else "first", "reason": ""})])

    server.script = reply

    async def work(connect):
        await pairwise_comparison.compare_subjects(
            exam, await connect(""), "judge", (1, 2), Reporter(), lambda _changes: None
        )

    asyncio.run(with_server(server, work))
    assert pairwise_comparison.load_score(exam.rows, 1, 2) == pairwise_comparison.PairwiseScore(
        pairs=3, first=0, second=2, ties=0, swayed=1
    )


def test_an_exam_goes_out_as_a_batch(exam, server):
    end_batches(server)
    examine(exam, server, batch=True)
    assert (len(server.batches), server.asked) == (2, [])
    assert rates(newest(exam).kinds)["memorised"] == ["1/1", "1/1"]
    assert newest(exam).totals[0].sent == 36


def test_general_questions_come_with_the_program(exam, server, monkeypatch):
    monkeypatch.setattr(exam_questions, "load_general", SHIPPED_IN_FACT)
    examine(exam, server, subjects=SUBJECTS[:1])
    assert newest(exam).totals[0].general.asked == 1 + len(exam_questions.load_general("en"))


def test_the_cost_is_told_before(exam):
    subjects = [
        ExamSubject("fake", "gpt-4o-mini"),
        ExamSubject("fake", "gpt-4o-mini", "open"),
        ExamSubject("local", "small"),
    ]
    plan = ExamPlan(subjects)
    closed, opened, local = runs.estimate(exam.rows, plan)
    assert (closed.requests, closed.general, local.dollars) == (3, 0, 0.0)
    assert 0 < closed.dollars < opened.dollars
    with_general = runs.estimate(exam.rows, ExamPlan(subjects[:1], general=True))[0]
    assert (with_general.requests, with_general.general) == (
        4 + len(SHIPPED_IN_FACT("en")),
        1 + len(SHIPPED_IN_FACT("en")),
    )


def test_general_questions_are_not_asked_unless_wished_for(exam, server):
    examine(exam, server, general=False)
    assert "general" not in rates(newest(exam).kinds)
    assert not any("Japan" in asked["messages"][-1]["content"] for asked in server.asked)


def test_rows_without_a_kind_have_a_line_with_a_name(exam, server):
    asyncio.run(exam.write("", add, [question("Who throws first?", "", "", "red")]))
    examine(exam, server)
    assert rates(newest(exam).kinds)["no_kind"] == ["0/1", "0/1"]
    assert "No kind" in commands.format_table(newest(exam))


def test_an_exam_of_general_questions_says_that_none_is_yours(exam, server):
    asyncio.run(exam.write("", lambda db: db.execute("DELETE FROM example WHERE kind <> 'general'") and None))
    examine(exam, server)
    said = verdict.build_sentences(newest(exam))
    assert said[0].startswith("None of the questions is about your text")
    assert "of the general questions right" in said[1]


def test_a_running_exam_has_no_verdict_and_a_stopped_one_compares_what_both_have_answered(exam, server):
    script(server, {BASE: RIGHT, TUNED: RIGHT})
    examine(exam, server)
    asyncio.run(exam.write("", lambda db: db.execute("UPDATE eval_run SET status = 'running'") and None))
    assert newest(exam).is_settled  # all has been answered; only the judge may still be at work
    asyncio.run(
        exam.write("", lambda db: db.execute("DELETE FROM eval_answer WHERE subject = 2 AND question > 2") and None)
    )
    running = newest(exam)
    assert not running.is_settled
    assert verdict.build_sentences(running) == []
    assert "running" in verdict.waiting_reason(running)
    asyncio.run(exam.write("", lambda db: db.execute("UPDATE eval_run SET status = 'cancelled'") and None))
    stopped = newest(exam)
    found = stopped.compare(1)
    assert (found.scoring.n, found.missing, str(found.mine), str(found.other)) == (1, 1, "1/1", "1/1")
    said = " ".join(verdict.build_sentences(stopped))
    assert "100% (1/1) of the held-out questions right; the base model alone 100% (1/1)" in said
    assert "Only the 1 of 2 questions that both answered are compared." in said
    asyncio.run(exam.write("", lambda db: db.execute("DELETE FROM eval_answer WHERE subject = 2") and None))
    said = " ".join(verdict.build_sentences(newest(exam)))
    assert "answered none of the held-out questions" in said
    assert "no clear difference" not in said


def test_later_edits_do_not_change_a_result(exam, server):
    examine(exam, server)
    asyncio.run(exam.write("clear", lambda db: db.execute("DELETE FROM example")))
    assert [question.question for question in runs.load_questions(exam.rows, 1)] == [row[0] for row in ROWS]


def test_without_questions_nothing_is_asked(project, server):
    with pytest.raises(JukuError, match="no exam questions"):
        examine(project, server)
    assert server.asked == []
    assert runs.load_all(project.rows) == []


def test_a_run_that_was_killed_is_not_running_any_more(exam):
    asyncio.run(runs.begin(exam, ExamPlan(SUBJECTS), Reporter()))
    asyncio.run(exam.write("", runs.mark_interrupted))
    assert [run.status for run in runs.load_all(exam.rows)] == ["cancelled"]


def test_a_run_is_deleted_with_all_that_hangs_on_it(exam, server):
    examine(exam, server)
    asyncio.run(exam.write("", judges.store_person_mark, 1, 50))
    asyncio.run(exam.write("", runs.delete, 1))
    for table in ("eval_run", "eval_subject", "eval_question", "eval_answer", "eval_mark"):
        assert exam.rows.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
