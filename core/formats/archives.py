"""Files of rows inside a ZIP archive: `archive.zip/rows.jsonl` is the path of one, and nothing is unpacked to the disk."""

import io
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats import compressed_files, zip_directory
from core.formats.compressed_files import DecompressedFile, damaged_text
from core.language import tr

ROW_SUFFIXES = (".jsonl", ".jsonl.txt", ".ndjson", ".json", ".csv", ".tsv", ".tab")
OTHER_TEXT_SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm")  # read where there is nothing else
MAX_MEMBERS = 10_000
MAX_NAMED = 5  # members that are named in a sentence
ZIP_MAGIC = b"PK\x03\x04"
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


class Contents(NamedTuple):
    """The files of an archive that hold rows, as paths inside it, and the names of the others."""

    paths: list[Path]
    left_out: list[str]


def find_archive(path: Path) -> Path | None:
    """The file of which `path` is a member by its name; None where none of its folders is a file."""
    try:
        return None if path.exists() else next((parent for parent in path.parents if parent.is_file()), None)
    except (OSError, ValueError):  # no possible name of a file
        return None


def format_name(path: Path) -> str:
    """A file's name as a person knows it, with that of its archive: “rows.zip/train.jsonl”."""
    archive = find_archive(path)
    return path.relative_to(archive.parent).as_posix() if archive else path.name


def expand(path: Path) -> Contents:
    """The files of rows in an archive; any other file is its own only one.

    Raises FormatError for an archive without a file of rows, one that is damaged, and one with paths out of its folder.
    """
    if not _is_archive(path):
        return Contents([path], [])
    title = tr("{name} cannot be read", name=clip(path.name, 80))
    try:
        with path.open("rb") as file, zip_directory.open_archive(file) as archive:
            names = _list_names(archive)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FormatError(title, str(error) if isinstance(error, OSError) else damaged_text()) from error
    rows = [name for name in names if name.lower().endswith(ROW_SUFFIXES)]
    rows = rows or [name for name in names if name.lower().endswith(OTHER_TEXT_SUFFIXES)]
    if not rows:
        found = ", ".join(clip(name) for name in names[:MAX_NAMED]) or "0"
        raise FormatError(
            title, tr("It has no file with rows, only: {names}. Unpack it, and import what is in it.", names=found)
        )
    return Contents([path / name for name in rows], [name for name in names if name not in rows])


def resolve(path: Path) -> Path:
    """The only file of rows in an archive; any other file is itself. Raises FormatError where there are several."""
    paths = expand(path).paths
    if len(paths) == 1:
        return paths[0]
    names = ", ".join(format_name(one) for one in paths[:MAX_NAMED])
    title = tr("{name} has several files", name=clip(path.name, 80))
    raise FormatError(title, tr("Say which, as in: {names}.", names=names))


def _is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive and no document or workbook, which are ZIP files too."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            if file.read(4) != ZIP_MAGIC:
                return False
            with zip_directory.open_archive(file) as archive:
                names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return "[Content_Types].xml" not in names and "mimetype" not in names


def _list_names(archive: zipfile.ZipFile) -> list[str]:
    """The names of the files. Raises OSError with a translated text where they are hostile."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > MAX_MEMBERS:
        raise OSError(tr("It has more than {n} files.", n=f"{MAX_MEMBERS:,}"))
    names = [_decode_name(member) for member in members]
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
            raise OSError(tr("It has a file outside of its own folder: {name}.", name=clip(name)))
    if twice := next((name for name, count in Counter(names).items() if count > 1), ""):
        raise OSError(tr("It has several files with the name {name}. Unpack it yourself.", name=clip(twice)))
    return [name for name in names if not name.startswith(_JUNK) and not name.endswith(_JUNK[1:])]


def _decode_name(member: zipfile.ZipInfo) -> str:
    """A member's name; where its encoding is not declared, that is UTF-8 or the one of Japanese systems."""
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    raw = member.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def open_member(file: BinaryIO, name: str) -> io.BufferedReader:
    """Open a member of the archive `file`. Raises OSError with a translated text, now or when it is read."""
    try:
        archive = zip_directory.open_archive(file)
        names = _list_names(archive)
        members = {_decode_name(member): member for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError) as error:
        raise OSError(damaged_text()) from error
    if name not in names:
        shown = ", ".join(clip(one) for one in names[:MAX_NAMED])
        raise OSError(tr("The archive has no file {name}, but: {names}.", name=clip(name), names=shown))
    member = members[name]
    if member.flag_bits & 1:
        raise OSError(tr("It is protected with a password. Unpack it yourself."))

    def begin() -> Any:
        try:
            return archive.open(member)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
            raise OSError(damaged_text()) from error

    unpacked = _Member(file, begin, member.compress_size, member.header_offset)
    reader: io.BufferedReader = io.BufferedReader(unpacked, compressed_files.BLOCK_BYTES)
    if compressed_files.find_opener(reader) or reader.peek(4)[:4] == ZIP_MAGIC:
        raise OSError(tr("It is an archive inside an archive. Unpack it yourself."))
    return reader


class _Member(DecompressedFile):
    def _read(self, size: int) -> bytes:
        try:
            return super()._read(size)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise OSError(damaged_text()) from error
