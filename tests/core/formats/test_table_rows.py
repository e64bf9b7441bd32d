"""Tables come in record by record, and one that is broken waits alone with its line and its bytes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.formats import clipboard_text, column_mapping, csv_cells, jsonl, markdown_tables
from core.formats.encoded_text_lines import FileLine
from core.progress import Reporter


def read(path: Path, text: str, name: str = "t.csv", **options: Any) -> list[formats.FileRow]:
    file = path / name
    file.write_bytes(text.encode())
    return list(formats.read(file, Reporter(), formats.ReadingOptions(**options)))


def said(row: formats.FileRow) -> tuple[str, str]:
    value = json.loads(row.text or "null")
    return jsonl.question(value), jsonl.answer(value)


def found(rows: list[formats.FileRow]) -> list[Any]:
    """Each row's question and answer, or the line and the rule that it waits with."""
    return [said(row) if row.text else (row.line.number, row.problems[0].rule) for row in rows]


# --- records ---


def test_line_breaks_quotes_and_delimiters_inside_cells(tmp_path: Path) -> None:
    rows = read(tmp_path, 'question,answer\r\n"a ""b""\r\nc, d","e"\r\n\r\nf,"g\nh"')
    assert found(rows) == [('a "b"\r\nc, d', "e"), (4, "blank"), ("f", "g\nh")]
    assert [row.line.number for row in rows] == [2, 4, 5]
    data = (tmp_path / "t.csv").read_bytes()
    assert all(data[row.line.offset :][: row.line.length] == row.line.raw for row in rows)


def test_a_quote_that_is_never_closed_spoils_only_its_line(tmp_path: Path) -> None:
    good = '"q, 1","a\n1"\n'
    assert found(read(tmp_path, f'question,answer\n{good}q,"open\n{good}{good}')) == [
        ("q, 1", "a\n1"),
        (4, "quote-unclosed"),
        ("q, 1", "a\n1"),
        ("q, 1", "a\n1"),
    ]
    many = "".join(f"q{n},a{n}\n" for n in range(30_000))
    rows = read(tmp_path, f'question,answer\nq,"open\n{many}')
    assert [row.line.number for row in rows if row.text is None] == [2]
    assert len(rows) == 30_001
    assert rows[0].line.raw == b'q,"open'


def test_a_wrong_number_of_cells_is_said_and_empty_ones_at_the_end_are_not(tmp_path: Path) -> None:
    rows = read(tmp_path, "question,answer\none\nq,a\nq,a,b\nq,a,,\n")
    assert found(rows) == [(2, "cells-count"), ("q", "a"), (4, "cells-count"), ("q", "a")]
    assert rows[2].line.raw == b"q,a,b"
    assert "3 cells" in rows[2].problems[0].message


def test_a_gigantic_cell_and_bytes_of_no_encoding_wait_alone(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"question,answer\nq," + b"x" * (17 << 20) + b"\nq,\xff\xfe\xfd\nq,\0a\nq,a\n")
    rows = list(formats.read(tmp_path / "t.csv", Reporter()))
    assert found(rows) == [(2, "too-long"), (3, "encoding"), ("q", "\0a"), ("q", "a")]
    assert len(rows[0].line.raw) == 65536


def test_the_lines_of_an_old_mac_are_lines(tmp_path: Path) -> None:
    assert found(read(tmp_path, "question,answer\rq,a\rr,b\r")) == [("q", "a"), ("r", "b")]


def test_formulas_made_harmless_come_back_as_they_were(tmp_path: Path) -> None:
    rows = read(tmp_path, "question,answer\n'=1+1,'-5\n''=x,'quoted'\n")
    assert found(rows) == [("=1+1", "-5"), ("'=x", "'quoted'")]


# --- columns ---


def test_columns_are_guessed_from_their_names(tmp_path: Path) -> None:
    text = 'No,質問,回答,分割,タグ,メモ,要点,状態\n1,q,a,検証,"x, y",n,p,下書き\n2,q,a,どこか,,,,\n'
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    detected = formats.detect(tmp_path / "t.csv")
    assert detected.columns == ["No", "質問", "回答", "分割", "タグ", "メモ", "要点", "状態"]
    assert detected.mapping == {
        "question": "質問",
        "answer": "回答",
        "split": "分割",
        "status": "状態",
        "tags": "タグ",
        "notes": "メモ",
        "key_points": "要点",
    }
    assert detected.sample[0][:3] == ["1", "q", "a"]
    first, second = read(tmp_path, text)
    assert first.fields == {
        "split": "validation", "status": "draft", "tags": "x y", "notes": "n", "key_points": "p",
    }  # fmt: skip
    assert second.fields == {"notes": "split: どこか"}


def test_columns_can_be_matched_by_hand_with_a_head_or_without(tmp_path: Path) -> None:
    named = read(tmp_path, "x,y\nq,a\n", columns={"question": "y", "answer": "x"})
    assert found(named) == [("a", "q")]
    placed = read(tmp_path, "q,a\nr,b\n", columns={"question": "#2", "answer": "#1"})
    assert found(placed) == [("a", "q"), ("b", "r")]
    assert found(read(tmp_path, "x,y\nq,a\n", columns={"question": "z"})) == [(2, "cells-count")]


