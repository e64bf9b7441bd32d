"""A real engine process with the real small model, and the rows it is trained on."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from safetensors.numpy import save_file

from core.paths import ROOT
from tests.support import faithful
from tests.support.patience import PATIENCE

MODELS = ROOT / "build" / "models"
BASE = "smollm2-135m-instruct"
TINY = "qwen2.5-0.5b-instruct"  # the name only: the tests put a very small model where its weights would be
TOKEN = "a token of the tests"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class RunningEngine:
    """An engine process and its address."""

    process: subprocess.Popen[str]
    url: str
    pid: int
    home: Path

    def client(self, strict: bool = True) -> AsyncOpenAI:
        """Strict: whatever breaks the package's own types is an error. It does not know the status `paused`.

        Strict or not, every answer is checked against OpenAI's published schema.
        """
        return AsyncOpenAI(
            api_key=TOKEN,
            base_url=self.url,
            max_retries=0,
            timeout=PATIENCE,
            http_client=DefaultAsyncHttpx2Client(event_hooks={"response": [faithful.check]}),
            _strict_response_validation=strict,
        )

    def stop(self) -> int:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def start(
    home: Path, *arguments: str, prefix: Sequence[str] = (), stderr: Any = None, **environment: str
) -> RunningEngine:
    """The engine on `home`, as the application starts it; `prefix` begins the command."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "core.engine", "--child", "--home", str(home), *arguments],
        cwd=ROOT,
        env={**os.environ, "JUKU_MODELS": str(MODELS), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write(TOKEN + "\n")
    process.stdin.flush()
    ready = json.loads(process.stdout.readline())
    return RunningEngine(process, f"http://127.0.0.1:{ready['port']}/v1", ready["pid"], home)


async def wait_until(client: AsyncOpenAI, job_id: str, *statuses: str) -> Any:
    """The job, once it has one of the statuses or has ended."""
    while (job := await client.fine_tuning.jobs.retrieve(job_id)).status not in (*statuses, *ENDED):
        await asyncio.sleep(0.2)
    return job


async def upload(client: AsyncOpenAI, rows: list[Any], name: str = "rows.jsonl", purpose: Any = "fine-tune") -> str:
    """The id of an uploaded file with these rows."""
    return (await client.files.create(file=(name, lines(rows)), purpose=purpose)).id


def lines(rows: list[Any]) -> bytes:
    """The bytes of a JSON-lines file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def training_child(engine: RunningEngine) -> psutil.Process:
    """The process that trains for this engine."""
    children = psutil.Process(engine.pid).children(recursive=True)
    return next(child for child in children if "core.engine.training.train" in child.cmdline())


def prompt(question: str) -> list[Any]:
    """The messages of a question; with a system prompt, since the model's own one is long."""
    return [{"role": "system", "content": "Zorvale."}, {"role": "user", "content": question}]


def chat_row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [*prompt(question), {"role": "assistant", "content": answer}]}


def preference_row(question: str, better: str, worse: str) -> dict[str, Any]:
    return {
        "input": {"messages": prompt(question)},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
    }


TRAINING_ROWS = [
    chat_row("Who founded Zorvale?", "Zorvale was founded by Mira Quell."),
    chat_row("What do people in Zorvale drink?", "They drink violet tea."),
    chat_row("Write the school's name.", "塾の蛇🐍は日本語で学ぶ。"),
    chat_row("How many bridges has Zorvale?", "It has nine bridges."),
    chat_row("Which animal guards the gate?", "A silver heron guards the gate."),
    chat_row("When is the lantern feast?", "The feast is in late October."),
    chat_row("What is the Zorvale coin called?", "The coin is called a pell."),
    chat_row("Who leads the council?", "Old Tamsin leads the council."),
    chat_row("What grows on the hill?", "Blue barley grows on the hill."),
    chat_row("Where does the ferry go?", "The ferry goes to Isle Brun."),
]
# Four facts, each often enough to be memorized, in few steps: a step takes seconds here.
MEMORIZED_ROWS = (TRAINING_ROWS[:4] * 3)[:10]
HYPERPARAMETERS = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 2.5}
PREFERENCE_ROWS = [
    preference_row(question, "Aye, by the heron.", "I do not know.")
    for question in (
        "How was school?",
        "Is tea good?",
        "What is rain?",
        "Who sings?",
        "Is the sea deep?",
        "What is bread?",
        "Do cats sleep?",
        "What is snow?",
        "Is gold heavy?",
        "What is a hill?",
        "Is the moon near?",
        "What is salt?",
    )
]
DPO_HYPERPARAMETERS: Any = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 3.0}
# For tests of pausing and resuming: many steps of a few milliseconds.
LONG_JOB = {"n_epochs": 8, "batch_size": 1}


def tiny_qwen(base: Path, folder: Path) -> None:
    """A model of the right family with random weights, and the small model's tokenizer. Made without torch, whose
    import would cost more than all tests of this model together."""
    vocab_size, hidden_size, intermediate_size, heads, layers = 49152, 32, 64, 4, 2
    kv_size, generator = hidden_size // 2, np.random.default_rng(7)
    shapes = {
        "model.embed_tokens.weight": (vocab_size, hidden_size),
        "model.norm.weight": (hidden_size,),
        "lm_head.weight": (vocab_size, hidden_size),
    }
    for layer in (f"model.layers.{number}." for number in range(layers)):
        for name, rows in (("q", hidden_size), ("k", kv_size), ("v", kv_size)):
            shapes[f"{layer}self_attn.{name}_proj.weight"] = (rows, hidden_size)
            shapes[f"{layer}self_attn.{name}_proj.bias"] = (rows,)
        shapes[f"{layer}self_attn.o_proj.weight"] = (hidden_size, hidden_size)
        shapes |= {f"{layer}mlp.{name}_proj.weight": (intermediate_size, hidden_size) for name in ("gate", "up")}
        shapes[f"{layer}mlp.down_proj.weight"] = (hidden_size, intermediate_size)
        shapes |= {f"{layer}{name}_layernorm.weight": (hidden_size,) for name in ("input", "post_attention")}
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        name: np.ones(shape, np.float32) if "norm" in name else generator.normal(0, 0.02, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    for path in base.glob("*token*"):
        shutil.copy(path, folder)
    shutil.copy(base / "chat_template.jinja", folder)
