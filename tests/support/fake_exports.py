"""Servers for the export of models: one with the engine's routes for it, and an Ollama. Real HTTP on the loopback."""

import hashlib
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.fake_server import FakeServer, Routes

MODEL = "ft:base-model:local:game:ftjob-1"
GGUF = "juku/game-GGUF/game-Q8_0.gguf"
FILES = {"README.md": b"# game\n", GGUF: b"GGUF" + bytes(3_000_000), "merged/config.json": b"{}"}


class ExportingServer(FakeServer):
    """Exports are complete after `steps` looks; `exported` are their files."""

    def __init__(self) -> None:
        super().__init__()
        self.exported = dict(FILES)
        self.exports: dict[str, dict] = {}
        self.cards: list[dict] = []
        self.steps = 2
        self.failure = ""
        self.damaged = ""  # a path whose bytes arrive otherwise than they were announced

    def handler(self) -> type[Routes]:
        return _ExportRoutes

    def create_export(self, asked: dict) -> dict:
        id = f"export-{len(self.exports) + 1}"
        models = {name: f"{asked['model']}:{name}" for name in asked["formats"] if name in ("gguf-f16", "gguf-q8_0")}
        self.models |= dict.fromkeys(models.values(), 7)
        files = [
            {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in self.exported.items()
        ]
        commands = {"llama_server": f"llama-server -m {GGUF}", "ollama": "ollama create game -f Modelfile-Q8_0"}
        self.exports[id] = {
            "id": id, "object": "model.export", "model": asked["model"], "name": "game", "formats": asked["formats"],
            "status": "queued", "progress": 0.0, "files": files, "models": models, "commands": commands, "error": None,
            "ollama": {"template": "{{ .Prompt }}", "system": "Be brief.", "stop": "<|im_end|>"}, "asked": asked,
        }  # fmt: skip
        return self.exports[id]

    def look(self, id: str) -> dict:
        export = self.exports[id]
        if export["status"] in ("queued", "running"):
            export["progress"] += 1 / self.steps
            export["status"] = "running" if export["progress"] < 1 else "failed" if self.failure else "succeeded"
            export["error"] = {"message": self.failure} if self.failure else None
        return export


class _ExportRoutes(Routes):
    fake: ExportingServer

    def do_GET(self) -> None:
        parts = self.path.removeprefix("/v1/").split("/", 3)
        if parts[0] != "exports" or self._refused():
            return super().do_GET()
        if len(parts) == 2:
            return self._json(self.fake.look(parts[1]))
        data = self.fake.exported[parts[3]]
        return self._send(200, data[:-1] + b"?" if parts[3] == self.fake.damaged else data, "application/octet-stream")

    def do_POST(self) -> None:
        parts = self.path.removeprefix("/v1/").split("/")
        if parts[0] != "exports":
            return super().do_POST()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if parts[2:] == ["cancel"]:
            self.fake.exports[parts[1]]["status"] = "cancelled"
        elif parts[2:] == ["card"]:
            self.fake.cards.append(body)
        return self._json(self.fake.exports[parts[1]] if parts[1:] else self.fake.create_export(body))

    def do_DELETE(self) -> None:
        id = self.path.removeprefix("/v1/exports/")
        if id not in self.fake.exports:
            return super().do_DELETE()
        self.fake.exports[id]["status"] = "deleted"
        return self._json({"id": id, "object": "model.export", "deleted": True})


class FakeOllama:
    """Takes files and models as Ollama does; `created` are the requests, `refusal` ends the next one with an error."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.uploads = 0
        self.created: list[dict] = []
        self.refusal = ""

    def __enter__(self) -> "FakeOllama":
        routes = type("OllamaRoutes", (_OllamaRoutes,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), routes)
        self._http.daemon_threads = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _OllamaRoutes(BaseHTTPRequestHandler):
    fake: FakeOllama

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_arguments: object) -> None:
        pass

    def _answer(self, status: int, data: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer(200, b'{"version": "0.12.3"}') if self.path == "/api/version" else self._answer(404)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.rpartition("/")[2] in self.fake.blobs else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/api/blobs/"):
            digest = self.path.rpartition("/")[2]
            if digest != f"sha256:{hashlib.sha256(body).hexdigest()}":
                return self._answer(400, b'{"error": "digest mismatch"}')
            self.fake.blobs[digest] = body
            self.fake.uploads += 1
            return self._answer(201)
        asked = json.loads(body)
        self.fake.created.append(asked)
        missing = [digest for digest in asked["files"].values() if digest not in self.fake.blobs]
        last = {"error": self.fake.refusal or "no such blob"} if self.fake.refusal or missing else {"status": "success"}
        lines = [{"status": "parsing GGUF"}, {"status": "writing manifest"}, last]
        return self._answer(200, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
