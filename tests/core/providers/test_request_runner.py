"""Many requests to one model: what happens to one does not stop the others."""

from core.errors import ProviderError
from core.progress import Reporter
from core.providers import Sampling
from core.providers.request_runner import PendingRequest, RequestRunner
from tests.support.serving import run


def test_a_request_whose_messages_cannot_be_made_is_stored_as_failed(project, server):
    """For retrieved passages a server embeds the question; one refused embedding ended the exam of all questions."""
    answered, failed = [], {}

    async def question():
        return [{"role": "user", "content": "Who?"}]

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
        await runner.ask([PendingRequest("a", refused, Sampling()), PendingRequest("b", question, Sampling())])
        return runner

    runner = run(server, ask)
    assert (answered, list(failed)) == (["b"], ["a"]) and "No embedding" in failed["a"]
    assert (runner.answered, runner.failed) == (1, 1)
