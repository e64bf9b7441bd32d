"""A server that speaks the part of the OpenAI protocol that Juku uses, from a script: real HTTP on the loopback."""

import array
import base64
import json
import re
import socket
import threading
import time
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.providers import Provider
from core.settings import ProviderSettings, Settings

KEY = "sk-test"
FINGERPRINT = "fp_test"


@dataclass
class Fault:
    """Bad weather for one request. `kind`: 'status' answers `status`; 'reset' cuts the line before the request is
    accepted; 'lose' accepts it and cuts the line; 'html', 'empty', 'malformed' and 'truncated' answer 200 with something else;
    'stall' never answers.
    """

    kind: str = "status"
    status: int = 500
    code: str = "server_error"
    message: str = "The server had an error."
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None  # instead of OpenAI's form of an error


@dataclass
class Answer:
    """One scripted reply. Each text is streamed in words; with `hold` the stream waits for it after the first words."""

    texts: list[str]
    finish: bool = True  # False: the stream ends without a finish reason
    hold: threading.Event | None = None
    error: tuple[int, str] | None = None
    model: str = ""  # that is said to have answered; '' is the one that was asked
    fingerprint: str = ""


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
        self.weather: Callable[[str, str], Fault | None] = lambda _method, _path: None  # of a request
        self.accepted: Callable[[str, str], None] = lambda _method, _path: None  # called before each answer
        self.requests: list[tuple[str, str, bytes]] = []  # method, path with query, body: all that came
        self.heads: list[dict[str, str]] = []  # the headers of all that came, with names in lower case
        self.headers: dict[str, str] = {}  # sent with every answer that is no fault
        self.key = KEY  # the one that is accepted
        self.without: set[str] = set()  # first parts of routes that this server does not have: "batches", "pause", …
        self.names: dict[str, str] = {}  # of files
        self.purposes: dict[str, str] = {}
        self.states: dict[str, str] = {}  # of files that are not "processed"
        self.checkpoints: dict[str, list[dict]] = {}
        self.shutdown: dict[str, str] = {}  # model: day
        self.batches: dict[str, dict] = {}
        self.called: dict | None = None  # the tool call that answers a request with tools
        self.flagged: dict[str, list[str]] = {}  # text: categories
        self.first_only = False  # of several texts only the first is answered to, of several answers one is given
        self.endless = False  # has_more is always true, and `after` ignored
        self.limits: dict[str, dict[str, int]] = {}
        self._stalled = threading.Event()
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)
        self._holds: list[threading.Event] = []
        self.connections: set[socket.socket] = set()

    def handler(self) -> type["Routes"]:
        """What handles the requests; a server with more routes has its own."""
        return Routes

    def __enter__(self) -> "FakeServer":
        routes = type("Routes", (self.handler(),), {"fake": self})
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

    def settle(self) -> None:
        """Wait until all is handled that came from a process which has ended: it would be done beside the next one's requests."""
        with socket.create_connection(self._http.server_address) as last:  # accepted after all that came before
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        self._http._threads.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def provider(self, key: str = KEY) -> Provider:
        """The real provider for this server; it asks without waiting, since here nothing takes time."""
        provider = Provider("fake", "Fake", self.url, key)
        provider.poll_seconds = 0.01
        return provider

    def settings(self, **fields: object) -> Settings:
        """Settings in which this server is the only one, and the chosen one; `fields` of its entry differ."""
        return Settings("en", provider="fake", providers=[ProviderSettings("fake", "Fake", self.url, **fields)])

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
        self._stalled.set()
        for hold in self._holds:
            hold.set()

    def create(self, asked: dict) -> dict:
        self.creations += 1
        id = f"ftjob-{self.creations}"
        self.jobs[id] = {
            "id": id, "object": "fine_tuning.job", "model": asked["model"], "created_at": int(time.time()),
            "status": "running", "fine_tuned_model": None, "finished_at": None, "result_files": [], "seed": 1,
            "training_file": asked["training_file"], "validation_file": asked.get("validation_file"), "organization_id": "o",
            "hyperparameters": {}, "trained_tokens": None, "metadata": asked.get("metadata"), "asked": asked,
            "error": {"code": None, "message": None, "param": None},
        }  # fmt: skip
        self.events[id], self.checkpoints[id] = [], []
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

    def checkpoint(self, job: str, step: int, **metrics: float) -> None:
        model = f"ft:{self.jobs[job]['model']}:local::{job}:ckpt-step-{step}"
        self.models[model] = 100 + len(self.models)
        self.checkpoints[job].append(
            {"id": f"ftckpt_{job}_{step}", "object": "fine_tuning.job.checkpoint", "created_at": int(time.time()),
             "fine_tuned_model_checkpoint": model, "fine_tuning_job_id": job, "step_number": step, "metrics": metrics}
        )  # fmt: skip

    def keep(self, data: bytes, name: str, purpose: str) -> dict:
        """A new file; its object."""
        id = f"file-{len(self.names) + 1}"
        self.files[id], self.names[id], self.purposes[id] = data, name, purpose
        return self.file(id)

    def file(self, id: str) -> dict:
        told = {"filename": self.names[id], "purpose": self.purposes[id], "bytes": len(self.files[id])}
        status = self.states.get(id, "processed")
        return {"id": id, "object": "file", "created_at": int(time.time()), "status": status, **told}

    def finish_batch(self, id: str, answer: Callable[[dict], dict | Exception], status: str = "completed") -> None:
        """End a batch: `answer` makes of each line's body a response's body, or an error of that line."""
        batch = self.batches[id]
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        done, failed = [], []
        for line in lines:
            made = answer(line["body"])
            wrong = isinstance(made, Exception)
            body = {"error": {"message": str(made), "code": "scripted"}} if wrong else made
            response = {"status_code": 500 if wrong else 200, "request_id": "r", "body": body}
            entry = {"id": f"batch_req_{line['custom_id']}", "custom_id": line["custom_id"], "response": response}
            (failed if wrong else done).append({**entry, "error": None})
        for kind, entries in (("output", done[::-1]), ("error", failed)):
            if entries:
                data = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
                batch[f"{kind}_file_id"] = self.keep(data, f"{kind}.jsonl", "batch_output")["id"]
        counts = {"total": len(lines), "completed": len(done), "failed": len(failed)}
        batch |= {"status": status, "request_counts": counts}

    def create_batch(self, asked: dict) -> dict:
        id = f"batch_{len(self.batches) + 1}"
        counts = {"total": 0, "completed": 0, "failed": 0}
        self.batches[id] = {
            "id": id, "object": "batch", "created_at": int(time.time()), "status": "in_progress", "output_file_id": None,
            "error_file_id": None, "errors": None, "request_counts": counts, **asked,
        }  # fmt: skip
        return self.batches[id]


