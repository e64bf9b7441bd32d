"""Checks every response of the engine in the tests against OpenAI's published schema; known differences are listed."""

import json
from typing import Any

from tests.support import contract

# Not in the schema: the catalog, estimates, exports and the sharing of models are ours, the limits are documented in words only.
UNDOCUMENTED_PATHS = ("/catalog", "/exports", "/fine_tuning/estimate", "/fine_tuning/model_limits")


async def check(response: Any) -> None:
    """A hook of the tests' HTTP client. Streams and the bytes of files are no JSON bodies."""
    if response.headers.get("content-type", "").startswith("application/json"):
        await response.aread()
        path = response.request.url.path.removeprefix("/v1")
        found = faults(response.request.method, path, response.status_code, json.loads(response.content))
        assert not found, (response.request.method, path, found)
        assert response.headers["x-request-id"]


def faults(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with a response, except for known differences."""
    if status != 200:
        return contract.schema_errors("ErrorResponse", body)
    if path.startswith(UNDOCUMENTED_PATHS) or path.endswith("/share"):
        return []
    return contract.response_errors(method, path, _apply_known_differences(path, body))


def _apply_known_differences(path: str, body: Any) -> Any:
    """The body as the schema has it. Differences on purpose:

    - A job's status may be `paused`: the service has it, the document lacks it.
    - An empty list of files or batches has no first and last id: null, where the document wants a text.
    - A file's purpose may be `evals` or `user_data`: the package and the service have them, the document lacks them.
    - Vectors in base64, which the package asks for by itself: the document knows lists of numbers only.
    - The first token of an echoed prompt has no log probability: the service has null there, the document a number.
    """
    jobs = [body, *body.get("data", [])] if path.startswith("/fine_tuning/jobs") else []
    for job in jobs:
        if job.get("status") == "paused":
            job["status"] = "running"
    files = [body, *body.get("data", [])] if path.startswith("/files") else []
    for file in files:
        if file.get("purpose") in ("evals", "user_data"):
            file["purpose"] = "assistants"
    if path in ("/files", "/batches") and body.get("data") == []:
        body |= {"first_id": "", "last_id": ""}
    if path == "/embeddings":
        for one in body["data"]:
            if isinstance(one["embedding"], str):
                one["embedding"] = []
    if path == "/completions":
        _fill_first_logprobs(body["choices"])
    return body


def _fill_first_logprobs(choices: list[Any]) -> None:
    for choice in choices:
        logprobs = choice["logprobs"]
        if logprobs and logprobs["token_logprobs"][:1] == [None]:
            logprobs["token_logprobs"][0] = 0.0
            logprobs["top_logprobs"][0] = {}
