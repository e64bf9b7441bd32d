"""Real files of every kind go in, and come out with nothing lost."""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks import LINE_LIMIT, check_line, repair
from core.errors import FormatError
from core.formats import READERS, WRITERS, jsonl
from core.progress import Cancelled, Progress, Reporter

GOOD = '{"messages": [{"role": "user", "content": "返品は？"}, {"role": "assistant", "content": "表のとおりです。"}]}'
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp932"]


def texts(path: Path) -> list[str | None]:
    return [row.text for row in jsonl.read(path, Reporter())]


def rules(path: Path) -> Counter[str]:
    return Counter(problem.rule for _number, problem in jsonl.check_file(path, Reporter()))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


# --- encodings and lines ---


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_encoding_is_recognised_and_read(file: Path, encoding: str, newline: str) -> None:
    file.write_bytes((GOOD + newline + newline + GOOD).encode(encoding))
    assert jsonl.sniff(file) == encoding
    lines = list(jsonl.lines(file))
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
    assert jsonl.sniff(file) == encoding
    assert texts(file) == [text, GOOD]
    assert next(jsonl.lines(file)).offset == 2


def test_one_bad_line_does_not_change_the_encoding_of_the_rest(file: Path) -> None:
    file.write_bytes(GOOD.encode() + b"\n" + GOOD.encode("cp932") + b"\n" + GOOD.encode("utf-16-le") + b"\n")
    assert jsonl.sniff(file) == "utf-8"
    rows = list(jsonl.read(file, Reporter()))
    assert rows[0].text == GOOD
    assert [row.problems[0].rule for row in rows[1:]] == ["encoding", "encoding"]
    assert [repair(row.line.raw) for row in rows[1:]] == [GOOD.encode(), GOOD.encode()]


def test_latin_text_is_not_taken_for_japanese(file: Path) -> None:
    file.write_bytes('{"a": "Übergrößen, née, café"}\n'.encode("cp1252") * 20)
    assert jsonl.sniff(file) == "cp1252"


def test_separators_and_zero_bytes_inside_a_line_do_not_split_it(file: Path) -> None:
    inner = '{"a": "x\u2028y\u2029z\x85\x0b\x1c"}'
    file.write_bytes(inner.encode() + b'\n{"a": "\0"}\n{"a":\r1}')
    lines = [line.raw for line in jsonl.lines(file)]
    assert lines == [inner.encode(), b'{"a": "\0"}', b'{"a":\r1}']


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_line_over_the_limit_is_cut_and_reading_goes_on(file: Path, encoding: Any) -> None:
    long = "あ" * 400_000
    file.write_bytes(f"{GOOD}\n{long}\r\n{GOOD}\n{long}".encode(encoding))
    first, cut, last, end = jsonl.lines(file, encoding, limit=1000)
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
    assert list(jsonl.lines(file)) == []
    assert rules(file) == {"too-few-rows": 1}


# --- whole files ---


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
    found = [(number, problem.rule) for number, problem in jsonl.check_file(file, Reporter())]
    assert found == [(0, "encoding-bom"), *expected]


def test_a_duplicate_names_the_first_line(file: Path) -> None:
    file.write_text(f"\n{GOOD}\n\n{GOOD}\n{GOOD}", encoding="utf-8")
    said = [problem.message for _, problem in jsonl.check_file(file, Reporter()) if problem.rule == "duplicate-row"]
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
    for reading in (jsonl.read(tmp_path / name, Reporter()), jsonl.check_file(tmp_path / name, Reporter())):
        with pytest.raises(FormatError, match="cannot be read"):
            next(iter(reading))


# --- writing ---


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


def test_each_suffix_has_its_reader(file: Path) -> None:
    assert WRITERS[".jsonl"](file, [GOOD]) == 1
    assert [row.text for row in READERS[".jsonl"](file, Reporter())] == [GOOD]


# --- previews and edits ---


def test_question_and_answer_of_any_row() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}]
    value = {"messages": [{"role": "user", "content": parts}, {"role": "assitant", "tool_calls": [call]}]}
    assert (jsonl.question(value), jsonl.answer(value)) == ("one\ntwo", 'add({"a": 1})')
    assert jsonl.message_text({"role": "assistant", "content": None, "refusal": "No."}) == "No."
    for odd in (None, [], {}, {"messages": 7}, {"messages": [7, {}]}, {"messages": [{"role": []}]}):
        assert (jsonl.question(odd), jsonl.answer(odd)) == ("", "")


