"""The time and memory of a job, told before it starts or anything is downloaded."""

from types import SimpleNamespace
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from core.engine.models import device
from core.engine.models.catalog import load_catalog
from core.engine.training import estimate
from core.engine.training.estimator import JobOutline
from core.engine.training.objectives import TrainingError
from tests.support.engine import BASE, TRAINING_ROWS

pytestmark = pytest.mark.anyio
LARGEST = "qwen3-8b"


async def ask(client: AsyncOpenAI, **body: Any) -> Any:
    return await client.post("/fine_tuning/estimate", body={"rows": TRAINING_ROWS, **body}, cast_to=object)


@pytest.mark.parametrize("model", [name for name, entry in load_catalog().items() if entry.hub])
def test_the_catalog_has_the_shape_of_each_model(model: str) -> None:
    """By the size of its file: 2 bytes a parameter; some store the embedding twice."""
    entry = load_catalog()[model]
    size = estimate.measure_size(estimate.build_config(entry))
    twice = size.vocabulary * entry.config["hidden_size"] if entry.config["tie_word_embeddings"] else 0
    assert any(
        abs(entry.bytes / 2 / parameters - 1) < 0.001 for parameters in (size.parameters, size.parameters + twice)
    )


async def test_a_job_is_estimated(client: AsyncOpenAI) -> None:
    found = await ask(client, model=BASE, num_rows=1000, hyperparameters={"n_epochs": 2, "batch_size": 4})
    assert (found["steps"], found["epochs"], found["tokens_exact"]) == (500, 2, True)
    assert 0 < found["startup_seconds"] < found["seconds"]
    assert 0.5e9 < found["memory_bytes"] < 5e9 and found["fits"] and found["would_fit"] == []
    again = await ask(client, model=BASE, num_rows=1000, hyperparameters={"n_epochs": 2, "batch_size": 4})
    assert again["seconds"] == found["seconds"]  # remembered
    longer = await ask(client, model=BASE, num_rows=1000, hyperparameters={"n_epochs": 6, "batch_size": 4})
    assert (longer["steps"], longer["epochs"], longer["trained_tokens"]) == (1500, 6, 3 * found["trained_tokens"])
    training = found["seconds"] - found["startup_seconds"]
    assert longer["seconds"] - longer["startup_seconds"] == pytest.approx(3 * training, abs=0.3)  # timed once


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # by peft
def test_the_pass_for_cached_references_counts_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that counts what a decoder layer reads, since a measured second is never the same twice."""
    from torch.nn.modules.module import register_module_forward_hook

    read = [0]

    def count(module: Any, arguments: Any, output: Any) -> None:
        if type(module).__name__ == "LlamaDecoderLayer":
            read[0] += arguments[0].shape[0] * arguments[0].shape[1]

    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: read[0], monotonic=lambda: read[0]))
    entry = load_catalog()[BASE]
    rows = [
        {**row, "teacher_messages": [{"role": "user", "content": "Zorvale has nine bridges. " * 20}]}
        for row in TRAINING_ROWS
    ]
    hook = register_module_forward_hook(count)
    try:
        plain, kl, distilled, on_policy = [
            estimate.estimate(JobOutline(entry, None, "supervised", wanted, rows, 1000, 100), "float32", read[0])
            for wanted in (
                {"kl_coefficient": 0},
                {"kl_coefficient": 1},
                {"kl_coefficient": 1, "distillation_weight": 0.5},
                {"kl_coefficient": 1, "distillation_weight": 0.5, "on_policy_share": 1},
            )
        ]
    finally:
        hook.remove()
    layers = entry.config["num_hidden_layers"]
    tokens = kl["trained_tokens"] / kl["epochs"] / 1000  # of a row, on average
    own = kl["startup_seconds"] - plain["startup_seconds"]
    assert own == pytest.approx(layers * tokens * (1000 + 100), rel=0.5)  # with the padding of the probe's batches
    assert distilled["startup_seconds"] - kl["startup_seconds"] > own  # the teacher reads more
    assert on_policy["startup_seconds"] == pytest.approx(distilled["startup_seconds"], rel=0.1)
    # Each text is read once as it is written, once by the model before training, and once by its teacher.
    assert on_policy["seconds"] - on_policy["startup_seconds"] > 2 * (kl["seconds"] - kl["startup_seconds"])
    assert kl["trained_tokens"] == plain["trained_tokens"] == distilled["trained_tokens"]


async def test_what_no_job_would_take_is_refused(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="Example 2"):
        await ask(client, model=BASE, rows=[TRAINING_ROWS[0], {"messages": []}])
    with pytest.raises(BadRequestError, match="learning_rate_multiplier"):
        await ask(client, model=BASE, hyperparameters={"learning_rate_multiplier": -1})
    with pytest.raises(NotFoundError):
        await ask(client, model="nobody")


def test_a_model_that_does_not_fit_is_refused_with_those_that_would(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(device, "available_bytes", lambda: 4_000_000_000)
    config = estimate.build_config(load_catalog()[LARGEST])
    with pytest.raises(TrainingError, match=r"16\.\d GB.*4\.0 GB.*would fit: .*qwen3-0.6b|1\.[57]b") as error:
        estimate.require_memory(config, torch.bfloat16)
    assert error.value.code == "insufficient_memory"
    estimate.require_memory(estimate.build_config(load_catalog()[BASE]), torch.bfloat16)
    assert (
        estimate.find_fitting(estimate.measure_size(estimate.build_config(load_catalog()[BASE])), 10**9, 10**6, 2) == []
    )
    monkeypatch.setattr(device, "available_bytes", lambda: 9_000_000_000)
    with pytest.raises(TrainingError, match=r"in 4 bits \('load_in_4bit'\) it needs \d\.\d GB"):
        estimate.require_memory(config, torch.bfloat16)
    estimate.require_memory(config, torch.bfloat16, load_in_4bit=True)
