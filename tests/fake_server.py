"""A server that speaks the part of the OpenAI protocol that Juku uses, from a script: real HTTP on the loopback."""

import json
import re
import socket
import threading
import time
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.providers import Provider

KEY = "sk-test"
FINGERPRINT = "fp_test"


@dataclass
class Answer:
    """One scripted reply. Each text is streamed in words; with `hold` the stream waits for it after the first words."""

    texts: list[str]
    finish: bool = True  # False: the stream ends without a finish reason
    hold: threading.Event | None = None
    error: tuple[int, str] | None = None


class FakeServer:
    """Jobs stay as they are until the test moves them; answers come from a queue per model."""

    def __init__(self) -> None:
        self.models = {"base-model": 1}  # id: created
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, dict] = {}
        self.events: dict[str, list[dict]] = {}
        self.asked: list[dict] = []  # the bodies of chat requests
        self.creations = 0
        self.lose_request = False  # a creation is dropped before it is accepted
        self.lose_answer = False  # a creation is accepted, and its answer is lost
        self.faults = 0  # so many of the next requests about a job answer 500
        self.html = False
        self.script: Callable[[dict], Answer] | None = None  # makes the answer to a chat request instead of the queue
        self.no_schema = False  # a wish for structured output is refused
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)
        self._holds: list[threading.Event] = []
        self.connections: set[socket.socket] = set()

    def __enter__(self) -> "FakeServer":
        routes = type("Routes", (_Routes,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), routes)
        self._http.daemon_threads = False  # so that closing waits for them
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()
        self._http.shutdown()
        for connection in self.connections.copy():  # one that was opened and never used would be read for ever
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def provider(self, key: str = KEY) -> Provider:
        """The real provider for this server; it asks without waiting, since here nothing takes time."""
        provider = Provider("fake", "Fake", self.url, key)
        provider.poll_seconds = 0.01
        return provider

    def answer(self, model: str, *texts: str, **how: object) -> Answer:
        made = Answer(list(texts), **how)
        self._answers[model].append(made)
        self._holds += [made.hold] if made.hold else []
        return made

    def next_answer(self, asked: dict) -> Answer:
        if self.no_schema and "response_format" in asked:
            return Answer([], error=(400, "response_format is not supported"))
        if self.script:
            made = self.script(asked)
            self._holds += [made.hold] if made.hold else []
            return made
        queue = self._answers[asked["model"]]
        return queue.popleft() if queue else Answer([f"{asked['model']} answers."] * asked.get("n", 1))

    def release(self) -> None:
        """Let go on with all answers that are held."""
        for hold in self._holds:
            hold.set()

    def create(self, asked: dict) -> dict:
        self.creations += 1
        id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[id] = {
            "id": id, "object": "fine_tuning.job", "model": asked["model"], "created_at": int(time.time()),
            "status": "running", "fine_tuned_model": None, "finished_at": None, "result_files": [], "seed": 1,
            "training_file": asked["training_file"], "validation_file": None, "organization_id": "o",
            "hyperparameters": {}, "trained_tokens": None, "metadata": asked.get("metadata"), "asked": asked,
            "error": {"code": None, "message": None, "param": None},
        }  # fmt: skip
        self.events[id] = []
        self.note(id, "The job has started")
        return self.jobs[id]

    def note(self, job: str, message: str, data: dict | None = None) -> None:
        event = {"id": f"ftevent-{job}-{len(self.events[job])}", "object": "fine_tuning.job.event", "level": "info"}
        event |= {"created_at": int(time.time()), "message": message, "type": "metrics" if data else "message"}
        self.events[job].append(event | ({"data": data} if data else {}))

    def step(self, job: str, step: int, total: int, loss: float) -> None:
        data = {"step": step, "total_steps": total, "train_loss": loss}
        self.note(job, f"Step {step}/{total}: training loss={loss:.2f}", data)

    def end(self, job: str, status: str, **fields: object) -> None:
        """End a job; a succeeded one leaves a model."""
        if status == "succeeded":
            suffix = self.jobs[job]["asked"].get("suffix", "")
            fields["fine_tuned_model"] = f"ft:{self.jobs[job]['model']}:local:{suffix}:{job}"
            self.models[fields["fine_tuned_model"]] = 100 + len(self.jobs)
        self.note(job, f"The job has {status}")
        self.jobs[job] |= {"status": status, "finished_at": int(time.time()), **fields}


