"""Compares what llama.cpp reads from a GGUF file with the training: chat template and tokens, through `xllamacpp`."""

import http.client
import importlib.util
import json
import os
import secrets
import socket
import tempfile
from pathlib import Path

from core.engine.export.exported_template import ExportedTemplate
from core.engine.export.gguf_layout import ExportError
from core.engine.http.protocol import Json
from core.engine.llama_cpp_server import open_server

_TEXTS = (
    "How many players? 12 or 345; 6,789 metres.",
    "日本語の質問：丸いボールは２個ですか？🐍",
    "def f(x):\n\treturn x  # é",
)


def can_check() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("xllamacpp") is not None


def check_tokens(path: Path, template: ExportedTemplate) -> None:
    """Raise ExportError unless llama.cpp makes the same tokens of a conversation as the training does.

    The file is opened, and nothing is computed with its weights.
    """
    with _Opened(path) as opened:
        for messages in _conversations():
            wanted = template.render(messages, True)
            ids = template.tokenizer(wanted, add_special_tokens=False).input_ids
            text = opened.post("/apply-template", {"messages": messages})["prompt"]
            body = {"content": text, "add_special": template.adds_bos, "parse_special": True}
            found = opened.post("/tokenize", body)["tokens"]
            if found != ids:
                raise ExportError(
                    "llama.cpp reads other tokens from the file than the model was trained with: the first differs at "
                    f"{_first_difference(found, ids)} of {len(ids)} for “{messages[-1]['content'][:40]}”. "
                    "Export the merged model (safetensors)."
                )


def _conversations() -> list[list[Json]]:
    system = {"role": "system", "content": "Answer in one short sentence."}
    answer = {"role": "assistant", "content": _TEXTS[1]}
    users = [{"role": "user", "content": text} for text in _TEXTS]
    return [[users[0]], [system, users[1]], [system, users[2], answer, users[0]]]


def _first_difference(found: list[int], wanted: list[int]) -> int:
    pairs = zip(found, wanted, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(found), len(wanted)))


class _Opened:
    """llama.cpp's server on a file, for its routes that need no computing; a socket that only this person can open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = tempfile.TemporaryDirectory(prefix="juku-", ignore_cleanup_errors=True)
        self._key = secrets.token_urlsafe(32)

    def __enter__(self) -> "_Opened":
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        self._socket = f"{self._folder.name}/llama.sock" if os.name != "nt" else ""
        parameters.hostnames = [self._socket or "127.0.0.1"]
        parameters.api_keys = [self._key]
        parameters.verbosity = -1
        parameters.warmup = parameters.ui = False
        parameters.model.path = str(self._path)
        parameters.n_ctx, parameters.n_parallel, parameters.n_threads_http = 512, 1, 1
        try:
            self._server = open_server(parameters)
        except RuntimeError as error:
            self._folder.cleanup()
            raise ExportError(
                "llama.cpp cannot load the file that was written. Export the merged model (safetensors), or update the "
                "package xllamacpp."
            ) from error
        return self

    def __exit__(self, *_error: object) -> None:
        del self._server
        self._folder.cleanup()

    def post(self, route: str, body: Json) -> Json:
        """The response of a route. Raises ExportError for an error response."""
        connection = self._connect()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request("POST", route, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status != 200:
            raise ExportError(f"llama.cpp refuses the chat template of the file: {text}")
        value: Json = json.loads(text)
        return value

    def _connect(self) -> http.client.HTTPConnection:
        if not self._socket:
            address = self._server.listening_address.rpartition("//")[2]
            return http.client.HTTPConnection(address)
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.connect(self._socket)
        return connection
