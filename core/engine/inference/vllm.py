"""A vLLM server, by its URL, for many people: base models and adapters under the same names as here.

It must serve the base model under Juku's id (`vllm serve … --served-model-name ID --enable-lora`), with
VLLM_ALLOW_RUNTIME_LORA_UPDATING=True for fine-tuned models, and must see their folders under the same paths.
"""

import http.client
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.engine.http.protocol import ApiError, Json
from core.engine.inference.model_source import ModelSource
from core.engine.inference.sampling import SamplingParams

KEY_VARIABLE = "JUKU_VLLM_KEY"
TIMEOUT_SECONDS = 600.0  # without a byte of an answer
SHORT_TIMEOUT_SECONDS = 10.0  # of other requests: whoever asks waits, and everybody else with them
MAX_SEQUENCES = 256


class VllmServer:
    """The routes of one vLLM server that are used here: `models`, `load_lora_adapter`, `completions`."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url.rstrip("/"))

    def find_obstacle(self, source: ModelSource) -> str | None:
        """Why it cannot answer for a model, in words; None when it can. A fine-tuned model is loaded first, once."""
        try:
            names = [one["id"] for one in self._request("GET", "models")["data"]]
            if source.id in names:
                return None
            if source.entry.id not in names:
                return f"it serves {', '.join(names) or 'no model'}, not {source.entry.id}"
            if source.adapter:
                self._load_adapter(source.id, source.adapter)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            return f"it cannot be asked: {error}"
        return None

    def _load_adapter(self, name: str, folder: Path) -> None:
        self._request("POST", "load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())})

    def stream(self, body: Json, on_chunk: Callable[[Json], bool]) -> None:
        """Compute one completion: `on_chunk` gets each chunk and returns whether to stop.

        Raises an ApiError 502 for what the server refuses, and OSError or HTTPException when it is not there.
        """
        connection = self._connect(TIMEOUT_SECONDS)
        try:
            response = self._send(connection, "POST", "completions", body)
            for line in response:
                data = line.strip().removeprefix(b"data:").strip()
                if not line.startswith(b"data:") or data == b"[DONE]":
                    continue
                if on_chunk(json.loads(data)):
                    return
        finally:
            connection.close()  # it stops computing then

    def _request(self, method: str, route: str, body: Json | None = None) -> Any:
        """The response's JSON; its text where it is none. Raises ValueError for a refusal, and OSError."""
        connection = self._connect(SHORT_TIMEOUT_SECONDS)
        try:
            text = self._send(connection, method, route, body).read()
        except ApiError as error:
            raise ValueError(error.message) from error
        finally:
            connection.close()
        try:
            return json.loads(text)
        except ValueError:
            return text.decode("utf-8", "replace")

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=timeout)

    def _send(
        self, connection: http.client.HTTPConnection, method: str, route: str, body: Json | None
    ) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        connection.request(method, f"{self._url.path}/{route}", json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise ApiError(502, f"The vLLM server refuses: {_read_error(response)}", code="server_error")
        return response


class VllmModel:
    """One model of a vLLM server, as a CompletionStream."""

    name = "vllm"
    max_sequences = MAX_SEQUENCES
    max_tokens = 2**40  # it schedules by itself

    def __init__(self, server: VllmServer, model: str) -> None:
        self._server, self._model = server, model

    def find_obstacle(self, params: SamplingParams, _num_prompt_tokens: int) -> str | None:
        """What it is not asked to do; None when it can answer."""
        return None if params.is_plain else "vLLM is asked for plain text only"

    def build_body(self, prompt_ids: list[int], params: SamplingParams) -> Json:
        """The body of a request."""
        body: Json = {
            "model": self._model,
            "prompt": prompt_ids,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": params.max_tokens,
            "temperature": 0.0 if params.is_greedy else params.temperature,
            "top_p": 1.0 if params.is_greedy else params.top_p,
            "stop": list(params.stop),
        }
        return body if params.seed is None else {**body, "seed": params.seed}

    def stream(self, body: Json, _prefix_length: int, on_chunk: Callable[[Json], bool]) -> None:
        """Compute one completion, see CompletionStream; vLLM keeps by itself what prompts begin with."""
        self._server.stream(body, on_chunk)


def _read_error(response: http.client.HTTPResponse) -> str:
    """The message of an error response, whichever form it has."""
    text = response.read().decode("utf-8", "replace")
    try:
        value = json.loads(text)
        return str(value.get("error", value)["message"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"status {response.status} {text[:300]}"
