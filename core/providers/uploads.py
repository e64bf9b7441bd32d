"""Uploads of files: each is recorded before it is sent, found again after a lost answer, and never sent twice."""

import hashlib
import sqlite3
import time
from dataclasses import dataclass

from core.errors import ProviderError
from core.providers import FileInfo, OnBytes, Provider
from core.storage.project import Project


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a server has, or may have: without `remote_id` that is not known. `bytes` is its size."""

    name: str
    bytes: int
    remote_id: str | None


def sha256_of(data: bytes) -> str:
    """Returns the SHA-256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


async def ensure_uploaded(
    project: Project, provider: Provider, data: bytes, purpose: str = "fine-tune", on_bytes: OnBytes | None = None
) -> str:
    """The id of a file at the server with the content `data`: an existing one, or one uploaded now.

    The name is made of the content, so that after a lost answer the file is found in the server's list. Raises
    `ProviderError` and `ProjectError`.
    """
    content = sha256_of(data)
    known = await project.read(_load_upload, provider.id, purpose, content)
    if known and (id := await _find_at_server(provider, known, purpose)):
        if id != known.remote_id:
            await project.write("", _set_remote_id, provider.id, purpose, content, id)
        return id
    name = f"juku-{content[:16]}.jsonl"
    await project.write("", _insert_upload, provider.id, purpose, content, name, len(data))
    file = await provider.upload(name, data, purpose, on_bytes)
    await project.write("", _set_remote_id, provider.id, purpose, content, file.id)
    return file.id


async def _find_at_server(provider: Provider, known: Upload, purpose: str) -> str | None:
    """Returns the id of the file where the server still has all of it, else None."""
    if known.remote_id:
        try:
            file = await provider.file(known.remote_id)
        except ProviderError as error:
            if error.status != 404:
                raise
            return None
        return file.id if _is_same_file(file, known) else None
    found = (file for file in await provider.files(purpose) if file.name == known.name and _is_same_file(file, known))
    return next((file.id for file in found), None)


def _is_same_file(file: FileInfo, known: Upload) -> bool:
    return file.bytes == known.bytes and file.status not in ("error", "deleted")


def _load_upload(db: sqlite3.Connection, provider: str, purpose: str, content: str) -> Upload | None:
    row = db.execute(
        "SELECT name, bytes, remote_id FROM upload WHERE provider = ? AND purpose = ? AND digest = ?",
        (provider, purpose, content),
    ).fetchone()
    return Upload(*row) if row else None


def _insert_upload(db: sqlite3.Connection, provider: str, purpose: str, content: str, name: str, size: int) -> None:
    db.execute(
        "INSERT INTO upload (provider, purpose, digest, name, bytes, created_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (provider, purpose, digest) DO UPDATE SET remote_id = NULL",
        (provider, purpose, content, name, size, time.time()),
    )


def _set_remote_id(db: sqlite3.Connection, provider: str, purpose: str, content: str, id: str) -> None:
    db.execute(
        "UPDATE upload SET remote_id = ? WHERE provider = ? AND purpose = ? AND digest = ?",
        (id, provider, purpose, content),
    )
