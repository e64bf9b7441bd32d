"""The hyperparameters beyond OpenAI's: the adapter, the schedule, early stopping, packing, and the memory of a step."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from openai import AsyncOpenAI, BadRequestError
from safetensors.torch import load_file

from core.engine.http.job_request import parse_job
from core.engine.http.protocol import ApiError
from core.engine.training import memory_budget, schedule
from core.engine.training.adapter_average import AdapterAverage
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.early_stopping import EarlyStopping
from core.engine.training.lora import add_adapter
from core.engine.training.train import Trainer
from tests.engine.training.test_damaged_jobs import arguments, train
from tests.support.engine import TRAINING_ROWS, lines, upload

pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.anyio]
SHORT = {"n_epochs": 1, "batch_size": 5}


def write_rows(folder: Path, valid: Any = None) -> None:
    (folder / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    if valid:
        (folder / "validation.jsonl").write_bytes(lines(valid))


def trainer(folder: Path, plan: Any) -> Trainer:
    return Trainer(folder, plan, lambda _message: None, threading.Event())


def test_the_adapter_is_as_requested(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    write_rows(tmp_path)
    wanted = {**SHORT, "lora_rank": 3, "lora_target_modules": "attention", "lora_num_layers": 1}
    messages = train(tmp_path, arguments(tiny_folder, tiny, hyperparameters=wanted))
    assert messages[0]["hyperparameters"] == {**wanted, "learning_rate_multiplier": 1.0}
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["layers_to_transform"]) == (3, 6, [1])
    assert set(config["target_modules"]) >= {"q_proj", "o_proj"} and "up_proj" not in config["target_modules"]


def test_all_layers_at_the_top_alone_have_adapters(base: Path) -> None:
    from transformers import AutoModelForCausalLM

    wanted = resolve_auto("supervised", {"lora_num_layers": 2}, 15, [1e-3, 1e-3])
    model = add_adapter(AutoModelForCausalLM.from_pretrained(base), wanted)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(names) == 2 * 7 * 2 and all(".layers.28." in name or ".layers.29." in name for name in names)


def test_a_job_ends_when_the_validation_loss_no_longer_falls(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    """It can't fall at a learning rate of next to nothing; the first epoch's adapter is kept."""
    write_rows(tmp_path, TRAINING_ROWS[:2])
    wanted = {"n_epochs": 9, "batch_size": 5, "early_stopping_patience": 2, "learning_rate_multiplier": 1e-12}
    messages = train(tmp_path, arguments(tiny_folder, tiny, hyperparameters=wanted))
    (stopped,) = [one for one in messages if one["event"] == "early_stop"]
    assert stopped["step"] == 6 and stopped["best_step"] == 2 and messages[-1]["event"] == "done"
    assert stopped["trained_tokens"] * 3 == messages[0]["trained_tokens"]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file() and not (tmp_path / "best").exists()


def test_early_stopping_continues_where_it_was() -> None:
    first = EarlyStopping(2)
    assert first.is_better(3, {"full_valid_loss": 1.0}) and not first.is_better(6, {"full_valid_loss": 1.0})
    second = EarlyStopping(2)
    second.restore(first.to_json())
    assert not second.is_due and not second.is_better(9, {"full_valid_loss": 2.0})
    assert second.is_due and second.best_step == 3 and not EarlyStopping(None).is_better(1, {})
    older = EarlyStopping(1)
    older.restore({"best_loss": 0.5, "best_step": 2, "epochs_since": 0})
    assert not older.is_better(4, {"full_valid_loss": 0.6}) and older.is_due and older.best_step == 2


@pytest.mark.parametrize("name", ["full_valid_mean_token_accuracy", "full_valid_accuracy"])
def test_the_best_epoch_can_be_that_of_the_highest_accuracy(name: str) -> None:
    """Also where its loss is higher: a model that is sure of what it learned pays for every other wording."""
    stopping = EarlyStopping(1, "accuracy")
    assert stopping.is_better(1, {"full_valid_loss": 1.0, name: 0.5})
    assert stopping.is_better(2, {"full_valid_loss": 1.2, name: 0.75})
    assert not stopping.is_better(3, {"full_valid_loss": 0.9, name: 0.75}) and stopping.is_due


@pytest.mark.parametrize("pause_at", [None, 5])
def test_the_adapters_of_the_last_epochs_are_averaged(
    tmp_path: Path, tiny_folder: Path, tiny: str, pause_at: int | None
) -> None:
    """Also by a job that was paused within the last epoch."""
    write_rows(tmp_path)
    plan = arguments(tiny_folder, tiny, hyperparameters={"n_epochs": 3, "batch_size": 5, "average_checkpoints": 2})
    pause = threading.Event()
    Trainer(tmp_path, plan, lambda message: pause.set() if message.get("step") == pause_at else None, pause).run()
    messages = train(tmp_path, plan) if pause_at else []
    assert (tmp_path / "adapter").exists() and (not pause_at or {"event": "averaged", "epochs": 2} in messages)
    found, second, third = (
        load_file(tmp_path / name / "adapter_model.safetensors")
        for name in ("adapter", "checkpoints/step-4", "checkpoints/step-6")
    )
    for name, weights in found.items():
        assert torch.allclose(weights, (second[name] + third[name]) / 2, atol=1e-7)
    assert not all(torch.equal(weights, third[name]) for name, weights in found.items())


def test_no_more_epochs_are_averaged_than_there_are() -> None:
    average, parameters = AdapterAverage(5, 2), {"a": torch.ones(2)}
    average.add(1, parameters)
    average.add(2, {"a": torch.zeros(2)})
    assert average.count == 2 and average.mean(parameters)["a"].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="gone"):
        AdapterAverage(2, 2).restore(1, {}, parameters)
    last = AdapterAverage(1, 2)
    last.add(2, parameters)
    assert last.mean(parameters) is parameters


def test_the_schedule_is_as_requested() -> None:
    def rates(kind: str, warmup: int) -> list[float]:
        return [schedule.learning_rate(step, 10, 1.0, kind, warmup) for step in range(10)]

    assert rates("constant", 0) == [1.0] * 10 and rates("constant", 5)[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    linear = rates("linear", 0)
    assert linear[0] == 1 and linear[5] == pytest.approx(0.525) and linear == sorted(linear, reverse=True)
    found = resolve_auto("supervised", {"lora_rank": 8, "warmup_steps": "auto", "packing": False}, 15, [1e-3, 1e-3])
    assert (found.lora_alpha, found.warmup_steps, found.packing, found.lr_scheduler_type) == (16, 3, False, "cosine")


def test_packing_can_be_turned_off(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    """The losses stay the same."""
    write_rows(tmp_path)
    losses = []
    for packing in (True, False):
        plan = arguments(tiny_folder, tiny, hyperparameters={**SHORT, "packing": packing})
        one = trainer(tmp_path, plan)
        assert one.token_loss.is_tree == packing
        losses.append(one.training_step()["train_loss"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@pytest.mark.logs
def test_little_memory_makes_small_batches_and_computes_layers_twice(
    tmp_path: Path, tiny_folder: Path, tiny: str
) -> None:
    write_rows(tmp_path)
    plenty = trainer(tmp_path, arguments(tiny_folder, tiny, hyperparameters=SHORT, memory_bytes=1 << 40))
    batch = plenty.next_batch()
    assert len(plenty.split_batch(batch)) == 1
    expected = plenty.training_step()
    rows = plenty.train_dataset
    per_token = memory_budget.bytes_per_token(plenty.token_loss, rows)
    enough = per_token * max(len(row.input_ids) for row in rows) / memory_budget.USABLE_SHARE  # for the longest row
    for memory, checkpointing in ((int(enough * 1.2), False), (int(enough * 0.8), True)):
        scarce = trainer(tmp_path, arguments(tiny_folder, tiny, hyperparameters=SHORT, memory_bytes=memory))
        assert scarce.model.get_base_model().is_activation_checkpointing == checkpointing
        assert checkpointing or len(scarce.split_batch(batch)) > 1
        assert scarce.training_step() == pytest.approx(expected, abs=1e-4)
        for name, p in scarce.parameters.items():
            assert (p - plenty.parameters[name]).abs().max() < 1e-4


def test_an_average_and_the_best_epoch_exclude_each_other() -> None:
    wanted = {"early_stopping_patience": 2, "average_checkpoints": 2}
    body = {"model": "m", "training_file": "f", "validation_file": "v", "hyperparameters": wanted}
    with pytest.raises(ApiError, match="not both") as error:
        parse_job(body)
    assert error.value.param == "hyperparameters.average_checkpoints"
    assert parse_job({**body, "hyperparameters": {**wanted, "average_checkpoints": 1}})


def test_replaced_words_and_the_divergence_from_the_own_words_exclude_each_other() -> None:
    body = {"model": "m", "training_file": "f"}
    wanted = {"token_replacement": 0.2, "kl_coefficient": 0.5}
    with pytest.raises(ApiError, match="not both") as error:
        parse_job({**body, "hyperparameters": wanted})
    assert error.value.param == "hyperparameters.kl_coefficient"
    for allowed in ({**wanted, "kl_coefficient": 0}, {"token_replacement": 0.2, "distillation_weight": 0.5}):
        assert parse_job({**body, "hyperparameters": allowed})


REFUSED = [
    ({"early_stopping_patience": 2}, "early_stopping_patience"),
    ({"metric_for_best_model": "accuracy"}, "metric_for_best_model"),
    ({"lora_target_modules": "head"}, "lora_target_modules"),
    ({"lora_rank": 0}, "lora_rank"),
    ({"average_checkpoints": 0}, "average_checkpoints"),
    ({"lr_scheduler_type": "step"}, "lr_scheduler_type"),
]


@pytest.mark.parametrize(("wanted", "name"), REFUSED)
async def test_what_cannot_be_is_refused_by_name(client: AsyncOpenAI, tiny: str, wanted: Any, name: str) -> None:
    file = await upload(client, TRAINING_ROWS)
    with pytest.raises(BadRequestError) as error:
        await client.fine_tuning.jobs.create(model=tiny, training_file=file, hyperparameters=wanted)
    assert error.value.param == f"hyperparameters.{name}"
