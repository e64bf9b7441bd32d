"""Rows that are not one a line come out one by one, and a broken one does not take its neighbours along."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.formats.encoding_detection import Encoding
from core.formats.json_arrays import Elements
from core.progress import Reporter

GOOD = '{"messages": [{"role": "user", "content": "返品 [{"}, {"role": "assistant", "content": "a\\"}]"}]}'
FLAT = '{"instruction": "q", "output": "a"}'


def raws(text: str, block: int = 1 << 20, limit: int = 1 << 24) -> list[str]:
    data = text.encode()
    blocks = (data[at : at + block] for at in range(0, len(data), block))
    return [line.raw.decode() for line in Elements(blocks, limit=limit)]


def read(path: Path, text: str, encoding: Encoding = "utf-8") -> list[formats.FileRow]:
    path.write_bytes(text.encode(encoding))
    return list(formats.read(path, Reporter()))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
def test_elements_keep_their_text_wherever_the_blocks_meet(indent: int | None, block: int) -> None:
    rows = [json.dumps(json.loads(row), indent=indent) for row in (GOOD, FLAT, GOOD, FLAT)]
    assert raws(f" [ {' , '.join(rows)} ]\n", block) == rows
    assert raws("\n".join(rows), block) == rows


@pytest.mark.parametrize(
    "broken",
    [
        '{"messages": [{"role": "user", "content": "a"b"}]}',
        '{"messages": [{"role": "user", "content": "a]}',
        '{"messages": [{"role": "user"',
        '{"messages": "a\nb"',
        "12",
        '"text"',
        '"text',
        "[1",
        "[1]",
        "}}",
        "null null",
    ],
)
@pytest.mark.parametrize("layout", [", ", ",\n"])
def test_a_broken_element_takes_no_other_along(broken: str, layout: str) -> None:
    found = raws(f"[{layout.join([GOOD, broken, GOOD, GOOD])}]")
    assert [row for row in found if row == GOOD] == [GOOD] * 3
    assert [row for row in found if row != GOOD] == [broken]


def test_lines_and_places_are_those_of_the_file(tmp_path: Path) -> None:
    text = f"\n[\n  {GOOD},\n  7,\n  {GOOD}\n]"
    for encoding in ("utf-8-sig", "utf-16", "cp932"):
        rows = read(tmp_path / "a.json", text, encoding)  # type: ignore[arg-type]
        data = (tmp_path / "a.json").read_bytes()
        assert [row.line.number for row in rows] == [3, 4, 5]
        codec = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
        assert [data[row.line.offset :][: row.line.length].decode(codec) for row in rows] == [GOOD, "7", GOOD]


def test_a_file_that_was_cut_off_is_said(tmp_path: Path) -> None:
    whole = read(tmp_path / "a.json", f"[{GOOD},\n{GOOD}]")
    between = read(tmp_path / "a.json", f"[{GOOD},\n{GOOD},")
    within = read(tmp_path / "a.json", f"[{GOOD},\n{GOOD[:30]}")
    assert [[row.text is None for row in rows] for rows in (whole, between, within)] == [
        [False, False],
        [False, False, True],
        [False, True],
    ]
    assert "cut off" in between[-1].problems[0].message


def test_an_element_over_the_limit_is_passed_over(tmp_path: Path) -> None:
    long = GOOD.replace("返品", "x" * 200_000)
    found = [*Elements([f"[{GOOD},{long},{GOOD},".encode()], limit=100_000)]
    assert [line.length for line in found] == [len(GOOD.encode()), len(long.encode()), len(GOOD.encode())]
    assert len(found[1].raw) == 65536
    open_end = GOOD[:-4] + "x" * 200_000
    blocks = f"[{GOOD},{open_end},{GOOD},{GOOD}]".encode()
    found = [*Elements((blocks[at : at + 5000] for at in range(0, len(blocks), 5000)), limit=100_000)]
    assert [line.raw == GOOD.encode() for line in found] == [True, False, True, True]


@pytest.mark.parametrize("unit", ["[", "{", '[{"', '{"a":', '"', '""', "\\", ",", "]", '"a": "', "\0", '[{"a": 1'])
def test_bombs_are_read_in_time_that_grows_as_they_do(unit: str) -> None:
    for start in ("[", '[{"a": "', '[{"a": 1}, '):
        data = (start + unit * (300_000 // len(unit))).encode()
        blocks = [data[at : at + 10_000] for at in range(0, len(data), 10_000)]
        steps = sum(1 for _ in Elements(blocks, limit=50_000))
        assert steps <= len(data)


@settings(max_examples=200)
@given(
    st.text(st.sampled_from('[]{},:"\\\n a1é'), max_size=60), st.sampled_from([1, 3, 100]), st.sampled_from([5, 1000])
)
def test_nothing_between_blanks_and_commas_is_lost(text: str, block: int, limit: int) -> None:
    """Whatever the bytes are, every one of them is in an element or is a blank, a comma or the list's bracket."""
    data = text.encode()
    found = [*Elements((data[at : at + block] for at in range(0, len(data), block)), limit=limit)]
    taken: list[Any] = [(line.offset, line.offset + line.length) for line in found]
    left = bytearray(data)
    for start, end in reversed(taken):
        del left[start:end]
    assert all(sign in b"[], \n" for sign in left)
    assert all(a[1] <= b[0] for a, b in pairwise(taken))
