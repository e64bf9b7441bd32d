"""A vLLM server answers for base and fine-tuned models under their names here; where it cannot, this computer does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI

from core.engine.disk_store import ModelStore
from tests.support.engine import TINY, RunningEngine, prompt, start
from tests.support.fake_vllm import KEY, FakeVllm, serve

pytestmark = [pytest.mark.anyio, pytest.mark.logs]
TUNED = f"ft:{TINY}:local:heron:abcd1234"
TEXT = "A heron guards it."


@pytest.fixture(scope="module")
def vllm() -> Iterator[FakeVllm]:
    with serve(FakeVllm(TINY)) as fake:
        yield fake


@pytest.fixture(scope="module")
def engine_with_vllm(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, tiny: str, vllm: FakeVllm
) -> Iterator[RunningEngine]:
    """An engine with one fine-tuned model, whose weights only the fake server would read."""
    home, adapter = tmp_path_factory.mktemp("vllm"), tmp_path_factory.mktemp("adapter") / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (home / "models").mkdir()
    record = {"id": TUNED, "base": tiny, "created": 1, "job": "ftjob-1", "step": None, "metrics": {}}
    ModelStore(home / "models").add(adapter, record)
    arguments = ("--answerer", "torch", "--dtype", "float32", "--vllm-url", vllm.url)
    running = start(home, *arguments, HF_HOME=str(cache), JUKU_VLLM_KEY=KEY)
    yield running
    assert running.stop() == 0


@pytest.fixture
async def asking(engine_with_vllm: RunningEngine) -> Any:
    async with engine_with_vllm.client() as client:
        yield client


async def ask(client: AsyncOpenAI, model: str, **settings: Any) -> Any:
    return await client.chat.completions.create(model=model, messages=prompt("Who guards the gate?"), **settings)


async def test_a_base_model_answers_from_our_token_ids(asking: AsyncOpenAI, vllm: FakeVllm) -> None:
    answer = await ask(asking, TINY, temperature=0, stop=["\n"], max_tokens=9)
    sent = vllm.completions[-1]
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (TEXT, "stop")
    assert answer.system_fingerprint == f"{TINY}@vllm" and answer.usage.completion_tokens == 5
    assert answer.usage.prompt_tokens == len(sent["prompt"]) and (sent["temperature"], sent["stop"]) == (0.0, ["\n"])
    short = await ask(asking, TINY, max_tokens=2, seed=-3, n=2, stream=True)
    reasons = [chunk.choices[0].finish_reason async for chunk in short]
    assert reasons.count("length") == 2 and {one["seed"] for one in vllm.completions[-2:]} == {-3, -2}


async def test_a_fine_tuned_model_is_loaded_once_under_its_name(asking: AsyncOpenAI, vllm: FakeVllm) -> None:
    for _ in range(2):
        answer = await ask(asking, TUNED)
        assert answer.choices[0].message.content == TEXT and answer.system_fingerprint.startswith(f"{TINY}+")
    assert vllm.completions[-1]["model"] == TUNED and [one["lora_name"] for one in vllm.loads] == [TUNED]


async def test_what_it_refuses_is_said(asking: AsyncOpenAI, vllm: FakeVllm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "refusal", "too long for this server")
    with pytest.raises(APIStatusError, match="The vLLM server refuses: too long for this server"):
        await ask(asking, TINY)


async def test_what_it_does_not_have_is_answered_here(
    asking: AsyncOpenAI, vllm: FakeVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm, "models", {"another": None})
    answer = await ask(asking, TINY, max_tokens=2)
    assert answer.system_fingerprint == f"{TINY}@torch-float32"
