"""What is written can be read back as it was; what a format cannot hold is counted; nothing is ever half written."""

import asyncio
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.checks.json_positions import dumps
from core.dataset import examples, exporting, importing
from core.dataset.examples import Example
from core.dataset.exporting import ExportOptions, ExportResult, export
from core.dataset.filters import Filter
from core.errors import FormatError
from core.formats import jsonl, row_writers
from core.progress import Cancelled, Reporter

ODD = '{"messages":[{"role":"user","content":"\\u3042 1"},{"role":"assistant","weight":1,"content":"b"}], "n":1.0e2}'
CALL = (
    '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [{"id": "c", "type": '
    '"function", "function": {"name": "f", "arguments": "{}"}}]}]}'
)
PREFERENCE = (
    '{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_completion" : [{"role": "assistant", '
    '"content": "a"}], "non_preferred_completion": [{"role": "assistant", "content": "b"}]}'
)
TURNS = dumps({"messages": [{"role": role, "content": role} for role in ("user", "assistant") * 2]})
PLAIN = jsonl.new_row("短く。", "返品は？", "表の\nとおり。")


def fill(project: Any, *texts: str, **fields: Any) -> None:
    asyncio.run(project.write("Add", examples.add, [examples.read_row(text, **fields) for text in texts]))


def brought(path: Path, project: Any, **options: Any) -> list[Example]:
    """The rows that the file brings into an empty project."""
    asyncio.run(project.write("Clear", examples.delete, list(examples.find_ids(project.rows, Filter()))))
    asyncio.run(importing.import_file(project, path, importing.ImportOptions(**options)))
    return list(examples.iterate(project.rows))


def same(rows: list[Example], others: list[Example]) -> bool:
    def own(row: Example) -> tuple[Any, ...]:
        return (json.loads(row.data), *(getattr(row, name) for name in examples.METADATA_FIELDS))

    return [own(row) for row in rows] == [own(row) for row in others]


# --- round trips ---


def test_lines_come_out_to_the_letter_and_always_the_same(project: Any, tmp_path: Path) -> None:
    texts = [ODD, PLAIN, CALL, PREFERENCE, TURNS, '{\n "messages": []\n}']
    fill(project, *texts)
    for name in ("a.jsonl", "b.jsonl"):
        assert export(project.rows, tmp_path / name) == ExportResult(6)
    data = (tmp_path / "a.jsonl").read_bytes()
    assert data == (tmp_path / "b.jsonl").read_bytes()
    assert data == "".join(text.replace("\n", " ") + "\n" for text in texts).encode()
    assert [row.data for row in brought(tmp_path / "a.jsonl", project)][:5] == texts[:5]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.md"])
def test_a_table_with_whole_rows_brings_every_row_back(project: Any, tmp_path: Path, name: str) -> None:
    fill(project, ODD, PLAIN, PLAIN, CALL, PREFERENCE, split="test", tags="x y", notes="=1|\n'", key_points="a;b")
    before = list(examples.iterate(project.rows))
    assert export(project.rows, tmp_path / name, options=ExportOptions(full=True)) == ExportResult(5)
    after = brought(tmp_path / name, project, skip_known=False)
    assert [row.data for row in after] == [row.data for row in before]
    assert same(after, before)


TEXT = st.text(st.sampled_from("ab|\\<br>&#;\"'\n\r\t ,=@-é日\u2028\x0b") | st.characters(codec="utf-8"), max_size=8)
WORDS = TEXT.filter(lambda text: text.strip())
SAID = st.builds(jsonl.new_row, TEXT.filter(lambda text: text.strip() or not text), WORDS, WORDS)


@pytest.mark.parametrize("format", ["jsonl", "sharegpt", "alpaca", "csv", "tsv", "markdown"])
@settings(max_examples=60)
@given(rows=st.lists(SAID, min_size=1, max_size=4))
def test_reading_what_was_written_gives_the_rows_again(
    tmp_path_factory: pytest.TempPathFactory, format: str, rows: list[str]
) -> None:
    writer = row_writers.WRITERS[format]
    path = tmp_path_factory.getbasetemp() / f"round{writer.suffix}"
    path.write_bytes((writer.head + "".join(writer.row(row, {}) for row in rows)).encode())
    read = list(formats.read(path, Reporter(), formats.ReadingOptions(format)))
    assert [row.text for row in read] == rows
    assert not any(row.fields for row in read)


# --- what a format cannot hold ---


