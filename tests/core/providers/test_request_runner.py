"""Many requests to one model: what happens to one does not stop the others."""

import asyncio

import pytest

from core.errors import ProviderError
from core.progress import Reporter
from core.providers import Provider, Sampling
from core.providers.request_runner import PendingRequest, RequestRunner
from tests.support.fake_server import Answer
from tests.support.projects import write
from tests.support.serving import run


async def build_question():
    return [{"role": "user", "content": "Who?"}]


def test_a_request_whose_messages_cannot_be_made_is_stored_as_failed(project, server):
    """For retrieved passages a server embeds the question; one refused embedding ended the exam of all questions."""
    answered, failed = [], {}

    async def refused():
        raise ProviderError("No embedding", "Ask again.")

    async def ask(provider):
        runner = RequestRunner(
            project,
            provider,
            "base-model",
            lambda _db, key, _reply: answered.append(key),
            Reporter(),
            lambda _db, key, error: failed.update({key: error}),
        )
        await runner.ask([PendingRequest("a", refused, Sampling()), PendingRequest("b", build_question, Sampling())])
        return runner

    runner = run(server, ask)
    assert (answered, list(failed)) == (["b"], ["a"]) and "No embedding" in failed["a"]
    assert (runner.answered, runner.failed) == (1, 1)


REPLIES = Provider.at_once


def store_slowly(project, server, spoilt=(), cancels=False):
    """As many replies as fit while a write goes on; returns into how many writes they went."""
    writes = []

    def store(db, key, reply):
        if key in spoilt:
            raise ProviderError("No", "Not this one.")
        db.execute("INSERT INTO kept VALUES (?)", (key,))

    async def ask(provider):
        runner = RequestRunner(project, provider, "base-model", store, Reporter(), on_changes=writes.append)
        arrived, store_one = asyncio.Semaphore(0), runner._store

        async def note_and_store(one):
            arrived.release()
            await store_one(one)

        runner._store = note_and_store
        await runner._storing.acquire()
        requests = [PendingRequest(str(number), build_question, Sampling()) for number in range(REPLIES)]
        asking = asyncio.create_task(runner.ask(requests))
        for _ in range(REPLIES):
            await arrived.acquire()
        if cancels:
            asking.cancel()
            await asyncio.sleep(0)
        runner._storing.release()
        await asking

    write(project, lambda db: db.execute("CREATE TABLE kept (key TEXT)"))
    run(server, ask)
    return len(writes)


def list_kept(project):
    return sorted(asyncio.run(project.read(lambda db: [key for (key,) in db.execute("SELECT key FROM kept")])))


def test_replies_that_come_during_a_write_share_the_next_one(project, server):
    assert store_slowly(project, server) == 1
    assert list_kept(project) == [*map(str, range(REPLIES))]


def test_a_reply_that_cannot_be_stored_does_not_keep_the_others_from_it(project, server):
    with pytest.raises(ProviderError, match="Not this one"):
        store_slowly(project, server, spoilt={"2"})
    assert list_kept(project) == [str(number) for number in range(REPLIES) if number != 2]


def test_replies_that_have_come_are_stored_when_the_work_is_cancelled(project, server):
    with pytest.raises(asyncio.CancelledError):
        store_slowly(project, server, cancels=True)
    assert len(list_kept(project)) == REPLIES


def test_only_who_wants_it_gets_an_empty_answer(project, server):
    server.script = lambda _asked: Answer([" "])

    async def ask(provider, stores_empty):
        answered = []
        runner = RequestRunner(
            project,
            provider,
            "base-model",
            lambda _db, key, _reply: answered.append(key),
            Reporter(),
            stores_empty=stores_empty,
        )
        await runner.ask([PendingRequest("a", build_question, Sampling())])
        return answered, runner.error

    assert run(server, lambda provider: ask(provider, True)) == (["a"], None)
    answered, error = run(server, lambda provider: ask(provider, False))
    assert not answered and "empty" in str(error)
