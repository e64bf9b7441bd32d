"""A rescue two days before the end, on two real HTTP servers: from a dying model to rows, a job elsewhere, and parity."""

import asyncio
import dataclasses
import datetime

import pytest

from core import clock
from core.dataset import examples
from core.errors import JukuError, ProviderError
from core.exam import runs
from core.progress import Reporter
from core.providers import Provider
from core.providers.server_presets import preset
from core.rescue import loop, records, report
from core.rescue.loop import NotAgreedError
from core.rescue.records import RescuePlan, RescueStatus, RescueStep
from core.storage.project import Project
from core.training import jobs, row_selection
from tests.core.rescue.conftest import OLD
from tests.support import learning_server
from tests.support.fake_server import Answer, FakeServer, Fault
from tests.support.projects import write


class Crash(BaseException):
    """The program is gone."""


@pytest.fixture
def rescue(empty, closing, there, tmp_path):
    """Runs a rescue; returns its report."""

    def run(id=None, project=empty, on_changes=lambda _changes: None, base="base-model", **changes):
        async def whole():
            servers = {"old": closing.provider(), "new": there.provider()}
            for name, provider in servers.items():
                provider.id = name
            servers["old"].preset = preset("openai")

            async def connect(name):
                return servers[name]

            try:
                plan = RescuePlan("old", OLD, "new", base, str(tmp_path / "rescued"), **changes)
                number = id or await loop.begin(project, servers["old"], plan)
                await loop.resume(project, connect, number, Reporter(), on_changes)
                return await project.read(report.load_newest)
            finally:
                for provider in servers.values():
                    await provider.close()

        return asyncio.run(whole())

    return run


def asked(server, model):
    """The questions that a model was asked, and how often."""
    found = [one["messages"][-1]["content"] for one in server.asked if one["model"] == model]
    return {question: found.count(question) for question in found}


def forget_files(server):
    """The server no longer tells which files the model was trained on."""
    server.jobs["ftjob-1"] |= {"training_file": None, "validation_file": None}
    server.script = lambda _asked: Answer(["It opens at 3."])


def test_from_a_dying_model_to_parity(rescue, empty, closing, there, tmp_path):
    found = rescue()
    run = found.run
    assert (run.status, run.step, run.closing) == (RescueStatus.ENDED, RescueStep.DONE, datetime.date(2027, 1, 14))
    assert {path.name for path in (tmp_path / "rescued").iterdir()} >= {"training-rows.jsonl", "validation-val.jsonl"}
    assert row_selection.count_rows(empty.rows, OLD) == 20
    (job,) = jobs.load_all(empty.rows)
    assert (job.provider, job.model, job.sweep, job.row_count) == ("new", "base-model", OLD, 20)
    assert (closing.creations, there.creations) == (0, 1)  # nothing is trained where it closes
    assert [one.model for one in found.exam.run.subjects] == [OLD, run.fine_tuned_model]
    assert set(asked(closing, OLD).values()) == set(asked(there, run.fine_tuned_model).values()) == {1}
    assert len(asked(closing, OLD)) == 10
    assert found.is_parity
    sentences = "\n".join(report.build_sentences(found))
    assert "30 rows imported" in sentences
    assert "The rows' system prompt is the project's now: “Answer briefly.”" in sentences
    prompts = {one["messages"][0]["content"] for server in (closing, there) for one in server.asked}
    assert prompts == {"Answer briefly."}
    assert "10 validation rows became exam questions: the old model was not trained on them." in sentences
    assert "Parity: the new model answers 100% of 10 exam questions right, the old one 100%." in sentences
    deadline = report.format_deadline(OLD, run.closing, "openai", clock.today())
    assert "10 days left (until 2027-01-14)" in deadline
    assert "new training there: 2 days left (until 2027-01-06)" in deadline


def test_a_crash_anywhere_is_resumed_and_nothing_is_made_or_asked_twice(
    rescue, empty, closing, there, one_request_at_a_time
):
    seen, crashes, left = 0, 0, 1

    def crash_once(_changes):
        nonlocal seen, left
        seen += 1
        if seen > crashes and left:
            left = 0
            raise Crash

    while not (run := records.load_newest(empty.rows)) or not run.is_over:
        seen, left = 0, 1
        crashes += 1  # each time a little further
        try:
            rescue(run.id if run else None, on_changes=crash_once)
        except* Crash:
            pass
        assert crashes < 100
    found = empty.rows and report.load_newest(empty.rows)
    assert found.is_parity
    assert there.creations == len(jobs.load_all(empty.rows)) == 1
    assert set(asked(closing, OLD).values()) == set(asked(there, found.run.fine_tuned_model).values()) == {1}
    assert len(runs.load_all(empty.rows)) == 1
    assert row_selection.count_rows(empty.rows, OLD) == 20


def test_a_model_that_is_gone_is_taught_again_from_its_files(rescue, closing, there):
    gone = Fault(status=404, code="model_not_found")
    closing.weather = lambda _method, path: gone if path.endswith("/chat/completions") else None
    found = rescue()
    assert (found.run.status, found.comparison, found.is_parity) == (RescueStatus.ENDED, None, False)
    assert len(asked(there, found.run.fine_tuned_model)) == 10
    sentences = "\n".join(report.build_sentences(found))
    assert "The old model did not sit the exam" in sentences
    assert "Both models could not be compared" in sentences


