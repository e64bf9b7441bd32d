"""Teaching until learned, with a server whose models answer from the rows they were trained on."""

import asyncio
import itertools

import pytest

from core.dataset import examples
from core.dataset.filters import Filter
from core.errors import JukuError
from core.exam import runs
from core.generation import question_writer
from core.progress import Reporter
from core.storage.project import Project
from core.teaching import loop, probes, records, report
from core.teaching.records import TeachingPlan, TeachingStatus
from core.teaching.stopping import OWN_QUESTIONS, RULES, StopReason
from core.training import jobs
from tests.support import learning_server, scripted_models
from tests.support.learning_server import LearningServer, find_gate
from tests.support.projects import new_example, write

PLAN = TeachingPlan("fake", "base-model", target=1.0, general=False)


@pytest.fixture
def server():
    with LearningServer() as fake:
        yield fake


@pytest.fixture
def gates(project):
    write(project, learning_server.fill, label="fill")
    return project


def run(server, work):
    async def whole():
        provider = server.provider()

        async def connect(_id):
            return provider

        try:
            return await work(connect)
        finally:
            await provider.close()

    return asyncio.run(whole())


def teach(project, server, plan=PLAN, **how):
    """The run at its end, and its report."""

    async def work(connect):
        id = await loop.begin(project, plan, Reporter())
        ended = await loop.resume(project, connect, id, Reporter(), **how)
        return ended, await project.read(report.load, ended)

    return run(server, work)


def find_rows(project, **fields):
    return list(examples.iterate(project.rows, Filter(**fields)))


def find_trained_questions(server):
    return {question for job in server.jobs.values() for question, _ in server.trained_rows(job["fine_tuned_model"])}


def test_a_page_is_taught_until_its_facts_are_learned(gates, server):
    ended, found = teach(gates, server)
    assert (ended.status, ended.reason, len(ended.results)) == (TeachingStatus.ENDED, StopReason.LEARNED, 2)
    assert [len(one.learned) for one in ended.results] == [0, 10] and len(ended.facts) == 10
    # Neither the exam nor the questions that decide are trained on, and they are not each other's.
    asked = {row.question for row in find_rows(gates, split="test")}
    kept = {row.question for row in find_rows(gates, split="validation")}
    assert asked and kept and not asked & kept and not (asked | kept) & find_trained_questions(server)
    assert not {row.kind for row in find_rows(gates, split="validation")} & {"reworded"}  # what the exam asks
    # The exam is sat once, by the base model and the taught one.
    (exam,) = runs.load_all(gates.rows)
    assert [one.model for one in exam.subjects] == ["base-model", ended.results[1].model]
    sentences = " ".join(report.build_sentences(found))
    assert "10/10" in sentences and "before 0/10" in sentences and "flatter" in sentences


def test_the_rows_of_a_round_are_approved_and_go_in_one_step(gates, server):
    ended, _found = teach(gates, server)
    added = find_rows(gates, tag=loop.round_rows.build_tag(ended.id, 1))
    sound = [row for row in added if row.status == "approved"]
    assert len(sound) == ended.results[1].rows >= 20 and all(row.split == "train" for row in added)
    while gates.undo_label != "Rows of round 1":
        asyncio.run(gates.undo())
    asyncio.run(gates.undo())
    assert not find_rows(gates, split="train") and len(find_rows(gates, split="validation")) > 10


def test_what_cannot_be_taught_is_named_after_two_rounds_that_brought_nothing(gates, server):
    server.stubborn = {"amber"}
    ended, found = teach(gates, server)
    assert ended.reason == StopReason.NO_GAIN and [len(one.learned) for one in ended.results] == [0, 9, 9, 9]
    second = server.trained_rows(ended.results[2].model)[ended.results[1].rows :]
    assert len(second) == ended.results[2].rows and {find_gate(answer)[:1] for _, answer in second} <= {("amber",), ()}
    sentences = report.build_sentences(found)
    assert any("3 rounds" in one and "f01" in one for one in sentences)
    assert [one for one in sentences if "taught none" in one] and "Round 2" in " ".join(sentences)
    # The first round with nine is examined: later ones were no better.
    assert runs.load_all(gates.rows)[0].subjects[1].model == ended.results[1].model


def test_the_questions_of_a_writer_take_turns_with_rules_and_everyday_ones_come_first(gates, server):
    server.stubborn = {"amber"}
    means = (OWN_QUESTIONS, RULES)
    plan = TeachingPlan("fake", "base-model", rounds=2, target=1.0, means=means, everyday=True, general=False)
    ended, found = teach(gates, server, plan)
    assert [one.means for one in ended.results] == ["", RULES, RULES]
    assert "there is no writer" in " ".join(report.build_sentences(found))

    async def prepare(connect):
        return await question_writer.prepare(await connect("fake"), "base-model", "en", Reporter())

    run(server, prepare)
    ended, found = teach(gates, server, plan)
    assert [one.means for one in ended.results] == ["", OWN_QUESTIONS, RULES]
    assert [row.status for row in find_rows(gates, tag="own_question")] == ["approved"] * ended.results[1].rows
    everyday = find_rows(gates, tag="everyday")
    assert len(everyday) > 50 and {row.tags.split()[-1] for row in everyday} == {"teach-1-1"}


