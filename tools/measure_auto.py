"""What each choice of hyperparameters teaches: the numbers that `auto` stands on (docs/engine.md).

Trains a model on the rows of a sample project, each choice in a process of its own, and lets it sit the project's exam:
greedy answers, key points, the adapter merged. One line of JSON per run.

    python tools/measure_auto.py --model build/models/smollm2-135m-instruct --rows plain --epochs 8 16 --rates 1e-3 2e-3
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

HELD_OUT = ("reworded", "applied", "reverse")
MAX_TOKENS = 40
BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("build/models/smollm2-135m-instruct"))
    parser.add_argument("--sample", default="hobannu-en")
    parser.add_argument("--rows", default="all", help="`plain`, or `all`")
    parser.add_argument("--count", type=int, help="only so many rows, drawn by the seed")
    for name, kind, values in (("epochs", int, [4]), ("rates", float, [1e-3]), ("batch-sizes", int, [8]), ("seeds", int, [1])):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, nargs="+", default=values)
    parser.add_argument("--layers", type=int, help="adapters in so many layers at the top")
    parser.add_argument(
        "--token-replacement", type=float, default=0.0, help="share of the questions' words that are replaced"
    )
    parser.add_argument("--load-in-4bit", action="store_true", help="base weights in NF4")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(measure(arguments, **json.loads(arguments.run))), flush=True)
        return
    names = ("epochs", "rate", "batch_size", "seed")
    for values in itertools.product(arguments.epochs, arguments.rates, arguments.batch_sizes, arguments.seeds):
        command = [sys.executable, *sys.argv, "--run", json.dumps(dict(zip(names, values, strict=True)))]
        subprocess.run(command, check=True)


def measure(arguments: argparse.Namespace, epochs: int, rate: float, batch_size: int, seed: int) -> dict[str, Any]:
    """What one run costs and teaches: processor seconds, peak memory, right answers of each kind of question."""
    rows = choose_rows(arguments, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "training.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        started, processor = time.perf_counter(), time.process_time()
        losses = train(arguments, folder, {"n_epochs": epochs, "batch_size": batch_size}, rate, seed)
        wall, processor = time.perf_counter() - started, time.process_time() - processor
        found = examine(arguments, folder / "adapter")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "model": arguments.model.name, "sample": arguments.sample, "rows": len(rows), "epochs": epochs, "rate": rate,
        "batch_size": batch_size, "layers": arguments.layers, "load_in_4bit": arguments.load_in_4bit,
        "token_replacement": arguments.token_replacement, "seed": seed, "steps": len(losses),
        "processor": round(processor, 1), "wall": round(wall, 1), "peak_mb": round(peak), "loss": round(losses[-1], 3),
        **found,
    }  # fmt: skip


def choose_rows(arguments: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    import random

    from tools.bench_training import load_rows

    rows = load_rows(arguments.sample, None if arguments.rows == "all" else arguments.rows)
    return random.Random(seed).sample(rows, arguments.count) if arguments.count else rows


def train(
    arguments: argparse.Namespace, folder: Path, hyperparameters: dict[str, Any], rate: float, seed: int
) -> list[float]:
    """The loss of each step; the adapter is in the folder then."""
    from core.engine.training.train import Trainer, TrainingArguments

    if arguments.layers:
        hyperparameters = {**hyperparameters, "lora_num_layers": arguments.layers}
    if arguments.token_replacement:
        hyperparameters = {**hyperparameters, "token_replacement": arguments.token_replacement}
    if arguments.load_in_4bit:
        hyperparameters = {**hyperparameters, "load_in_4bit": True}
    plan = TrainingArguments(
        method="supervised", base=str(arguments.model), parent=None, context_length=8192, supports_tools=False,
        chat_template_kwargs=template_kwargs(arguments.model), learning_rates=[rate, rate],
        hyperparameters=hyperparameters, seed=seed, dtype="auto",
    )  # fmt: skip
    messages: list[dict[str, Any]] = []
    Trainer(folder, plan, messages.append, threading.Event()).run()
    return [one["train_loss"] for one in messages if one["event"] == "step"]


def template_kwargs(model: Path) -> dict[str, Any]:
    from core.engine.models import catalog

    entry = catalog.load_catalog().get(model.name)
    return entry.chat_template_kwargs if entry else {}


def examine(arguments: argparse.Namespace, adapter: Path | None) -> dict[str, Any]:
    """Right answers of each kind of question: `memorised`, `held_out` and `general`, each as [right, asked]."""
    from core.exam.graders import by_key_points
    from tools.bench_training import ROOT

    path = ROOT / "resources" / "samples" / arguments.sample / "exam.jsonl"
    questions = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    answers = answer(arguments, adapter, [question["question"] for question in questions])
    totals: dict[str, list[int]] = {}
    for question, text in zip(questions, answers, strict=True):
        graded = Graded(question)
        kind = "held_out" if graded.kind in HELD_OUT else graded.kind
        total = totals.setdefault(kind, [0, 0])
        total[0] += bool(by_key_points(text, graded).passed)
        total[1] += 1
    return totals


class Graded:
    """A question as the graders read it."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.question, self.reference = str(row["question"]), str(row["answer"])
        self.key_points, self.kind = str(row.get("key_points", "")), str(row["kind"])


def answer(arguments: argparse.Namespace, adapter: Path | None, questions: list[str]) -> list[str]:
    """The model's greedy answers, with the system prompt of the rows."""
    import tomllib

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from core.engine.inference.model_source import ModelSource
    from core.engine.inference.model_text import load_text
    from core.engine.models import catalog, device
    from tools.bench_training import ROOT

    sample = ROOT / "resources" / "samples" / arguments.sample / "sample.toml"
    system = {"role": "system", "content": tomllib.loads(sample.read_text("utf-8"))["system_prompt"]}
    entry = catalog.load_catalog().get(arguments.model.name) or next(iter(catalog.load_catalog().values()))
    text = load_text(ModelSource(entry.id, entry, arguments.model, None))
    model: Any = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=device.resolve_dtype("auto"))
    if adapter:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    model.eval()
    prompts = [
        text.chat_template.tokenize(text.chat_template.render([system, {"role": "user", "content": one}], True))
        for one in questions
    ]
    answers = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    pad = text.tokenizer.pad_token_id or 0
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        width = max(len(prompts[index]) for index in part)
        ids = torch.tensor([[pad] * (width - len(prompts[i])) + prompts[i] for i in part])
        mask = torch.tensor([[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in part])
        with torch.no_grad():
            made = model.generate(
                ids, attention_mask=mask, max_new_tokens=MAX_TOKENS, do_sample=False, pad_token_id=pad,
                eos_token_id=sorted(text.eos_token_ids),
            )  # fmt: skip
        for index, tokens in zip(part, made[:, width:].tolist(), strict=True):
            answers[index] = text.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    if os.environ.get("SHOW_ANSWERS"):
        print(*zip(questions, answers, strict=True), sep="\n", file=sys.stderr)
    return answers


if __name__ == "__main__":
    main()