def test_a_server_that_is_away_for_a_while_is_waited_for(rescue, closing, monkeypatch):
    monkeypatch.setattr(Provider, "poll_seconds", 0.0)
    left = [Fault(status=503)] * 7
    closing.weather = lambda method, _path: (
        left.pop() if left and method == "GET" and len(closing.requests) > 4 else None
    )
    assert rescue().is_parity
    assert not left


def test_what_needs_an_answer_stops_before_anything_is_sent_and_goes_on(rescue, empty, there):
    with pytest.raises(NotAgreedError, match=r"Costs \$0.0033 to \$0.017"):
        rescue(agreed=False, base="gpt-4.1-mini-2025-04-14")
    run = records.load_newest(empty.rows)
    assert (run.status, run.step, there.files) == (RescueStatus.FAILED, RescueStep.JOB, {})
    write(empty, records.agree, run.id)
    assert rescue(run.id).is_parity


def test_a_job_that_fails_is_told_and_another_one_is_made(rescue, empty, there):
    there.holds_jobs = True

    def fail(_method, _path):
        if there.jobs:
            there.end(f"ftjob-{len(there.jobs)}", "failed", error={"code": "server_error", "message": "out of luck"})

    there.accepted = lambda _method, path: fail(_method, path) if path.endswith("/jobs") and there.jobs else None
    with pytest.raises(JukuError, match=r"The training did not succeed.*out of luck"):
        rescue()
    run = records.load_newest(empty.rows)
    assert "Stopped at “Teach base-model”" in "\n".join(report.build_sentences(report.load_newest(empty.rows)))
    there.accepted, there.holds_jobs = lambda _method, _path: None, False
    assert rescue(run.id).is_parity
    assert there.creations == 2


def test_without_files_the_projects_rows_teach_and_its_questions_are_asked(rescue, project, closing, there):
    write(project, learning_server.fill)
    rows = [learning_server.new_example(f"When does the {name} gate open?", f"The {name} gate opens at {hour}.", "Answer briefly.")
            for hour, name in enumerate(learning_server.scripted_models.GATES, 3)]  # fmt: skip
    write(project, examples.add, rows)
    forget_files(closing)
    found = rescue(project=project)
    assert "The server lists no files of this model." in found.run.notes
    assert "Taught with: The project's 10 approved training rows" in found.run.notes
    assert found.comparison is not None


def test_nothing_to_teach_is_said_with_what_to_do(rescue, empty, closing):
    forget_files(closing)
    with pytest.raises(JukuError, match="too few rows to teach"):
        rescue()
    assert "There are no rows to examine with" in "\n".join(records.load_newest(empty.rows).notes)


def test_a_model_that_must_be_deployed_is_waited_for_and_may_have_another_name(rescue, empty, there, monkeypatch):
    monkeypatch.setattr(FakeServer, "provider", deploying(FakeServer.provider))
    missing = Fault(status=404, code="model_not_found")
    there.weather = lambda _method, path: missing if path.endswith("/chat/completions") else None
    with pytest.raises(JukuError, match=r"does not answer at “Fake” yet: Deploy ft:base-model.* billed by the hour"):
        rescue()
    run = records.load_newest(empty.rows)
    assert (run.step, run.status) == (RescueStep.NEW_EXAM, RescueStatus.FAILED)
    there.weather = lambda _method, _path: None
    write(empty, records.set_model, run.id, "my-deployment")
    there.script = lambda _asked: Answer(["The amber gate opens at 3."])
    found = rescue(run.id)
    assert found.run.status == RescueStatus.ENDED
    assert len(asked(there, "my-deployment")) == 10
    assert there.creations == 1


def deploying(make):
    """Providers of a kind where a model has to be deployed."""

    def provider(server, *given):
        made = make(server, *given)
        made.preset = dataclasses.replace(made.preset, deploys=True)
        return made

    return provider


def test_a_worse_model_is_no_parity(rescue, there):
    there.stubborn = {"amber", "jade", "hazel"}
    found = rescue()
    assert not found.is_parity
    sentences = "\n".join(report.build_sentences(found))
    assert "Not as good: the new model answers 70% of 10 exam questions right, the old one 100%." in sentences
    assert "may be chance" in sentences


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_lost(rescue, empty, tmp_path):
    (tmp_path / "rescued").write_text("a file")
    with pytest.raises(JukuError, match="cannot be made"):
        rescue()
    (tmp_path / "rescued").unlink()
    assert rescue(records.load_newest(empty.rows).id).is_parity


def test_a_refusal_of_the_old_server_stops_and_keeps_the_record(rescue, empty, closing):
    closing.weather = lambda _method, path: Fault(status=401) if "/files" in path else None
    with pytest.raises(ProviderError):
        rescue()
    assert isinstance(empty, Project)
    assert records.load_newest(empty.rows).step == RescueStep.FILES
