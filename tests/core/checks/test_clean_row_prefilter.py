"""Many lines judged at once, against each line read by itself."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.checks import LINE_LIMIT, Problem, check, check_line, decode
from core.checks.check_line import clean_messages
from core.checks.clean_row_prefilter import MAX_BLOCK_BYTES, Scanner
from core.checks.prefilter_layouts import WORD
from core.formats import line_chunks as chunks_module
from core.formats.check_file import check_lines
from core.formats.encoded_text_lines import read_lines
from core.formats.input_files import open_file
from core.formats.line_chunks import read_chunks
from core.progress import Reporter

LAYOUTS = [(", ", ": "), (",", ":")]


def row(*said: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def slow(raw: bytes) -> list[Problem]:
    """All problems, by reading the line as carefully as can be."""
    decoded = decode(raw)
    return decoded.problems + (check(decoded.value) if decoded.text is not None else [])


def scanned(block: bytes) -> list[tuple[bytes, bool]]:
    scan = Scanner().scan(bytearray(block) + bytes(WORD), len(block))
    places = zip(scan.starts.tolist(), scan.ends.tolist(), scan.clean.tolist(), strict=True)
    return [(block[start:end], clean) for start, end, clean in places]


def agree(block: bytes) -> None:
    """The lines are the file's, and none with a problem is called clean."""
    found = scanned(block)
    expected = block.split(b"\n")
    if block.endswith(b"\n"):
        expected.pop()
    assert [line for line, _clean in found] == [line.rstrip(b"\r") for line in expected]
    assert not [line for line, clean in found if clean and slow(line)]


# Texts that end or begin with what may be a blank, hold what must be escaped, or come in every length of UTF-8.
BLANKS = [" ", "\u3000", "\u00a0", "\u2003", "\u1680", "\u205f", "\u2028", "\u0085", "\n", "\t", "\x0b", "\x1f", "\x7f"]
MARKS = ["\\", '"', "/", "u", "b", "|", "<", "<|im_end|>"]
LETTERS = ["a", "é", "あ", "。", "「", "…", "😀", "\ud83d", "\ude00", "\u0800"]
PIECE = st.sampled_from([*BLANKS, *MARKS, *LETTERS])
TEXT = st.lists(PIECE | st.text(max_size=3), max_size=5).map("".join)
ROLE = st.sampled_from(["system", "developer", "user", "assistant", "assistant", "assitant", "tool"])
ROW = st.lists(st.tuples(ROLE, TEXT), max_size=4).map(lambda said: row(*said))


@st.composite
def line(draw: st.DrawFn) -> bytes:
    escaped, separators = draw(st.booleans()), draw(st.sampled_from(LAYOUTS))
    raw = json.dumps(draw(ROW), ensure_ascii=escaped, separators=separators).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):  # and then a slip
        at = draw(st.integers(0, len(raw)))
        noise = draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b" ", b"\\u", b"\r", b"\xe3\x80", b"}", b","])
        )
        raw = raw[:at] + noise + raw[at + draw(st.integers(0, 2)) :]
    return raw


@settings(max_examples=400)
@given(st.lists(line(), min_size=1, max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r\r\n"]), st.booleans())
@example([b""], b"\n", True)
@example([b"\xe3\x80"], b"\n", False)
def test_nothing_with_a_problem_is_called_clean(raws: list[bytes], newline: bytes, closed: bool) -> None:
    """`agree` compares each line with what the whole check says of it."""
    block = newline.join(raws) + (newline if closed else b"")
    if block:
        agree(block)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXT), max_size=3), st.booleans())
