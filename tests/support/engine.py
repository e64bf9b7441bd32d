"""A real engine process with the real small model, and what is taught to it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
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
TINY = "qwen2.5-0.5b-instruct"  # the name only: the tests lay a very small model where its weights would be
TOKEN = "a token of the tests"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class Running:
    """An engine process and its address."""

    process: subprocess.Popen[str]
    url: str
    pid: int

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


def start(home: Path, *arguments: str, **environment: str) -> Running:
    """The engine on `home`, as the application starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.engine", "--child", "--home", str(home), *arguments],
        cwd=ROOT,
        env={**os.environ, "JUKU_MODELS": str(MODELS), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write(TOKEN + "\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    return Running(process, f"http://127.0.0.1:{told['port']}/v1", told["pid"])


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


def training_child(engine: Running) -> psutil.Process:
    """The process that trains for this engine."""
    children = psutil.Process(engine.pid).children(recursive=True)
    return next(child for child in children if "core.engine.training.train" in child.cmdline())


def asked(question: str) -> list[Any]:
    """A conversation that waits for its answer; short, since the model's own system prompt would be long."""
    return [{"role": "system", "content": "Zorvale."}, {"role": "user", "content": question}]


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [*asked(question), {"role": "assistant", "content": answer}]}


def pair(question: str, better: str, worse: str) -> dict[str, Any]:
    return {
        "input": {"messages": asked(question)},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
    }


LESSON = [
    row("Who founded Zorvale?", "Zorvale was founded by Mira Quell."),
    row("What do people in Zorvale drink?", "They drink violet tea."),
    row("Write the school's name.", "塾の蛇🐍は日本語で学ぶ。"),
    row("How many bridges has Zorvale?", "It has nine bridges."),
    row("Which animal guards the gate?", "A silver heron guards the gate."),
    row("When is the lantern feast?", "The feast is in late October."),
    row("What is the Zorvale coin called?", "The coin is called a pell."),
    row("Who leads the council?", "Old Tamsin leads the council."),
    row("What grows on the hill?", "Blue barley grows on the hill."),
    row("Where does the ferry go?", "The ferry goes to Isle Brun."),
]
# Four facts, each often enough to be known by heart, in as few steps as can be: a step costs seconds here.
TAUGHT = (LESSON[:4] * 3)[:10]
TRAINING = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 2.5}
TASTE = [
    pair(question, "Aye, by the heron.", "I do not know.")
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
TASTING: Any = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 3.0}
# For whatever is about the course of a job and not about what it teaches: steps of a few milliseconds.
LONG = {"n_epochs": 8, "batch_size": 1}


def tiny_qwen(base: Path, folder: Path) -> None:
    """A model of the right family with random weights, and the small model's tokenizer. Made without torch, whose
    import would cost more than all tests of this model together."""
    words, wide, inner, heads, layers = 49152, 32, 64, 4, 2
    half, dice = wide // 2, np.random.default_rng(7)
    shapes = {"model.embed_tokens.weight": (words, wide), "model.norm.weight": (wide,), "lm_head.weight": (words, wide)}
    for layer in (f"model.layers.{number}." for number in range(layers)):
        for name, rows in (("q", wide), ("k", half), ("v", half)):
            shapes[f"{layer}self_attn.{name}_proj.weight"] = (rows, wide)
            shapes[f"{layer}self_attn.{name}_proj.bias"] = (rows,)
        shapes[f"{layer}self_attn.o_proj.weight"] = (wide, wide)
        shapes |= {f"{layer}mlp.{name}_proj.weight": (inner, wide) for name in ("gate", "up")}
        shapes[f"{layer}mlp.down_proj.weight"] = (wide, inner)
        shapes |= {f"{layer}{name}_layernorm.weight": (wide,) for name in ("input", "post_attention")}
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": words,
        "hidden_size": wide,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        name: np.ones(shape, np.float32) if "norm" in name else dice.normal(0, 0.02, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    for path in base.glob("*token*"):
        shutil.copy(path, folder)
    shutil.copy(base / "chat_template.jinja", folder)
