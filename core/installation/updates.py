"""Whether there is a newer Juku: asked only when a person asks, from one address, with nothing sent but the request.

The address is that of the settings, else of the package's description (project URL “Releases”). Its answer is either JSON,
{"releases": [{"version": "0.3.0", "date": "2027-01-31", "notes": "…", "url": "…"}]}, or text with a version on each line.
"""

import http.client
import importlib.metadata
import ipaddress
import re
import ssl
from urllib.parse import urlsplit

import msgspec

from core import __version__
from core.errors import JukuError
from core.language import tr

URL_LABEL = "Releases"
MAX_BYTES = 256 * 1024  # of an answer
SECONDS = 15
MAX_NOTES = 2_000  # characters
_VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,4})$")


class Release(msgspec.Struct):
    """A version that can be had."""

    version: str
    date: str = ""
    notes: str = ""
    url: str = ""


class _Answer(msgspec.Struct):
    releases: list[Release]


def find_address(chosen: str) -> str:
    """The address to ask: `chosen`, of the settings, else the package's own; "" where there is none."""
    if chosen.strip():
        return chosen.strip()
    try:
        listed = importlib.metadata.metadata("juku").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = (line.partition(",") for line in listed)
    return next((url.strip() for label, _comma, url in found if label.strip() == URL_LABEL), "")


def find_newer(address: str, current: str = __version__) -> Release | None:
    """The newest release, where it is newer than `current`. Raises `JukuError` where the answer is none."""
    releases = [one for one in _read(_get(address)) if parse_version(one.version)]
    newest = max(releases, key=lambda one: parse_version(one.version), default=None)
    if newest is None or parse_version(newest.version) <= parse_version(current):
        return None
    newest.notes = newest.notes[:MAX_NOTES]
    return newest


def parse_version(text: str) -> tuple[int, ...]:
    """The numbers of a version without zeros at its end; () for a preview or anything else."""
    found = _VERSION.match(text.strip())
    numbers = [int(part) for part in found[1].split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _get(address: str) -> bytes:
    """One plain GET: no cookie, no name of a program or system, no language. Raises `JukuError`."""
    try:
        split = urlsplit(address)
    except ValueError:  # such as half an IPv6 address
        split = urlsplit("")
    host = split.hostname or ""
    if split.scheme not in ("http", "https") or not host or (split.scheme == "http" and not _is_loopback(host)):
        raise JukuError(
            tr("The address for updates is not a safe one"), tr("It must begin with https://. Nothing was asked.")
        )
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    try:
        connection = _connect(split.scheme, host, split.port)
        try:
            connection.putrequest("GET", path, skip_accept_encoding=True)
            connection.endheaders()
            answer = connection.getresponse()
            data = answer.read(MAX_BYTES + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise JukuError(
            tr("The list of versions could not be read"), tr("The reason: {reason}", reason=error)
        ) from error
    if answer.status != http.client.OK or len(data) > MAX_BYTES:
        reason = f"HTTP {answer.status}" if answer.status != http.client.OK else tr("it is too long")
        raise JukuError(tr("The list of versions could not be read"), tr("The reason: {reason}", reason=reason))
    return data


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=ssl.create_default_context())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(data: bytes) -> list[Release]:
    text = data.decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[")):
        return [Release(line.strip()) for line in text.splitlines()]
    try:
        return msgspec.json.decode(data, type=_Answer).releases
    except (msgspec.DecodeError, RecursionError) as error:
        raise JukuError(
            tr("The list of versions could not be read"), tr("The reason: {reason}", reason=error)
        ) from error
