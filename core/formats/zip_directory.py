"""Looks how large the list of files in a ZIP archive is, before Python reads it: each entry becomes an object in memory.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.14 to 4.3.16
"""

import os
import zipfile
from typing import IO

MAX_DIRECTORY_BYTES = 4 * 1024 * 1024  # of the entries of some ten thousand files

_END, _LOCATOR, _END_64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_END_BYTES, _LOCATOR_BYTES, _END_64_BYTES = 22, 20, 56
_MAX_COMMENT_BYTES = 65_535


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Open an archive. Raises BadZipFile when it is damaged, or lists more files than any archive of rows would have."""
    size = file.seek(0, os.SEEK_END)
    length = min(size, _END_BYTES + _MAX_COMMENT_BYTES + _LOCATOR_BYTES + _END_64_BYTES)
    file.seek(size - length)
    tail = file.read(length)
    file.seek(0)
    last = tail[-_END_BYTES:]
    has_no_comment = last.startswith(_END) and last.endswith(b"\0\0")  # Python looks there first
    end = len(tail) - _END_BYTES if has_no_comment else tail.rfind(_END)
    if end < 0:
        raise zipfile.BadZipFile
    listed = tail[end + 12 : end + 16]
    start = end - _LOCATOR_BYTES - _END_64_BYTES
    if start >= 0 and tail[end - _LOCATOR_BYTES :].startswith(_LOCATOR) and tail[start:].startswith(_END_64):
        listed = tail[start + 40 : start + 48]  # the larger record is believed, where there is one
    if int.from_bytes(listed, "little") > MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile
    return zipfile.ZipFile(file)
