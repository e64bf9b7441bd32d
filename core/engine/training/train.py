"""The child process that trains one job: `python -m core.engine.training.train JOB_FOLDER`.

It reads `plan.json` and rows, tells its parent each step in a JSON line, and leaves in the job's folder
`state.safetensors` (to continue from), `checkpoints/step-N` and at the end `adapter`. Each appears whole.
"""

import json
import random
import shutil
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine import child_lifetime
from core.engine.http.protocol import Json
from core.engine.models import device
from core.engine.models.chat_template import Template, TemplateError
from core.engine.private_files import keep_file, keep_folder
from core.engine.training import hyperparameters
from core.engine.training.objectives import Lesson, Preferences, Reader, Supervised, TrainError, add, parts, shown

SAVE_SECONDS = 20.0
GLANCES = 10  # at the validation rows, in a whole job


@dataclass(frozen=True)
class Plan:
    """What the parent wrote into `plan.json`. `parent`: an adapter folder to continue from, or None."""

    method: str
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

    def __init__(self, folder: Path, plan: Plan, send: Any, pausing: threading.Event) -> None:
        import torch

        self.folder, self.send, self.seed, self.pausing = folder, send, plan.seed, pausing
        torch.manual_seed(plan.seed)
        self.device = device.device()
        self._read(plan)
        self.weights = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=self.recipe.rate, weight_decay=0.0)
        self.per_epoch = -(-len(self.data) // self.recipe.batch_size)
        self.total = self.per_epoch * self.recipe.n_epochs
        self.glances = -(-self.total // GLANCES)
        self.step, self.saved = 0, time.monotonic()

    def _read(self, plan: Plan) -> None:
        """Load the model, and make of the rows what is to be learnt."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(plan.base, local_files_only=True)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        template = Template(tokenizer, plan.template, plan.tools)
        rows = read_rows(self.folder / "training.jsonl")
        self.recipe = hyperparameters.resolve(plan.method, plan.asked, len(rows), plan.rates)
        self.model = _model(plan).to(self.device)
        reader = Reader(self.model.get_base_model(), pad, self.device)
        self.budget = reader.budget
        beta = self.recipe.beta
        self.lesson: Lesson = Supervised(reader) if beta is None else Preferences(reader, beta)
        self.data = _encode(self.lesson, template, rows, plan.context, "training")
        valid = read_rows(self.folder / "validation.jsonl")
        self.valid = _encode(self.lesson, template, valid, plan.context, "validation")

    def run(self) -> None:
        """Train from where the state on disk stands to the end, or until the parent says to pause."""
        # Before the state on disk is read: what a preference is measured from is the model of the first step.
        self.lesson.prepare(self.data + self.valid)
        self._restore()
        tokens = sum(self.lesson.tokens(one) for one in self.data) * self.recipe.n_epochs
        start = {"step": self.step, "total_steps": self.total, "trained_tokens": tokens}
        self.send({"event": "start", "hyperparameters": self.recipe.public(), **start})
        metrics: Json = {}
        while self.step < self.total:
            if self.pausing.is_set():
                return self._pause(metrics)
            metrics = self._learn() | self._validate()
            self.send({"event": "step", **metrics})
            if self._ends_epoch():
                self._checkpoint(metrics)
            if self._ends_epoch() or time.monotonic() - self.saved > SAVE_SECONDS:
                self._save()
        _whole(self.folder / "adapter", self.model.save_pretrained)
        self.send({"event": "done"})
        return None

    def _ends_epoch(self) -> bool:
        return self.step % self.per_epoch == 0

    def _pause(self, metrics: Json) -> None:
        """Leave everything on disk for the day when it goes on, and a model that answers until then."""
        if metrics and not self._ends_epoch():
            self._checkpoint(metrics)
            self._save()
        self.send({"event": "paused"})

    def _batch(self) -> list[Any]:
        """The items of the next step. The order follows from seed and epoch alone, so a continued job repeats it."""
        epoch, part = divmod(self.step, self.per_epoch)
        order = list(range(len(self.data)))
        random.Random(f"{self.seed}/{epoch}").shuffle(order)  # noqa: S311 - must repeat, need not be secret
        size = self.recipe.batch_size
        return [self.data[i] for i in order[part * size : (part + 1) * size]]

    def _learn(self) -> Json:
        """One optimiser step; its metrics."""
        import torch

        for group in self.optimiser.param_groups:
            group["lr"] = hyperparameters.rate_at(self.step, self.total, self.recipe.rate)
        self.model.train()
        batch = self._batch()
        weight, sums = self.lesson.weigh(batch), dict[str, float]()
        for part in parts(batch, self.lesson.size, self.budget):
            loss, found = self.lesson.measure(part)
            (loss / weight).backward()
            add(sums, found)
        metrics = shown("train", sums, weight)
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return {"step": self.step, "total_steps": self.total, **metrics}

    def _validate(self) -> Json:
        """Metrics of the validation rows: of all at the end of an epoch, of the first few now and then."""
        ends = self._ends_epoch()
        if not self.valid or not (ends or self.step % self.glances == 0):
            return {}
        first = self._examine("valid", self.valid[: self.recipe.batch_size])
        if not ends:
            return first
        if len(self.valid) <= self.recipe.batch_size:
            return first | {f"full_{name}": value for name, value in first.items()}
        return first | self._examine("full_valid", self.valid)

    def _examine(self, kind: str, items: list[Any]) -> Json:
        import torch

        self.model.eval()
        sums: dict[str, float] = {}
        with torch.no_grad():
            for part in parts(items, self.lesson.size, self.budget):
                add(sums, self.lesson.measure(part)[1])
        return shown(kind, sums, self.lesson.weigh(items))

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
        keep_file(path.with_suffix(".tmp"), path)
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


def _encode(lesson: Lesson, template: Template, rows: list[Json], limit: int, kind: str) -> list[Any]:
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found += lesson.encode(template, row, limit)
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
        r=hyperparameters.RANK,
        lora_alpha=hyperparameters.ALPHA,
        target_modules="all-linear",
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)


def _whole(target: Path, write: Any) -> None:
    """Let `write` fill a folder that appears as `target` only when it is complete."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    keep_folder(part, target)


def main() -> int:
    """Exit status 0 when the job is done, 1 after an error line to the parent."""
    send = child_lifetime.message_line()
    pausing = threading.Event()
    child_lifetime.die_with_parent(on_word=pausing.set)
    folder = Path(sys.argv[1])
    try:
        plan = Plan(**json.loads((folder / "plan.json").read_text("utf-8")))
        Training(folder, plan, send, pausing).run()
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