def test_no_round_is_begun_that_would_take_longer_than_what_is_left(gates, server):
    server.stubborn = {"amber"}
    seconds = itertools.count(0, 5)
    ended, _found = teach(
        gates, server, TeachingPlan("fake", "base-model", 6.0, general=False, target=1.0), clock=lambda: next(seconds)
    )
    assert ended.reason == StopReason.BUDGET and ended.results[-1].number >= 1
    assert ended.seconds <= 360 < ended.seconds + ended.results[-1].seconds


def test_a_job_that_takes_longer_than_the_budget_is_cancelled(gates, server, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    server.holds_jobs = True

    def clock():
        return 1e6 if any(job.remote_id for job in jobs.load_all(gates.rows)) else 0.0

    ended, found = teach(gates, server, clock=clock)
    assert (ended.status, ended.reason, ended.exam) == (TeachingStatus.ENDED, StopReason.BUDGET, None)
    assert [job["status"] for job in server.jobs.values()] == ["cancelled"]
    assert all(job.ended for job in jobs.load_all(gates.rows))
    assert "Nothing was trained" in " ".join(report.build_sentences(found))


def test_a_run_that_is_stopped_again_and_again_does_nothing_twice(gates, server):
    """After every twelfth change it is cancelled, as by a person or by the end of the program, and the project is opened anew."""
    path, server.stubborn = gates.path, {"amber"}
    id = asyncio.run(loop.begin(gates, PLAN, Reporter()))
    gates.close()

    async def work(project, connect):
        changes, task = itertools.count(1), asyncio.current_task()

        def stop(_changes):
            if not next(changes) % 12:
                task.cancel()

        return await loop.resume(project, connect, id, Reporter(), stop, leaves_job=lambda: True)

    stops = 0
    while True:
        project = Project(path)
        try:
            ended = run(server, lambda connect, project=project: work(project, connect))
            break
        except asyncio.CancelledError:
            stops += 1
            ended = records.load(project.rows, id)
            if ended.status != TeachingStatus.RUNNING:  # the change after which it was stopped was the last one
                break
            project.close()
    assert stops > 5 and ended.status == TeachingStatus.ENDED
    assert server.creations == 3 == len(jobs.load_all(project.rows)) and len(runs.load_all(project.rows)) == 1
    assert [len(one.learned) for one in ended.results] == [0, 9, 9, 9]
    tags = [len(find_rows(project, tag=f"teach-{id}-{number}", status="approved")) for number in (1, 2, 3)]
    assert tags == [one.rows for one in ended.results[1:]]
    project.close()


def test_a_run_that_a_person_cancels_cancels_its_job_and_continues_with_another(gates, server):
    server.holds_jobs = True
    id = asyncio.run(loop.begin(gates, PLAN, Reporter()))

    async def cancelled(connect):
        task = asyncio.current_task()

        def stop(_changes):
            if any(job.remote_id for job in jobs.load_all(gates.rows)) and not task.cancelling():
                task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await loop.resume(gates, connect, id, Reporter(), stop)

    run(server, cancelled)
    assert [job["status"] for job in server.jobs.values()] == ["cancelled"]
    assert records.load(gates.rows, id).status == TeachingStatus.CANCELLED
    server.holds_jobs = False
    ended = run(server, lambda connect: loop.resume(gates, connect, id, Reporter()))
    assert ended.reason == StopReason.LEARNED and server.creations == 2


def test_a_step_that_fails_is_told_and_done_again(gates, server):
    ended = server.end
    server.end = lambda job, status: ended(job, "failed", error={"code": "e", "message": "no memory", "param": None})
    id = asyncio.run(loop.begin(gates, PLAN, Reporter()))
    with pytest.raises(JukuError, match="round 1"):
        run(server, lambda connect: loop.resume(gates, connect, id, Reporter()))
    failed = records.load(gates.rows, id)
    assert failed.status == TeachingStatus.FAILED and "no memory" in failed.error
    server.end = ended
    assert run(server, lambda connect: loop.resume(gates, connect, id, Reporter())).reason == StopReason.LEARNED


def test_it_does_not_begin_without_facts_or_an_exam(project, server):
    with pytest.raises(JukuError, match="no facts"):
        teach(project, server)
    write(project, scripted_models.fill)
    with pytest.raises(JukuError, match="no exam questions"):
        teach(project, server)
    assert records.load_newest(project.rows) is None and not find_rows(project)


def test_held_out_rows_of_the_person_are_asked_and_leaking_ones_are_not(gates):
    words = "When is the amber gate open to all?"
    write(gates, examples.add, [
        new_example(words, "The amber gate opens at 3.", split="validation", facts="f01"),
        new_example("Does the bronze gate open at 4 then?", "Yes, at 4.", split="validation", facts="f02"),
        new_example("Does the bronze gate open at 4 then?", "Yes, at 4.", facts="f02"),
    ])  # fmt: skip
    asyncio.run(loop.begin(gates, PLAN, Reporter()))
    asked = {one.question for one in records.load_probes(gates.rows, 1)}
    assert words in asked and not any("Does the bronze" in one for one in asked)
    counts = [sum(one.fact == name for one in records.load_probes(gates.rows, 1)) for name in ("f01", "f02")]
    assert max(counts) <= probes.PROBES_PER_FACT and min(counts) >= 1
