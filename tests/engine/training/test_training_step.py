"""The cheaper training step has the losses and gradients of the plain one: PEFT's layers, each row alone."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen2Config, Qwen3Config

from core.engine.training.lora_linear import use_lora_linear
from core.engine.training.objectives import DPOObjective, SupervisedObjective, micro_batches
from core.engine.training.rms_norm import use_rms_norm
from core.engine.training.token_loss import TokenLoss
from core.engine.training.tokenize_rows import IGNORE_INDEX, PreferencePair, TokenizedRow
from core.engine.training.tree_batch import build_tree, tree_size

# PEFT asks transformers in a way that transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "initializer_range": 0.3,  # large, so that what a token sees matters
}
SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
CONFIGS = {
    "llama": LlamaConfig(**SIZES),
    "qwen2": Qwen2Config(**SIZES),
    "qwen3": Qwen3Config(**SIZES),
    "gemma3": Gemma3TextConfig(**SIZES, sliding_window=5, layer_types=SLIDING),
}


def row(prompt: list[int], answer: list[int]) -> TokenizedRow:
    return TokenizedRow(prompt + answer, [IGNORE_INDEX] * len(prompt) + answer)


SYSTEM = [5, 6, 7, 8]
ROWS = [
    row([*SYSTEM, 9, 10], [11, 12, 2]),
    row([*SYSTEM, 9, 13, 14], [15, 2]),
    row([*SYSTEM, 9, 10], [11, 12, 2]),  # a row twice
    row([*SYSTEM, 9, 10], [11, 16, 17, 2]),  # another answer to the same question, which begins alike
    row([20, 21], [22, 23, 24, 2]),
    row([*SYSTEM], [9, 10, 2]),  # an answer that is the beginning of other rows
]


def lora_model(config: Any, dtype: torch.dtype = torch.float32) -> PeftModel:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=dtype)
    for name, parameter in model.named_parameters():
        if "norm" in name:  # not ones, nor zeros
            torch.nn.init.normal_(parameter, 0.5, 0.2)
    return with_lora(model)


def with_lora(base: Any) -> PeftModel:
    torch.manual_seed(4)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model: Any = get_peft_model(base, lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, 0, 0.05)
    return model


def gradients(model: Any) -> torch.Tensor:
    found = torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None])
    model.zero_grad()
    return found


def plain_losses(model: Any, rows: list[TokenizedRow]) -> list[torch.Tensor]:
    """Each row's summed loss, alone, by transformers' and PEFT's own code."""
    losses = []
    for one in rows:
        logits = model(input_ids=torch.tensor([one.input_ids])).logits[0, :-1].float()
        target = torch.tensor(one.labels[1:])
        losses.append(torch.nn.functional.cross_entropy(logits, target, ignore_index=IGNORE_INDEX, reduction="sum"))
    return losses


def fast(model: Any, rows: list[TokenizedRow]) -> TokenLoss:
    layers, heads = model.config.num_hidden_layers, model.config.model_type in ("qwen3", "gemma3_text")
    norms = 4 if model.config.model_type == "gemma3_text" else 2
    assert use_lora_linear(model) == 7 * layers
    assert use_rms_norm(model) == (norms + 2 * heads) * layers + 1
    found = TokenLoss(model, model.get_base_model(), 0, "cpu")
    found.choose_layout(rows)
    return found


