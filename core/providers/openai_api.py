"""Any server that speaks the OpenAI protocol, through the openai package."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import ProviderError
from core.language import tr
from core.providers.protocol import Event, JobRequest, JobState, Message, Offer, OnText, Reply, Sampling
from core.providers.wording import worded

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.fine_tuning import FineTuningJob

T = TypeVar("T")
PAGE = 100
MAX_PAGES = 200  # a server that ignores `after` would page for ever


class OpenAIProvider:
    """One server. Every method raises `ProviderError`, worded for the person."""

    poll_seconds = 10.0
    timeout_seconds = 120.0

    def __init__(self, id: str, title: str, base_url: str, key: str | None = None) -> None:
        self.id = id
        self.title = title
        self.base_url = base_url
        self._key = key
        self._client: AsyncOpenAI | None = None

    async def client(self) -> AsyncOpenAI:
        if self._client is None:
            self._client = self._connect(self.base_url, self._key)
        return self._client

    def _connect(self, base_url: str, key: str | None) -> AsyncOpenAI:
        from openai import AsyncOpenAI, Timeout

        # Organization and project are given, so that a stray environment variable cannot redirect the requests.
        return AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            organization="",
            project="",
            timeout=Timeout(self.timeout_seconds, connect=10.0),
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def models(self) -> list[str]:
        """Ids of the models the server offers, the newest first where it says when they were made."""
        from openai.pagination import AsyncPage

        client = await self.client()
        page = await self._answer(client.models.list(), AsyncPage)
        models = sorted(page.data or [], key=lambda model: -(model.created or 0))
        return [model.id for model in models]

    async def offers(self) -> list[Offer]:
        """The models to choose from."""
        return [Offer(id, id, tuned=id.startswith("ft:")) for id in await self.models()]

    async def upload(self, name: str, data: bytes) -> str:
        """Upload a training file (JSONL bytes); returns the file's id. Sent once: never repeated by itself."""
        from openai.types import FileObject

        client = (await self.client()).with_options(max_retries=0)
        file = await self._answer(client.files.create(file=(name, data), purpose="fine-tune"), FileObject)
        return file.id

    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once. After an error it may exist all the same: look for it with `find_job`."""
        from openai.types.fine_tuning import FineTuningJob

        wanted: dict[str, Any] = {"metadata": {"juku_key": request.token}}
        for name in ("validation_file", "suffix", "seed"):
            if (value := getattr(request, name)) is not None:
                wanted[name] = value
        if request.hyperparameters:
            wanted["method"] = {"type": "supervised", "supervised": {"hyperparameters": request.hyperparameters}}
        client = (await self.client()).with_options(max_retries=0)
        create = client.fine_tuning.jobs.create(model=request.model, training_file=request.training_file, **wanted)
        return _state(await self._answer(create, FineTuningJob))

    async def find_job(self, token: str) -> JobState | None:
        """The job that was created with `token`, if it was."""
        from openai.pagination import AsyncCursorPage

        client = await self.client()
        page = await self._answer(
            client.fine_tuning.jobs.list(metadata={"juku_key": token}, limit=PAGE), AsyncCursorPage
        )
        for job in page.data or []:
            if (job.metadata or {}).get("juku_key") == token:
                return _state(job)
        return None

    async def job(self, id: str) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        client = await self.client()
        return _state(await self._answer(client.fine_tuning.jobs.retrieve(id), FineTuningJob))

    async def cancel_job(self, id: str) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        client = await self.client()
        return _state(await self._answer(client.fine_tuning.jobs.cancel(id), FineTuningJob))

    async def events(self, job: str, known: set[str]) -> list[Event]:
        """The job's events that are not `known` yet, the oldest first."""
        found: list[Event] = []
        client = await self.client()
        async for event in self._pages(lambda **page: client.fine_tuning.jobs.list_events(job, **page)):
            if event.id in known:
                break
            found.append(
                Event(
                    event.id,
                    float(event.created_at or 0),
                    event.level or "info",
                    event.message or "",
                    _dict(event.data),
                )
            )
        return found[::-1]

    async def chat(
        self,
        model: str,
        messages: list[Message],
        sampling: Sampling,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
        once: bool = False,
    ) -> Reply:
        """Ask `model`, streaming each piece of answer number i to `on_text(i, piece)`.

        `schema` is a `json_schema` for structured output, which not every server has. With `once` the request is never
        sent again by itself: what was answered and got lost would be paid twice.
        """
        from openai import AsyncStream

        started = time.monotonic()
        client = await self.client()
        create: Any = (client.with_options(max_retries=0) if once else client).chat.completions.create
        wanted = {"model": model, "messages": messages, "stream_options": {"include_usage": True}, **_drawn(sampling)}
        if schema:
            wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
        stream: AsyncStream[Any] = await self._answer(create(stream=True, **wanted), AsyncStream)
        reply = _Accumulator(sampling.n)
        async with stream:
            with worded(self.title):
                async for chunk in stream:
                    for index, piece in reply.add(chunk):
                        if on_text is not None:
                            on_text(index, piece)
        return reply.finish(model, time.monotonic() - started)

    async def _answer(self, call: Awaitable[Any], kind: type[T]) -> T:
        """The result of `call`. A page of HTML arrives as a plain string, without an error: refuse it here."""
        try:
            with worded(self.title):
                result = await call
        except AttributeError as error:  # where the package expects a list, that string breaks it
            raise _not_the_protocol(self.title) from error
        if not isinstance(result, kind) or isinstance(result, str):
            raise _not_the_protocol(self.title)
        return result

    async def _pages(self, fetch: Callable[..., Awaitable[Any]]) -> AsyncIterator[Any]:
        from openai.pagination import AsyncCursorPage

        after: dict[str, Any] = {}
        for _number in range(MAX_PAGES):
            page = await self._answer(fetch(limit=PAGE, **after), AsyncCursorPage)
            for item in page.data or []:
                yield item
            if not page.data or not page.has_more:
                return
            after = {"after": page.data[-1].id}