@pytest.mark.parametrize(
    ("format", "rows", "left_out"),
    [
        ("sharegpt", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("alpaca", 1, {"keys": 1, "tools": 1, "messages": 1, "turns": 1}),
        ("csv", 1, {"keys": 1, "tools": 1, "messages": 1, "turns": 1}),
        ("dpo", 1, {"rejected": 4}),
        ("jsonl", 5, {}),
    ],
)
def test_rows_that_do_not_fit_are_left_out_and_counted(
    project: Any, tmp_path: Path, format: str, rows: int, left_out: dict[str, int]
) -> None:
    fill(project, ODD, CALL, PREFERENCE, TURNS, PLAIN)
    found = export(project.rows, tmp_path / "out", format=format)
    assert found == ExportResult(rows, left_out)
    assert all(formats.format_loss_reason(reason) for reason in left_out)


def test_preferences_get_the_names_of_today_and_stay_to_the_letter_else(project: Any, tmp_path: Path) -> None:
    fill(project, PREFERENCE)
    export(project.rows, tmp_path / "p.jsonl", format="dpo")
    assert (tmp_path / "p.jsonl").read_text() == PREFERENCE.replace("_completion", "_output") + "\n"


def test_keys_in_the_usual_order_keep_texts_and_numbers_as_spelled(project: Any, tmp_path: Path) -> None:
    fill(project, '{"n":1.0e2,"n":2, "messages" : [{"content":"\\u3042", "role":"user"}]}')
    export(project.rows, tmp_path / "c.jsonl", options=ExportOptions(canonical=True))
    expected = '{"messages": [{"role": "user", "content": "\\u3042"}], "n": 1.0e2, "n": 2}\n'
    assert (tmp_path / "c.jsonl").read_text() == expected


def test_weights_of_turns_go_through_sharegpt(project: Any, tmp_path: Path) -> None:
    row = PLAIN.replace('"表の', '"表の').replace('"role": "assistant", ', '"role": "assistant", "weight": 0, ')
    text = row_writers.WRITERS["sharegpt"].row(row, {})
    (tmp_path / "s.jsonl").write_text(text, encoding="utf-8")
    (read,) = formats.read(tmp_path / "s.jsonl", Reporter())
    assert json.loads(read.text or "") == json.loads(row)


# --- files ---


def test_choices_marks_and_compression(project: Any, tmp_path: Path) -> None:
    fill(project, *(jsonl.new_row("", f"q{n}", "a") for n in range(5)))
    fill(project, PLAIN, split="test")
    ids = list(examples.find_ids(project.rows, Filter()))
    assert export(project.rows, tmp_path / "t.jsonl", Filter(split="test")).rows == 1
    assert export(project.rows, tmp_path / "i.jsonl.gz", [ids[3], ids[1]], options=ExportOptions(bom=True)).rows == 2
    packed = (tmp_path / "i.jsonl.gz").read_bytes()
    assert gzip.decompress(packed).startswith(b"\xef\xbb\xbf")
    export(project.rows, tmp_path / "j.jsonl.gz", [ids[3], ids[1]], options=ExportOptions(bom=True))
    assert packed == (tmp_path / "j.jsonl.gz").read_bytes()
    assert [row.question for row in brought(tmp_path / "i.jsonl.gz", project)] == ["q3", "q1"]


def test_a_spreadsheet_sees_its_mark_and_no_formula(project: Any, tmp_path: Path) -> None:
    fill(project, jsonl.new_row("", "=cmd()", "-1"))
    export(project.rows, tmp_path / "t.csv")
    data = (tmp_path / "t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfsystem,question,answer,split")
    assert b"\r\n,'=cmd(),'-1,train," in data


def test_the_format_follows_the_name() -> None:
    names = ["a.jsonl", "a.csv.gz", "a.TSV", "a.md", "a", "a.txt"]
    assert [exporting.detect_format(Path(name)) for name in names] == [
        "jsonl", "csv", "tsv", "markdown", "huggingface", "jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "folder"])
def test_an_export_that_stops_leaves_what_was_there(project: Any, tmp_path: Path, name: str) -> None:
    fill(project, *(jsonl.new_row("", f"q{n}", "a") for n in range(3000)))
    target = tmp_path / "out" / name
    target.parent.mkdir()
    export(project.rows, target, Filter(split="train"))
    content = {path: path.read_bytes() for path in target.parent.rglob("*") if path.is_file()}
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        export(project.rows, target, reporter=reporter)
    assert {path: path.read_bytes() for path in target.parent.rglob("*") if path.is_file()} == content
    assert len(list(target.parent.iterdir())) == 1


def test_a_card_says_counts_hashes_and_problems(project: Any, tmp_path: Path) -> None:
    fill(project, PLAIN, ODD)
    fill(project, PLAIN, split="test")
    export(project.rows, tmp_path / "d.jsonl", options=ExportOptions(card=True, date="2026-11-24", title="規程"))
    text = (tmp_path / "d.jsonl.card.md").read_text(encoding="utf-8")
    assert "# 規程" in text
    assert "2026-11-24" in text
    assert "train 2, test 1" in text
    assert hashlib.sha256((tmp_path / "d.jsonl").read_bytes()).hexdigest() in text
    assert "`key-unknown`) | 1 |" in text


# --- a folder for the hub ---


def test_a_folder_for_the_hub_has_its_splits_and_is_replaced_by_the_next(project: Any, tmp_path: Path) -> None:
    fill(project, PLAIN, ODD)
    fill(project, TURNS, split="test")
    folder = tmp_path / "my set"
    assert export(project.rows, folder) == ExportResult(3)
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["test.jsonl", "train.jsonl"]
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith('---\npretty_name: "my set"\nconfigs:\n- config_name: default\n  data_files:\n')
    assert "  - split: train\n    path: data/train.jsonl\n  - split: test\n    path: data/test.jsonl\n---\n" in readme
    ids = list(examples.find_ids(project.rows, Filter()))
    assert export(project.rows, folder, ids[:1]) == ExportResult(1)
    assert [path.name for path in (folder / "data").iterdir()] == ["train.jsonl"]
    lock = f".{project.path.name}.lock"  # the project's own, while it is open
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [lock]


@pytest.mark.parametrize("name", ["notes.txt", "README.md", "data/train.jsonl", ".git/config", "data/other.jsonl"])
def test_a_folder_with_other_files_is_left_alone(project: Any, tmp_path: Path, name: str) -> None:
    fill(project, PLAIN)
    folder = tmp_path / "set"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(FormatError, match="other files"):
        export(project.rows, folder, format="huggingface")
    assert (folder / name).read_text() == "mine"


def test_nothing_to_write_is_no_folder(project: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        export(project.rows, tmp_path / "set")
    assert not (tmp_path / "set").exists()
