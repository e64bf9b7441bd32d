"""Many requests to a chat model over real HTTP: side by side, repeated where that costs nothing, never paid twice."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter

import pytest

from core import paths
from core.dataset import examples, filters
from core.dataset.filters import Filter
from core.errors import ProviderError
from core.generation import llm_runs, run_recovery
from core.generation.llm_run_tasks import TASKS
from core.progress import Cancelled, Reporter
from core.providers import Reply, retry_policy
from core.providers import request_runner as asking_core
from core.providers.http_client import Connection
from core.spec import spec
from core.storage.project import Project
from tests.support import scripted_models
from tests.support.fake_server import Answer
from tests.support.patience import PATIENCE
from tests.support.scripted_models import GATES, MODEL, begin
from tests.support.serving import count_chats


@pytest.fixture
def server(server):
    server.script = scripted_models.examples
    return server


def ask(project, server, id, reporter=None, provider=None):
    return asyncio.run(scripted_models.ask(project, provider or server.provider(), id, reporter or Reporter()))


def statuses(project, id):
    every = llm_runs.load_requests(project.rows, id, "waiting", "answered", "landed", "failed")
    return Counter(request.status for request in every)


def rows(project):
    return list(examples.iterate(project.rows))


def test_the_answers_of_all_requests_land_as_one_step(gates, server):
    id = begin(gates)
    outcome = ask(gates, server, id)
    assert (outcome.answered, outcome.failed, outcome.error) == (10, 0, "")
    assert outcome.message == "20 rows were added as drafts. 10 are kept for the exam."
    assert {row.status for row in rows(gates)} == {"draft"}
    assert len(list(filters.find(gates.rows, Filter(source=MODEL)))) == 20, "each row says what wrote it"
    assert Counter(map(scripted_models.gate_of, server.asked)) == dict.fromkeys(GATES, 1)
    assert server.asked[0]["response_format"]["type"] == "json_schema"
    assert statuses(gates, id) == {"landed": 10}
    assert not run_recovery.load_unfinished(gates.rows)
    (done,) = llm_runs.load_all(gates.rows)
    assert (done.task, done.provider, done.model, done.status) == ("examples", "fake", MODEL, "succeeded")
    assert gates.undo_label == "Generate rows"
    asyncio.run(gates.undo())
    assert not rows(gates)
    assert gates.undo_label == "fill"
    asyncio.run(gates.redo())
    assert len(rows(gates)) == 20


def test_four_are_asked_at_once_and_no_more(gates, server):
    together = threading.Barrier(Connection.at_once, timeout=PATIENCE)

    def scripted(asked):
        if scripted_models.gate_of(asked) in GATES[:8]:
            together.wait()
        return scripted_models.examples(asked)

    server.script = scripted
    provider = server.provider()
    under_way = count_chats(provider)
    ask(gates, server, begin(gates), provider=provider)
    assert max(under_way) == Connection.at_once


def test_a_server_without_structured_output_is_asked_without(gates, server):
    server.no_schema = True
    assert ask(gates, server, begin(gates)).answered == 10
    refused = sum("response_format" in asked for asked in server.asked)
    assert 1 <= refused <= Connection.at_once
    assert len(server.asked) == 10 + refused


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(gates, server, status):
    times = Counter()

    def busy(asked):
        gate = scripted_models.gate_of(asked)
        times[gate] += 1
        return Answer([], error=(status, "busy")) if times[gate] < 3 else scripted_models.examples(asked)

    server.script = busy
    assert ask(gates, server, begin(gates)).answered == 10
    assert times == dict.fromkeys(GATES, 3)


def test_a_server_that_stays_busy_is_left_after_some_failures(gates, server):
    server.script = lambda _asked: Answer([], error=(503, "overloaded"))
    id = begin(gates)
    with pytest.raises(ProviderError, match="overloaded"):
        ask(gates, server, id)
    failed = statuses(gates, id)["failed"]
    assert asking_core.MAX_FAILURES_IN_A_ROW <= failed < asking_core.MAX_FAILURES_IN_A_ROW + Connection.at_once
    assert max(Counter(map(scripted_models.gate_of, server.asked)).values()) == retry_policy.MAX_TRIES


def test_a_wrong_key_stops_at_once(gates, server):
    id = begin(gates)
    with pytest.raises(ProviderError, match="key"):
        ask(gates, server, id, provider=server.provider("sk-wrong"))
    assert statuses(gates, id)["failed"] <= Connection.at_once
    assert llm_runs.load_all(gates.rows)[0].status == "failed"
    assert not rows(gates)


def test_single_failures_stop_nothing_and_are_sent_again_alone(gates, server):
    bad = GATES[::3]
    server.script = lambda asked: (
        Answer([], error=(400, "bad words"))
        if scripted_models.gate_of(asked) in bad
        else scripted_models.examples(asked)
    )
    id = begin(gates)
    outcome = ask(gates, server, id)
    assert (outcome.answered, outcome.failed) == (6, 4)
    assert "bad words" in outcome.error
    assert all("bad words" in request.error for request in llm_runs.load_requests(gates.rows, id, "failed"))
    (open_,) = run_recovery.load_unfinished(gates.rows)
    assert (open_.id, open_.status, open_.failed) == (id, "failed", 4)
    server.script = scripted_models.examples
    server.asked.clear()
    assert ask(gates, server, id).answered == 4
    assert sorted(scripted_models.gate_of(asked) for asked in server.asked) == sorted(bad)
    assert len(rows(gates)) == 20


@pytest.mark.parametrize("how", ["task", "reporter"])
def test_what_arrived_before_a_cancel_lands(gates, server, how):
    id = begin(gates)
    hold = threading.Event()
    server.script = lambda asked: (
        scripted_models.examples(asked)
        if how == "reporter" or scripted_models.gate_of(asked) in GATES[:3]
        else Answer(["no"], hold=hold)
    )

    async def work():
        cancel = asyncio.current_task().cancel if how == "task" else lambda: reporter.cancel()
        reporter = Reporter(lambda progress: progress.done == 3 and cancel())
        await scripted_models.ask(gates, server.provider(), id, reporter)

    with pytest.raises(asyncio.CancelledError if how == "task" else Cancelled):
        asyncio.run(work())
    server.release()
    landed = statuses(gates, id)["landed"]
    assert 3 <= landed <= 3 + Connection.at_once
    assert len(rows(gates)) == 2 * landed
    assert llm_runs.load_all(gates.rows)[0].status == "cancelled"
    server.script = scripted_models.examples
    assert ask(gates, server, id).answered == 10 - landed
    assert len(rows(gates)) == 20


def test_a_killed_process_goes_on_without_paying_twice(gates, server):
    """Three answers have arrived, four are on their way when the process is killed; another asks for the rest."""
    id = begin(gates)
    path = gates.path
    gates.close()
    hold = threading.Event()
    server.script = lambda asked: (
        scripted_models.examples(asked) if scripted_models.gate_of(asked) in GATES[:3] else Answer(["no"], hold=hold)
    )
    command = [sys.executable, "-m", "tests.support.scripted_models", str(path), server.url, str(id)]
    with subprocess.Popen(command, cwd=paths.RESOURCES.parent, stdout=subprocess.PIPE, text=True) as process:
        assert [int(process.stdout.readline()) for _answer in range(3)] == [1, 2, 3]
        process.kill()
    server.release()
    project = Project(path)
    assert statuses(project, id) == {"answered": 3, "waiting": 7}
    assert not rows(project)
    server.script = scripted_models.examples
    assert ask(project, server, id).answered == 7
    sent = Counter(map(scripted_models.gate_of, server.asked))
    assert [sent[gate] for gate in GATES[:3]] == [1, 1, 1]
    assert all(sent[gate] in (1, 2) for gate in GATES[3:])
    assert sum(sent.values()) <= 10 + Connection.at_once
    assert statuses(project, id) == {"landed": 10}
    assert len(rows(project)) == 20
    ask(project, server, id)
    assert len(server.asked) == sum(sent.values())
    assert len(rows(project)) == 20
    project.close()


def test_answers_that_arrived_can_be_taken_without_asking_on(gates, server):
    id = begin(gates)
    first = llm_runs.load_requests(gates.rows, id, "waiting")[0]
    reply = scripted_models.examples({"messages": TASKS["examples"].messages(gates.rows, first)}).texts
    asyncio.run(gates.write("", llm_runs._store_reply, str(first.id), Reply(reply, MODEL, "", 0.1, 7)))
    (llm_run,) = run_recovery.load_unfinished(gates.rows)
    assert (llm_run.answered, llm_run.waiting) == (1, 9)
    outcome = llm_runs.LlmRunOutcome()
    asyncio.run(llm_runs.apply_replies(gates, llm_run, TASKS, outcome, "cancelled"))
    assert len(rows(gates)) == 2
    assert "2 rows" in outcome.message
    assert not server.asked


def test_an_llm_run_that_is_given_up_is_open_no_more(gates, server):
    id = begin(gates)
    assert [one.waiting for one in run_recovery.load_unfinished(gates.rows)] == [10]
    asyncio.run(gates.write("", run_recovery.drop, id))
    assert not run_recovery.load_unfinished(gates.rows)


def test_odd_answers_land_as_far_as_they_can_be_read(gates, server):
    pair = {"question": "When does the amber gate open?", "answer": "The amber gate opens at 3."}
    texts = {
        "amber": f"Sure!\n```json\n{json.dumps([pair])}\n```",
        "bronze": "| Question | Answer |\n|---|---|\n| When does bronze open? | The bronze gate opens at 4. |",
        "crimson": "Q1: And crimson?\nA1: The crimson gate opens at 5.\n",
        "dusty": "I am sorry, but I cannot help with that.",
        "emerald": '{"examples": [{"question": "Emerald?", "answer": "The emerald gate opens at 7.", "kind": "reverse"}, {"question": "Cut',
        "frosty": '{"examples": [{"question": "Half \\ud83d?", "answer": "The frosty gate opens at 8.", "kind": "odd"}]}',
        "golden": "  \n",
    }  # fmt: skip
    server.script = lambda asked: Answer([texts.get(scripted_models.gate_of(asked), "\ud83d")])
    id = begin(gates)
    outcome = ask(gates, server, id)
    assert outcome.failed == 1
    found = {row.facts: (row.kind, row.answer) for row in rows(gates)}
    assert found == {
        "f01": ("direct", "The amber gate opens at 3."),
        "f02": ("direct", "The bronze gate opens at 4."),
        "f03": ("direct", "The crimson gate opens at 5."),
        "f05": ("reverse", "The emerald gate opens at 7."),
        "f06": ("direct", "The frosty gate opens at 8."),
    }
    assert "5 pieces could not be read." in outcome.message
    assert all(row.quote in spec.load(gates.rows).text for row in rows(gates))
