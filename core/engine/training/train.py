"""The child process that trains one job: `python -m core.engine.training.train JOB_FOLDER`.

It reads `plan.json` and the rows, sends its parent a JSON line for each step, and writes into the job's folder
`state.safetensors` (to resume from), `checkpoints/step-N` and at the end `adapter`. Each appears whole or not at all.
"""

import codecs
import hashlib
import json
import random
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.engine import child_lifetime
from core.engine.http.protocol import Json
from core.engine.models import device
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.private_files import replace_file, replace_folder
from core.engine.training import schedule
from core.engine.training.auto_hyperparameters import LORA_ALPHA, LORA_RANK, resolve_auto
from core.engine.training.objectives import (
    DPOObjective,
    Objective,
    SupervisedObjective,
    TrainingError,
    add_sums,
    mean_metrics,
    micro_batches,
)

SAVE_SECONDS = 20.0
EVALUATIONS = 10  # of the first validation rows, in a whole job


@dataclass(frozen=True)
class TrainingArguments:
    """What the parent wrote into `plan.json`. `base`: the base model's folder. `parent`: an adapter's folder to start
    from, or None. `hyperparameters`: as requested, "auto"s included. `digests`: the SHA-256 of the validated files, by
    kind (training, validation); empty for a job that an older engine validated."""

    method: str
    base: str
    parent: str | None
    context_length: int
    supports_tools: bool
    chat_template_kwargs: Json
    learning_rates: list[float]
    hyperparameters: Json
    seed: int
    dtype: str
    digests: dict[str, str] = field(default_factory=dict)


def read_rows(folder: Path, kind: str, digests: dict[str, str]) -> list[Json]:
    """The rows of the job's file `kind`, as they were validated; none where the job has no validation file.

    Raises TrainingError when the file is gone, or has other bytes than when it was validated.
    """
    path = folder / f"{kind}.jsonl"
    try:
        data = path.read_bytes()
    except OSError as error:
        if kind == "validation" and kind not in digests and not path.exists():
            return []
        raise _damaged_rows_error(path, f"cannot be read ({error.strerror})") from error
    if digests.get(kind, digest := hashlib.sha256(data).hexdigest()) != digest:
        raise _damaged_rows_error(path, "was changed after it was validated")
    return [json.loads(line) for line in data.removeprefix(codecs.BOM_UTF8).splitlines() if line.strip()]


def _damaged_rows_error(path: Path, reason: str) -> TrainingError:
    kind = path.stem
    return TrainingError(
        f"invalid_{kind}_file",
        f"The job's copy of the {kind} file {reason}: {path}. No model was made. Create the job again.",
    )


