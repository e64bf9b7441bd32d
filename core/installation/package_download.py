"""Fetches one package file: goes on where it stopped, and checks what it got."""

import contextlib
import errno
import hashlib
import http.client
import os
import posixpath
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import JukuError
from core.language import tr

BLOCK = 1 << 18  # bytes read at a time
SOCKET_SECONDS = 60  # without a byte
MAX_FRUITLESS_TRIES = 4  # that brought no byte; one that brought some is followed by another
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416
# A server that wants to know who asks, which pip may be set up to say, and we are not.
REFUSALS = (401, 403, 407)
_WHEEL_NAME = re.compile(r"[\w.+!-]+\.whl")
_LENGTH = re.compile(r"[0-9]{1,15}")
CERTIFICATE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A wheel to fetch. `sha256` is "" where the index has none, `bytes` is None where the size is not known."""

    name: str
    version: str
    url: str
    sha256: str = ""
    bytes: int | None = None

    @property
    def file_name(self) -> str:
        """The last part of the address, which is what wheels are known by; never a path."""
        path = urllib.parse.unquote(_split(self.url).path)
        return posixpath.basename(path.replace("\\", "/"))

    @property
    def local_path(self) -> Path | None:
        """The file itself, where the index is on this computer's disk."""
        split = _split(self.url)
        return Path(urllib.request.url2pathname(split.path)) if split.scheme == "file" else None


def _split(url: str) -> urllib.parse.SplitResult:
    """The parts of an address, all empty where it is none."""
    try:
        return urllib.parse.urlsplit(url)
    except ValueError:
        return urllib.parse.urlsplit("")


class RefusedError(Exception):
    """The server wants to know who asks, or its certificate is not one that we know: pip may be set up for that."""


def find_size(file: PackageFile) -> int | None:
    """The size in bytes; None where the server does not say."""
    try:
        if path := file.local_path:
            return path.stat().st_size
        with _open(urllib.request.Request(file.url, method="HEAD")) as answer:  # noqa: S310 - checked by _open
            return _read_length(answer)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def fetch(file: PackageFile, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    """The checked file: that of a local index itself, else one in `folder`, where an earlier call may have left a part.

    `on_bytes` is called with the number of bytes that are there; what it raises stops the download, and the part is kept.
    Raises `JukuError` for an address that is none, a server that fails, a damaged file and a full disk, and `RefusedError`.
    """
    if path := file.local_path:
        _check(file, path)
        return path
    if not _WHEEL_NAME.fullmatch(file.file_name):
        raise _describe_damage(file)
    target = folder / file.file_name
    if not target.exists():
        part = folder / f"{file.file_name}.part"
        _fetch_part(file, part, on_bytes)
        _check(file, part)
        part.replace(target)
    on_bytes(target.stat().st_size)
    return target


def _fetch_part(file: PackageFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Fetch until the part is the whole, again after each break. Raises as `fetch` does."""
    fruitless = 0
    while True:
        before = _size(part)
        reason = _try_to_continue(file, part, before, on_bytes)
        if reason is None:
            return
        fruitless = 0 if _size(part) > before else fruitless + 1
        if fruitless >= MAX_FRUITLESS_TRIES:
            raise JukuError(
                tr("{name} could not be fetched", name=file.name),
                tr("What was fetched is kept: try again to go on. The reason: {reason}", reason=reason),
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_length(answer: Any) -> int | None:
    """The number of bytes that the server says to send; None where it says none, or nonsense."""
    length = answer.headers.get("Content-Length", "")
    return int(length) if _LENGTH.fullmatch(length) else None


def _try_to_continue(file: PackageFile, part: Path, offset: int, on_bytes: Callable[[int], None]) -> object:
    """Fetch what is missing behind `offset`; returns why it is not the whole yet, or None. Raises `RefusedError`."""
    try:
        return None if _continue(file, part, offset, on_bytes) else tr("the connection ended early")
    except urllib.error.HTTPError as error:
        if error.code in REFUSALS:
            raise RefusedError from error
        if error.code == RANGE_NOT_SATISFIABLE:
            if offset and offset == file.bytes:
                return None
            part.unlink(missing_ok=True)  # what is there belongs to another file
        return error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
            raise RefusedError from error
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        return error


def _continue(file: PackageFile, part: Path, offset: int, on_bytes: Callable[[int], None]) -> bool:
    """Fetch what is missing behind `offset`; returns whether that was all."""
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    with _open(urllib.request.Request(file.url, headers=headers)) as answer:  # noqa: S310 - checked by _open
        offset = offset if offset and answer.status == PARTIAL_CONTENT else 0
        length = _read_length(answer)
        total = None if length is None else offset + length
        with part.open("r+b" if offset else "wb") as out:
            out.seek(offset)
            while block := answer.read(BLOCK):
                out.write(block)
                offset += len(block)
                on_bytes(offset)
                if file.bytes is not None and offset > file.bytes:  # it may send without an end
                    break
            out.truncate()
    if file.bytes is not None and offset > file.bytes:
        part.unlink()
        raise _describe_damage(file)
    return total is None or offset == total


def _open(request: urllib.request.Request) -> contextlib.closing[Any]:
    if _split(request.full_url).scheme not in ("http", "https"):
        raise JukuError(tr("The index names an address that is no web address"), request.full_url[:200])
    return contextlib.closing(
        urllib.request.urlopen(request, timeout=SOCKET_SECONDS, context=_certificates())  # noqa: S310 - the scheme is checked
    )


@cache
def _certificates() -> ssl.SSLContext:
    """The system's certificates, and those that the user has named for pip."""
    context = ssl.create_default_context()
    for name in CERTIFICATE_VARIABLES:
        if path := os.environ.get(name):
            with contextlib.suppress(OSError):
                context.load_verify_locations(path)
    return context


def _check(file: PackageFile, path: Path) -> None:
    """Delete a fetched file that is not the expected one, and raise `JukuError`."""
    if file.sha256:
        digest = hashlib.sha256()
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
        is_good = digest.hexdigest() == file.sha256
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                is_good = archive.testzip() is None
        except (zipfile.BadZipFile, OSError):
            is_good = False
    if not is_good:
        if file.local_path is None:
            path.unlink(missing_ok=True)
        raise _describe_damage(file)


def _describe_damage(file: PackageFile) -> JukuError:
    return JukuError(
        tr("{name} is damaged, or not the file that the index names", name=file.name),
        tr("It was not installed. Try again; if it stays so, the index is at fault."),
    )