class _Accumulator:
    """Puts the pieces of a stream together."""

    def __init__(self, n: int) -> None:
        self._texts = [""] * n
        self._finished: set[int] = set()
        self._model = self._fingerprint = ""
        self._tokens = 0

    def add(self, chunk: Any) -> Iterator[tuple[int, str]]:
        self._model = chunk.model or self._model
        self._fingerprint = getattr(chunk, "system_fingerprint", None) or self._fingerprint
        if chunk.usage:
            self._tokens = chunk.usage.completion_tokens
        for choice in chunk.choices or []:
            if choice.finish_reason:
                self._finished.add(choice.index)
            if choice.delta and choice.delta.content and choice.index < len(self._texts):
                self._texts[choice.index] += choice.delta.content
                yield choice.index, choice.delta.content

    def finish(self, asked: str, seconds: float) -> Reply:
        # A stream that is cut ends like any other: only the finish reasons tell that it is whole.
        complete = len(self._finished) == len(self._texts)
        return Reply(self._texts, self._model or asked, self._fingerprint, seconds, self._tokens, complete)


def _drawn(sampling: Sampling) -> dict[str, Any]:
    wanted: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    wanted |= {"max_tokens": sampling.max_tokens}
    wanted |= {"n": sampling.n} if sampling.n > 1 else {}
    wanted |= {"seed": sampling.seed} if sampling.seed is not None else {}
    return wanted


def _state(job: FineTuningJob) -> JobState:
    # A healthy job may carry an error object whose fields are all null.
    error = job.error
    reason = (error.message or error.code or "") if error else ""
    finished = float(job.finished_at) if job.finished_at else None
    return JobState(job.id, job.status, job.fine_tuned_model, finished, reason, list(job.result_files or []))


def _dict(data: object) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _not_the_protocol(title: str) -> ProviderError:
    return ProviderError(
        tr("“{server}” does not answer as an OpenAI server", server=title),
        tr("It sent a page instead of data. Check the base URL in the settings; it often ends in /v1."),
    )
