"""The training of the engine, against its own earlier form and against TRL."""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.engine.models import catalog
from core.engine.training.auto_hyperparameters import resolve_auto
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow

ROOT = Path(__file__).resolve().parent.parent
BATCH_SIZE = 8
# Rows, epochs and batch size of whole jobs: what the engine chooses for so many rows.
JOBS = {"15 rows x 16 epochs": ("plain", 16, 5), "178 rows x 4 epochs": (None, 4, 8)}
Step = Callable[[list[TokenizedRow]], None]


def processor_seconds() -> float:
    """Of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def load_rows(sample: str, tag: str | None) -> list[dict[str, Any]]:
    """The training rows of a sample project with this tag, or all."""
    folder = ROOT / "resources" / "samples" / sample
    system = tomllib.loads((folder / "sample.toml").read_text("utf-8"))["system_prompt"]
    rows = map(json.loads, (folder / "examples.jsonl").read_text("utf-8").splitlines())
    return [
        {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": row["answer"]},
            ]
        }
        for row in rows
        if tag is None or tag in row["tags"]
    ]


def tokenize(model: Path, rows: list[dict[str, Any]]) -> list[TokenizedRow]:
    from transformers import AutoTokenizer

    from core.engine.models.chat_template import ChatTemplate
    from core.engine.training.tokenize_rows import tokenize_row

    template = ChatTemplate(AutoTokenizer.from_pretrained(model), {}, False)
    return [found for row in rows for found in tokenize_row(template, row, 8192)]


class Bench:
    """A model with an adapter, and one way to compute a step. `changes`: of the steps from the earlier one to today's."""

    def __init__(self, model: Path, changes: set[str], layers: int | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from core.engine.training.lora import add_adapter
        from core.engine.training.token_loss import TokenLoss

        base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
        adapter = resolve_auto("supervised", {"lora_num_layers": layers}, 100, [1e-4, 1e-4])
        torch.manual_seed(1)
        self.model = add_adapter(base, adapter)
        for layer in self.model.modules():  # the model's own forward passes are those of the classes
            if ("norm function" if type(layer).__name__.endswith("RMSNorm") else "lora function") not in changes:
                vars(layer).pop("forward", None)
        self.base, self.changes = base, changes
        if "eager attention" in changes:
            base.set_attn_implementation("eager")
        self.token_loss = TokenLoss(self.model, base, 0, "cpu")
        if "compile" in changes:
            base.model = torch.compile(base.model, dynamic=True)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, weight_decay=0.0, fused="fused" in changes)
        self.model.train()

    def prepare(self, rows: list[TokenizedRow]) -> None:
        if "tree" in self.changes:
            self.token_loss.choose_layout(rows)
            assert self.token_loss.is_tree
            if "matrix attention" not in self.changes:
                self.base.set_attn_implementation("sdpa")

    def step(self, batch: list[TokenizedRow]) -> None:
        import torch

        losses = self.token_loss.forward(batch)[0] if self.token_loss.is_tree else self.earlier_losses(batch)
        (losses.sum() / len(losses)).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def earlier_losses(self, rows: list[TokenizedRow]) -> Any:
        """As the engine computed them before: rows side by side, logits of the labels only."""
        import torch

        width = max(len(row.input_ids) for row in rows)
        ids = torch.tensor([row.input_ids + [0] * (width - len(row.input_ids)) for row in rows])
        mask = torch.tensor([[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows])
        labels = torch.tensor([row.labels + [IGNORE_INDEX] * (width - len(row.labels)) for row in rows])[:, 1:]
        learned = labels != IGNORE_INDEX
        hidden = self.base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
        logits = self.base.lm_head(hidden[learned]).float()
        return torch.nn.functional.cross_entropy(logits, labels[learned], reduction="none")


VARIANTS: dict[str, tuple[set[str], int | None]] = {
    "the earlier step": (set(), None),
    "eager attention": ({"eager attention"}, None),
    "LoRA as one function": ({"lora function"}, None),
    "a tree of tokens, torch's attention": ({"tree"}, None),
    "a tree of tokens, matrix attention": ({"tree", "matrix attention"}, None),
    "RMSNorm as one function": ({"norm function"}, None),
    "fused AdamW": ({"fused"}, None),
    "today's step (all but eager)": ({"lora function", "norm function", "tree", "matrix attention", "fused"}, None),
    "today's step, adapters in the upper third": (
        {"lora function", "norm function", "tree", "matrix attention", "fused"},
        10,
    ),
    "torch.compile of the earlier step": ({"compile"}, None),
}


def bench_step(arguments: argparse.Namespace) -> None:
    """One step of eight study rows, interleaved; then the share of the time that its products alone would need."""
    rows = tokenize(arguments.model, load_rows(arguments.sample, "study"))
    random.Random(1).shuffle(rows)
    chosen = {name: what for name, what in VARIANTS.items() if not arguments.variants or name in arguments.variants}
    benches = {name: Bench(arguments.model, *what) for name, what in chosen.items()}
    seconds: dict[str, list[float]] = {name: [] for name in benches}
    for name, bench in benches.items():
        bench.prepare(rows)
        start = processor_seconds()
        bench.step(rows[-BATCH_SIZE:])
        print(f"warmed up: {name}, {processor_seconds() - start:.1f} s", file=sys.stderr, flush=True)
    for number in range(arguments.repeats):
        batch = rows[number * BATCH_SIZE : (number + 1) * BATCH_SIZE]
        for name, bench in benches.items():
            start = processor_seconds()
            bench.step(batch)
            seconds[name].append(processor_seconds() - start)
    first = next(iter(seconds.values()))
    print("| step | processor s | ratio | from | to |\n|---|---:|---:|---:|---:|")
    for name, found in seconds.items():
        ratios = [one / other for one, other in zip(found, first, strict=True)]
        print(
            f"| {name} | {statistics.median(found):.2f} | **{statistics.median(ratios):.2f}** | {min(ratios):.2f} | {max(ratios):.2f} |"
        )
    print_flop_shares(benches, seconds, rows)


def print_flop_shares(benches: dict[str, Bench], seconds: dict[str, list[float]], rows: list[TokenizedRow]) -> None:
    """How much of a step's time its matrix products with the base weights would take at this processor's best speed."""
    import torch

    a, b = torch.randn(512, 2048).bfloat16(), torch.randn(2048, 2048).bfloat16()
    times = []
    for _ in range(10):
        start = processor_seconds()
        for _ in range(10):
            a @ b
        times.append((processor_seconds() - start) / 10)
    speed = 2 * 512 * 2048 * 2048 / min(times)
    print(
        f"\nThe best product: {speed / 1e9:.0f} GFLOP in a processor second. Forward and backward take 4 FLOP of each"
    )
    print("weight and token: tokens are counted without padding and, in the last column, without what rows share.\n")
    print("| step | of all tokens | of the tree's |\n|---|---:|---:|")
    from core.engine.training.tree_batch import tree_size

    batches = [
        rows[number * BATCH_SIZE : (number + 1) * BATCH_SIZE] for number in range(len(next(iter(seconds.values()))))
    ]
    for name, bench in benches.items():
        head = bench.base.lm_head.weight.numel()
        body = sum(p.numel() for n, p in bench.base.named_parameters() if "lora" not in n and p.ndim == 2) - head
        tied = bench.base.lm_head.weight is bench.base.model.embed_tokens.weight
        body -= 0 if tied else bench.base.model.embed_tokens.weight.numel()
        labels = sum(label != IGNORE_INDEX for batch in batches for row in batch for label in row.labels)
        needed = [4 * (body * size + head * labels) / speed for size in (
            sum(len(row.input_ids) for batch in batches for row in batch), sum(map(tree_size, batches)))]  # fmt: skip
        print(f"| {name} | {needed[0] / sum(seconds[name]):.0%} | {needed[1] / sum(seconds[name]):.0%} |")


def bench_jobs(arguments: argparse.Namespace) -> None:
    """Whole trainings, each in a process of its own: processor seconds of the training, and the process's peak memory."""
    if not arguments.trl:
        print("Left out: TRL. Give the Python of an environment with it: --trl PYTHON")
    print("| job | trainer | processor s | wall s | peak MB | loss |\n|---|---|---:|---:|---:|---:|")
    for title, (tag, epochs, batch_size) in JOBS.items():
        if arguments.jobs and title.split()[0] not in arguments.jobs:
            continue
        rows = load_rows(arguments.sample, tag)
        rate = catalog.load_catalog()[arguments.model.name].learning_rates[tag is None]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "training.jsonl"
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
            options = [str(arguments.model.resolve()), str(path), f"{folder}/out"]
            options += ["--epochs", str(epochs), "--batch-size", str(batch_size), "--rate", str(rate), "--seed", "1"]
            peers = {"the engine": [sys.executable, str(ROOT / "tools" / "bench_job.py"), *options]}
            if arguments.trl:
                trl = [str(arguments.trl), str(ROOT / "tools" / "bench_trl.py"), *options]
                peers |= {"TRL, defaults": trl, "TRL, no checkpointing": [*trl, "--no-checkpointing"]}
            for name, command in peers.items():
                found, peak = run(command)
                loss = "" if found["loss"] is None else f"{found['loss']:.3f}"
                print(
                    f"| {title} | {name} | {found['processor']:.1f} | {found['wall']:.1f} | {peak:.0f} | {loss} |",
                    flush=True,
                )


def run(command: list[str]) -> tuple[dict[str, Any], float]:
    """The last line of a process as JSON, and its peak memory in MB."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=log, env={**os.environ, "TQDM_DISABLE": "1"})
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        log.seek(0)
        lines = out.read().splitlines()
        if process.returncode:
            sys.exit(log.read().decode()[-4000:])
    return json.loads(lines[-1]), used.ru_maxrss / 1024
