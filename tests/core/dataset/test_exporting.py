"""What is written can be read back as it was; what a format cannot hold is counted; nothing is ever half written."""

import asyncio
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from core import formats
from core.checks.json_positions import dumps
from core.dataset import examples, exporting, importing
from core.dataset.examples import Example
from core.dataset.exporting import ExportOptions, ExportResult, export
from core.dataset.filters import Filter
from core.errors import FormatError
from core.formats import jsonl, row_writers
from core.formats.conversion_losses import UnsupportedRow
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


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.md", "t.xlsx", "t.parquet"])
def test_a_table_with_whole_rows_brings_every_row_back(project: Any, tmp_path: Path, name: str) -> None:
    fill(project, ODD, PLAIN, PLAIN, CALL, PREFERENCE, split="test", tags="x y", notes="=1|\n'", key_points="a;b")
    before = list(examples.iterate(project.rows))
    assert export(project.rows, tmp_path / name, options=ExportOptions(full=True)) == ExportResult(5)
    after = brought(tmp_path / name, project, skip_known=False)
    assert [row.data for row in after] == [row.data for row in before]
    assert same(after, before)


TEXT = st.text(
    st.sampled_from("ab|\\<br>&#;\"'\n\r\t ,=@-é日\u2028\x0b")
    | st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"),
    max_size=8,
)
WORDS = TEXT.filter(lambda text: text.strip())
SAID = st.builds(jsonl.new_row, TEXT.filter(lambda text: text.strip() or not text), WORDS, WORDS)


def write_rows(format: str, path: Path, rows: list[str]) -> None:
    writer = row_writers.WRITERS[format]
    if writer.open is None:
        path.write_bytes((writer.head + "".join(writer.row(row, {}) for row in rows)).encode())
        return
    with path.open("wb") as file, writer.open(file, writer.columns) as add:
        for row in rows:
            add(writer.row(row, {}))


@pytest.mark.parametrize("format", [name for name in row_writers.WRITERS if name not in ("dpo", "trl")])
@settings(max_examples=60)
@given(rows=st.lists(SAID, min_size=1, max_size=4))
def test_reading_what_was_written_gives_the_rows_again(
    tmp_path_factory: pytest.TempPathFactory, format: str, rows: list[str]
) -> None:
    writer = row_writers.WRITERS[format]
    path = tmp_path_factory.getbasetemp() / f"round{writer.suffix}"
    write_rows(format, path, rows)
    known = formats.ReadingOptions(format if writer.open is None else "")
    read = list(formats.read(path, Reporter(), known))
    assert [row.text for row in read] == rows
    assert not any(row.fields for row in read)


ROLES = st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=4)
TALKS = st.builds(
    lambda system, roles, texts: dumps({"messages": [
        *([{"role": "system", "content": system}] if system else []),
        *({"role": role, "content": text} for role, text in zip(roles, texts, strict=False)),
    ]}),
    st.one_of(st.none(), WORDS), ROLES, st.lists(TEXT, min_size=4, max_size=4),
)  # fmt: skip


@pytest.mark.parametrize("format", ["sharegpt", "promptcompletion", "gemini", "anthropic", "parquet"])
@settings(max_examples=60)
@given(rows=st.lists(TALKS, min_size=1, max_size=4))
def test_conversations_come_back_or_are_left_out(
    tmp_path_factory: pytest.TempPathFactory, format: str, rows: list[str]
) -> None:
    writer, fitting = row_writers.WRITERS[format], []
    for row in rows:
        try:
            writer.row(row, {})
            fitting.append(row)
        except UnsupportedRow as reason:
            assert format == "promptcompletion", reason.reason
    path = tmp_path_factory.getbasetemp() / f"talks{writer.suffix}"
    write_rows(format, path, fitting)
    if fitting:
        known = formats.ReadingOptions("" if writer.open or format == "anthropic" else format)
        read = [json.loads(row.text or "") for row in formats.read(path, Reporter(), known)]
        assert read == [json.loads(row) for row in fitting]


