"""Compressed files and members of archives: read as the files in them, and refused in words where they are hostile."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from core import formats
from core.errors import FormatError
from core.formats import archives, compressed_files, zip_directory
from core.formats.service_check import check_for
from core.progress import Reporter
from tests.support.row_files import chat_row

ROWS = "".join(f"{chat_row(f'Question {n}?', f'Answer {n}')}\n" for n in range(2000)).encode()
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0meta"
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zst streamed": lambda data: zstandard.ZstdCompressor().compressobj().compress(data) + b"",
    "zst of several frames": lambda data: zstandard.compress(data[:5000]) + SKIPPABLE + zstandard.compress(data[5000:]),
    "xz of several streams": lambda data: lzma.compress(data[:5000]) + lzma.compress(data[5000:]),
}


def pack(kind: str, data: bytes) -> bytes:
    if kind == "zst streamed":
        packer = zstandard.ZstdCompressor().compressobj()
        return packer.compress(data) + packer.flush()
    return PACK[kind](data)


def read(path: Path) -> list[str | None]:
    return [row.text for row in formats.read(path, Reporter())]


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("kind", PACK)
def test_compressed_files_are_read_and_a_cut_one_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"t.jsonl.{kind.split()[0]}"
    file.write_bytes(pack(kind, ROWS))
    assert "".join(f"{text}\n" for text in read(file)).encode() == ROWS
    assert list(formats.check_file(file, Reporter())) == []
    assert formats.detect(file).compressed
    file.write_bytes(pack(kind, ROWS)[:-9])
    with pytest.raises(FormatError, match="damaged or truncated"):
        read(file)


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_a_bomb_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_files, "ALWAYS_ALLOWED_BYTES", 1000)
    file = tmp_path / "t.jsonl"
    file.write_bytes(pack(kind, b" " * 3_000_000))
    with pytest.raises(FormatError, match="far more than a text would"):
        read(file)
    archive = write_zip(tmp_path / "t.zip", {"t.jsonl": b" " * 3_000_000})
    with pytest.raises(FormatError, match="far more than a text would"):
        read(archive)


def test_the_files_of_an_archive_are_read_one_by_one(tmp_path: Path) -> None:
    table = "question,answer\nq,a\n".encode("utf-16")
    members = {
        "data/train.jsonl": ROWS,
        "表.csv": table,
        "README.md": b"# Read me",
        "__MACOSX/._train.jsonl": b"\0\x05",
    }
    path = write_zip(tmp_path / "rows.zip", members)
    contents = formats.expand(path)
    assert [formats.format_name(one) for one in contents.paths] == ["rows.zip/data/train.jsonl", "rows.zip/表.csv"]
    assert contents.left_out == ["README.md"]
    train, other = contents.paths
    assert "".join(f"{text}\n" for text in read(train)).encode() == ROWS
    assert formats.detect(other).encoding == "utf-16-le"
    assert len(read(other)) == 1
    assert list(formats.check_file(train, Reporter())) == []
    assert list(check_for(train, "trl", Reporter())) == []
    with pytest.raises(FormatError, match=r"Say which, as in: rows.zip/data/train.jsonl, rows.zip/表.csv"):
        read(path)
    assert len(read(write_zip(tmp_path / "one.zip", {"a.jsonl": ROWS, "LICENSE": b""}))) == 2000


def test_names_in_the_encoding_of_japanese_systems_are_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "t.zip", {"xxxx.csv": b"question,answer\nq,a\n"})
    path.write_bytes(path.read_bytes().replace(b"xxxx", "質問".encode("cp932")))
    (member,) = formats.expand(path).paths
    assert member.name == "質問.csv"
    assert len(read(member)) == 1


def test_hostile_archives_are_refused_in_words(tmp_path: Path) -> None:
    outside = tmp_path / "secret.jsonl"
    outside.write_bytes(ROWS)
    for name in ("../secret.jsonl", str(outside), "a/../../secret.jsonl", "C:\\secret.jsonl", "..\\secret.jsonl"):
        path = write_zip(tmp_path / "t.zip", {name: ROWS, "b.jsonl": ROWS})
        for hostile in (path, path / "b.jsonl"):
            with pytest.raises(FormatError, match="outside of its own folder"):
                read(hostile)
    nested = write_zip(tmp_path / "t.zip", {"a.jsonl": gzip.compress(ROWS)})
    with pytest.raises(FormatError, match="archive inside an archive"):
        read(nested)
    with pytest.raises(FormatError, match=r"only: a.zip, b.xlsx"):
        read(write_zip(tmp_path / "t.zip", {"a.zip": nested.read_bytes(), "b.xlsx": b"PK"}))
    with pytest.raises(FormatError, match=r"has no file c.jsonl"):
        read(nested / "c.jsonl")


def test_damaged_and_protected_archives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "t.zip", {"a.jsonl": ROWS})
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + b"\0\0\0" + raw[103:])
    with pytest.raises(FormatError, match="damaged or truncated"):
        read(path)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FormatError):
        read(path)
    at = raw.index(b"PK\x01\x02") + 8
    path.write_bytes(raw[:at] + b"\x01" + raw[at + 1 :])
    with pytest.raises(FormatError, match="password"):
        read(path)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    with pytest.raises(FormatError, match="more than 1 files"):
        read(write_zip(path, {"a.jsonl": ROWS, "b.jsonl": ROWS}))


def test_a_list_of_files_too_long_to_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "t.zip", {f"{number}.jsonl": b"" for number in range(100)})
    assert len(formats.expand(path).paths) == 100
    raw = path.read_bytes()
    monkeypatch.setattr(zip_directory, "MAX_DIRECTORY_BYTES", 5000)
    for comment in (b"", b"PK\x05\x06", b"a remark"):
        path.write_bytes(raw[:-2] + len(comment).to_bytes(2, "little") + comment)
        with pytest.raises(FormatError):
            read(path)


def test_a_tar_archive_is_named(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.jsonl"), io.BytesIO(b""))
    (tmp_path / "t.tar.gz").write_bytes(packed.getvalue())
    with pytest.raises(FormatError, match="tar archive"):
        read(tmp_path / "t.tar.gz")


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "t.zip", {"x.jsonl": ROWS, "b.jsonl": ROWS})
    raw = path.read_bytes()
    at = raw.index(b"PK\x01\x02")
    path.write_bytes(raw[: at + 28] + b"\0\0" + raw[at + 30 : at + 46] + raw[at + 53 :])
    with pytest.raises(FormatError):
        read(path)


def test_members_of_the_same_name_are_told_and_not_read_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.jsonl", chat_row("1", "a"))
        archive.writestr("a.jsonl", chat_row("2", "a"))
    with pytest.raises(FormatError, match="several files with the name"):
        archives.expand(tmp_path / "t.zip")