def test_the_short_way_of_one_line_and_the_careful_one_agree(said: list[tuple[str, str]], escaped: bool) -> None:
    raw = json.dumps(row(*said), ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert (clean_messages(raw) is not None) == (not slow(raw))


@pytest.mark.parametrize("separators", LAYOUTS)
@pytest.mark.parametrize("escaped", [False, True])
def test_plain_rows_are_seen_to_be_clean(separators: tuple[str, str], escaped: bool) -> None:
    answers = ["A", "「はい」。", 'né 😀\\n "x" \\\\ /', "def f(x):\n    return 1\n# \u00fc."]
    rows = [row(("system", "S"), ("user", "Q"), ("assistant", answer)) for answer in answers]
    rows.append(row(("developer", "S"), ("user", "Q"), ("assistant", "a"), ("user", "q"), ("assistant", "b")))
    block = "\n".join(json.dumps(one, ensure_ascii=escaped, separators=separators) for one in rows).encode()
    assert [clean for _line, clean in scanned(block)] == [True] * len(rows)


BROKEN = [
    b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8", b"\xe3\x80",
    b"\x80", b"\x00", b"\x1f", b"\t", b"\\x", b"\\u12g4", b"\\ud83d", b"\\ude00", b"\\ude00\\ud83d", b"\\u", b'"', b"\\",
    b"<|im_end|>", b"\\u003c|im_end|>", b"<\\u007Cim_end|>", b'", "content": "b', b'"}, {"role": "admin", "content": "b',
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", [b"a%sc", b"%s", b"%sc", b"a%s"])
def test_each_thing_that_breaks_a_text_is_seen(broken: bytes, place: bytes) -> None:
    good = b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}'
    for bad in (good.replace(b"A", place % broken), good.replace(b"Q", place % broken)):
        assert slow(bad)
        assert [clean for _line, clean in scanned(good + b"\n" + bad + b"\n" + good)][1] is False
        agree(good + b"\n" + bad + b"\n" + good)


@pytest.mark.parametrize(
    "blank", [" ", "\u3000", "\u00a0", "\u0085", "\u1680", "\u2000", "\u200a", "\u2028", "\u202f", "\u205f"]
)
def test_each_blank_at_an_edge_is_seen(blank: str) -> None:
    for text in (f"{blank}a", f"a{blank}", f"{blank}あい", f"あい{blank}"):
        for escaped in (False, True):
            raw = json.dumps(row(("user", "Q"), ("assistant", text)), ensure_ascii=escaped).encode()
            assert scanned(raw) == [(raw, False)]


def test_a_key_twice_in_a_row_is_seen() -> None:
    good = json.dumps(row(("user", "Q"), ("assistant", "A"))).encode()
    for bad in (
        good.replace(b'"role": "user"', b'"role": "user", "role": "user"'),
        good.replace(b'"content": "A"', b'"content": "A", "content": "A", "role": "assistant", "role": "user"'),
        good.replace(b'{"messages": ', b'{"messages": [], "messages": '),
    ):
        assert [clean for _line, clean in scanned(good + b"\n" + bad)] == [True, False]
        agree(good + b"\n" + bad)


def test_equal_lines_have_equal_digests_wherever_they_stand() -> None:
    chance = random.Random(1)
    raws = [bytes(chance.choices(b"abc", k=chance.randint(0, 40))) for _ in range(300)]
    block = b"\n".join(raws)
    digests = Scanner().scan(bytearray(block) + bytes(WORD), len(block)).digests.tolist()
    of = {raw: digest for raw, digest in zip(raws, digests, strict=True)}
    assert [of[raw] for raw in raws] == digests
    assert 0 not in digests
    other = Scanner().scan(bytearray(b"x" + block) + bytes(WORD), len(block) + 1).digests.tolist()
    assert other[1:] == digests[1:]


# --- files ---


def of_file(path: Path) -> list[tuple[int, str, str]]:
    return sorted((number, found.rule, found.path) for number, found in check_lines(path, Reporter()))


def line_by_line(path: Path) -> list[tuple[int, str, str]]:
    found, first, rows = [], {}, 0
    for one in read_lines(path, "utf-8"):
        text, problems = check_line(one.raw)
        found += [(one.number, problem.rule, problem.path) for problem in problems]
        if text is not None:
            rows += 1
            if first.setdefault(one.raw, one.number) != one.number:
                found.append((one.number, "duplicate-row", ""))
    return sorted([*found, *([(0, "too-few-rows", "")] if rows < 10 else [])])


@settings(max_examples=100)
@given(st.lists(line(), max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.sampled_from([1, 7, 100, 1 << 20]))
def test_a_file_checked_in_blocks_has_the_problems_of_its_lines(
    tmp_path_factory: pytest.TempPathFactory, raws: list[bytes], newline: bytes, block: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_bytes(b'{"a": "\xe3\x81\x82"}\n' + newline.join([*raws, *raws[:2]]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_module, "BLOCK_BYTES", block)
        patch.setattr(chunks_module, "_BUFFER_BYTES", 2 * block + WORD)
        assert of_file(path) == line_by_line(path)


def test_rows_that_differ_in_one_byte_are_not_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    answers = [f"{'x' * (300 + 10 * (n % 7))}{n % 3}{'y' * 300}" for n in range(210)]
    path.write_text("\n".join(json.dumps(row(("user", "Q"), ("assistant", a))) for a in answers), encoding="utf-8")
    assert of_file(path) == line_by_line(path)
    assert len(of_file(path)) == 210 - 21


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "length", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, LINE_LIMIT + 3 * chunks_module.BLOCK_BYTES]
)
def test_giant_lines_are_met_within_bounds(tmp_path: Path, ending: bytes, length: int) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps(row(("user", "Q"), ("assistant", "A"))).encode()
    path.write_bytes(good + b"\n" + b"x" * length + ending + (good if ending else b""))
    rules = [(number, rule) for number, rule, _path in of_file(path) if number]
    expected = [(2, "too-long" if length > LINE_LIMIT else "json-broken")]
    assert rules == expected + ([(3, "duplicate-row")] if ending else [])
    with open_file(path) as file:
        lengths = [(chunk.length, len(chunk.data)) for chunk in read_chunks(file)]
    assert max(size for _length, size in lengths) <= 3 * LINE_LIMIT
    assert [found for found, _size in lengths if found] == [length] * (length > LINE_LIMIT + 4)


def test_a_block_too_large_to_scan_is_left_to_the_slow_way() -> None:
    block = json.dumps(row(("user", "Q"), ("assistant", "A" * MAX_BLOCK_BYTES))).encode()
    assert scanned(block + b"\n" + block) == [(block, False), (block, False)]
