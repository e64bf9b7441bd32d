"""A server that speaks the part of vLLM's protocol that the engine uses, as strictly as vLLM does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "a vLLM key"
# What vLLM's CompletionRequest calls the parameters that the engine sends, and their types.
COMPLETION = {
    "model": str,
    "prompt": list,
    "stream": bool,
    "stream_options": dict,
    "max_tokens": int,
    "temperature": (int, float),
    "top_p": (int, float),
    "stop": list,
    "seed": int,
}


class FakeVllm:
    """Serves one base model; adapters are loaded while it runs."""

    def __init__(self, base: str) -> None:
        self.models: dict[str, str | None] = {base: None}  # the folder of each adapter
        self.words = ["A", " heron", " guards", " it", "."]
        self.completions: list[dict[str, Any]] = []
        self.loads: list[dict[str, Any]] = []
        self.refusal = ""
        self.url = ""

    def load(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.loads.append(body)
        assert set(body) == {"lora_name", "lora_path"}
        if body["lora_name"] in self.models:
            return 400, error(f"The lora adapter '{body['lora_name']}' has already been loaded.", "InvalidUserInput")
        if not (Path(body["lora_path"]) / "adapter_config.json").is_file():
            return 404, error(f"Loading lora {body['lora_name']} failed: No adapter found", "NotFoundError")
        self.models[body["lora_name"]] = body["lora_path"]
        return 200, f"Success: LoRA adapter '{body['lora_name']}' added successfully."

    def chunks(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        words = self.words[: body["max_tokens"]]
        for index, word in enumerate(words):
            is_last = index == len(words) - 1
            reason = ("length" if len(words) < len(self.words) else "stop") if is_last else None
            choice = {"index": 0, "text": word, "logprobs": None, "finish_reason": reason, "stop_reason": None}
            yield {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body["model"],
                   "choices": [choice], "usage": None}  # fmt: skip
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(words), "total_tokens": 0}
        yield {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body["model"], "choices": [],
               "usage": usage}  # fmt: skip


def error(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": 400}}


@contextmanager
def serve(fake: FakeVllm) -> Iterator[FakeVllm]:
    """The fake on a port of the loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: Any) -> None:
            pass

        def respond(self, status: int, body: Any) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            assert self.path == "/v1/models" and self.headers["Authorization"] == f"Bearer {KEY}"
            self.respond(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in fake.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/load_lora_adapter":
                return self.respond(*fake.load(body))
            assert self.path == "/v1/completions"
            fake.completions.append(body)
            wrong = [name for name, value in body.items() if not isinstance(value, COMPLETION.get(name, ()))]
            if wrong or body["model"] not in fake.models or fake.refusal:
                return self.respond(400, error(fake.refusal or f"wrong: {wrong}", "BadRequestError"))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in fake.chunks(body):
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    yield fake
    server.shutdown()
    server.server_close()
