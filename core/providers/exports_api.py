"""Exports of models: routes of the local engine alone, which no other server has."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from core.errors import ProviderError
from core.language import tr
from core.providers.http_client import MISSING_ROUTE_STATUSES, Connection
from core.providers.protocol_types import KEY, ExportedFile, ExportState, OnBytes
from core.providers.retry_policy import ONCE_ONLY
from core.providers.server_codes import explain_failure

STREAMED = {"headers": {"X-Stainless-Raw-Response": "stream"}}  # the package's own switch: the body is not read at once


class ExportsApi(Connection):
    async def start_export(self, model: str, formats: list[str], card: dict[str, Any], token: str) -> ExportState:
        """Start an export; asked again with the same `token`, the server returns the one it has.

        Raises `ProviderError`, also where the server cannot export.
        """
        body = {"model": model, "formats": formats, "card": card, "metadata": {KEY: token}}
        return _state(await self._send_export("POST", "/exports", body))

    async def export_state(self, id: str) -> ExportState:
        """How far an export is. Raises `ProviderError`."""
        return _state(await self._send_export("GET", f"/exports/{id}"))

    async def exports(self, model: str) -> list[ExportState]:
        """The exports of a model that the server keeps, the newest first. Raises `ProviderError`."""
        client = await self.client()
        page = await self.request_json(
            lambda: client.get("/exports", cast_to=object, options={"params": {"model": model, "limit": 100}})
        )
        return [_state(item) for item in page["data"]]

    async def cancel_export(self, id: str) -> None:
        """Cancel an export; the server keeps nothing of it. Raises `ProviderError`."""
        await self._send_export("POST", f"/exports/{id}/cancel", {})

    async def update_export_card(self, id: str, card: dict[str, Any]) -> ExportState:
        """Let the server write the model cards again, with the results of an exam. Raises `ProviderError`."""
        return _state(await self._send_export("POST", f"/exports/{id}/card", card))

    async def delete_export(self, id: str) -> None:
        """Delete an export from the server; what was downloaded stays. Raises `ProviderError`."""
        await self._send_export("DELETE", f"/exports/{id}")

    async def _send_export(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        client = await self.client()
        calls = {"GET": client.get, "POST": client.post, "DELETE": client.delete}
        call: Any = calls[method]
        options: dict[str, Any] = {"body": body} if body is not None else {}
        try:
            if method == "GET":
                return await self.request_json(lambda: call(path, cast_to=object))
            return await self.request_json(lambda: call(path, cast_to=object, **options), ONCE_ONLY)
        except ProviderError as error:
            if error.status in MISSING_ROUTE_STATUSES and path == "/exports":
                raise ProviderError(
                    tr("“{server}” cannot export models", server=self.title),
                    tr("Only models that were trained on this computer can be exported here."),
                    status=error.status,
                ) from error
            raise

    async def download_exported(self, id: str, file: ExportedFile, target: Path, on_bytes: OnBytes) -> None:
        """Write a file of an export to `target`, piece by piece. Raises `ProviderError`, also when it arrives damaged.

        Raises OSError when it cannot be written.
        """
        client = await self.client()
        from openai import AsyncAPIResponse

        path: Any = f"/exports/{id}/files/{file.path}"
        options: Any = STREAMED
        response: Any = await self._request(lambda: client.get(path, cast_to=object, options=options), AsyncAPIResponse)
        digest, done = hashlib.sha256(), 0
        try:
            with target.open("xb") as out, self.translate_errors():
                async for block in response.iter_bytes(1 << 20):
                    out.write(block)
                    digest.update(block)
                    done += len(block)
                    on_bytes(done, file.bytes)
        finally:
            await response.close()
        if digest.hexdigest() != file.sha256:
            raise ProviderError(
                tr("A file arrived damaged: {file}", file=file.path), tr("Nothing was kept of it. Export again.")
            )


def _state(item: dict[str, Any]) -> ExportState:
    error = item.get("error") or {}
    return ExportState(
        id=str(item["id"]),
        model=str(item["model"]),
        name=str(item["name"]),
        formats=[str(name) for name in item["formats"]],
        status=str(item["status"]),
        progress=float(item.get("progress") or 0),
        files=[ExportedFile(str(one["path"]), int(one["bytes"]), str(one["sha256"])) for one in item["files"]],
        models={str(key): str(value) for key, value in item["models"].items()},
        commands={str(key): str(value) for key, value in item["commands"].items()},
        ollama=dict(item.get("ollama") or {}),
        error=explain_failure(str(error.get("code") or ""), str(error.get("message") or "")),
    )