@pytest.mark.parametrize("family", CONFIGS)
def test_losses_and_gradients_are_those_of_each_row_alone(family: str) -> None:
    model = lora_model(CONFIGS[family])
    plain = sum(plain_losses(model, ROWS))
    assert isinstance(plain, torch.Tensor)
    plain.backward()
    expected = gradients(model)
    token_loss = fast(model, ROWS)
    assert token_loss.is_tree and token_loss.fuses_head
    loss, sums = SupervisedObjective(token_loss).compute_loss(ROWS)
    loss.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5) and sums["loss"] == loss.item()
    assert torch.allclose(gradients(model), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", CONFIGS)
def test_preferences_have_the_same_gradients_too(family: str) -> None:
    pairs = [PreferencePair(ROWS[0], ROWS[3], 0.1), PreferencePair(ROWS[1], ROWS[5], -0.2)]
    model = lora_model(CONFIGS[family])
    losses = [plain_losses(model, [pair.rejected, pair.chosen]) for pair in pairs]
    margins = [
        rejected - chosen - pair.reference_margin for (rejected, chosen), pair in zip(losses, pairs, strict=True)
    ]
    plain = -torch.nn.functional.logsigmoid(0.3 * torch.stack(margins)).sum()
    plain.backward()
    expected = gradients(model)
    loss, _ = DPOObjective(fast(model, ROWS), 0.3).compute_loss(pairs)
    loss.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
    assert torch.allclose(gradients(model), expected, rtol=1e-3, atol=1e-4)


def test_bf16_gradients_point_the_same_way(base: Path) -> None:
    """The real small model, as it is trained: bf16 weights, fp32 adapters."""
    rows = [row([100 + index, *range(40, 60)], list(range(60 + index, 70))) for index in range(4)]
    model = with_lora(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16))
    sum(plain_losses(model, rows)).backward()  # type: ignore[union-attr]
    expected = gradients(model)
    loss, _ = SupervisedObjective(fast(model, rows)).compute_loss(rows)
    loss.backward()
    assert torch.nn.functional.cosine_similarity(gradients(model), expected, dim=0) > 0.999


def test_long_rows_use_a_kernel_that_keeps_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lora_model(CONFIGS["gemma3"])
    token_loss = fast(model, ROWS)
    losses = token_loss.forward(ROWS)[0]
    monkeypatch.setattr("core.engine.training.tree_attention.MAX_MATRIX_TOKENS", 3)
    assert torch.allclose(token_loss.forward(ROWS)[0], losses, atol=1e-5)


@pytest.mark.logs
def test_a_model_that_mixes_the_rows_of_a_tree_is_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lora_model(CONFIGS["qwen2"])
    plain = torch.stack(plain_losses(model, ROWS)).sum()
    monkeypatch.setattr(TokenLoss, "_build_masks", lambda *_: torch.zeros(1, 1, 1, 1))
    token_loss = fast(model, ROWS)
    assert not token_loss.is_tree
    losses, _, label_rows = token_loss.forward(ROWS)
    assert losses.sum().item() == pytest.approx(plain.item(), rel=1e-5) and label_rows.tolist()[:3] == [0, 0, 0]


def test_logits_that_a_model_changes_are_left_to_it() -> None:
    """Gemma 2 flattens them: from the hidden states alone the losses would be others."""
    config = copy.deepcopy(CONFIGS["gemma3"])
    config.final_logit_softcapping = 1.0
    model = lora_model(config)
    expected = torch.stack(plain_losses(model, ROWS)).sum().item()
    token_loss = fast(model, ROWS)
    assert token_loss.is_tree and not token_loss.fuses_head
    assert token_loss.forward(ROWS)[0].sum().item() == pytest.approx(expected, rel=1e-5)


def test_a_long_batch_gets_its_logits_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    token_loss = fast(lora_model(CONFIGS["llama"]), ROWS)
    expected, expected_correct, _ = token_loss.forward(ROWS)
    monkeypatch.setattr("core.engine.training.head_loss.CHUNK_BYTES", 4 * 97 * 5)
    losses, correct, _ = token_loss.forward(ROWS)
    assert torch.allclose(losses, expected) and torch.equal(correct, expected_correct)


def test_what_rows_begin_with_stands_once() -> None:
    tree = build_tree(ROWS)
    assert len(tree.input_ids) == tree_size(ROWS) == 23
    for one, path in zip(ROWS, tree.paths, strict=True):
        assert [tree.input_ids[place] for place in path] == one.input_ids
        assert [tree.position_ids[place] for place in path] == list(range(len(path)))
    assert tree.visible("cpu").sum(1).tolist() == [position + 1 for position in tree.position_ids]
    assert tree.visible("cpu", 3).sum(1).max() == 3


def test_a_micro_batch_counts_a_tree_once() -> None:
    token_loss = fast(lora_model(CONFIGS["llama"]), ROWS)
    token_loss.max_tokens = 13
    found = list(micro_batches(ROWS, SupervisedObjective.sequences, token_loss))
    assert len(found) == 3 and sum(map(len, found)) == len(ROWS)
    assert all(token_loss.size(batch) <= 13 for batch in found)
