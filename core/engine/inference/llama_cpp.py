"""llama.cpp in this process, through `xllamacpp`: fast on a processor. No port is opened where sockets have files."""

import http.client
import importlib.util
import json
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from core.engine.http.protocol import Json
from core.engine.inference.prefix_slots import PrefixSlots
from core.engine.inference.sampling import SamplingParams
from core.engine.llama_cpp_server import open_server

MAX_SEQUENCES = 8
# Each sequence has its own keys and values: in one store for all, each token is compared with those of all sequences.
SHORT_TOKENS = 2048  # of prompt and completion, where several sequences run together
KEY_VALUE_BYTES = 384 * 1024 * 1024  # for all of them
LONG_KEY_VALUE_BYTES = 1024 * 1024 * 1024  # for one long sequence
RANDOM_SEED = 2**32 - 1  # for llama.cpp, this one means any
# Weights that one thread reads for a token. With fewer, two threads wait for each other longer than they compute.
BYTES_PER_THREAD = 128 * 1024 * 1024

GRAMMAR_HEAD = "%llguidance {}\n"  # llama.cpp gives a grammar that begins so to llguidance
GRAMMAR_TEST = "juku"

log = logging.getLogger(__name__)


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("xllamacpp") is not None


class LlamaCppServer:
    """A model loaded by llama.cpp, with its own thread. `adapter`: a LoRA adapter in GGUF. `is_long`: for one long
    sequence instead of several short ones; both use the same memory for the weights.

    Raises RuntimeError when llama.cpp cannot load the files.
    """

    def __init__(self, model: Path, adapter: Path | None, is_long: bool) -> None:
        import xllamacpp

        about = _read_about(model)
        self.name = f"llama.cpp-{about['file_type']}"
        self.max_sequences, self._tokens_each = _share_memory(about["context_length"], about["bytes"], is_long)
        self.max_tokens = self.max_sequences * self._tokens_each
        # The server listens in any case: here on a file that only this person can open, and with a key nobody knows.
        self._folder = tempfile.TemporaryDirectory(prefix="juku-", ignore_cleanup_errors=True)
        self._key = secrets.token_urlsafe(32)
        parameters = xllamacpp.CommonParams()
        parameters.hostnames = [f"{self._folder.name}/llama.sock" if os.name != "nt" else "127.0.0.1"]
        parameters.api_keys = [self._key]
        parameters.slot_save_path = f"{self._folder.name}{os.sep}"
        parameters.n_threads_http = 1
        parameters.verbosity = -1
        parameters.ui = parameters.warmup = False
        parameters.model.path = str(model)
        if adapter:
            parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        parameters.n_parallel = self.max_sequences
        parameters.n_ctx = self.max_tokens
        parameters.kv_unified = False
        parameters.cache_ram_mib = 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        parameters.cpuparams.n_threads = max(1, min(cores, model.stat().st_size // BYTES_PER_THREAD))
        parameters.cpuparams_batch.n_threads = cores
        self._server = open_server(parameters)
        self._slots = PrefixSlots(self, self.max_sequences)

    def find_obstacle(self, params: SamplingParams, num_prompt_tokens: int) -> str | None:
        """What it cannot do of what is asked; None when it can answer."""
        if num_prompt_tokens + params.max_tokens > self._tokens_each:
            return f"llama.cpp keeps room for {self._tokens_each} tokens here"
        if not params.is_plain_but_grammar:
            return "llama.cpp is asked for text alone, in a form or in none"
        if params.grammar and not self._follows_grammars:
            return "this build of llama.cpp has no llguidance"
        return None

    @cached_property
    def _follows_grammars(self) -> bool:
        """Whether this build has llguidance: without it, or with a grammar that it cannot read, llama.cpp would answer
        in any form and say nothing."""
        texts: list[str] = []

        def take(chunk: Json) -> bool:
            texts.extend(choice.get("text") or "" for choice in chunk.get("choices", []))
            return "choices" not in chunk

        body = {"prompt": [0], "stream": True, "max_tokens": 8, "grammar": f'{GRAMMAR_HEAD}start: "{GRAMMAR_TEST}"\n'}
        self._complete(body, take)
        return "".join(texts) == GRAMMAR_TEST

    def build_body(self, prompt_ids: list[int], params: SamplingParams) -> Json:
        """The body of a request: only what is asked for is done to the logits, in the order of OpenAI and vLLM."""
        sampled = {"temperature": params.temperature, "top_p": params.top_p, "samplers": ["temperature", "top_p"]}
        greedy = {"top_k": 1, "samplers": ["top_k"]}  # without a pass over the whole vocabulary
        body: Json = {
            "prompt": prompt_ids,
            "stream": True,
            "cache_prompt": True,
            "max_tokens": params.max_tokens,
            "stop": list(params.stop),
            **(greedy if params.is_greedy else sampled),
        }
        if params.grammar:
            body["grammar"] = GRAMMAR_HEAD + params.grammar.lark.removeprefix(GRAMMAR_HEAD)
        return body if params.seed is None else {**body, "seed": params.seed % RANDOM_SEED}

    def stream(self, body: Json, prefix_length: int, on_chunk: Callable[[Json], bool]) -> None:
        """Compute one completion, see CompletionStream."""

        def report(error: Exception) -> None:
            log.warning("llama.cpp's saved prompts: %s", error)

        with self._slots.slot_for(body["prompt"], prefix_length, report) as slot:
            self._complete({**body, "id_slot": slot}, on_chunk)

    def _complete(self, body: Json, on_chunk: Callable[[Json], bool]) -> None:
        self._server.handle_completions(json.dumps(body), lambda text: on_chunk(msgspec.json.decode(text)))

    def read_prompt(self, slot: int, prompt_ids: Sequence[int]) -> None:
        """Read a prompt into a slot. Raises OSError when that fails."""
        chunks: list[Json] = []
        body = {"prompt": list(prompt_ids), "id_slot": slot, "n_predict": 0, "stream": True}

        def keep(chunk: Json) -> bool:
            chunks.append(chunk)
            return False

        self._complete(body, keep)
        if not chunks or "choices" not in chunks[-1]:
            raise OSError(f"a prompt was not read: {chunks[-1:]}")

    def save(self, slot: int, name: str) -> None:
        """Save what a slot has read as a file. Raises OSError when that fails."""
        self._post(f"/slots/{slot}?action=save", {"filename": name})

    def restore(self, slot: int, name: str) -> None:
        """Put a saved file into a slot. Raises OSError when that fails."""
        self._post(f"/slots/{slot}?action=restore", {"filename": name})

    def delete(self, name: str) -> None:
        """Delete a saved file."""
        (Path(self._folder.name) / name).unlink(missing_ok=True)

    def _post(self, path: str, body: Json) -> None:
        connection = _connect(self._server.listening_address)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            if response.status != http.client.OK:
                raise OSError(f"{path}: {text[:300]!r}")
        except http.client.HTTPException as error:
            raise OSError(f"{path}: {error!r}") from error
        finally:
            connection.close()


def _connect(address: str) -> http.client.HTTPConnection:
    """A connection to `unix://PATH` or `http://HOST:PORT`. Raises OSError."""
    kind, _, place = address.partition("://")
    if kind != "unix":
        return http.client.HTTPConnection(place)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(place)
    return connection


def _share_memory(context_length: int, bytes_per_token: int, is_long: bool) -> tuple[int, int]:
    """How many sequences run together, and the tokens of each."""
    if is_long:
        return 1, min(context_length, LONG_KEY_VALUE_BYTES // bytes_per_token)
    tokens = min(context_length, SHORT_TOKENS)
    return max(2, min(MAX_SEQUENCES, KEY_VALUE_BYTES // (bytes_per_token * tokens))), tokens


def _read_about(model: Path) -> Json:
    """How the file's weights are stored (`q8_0`), the model's `context_length`, the `bytes` of a token's keys and values."""
    import gguf

    reader = gguf.GGUFReader(model)

    def value(name: str, default: Any = None) -> Any:
        field = reader.get_field(name)
        return default if field is None else field.contents()

    architecture = value("general.architecture")
    key = f"{architecture}.".__add__
    heads = value(key("attention.head_count"))
    size = value(key("attention.key_length"), value(key("embedding_length")) // heads)
    num_bytes = value(key("block_count")) * value(key("attention.head_count_kv"), heads) * size * 2 * 2
    file_type = value("general.file_type")
    name = gguf.LlamaFileType(file_type).name.removeprefix("MOSTLY_").lower() if file_type is not None else "gguf"
    return {"file_type": name, "context_length": value(key("context_length")), "bytes": num_bytes}