@settings(max_examples=60)
@given(talk=TALKS, chosen=TEXT, rejected=TEXT)
def test_preferences_come_back_from_trl(
    tmp_path_factory: pytest.TempPathFactory, talk: str, chosen: str, rejected: str
) -> None:
    prompt = json.loads(talk)["messages"]
    sides = [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
    row = dumps({"input": {"messages": prompt}, "preferred_output": sides[0], "non_preferred_output": sides[1]})
    path = tmp_path_factory.getbasetemp() / "preferences.jsonl"
    try:
        write_rows("trl", path, [row])
    except UnsupportedRow as reason:
        assert reason.reason == "question"
        assert not any(message["role"] == "user" for message in prompt)
        return
    (read,) = formats.read(path, Reporter())
    assert json.loads(read.text or "") == json.loads(row)


# --- what a format cannot hold ---


@pytest.mark.parametrize(
    ("format", "rows", "left_out"),
    [
        ("sharegpt", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("promptcompletion", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("gemini", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("anthropic", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("parquet", 2, {"keys": 1, "tools": 1, "messages": 1}),
        ("xlsx", 1, {"keys": 1, "tools": 1, "messages": 1, "turns": 1}),
        ("trl", 1, {"rejected": 4}),
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
    names = ["a.jsonl", "a.csv.gz", "a.TSV", "a.md", "a", "a.txt", "a.xlsx", "a.parquet"]
    assert [exporting.detect_format(Path(name)) for name in names] == [
        "jsonl", "csv", "tsv", "markdown", "huggingface", "jsonl", "xlsx", "parquet",
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
    card = yaml.safe_load(readme.split("---\n")[1])
    assert (card["pretty_name"], card["size_categories"]) == ("my set", ["n<1K"])
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


def test_a_folder_of_parquet_has_the_names_of_the_hub(project: Any, tmp_path: Path) -> None:
    fill(project, PLAIN, ODD, tags="x")
    fill(project, TURNS, split="validation")
    folder = tmp_path / "set"
    for _again in range(2):
        assert export(project.rows, folder, format="huggingface-parquet") == ExportResult(2, {"keys": 1})
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    (config,) = card["configs"]
    assert [file["split"] for file in config["data_files"]] == ["train", "validation"]
    train, validation = (folder / file["path"] for file in config["data_files"])
    assert train.name == "train-00000-of-00001.parquet"
    (row,) = formats.read(train, Reporter())
    assert (row.text, row.fields["tags"]) == (PLAIN, "x")
    assert parquet.read_table(validation).column("messages").to_pylist() == [json.loads(TURNS)["messages"]]


def test_what_a_sheet_cannot_hold_is_left_out_and_nothing_runs_as_a_formula(project: Any, tmp_path: Path) -> None:
    texts = ["=cmd()", "-1", "x" * 32_767, "x" * 32_768, "\ufffe", "\r\n\x01_x0041_ "]
    fill(project, *(jsonl.new_row("", "q", text) for text in texts))
    found = export(project.rows, tmp_path / "t.xlsx")
    assert found == ExportResult(4, {"length": 1, "characters": 1})
    cells = [row[2] for row in openpyxl.load_workbook(tmp_path / "t.xlsx").active.iter_rows(values_only=True)]
    assert cells[1:3] == ["'=cmd()", "'-1"]
    assert [row.answer for row in brought(tmp_path / "t.xlsx", project)][:2] == ["=cmd()", "-1"]
    assert json.loads(list(examples.iterate(project.rows))[-1].data)["messages"][1]["content"] == texts[-1]


def test_what_the_format_has_no_columns_for_is_told(project: Any, tmp_path: Path) -> None:
    fill(project, PLAIN, tags="x", split="test", facts="f")
    fill(project, TURNS, notes="n")
    ids = list(examples.find_ids(project.rows, Filter()))
    for choice in (Filter(), ids):
        found = export(project.rows, tmp_path / "t.jsonl", choice, "gemini")
        assert found.unwritten == {"split": 1, "facts": 1, "tags": 1, "notes": 1}
    assert "split (1), facts (1)" in exporting.describe_unwritten(found)[0]
    assert export(project.rows, tmp_path / "set").unwritten == {"facts": 1, "tags": 1, "notes": 1}
    assert export(project.rows, tmp_path / "t.csv").unwritten == {}


def test_nothing_to_write_is_no_folder(project: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        export(project.rows, tmp_path / "set")
    assert not (tmp_path / "set").exists()
