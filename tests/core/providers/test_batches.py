"""Requests as a batch at a server: written down first, found again, merged once, and what failed is asked once more."""

import asyncio
import json

import pytest

from core.dataset import examples
from core.errors import ProviderError
from core.generation import llm_runs
from core.generation.llm_run_tasks import TASKS
from core.progress import Reporter
from core.providers import batches
from tests.support import scripted_models, serving
from tests.support.fake_server import Fault
from tests.support.patience import PATIENCE
from tests.support.scripted_models import MODEL


def completion(body):
    (text,) = scripted_models.examples(body).texts
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "model": MODEL, "choices": [choice], "usage": {"completion_tokens": 7}}


class Ending:
    """A server that ends each batch as soon as it is asked how it is; `answer` makes the bodies."""

    def __init__(self, server, answer=completion, status="completed"):
        self.server, self.answer, self.status = server, answer, status
        server.weather = self

    def __call__(self, method, path):
        for id, batch in self.server.batches.items():
            if method == "GET" and path.endswith(id) and batch["status"] == "in_progress":
                self.server.finish_batch(id, self.answer, self.status)


def ask(project, server, id, until=None):
    """Run the LLM run; `until` cancels it once it is true."""

    async def whole():
        provider = server.provider()
        provider.poll_seconds = 0.01
        work = asyncio.ensure_future(llm_runs.run(project, provider, id, TASKS, Reporter()))
        while until and not until() and not work.done():
            await asyncio.sleep(0.01)
        if until:
            work.cancel()
        try:
            async with asyncio.timeout(PATIENCE):
                return await work
        finally:
            await provider.close()

    return asyncio.run(whole())


def test_a_batch_is_merged_by_its_ids_and_lands_as_one_step(gates, server):
    Ending(server)
    outcome = ask(gates, server, scripted_models.begin(gates, batch=True))
    assert (outcome.answered, outcome.failed) == (10, 0)
    assert len(server.batches) == 1 and not server.asked
    assert len(list(examples.iterate(gates.rows))) == 20
    assert gates.undo_label == "Generate rows"
    (sent,) = [data for id, data in server.files.items() if server.purposes[id] == "batch"]
    lines = [json.loads(line) for line in sent.splitlines()]
    assert {line["url"] for line in lines} == {"/v1/chat/completions"} and len(
        {line["custom_id"] for line in lines}
    ) == 10


def test_what_failed_is_asked_once_more(gates, server):
    asked = []

    def sometimes(body):
        gate = scripted_models.gate_of(body)
        asked.append(gate)
        return ValueError("overloaded") if gate in ("amber", "jade") and asked.count(gate) == 1 else completion(body)

    Ending(server, sometimes)
    outcome = ask(gates, server, scripted_models.begin(gates, batch=True))
    assert (outcome.answered, outcome.failed) == (10, 0)
    assert sorted(asked[10:]) == ["amber", "jade"]


def test_what_a_batch_never_answers_stays_open_with_its_reason(gates, server):
    Ending(server, lambda body: ValueError("no") if scripted_models.gate_of(body) == "amber" else completion(body))
    id = scripted_models.begin(gates, batch=True)
    outcome = ask(gates, server, id)
    assert (outcome.answered, outcome.failed) == (9, 1)
    (left,) = llm_runs.load_requests(gates.rows, id, "failed")
    assert left.error == "no"


def test_a_window_that_was_closed_finds_its_batch_again_and_sends_none_twice(gates, server):
    id = scripted_models.begin(gates, batch=True)
    with pytest.raises(asyncio.CancelledError):
        ask(gates, server, id, until=lambda: batches.list_unmerged(gates.rows, "inquiry", id)[:1] and server.batches)
    Ending(server)
    assert ask(gates, server, id).answered == 10
    assert len(server.batches) == 1


