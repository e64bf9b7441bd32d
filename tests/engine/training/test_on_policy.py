"""On-policy distillation: the model's own texts, drawn again alike, and their divergence from the teacher alone."""

import dataclasses
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.engine.http.job_request import parse_job
from core.engine.http.protocol import ApiError
from core.engine.training import on_policy
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.objectives import TrainingError, build_objective
from core.engine.training.on_policy import EXTRA_TOKENS, OnPolicySettings, OnPolicyTexts, completions
from core.engine.training.text_writer import TextRequest, TextWriter
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow
from core.engine.training.train import Trainer
from tests.engine.training.test_damaged_jobs import arguments, train, train_with_pause
from tests.engine.training.test_kl_objective import ALL_TOKENS, TAUGHT_ROWS, change_adapter, log_probs, rows
from tests.engine.training.test_training_step import CONFIGS, ROWS, fast, gradients, lora_model
from tests.support.engine import lines

pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.anyio]
EOS = frozenset({2, *range(60, 97, 3)})
PROMPTS = [[5, 6, 7, 8, 9, 10], [5, 6, 7], [20, 21, 22, 23, 24, 25, 26, 27, 28], [31]]


def write_plainly(model: Any, prompts: list[list[int]], count: int, seed: str) -> list[int]:
    """A text by transformers' and PEFT's own code: without a cache, a batch or padding."""
    dice, text = random.Random(seed), list[int]()
    while len(text) < count and not EOS & {*text}:
        found = [model(input_ids=torch.tensor([[*one, *text]])).logits[0, -1].softmax(-1) for one in prompts]
        total = torch.stack(found).mean(0).double().cumsum(0)
        text.append(int(torch.searchsorted(total, dice.random() * total[-1], right=True)))
    return text


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("packing", [True, False])
def test_a_text_is_what_the_model_says_token_by_token(family: str, packing: bool) -> None:
    """Also with windows of 5 tokens, an adapter that has changed, and texts that end at different times."""
    plain, model = lora_model(CONFIGS[family]), lora_model(CONFIGS[family])
    requests = [TextRequest((prompt,), 6 + n, random.Random(f"{n}")) for n, prompt in enumerate(PROMPTS * 2)]
    mixed = [
        TextRequest(tuple(PROMPTS[:2]), 8, random.Random("a")),
        TextRequest(tuple(PROMPTS[2:]), 8, random.Random("b")),
    ]
    token_loss = fast(model, ROWS)
    token_loss.choose_layout(ROWS, packing)
    for one in (plain, model):
        change_adapter(one)
    expected = token_loss.forward(ROWS)[0]
    model.train()
    found = TextWriter(token_loss, EOS).write([*requests, *mixed])
    assert model.get_base_model().training and torch.equal(token_loss.forward(ROWS)[0], expected)
    with torch.no_grad():
        assert found == [
            *(write_plainly(plain, [prompt], 6 + n, f"{n}") for n, prompt in enumerate(PROMPTS * 2)),
            write_plainly(plain, PROMPTS[:2], 8, "a"),
            write_plainly(plain, PROMPTS[2:], 8, "b"),
        ]
    assert len({len(text) for text in found}) > 2 and any(text[-1] in EOS for text in found)


