"""A job with its base weights in NF4: bitsandbytes keeps them, and our own function computes with them."""

import copy
import importlib.util
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from core.engine.http.job_request import parse_job
from core.engine.http.protocol import ApiError
from core.engine.models.weights import load_causal_lm, quantize_linear_layers
from core.engine.training import estimate
from core.engine.training.lora_linear import use_lora_linear
from core.engine.training.train import Trainer
from tests.engine.training.test_damaged_jobs import arguments, train
from tests.engine.training.test_training_step import CONFIGS
from tests.support.engine import TRAINING_ROWS, lines

pytest.importorskip("bitsandbytes")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def test_gradients_are_those_of_peft_and_bitsandbytes() -> None:
    """Also of layers without an adapter, after a pass without gradients, in which bitsandbytes would reorder weights."""
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIGS["qwen2"]))  # its layers have a bias
    quantize_linear_layers(base, torch.float32)
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    tokens = torch.randint(3, 97, (2, 20))

    def compute() -> tuple[float, dict[str, torch.Tensor]]:
        model.zero_grad()
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    model.train()
    expected, gradients = compute()
    assert use_lora_linear(model) == 2 * base.config.num_hidden_layers
    with torch.no_grad():
        assert model.eval()(input_ids=tokens, labels=tokens).loss.item() == pytest.approx(expected, rel=1e-5)
    loss, found = compute()
    assert loss == pytest.approx(expected, rel=1e-5) and found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(found[name], gradient, atol=1e-5), name


def test_a_job_trains_on_weights_in_4_bits(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    (tmp_path / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    wanted = {"n_epochs": 8, "batch_size": 5, "load_in_4bit": True}
    plan = arguments(tiny_folder, tiny, hyperparameters=wanted)
    job = Trainer(tmp_path, plan, lambda _message: None, threading.Event())
    layer = job.model.get_base_model().model.layers[0].mlp.up_proj.get_base_layer()
    assert type(layer).__name__ == "Linear4bit" and layer.weight.dtype == torch.uint8
    messages = train(tmp_path, plan)
    assert messages[0]["hyperparameters"]["load_in_4bit"] is True and messages[-1]["event"] == "done"
    losses = [one["train_loss"] for one in messages if one["event"] == "step"]
    assert losses[-1] < losses[0]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


def test_the_weights_take_what_is_estimated(base: Path) -> None:
    """Nothing of them is held in bf16 but what is not in a linear layer of a block."""
    from transformers import AutoConfig

    model = load_causal_lm(base, torch.bfloat16, load_in_4bit=True)
    size = estimate.measure_size(AutoConfig.from_pretrained(base))
    scales = sum(
        state.absmax.nbytes + state.state2.absmax.nbytes
        for layer in model.modules()
        if (state := getattr(getattr(layer, "weight", None), "quant_state", None))
    )
    stored = sum(one.nbytes for one in model.parameters()) + scales
    assert size.weight_bytes(2, True) - 2 * size.largest == pytest.approx(stored, rel=0.01)
    assert stored < 0.45 * size.weight_bytes(2, False)  # a fifth of this small model is its vocabulary


def test_without_the_package_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: Any = {"model": "m", "training_file": "f", "hyperparameters": {"load_in_4bit": True}}
    assert parse_job(wanted).hyperparameter_values == {"load_in_4bit": True}
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ApiError, match=r"bitsandbytes.*'quantization'") as error:
        parse_job(wanted)
    assert error.value.param == "hyperparameters.load_in_4bit"
    assert parse_job({**wanted, "hyperparameters": {"load_in_4bit": False}})
