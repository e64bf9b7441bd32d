"""What the fakes of services with routes of their own share: real HTTP on the loopback, a table of routes, and faults."""

import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.providers.openai_api import OpenAIProvider
from core.providers.server_presets import preset
from tests.support.fake_server import KEY

Route = tuple[str, str, Callable[..., Any]]  # method, pattern of the path, and what answers: (fake, match, body, query)


class RefusalError(Exception):
    """An answer with another status than 200."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


class FakeService:
    """A scripted service. A subclass has `routes`, the path of its base URL, and the class of its adapter."""

    routes: tuple[Route, ...] = ()
    base_path = "/v1"
    adapter: type[OpenAIProvider]
    preset = ""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []  # method, path with query, body
        self.lost = ""  # the end of a POST's path whose answer is lost, once

    def __enter__(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                fake.answer(self)

            def do_POST(self) -> None:
                fake.answer(self)

            def do_DELETE(self) -> None:
                fake.answer(self)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def provider(self, key: str = KEY) -> OpenAIProvider:
        """The service's adapter, with its address."""
        made = self.adapter("fake", "Fake", f"{self.root}{self.base_path}", key, preset(self.preset))
        made.poll_seconds = 0.01
        return made

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        url = urllib.parse.urlsplit(handler.path)
        is_form = "multipart" in (handler.headers["Content-Type"] or "")
        body = raw if is_form else json.loads(raw or "null")
        self.requests.append((handler.command, handler.path, body))
        try:
            status, found = 200, self._find(handler, url, body)
        except RefusalError as refusal:
            status, found = refusal.status, refusal.body
        if self.lost and handler.command == "POST" and url.path.endswith(self.lost):
            self.lost = ""
            handler.close_connection = True
            handler.connection.close()
            return
        data = json.dumps(found).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _find(self, handler: BaseHTTPRequestHandler, url: urllib.parse.SplitResult, body: Any) -> Any:
        if handler.headers["Authorization"] != f"Bearer {KEY}":
            raise RefusalError(401, {"error": {"message": "Invalid API key"}})
        for method, pattern, found in self.routes:
            if method == handler.command and (match := re.fullmatch(pattern, url.path)):
                return found(self, match, body, dict(urllib.parse.parse_qsl(url.query)))
        raise RefusalError(404, {"error": {"message": f"no route {url.path}"}})


def read_file(form: bytes) -> bytes:
    """The bytes of the one file in a form."""
    head = form.index(b'filename="')
    start = form.index(b"\r\n\r\n", head) + 4
    return form[start : form.index(b"\r\n--", start)]


def chat(_fake: FakeService, _match: Any, body: dict, _query: dict) -> dict:
    """Any model answers with its name."""
    message = {"role": "assistant", "content": f"{body['model']} answers."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