class _Routes(BaseHTTPRequestHandler):
    fake: FakeServer  # HTTP/1.0: each request has a connection of its own, so that none is left open

    def handle(self) -> None:
        self.fake.connections.add(self.connection)
        with suppress(ConnectionError):  # the client has stopped listening
            super().handle()
        self.fake.connections.discard(self.connection)

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        parts, query = url.path.removeprefix("/v1/").split("/"), dict(urllib.parse.parse_qsl(url.query))
        if self.fake.html:
            return self._send(200, b"<html>Welcome</html>", "text/html")
        if self._refused() or (parts[0] == "fine_tuning" and self._faulty()):
            return None
        match parts:
            case ["models"]:
                return self._list([self._model(*model) for model in self.fake.models.items()])
            case ["fine_tuning", "jobs"]:
                return self._list([job for job in self.fake.jobs.values() if self._wanted(job, query)][::-1])
            case ["fine_tuning", "jobs", id] if id in self.fake.jobs:
                return self._json(self.fake.jobs[id])
            case ["fine_tuning", "jobs", id, "events"] if id in self.fake.jobs:
                return self._list(self.fake.events[id][::-1], query)
            case ["fine_tuning", "jobs", _id, "checkpoints"]:
                return self._list([])
        return self._error(404, "Unknown request URL", "unknown_url")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self._refused():
            return None
        match self.path.removeprefix("/v1/").split("/"):
            case ["files"]:
                return self._upload(body)
            case ["fine_tuning", "jobs"]:
                return self._create(json.loads(body))
            case ["fine_tuning", "jobs", id, "cancel"]:
                self.fake.end(id, "cancelled")
                return self._json(self.fake.jobs[id])
            case ["chat", "completions"]:
                return self._chat(json.loads(body))
        return self._error(404, "Unknown request URL", "unknown_url")

    def _refused(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {KEY}":
            return False
        self._error(401, "Incorrect API key provided.", "invalid_api_key")
        return True

    def _faulty(self) -> bool:
        if not self.fake.faults:
            return False
        self.fake.faults -= 1
        self._error(500, "The server had an error.", "server_error")
        return True

    def _upload(self, body: bytes) -> None:
        id, parts = f"file-{len(self.fake.files) + 1}", re.split(rb"\r\n--", body)
        self.fake.files[id] = next(part for part in parts if b"filename=" in part).partition(b"\r\n\r\n")[2]
        file = {"object": "file", "bytes": len(body), "created_at": 1, "filename": "juku.jsonl", "status": "processed"}
        self._json({"id": id, "purpose": "fine-tune", **file})

    def _create(self, asked: dict) -> None:
        if self.fake.lose_request:
            return
        job = self.fake.create(asked)
        if not self.fake.lose_answer:
            self._json(job)

    def _wanted(self, job: dict, query: dict) -> bool:
        return all((job["metadata"] or {}).get(key[9:-1]) == query[key] for key in query if key.startswith("metadata["))

    def _model(self, id: str, created: int) -> dict:
        return {"id": id, "object": "model", "created": created, "owned_by": "test"}

    def _list(self, items: list[dict], query: dict | None = None) -> None:
        after = (query or {}).get("after")
        start = [item["id"] for item in items].index(after) + 1 if after else 0
        page = items[start : start + int((query or {}).get("limit", 100))]
        self._json({"object": "list", "data": page, "has_more": start + len(page) < len(items)})

    def _chat(self, asked: dict) -> None:
        self.fake.asked.append(asked)
        answer = self.fake.next_answer(asked)
        if answer.error:
            return self._error(*answer.error, "scripted")
        head = {"id": "chatcmpl-1", "created": 1, "model": asked["model"], "system_fingerprint": FINGERPRINT}
        usage = {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}
        if asked.get("stream"):
            return self._stream(answer, {**head, "object": "chat.completion.chunk"}, usage)
        texts = [{"role": "assistant", "content": text} for text in answer.texts]
        choices = [{"index": i, "message": text, "finish_reason": "stop"} for i, text in enumerate(texts)]
        return self._json({**head, "object": "chat.completion", "choices": choices, "usage": usage})

    def _stream(self, answer: Answer, head: dict, usage: dict) -> None:
        self._head(200, "text/event-stream")
        for words, waits in _pieces(answer):
            for index, delta in words:
                self._event({**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})
            if waits and answer.hold:
                answer.hold.wait()
        if answer.finish:
            ends = [{"index": i, "delta": {}, "finish_reason": "stop"} for i in range(len(answer.texts))]
            self._event({**head, "choices": ends})
            self._event({**head, "choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: dict) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def _json(self, value: dict) -> None:
        self._send(200, json.dumps(value).encode(), "application/json")

    def _error(self, status: int, message: str, code: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self._send(status, json.dumps({"error": error}).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self._head(status, kind)
        self.wfile.write(data)

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("x-should-retry", "false")
        self.end_headers()


def _pieces(answer: Answer) -> list[tuple[list[tuple[int, dict]], bool]]:
    """The deltas of a stream: first the first word of every text, then the rest of each."""
    split = [re.findall(r"\S+\s*", text) for text in answer.texts]
    first = [(index, {"role": "assistant", "content": words[0] if words else ""}) for index, words in enumerate(split)]
    rest = [(index, {"content": word}) for index, words in enumerate(split) for word in words[1:]]
    return [(first, True), (rest, False)]
