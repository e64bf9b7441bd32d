"""Real files of every kind go in, and come out with nothing lost."""

import json
import os
import random
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import FormatError
from core.formats import jsonl
from core.formats.check_file import check_lines
from core.formats.compressed_files import GZIP_MAGIC
from core.progress import Cancelled, Progress, Reporter
from tests.support.row_files import ENCODINGS, GOOD, rules, texts


def question_row(number: int) -> dict[str, list[dict[str, str]]]:
    said = [{"role": "user", "content": f"{number}番は？"}, {"role": "assistant", "content": f"Answer {number}."}]
    return {"messages": said}


def defect(kind: str, number: int) -> bytes:
    """One row with the defect named by the rule that should find it."""
    row = question_row(number)
    if kind == "role-unknown":
        row["messages"][1]["role"] = "assitant"
    elif kind == "content-empty":
        row["messages"][1]["content"] = ""
    elif kind == "assistant-missing":
        del row["messages"][1]
    raw = json.dumps(row, ensure_ascii=number % 2 == 0).encode()
    others = {
        "json-broken": raw[:-7],
        "encoding": raw.replace(b'"role"', b'"ro\xff\xfele"', 1),
        "not-object": f"[{number}]".encode(),
        "old-format": f'{{"prompt": "{number}", "completion": "y"}}'.encode(),
        "lone-surrogate": raw.replace(b"Answer", b"\\ud83d"),
        "blank": b"",
        "duplicate-row": json.dumps(question_row(0)).encode(),
    }
    return others.get(kind, raw)


DEFECTS = [
    "role-unknown",
    "content-empty",
    "assistant-missing",
    "json-broken",
    "encoding",
    "not-object",
    "old-format",
    "lone-surrogate",
    "blank",
    "duplicate-row",
]


def test_every_defect_is_found_on_its_line(file: Path) -> None:
    chance = random.Random(7)
    kinds = ["", *(chance.choice(DEFECTS) if chance.random() < 0.1 else "" for _ in range(2999))]
    with file.open("wb") as out:
        out.write(b"\xef\xbb\xbf")
        for number, kind in enumerate(kinds):
            raw = defect(kind, number) if kind else json.dumps(question_row(number)).encode()
            out.write(raw + chance.choice([b"\n", b"\r\n"]))
    expected = [(number, kind) for number, kind in enumerate(kinds, 1) if kind]
    found = [(number, problem.rule) for number, problem in check_lines(file, Reporter())]
    assert sorted(found) == sorted([(0, "encoding-bom"), *expected])


def test_a_duplicate_names_the_first_line(file: Path) -> None:
    file.write_text(f"\n{GOOD}\n\n{GOOD}\n{GOOD}", encoding="utf-8")
    said = [problem.message for _, problem in check_lines(file, Reporter()) if problem.rule == "duplicate-row"]
    assert said == ["The row is the same as line 2."] * 2


@pytest.mark.parametrize(
    ("encoding", "rule"), [("utf-16-le", "encoding-utf-16"), ("utf-16", "encoding-utf-16"), ("cp932", "encoding-cp932")]
)
def test_a_file_that_is_not_utf8_is_read_and_said(file: Path, encoding: str, rule: str) -> None:
    file.write_bytes(f"{GOOD}\n".encode(encoding))
    assert rules(file) == {rule: 1, "too-few-rows": 1}


def test_reading_reports_bytes_and_can_be_cancelled(file: Path) -> None:
    file.write_text(f"{GOOD}\n" * 20_000, encoding="utf-8")
    seen: list[Progress] = []
    assert sum(1 for _ in jsonl.read(file, Reporter(seen.append))) == 20_000
    size = file.stat().st_size
    assert [seen[0], seen[-1]] == [Progress(0, size), Progress(size, size)]
    assert len(seen) == pytest.approx(size / 2**20 + 1, abs=2)
    reporter = Reporter()
    reading = jsonl.read(file, reporter)
    next(reading)
    reporter.cancel()
    with pytest.raises(Cancelled):
        list(reading)


