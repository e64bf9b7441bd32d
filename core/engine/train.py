"""The child process that trains one job: `python -m core.engine.train JOB_FOLDER`.

It reads `plan.json` and rows, tells its parent each step in a JSON line, and leaves in the job's folder
`state.safetensors` (to continue from), `checkpoints/step-N` and at the end `adapter`. Each appears whole.
"""

import json
import os
import random
import shutil
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine import device, encode, lifetime, recipe
from core.engine.protocol import Json
from core.engine.template import Template, TemplateError

SAVE_SECONDS = 20.0


class TrainError(Exception):
    """The job cannot be done as asked; `code` and text go into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Plan:
    """What the parent wrote into `plan.json`. `parent`: an adapter folder to continue from, or None."""

    base: str
    parent: str | None
    context: int
    tools: bool
    template: Json
    rates: list[float]
    asked: Json
    seed: int
    dtype: str


def read_rows(path: Path) -> list[Json]:
    """The rows of a JSON-lines file that was validated before; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig") as file:
        return [json.loads(line) for line in file if line.strip()]


class Training:
    """A job under way: model, optimiser, data and where it stands."""

    def __init__(self, folder: Path, plan: Plan, send: Any) -> None:
        import torch
        from transformers import AutoTokenizer

        self.folder, self.send, self.seed = folder, send, plan.seed
        torch.manual_seed(plan.seed)
        self.device = device.device()
        tokenizer = AutoTokenizer.from_pretrained(plan.base, local_files_only=True)
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        rows = read_rows(folder / "training.jsonl")
        template = Template(tokenizer, plan.template, plan.tools)
        self.data = _encode(template, rows, plan.context, "training")
        self.valid = _encode(template, read_rows(folder / "validation.jsonl"), plan.context, "validation")
        self.recipe = recipe.resolve(plan.asked, len(rows), plan.rates)
        self.model = _model(plan).to(self.device)
        self.base = self.model.get_base_model()
        self.weights = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=self.recipe.rate, weight_decay=0.0)
        self.per_epoch = -(-len(self.data) // self.recipe.batch_size)
        self.total = self.per_epoch * self.recipe.n_epochs
        self.step, self.saved = 0, time.monotonic()

    def run(self) -> None:
        """Train from where the state on disk stands to the end."""
        self._restore()
        tokens = sum(len(one.ids) for one in self.data) * self.recipe.n_epochs
        start = {"step": self.step, "total_steps": self.total, "trained_tokens": tokens}
        self.send({"event": "start", "hyperparameters": self.recipe.public(), **start})
        while self.step < self.total:
            metrics = self._learn()
            ends_epoch = self.step % self.per_epoch == 0
            if ends_epoch:
                metrics |= self._validate()
            self.send({"event": "step", **metrics})
            if ends_epoch:
                self._checkpoint(metrics)
            if ends_epoch or time.monotonic() - self.saved > SAVE_SECONDS:
                self._save()
        _whole(self.folder / "adapter", self.model.save_pretrained)
        self.send({"event": "done"})

    def _batch(self) -> list[encode.Sequence]:
        """The rows of the next step. The order follows from seed and epoch alone, so a continued job repeats it."""
        epoch, part = divmod(self.step, self.per_epoch)
        order = list(range(len(self.data)))
        random.Random(f"{self.seed}/{epoch}").shuffle(order)  # noqa: S311 - must repeat, need not be secret
        size = self.recipe.batch_size
        return [self.data[i] for i in order[part * size : (part + 1) * size]]

    def _learn(self) -> Json:
        """One optimiser step; its metrics."""
        import torch

        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate_at(self.step, self.total, self.recipe.rate)
        self.model.train()
        loss, right, count = self._forward(self._batch())
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return {
            "step": self.step,
            "total_steps": self.total,
            "train_loss": round(loss.item() / count, 5),
            "train_mean_token_accuracy": round(right / count, 5),
        }

    def _forward(self, batch: list[encode.Sequence]) -> tuple[Any, int, int]:
        """The summed loss, the number of tokens guessed right, and the number of learnt tokens."""
        import torch

        width = max(len(one.ids) for one in batch)
        ids = [one.ids + [self.pad] * (width - len(one.ids)) for one in batch]
        mask = [[1] * len(one.ids) + [0] * (width - len(one.ids)) for one in batch]
        labels = [one.labels + [encode.IGNORED] * (width - len(one.labels)) for one in batch]
        x, m, y = (torch.tensor(value, device=self.device) for value in (ids, mask, labels))
        y = y[:, 1:]
        learnt = y != encode.IGNORED
        hidden = self.base.model(input_ids=x, attention_mask=m, use_cache=False).last_hidden_state[:, :-1]
        # Logits only where something is learnt: a large vocabulary makes them the most costly part.
        logits = self.base.lm_head(hidden[learnt]).float()
        loss = torch.nn.functional.cross_entropy(logits, y[learnt], reduction="sum")
        return loss, int((logits.argmax(-1) == y[learnt]).sum()), int(learnt.sum())

    def _validate(self) -> Json:
        """Loss and accuracy over the validation rows, where there are any."""
        import torch

        if not self.valid:
            return {}
        self.model.eval()
        loss, right, count = 0.0, 0, 0
        with torch.no_grad():
            for start in range(0, len(self.valid), self.recipe.batch_size):
                one = self._forward(self.valid[start : start + self.recipe.batch_size])
                loss, right, count = loss + one[0].item(), right + one[1], count + one[2]
        values = {"loss": round(loss / count, 5), "mean_token_accuracy": round(right / count, 5)}
        return {f"{kind}_{name}": value for kind in ("valid", "full_valid") for name, value in values.items()}

    def _checkpoint(self, metrics: Json) -> None:
        """Leave the adapter as it is now for the parent to adopt."""

        def write(folder: Path) -> None:
            self.model.save_pretrained(folder)
            (folder / "metrics.json").write_text(json.dumps(metrics), "utf-8")

        _whole(self.folder / "checkpoints" / f"step-{self.step}", write)
        self.send({"event": "checkpoint", "step": self.step})

    def _save(self) -> None:
        """Write adapter, optimiser and step as one file. Nothing else is random: there is no dropout."""
        from safetensors.torch import save_file

        path = self.folder / "state.safetensors"
        tensors = {f"weight.{name}": p.detach() for name, p in self.weights.items()}
        for name, p in self.weights.items():
            state = self.optimiser.state[p]
            tensors |= {f"first.{name}": state["exp_avg"], f"second.{name}": state["exp_avg_sq"]}
        save_file(tensors, path.with_suffix(".tmp"), {"step": str(self.step)})
        _sync(path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)
        self.saved = time.monotonic()

    def _restore(self) -> None:
        """Go on from the state on disk, if an earlier process left one."""
        import torch
        from safetensors import safe_open

        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        with safe_open(path, "pt", device=self.device) as file, torch.no_grad():
            self.step = int(file.metadata()["step"])
            for name, p in self.weights.items():
                p.copy_(file.get_tensor(f"weight.{name}"))
                self.optimiser.state[p] = {
                    "step": torch.tensor(float(self.step)),
                    "exp_avg": file.get_tensor(f"first.{name}"),
                    "exp_avg_sq": file.get_tensor(f"second.{name}"),
                }


def _encode(template: Template, rows: list[Json], limit: int, kind: str) -> list[encode.Sequence]:
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found += encode.encode(template, row, limit)
        except TemplateError as error:
            code = f"invalid_{kind}_file"
            raise TrainError(
                code, f"The job failed due to an invalid {kind} file. Example {number}: {error}."
            ) from error
    if rows and not found:
        raise TrainError(f"invalid_{kind}_file", f"No example of the {kind} file leaves a token to learn.")
    return found


def _model(plan: Plan) -> Any:
    """The base in the faster precision with its adapter in fp32: a new one, or the parent model's."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    kind = device.dtype(plan.dtype)
    base = AutoModelForCausalLM.from_pretrained(plan.base, dtype=kind, local_files_only=True, use_safetensors=True)
    if plan.parent:
        return PeftModel.from_pretrained(base, plan.parent, is_trainable=True)
    config = LoraConfig(
        r=recipe.RANK, lora_alpha=recipe.ALPHA, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    return get_peft_model(base, config)


def _whole(target: Path, write: Any) -> None:
    """Let `write` fill a folder that appears as `target` only when it is complete."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    for path in part.iterdir():
        _sync(path)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def main() -> int:
    """Exit status 0 when the job is done, 1 after an error line to the parent."""
    send = lifetime.message_line()
    lifetime.die_with_parent()
    folder = Path(sys.argv[1])
    try:
        plan = Plan(**json.loads((folder / "plan.json").read_text("utf-8")))
        Training(folder, plan, send).run()
    except TrainError as error:
        send({"event": "error", "code": error.code, "message": str(error)})
        return 1
    except Exception as error:
        traceback.print_exc()
        send({"event": "error", "code": "server_error", "message": f"The job failed: {type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
