"""What recording an exam's answers costs, against the bare client with a commit for each answer.

The server answers at once, in a process of its own; processor milliseconds of this process for each answer.
"""

import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.dataset.examples import Example, add, read_row
from core.exam import runs
from core.exam.runs import ExamPlan, ExamSubject
from core.formats import jsonl
from core.progress import Reporter
from core.providers import Provider
from core.storage.project import Project

QUESTIONS, REPEATS = 400, int(os.environ.get("REPEATS", "3"))
ANSWER = "The gate is opened by the heron before the rain comes, on every second morning of the month."
MODEL = "model"


class Routes(BaseHTTPRequestHandler):
    """Answers chat requests, streamed by words or in one piece."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing is written."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        head = {"id": "chatcmpl-1", "created": 1, "model": MODEL, "system_fingerprint": "fp"}
        usage = {"prompt_tokens": 20, "completion_tokens": 20, "total_tokens": 40}
        kind, data = "application/json", b""
        if asked.get("stream"):
            kind = "text/event-stream"
            head["object"] = "chat.completion.chunk"
            deltas: list[Any] = [{"content": f"{word} "} for word in ANSWER.split()]
            chunks = [{**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]} for one in deltas]
            chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            chunks.append({**head, "choices": [], "usage": usage})
            data = "".join(f"data: {json.dumps(one)}\n\n" for one in [*chunks]).encode() + b"data: [DONE]\n\n"
        else:
            message = {"role": "assistant", "content": ANSWER}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            data = json.dumps({**head, "object": "chat.completion", "choices": choices, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Streaming(Provider):
    """As it was: every answer is streamed."""

    async def chat(self, model: str, messages: Any, sampling: Any, on_text: Any = None, *rest: Any, **more: Any) -> Any:
        return await super().chat(model, messages, sampling, on_text or (lambda _index, _text: None), *rest, **more)


async def record(kind: type[Provider], url: str, folder: Path) -> float:
    """Processor seconds of an exam, from its stored questions to its stored answers."""
    project = Project(folder / "p.juku")
    provider = kind("fake", "Fake", url, "key")
    rows = [_question(number) for number in range(QUESTIONS)]
    await project.write("", lambda db: add(db, rows))
    run = await runs.begin(project, ExamPlan([ExamSubject("fake", MODEL)]), Reporter())
    await provider.client()

    async def connect(_id: str) -> Provider:
        return provider

    started = time.process_time()
    await runs.resume(project, connect, run, Reporter())
    taken = time.process_time() - started
    await provider.close()
    project.close()
    return taken


async def bare(url: str, folder: Path) -> float:
    """Processor seconds of the openai package with a commit for each answer."""
    from openai import AsyncOpenAI

    db = sqlite3.connect(folder / "bare.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE answer (id INTEGER PRIMARY KEY, text TEXT, model TEXT)")
    client, limit = AsyncOpenAI(base_url=url, api_key="key"), asyncio.Semaphore(Provider.at_once)

    async def ask(number: int) -> None:
        async with limit:
            messages: Any = [{"role": "user", "content": f"Question number {number}?"}]
            found = await client.chat.completions.create(model=MODEL, messages=messages, temperature=0, max_tokens=512)
            db.execute(
                "INSERT INTO answer (text, model) VALUES (?, ?)", (found.choices[0].message.content, found.model)
            )
            db.commit()

    await ask(0)
    started = time.process_time()
    await asyncio.gather(*(ask(number) for number in range(QUESTIONS)))
    taken = time.process_time() - started
    await client.close()
    db.close()
    return taken


def _question(number: int) -> Example:
    row = jsonl.new_row("", f"Question number {number}?", "The heron.")
    return read_row(row, split="test", kind="reworded", key_points="heron")


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Routes)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    process = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    url = f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    taken: dict[str, list[float]] = {"the bare client": [], "the exam": [], "the exam, streamed": []}
    try:
        for _ in range(REPEATS):
            for name, found in taken.items():
                with tempfile.TemporaryDirectory() as folder:
                    work = {"the exam": Provider, "the exam, streamed": Streaming}.get(name)
                    found.append(asyncio.run(record(work, url, Path(folder)) if work else bare(url, Path(folder))))
    finally:
        process.kill()
    first = taken["the bare client"]
    print("| | ms of the processor for an answer | ratio | each run |\n|---|---:|---:|---|")
    for name, found in taken.items():
        ratios = [one / other for one, other in zip(found, first, strict=True)]
        each = ", ".join(f"{one:.2f}" for one in sorted(ratios))
        print(
            f"| {name} | {statistics.median(found) * 1000 / QUESTIONS:.2f} | {statistics.median(ratios):.2f} | {each} |"
        )


if __name__ == "__main__":
    main()
