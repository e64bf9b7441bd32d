"""Ollama, as far as models are brought to it: its own HTTP API, beside the OpenAI protocol that it also speaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ProviderError
from core.language import tr
from core.progress import Reporter
from core.providers import ExportState, openai_package

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

DEFAULT_URL = "http://127.0.0.1:11434"
BLOCK_BYTES = 1 << 20
CONTEXT_TOKENS = 4096  # Ollama's own default was 2048 for long: too short for a question with its spec
ANSWER_SECONDS = 600.0  # Ollama reads a large file without a word


def default_url() -> str:
    """Where Ollama listens: as its own variable OLLAMA_HOST says, else its usual address on this computer."""
    host = os.environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if not host:
        return DEFAULT_URL
    if "://" not in host:
        host = f"http://{host}"
    return host if host.rpartition(":")[2].isdigit() else f"{host}:11434"


async def find_version(url: str) -> str | None:
    """The version of the Ollama that runs at `url`; None where none does."""
    try:
        async with await _open(url, 3.0) as client:
            response = await client.get("/api/version")
            return str(response.json()["version"])
    except Exception:  # whatever else listens there, or nothing
        return None


async def send_model(url: str, name: str, gguf: Path, export: ExportState, reporter: Reporter) -> None:
    """Bring a GGUF file to Ollama as the model `name`, with the chat template and system prompt of the export.

    A file that Ollama has already is not sent again. Raises `ProviderError`, and `Cancelled`.
    """
    digest, size = await asyncio.to_thread(_measure, gguf)
    try:
        async with await _open(url, ANSWER_SECONDS) as client:
            await _send_file(client, gguf, digest, size, reporter)
            await _create(client, build_request(name, gguf.name, digest, export))
    except ProviderError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx2", "httpcore2"):
            raise
        raise ProviderError(
            tr("Ollama could not be reached"),
            tr("Nothing is known to answer at {url}. Start Ollama and try again.", url=url),
        ) from error


def build_request(name: str, file: str, digest: str, export: ExportState) -> dict[str, Any]:
    """The body of Ollama's `/api/create`. `digest`: SHA-256, hex."""
    known = export.ollama
    body: dict[str, Any] = {"model": name, "files": {file: f"sha256:{digest}"}, "stream": True}
    body |= {key: known[key] for key in ("template", "system") if known.get(key)}
    parameters: dict[str, Any] = {"num_ctx": CONTEXT_TOKENS}
    if stop := known.get("stop"):
        parameters["stop"] = [stop]
    return {**body, "parameters": parameters}


async def _open(url: str, seconds: float) -> AsyncClient:
    await asyncio.to_thread(openai_package.load)  # brings httpx2 with it
    from httpx2 import AsyncClient, Timeout

    # No proxy: it is on this computer, or in its network.
    return AsyncClient(base_url=url, timeout=Timeout(seconds, connect=5.0), trust_env=False)


async def _send_file(client: AsyncClient, gguf: Path, digest: str, total: int, reporter: Reporter) -> None:
    path = f"/api/blobs/sha256:{digest}"
    if (await client.head(path)).status_code == 200:
        return

    async def blocks() -> AsyncIterator[bytes]:
        with gguf.open("rb") as file:
            while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
                reporter.update(file.tell() >> 10, total >> 10)
                yield block

    response = await client.post(path, content=blocks(), headers={"Content-Length": str(total)})
    _require_success(response)


async def _create(client: AsyncClient, body: dict[str, Any]) -> None:
    """Create the model; Ollama reports its steps line by line, and an error in the last one."""
    last: dict[str, Any] = {}
    async with client.stream("POST", "/api/create", json=body) as response:
        if response.status_code >= 400:
            await response.aread()
            _require_success(response)
        async for line in response.aiter_lines():
            last = _read_object(line) or last
            if "error" in last:
                break
    if last.get("status") != "success":
        raise _refusal(str(last.get("error") or last.get("status") or ""))


def _require_success(response: Response) -> None:
    if response.status_code >= 400:
        raise _refusal(str((_read_object(response.text) or {}).get("error") or f"HTTP {response.status_code}"))


def _refusal(reason: str) -> ProviderError:
    return ProviderError(tr("Ollama did not take the model"), reason)


def _read_object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _measure(path: Path) -> tuple[str, int]:
    """A file's SHA-256 (hex) and its size in bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
