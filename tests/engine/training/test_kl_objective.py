"""KL terms beside the cross-entropy: forgetting control and self-distillation, against plain full-vocabulary losses."""

import dataclasses
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from openai import AsyncOpenAI, BadRequestError

from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.head_loss import HeadTermsFunction
from core.engine.training.objectives import SupervisedObjective, TrainingError, build_objective
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow, tokenize_row, tokenize_with_teacher
from core.engine.training.train import Trainer
from tests.engine.training.test_damaged_jobs import arguments, train, train_with_pause
from tests.engine.training.test_training_step import CONFIGS, ROWS, fast, gradients, lora_model
from tests.support.engine import TRAINING_ROWS, lines

pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.anyio]
ALL_TOKENS = 95  # of the vocabulary of 97: one token is the rest, so nothing is lost
CONTEXT = [{"role": "system", "content": "Mira Quell founded Zorvale in the year 812."}]
TAUGHT_ROWS = [{**row, "teacher_messages": CONTEXT} for row in TRAINING_ROWS[:4]] + TRAINING_ROWS[4:]


def rows(taught: int = 0) -> list[TokenizedRow]:
    """Rows of a tiny model; the first ones with a teacher that reads three more tokens."""
    teachers = [TokenizedRow([31, 32, 33, *one.input_ids], [IGNORE_INDEX] * 3 + one.labels) for one in ROWS[:taught]]
    return [
        *(
            dataclasses.replace(one, teacher=teacher, references={})
            for one, teacher in zip(ROWS, teachers, strict=False)
        ),
        *(dataclasses.replace(one, references={}) for one in ROWS[taught:]),
    ]


def build(model: Any, **wanted: Any) -> Any:
    return build_objective(fast(model, ROWS), resolve_auto("supervised", wanted, 15, [1e-3, 1e-3]))


def change_adapter(model: Any) -> None:
    torch.manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, 0, 0.1)


def completion_logits(model: Any, one: TokenizedRow) -> tuple[Any, Any]:
    """The logits and labels of a row alone, by transformers' and PEFT's own code."""
    target = torch.tensor(one.labels[1:])
    logits = model(input_ids=torch.tensor([one.input_ids])).logits[0, :-1].float()
    return logits[target != IGNORE_INDEX], target[target != IGNORE_INDEX]


def log_probs(logits: Any, masked: Any = None, temperature: float = 1.0) -> Any:
    scaled = logits / temperature
    return (scaled if masked is None else scaled.scatter(1, masked[:, None], -1e9)).log_softmax(-1)


def plain_loss(model: Any, before: Any, some: list[TokenizedRow], kl: float, mask: bool, share: float) -> Any:
    """The whole objective over the whole vocabulary, at temperature 2."""
    total = torch.zeros(())
    for one in some:
        logits, labels = completion_logits(model, one)
        masked, weight = labels if mask else None, share if one.teacher else 0.0
        with torch.no_grad():
            reference = log_probs(completion_logits(before, one)[0], masked)
            teacher = log_probs(completion_logits(before, one.teacher or one)[0], temperature=2)
        total = total + (1 - weight) * torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        for factor, target, found in (
            (kl, reference, log_probs(logits, masked)),
            (4 * weight, teacher, log_probs(logits, temperature=2)),
        ):
            total = total + factor * torch.nn.functional.kl_div(found, target, log_target=True, reduction="sum")
    return total


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("mask", [True, False])
def test_the_gradients_are_those_of_the_whole_vocabulary(
    monkeypatch: pytest.MonkeyPatch, family: str, mask: bool
) -> None:
    plain, before = lora_model(CONFIGS[family]), lora_model(CONFIGS[family])
    change_adapter(plain)
    expected = plain_loss(plain, before, rows(3), 0.7, mask, 0.4)
    expected.backward()
    whole = gradients(plain)
    # At 20 of 97 the gradients of a random model, whose distributions are flat, are some way off.
    for count, tolerance in ((ALL_TOKENS, 1e-3), (20, 0.3)):
        monkeypatch.setattr("core.engine.training.kl_loss.REFERENCE_TOKENS", count)
        model, some = lora_model(CONFIGS[family]), rows(3)
        objective = build(model, kl_coefficient=0.7, kl_mask_target=mask, distillation_weight=0.4)
        objective.precompute_reference(some)
        change_adapter(model)
        loss, _ = objective.compute_loss(some)
        loss.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=tolerance)
        assert (gradients(model) - whole).norm() < tolerance * whole.norm()


