"""Checks the images in a row: type, size, number and place."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from core.checks.rule_registry import Problem, clip, problem
from core.language import tr

MAX_IMAGE_BYTES = 10 * 1024 * 1024  # decoded
MAX_IMAGES = 10
_TYPES = ("image/jpeg", "image/jpg", "image/png", "image/webp")
_OTHER_SUFFIXES = (".gif", ".svg", ".bmp", ".tif", ".tiff", ".ico", ".heic", ".avif", ".pdf")
_DATA = re.compile(r"data:([^,;]{0,99})(?:;[^,;]{0,99}){0,9}?(;base64)?,", re.IGNORECASE)
_BEGINNINGS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*+={0,2}")
_HEAD_CHARACTERS = 16  # of Base64, for the bytes by which a type is known


def get_images(messages: list[Any]) -> list[dict[str, Any]]:
    """The image parts of messages, in order."""
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [part for part in parts if isinstance(part, dict) and part.get("type") == "image_url"]


def count_problems(messages: list[Any], path: str) -> Iterator[Problem]:
    """The problem of more images than `MAX_IMAGES` in a row."""
    if (count := len(get_images(messages))) > MAX_IMAGES:
        yield problem("image-count", path, tr("The row has {count} images.", count=count))


def image_problems(part: dict[str, Any], role: str, path: str) -> Iterator[Problem]:
    """The problems of an image part; `path` is the part's."""
    if role not in ("user", ""):
        yield problem("image-role", path, tr("An image is in a message that is not from the user."))
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url:
        yield problem("content-type", path, tr("The image has no URL."))
        return
    if isinstance(image, dict) and image.get("detail", "auto") not in ("auto", "low", "high"):
        yield problem("content-type", f"{path}.image_url.detail", tr("The detail is auto, low or high."))
    yield from (
        _check_data_url(url, f"{path}.image_url.url")
        if url[:5].lower() == "data:"
        else _check_web_url(url, f"{path}.image_url.url")
    )


def _check_web_url(url: str, path: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)
    except ValueError:
        valid = False
    if not valid:
        yield problem("image-url-invalid", path, tr("{url} is not a web address.", url=clip(url)))
    elif parts.path.lower().endswith(_OTHER_SUFFIXES):
        yield problem("image-type", path, tr("{name} is not JPEG, PNG or WebP.", name=clip(parts.path.rsplit("/")[-1])))


def _check_data_url(url: str, path: str) -> Iterator[Problem]:
    match = _DATA.match(url)
    if not match or not match[2] or not _BASE64.fullmatch(url, match.end()) or (len(url) - match.end()) % 4:
        yield problem("image-url-invalid", path, tr("The data URI does not contain an image in Base64."))
        return
    size = (len(url) - match.end()) * 3 // 4
    if match[1].lower() not in _TYPES:
        yield problem("image-type", path, tr("{name} is not JPEG, PNG or WebP.", name=clip(match[1] or "data")))
    elif not _BEGINNINGS.match(_decode_first_bytes(url[match.end() : match.end() + _HEAD_CHARACTERS])):
        yield problem("image-type", path, tr("The bytes are not those of a JPEG, PNG or WebP image."))
    if size > MAX_IMAGE_BYTES:
        megabytes = f"{size / 1024 / 1024:,.1f}"
        yield problem("image-size", path, tr("The image has {megabytes} MB.", megabytes=megabytes))


def _decode_first_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""