def test_names_that_stand_twice_and_none_at_all_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("question,,question,answer\n1,2,3,4\n")
    assert formats.detect(tmp_path / "t.csv").columns == ["question", "#2", "question #3", "answer"]
    assert found(read(tmp_path, "question,,question,answer\n1,2,3,4\n")) == [("1", "4")]


def test_a_column_of_json_is_the_row_to_the_letter(tmp_path: Path) -> None:
    row = '{"messages" : [{"role":"user","content":"q"},{"content":"\\u3042","role":"assistant","weight":1}]}'
    quoted = row.replace('"', '""')
    rows = read(tmp_path, f'data,split\n"{quoted}",test\n"{{broken",train\n')
    assert rows[0].text == row
    assert rows[0].fields == {"split": "test"}
    assert found(rows)[1] == (3, "json-broken")
    listed = '[{""role"": ""user"", ""content"": ""q""}, {""role"": ""assistant"", ""content"": ""a""}]'
    assert found(read(tmp_path, f'messages\n"{listed}"\n')) == [("q", "a")]


def test_an_instruction_with_an_input_is_one_question(tmp_path: Path) -> None:
    assert found(read(tmp_path, "instruction,input,output\ni,x,o\nj,,p\n")) == [("i\n\nx", "o"), ("j", "p")]


# --- Markdown ---


def test_tables_are_found_between_prose(tmp_path: Path) -> None:
    text = (
        "# Title | with a bar\n\na | b\n--|--\n\n| question | answer |\n|:--|--:|\n| a \\| b | x<br>y |\n| lonely |\n\n"
        "prose\n\nQ | A\n:-: | :-:\n&lt;br&gt; | C:\\\\new\nno bar\n"
    )
    rows = read(tmp_path, text, "t.md")
    assert found(rows) == [("a | b", "x\ny"), (9, "cells-count"), ("<br>", "C:\\\\new")]


def test_a_line_of_a_table_that_cannot_be_read_waits_and_the_table_goes_on(tmp_path: Path) -> None:
    long = b"|q|" + b"x" * (17 << 20) + b"|\n"
    (tmp_path / "t.md").write_bytes("|質問|回答|\n|--|--|\n|q|".encode() + b"\xff|\n" + long + b"|q|a|\n")
    rows = list(formats.read(tmp_path / "t.md", Reporter()))
    assert found(rows) == [(3, "encoding"), (4, "too-long"), ("q", "a")]


TEXT = st.text(st.sampled_from("ab|\\<br>&#;\"'\n\r\t ,=@-é日\u2028\x0b\0") | st.characters(codec="utf-8"), max_size=12)
ROWS = st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=5)


@settings(max_examples=300)
@given(TEXT)
def test_any_text_comes_back_from_a_markdown_cell(text: str) -> None:
    line = markdown_tables.write_record([text, text])
    assert line.count("\n") == 1
    assert markdown_tables.split_cells(line) == [text, text]


@settings(max_examples=300)
@given(ROWS)
def test_any_cells_come_back_from_the_clipboard(rows: list[list[str]]) -> None:
    assert clipboard_text.parse_cells(clipboard_text.to_text(rows)) == rows


@settings(max_examples=300)
@given(TEXT)
def test_any_text_made_harmless_comes_back(text: str) -> None:
    assert csv_cells.unescape_formula(csv_cells.escape_formula(text)) == text
    assert not csv_cells.escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


@settings(max_examples=300)
@given(TEXT)
def test_any_text_is_cells(text: str) -> None:
    assert all(isinstance(cell, str) for row in clipboard_text.parse_cells(text) for cell in row)
    clipboard_text.detect_pasted(text)


def test_a_quote_of_the_text_itself_is_no_quoting() -> None:
    assert clipboard_text.parse_cells('"a" b\tc\n"d\te') == [['"a" b', "c"], ['"d', "e"]]


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ('{"messages": []}', "jsonl"),
        ("question\tanswer\nq\ta", "tsv"),
        ("q\ta\nr\tb\n", "tsv"),
        ("| q | a |\n|--|--|\n| x | y |", "markdown"),
        ("question,answer\nq,a", "csv"),
        ("Just a sentence, and one more.", None),
        ("", None),
    ],
)
def test_pasted_text_is_known_by_its_form(text: str, format: str | None) -> None:
    detected = clipboard_text.detect_pasted(text)
    assert (detected and detected.format) == format


def test_a_line_of_blanks_is_no_rule_of_a_table_and_takes_no_time():
    lines = [FileLine(1, 0, b"a | b", 5), FileLine(2, 6, b" " * 9000 + b"- x", 9003)] * 200
    assert list(markdown_tables.iterate_records(lines)) == []


@pytest.mark.parametrize(
    ("sample", "is_head"),
    [
        ([["番号", "聞かれること", "お返事"], ["1", "何時から？", "14時から"], ["２", "休みは？", "火曜"]], True),
        ([["No.", "They ask", "We say"], ["1.", "When?", "At 3."], ["2.", "Where?", "Here."]], True),
        ([["1", "When?", "At 3."], ["2", "Where?", "Here."], ["3", "Why?", "So."]], False),
        ([["A", "When?"], ["B", "Where?"], ["C", "Why?"]], False),
        ([["Which number?", "7"], ["Which one?", "8"]], False),  # one row alone shows nothing
        ([], False),
    ],
)
def test_a_word_above_numbers_names_its_column(sample, is_head):
    assert column_mapping.is_above_numbers(sample) is is_head
