"""llama.cpp answers as torch does, from the same token ids, a base model and a fine-tuned one; no port is open."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import AsyncOpenAI, BadRequestError

from core.engine.http.structured_output import JsonSchema, JsonSchemaFormat, build_json_grammar
from core.engine.inference.generate import GeneratedSequence
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import load_text
from core.engine.inference.sampling import SamplingParams
from core.engine.inference.streamed_answerer import StreamedAnswerer
from core.engine.models import device
from core.engine.models.catalog import load_catalog
from tests.support.engine import BASE, MEMORIZED_ROWS, RunningEngine, prompt, start
from tests.support.patience import PATIENCE

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
pytestmark = pytest.mark.anyio
CERTAIN = "What is the capital of France?"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory, engine: RunningEngine, trained_job: Any) -> Iterator[RunningEngine]:
    """An engine that answers with llama.cpp; it has the model that the session's engine has trained."""
    home = tmp_path_factory.mktemp("fast")
    shutil.copytree(engine.home / "models", home / "models")
    running = start(home, "--answerer", "llama.cpp")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def choosing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine that chooses who answers."""
    running = start(tmp_path_factory.mktemp("choosing"))
    yield running
    assert running.stop() == 0


@pytest.fixture
async def choosing_client(choosing: RunningEngine) -> AsyncIterator[AsyncOpenAI]:
    async with choosing.client() as one:
        yield one


@pytest.fixture
async def fast_client(fast: RunningEngine) -> AsyncIterator[AsyncOpenAI]:
    async with fast.client() as one:
        yield one


async def ask(client: AsyncOpenAI, question: str, **settings: Any) -> Any:
    settings = {"model": BASE, "temperature": 0, "max_tokens": 16, **settings}
    return await client.chat.completions.create(messages=prompt(question), **settings)


async def watch(client: AsyncOpenAI, question: str) -> str:
    """The fingerprint of an answer that is streamed."""
    settings: Any = {"model": BASE, "temperature": 0, "max_tokens": 2}
    stream = await client.chat.completions.create(messages=prompt(question), stream=True, **settings)
    return {str(chunk.system_fingerprint) async for chunk in stream}.pop()


async def test_both_give_the_same_answer(client: AsyncOpenAI, fast_client: AsyncOpenAI, trained_job: Any) -> None:
    tuned = trained_job.fine_tuned_model
    asked = [(CERTAIN, BASE), *((row["messages"][1]["content"], tuned) for row in MEMORIZED_ROWS[:4])]
    for question, model in asked:
        torch, fast = await asyncio.gather(*(ask(one, question, model=model) for one in (client, fast_client)))
        assert fast.choices == torch.choices and fast.usage == torch.usage
        assert fast.system_fingerprint == torch.system_fingerprint.replace("torch-float32", "llama.cpp-q8_0")


async def test_no_port_is_open(fast: RunningEngine, fast_client: AsyncOpenAI) -> None:
    await ask(fast_client, CERTAIN)
    (child,) = psutil.Process(fast.pid).children()
    assert child.net_connections("inet") == []


async def test_a_stop_string_ends_the_answer(fast_client: AsyncOpenAI) -> None:
    answer = (await ask(fast_client, CERTAIN, stop=["of Fra", "never"])).choices[0]
    assert (answer.message.content, answer.finish_reason) == ("The capital ", "stop")


async def test_a_seed_is_kept_by_torch(choosing_client: AsyncOpenAI) -> None:
    """With llama.cpp, the same seed wrote something else: its numbers depend on what else is computed."""
    draw = {"temperature": 1.5, "top_p": 0.95, "n": 2, "max_tokens": 6}
    first, again = [await ask(choosing_client, "Name a bird.", seed=1, **draw) for _ in range(2)]
    assert first.choices == again.choices and "@torch-" in first.system_fingerprint
    free = await ask(fast_client, "Name a bird.", **draw)
    assert free.choices[0] != free.choices[1] and "@llama.cpp-" in free.system_fingerprint


async def test_a_client_that_leaves_stops_the_work(fast_client: AsyncOpenAI) -> None:
    long = await ask(fast_client, CERTAIN, max_tokens=4000, temperature=2, seed=3, stop=["\x00"], stream=True)
    async for _ in long:
        break
    await long.close()
    several = [ask(fast_client, CERTAIN, max_tokens=2) for _ in range(10)]
    assert {one.choices[0].message.content for one in await asyncio.gather(*several)} == {"The capital"}


async def test_what_it_is_not_asked_for_goes_to_torch(choosing_client: AsyncOpenAI) -> None:
    answer = await ask(choosing_client, CERTAIN, logprobs=True, max_tokens=2)
    assert answer.system_fingerprint.startswith(f"{BASE}@torch-") and len(answer.choices[0].logprobs.content) == 2


async def test_who_watches_is_answered_by_llama_cpp_and_what_comes_whole_by_the_faster_one(
    choosing_client: AsyncOpenAI,
) -> None:
    """Several answers at once are faster in torch where the processor multiplies bf16 itself."""
    assert await watch(choosing_client, CERTAIN) == f"{BASE}@llama.cpp-q8_0"
    whole = (await ask(choosing_client, CERTAIN, max_tokens=2)).system_fingerprint
    expected = "torch-bfloat16" if device.has_bf16_instructions() else "llama.cpp-q8_0"
    assert whole.removeprefix(f"{BASE}@") == expected or "torch-float32" in whole


async def test_who_shares_a_beginning_is_answered_as_alone(fast_client: AsyncOpenAI) -> None:
    book = "The heron guards the gate. " * 40
    questions = [f"{book} {question}" for question in ("Who?", "What is guarded?", "Which bird?", "Why is that so?")]
    alone = [(await ask(fast_client, question, max_tokens=8)).choices for question in questions]
    together = await asyncio.gather(*(ask(fast_client, question, max_tokens=8) for question in questions * 2))
    assert [one.choices for one in together] == alone * 2


async def test_a_long_prompt_has_room_too(fast_client: AsyncOpenAI) -> None:
    answer = await ask(fast_client, "word " * 2100, max_tokens=1)
    assert answer.usage.prompt_tokens > 2100 and answer.system_fingerprint.endswith("@llama.cpp-q8_0")


SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["right", "wrong"]}, "score": {"type": "integer", "minimum": 0, "maximum": 10}},
    "required": ["verdict", "score"],
    "additionalProperties": False,
}
FORM: Any = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}}
TOOL: Any = [{"type": "function", "function": {"name": "judge", "parameters": SCHEMA, "strict": True}}]


async def test_forms_and_tools_are_kept_by_its_own_llguidance(fast_client: AsyncOpenAI) -> None:
    hot, called, refused = await asyncio.gather(
        ask(fast_client, CERTAIN, response_format=FORM, temperature=1.9, n=4, max_tokens=60),
        ask(fast_client, CERTAIN, tools=TOOL, tool_choice="required", parallel_tool_calls=False, max_tokens=60),
        ask(fast_client, CERTAIN, response_format={"type": "json_schema", "json_schema": {
            "name": "x", "strict": True, "schema": {"type": "array", "uniqueItems": True}}}),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(refused, BadRequestError) and "uniqueItems" in str(refused)
    texts = [choice.message.content for choice in hot.choices]
    texts.append(called.choices[0].message.tool_calls[0].function.arguments)
    for one in map(json.loads, texts):
        assert list(one) == ["verdict", "score"] and one["verdict"] in ("right", "wrong") and 0 <= one["score"] <= 10
    assert {hot.system_fingerprint, called.system_fingerprint} == {f"{BASE}@llama.cpp-q8_0"}


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (['{"verdict": ', '"right", "score": 3}'], ['{"verdict": ', '"right", "score": 3}']),
        (['{"verdict": ', '?"right"'], ['{"verdict": ']),  # what llama.cpp did with a grammar that its own version reads otherwise
        (['{"verdict": "right"'], ['{"verdict": "right"']),
    ],
)  # fmt: skip
def test_a_piece_that_breaks_the_form_is_never_passed_on(base: Path, pieces: list[str], kept: list[str]) -> None:
    """`kept`: what came before it; the answer fails then, unless it is whole."""
    source = ModelSource(BASE, load_catalog()[BASE], base, None)
    grammar = build_json_grammar(JsonSchemaFormat(JsonSchema("x", SCHEMA, strict=True)))
    texts, errors, done = list[str](), list[Exception](), threading.Event()
    answerer = StreamedAnswerer(_Pieces(pieces), done.set, load_text(source))
    sequence = GeneratedSequence(
        prompt_ids=[1],
        params=SamplingParams(grammar=grammar),
        on_token=lambda text, *_rest: texts.append(text),
        on_failure=errors.append,
        cancelled=threading.Event(),
    )
    answerer.prepare(sequence)
    answerer.start([sequence], False)
    assert done.wait(PATIENCE)
    is_whole = "".join(kept).endswith("}")
    assert [text for text in texts if text] == kept and bool(errors) != is_whole


class _Pieces:
    """Another engine that answers in these pieces."""

    name, max_sequences, max_tokens = "pieces", 1, 10_000

    def __init__(self, pieces: list[str]) -> None:
        self._pieces = pieces

    def find_obstacle(self, _params: SamplingParams, _num_prompt_tokens: int) -> None:
        return None

    def build_body(self, _prompt_ids: list[int], _params: SamplingParams) -> dict[str, Any]:
        return {}

    def stream(self, _body: dict[str, Any], _prefix_length: int, on_chunk: Callable[[dict[str, Any]], bool]) -> None:
        for piece in self._pieces:
            if on_chunk({"choices": [{"text": piece, "finish_reason": None}]}):
                return
        on_chunk({"choices": [{"text": "", "finish_reason": "stop"}]})
