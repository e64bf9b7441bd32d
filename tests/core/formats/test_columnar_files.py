"""Parquet and Arrow as pandas, Polars and Hugging Face write them: read as the rows that they stand for."""

import datetime
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from core import formats
from core.errors import FormatError
from core.formats import columnar_files, compressed_files
from core.formats.reading_options import ReadingOptions
from core.progress import Reporter
from tests.core.formats.test_files_as_people_bring_them import texts_of

CHAT = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


def write(path: Path, rows: list[dict[str, Any]], kind: str = "parquet") -> Path:
    table = pa.Table.from_pylist(rows)
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=100)
    elif kind == "feather":
        feather.write_feather(table, path)
    else:
        with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table)
    return path


def read(path: Path, **options: Any) -> list[formats.FileRow]:
    return list(formats.read(path, Reporter(), ReadingOptions(**options)))


@pytest.mark.parametrize("kind", ["parquet", "feather", "stream"])
def test_messages_in_columns_are_rows(tmp_path: Path, kind: str) -> None:
    rows = [{"messages": CHAT, "split": "test", "id": n} for n in range(600)]
    rows[1] = {"messages": [{"role": "system", "content": "s", "name": "x"}, *CHAT], "split": None, "id": 1}
    found = read(write(tmp_path / "t.bin", rows, kind))
    assert len(found) == 600
    assert json.loads(found[0].text or "") == {"messages": CHAT, "id": 0}
    assert (found[0].fields, found[599].line.number) == ({"split": "test"}, 600)
    assert texts_of(found[1]) == ["s", "q", "a"]
    detected = formats.detect(tmp_path / "t.bin")
    said = " ".join(formats.describe_reading(detected))
    assert ("Parquet" in said) == (kind == "parquet")
    rules = {problem.rule for _line, problem in formats.check_file(tmp_path / "t.bin", Reporter())}
    assert "not-json-lines" in rules


COLUMNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a flat table": ({"question": "q", "answer": "a", "topic": "x"}, ["q", "a"]),
    "messages as JSON text": ({"messages": json.dumps(CHAT)}, ["q", "a"]),
    "an object of lists": ({"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}}, ["q", "a"]),
    "sharegpt as an object of lists": ({"conversations": {"from": ["human", "gpt"], "value": ["q", "a"]}}, ["q", "a"]),
    "preferences": ({"prompt": "q", "chosen": "a", "rejected": "b"}, ["q", "a", "b"]),
    "conversational preferences": ({"chosen": CHAT, "rejected": [CHAT[0], {"role": "assistant", "content": "b"}],
                                    "score": float("nan"), "at": datetime.datetime(2024, 5, 1)}, ["q", "a", "b"]),
}  # fmt: skip


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_have_the_forms_of_json_rows(tmp_path: Path, case: str) -> None:
    value, texts = COLUMNS[case]
    (row,) = read(write(tmp_path / "t.parquet", [value]))
    assert texts_of(row) == texts
    assert row.problems == []


TIMES: dict[str, tuple[pa.Array, object]] = {
    "nanoseconds, as pandas writes": (pa.array([1], pa.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
    "a dictionary of them": (pa.array([1], pa.timestamp("ns")).dictionary_encode(), "1970-01-01 00:00:00.000000001"),
    "a time of day": (pa.array([1], pa.time64("ns")), "00:00:00.000000001"),
    "a duration": (pa.array([7], pa.duration("ns")), "7"),
    "a year that no calendar has": (pa.array([2**60], pa.timestamp("us")), "<value out of range: 1152921504606846976>"),
    "a time zone that is not known": (pa.array([5], pa.timestamp("us", "Mars/Phobos")), 5),
    "in lists": (pa.array([[1]], pa.list_(pa.timestamp("ns"))), ["1970-01-01 00:00:00.000000001"]),
    "in objects": (pa.array([{"n": 1, "d": 1}], pa.struct([("n", pa.int64()), ("d", pa.duration("ns"))])), {"n": 1, "d": "1"}),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMES)
def test_times_that_python_has_no_type_for_refuse_no_file(tmp_path: Path, case: str) -> None:
    column, value = TIMES[case]
    table = pa.table({"messages": [CHAT], "at": column})
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as out, pa.ipc.new_file(out, table.schema) as stream:
        stream.write_table(table)
    (row,) = read(tmp_path / "t.arrow")
    assert json.loads(row.text or "") == {"messages": CHAT, "at": value}


def test_columns_with_the_same_name_are_all_read(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array(["q"]), pa.array(["a"])], names=["x", "x"]), tmp_path / "t.parquet")
    (row,) = read(tmp_path / "t.parquet", columns={"question": "x", "answer": "x #2"})
    assert texts_of(row) == ["q", "a"]


def test_bytes_are_left_out_and_said(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "t.parquet", [{"messages": CHAT, "image": {"bytes": b"\x89PNG", "path": "a.png"}}]))
    assert row.lost == ("parts",)
    (flat,) = read(
        write(tmp_path / "t.parquet", [{"question": "q", "answer": "a", "image": b"\x89PNG", "notes": "n", "x": "y"}])
    )
    assert (flat.lost, flat.fields) == (("parts",), {"notes": 'n\n{"x": "y"}'})


def test_unknown_columns_are_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"colour": "red", "shade": "dark"}])
    with pytest.raises(FormatError, match="user=colour,assistant=shade"):
        read(path)
    (row,) = read(path, columns={"question": "colour", "answer": "shade"})
    assert texts_of(row) == ["red", "dark"]


def test_damaged_and_hostile_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.parquet", [{"question": "q" * 1000, "answer": "a"}] * 5000)
    monkeypatch.setattr(compressed_files, "ALWAYS_ALLOWED_BYTES", 1000)
    monkeypatch.setattr(compressed_files, "MAX_COMPRESSION_RATIO", 2)
    with pytest.raises(FormatError, match="far more than a text would"):
        read(path)
    raw = path.read_bytes()
    for damaged in (raw[:-9], b"PAR1" + b"\0" * 50, b"ARROW1\0\0" + b"\0" * 50, b"\xff\xff\xff\xff\xff\0\0\0"):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match="damaged"):
            read(path)


def test_without_the_library_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.parquet", [{"question": "q", "answer": "a"}])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FormatError, match=r"pip install .juku\[parquet\]"):
        read(path)
    assert columnar_files.detect_kind(path) == "parquet"