class Routes(BaseHTTPRequestHandler):
    fake: FakeServer  # HTTP/1.0: each request has a connection of its own, so that none is left open
    _fault: Fault | None = None

    def handle(self) -> None:
        self.fake.connections.add(self.connection)
        with suppress(ConnectionError):  # the client has stopped listening
            super().handle()
        self.fake.connections.discard(self.connection)

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: C901 - a table of routes
        if not self._weather(b""):
            return None
        url = urllib.parse.urlsplit(self.path)
        parts, query = url.path.removeprefix("/v1/").split("/"), dict(urllib.parse.parse_qsl(url.query))
        if self.fake.html:
            return self._send(200, b"<html>Welcome</html>", "text/html")
        if self._refused() or self._lacks(parts) or (parts[0] == "fine_tuning" and self._faulty()):
            return None
        fake = self.fake
        match parts:
            case ["models"]:
                return self._list([self._model(*model) for model in fake.models.items()])
            case ["files"]:
                wanted = [id for id in fake.names if query.get("purpose") in (None, fake.purposes[id])]
                return self._list([fake.file(id) for id in wanted][::-1], query)
            case ["files", id] if id in fake.names:
                return self._json(fake.file(id))
            case ["files", id, "content"] if id in fake.files:
                return self._send(200, fake.files[id], "application/octet-stream")
            case ["fine_tuning", "model_limits"]:
                return self._json(fake.limits)
            case ["fine_tuning", "jobs"]:
                return self._list([job for job in fake.jobs.values() if self._wanted(job, query)][::-1], query)
            case ["fine_tuning", "jobs", id] if id in fake.jobs:
                return self._json(fake.jobs[id])
            case ["fine_tuning", "jobs", id, "events"] if id in fake.jobs:
                return self._list(fake.events[id][::-1], query)
            case ["fine_tuning", "jobs", id, "checkpoints"] if id in fake.jobs:
                return self._list(fake.checkpoints[id][::-1], query)
            case ["batches"]:
                return self._list(list(fake.batches.values())[::-1], query)
            case ["batches", id] if id in fake.batches:
                return self._json(fake.batches[id])
        return self._error(404, f"No such object or route: {self.path}", "not_found")

    def do_POST(self) -> None:  # noqa: C901 - a table of routes
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client died while it was sending: no server stores such a file
            self.close_connection = True
            return None
        parts = self.path.removeprefix("/v1/").split("/")
        if not self._weather(body) or self._refused() or self._lacks(parts):
            return None
        fake = self.fake
        match parts:
            case ["files"]:
                return self._upload(body)
            case ["fine_tuning", "jobs"]:
                return self._create(json.loads(body))
            case ["fine_tuning", "jobs", id, _act] if id in fake.jobs and fake.jobs[id]["finished_at"]:
                return self._error(400, "Job has already completed.", "invalid_request_error")
            case ["fine_tuning", "jobs", id, "cancel"] if id in fake.jobs:
                fake.end(id, "cancelled")
                return self._json(fake.jobs[id])
            case ["fine_tuning", "jobs", id, ("pause" | "resume") as act] if id in fake.jobs:
                fake.jobs[id]["status"] = "paused" if act == "pause" else "running"
                return self._json(fake.jobs[id])
            case ["chat", "completions"]:
                return self._chat(json.loads(body))
            case ["moderations" | "embeddings"] if "input" not in json.loads(body):
                return self._error(400, "Missing required parameter: 'input'.", "missing_required_parameter")
            case ["moderations"]:
                return self._moderate(json.loads(body))
            case ["embeddings"]:
                return self._embed(json.loads(body))
            case ["batches"]:
                return self._json(fake.create_batch(json.loads(body)))
            case ["batches", id, "cancel"] if id in fake.batches:
                fake.batches[id]["status"] = "cancelled"
                return self._json(fake.batches[id])
        return self._error(404, f"No such object or route: {self.path}", "not_found")

    def do_DELETE(self) -> None:
        if not self._weather(b"") or self._refused():
            return None
        match urllib.parse.unquote(self.path).removeprefix("/v1/").split("/"):
            case ["files", id] if id in self.fake.names:
                del self.fake.names[id], self.fake.files[id], self.fake.purposes[id]
                return self._json({"id": id, "object": "file", "deleted": True})
            case ["models", id] if id in self.fake.models:
                del self.fake.models[id]
                return self._json({"id": id, "object": "model", "deleted": True})
        return self._error(404, f"No such object or route: {self.path}", "not_found")

    def _weather(self, body: bytes) -> bool:
        """Whether the request is to be handled; a fault may change its answer."""
        self.fake.requests.append((self.command, self.path, body))
        self.fake.heads.append({name.lower(): value for name, value in self.headers.items()})
        self._fault = self.fake.weather(self.command, self.path)
        if self._fault is None or self._fault.kind not in ("status", "reset", "stall"):
            return True
        fault, self._fault = self._fault, None
        if fault.kind == "status" and fault.body is not None:
            self._send(fault.status, json.dumps(fault.body).encode(), "application/json", fault.headers)
        elif fault.kind == "status":
            self._error(fault.status, fault.message, fault.code, fault.headers)
        elif fault.kind == "stall":
            self.fake._stalled.wait()
        else:
            self._cut()
        return False

    def _cut(self) -> None:
        """End the connection as a network does: without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _refused(self) -> bool:
        if f"Bearer {self.fake.key}" == self.headers["Authorization"]:
            return False
        self._error(401, "Incorrect API key provided.", "invalid_api_key")
        return True

    def _lacks(self, parts: list[str]) -> bool:
        if not self.fake.without & set(parts):
            return False
        self._error(404, "Unknown request URL", "unknown_url")
        return True

    def _faulty(self) -> bool:
        if not self.fake.faults:
            return False
        self.fake.faults -= 1
        self._error(500, "The server had an error.", "server_error")
        return True

    def _upload(self, body: bytes) -> None:
        parts = re.split(rb"\r\n--", body)
        head, _, data = next(part for part in parts if b"filename=" in part).partition(b"\r\n\r\n")
        purpose = next(part for part in parts if b'name="purpose"' in part).partition(b"\r\n\r\n")[2]
        name = re.search(rb'filename="([^"]*)"', head)[1].decode()
        self._json(self.fake.keep(data, name, purpose.decode()))

    def _create(self, asked: dict) -> None:
        if self.fake.lose_request:
            return
        job = self.fake.create(asked)
        if not self.fake.lose_answer:
            self._json(job)

    def _wanted(self, job: dict, query: dict) -> bool:
        return all((job["metadata"] or {}).get(key[9:-1]) == query[key] for key in query if key.startswith("metadata["))

    def _model(self, id: str, created: int) -> dict:
        told = {"shutdown_date": self.fake.shutdown.get(id)}
        return {"id": id, "object": "model", "created": created, "owned_by": "test", **told}

    def _list(self, items: list[dict], query: dict | None = None) -> None:
        after = None if self.fake.endless else (query or {}).get("after")
        ids = [item["id"] for item in items]
        start = ids.index(after) + 1 if after in ids else 0
        page = items[start : start + int((query or {}).get("limit", 100))]
        more = self.fake.endless or start + len(page) < len(items)
        self._json({"object": "list", "data": page, "has_more": more})

    def _moderate(self, asked: dict) -> None:
        def result(text: str) -> dict:
            found = self.fake.flagged.get(text, [])
            categories = {name: name in found for name in ("hate", "violence", "illicit")}
            return {"flagged": bool(found), "categories": categories, "category_scores": {}}

        texts = asked["input"][: 1 if self.fake.first_only else None]
        self._json({"id": "modr-1", "model": asked["model"], "results": [result(text) for text in texts]})

    def _embed(self, asked: dict) -> None:
        def vector(text: str) -> str | list[float]:
            found = array.array("f", [float(len(text)), float(text.count("a")), 1.0])
            return (
                base64.b64encode(found.tobytes()).decode() if asked.get("encoding_format") == "base64" else list(found)
            )

        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        texts = texts[: 1 if self.fake.first_only else None]
        data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self._json({"object": "list", "model": asked["model"], "data": data, "usage": usage})

    def _chat(self, asked: dict) -> None:
        if "model" not in asked:  # a look at whether the route is there
            return self._error(400, "you must provide a model parameter", "invalid_request_error")
        self.fake.asked.append(asked)
        answer = self.fake.next_answer(asked)
        if answer.error:
            return self._error(*answer.error, "scripted")
        if self.fake.first_only:
            answer.texts = answer.texts[:1]
        head = {"id": "chatcmpl-1", "created": 1, "model": answer.model or asked["model"],
                "system_fingerprint": answer.fingerprint or FINGERPRINT}  # fmt: skip
        usage = {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}
        if asked.get("stream") and self._fault:
            return self._send(200, b"", "text/event-stream")
        if asked.get("stream"):
            self._reason = "length" if asked.get("max_tokens", 8) <= usage["completion_tokens"] else "stop"
            return self._stream(answer, {**head, "object": "chat.completion.chunk"}, usage)
        texts = [{"role": "assistant", "content": text} for text in answer.texts]
        if "tools" in asked and self.fake.called:
            texts = [{"role": "assistant", "content": None, "tool_calls": [self.fake.called]}]
        choices = [
            {"index": i, "message": text, "finish_reason": "stop" if answer.finish else None}
            for i, text in enumerate(texts)
        ]
        if answer.hold:
            answer.hold.wait()
        return self._json({**head, "object": "chat.completion", "choices": choices, "usage": usage})

    def _stream(self, answer: Answer, head: dict, usage: dict) -> None:
        self._head(200, "text/event-stream")
        for words, waits in _pieces(answer):
            for index, delta in words:
                self._event({**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})
            if waits and answer.hold:
                answer.hold.wait()
        if answer.finish:
            ends = [{"index": i, "delta": {}, "finish_reason": self._reason} for i in range(len(answer.texts))]
            self._event({**head, "choices": ends})
            self._event({**head, "choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: dict) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def _json(self, value: dict) -> None:
        self._send(200, json.dumps(value).encode(), "application/json")

    def _error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self._send(status, json.dumps({"error": error}).encode(), "application/json", headers)

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.fake.accepted(self.command, self.path)
        fault = self._fault
        if fault and fault.kind == "lose":
            return self._cut()
        if fault and fault.kind in _OTHER:
            kind, data = _OTHER[fault.kind](kind, data)
        self._head(status, kind, headers)
        self.wfile.write(data)
        return None

    def _head(self, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {**self.fake.headers, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()


# What a fault answers instead: content type and bytes.
_OTHER: dict[str, Callable[[str, bytes], tuple[str, bytes]]] = {
    "html": lambda _kind, _data: ("text/html", b"<html>Welcome</html>"),
    "empty": lambda kind, _data: (kind, b""),
    "malformed": lambda _kind, _data: ("application/json", b'{"id": nonsense'),
    "truncated": lambda kind, data: (kind, data[: len(data) // 2]),
}


def _pieces(answer: Answer) -> list[tuple[list[tuple[int, dict]], bool]]:
    """The deltas of a stream: first the first word of every text, then the rest of each."""
    split = [re.findall(r"\S+\s*", text) for text in answer.texts]
    first = [(index, {"role": "assistant", "content": words[0] if words else ""}) for index, words in enumerate(split)]
    rest = [(index, {"content": word}) for index, words in enumerate(split) for word in words[1:]]
    return [(first, True), (rest, False)]
