"""Jobs against a real HTTP server: never lost, never doubled, each event once."""

import asyncio
import json

import pytest

from core.dataset import examples
from core.errors import JukuError, ProviderError
from core.exam import questions
from core.providers import JobStatus, Sampling, chat_messages
from core.providers.retry_policy import MAX_SEARCHES, READING
from core.providers.server_presets import preset
from core.training import job_queue, jobs, metrics, row_selection, submit
from core.training.submit import TrainingPlan
from tests.support.fake_server import FINGERPRINT, Fault
from tests.support.projects import new_example
from tests.support.serving import run

PLAN = TrainingPlan("base-model", "study", {"n_epochs": 2}, seed=7, suffix="study")


def test_a_job_is_created_and_followed_to_its_end(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        updates = 0

        def move_on(_changes):
            nonlocal updates
            updates += 1
            if updates == 2:
                server.step("ftjob-1", 1, 2, 1.5)
                server.step("ftjob-1", 2, 2, 0.5)
            if updates == 3:
                server.end("ftjob-1", "succeeded")

        return await job_queue.follow(sample, provider, id, move_on)

    job = run(server, work)
    assert (job.status, job.fine_tuned_model) == ("succeeded", "ft:base-model:local:study:ftjob-1")
    messages = [event.message for event in jobs.load_events(sample.rows, job.id)]
    assert messages == [event["message"] for event in server.events["ftjob-1"]]
    assert [(m.step, m.total, m.loss) for m in metrics.load_losses(sample.rows, job.id)] == [(1, 2, 1.5), (2, 2, 0.5)]


def test_what_is_sent_is_what_was_planned(server, sample):
    run(server, lambda provider: submit.create(sample, provider, PLAN))
    asked = server.jobs["ftjob-1"]["asked"]
    assert (asked["model"], asked["seed"], asked["suffix"]) == ("base-model", 7, "study")
    assert asked["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    rows = server.files[asked["training_file"]].decode().splitlines()
    assert rows == row_selection.load_trainable_rows(sample.rows, "study")
    assert {tuple(json.loads(row)) for row in rows} == {("messages",)}


def test_after_a_lost_answer_the_job_is_found_and_not_made_again(server, sample):
    server.lose_answer = True

    async def work(provider):
        with pytest.raises(ProviderError, match="cannot be reached"):
            await submit.create(sample, provider, PLAN)
        (job,) = jobs.load_all(sample.rows)
        assert (job.status, job.remote_id) == (JobStatus.CREATING, None)
        await submit.recover(sample, provider, job.id)

    run(server, work)
    (job,) = jobs.load_all(sample.rows)
    assert (job.status, job.remote_id, server.creations) == ("running", "ftjob-1", 1)


def test_a_creation_that_never_arrived_is_sent_once_more(server, sample):
    server.lose_request = True

    async def work(provider):
        with pytest.raises(ProviderError):
            await submit.create(sample, provider, PLAN)
        await submit.recover(sample, provider, 1)
        assert jobs.load(sample.rows, 1).status == JobStatus.CREATING, "a slow server may still make it"
        for _look in range(MAX_SEARCHES):
            await submit.recover(sample, provider, 1)
        assert jobs.load(sample.rows, 1).status == JobStatus.WAITING
        server.lose_request = False
        await submit.update(sample, provider, 1)

    run(server, work)
    assert (jobs.load(sample.rows, 1).status, server.creations, len(server.files)) == ("running", 1, 1)


def test_what_a_very_slow_server_made_after_all_is_ended(server, sample):
    server.lose_answer = True

    async def work(provider):
        with pytest.raises(ProviderError):
            await submit.create(sample, provider, PLAN)
        late, server.jobs = server.jobs, {}  # accepted, but not in the list yet
        for _look in range(MAX_SEARCHES):
            await submit.recover(sample, provider, 1)
        server.lose_answer = False
        await submit.send(sample, provider, 1)
        server.jobs |= late
        await submit.cancel_duplicates(provider, jobs.load(sample.rows, 1))

    run(server, work)
    assert {id: job["status"] for id, job in server.jobs.items()} == {"ftjob-1": "cancelled", "ftjob-2": "running"}
    assert jobs.load(sample.rows, 1).remote_id == "ftjob-2"


def test_a_refused_creation_is_told_and_recorded(server, sample):
    with pytest.raises(ProviderError, match="does not accept the API key"):
        run(server, lambda provider: submit.create(sample, provider, PLAN), key="wrong")
    assert jobs.load_all(sample.rows) == []  # the upload is refused already, before a job is wished for


def test_following_survives_faults_of_the_server(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        server.faults = 3
        return await job_queue.follow(sample, provider, id, lambda _changes: server.end("ftjob-1", "cancelled"))

    job = run(server, work)
    assert (job.status, server.faults) == ("cancelled", 0)


def test_a_failed_job_keeps_the_servers_reason(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        server.end("ftjob-1", "failed", error={"code": "invalid", "message": "The file is bad.", "param": None})
        return await job_queue.follow(sample, provider, id, lambda _changes: None)

    job = run(server, work)
    assert (job.status, job.error) == ("failed", "The file is bad.")


def test_cancelling_ends_the_job_on_the_server(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        await submit.cancel(sample, provider, id)

    run(server, work)
    assert server.jobs["ftjob-1"]["status"] == "cancelled"
    assert jobs.load(sample.rows, 1).ended


def test_too_few_rows_are_not_sent(server, sample):
    with pytest.raises(JukuError, match="At least 10"):
        run(server, lambda provider: submit.create(sample, provider, TrainingPlan("base-model", "no-such-tag")))
    assert server.files == {}


def test_rows_with_errors_are_not_sent(server, sample):
    bad = examples.read_row('{"messages": [{"role": "assitant"}]}', tags="study")
    asyncio.run(sample.write("", examples.add, [bad]))
    with pytest.raises(JukuError, match="1 of the rows has an error"):
        run(server, lambda provider: submit.create(sample, provider, PLAN))
    assert server.files == {}


def test_numbers_that_cannot_be_drawn_are_left_out(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        for step, loss in ((1, float("nan")), (10**400, 1.0), (-1, 1.0), (2, 0.5)):
            server.step("ftjob-1", step, 10**30, loss)
        await submit.update(sample, provider, id)

    run(server, work)
    assert [(m.step, m.total, m.loss) for m in metrics.load_losses(sample.rows, 1)] == [(2, None, 0.5)]


def test_a_page_of_html_is_an_error_in_words(server):
    server.html = True
    with pytest.raises(ProviderError, match="does not answer like an OpenAI-compatible server"):
        run(server, lambda provider: provider.offers())


def test_a_wrong_key_is_said_as_such(server):
    with pytest.raises(ProviderError, match="does not accept the API key") as caught:
        run(server, lambda provider: provider.offers(), key="wrong")
    assert caught.value.status == 401


def test_an_answer_streams_and_is_whole(server):
    server.answer("base-model", "Three players.", "Four of them.")
    heard = []

    async def ask(provider):
        said = lambda index, text: heard.append((index, text))  # noqa: E731
        return await provider.chat("base-model", chat_messages("Be brief.", "How many?"), Sampling(n=2), said)

    reply = run(server, ask)
    assert (reply.texts, reply.complete) == (["Three players.", "Four of them."], True)
    assert (reply.model, reply.fingerprint, reply.tokens) == ("base-model", FINGERPRINT, 7)
    assert "".join(text for index, text in heard if index == 1) == "Four of them."


def test_a_stream_without_a_finish_reason_is_incomplete(server):
    server.answer("base-model", "Three pla", finish=False)
    reply = run(server, lambda provider: provider.chat("base-model", chat_messages("", "How many?"), Sampling()))
    assert (reply.texts, reply.complete) == (["Three pla"], False)


def test_only_what_somebody_approved_is_trained_on(server, sample):
    """Drafts and exam questions stay here, also where they carry the tag and the split."""
    approved = row_selection.load_trainable_rows(sample.rows, "study")
    others = [
        new_example(f"Draft {number}?", "No.", tags="study", split=split, status=status)
        for number, (split, status) in enumerate([("train", "draft"), ("train", "rejected"), ("test", "approved")])
    ]
    asyncio.run(sample.write("", examples.add, others))
    assert row_selection.load_trainable_rows(sample.rows, "study") == approved
    assert row_selection.count_rows(sample.rows, "study") == len(approved)
    run(server, lambda provider: submit.create(sample, provider, PLAN))
    (sent,) = server.files.values()
    assert sent.decode().splitlines() == approved


def test_the_validation_rows_are_approved_ones_too(server, sample):
    rows = [
        new_example(f"{status}?", "No.", tags="study", split="validation", status=status)
        for status in ("approved", "draft")
    ]
    asyncio.run(sample.write("", examples.add, rows))
    plan = TrainingPlan("base-model", "study", validation=True)
    run(server, lambda provider: submit.create(sample, provider, plan))
    asked = server.jobs["ftjob-1"]["asked"]
    (kept,) = server.files[asked["validation_file"]].decode().splitlines()
    assert "approved?" in kept


def test_early_stopping_watches_other_wordings_of_trained_facts_and_never_the_exam(server, sample):
    """One fact in three wordings, with one tag: one is trained, one is watched, one is asked in the exam."""
    wordings = {"train": "How long is a half?", "validation": "When does a half end?", "test": "What ends a half?"}
    asyncio.run(sample.write("", examples.add, [
        new_example(text, "After 40 breaths.", tags="study", split=split, facts="f01", kind="reworded")
        for split, text in wordings.items()
    ]))  # fmt: skip
    plan = TrainingPlan("base-model", "study", {"early_stopping_patience": 1}, validation=True)

    async def work(provider):
        (id,) = await submit.enqueue(sample, "fake", [plan])
        await submit.send(sample, provider, id)

    run(server, work, preset=preset("local"))
    asked = server.jobs["ftjob-1"]["asked"]
    trained, watched = (server.files[asked[name]].decode() for name in ("training_file", "validation_file"))
    assert wordings["train"] in trained and wordings["validation"] not in trained
    assert wordings["validation"] in watched and len(watched.splitlines()) == 1
    exam = [row.question for row in examples.iterate(sample.rows, questions.EXAM_ROWS)]
    assert wordings["test"] in exam and wordings["test"] not in trained
    assert not [text for text in exam if text in watched]


def test_rows_that_changed_after_the_job_was_queued_are_not_sent(server, sample):
    (id,) = asyncio.run(submit.enqueue(sample, "fake", [PLAN]))
    asyncio.run(sample.write("", lambda db: db.execute("UPDATE job SET digest = 'another'") and None))
    with pytest.raises(JukuError, match="copy of the job's rows has changed"):
        run(server, lambda provider: submit.send(sample, provider, id))
    assert server.files == {}


def test_everything_that_was_planned_goes_out_and_its_progress_is_told(server, sample):
    row = new_example("Now?", "No.", tags="study", split="validation")
    asyncio.run(sample.write("", examples.add, [row]))
    before, told = sample.undo_label, []
    plan = TrainingPlan("base-model", "study", validation=True, metadata={"project": "a"})

    async def work(provider):
        (id,) = await submit.enqueue(sample, "fake", [plan])
        await submit.send(sample, provider, id, lambda done, total: told.append((done, total)))

    run(server, work)
    asked = server.jobs["ftjob-1"]["asked"]
    assert asked["metadata"]["project"] == "a"
    sizes = {len(server.files[asked[name]]) for name in ("training_file", "validation_file")}
    assert {done for done, total in told if done == total} == sizes
    assert sample.undo_label == before  # jobs are records: nothing to undo


@pytest.mark.parametrize(
    ("faults", "tries"), [(10**6, job_queue.MAX_FAILED_ROUNDS), (job_queue.MAX_FAILED_ROUNDS - 1, None)]
)
def test_following_is_given_up_after_many_failures_in_a_row(server, sample, faults, tries):
    async def work(provider):
        provider.poll_seconds = 0.0
        id = await submit.create(sample, provider, PLAN)
        server.requests.clear()
        server.faults = faults
        await job_queue.follow(sample, provider, id, lambda _changes: server.end("ftjob-1", "failed"))

    if tries is None:
        run(server, work)
        return
    with pytest.raises(ProviderError):
        run(server, work)
    assert [path for _method, path, _body in server.requests].count(
        "/v1/fine_tuning/jobs/ftjob-1"
    ) == tries * READING.tries


def test_a_refused_key_ends_the_following_at_once(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        server.requests.clear()
        server.key = "another"
        with pytest.raises(ProviderError, match="does not accept the API key"):
            await job_queue.follow(sample, provider, id, lambda _changes: None)

    run(server, work)
    assert len(server.requests) == 1


def test_a_checkpoint_is_recorded_while_the_job_goes_on(server, sample):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        await submit.update(sample, provider, id)
        asked = len(server.requests)
        await submit.update(sample, provider, id)
        quiet = server.requests[asked:]
        server.checkpoint("ftjob-1", 5)
        server.note("ftjob-1", "New checkpoint created")
        await submit.update(sample, provider, id)
        return quiet

    quiet = run(server, work)
    assert not any("checkpoints" in path for _method, path, _body in quiet)
    assert [one.step for one in jobs.load_checkpoints(sample.rows, 1)] == [5]


@pytest.mark.parametrize("message", ["Zwischenstand gespeichert", "保存しました", "Snapshot taken"])
def test_a_checkpoint_is_found_whatever_words_report_it(server, sample, message):
    """Steps alone ask for no list of checkpoints: they come every few seconds."""

    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        await submit.update(sample, provider, id)
        asked = len(server.requests)
        server.step("ftjob-1", 4, 10, 1.5)
        await submit.update(sample, provider, id)
        quiet = server.requests[asked:]
        server.step("ftjob-1", 5, 10, 1.5)
        server.checkpoint("ftjob-1", 5)
        server.note("ftjob-1", message)
        await submit.update(sample, provider, id)
        return quiet

    quiet = run(server, work)
    assert not any("checkpoints" in path for _method, path, _body in quiet)
    assert [one.step for one in jobs.load_checkpoints(sample.rows, 1)] == [5]


@pytest.mark.parametrize(("status", "wish"), [(400, ""), (409, ""), (429, "cancel"), (500, "cancel"), (503, "cancel")])
def test_a_wish_that_is_refused_ends_and_one_that_could_not_be_told_stays(server, sample, status, wish):
    async def work(provider):
        id = await submit.create(sample, provider, PLAN)
        server.weather = lambda _method, path: Fault(status=status) if path.endswith("/cancel") else None
        with pytest.raises(ProviderError):
            await submit.cancel(sample, provider, id)

    run(server, work)
    assert jobs.load(sample.rows, 1).wish == wish


def test_jobs_made_elsewhere_are_taken_over_once_and_are_nothing_to_undo(server, sample):
    run(server, lambda provider: submit.create(sample, provider, PLAN))
    asyncio.run(sample.write("", jobs.delete, 1))
    before = sample.undo_label

    async def work(provider):
        found = await submit.list_adoptable(sample, provider)
        await submit.adopt(sample, provider.id, found)
        return found, await submit.list_adoptable(sample, provider)

    found, again = run(server, work)
    assert ([state.id for state in found], again) == (["ftjob-1"], [])
    assert sample.undo_label == before


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (500, JobStatus.CREATING),
        (503, JobStatus.CREATING),
        (409, JobStatus.CREATING),
        (401, JobStatus.WAITING),
        (429, JobStatus.WAITING),
        (400, "failed"),
        (422, "failed"),
    ],
)
def test_what_becomes_of_a_job_whose_creation_is_refused(server, sample, status, then):
    """After a fault nobody knows whether it was made; only what surely was not goes back into the queue, or has failed."""

    def weather(method, path):
        return Fault(status=status) if method == "POST" and path.endswith("/jobs") else None

    async def work(provider):
        await submit.enqueue(sample, provider.id, [PLAN])
        server.weather = weather
        with pytest.raises(ProviderError):
            await submit.send(sample, provider, 1)

    run(server, work)
    assert jobs.load(sample.rows, 1).status == then