@pytest.mark.parametrize("name", ["missing.jsonl", "", "pipe", "a\0b", "x" * 300])
def test_what_is_no_file_is_said_in_words(tmp_path: Path, name: str) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    for reading in (jsonl.read(tmp_path / name, Reporter()), check_lines(tmp_path / name, Reporter())):
        with pytest.raises(FormatError, match="cannot be read"):
            next(iter(reading))


def test_reading_and_writing_give_every_row_back_to_the_letter(file: Path, tmp_path: Path) -> None:
    rows = [GOOD, ' {"b":1e2,  "a":1.0,"u":"\\u3042\\/"} ', '{"z": "\u2028\x7f", "n": 123456789012345678901234567890}']
    file.write_text("\r\n".join(rows), encoding="utf-16", newline="")
    out = tmp_path / "out.jsonl"
    assert jsonl.write(out, (text for text in texts(file) if text)) == 3
    assert out.read_bytes() == "".join(f"{row}\n" for row in rows).encode()
    assert texts(out) == rows


def test_a_row_laid_out_over_several_lines_stays_one_line(file: Path) -> None:
    jsonl.write(file, [json.dumps(json.loads(GOOD), indent=1, ensure_ascii=False)])
    (text,) = texts(file)
    assert text is not None
    assert json.loads(text) == json.loads(GOOD)


def failing() -> Iterator[str]:
    yield GOOD
    raise Cancelled


def test_a_write_that_stops_leaves_the_old_file_and_nothing_else(file: Path) -> None:
    file.write_text("old", encoding="utf-8")
    with pytest.raises(Cancelled):
        jsonl.write(file, failing())
    assert file.read_text(encoding="utf-8") == "old"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_disk_without_room_leaves_the_old_file(file: Path) -> None:
    import resource

    file.write_text("old", encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(FormatError, match="unchanged"):
            jsonl.write(file, [GOOD] * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_text(encoding="utf-8") == "old"
    assert list(file.parent.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "a.jsonl", tmp_path):
        with pytest.raises(FormatError, match="cannot be written"):
            jsonl.write(path, [GOOD])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and modes")
def test_writing_keeps_a_link_and_the_mode_of_the_file(file: Path, tmp_path: Path) -> None:
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(file)
    jsonl.write(link, [GOOD])
    assert link.is_symlink()
    assert texts(file) == [GOOD]
    assert file.stat().st_mode & 0o777 == 0o640


KEYS = st.sampled_from(["messages", "role", "content", "x"]) | st.text(max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "assitant"])}, optional={"content": JSON, "x": JSON}
)
ROW = st.dictionaries(KEYS, JSON, max_size=3) | st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, max_size=4)}, optional={"x": JSON}
)


@settings(max_examples=200)
@given(st.data())
def test_any_bytes_that_are_not_packed_are_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    pieces = st.sampled_from([b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", GOOD.encode(), GOOD.encode("cp932")])
    utf16 = st.sampled_from([GOOD.encode("utf-16-le"), GOOD.encode("utf-16-be"), b"\n\0", b"\0\n", b"\x0a\x30"])
    content = b"".join(data.draw(st.lists(pieces | utf16 | st.binary(max_size=4), max_size=8)))
    assume(not content.startswith(GZIP_MAGIC))  # such a file is unpacked first, and refused where it cannot be
    path.write_bytes(content)
    encoding: Any = data.draw(st.sampled_from([None, *ENCODINGS]))
    lines = list(jsonl.read_lines(path, encoding, limit=data.draw(st.sampled_from([10, 1000]))))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(a.offset + a.length < b.offset for a, b in pairwise(lines))
    assert sum(1 for _ in jsonl.read(path, Reporter())) >= 0
    assert all(number >= 0 for number, _ in check_lines(path, Reporter()))


@settings(max_examples=50)
@given(rows=st.lists(ROW, max_size=5), ascii_=st.booleans(), newline=st.sampled_from(["\n", "\r\n"]))
def test_reading_what_was_written_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], ascii_: bool, newline: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "identity.jsonl"
    written = [json.dumps(row, ensure_ascii=ascii_) for row in rows]
    path.write_text("".join(text + newline for text in written), encoding="utf-8", newline="")
    readable = texts(path)
    assert readable == written
    jsonl.write(path, written)
    assert path.read_bytes() == "".join(f"{text}\n" for text in written).encode()
