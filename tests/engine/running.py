"""A real engine process with the real small model, and what is taught to it."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "build" / "models"
BASE = "smollm2-135m-instruct"
TOKEN = "a token of the tests"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class Running:
    """An engine process and its address."""

    process: subprocess.Popen[str]
    url: str
    pid: int

    def client(self, token: str = TOKEN) -> AsyncOpenAI:
        return AsyncOpenAI(
            api_key=token, base_url=self.url, max_retries=0, timeout=300, _strict_response_validation=True
        )

    def stop(self) -> int:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(20)
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


async def wait_for_event(client: AsyncOpenAI, job_id: str, kind: str) -> None:
    """Return when the job has an event of the kind `metrics` or `message`."""
    while not any(e.type == kind for e in (await client.fine_tuning.jobs.list_events(job_id, limit=100)).data):
        await asyncio.sleep(0.1)


async def upload(client: AsyncOpenAI, rows: list[Any], name: str = "rows.jsonl") -> str:
    """The id of an uploaded file with these rows."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return (await client.files.create(file=(name, data), purpose="fine-tune")).id


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


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
    row("What colour is the flag?", "The flag is orange and black."),
    row("Which song opens the fair?", "The fair opens with The Long Oar."),
]
TRAINING = {"n_epochs": 6, "batch_size": 6, "learning_rate_multiplier": 2.0}
