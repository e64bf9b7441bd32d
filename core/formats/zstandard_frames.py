"""Looks whether a Zstandard file is whole: its library reads one that is cut off as if it ended there.

Source: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1
"""

import os
from typing import BinaryIO

MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte of 0x50 to 0x5f
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)


def require_whole(file: BinaryIO) -> None:
    """Raise EOFError where the last frame is cut off; afterwards the file is at its beginning again."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    while file.tell() < size:
        start = file.read(4)
        if start == MAGIC:
            _skip_frame(file)
        elif start[1:] == _SKIPPABLE:
            file.seek(int.from_bytes(_read(file, 4), "little"), os.SEEK_CUR)
        else:
            break  # the library says what is wrong there
    if file.tell() > size:
        raise EOFError
    file.seek(0)


def _skip_frame(file: BinaryIO) -> None:
    (descriptor,) = _read(file, 1)
    is_single = bool(descriptor & 0x20)
    content = _SIZE_BYTES[descriptor >> 6] or int(is_single)
    file.seek((not is_single) + _DICTIONARY_BYTES[descriptor & 3] + content, os.SEEK_CUR)
    is_last = False
    while not is_last:
        header = int.from_bytes(_read(file, 3), "little")
        is_last = bool(header & 1)
        is_repeated = header >> 1 & 3 == 1  # one byte stands for the whole block
        file.seek(1 if is_repeated else header >> 3, os.SEEK_CUR)
    if descriptor & 4:
        _read(file, 4)


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data