def test_layers_that_are_no_attention_read_no_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lora_model(CONFIGS["llama"])
    writer = TextWriter(fast(model, ROWS), EOS)

    def write() -> list[list[int]]:
        return writer.write([TextRequest((prompt,), 5, random.Random(f"{n}")) for n, prompt in enumerate(PROMPTS)])

    expected, sizes = write(), list[int]()
    model.get_base_model().register_forward_pre_hook(
        lambda _module, _arguments, given: sizes.append(len(given["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr("core.engine.training.token_loss.KNOWN_LAYERS", set())
    monkeypatch.setattr(model.get_base_model().config, "layer_types", ["full_attention"] * 3, raising=False)
    assert write() == expected and {*sizes} == {1}


def test_a_model_that_keeps_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would forget the prompt after the first token."""
    token_loss = fast(lora_model(CONFIGS["llama"]), ROWS)
    base: Any = token_loss._base
    forward = base.forward
    monkeypatch.setattr(token_loss, "_keeps_logits", False)
    monkeypatch.setattr(base, "forward", lambda cache=None, past_key_values=None, **given: forward(**given))
    with pytest.raises(TrainingError, match="keeps no keys and values"):
        TextWriter(token_loss, EOS).write([TextRequest((PROMPTS[0],), 5, random.Random(1))])


def build(model: Any, share: float, **wanted: Any) -> tuple[Any, OnPolicyTexts]:
    """The objective and its texts, before the first step."""
    token_loss = fast(model, ROWS)
    settings = {"distillation_weight": 0.4, "on_policy_share": share, **wanted}
    objective: Any = build_objective(token_loss, resolve_auto("supervised", settings, 15, [1e-3, 1e-3]))
    parameters = {name: one for name, one in model.named_parameters() if one.requires_grad}
    texts = OnPolicyTexts(TextWriter(token_loss, EOS), objective, parameters, OnPolicySettings(share, 7, 40))
    return objective, texts


def as_classes(values: Any, reference: Any) -> Any:
    """Log probabilities with the two least likely tokens of a reference taken together, as a vocabulary of 97 has them."""
    ordered = values.gather(1, reference.argsort(-1))
    return torch.cat([ordered[:, :2].logsumexp(-1, keepdim=True), ordered[:, 2:]], 1)


def completion_logits(model: Any, one: TokenizedRow) -> tuple[Any, Any]:
    target = torch.tensor(one.labels[1:])
    logits = model(input_ids=torch.tensor([one.input_ids])).logits[0, :-1].float()
    return logits[target != IGNORE_INDEX], target[target != IGNORE_INDEX]


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("kl", [0.0, 0.7])
def test_the_gradients_are_those_of_the_divergence_on_the_own_text(
    monkeypatch: pytest.MonkeyPatch, family: str, kl: float
) -> None:
    """Two of three rows with a teacher get a text; the model was trained since, and its teacher was not. The adapter had weights
    before, as that of a model that is trained further."""
    monkeypatch.setattr("core.engine.training.kl_loss.REFERENCE_TOKENS", ALL_TOKENS)
    plain, before, model = (lora_model(CONFIGS[family]) for _ in range(3))
    objective, texts = build(model, 0.5, kl_coefficient=kl, kl_mask_target=False)
    some = rows(3)
    objective.precompute_reference(some)
    for one in (plain, model):
        change_adapter(one)
    epoch = next(n for n in range(99) if sum(one.is_on_policy for one in texts.apply(some, n, range(6))) == 2)
    batch = texts.apply(some, epoch, range(6))
    total = torch.zeros(())
    for one, own in zip(batch, some, strict=True):
        logits, labels = completion_logits(plain, one)
        with torch.no_grad():
            reference = log_probs(completion_logits(before, one)[0])
            teacher = log_probs(completion_logits(before, one.teacher or one)[0], temperature=2)
        weight = 1.0 if one.is_on_policy else 0.4 if one.teacher else 0.0
        assert one.is_on_policy or one == own
        if weight < 1:
            total = total + (1 - weight) * torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        for factor, target, found in (
            (kl, reference, log_probs(logits)),
            (4 * weight, teacher, log_probs(logits, temperature=2)),
        ):
            pair = as_classes(found, target), as_classes(target, target)
            total = total + factor * torch.nn.functional.kl_div(*pair, log_target=True, reduction="sum")
    total.backward()
    loss, _ = objective.compute_loss(batch)
    loss.backward()
    whole = gradients(plain)
    assert loss.item() == pytest.approx(total.item(), rel=1e-4)
    assert (gradients(model) - whole).norm() < 1e-4 * whole.norm()


def test_a_text_stands_in_the_place_of_one_completion() -> None:
    model = lora_model(CONFIGS["llama"])
    _, texts = build(model, 1.0)
    labels = [IGNORE_INDEX, IGNORE_INDEX, 12, 2, IGNORE_INDEX, IGNORE_INDEX, 15, 16, 2]
    ids = [10, 11, 12, 2, 13, 14, 15, 16, 2]
    talk = TokenizedRow(ids, labels, TokenizedRow([30, 31, *ids], [IGNORE_INDEX] * 2 + labels))
    assert completions(talk) == [(2, 4), (6, 9)]
    starts = set()
    for epoch in range(12):
        found, other = texts.apply([talk, ROWS[0]], epoch, [5, 6])
        start = found.labels.index(found.input_ids[-found.num_labels])
        starts.add(start)
        assert found.teacher and found.input_ids[:start] == ids[:start] and other is ROWS[0]
        assert found.teacher.input_ids == [30, 31, *found.input_ids]
        assert 1 <= found.num_labels <= (2 if start == 2 else 3) + EXTRA_TOKENS
        assert texts.apply([talk], epoch, [5]) == [found]  # alone or in another batch
    assert starts == {2, 6}
    longest = on_policy.longest(talk)
    assert len(longest.input_ids) == len(ids) + EXTRA_TOKENS and longest.teacher is None
    # A prompt that fills the context leaves no room.
    full = dataclasses.replace(talk, teacher=TokenizedRow([30] * 40 + ids, [IGNORE_INDEX] * 40 + labels))
    assert texts.apply([full], 0, [5]) == [full]


WANTED = {
    "n_epochs": 2,
    "batch_size": 5,
    "distillation_weight": 0.5,
    "on_policy_share": 0.6,
    "learning_rate_multiplier": 50,
}


def write_job(folder: Path) -> None:
    folder.mkdir()
    (folder / "training.jsonl").write_bytes(lines(TAUGHT_ROWS))
    (folder / "validation.jsonl").write_bytes(lines(TAUGHT_ROWS[3:5]))


@pytest.mark.parametrize(
    ("dtype", "more"),
    [("float32", {}), ("bfloat16", {"token_replacement": 0.5, "packing": False, "load_in_4bit": True})],
)
def test_a_paused_job_makes_the_same_adapter(
    tmp_path: Path, tiny_folder: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, dtype: str, more: Any
) -> None:
    if more:
        pytest.importorskip("bitsandbytes")
    plan = arguments(tiny_folder, tiny, hyperparameters={**WANTED, **more}, dtype=dtype)
    write, texts = TextWriter.write, list[list[int]]()

    def count(self: Any, requests: Any) -> Any:
        texts.extend(found := write(self, requests))
        return found

    monkeypatch.setattr(TextWriter, "write", count)
    for name in ("whole", "paused"):
        write_job(tmp_path / name)
    whole = train(tmp_path / "whole", plan)
    written = texts.copy()
    texts.clear()
    first, again = train_with_pause(tmp_path / "paused", plan)
    steps = [[one for one in some if one["event"] == "step"] for some in (whole, first, again)]
    assert len(steps[1]) == 1 and steps[1] + steps[2] == steps[0]
    one, other = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("whole", "paused"))
    assert all(torch.equal(other[name], tensor) for name, tensor in one.items())
    # Of four rows with a teacher some in each epoch, and none of those without.
    assert 2 <= len(written) <= 7 and texts == written


def test_a_share_of_0_changes_nothing_bit_by_bit(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    write_job(tmp_path / "job")
    plans = [
        arguments(tiny_folder, tiny, hyperparameters={"batch_size": 5, "distillation_weight": 0.5, **more})
        for more in ({}, {"on_policy_share": 0})
    ]
    jobs = [Trainer(tmp_path / "job", plan, print, threading.Event()) for plan in plans]
    for job in jobs:
        job.objective.precompute_reference(job.train_dataset)
    plain, found = ([job.training_step() for _ in range(3)] for job in jobs)
    assert plain == found
    assert all(torch.equal(p, jobs[0].parameters[name]) for name, p in jobs[1].parameters.items())


def test_it_needs_a_teacher() -> None:
    body = {"model": "m", "training_file": "f"}
    for wanted in ({"on_policy_share": 0.5}, {"on_policy_share": 0.5, "distillation_weight": 0}):
        with pytest.raises(ApiError, match="needs 'distillation_weight'") as error:
            parse_job({**body, "hyperparameters": wanted})
        assert error.value.param == "hyperparameters.on_policy_share"
    with pytest.raises(ApiError) as error:
        parse_job({**body, "hyperparameters": {"on_policy_share": 1.5, "distillation_weight": 1}})
    assert error.value.param == "hyperparameters.on_policy_share"
    for wanted in ({"on_policy_share": 0}, {"on_policy_share": 1, "distillation_weight": 0.5}):
        assert parse_job({**body, "hyperparameters": wanted})


def test_weights_in_parts_are_refused(
    tmp_path: Path, tiny_folder: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.training.ranks.is_sharded", lambda _tensor: True)
    write_job(tmp_path / "job")
    plan = arguments(tiny_folder, tiny, hyperparameters=WANTED)
    with pytest.raises(TrainingError, match=r"'on_policy_share'\. .*DDP"):
        Trainer(tmp_path / "job", plan, print, threading.Event())
