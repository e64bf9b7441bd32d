"""The process that trains one job, or one of several: `python -m core.engine.training.train JOB_FOLDER [--world-size N]`.

It reads `plan.json` and the rows. The first process sends the engine a JSON line for each step, and writes into the
job's folder `state.safetensors` (to resume from), `checkpoints/step-N` and at the end `adapter`. Each appears whole or
not at all.
"""

import argparse
import codecs
import hashlib
import json
import os
import random
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engine import child_lifetime, failures
from core.engine.damaged_records import CODE, DamagedAdapterError, check_adapter
from core.engine.http.protocol import Json
from core.engine.inference.model_text import find_eos_token_ids
from core.engine.models import device
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.private_files import replace_folder
from core.engine.training import memory_budget, schedule, training_state
from core.engine.training.adapter_average import AdapterAverage
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.early_stopping import EarlyStopping
from core.engine.training.estimate import require_memory
from core.engine.training.objectives import (
    KLObjective,
    Objective,
    TrainingError,
    add_sums,
    build_objective,
    mean_metrics,
    micro_batches,
)
from core.engine.training.on_policy import OnPolicySettings, OnPolicyTexts, longest
from core.engine.training.text_writer import TextWriter

if TYPE_CHECKING:
    from core.engine.training.token_replacement import TokenReplacement

SAVE_SECONDS = 20.0
EVALUATIONS = 10  # of the first validation rows, in a whole job


