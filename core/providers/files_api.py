"""Files at a server: uploaded once, listed, downloaded, deleted."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

from core.errors import ProviderError
from core.language import tr
from core.providers.error_messages import unreadable_answer_error
from core.providers.http_client import MISSING_ROUTE_STATUSES, Connection, not_openai_protocol_error
from core.providers.protocol_types import FileInfo, OnBytes
from core.providers.retry_policy import ONCE_ONLY

UPLOAD_SECONDS = 900.0
BLOCK_BYTES = 1 << 20


class FilesApi(Connection):
    async def upload(
        self, name: str, data: bytes, purpose: str = "fine-tune", on_bytes: OnBytes | None = None
    ) -> FileInfo:
        """Send a file (JSONL), once: never repeated by itself. Cancelling the task stops the transfer.

        Raises `ProviderError`; the server may have the file all the same: look for its name with `files`.
        """
        client = (await self.client()).with_options(timeout=UPLOAD_SECONDS)
        from openai.types import FileObject

        body = CountedBytes(data, on_bytes) if on_bytes else io.BytesIO(data)
        wanted: Any = purpose
        create = partial(client.files.create, file=(name, body, "application/jsonl"), purpose=wanted)
        try:
            sent = await self._await_and_note("files", self._request(create, FileObject, ONCE_ONLY))
            return self.read_answer(file_info, sent)
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES:
                raise
            self._note_capability("files", False)
            raise ProviderError(
                tr("“{server}” only answers questions", server=self.title),
                tr("It takes no files, so nothing can be trained or asked as a batch there, and nothing was sent. "
                   "Choose another server, or this computer."),
                status=error.status,
            ) from error  # fmt: skip

    async def files(self, purpose: str | None = None) -> list[FileInfo]:
        """The files at the server, the newest first. Raises `ProviderError`."""
        client = await self.client()
        wanted: Any = {"purpose": purpose} if purpose else {}
        pages = self._pages(lambda **page: client.files.list(**wanted, **page))
        found = [self.read_answer(file_info, item) async for item in pages]
        return sorted(found, key=lambda file: -file.created_at)

    async def look_at_files(self) -> None:
        """Ask for the list of files, to see whether the server has one. Raises `ProviderError`."""
        client = await self.client()
        await self.request_json(
            lambda: client.get("/files", cast_to=object, options={"params": {"limit": 1}}), ONCE_ONLY
        )

    async def file(self, id: str) -> FileInfo:
        """What the server reports of a file. Raises `ProviderError`."""
        client = await self.client()
        from openai.types import FileObject

        return self.read_answer(file_info, await self._request(lambda: client.files.retrieve(id), FileObject))

    async def download(self, id: str, on_bytes: OnBytes | None = None) -> bytes:
        """The content of a file. Raises `ProviderError`, also where a page or a message came instead."""
        client = await self.client()
        from openai._legacy_response import HttpxBinaryResponseContent as Binary

        response = await self._request(lambda: client.files.content(id), Binary)
        data = bytes(response.content)
        await self._check_content(id, response.response.headers.get("content-type", ""), data)
        if on_bytes:
            on_bytes(len(data), len(data))
        return data

    async def _check_content(self, id: str, kind: str, data: bytes) -> None:
        """Raise where a page or a message came instead of the file: both arrive as bytes, without an error."""
        if "html" in kind:
            raise not_openai_protocol_error(self.title)
        if kind.startswith("application/json") and (await self.file(id)).bytes != len(data):
            raise unreadable_answer_error(self.title, f"HTTP 200, {kind}")

    async def delete_file(self, id: str) -> None:
        """Delete a file, for good; sent once. Raises `ProviderError`."""
        client = await self.client()
        from openai.types import FileDeleted

        await self._request(lambda: client.files.delete(id), FileDeleted, ONCE_ONLY)


class CountedBytes(io.BytesIO):
    """Bytes that tell how many of them have been read: what has gone to the server."""

    def __init__(self, data: bytes, on_bytes: OnBytes) -> None:
        super().__init__(data)
        self._total, self._on_bytes = len(data), on_bytes

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(BLOCK_BYTES if size is None or size < 0 else min(size, BLOCK_BYTES))
        self._on_bytes(self.tell(), self._total)
        return block


def file_info(item: Any) -> FileInfo:
    """A file as a server reports it: the package's object, or plain data."""

    def get(name: str) -> Any:
        return item.get(name) if isinstance(item, dict) else getattr(item, name, None)

    return FileInfo(
        str(get("id")),
        str(get("filename") or ""),
        int(get("bytes") or 0),
        float(get("created_at") or 0),
        str(get("purpose") or ""),
        str(get("status") or ""),
    )