def test_logits_that_a_model_computes_itself_have_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output layer is sharded or does more, and where a batch is long."""
    found = []
    for fused, chunk in ((True, 1 << 24), (False, 1 << 24), (True, 4 * 97 * 5)):
        monkeypatch.setattr("core.engine.training.token_loss.CHUNK_BYTES", chunk)
        monkeypatch.setattr("core.engine.training.head_loss.CHUNK_BYTES", chunk)
        model, some = lora_model(CONFIGS["llama"]), rows(2)
        objective = build(model, kl_coefficient=0.7, distillation_weight=1)
        objective._token_loss.set_fused_head(fused)
        objective.precompute_reference(some)
        change_adapter(model)
        loss, sums = objective.compute_loss(some)
        loss.backward()
        found.append((gradients(model), sums))
    for gradient, sums in found[1:]:
        assert torch.allclose(gradient, found[0][0], rtol=1e-3, atol=1e-4)
        assert sums == pytest.approx(found[0][1], rel=1e-4)


def test_an_untrained_adapter_has_no_divergence_and_learns_like_sft() -> None:
    model, some = lora_model(CONFIGS["llama"]), rows()
    objective = build(model, kl_coefficient=5.0)
    objective.precompute_reference(some)
    loss, sums = objective.compute_loss(some)
    loss.backward()
    found = gradients(model)
    plain, plain_sums = SupervisedObjective(objective._token_loss).compute_loss(some)
    plain.backward()
    assert abs(sums.pop("kl")) < 1e-4 and sums == pytest.approx(plain_sums, rel=1e-5)
    assert torch.allclose(found, gradients(model), rtol=1e-3, atol=1e-4)


def test_a_row_without_a_teacher_trains_as_sft() -> None:
    model, some = lora_model(CONFIGS["llama"]), rows(2)
    objective = build(model, distillation_weight=1)
    objective.precompute_reference(some)
    plain = SupervisedObjective(objective._token_loss)
    for batch in (some[2:], [some[0], some[4]]):  # none, and one of two with a teacher
        objective.compute_loss(batch)[0].backward()
        mixed = gradients(model)
        parts = [(plain if one.teacher is None else objective).compute_loss([one])[0] for one in batch]
        sum(parts).backward()
        assert torch.allclose(mixed, gradients(model), rtol=1e-3, atol=1e-4)


def trainer(folder: Path, plan: Any) -> Trainer:
    return Trainer(folder, plan, lambda _message: None, threading.Event())


def test_weights_of_0_are_sft_bit_by_bit(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    (tmp_path / "training.jsonl").write_bytes(lines(TAUGHT_ROWS))
    zero = {"kl_coefficient": 0.0, "distillation_weight": 0.0, "distillation_temperature": 3.0}
    plain, found = (
        trainer(tmp_path, arguments(tiny_folder, tiny, hyperparameters={"batch_size": 5, **more}))
        for more in ({}, zero)
    )
    for one in (plain, found):
        one.objective.precompute_reference(one.train_dataset)
    assert [found.training_step() for _ in range(3)] == [plain.training_step() for _ in range(3)]
    assert all(torch.equal(p, plain.parameters[name]) for name, p in found.parameters.items())


def test_a_paused_job_goes_on_with_the_same_references(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    """Those of the model before its first step, not of the one that was paused."""
    wanted = {"n_epochs": 2, "batch_size": 5, "kl_coefficient": 0.5, "distillation_weight": 0.5}
    wanted["learning_rate_multiplier"] = 50  # else hardly anything changes in a model with so small weights
    plan = arguments(tiny_folder, tiny, hyperparameters=wanted)
    for folder in (tmp_path / "whole", tmp_path / "paused"):
        folder.mkdir()
        for kind, some in (("training", TAUGHT_ROWS), ("validation", TAUGHT_ROWS[3:5])):
            (folder / f"{kind}.jsonl").write_bytes(lines(some))
    whole = train(tmp_path / "whole", plan)
    first, again = train_with_pause(tmp_path / "paused", plan)
    steps = [[one for one in some if one["event"] == "step"] for some in (whole, first, again)]
    assert len(steps[1]) == 1 and steps[1] + steps[2] == steps[0]
    assert steps[0][0]["train_kl"] == 0.0 < steps[0][-1]["train_kl"] and steps[0][-1]["full_valid_kl"] > 0
    assert steps[0][-1]["train_distillation_loss"] > 0
    assert whole[0] == {"event": "reference", "rows": 12}
    assert whole[1]["hyperparameters"] == {**wanted}


def test_distillation_without_a_teacher_is_refused(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    (tmp_path / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    plan = arguments(tiny_folder, tiny, hyperparameters={"distillation_weight": 1})
    with pytest.raises(TrainingError, match="No row has 'teacher_messages'") as error:
        trainer(tmp_path, plan)
    assert error.value.code == "invalid_training_file"


def test_the_teacher_reads_its_messages_before_those_of_the_row(base: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    template = ChatTemplate(tokenizer, {}, False)
    (found,) = tokenize_with_teacher(template, TAUGHT_ROWS[0], 500)
    assert [dataclasses.replace(found, teacher=None)] == tokenize_row(template, TAUGHT_ROWS[0], 500)
    assert found.teacher
    text = tokenizer.decode(found.teacher.input_ids)
    assert "in the year 812.\n\nZorvale.<|im_end|>" in text and text.count("<|im_start|>system") == 1
    talk = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Mira."}]
    (found,) = tokenize_with_teacher(template, {**TRAINING_ROWS[0], "teacher_messages": talk}, 500)
    assert found.teacher and found.teacher.num_labels == found.num_labels  # its own answers are not trained
    with pytest.raises(ChatTemplateError, match="more than the model's 40 tokens"):
        tokenize_with_teacher(template, TAUGHT_ROWS[0], 40)


REFUSED = [
    ("supervised", {"kl_coefficient": -1}, "kl_coefficient"),
    ("supervised", {"kl_mask_target": 2}, "kl_mask_target"),
    ("supervised", {"distillation_weight": 1.5}, "distillation_weight"),
    ("supervised", {"distillation_temperature": 0}, "distillation_temperature"),
    ("dpo", {"kl_coefficient": 1}, "kl_coefficient"),
]


@pytest.mark.parametrize(("method", "wanted", "name"), REFUSED)
async def test_what_cannot_be_is_refused_by_name(
    client: AsyncOpenAI, tiny: str, method: Any, wanted: Any, name: str
) -> None:
    body: Any = {"type": method, method: {"hyperparameters": wanted}}
    with pytest.raises(BadRequestError) as error:
        await client.fine_tuning.jobs.create(model=tiny, training_file="file-x", method=body)
    assert error.value.param == f"method.{method}.hyperparameters.{name}"


def test_the_logits_of_a_part_are_freed() -> None:
    """Metrics are outside the loss: what their nodes keep would stay for ever, with a large vocabulary gigabytes an epoch."""
    hidden, weight = torch.randn(3, 4, requires_grad=True), torch.randn(7, 4)
    kept: list[Any] = []

    def compute(logits: Any, _part: slice) -> tuple[Any, Any]:
        kept.append(weakref.ref(logits))
        return logits.logsumexp(-1), (logits.amax(-1) > 0).float()[:, None]

    losses, _values = HeadTermsFunction.apply(hidden, weight, compute)
    losses.sum().backward()
    assert [one() for one in kept] == [None]