def test_a_new_row_has_no_problem() -> None:
    for system in ("", "Be brief."):
        text = jsonl.new_row(system, "Q \ud83d", 'A "\n')
        assert [problem.rule for problem in check_line(text.encode()).problems] == ["whitespace"]
        assert jsonl.answer(json.loads(text)) == 'A "\n'
    assert json.loads(jsonl.new_row(" ", "Q", "A"))["messages"][0]["role"] == "user"


@pytest.mark.parametrize(
    ("role", "before", "after"),
    [
        (
            "user",
            '{"x":1.0, "messages" : [{"y":1e2,"content":"\\u3042","role":"user"}] ,"z":"\\/"}',
            '{"x":1.0, "messages" : [{"y":1e2,"content":"新","role":"user"}] ,"z":"\\/"}',
        ),
        (
            "assistant",
            '{"messages":[{"role":"assistant","content":"a"},{"role":"assitant","weight":1.0 }]}',
            '{"messages":[{"role":"assistant","content":"a"},{"role":"assitant","weight":1.0 , "content": "新"}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"user","content":[{"type":"image_url","n":1e1},{"t":1,"text":"a"},{"text":"b"}]}]}',
            '{"messages":[{"role":"user","content":[{"type":"image_url","n":1e1}, {"t":1,"text":"新"}]}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
            '{"messages":[{"role":"user","content":[{"type": "text", "text": "新"}, {"type":"image_url"}]}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"system","content":"s"},{"role":"assistant","content":"a"}]}',
            '{"messages":[{"role":"system","content":"s"},{"role": "user", "content": "新"}, '
            '{"role":"assistant","content":"a"}]}',
        ),
        ("assistant", '{"messages":[7]}', '{"messages":[7, {"role": "assistant", "content": "新"}]}'),
        ("user", '{"messages":[ ]}', '{"messages":[{"role": "user", "content": "新"} ]}'),
        ("user", '{"messages":null}', '{"messages":[{"role": "user", "content": "新"}]}'),
        ("user", '{"messages":"old"}', '{"messages":["old", {"role": "user", "content": "新"}]}'),
        ("user", '{"a":1}', '{"a":1, "messages": [{"role": "user", "content": "新"}]}'),
        ("user", "{}", '{"messages": [{"role": "user", "content": "新"}]}'),
    ],
)
def test_setting_a_content_keeps_the_rest_to_the_letter(role: str, before: str, after: str) -> None:
    assert jsonl.set_content(before, role, "新") == after


def test_setting_what_is_there_already_changes_nothing() -> None:
    text = '{"messages":[{"role":"user","content":[{"type":"text","text":"\\u3042"},{"type":"text","text":"b"}]}]}'
    assert jsonl.set_content(text, "user", "あ\nb") == text


def test_a_text_that_is_no_row_cannot_be_edited() -> None:
    for text in ("", "[1]", '{"a": NaN}', "[" * 100_000):
        with pytest.raises(FormatError):
            jsonl.set_content(text, "user", "x")


# --- any input at all ---

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


@settings(deadline=None, max_examples=200)
@given(ROW, st.sampled_from(["user", "assistant"]), st.text(), st.sampled_from([None, 1]))
def test_set_content_sets_it_and_keeps_every_other_value(
    value: dict[str, Any], role: str, content: str, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    edited = json.loads(jsonl.set_content(text, role, content))
    said = jsonl.question(edited) if role == "user" else jsonl.answer(edited)
    assert said == content
    assert {key: edited[key] for key in value if key != "messages"} == {
        key: value[key] for key in value if key != "messages"
    }
    before = value.get("messages")
    if isinstance(before, list):
        kept = [message for message in edited["messages"] if message in before]
        assert len(kept) >= len(before) - 1


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_bytes_make_reading_raise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    pieces = st.sampled_from([b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", GOOD.encode(), GOOD.encode("cp932")])
    utf16 = st.sampled_from([GOOD.encode("utf-16-le"), GOOD.encode("utf-16-be"), b"\n\0", b"\0\n", b"\x0a\x30"])
    path.write_bytes(b"".join(data.draw(st.lists(pieces | utf16 | st.binary(max_size=4), max_size=8))))
    encoding: Any = data.draw(st.sampled_from([None, *ENCODINGS]))
    lines = list(jsonl.lines(path, encoding, limit=data.draw(st.sampled_from([10, 1000]))))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(a.offset + a.length < b.offset for a, b in pairwise(lines))
    assert sum(1 for _ in jsonl.read(path, Reporter())) >= 0
    assert all(number >= 0 for number, _ in jsonl.check_file(path, Reporter()))


@settings(deadline=None, max_examples=50)
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
