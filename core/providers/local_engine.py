"""The local engine as a provider: started when first needed, stopped with its owner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.atomic_files import PRIVATE_MODE
from core.errors import ProviderError
from core.installation import engine_folder
from core.language import tr
from core.paths import ROOT, engine_home
from core.processes import end_process
from core.providers import openai_package, server_presets
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import ModelOffer, TrainingEstimate
from core.providers.retry_policy import ONCE_ONLY
from core.providers.server_codes import explain_failure

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ANOTHER_RUNS_EXIT = 75  # the engine's exit code when one runs on the same store already
START_SECONDS = 60
STOP_SECONDS = 15.0
STOPPED_CODES = ("unreached", "refused")  # codes of a process that does not answer


class LocalProvider(OpenAIProvider):
    """The engine of this computer. The process is a child that ends when this object's owner ends, however it ends."""

    poll_seconds = 1.0
    timeout_seconds = 900.0  # a model may have to be converted first
    at_once = 24  # that many the engine answers in one batch

    def __init__(self) -> None:
        super().__init__("local", tr("This computer"), "", preset=server_presets.preset("local"))
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = asyncio.Lock()

    async def client(self) -> AsyncOpenAI:
        """The package's client, after the engine was started if needed. Raises `ProviderError` when it cannot be started."""
        async with self._starting:
            if self._client is None or not await self._alive():
                await super().close()
                await asyncio.to_thread(self._start)
                self._client = await asyncio.to_thread(self._connect, self.base_url, self._key)
            return self._client

    async def _alive(self) -> bool:
        """Whether the engine we use is there; one that another window started ends with that window."""
        if self._process is not None:
            return self._process.poll() is None
        found = await asyncio.to_thread(load_running_engine)
        return (
            found is not None and found["token"] == self._key and await asyncio.to_thread(_is_listening, found["url"])
        )

    def _start(self) -> None:
        if not engine_folder.has_engine() and self._join_running():
            return
        engine_folder.require_engine()
        token = secrets.token_urlsafe(32)
        home = engine_home()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _open_log(home / "engine.log") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "core.engine", "--child", "--home", str(home)],
                cwd=ROOT, env=engine_folder.child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(OSError):
            process.stdin.write(f"{token}\n".encode())
            process.stdin.flush()
        openai_package.load()  # while the engine is starting
        line = process.stdout.readline()
        if line:
            self._process, self._key = process, token
            self.base_url = f"http://127.0.0.1:{json.loads(line)['port']}/v1"
            return
        self._join_another(process.wait(START_SECONDS), home)

    def _join_running(self) -> bool:
        """Use an engine that runs here already, started by another installation; False where none does."""
        found = load_running_engine()
        if found is None or not _is_listening(found["url"]):
            return False
        self._process, self._key, self.base_url = None, found["token"], found["url"]
        return True

    def _join_another(self, code: int, home: Path) -> None:
        """Use the engine that another window of this person started, if there is one."""
        found = load_running_engine() if code == ANOTHER_RUNS_EXIT else None
        if found is None:
            raise ProviderError(
                tr("The local engine could not be started"),
                tr("Nothing was lost. The cause is at the end of {log}.", log=home / "engine.log"),
            )
        self._process, self._key, self.base_url = None, found["token"], found["url"]

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """A context as in `Connection`; the `ProviderError` that it raises for an engine that has stopped gives no advice on networks."""
        try:
            with super().translate_errors():
                yield
        except ProviderError as error:
            if error.status is not None or error.code not in STOPPED_CODES:
                raise
            raise ProviderError(
                tr("The local engine has stopped"),
                tr("Nothing was lost. Try again: it is started again then."),
                code=error.code,
            ) from error

    async def close(self) -> None:
        """Close the connections and, if this object started the engine, stop it: after `STOP_SECONDS` it is killed."""
        await super().close()
        if self._process is not None:
            await asyncio.to_thread(end_process, self._process, STOP_SECONDS)
            self._process = None

    async def offers(self) -> list[ModelOffer]:
        """The fine-tuned models, and the base models of the catalog, also those still to be downloaded. Raises `ProviderError`."""
        client = await self.client()
        catalog = await self.request_json(lambda: client.get("/catalog", cast_to=object))
        bases = [_read_offer(entry) for entry in catalog["data"]]
        known = {offer.id for offer in bases}
        tuned = [ModelOffer(one.id, one.id, tuned=True) for one in await self.models() if one.id not in known]
        return tuned + bases

    async def prepare(self, model: str) -> None:
        """Start to download or convert a base model, whose licence and size the person has accepted. Raises `ProviderError`."""
        client = await self.client()
        path, body = f"/catalog/{model}/prepare", {"accept_licence": True}
        await self.request_json(lambda: client.post(path, body=body, cast_to=object), ONCE_ONLY)

    async def cancel_preparing(self, model: str) -> None:
        """Stop preparing a base model. What was downloaded stays, and is not downloaded again. Raises `ProviderError`."""
        client = await self.client()
        await self.request_json(lambda: client.post(f"/catalog/{model}/cancel", cast_to=object), ONCE_ONLY)

    async def terms(self, model: str) -> str:
        """The terms of use that a person must accept before a base model is fetched; '' for an open licence.

        Raises `ProviderError`.
        """
        client = await self.client()
        found = await self.request_json(lambda: client.get(f"/catalog/{model}/terms", cast_to=object))
        return str(found["text"])

    async def estimate_training(
        self, model: str, method: str, hyperparameters: dict[str, Any], rows: Sequence[str], count: int, validation: int
    ) -> TrainingEstimate:
        """The time and memory of a job on `count` rows, of which `rows` are a sample, as JSON texts.

        `validation` is the number of validation rows. Nothing is started or downloaded. Raises `ProviderError`.
        """
        client = await self.client()
        body = {
            "model": model,
            "method": {"type": method, method: {"hyperparameters": hyperparameters}},
            "rows": [json.loads(row) for row in rows],
            "num_rows": count,
            "num_validation_rows": validation,
        }
        found = await self.request_json(lambda: client.post("/fine_tuning/estimate", body=body, cast_to=object))
        return TrainingEstimate(
            found["seconds"],
            found["memory_bytes"],
            found["available_bytes"],
            tuple(found["would_fit"]),
            found["tokens_exact"],
        )

    async def add_model(self, folder: str = "", repo: str = "") -> str:
        """Add a model of the person's own, from a folder of this computer or a repository of the hub; returns its id.

        Nothing large is downloaded. Raises `ProviderError` that says why a model cannot be trained.
        """
        client, body = await self.client(), {"folder": folder} if folder else {"repo": repo}
        found = await self.request_json(lambda: client.post("/catalog", body=body, cast_to=object), ONCE_ONLY)
        return str(found["id"])

    async def remove_model(self, model: str) -> None:
        """Forget a model that the person added; its files stay. Raises `ProviderError`."""
        client = await self.client()
        await self.request_json(lambda: client.delete(f"/catalog/{model}", cast_to=object), ONCE_ONLY)


def _read_offer(entry: dict[str, Any]) -> ModelOffer:
    names = (
        *("id", "title", "state", "licence", "licence_url", "has_terms", "bytes", "source", "added"),
        *("progress", "answering_progress"),
    )
    message = explain_failure(entry.get("code") or "", entry.get("message") or "")
    values: dict[str, Any] = {name: entry.get(name) for name in names}
    return ModelOffer(languages=" ".join(entry["languages"]), message=message, **values)


def _open_log(path: Path) -> BinaryIO:
    """Open the log, readable by its owner only: it may contain uploaded texts."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_MODE), "ab")


def load_running_engine() -> dict[str, str] | None:
    """The address and token that a running engine wrote, or one that was killed; None where there is none."""
    try:
        found: dict[str, str] = json.loads((engine_home() / "engine.json").read_text())
    except (OSError, ValueError):
        return None
    return found


def _is_listening(url: str) -> bool:
    """Whether a process listens at `url`; an engine that was killed leaves its address behind."""
    port = urllib.parse.urlsplit(url).port
    try:
        socket.create_connection(("127.0.0.1", port or 0), timeout=2).close()
    except OSError:
        return False
    return True
