"""Lines come out of files of every encoding, in bounded memory."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from core.checks import LINE_LIMIT, repair
from core.formats import jsonl
from core.progress import Reporter
from tests.support.row_files import ENCODINGS, GOOD, rules, texts


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_encoding_is_recognised_and_read(file: Path, encoding: str, newline: str) -> None:
    file.write_bytes((GOOD + newline + newline + GOOD).encode(encoding))
    assert jsonl.detect_encoding(file) == encoding
    lines = list(jsonl.read_lines(file))
    assert [line.raw.decode() for line in lines] == [GOOD, "", GOOD]
    assert [line.number for line in lines] == [1, 2, 3]
    data = file.read_bytes()
    codec = encoding.removesuffix("-sig")
    assert [data[line.offset : line.offset + line.length].decode(codec) for line in lines] == [GOOD, "", GOOD]


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
def test_utf16_with_a_mark(file: Path, encoding: str, mark: bytes) -> None:
    # Characters that hold the byte of a newline, on either side.
    text = GOOD.replace("返品", "《返品》\u0a0a\u0a00")
    file.write_bytes(mark + f"{text}\n{GOOD}\n".encode(encoding))
    assert jsonl.detect_encoding(file) == encoding
    assert texts(file) == [text, GOOD]
    assert next(jsonl.read_lines(file)).offset == 2


def test_one_bad_line_does_not_change_the_encoding_of_the_rest(file: Path) -> None:
    file.write_bytes(GOOD.encode() + b"\n" + GOOD.encode("cp932") + b"\n" + GOOD.encode("utf-16-le") + b"\n")
    assert jsonl.detect_encoding(file) == "utf-8"
    rows = list(jsonl.read(file, Reporter()))
    assert rows[0].text == GOOD
    assert [row.problems[0].rule for row in rows[1:]] == ["encoding", "encoding"]
    assert [repair(row.line.raw) for row in rows[1:]] == [GOOD.encode(), GOOD.encode()]


def test_latin_text_is_not_taken_for_japanese(file: Path) -> None:
    file.write_bytes('{"a": "Übergrößen, née, café"}\n'.encode("cp1252") * 20)
    assert jsonl.detect_encoding(file) == "cp1252"


def test_separators_and_zero_bytes_inside_a_line_do_not_split_it(file: Path) -> None:
    inner = '{"a": "x\u2028y\u2029z\x85\x0b\x1c"}'
    file.write_bytes(inner.encode() + b'\n{"a": "\0"}\n{"a":\r1}')
    lines = [line.raw for line in jsonl.read_lines(file)]
    assert lines == [inner.encode(), b'{"a": "\0"}', b'{"a":\r1}']


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_line_over_the_limit_is_cut_and_reading_goes_on(file: Path, encoding: Any) -> None:
    long = "あ" * 400_000
    file.write_bytes(f"{GOOD}\n{long}\r\n{GOOD}\n{long}".encode(encoding))
    first, cut, last, end = jsonl.read_lines(file, encoding, limit=1000)
    codec = encoding.removesuffix("-sig")
    assert first.raw == last.raw == GOOD.encode()
    assert cut.length == end.length == len(long.encode(codec))
    assert long.encode().startswith(cut.raw.decode(errors="ignore").encode())
    assert 0 < len(cut.raw) <= 2 * 65536
    assert last.offset == file.read_bytes().index(GOOD.encode(codec), first.offset + 1)


def test_a_line_of_twenty_megabytes_is_named_with_its_length(file: Path) -> None:
    long = b'{"a": "' + b"x" * (20 << 20) + b'"}'
    file.write_bytes(long + b"\n" + GOOD.encode())
    first, second = jsonl.read(file, Reporter())
    assert first.text is None
    assert (first.problems[0].rule, first.line.length, len(first.line.raw)) == ("too-long", len(long), 65536)
    assert second.text == GOOD
    assert len(long) > LINE_LIMIT


def test_a_long_line_that_begins_like_a_row_is_no_row(file: Path) -> None:
    file.write_bytes(GOOD.encode() + b" " * (LINE_LIMIT + 1) + b"\n")
    assert rules(file) == {"too-long": 1, "too-few-rows": 1}


def test_an_empty_file_has_no_lines(file: Path) -> None:
    file.write_bytes(b"")
    assert list(jsonl.read_lines(file)) == []
    assert rules(file) == {"too-few-rows": 1}


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("euc-jp", "返品はできますか"), ("cp1251", "Можно ли вернуть товар"), ("cp1253", "Μπορώ να επιστρέψω το προϊόν")],
)
def test_another_script_is_not_taken_for_latin(file: Path, encoding: str, said: str) -> None:
    """It fits CP1252 where rows are mostly JSON: "ÊÖÉÊ", without a word."""
    row = f'{{"messages": [{{"role": "user", "content": "{said}?"}}, {{"role": "assistant", "content": "ok"}}]}}\n'
    file.write_bytes(row.encode(encoding) * 20)
    assert codecs.lookup(jsonl.detect_encoding(file)) == codecs.lookup(encoding)