@dataclass(frozen=True)
class TrainingArguments:
    """What the parent wrote into `plan.json`. `base`: the base model's folder. `parent`: an adapter's folder to start
    from, or None. `hyperparameters`: as requested, "auto"s included. `digests`: the SHA-256 of the validated files, by
    kind (training, validation); empty for a job that an older engine validated. `memory_bytes`: what a step may use, None
    for what is free when the job starts."""

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
    memory_bytes: int | None = None


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

    model: Any
    token_loss: Any
    objective: Objective
    train_dataset: list[Any]
    eval_dataset: list[Any]

    def __init__(
        self,
        folder: Path,
        plan: TrainingArguments,
        send: Callable[[Json], None],
        pause_requested: threading.Event,
        world_size: int = 1,
    ) -> None:
        import torch

        from core.engine.training.ranks import Ranks, is_sharded

        self.folder, self.seed, self.pause_requested = folder, plan.seed, pause_requested
        torch.manual_seed(plan.seed)
        self.device = device.default_device()
        self.ranks = Ranks(world_size, self.device)
        self.send = send if self.ranks.is_main else lambda _message: None
        self._load(plan)
        peak = self.hyperparameters.learning_rate
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=peak, weight_decay=0.0, fused=True)
        prepared, self.optimizer = self.ranks.prepare(self.model, optimizer)
        self.token_loss.model, self.model = prepared, self.ranks.unwrap(prepared)
        self.parameters = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        if any(is_sharded(p) for p in self.parameters.values()):
            self.token_loss.set_fused_head(False)
        self.on_policy = self._load_on_policy(plan)
        self.steps_per_epoch = -(-len(self.train_dataset) // self.hyperparameters.batch_size)
        self.total_steps = self.steps_per_epoch * self.hyperparameters.n_epochs
        self.eval_steps = -(-self.total_steps // EVALUATIONS)
        self.step, self.saved_at = 0, time.monotonic()
        settings = self.hyperparameters
        self.early_stopping = EarlyStopping(settings.early_stopping_patience, settings.metric_for_best_model)
        self.average = AdapterAverage(self.hyperparameters.average_checkpoints, self.hyperparameters.n_epochs)

    def _load(self, plan: TrainingArguments) -> None:
        """Load the tokenizer and the model, and tokenize the rows."""
        from transformers import AutoConfig, AutoTokenizer

        from core.engine.training.lora import load_model
        from core.engine.training.token_loss import TokenLoss

        tokenizer = AutoTokenizer.from_pretrained(plan.base, local_files_only=True)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        chat_template = ChatTemplate(tokenizer, plan.chat_template_kwargs, plan.supports_tools)
        rows = read_rows(self.folder, "training", plan.digests)
        self.requested = plan.hyperparameters
        self.hyperparameters = resolve_auto(plan.method, plan.hyperparameters, len(rows), plan.learning_rates)
        dtype = device.resolve_dtype(plan.dtype)
        config = AutoConfig.from_pretrained(plan.base, local_files_only=True)
        require_memory(config, dtype, self.hyperparameters.load_in_4bit)
        if plan.parent:
            _check_parent(Path(plan.parent))
        self.model = load_model(plan.base, plan.parent, dtype, self.hyperparameters).to(self.device)
        self.token_loss = TokenLoss(self.model, self.model.get_base_model(), pad, self.device)
        self.objective = build_objective(self.token_loss, self.hyperparameters)
        self.train_dataset = _tokenize(self.objective, chat_template, rows, plan.context_length, "training")
        eval_rows = read_rows(self.folder, "validation", plan.digests)
        self.eval_dataset = _tokenize(self.objective, chat_template, eval_rows, plan.context_length, "validation")
        all_rows = [row for item in self.train_dataset + self.eval_dataset for row in self.objective.sequences(item)]
        teachers = [row.teacher for row in all_rows if row.teacher]
        if self.hyperparameters.distillation_weight and not teachers:
            message = "No row has 'teacher_messages', from which 'distillation_weight' shall distil."
            raise TrainingError("invalid_training_file", message)
        self.token_loss.choose_layout([*all_rows, *teachers], self.hyperparameters.packing)
        self.token_replacement = self._load_token_replacement(tokenizer, plan.seed)
        eos = find_eos_token_ids(Path(plan.base), config.get_text_config(), tokenizer, chat_template)
        self._text_writer = TextWriter(self.token_loss, eos)
        memory = device.available_bytes() if plan.memory_bytes is None else plan.memory_bytes
        if self.hyperparameters.on_policy_share:
            all_rows += [longest(row) for row in all_rows if row.teacher]
        memory_budget.fit(self.token_loss, all_rows, self.ranks.min(memory))

    def _load_token_replacement(self, tokenizer: Any, seed: int) -> "TokenReplacement | None":
        share = self.hyperparameters.token_replacement
        if not share:
            return None
        from core.engine.training.token_replacement import TokenReplacement

        embeddings = self.model.get_base_model().get_input_embeddings().weight
        return TokenReplacement(tokenizer, embeddings, self.train_dataset, share, seed)

    def _load_on_policy(self, plan: TrainingArguments) -> OnPolicyTexts | None:
        """What writes the model's own texts. The parameters are still those before the first step."""
        share = self.hyperparameters.on_policy_share
        if not share:
            return None
        assert isinstance(self.objective, KLObjective)
        settings = OnPolicySettings(share, plan.seed, plan.context_length)
        return OnPolicyTexts(self._text_writer, self.objective, self.parameters, settings, self.ranks)

    def run(self) -> None:
        """Train from the saved state (else from the start) to the end, or until a pause is requested.

        Raises TrainingError when the loss diverges.
        """
        # Before the state is loaded: the reference is the model before the first step.
        if self.objective.HAS_REFERENCE:
            self.send({"event": "reference", "rows": len(self.train_dataset) + len(self.eval_dataset)})
        self.objective.precompute_reference(self.train_dataset + self.eval_dataset)
        self._load_state()
        tokens = sum(self.objective.num_tokens(item) for item in self.train_dataset)
        start = {
            "step": self.step,
            "total_steps": self.total_steps,
            "trained_tokens": tokens * self.hyperparameters.n_epochs,
        }
        self.send({"event": "start", "hyperparameters": self.hyperparameters.to_protocol(self.requested), **start})
        metrics: Json = {}
        while self.step < self.total_steps and not self.early_stopping.is_due:
            if self.ranks.any(self.pause_requested.is_set()):
                return self._pause(metrics)
            metrics = self.training_step() | self._evaluate()
            self.send({"event": "step", **metrics})
            self._save(metrics)
        if self.early_stopping.is_due:
            epochs = self.step // self.steps_per_epoch
            best = self.early_stopping.best_step
            self.send({"event": "early_stop", "step": self.step, "best_step": best, "trained_tokens": tokens * epochs})
        self._finish()
        return None

    def _finish(self) -> None:
        """Save the adapter: that of the last step, the mean of the last epochs or, with early stopping, the best epoch's."""
        best = self.folder / "best"
        if self.early_stopping.patience is None:
            self._save_adapter(self.folder / "adapter", weights=self.average.mean(self.parameters))
            if self.average.sums:
                self.send({"event": "averaged", "epochs": self.average.count})
        elif self.ranks.is_main:
            replace_folder(best, self.folder / "adapter")
        self.send({"event": "done"})
        self.ranks.leave()

    def _is_epoch_end(self) -> bool:
        return self.step % self.steps_per_epoch == 0

    def _save(self, metrics: Json) -> None:
        """Save what is due after a step."""
        if self._is_epoch_end():
            self.average.add(self.step // self.steps_per_epoch, self.parameters)
            if self.early_stopping.is_better(self.step, metrics):
                self._save_adapter(self.folder / "best")
            self._save_checkpoint(metrics)
        if self.ranks.any(self._is_epoch_end() or time.monotonic() - self.saved_at > SAVE_SECONDS):
            self._save_state()

    def _pause(self, metrics: Json) -> None:
        """Save the state to resume from, and a checkpoint that can answer until then."""
        if metrics and not self._is_epoch_end():
            self._save_checkpoint(metrics)
            self._save_state()
        self.send({"event": "paused"})
        self.ranks.leave()

    def next_batch(self) -> list[Any]:
        """The items of the next step. They depend on seed, epoch and, where the model writes some of them, its weights alone:
        a resumed job repeats them."""
        epoch, index = divmod(self.step, self.steps_per_epoch)
        order = list(range(len(self.train_dataset)))
        random.Random(f"{self.seed}/{epoch}").shuffle(order)  # noqa: S311 - must repeat, need not be secret
        size = self.hyperparameters.batch_size
        chosen = order[index * size : (index + 1) * size]
        batch = [self.train_dataset[i] for i in chosen]
        if self.token_replacement:
            batch = [self.token_replacement.apply(row, epoch, i) for row, i in zip(batch, chosen, strict=True)]
        return self.on_policy.apply(batch, epoch, chosen) if self.on_policy else batch

    def split_batch(self, batch: list[Any]) -> list[list[Any]]:
        """This process's micro-batches, as many as every other process has: the last ones may be empty.

        Each process works out all shares, so none has to ask: with FSDP all must call the model equally often.
        """
        shares = [batch[rank :: self.ranks.size] for rank in range(self.ranks.size)]
        split = [list(micro_batches(share, self.objective.sequences, self.token_loss)) for share in shares]
        mine = split[self.ranks.index]
        return mine + [[]] * (max(map(len, split)) - len(mine))

    def training_step(self) -> Json:
        """One optimizer step; its metrics."""
        settings = self.hyperparameters
        learning_rate = schedule.learning_rate(
            self.step, self.total_steps, settings.learning_rate, settings.lr_scheduler_type, settings.warmup_steps
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        batch = self.next_batch()
        self.model.train()
        num_items, sums = self.objective.num_items(batch), dict[str, float]()
        split = self.split_batch(batch)
        for number, micro_batch in enumerate(split, 1):
            with self.ranks.accumulate(self.token_loss.model, last=number == len(split)):
                loss, values = self.objective.compute_loss(micro_batch or batch[:1])
                # The processes' gradients are averaged: times their number, they are summed.
                (loss * (self.ranks.size if micro_batch else 0) / num_items).backward()
            if micro_batch:
                add_sums(sums, values)
        metrics = mean_metrics("train", self.ranks.sum(sums, self.objective.METRICS), num_items)
        self.ranks.clip_gradients(self.parameters.values(), 1.0)
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
            for micro_batch in self.split_batch(items):
                values = self.objective.compute_loss(micro_batch or items[:1])[1]
                if micro_batch:
                    add_sums(sums, values)
        return mean_metrics(prefix, self.ranks.sum(sums, self.objective.METRICS), self.objective.num_items(items))

    def _save_checkpoint(self, metrics: Json) -> None:
        """Save the adapter as it is now; the parent makes a model of it."""
        self._save_adapter(self.folder / "checkpoints" / f"step-{self.step}", metrics)
        self.send({"event": "checkpoint", "step": self.step})

    def _save_adapter(self, target: Path, metrics: Json | None = None, weights: dict[str, Any] | None = None) -> None:
        """Write the adapter in PEFT's format into a folder that appears whole; with other `weights` than today's if given."""
        from core.engine.training.ranks import full_tensor

        tensors = {name: full_tensor(p) for name, p in (weights or self.parameters).items()}

        def write(folder: Path) -> None:
            self.model.save_pretrained(folder, state_dict=tensors)
            if metrics is not None:
                (folder / "metrics.json").write_text(json.dumps(metrics), "utf-8")

        if self.ranks.is_main:
            _write_folder(target, write)

    def _save_state(self) -> None:
        tensors = training_state.gather(self.parameters, self.optimizer, self.average.sums)
        if self.ranks.is_main:
            path = self.folder / "state.safetensors"
            training_state.write(path, tensors, self.step, self.early_stopping.to_json())
        self.saved_at = time.monotonic()

    def _load_state(self) -> None:
        """Resume from the saved state, if an earlier process left one; one that is damaged is reported and left out."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        try:
            step, tensors, progress = training_state.read(path, self.parameters, self.total_steps, self.device)
            if progress and self.early_stopping.patience and not (self.folder / "best").is_dir():
                raise ValueError("the best epoch's adapter is gone")
            self.average.restore(step // self.steps_per_epoch, training_state.sums(tensors), self.parameters)
        except Exception as error:  # whatever safetensors, torch or the disk say of a broken file
            if self.ranks.is_main:
                path.unlink(missing_ok=True)
            traceback.print_exception(error)  # into the job's log
            self.send({"event": "damaged_state"})
        else:
            self.step = step
            self.early_stopping.restore(progress)
            training_state.restore(self.parameters, self.optimizer, step, tensors)


def _check_parent(folder: Path) -> None:
    """Raise TrainingError when the model to train further is not the one that was trained."""
    try:
        check_adapter(folder)
    except DamagedAdapterError as error:
        raise TrainingError(CODE, f"The model to start from is damaged. {error}") from error


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


def _write_folder(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder that appears as `target` only when it is complete."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    replace_folder(part, target)


# Never freed: the destructor of torch's gloo process group waits for a thread that may wait for Python's lock, which the
# freeing thread holds, and the process of a finished job would stay for ever.
_KEPT_TO_THE_END: list[Trainer] = []


def main() -> int:
    """Exit status 0 when the job is done, paused, or an error was sent to the parent; else 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--world-size", type=int, default=1)
    arguments = parser.parse_args()
    send = child_lifetime.open_message_channel()
    pause_requested = threading.Event()
    child_lifetime.exit_with_parent(on_signal=pause_requested.set)
    is_main, otherwise = os.environ.get("RANK", "0") == "0", failures.UNKNOWN
    try:
        child_lifetime.import_training_libraries()
        plan = TrainingArguments(**json.loads((arguments.folder / "plan.json").read_text("utf-8")))
        otherwise = failures.DAMAGED_BASE.format(folder=plan.base)  # libraries have many exceptions for that
        trainer = Trainer(arguments.folder, plan, send, pause_requested, arguments.world_size)
        otherwise = failures.UNKNOWN
        _KEPT_TO_THE_END.append(trainer)
        trainer.run()
    except TrainingError as error:  # all processes of the job have it alike
        if is_main:
            send({"event": "error", "code": error.code, "message": str(error)})
        return 0 if arguments.world_size > 1 else 1
    except Exception as error:
        # A lost process shows as an error of the connection to it.
        what = (
            "The job failed."
            if arguments.world_size == 1
            else f"One of the job's {arguments.world_size} processes failed."
        )
        failure = failures.report_in_child(what, error, arguments.folder / "train.log", otherwise)
        if is_main:
            send({"event": "error", "code": failure.code, "message": failure.words})
        return 1
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())