@pytest.mark.parametrize(
    "fault", [Fault("lose"), Fault("reset"), Fault(status=500)], ids=["answer lost", "never received", "fault"]
)
def test_a_doubtful_answer_makes_one_batch(gates, server, fault):
    ending, faults = Ending(server), [fault]
    server.weather = lambda method, path: (
        faults.pop() if faults and (method, path) == ("POST", "/v1/batches") else ending(method, path)
    )
    assert ask(gates, server, scripted_models.begin(gates, batch=True)).answered == 10
    assert len(server.batches) == 1


def test_a_batch_that_fails_as_a_whole_is_said(gates, server):
    def refuse(method, path):
        for batch in server.batches.values():
            batch |= {"status": "failed", "errors": {"data": [{"code": "token_limit_exceeded", "message": "Too many"}]}}

    server.weather = refuse
    with pytest.raises(ProviderError, match="Too many"):
        ask(gates, server, scripted_models.begin(gates, batch=True))


def test_a_batch_that_expired_gives_what_it_has(gates, server):
    Ending(
        server,
        lambda body: completion(body) if scripted_models.gate_of(body) < "c" else ValueError("expired"),
        "expired",
    )
    assert ask(gates, server, scripted_models.begin(gates, batch=True)).answered == 2


def test_a_refused_batch_is_an_error_and_the_questions_stay(gates, server):
    server.weather = lambda method, path: Fault(status=401) if (method, path) == ("POST", "/v1/batches") else None
    id = scripted_models.begin(gates, batch=True)
    with pytest.raises(ProviderError):
        ask(gates, server, id)
    assert len(llm_runs.load_requests(gates.rows, id, "waiting")) == 10
    server.weather = None
    Ending(server)
    assert ask(gates, server, id).answered == 10


def test_broken_lines_of_an_answer_harm_no_others(gates, server):
    ending = Ending(server)

    def broken(method, path):
        ending(method, path)
        for id, purpose in server.purposes.items():
            if purpose == "batch_output" and b"nonsense" not in server.files[id]:
                server.files[id] += b'{"nonsense": 1}\nnot json\n{"custom_id": "999", "response": {}}\n[]\n\n'

    server.weather = broken
    assert ask(gates, server, scripted_models.begin(gates, batch=True)).answered == 10


def test_a_large_work_goes_out_in_several_files(monkeypatch):
    monkeypatch.setattr(batches, "MAX_FILE_LINES", 4)
    files = list(batches._split_files([(str(number), {"n": number}) for number in range(10)]))
    assert [data.count(b"\n") for data in files] == [4, 4, 2]
    monkeypatch.setattr(batches, "MAX_FILE_BYTES", 200)
    assert all(
        len(data) <= 200 for data in batches._split_files([(str(number), {"n": number}) for number in range(10)])
    )


def end(project, server, id):
    """Give up the LLM run's batches."""
    serving.run(server, lambda provider: batches.cancel(project, provider, "inquiry", id))


def test_batches_end_at_the_persons_wish(gates, server):
    id = scripted_models.begin(gates, batch=True)
    with pytest.raises(asyncio.CancelledError):
        ask(
            gates,
            server,
            id,
            until=lambda: server.batches and batches.list_batches(gates.rows, "inquiry", id)[0].remote_id,
        )

    end(gates, server, id)
    assert [batch["status"] for batch in server.batches.values()] == ["cancelled"]


def test_one_that_was_stopped_before_the_server_had_answered_ends_at_the_persons_wish(gates, server):
    id = scripted_models.begin(gates, batch=True)
    # Neither the creation nor the list is answered, so that it can't be found before the person stops it.
    server.weather = lambda method, path: Fault("lose") if "/batches" in path else None
    with pytest.raises(asyncio.CancelledError):
        ask(gates, server, id, until=lambda: server.batches)
    assert batches.list_batches(gates.rows, "inquiry", id)[0].remote_id is None
    server.weather = lambda method, path: None

    end(gates, server, id)
    assert [batch["status"] for batch in server.batches.values()] == ["cancelled"]