class Trainer:
    """A running job: model, optimizer, data, and the number of steps done."""

    def __init__(
        self, folder: Path, plan: TrainingArguments, send: Callable[[Json], None], pause_requested: threading.Event
    ) -> None:
        import torch

        self.folder, self.send, self.seed, self.pause_requested = folder, send, plan.seed, pause_requested
        torch.manual_seed(plan.seed)
        self.device = device.default_device()
        self._load(plan)
        self.parameters = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        peak = self.hyperparameters.learning_rate
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=peak, weight_decay=0.0, fused=True)
        self.steps_per_epoch = -(-len(self.train_dataset) // self.hyperparameters.batch_size)
        self.total_steps = self.steps_per_epoch * self.hyperparameters.n_epochs
        self.eval_steps = -(-self.total_steps // EVALUATIONS)
        self.step, self.saved_at = 0, time.monotonic()

    def _load(self, plan: TrainingArguments) -> None:
        """Load the tokenizer and the model, and tokenize the rows."""
        from transformers import AutoTokenizer

        from core.engine.training.lora_linear import use_lora_linear
        from core.engine.training.token_loss import TokenLoss

        tokenizer = AutoTokenizer.from_pretrained(plan.base, local_files_only=True)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        chat_template = ChatTemplate(tokenizer, plan.chat_template_kwargs, plan.supports_tools)
        rows = read_rows(self.folder, "training", plan.digests)
        self.hyperparameters = resolve_auto(plan.method, plan.hyperparameters, len(rows), plan.learning_rates)
        self.model = _load_model(plan).to(self.device)
        use_lora_linear(self.model)
        self.token_loss = TokenLoss(self.model, self.model.get_base_model(), pad, self.device)
        beta = self.hyperparameters.beta
        self.objective: Objective = (
            SupervisedObjective(self.token_loss) if beta is None else DPOObjective(self.token_loss, beta)
        )
        self.train_dataset = _tokenize(self.objective, chat_template, rows, plan.context_length, "training")
        eval_rows = read_rows(self.folder, "validation", plan.digests)
        self.eval_dataset = _tokenize(self.objective, chat_template, eval_rows, plan.context_length, "validation")
        self.token_loss.choose_layout([row for item in self.train_dataset for row in self.objective.sequences(item)])

    def run(self) -> None:
        """Train from the saved state (else from the start) to the end, or until a pause is requested.

        Raises TrainingError when the loss diverges.
        """
        # Before the state is loaded: the reference of preferences is the model before the first step.
        self.objective.precompute_reference(self.train_dataset + self.eval_dataset)
        self._load_state()
        tokens = sum(self.objective.num_tokens(item) for item in self.train_dataset) * self.hyperparameters.n_epochs
        start = {"step": self.step, "total_steps": self.total_steps, "trained_tokens": tokens}
        self.send({"event": "start", "hyperparameters": self.hyperparameters.to_protocol(), **start})
        metrics: Json = {}
        while self.step < self.total_steps:
            if self.pause_requested.is_set():
                return self._pause(metrics)
            metrics = self._training_step() | self._evaluate()
            self.send({"event": "step", **metrics})
            if self._is_epoch_end():
                self._save_checkpoint(metrics)
            if self._is_epoch_end() or time.monotonic() - self.saved_at > SAVE_SECONDS:
                self._save_state()
        _write_folder(self.folder / "adapter", self.model.save_pretrained)
        self.send({"event": "done"})
        return None

    def _is_epoch_end(self) -> bool:
        return self.step % self.steps_per_epoch == 0

    def _pause(self, metrics: Json) -> None:
        """Save the state to resume from, and a checkpoint that can answer until then."""
        if metrics and not self._is_epoch_end():
            self._save_checkpoint(metrics)
            self._save_state()
        self.send({"event": "paused"})

    def _next_batch(self) -> list[Any]:
        """The items of the next step. The order depends on seed and epoch alone: a resumed job repeats it."""
        epoch, index = divmod(self.step, self.steps_per_epoch)
        order = list(range(len(self.train_dataset)))
        random.Random(f"{self.seed}/{epoch}").shuffle(order)  # noqa: S311 - must repeat, need not be secret
        size = self.hyperparameters.batch_size
        return [self.train_dataset[i] for i in order[index * size : (index + 1) * size]]

    def _training_step(self) -> Json:
        """One optimizer step; its metrics."""
        import torch

        learning_rate = schedule.learning_rate(self.step, self.total_steps, self.hyperparameters.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.model.train()
        batch = self._next_batch()
        num_items, sums = self.objective.num_items(batch), dict[str, float]()
        for micro_batch in micro_batches(batch, self.objective.sequences, self.token_loss):
            loss, values = self.objective.compute_loss(micro_batch)
            (loss / num_items).backward()
            add_sums(sums, values)
        metrics = mean_metrics("train", sums, num_items)
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return {"step": self.step, "total_steps": self.total_steps, **metrics}

    def _evaluate(self) -> Json:
        """Metrics of the validation rows: of all at an epoch's end, of the first batch every `eval_steps`, else none."""
        if not self.eval_dataset or not (self._is_epoch_end() or self.step % self.eval_steps == 0):
            return {}
        batch_size = self.hyperparameters.batch_size
        metrics = self._compute_metrics("valid", self.eval_dataset[:batch_size])
        if not self._is_epoch_end():
            return metrics
        if len(self.eval_dataset) <= batch_size:
            return metrics | {f"full_{name}": value for name, value in metrics.items()}
        return metrics | self._compute_metrics("full_valid", self.eval_dataset)

    def _compute_metrics(self, prefix: str, items: list[Any]) -> Json:
        import torch

        self.model.eval()
        sums: dict[str, float] = {}
        with torch.no_grad():
            for micro_batch in micro_batches(items, self.objective.sequences, self.token_loss):
                add_sums(sums, self.objective.compute_loss(micro_batch)[1])
        return mean_metrics(prefix, sums, self.objective.num_items(items))

    def _save_checkpoint(self, metrics: Json) -> None:
        """Save the adapter as it is now; the parent makes a model of it."""

        def write(folder: Path) -> None:
            self.model.save_pretrained(folder)
            (folder / "metrics.json").write_text(json.dumps(metrics), "utf-8")

        _write_folder(self.folder / "checkpoints" / f"step-{self.step}", write)
        self.send({"event": "checkpoint", "step": self.step})

    def _save_state(self) -> None:
        """Save adapter, optimizer and step as one file. Nothing else is random: there is no dropout."""
        from safetensors.torch import save_file

        path = self.folder / "state.safetensors"
        tensors = {f"weight.{name}": p.detach() for name, p in self.parameters.items()}
        for name, p in self.parameters.items():
            state = self.optimizer.state[p]
            tensors |= {f"first.{name}": state["exp_avg"], f"second.{name}": state["exp_avg_sq"]}
        save_file(tensors, path.with_suffix(".tmp"), {"step": str(self.step)})
        replace_file(path.with_suffix(".tmp"), path)
        self.saved_at = time.monotonic()

    def _load_state(self) -> None:
        """Resume from the saved state, if an earlier process left one; one that is damaged is reported and left out."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        try:
            step, tensors = self._read_state(path)
        except Exception as error:  # whatever safetensors, torch or the disk say of a broken file
            path.unlink(missing_ok=True)
            self.send({"event": "damaged_state", "reason": str(error)})
        else:
            self._set_state(step, tensors)

    def _read_state(self, path: Path) -> tuple[int, dict[str, Any]]:
        """The step and the tensors of a whole state. Raises ValueError and others when it is none of this job."""
        from safetensors import safe_open

        with safe_open(path, "pt", device=self.device) as file:
            step = int(file.metadata()["step"])
            names = [f"{kind}.{name}" for name in self.parameters for kind in ("weight", "first", "second")]
            tensors = {name: file.get_tensor(name) for name in names}
        for name, p in self.parameters.items():
            if any(tensors[f"{kind}.{name}"].shape != p.shape for kind in ("weight", "first", "second")):
                raise ValueError(f"{name} has another shape")
        if not 0 < step <= self.total_steps:
            raise ValueError(f"step {step} of {self.total_steps}")
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError("a value is not finite")
        return step, tensors

    def _set_state(self, step: int, tensors: dict[str, Any]) -> None:
        import torch

        self.step = step
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(tensors[f"weight.{name}"])
                self.optimizer.state[p] = {
                    "step": torch.tensor(float(step), device=p.device),
                    "exp_avg": tensors[f"first.{name}"],
                    "exp_avg_sq": tensors[f"second.{name}"],
                }


def _tokenize(
    objective: Objective, chat_template: ChatTemplate, rows: list[Json], max_length: int, kind: str
) -> list[Any]:
    """The items of all rows. Raises TrainingError for a row that cannot be rendered, or when no item is left."""
    items = []
    for number, row in enumerate(rows, 1):
        try:
            items += objective.tokenize(chat_template, row, max_length)
        except ChatTemplateError as error:
            message = f"The job failed due to an invalid {kind} file. Example {number}: {error}."
            raise TrainingError(f"invalid_{kind}_file", message) from error
    if not items and (rows or kind == "training"):
        raise TrainingError(f"invalid_{kind}_file", f"No example of the {kind} file leaves a token to learn.")
    return items


def _load_model(plan: TrainingArguments) -> Any:
    """The base model in the faster dtype with an fp32 LoRA adapter: a new one, or the parent model's."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    dtype = device.resolve_dtype(plan.dtype)
    base = AutoModelForCausalLM.from_pretrained(plan.base, dtype=dtype, local_files_only=True, use_safetensors=True)
    if plan.parent:
        return PeftModel.from_pretrained(base, plan.parent, is_trainable=True)
    config = LoraConfig(
        r=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        target_modules="all-linear",
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)


def _write_folder(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder that appears as `target` only when it is complete."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    replace_folder(part, target)


def main() -> int:
    """Exit status 0 when the job is done or paused, 1 after an error message to the parent."""
    send = child_lifetime.open_message_channel()
    pause_requested = threading.Event()
    child_lifetime.exit_with_parent(on_signal=pause_requested.set)
    folder = Path(sys.argv[1])
    try:
        plan = TrainingArguments(**json.loads((folder / "plan.json").read_text("utf-8")))
        Trainer(folder, plan, send, pause_requested).run()
    except TrainingError as error:
        send({"event": "error", "code": error.code, "message": str(error)})
        return 1
    except Exception as error:
        traceback.print_exc()
        send({"event": "error", "code": "server_error", "message": f"The job failed: {type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
