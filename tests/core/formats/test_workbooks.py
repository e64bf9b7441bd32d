"""Sheets as spreadsheet programs write them: read as they show, and refused where they would not fit into memory."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from core import formats
from core.errors import FormatError
from core.formats import number_formats, sheet_scan, workbooks
from core.formats.reading_options import ReadingOptions
from core.progress import Reporter
from tests.core.formats.test_files_as_people_bring_them import texts_of

DAY = datetime.datetime(2024, 5, 1, 13, 5, 9)


def write_excel(path: Path, sheets: dict[str, list[list[Any]]], **marks: Any) -> Path:
    """A workbook; `merged` are ranges of its last sheet, `codes` number formats by cell."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    for merged in marks.get("merged", ()):
        sheet.merge_cells(merged)
    for cell, code in marks.get("codes", {}).items():
        sheet[cell].number_format = code
    book.save(path)
    return path


def ods_cell(value: Any, shown: str = "", attributes: str = "") -> str:
    """A cell as LibreOffice writes it."""
    if value is None:
        return f"<table:table-cell {attributes}/>"
    kind = "string" if isinstance(value, str) else "float"
    number = "" if isinstance(value, str) else f' office:value="{value}"'
    note = "<office:annotation><text:p>a remark</text:p></office:annotation>" if "annotated" in attributes else ""
    text = "".join(f"<text:p>{line}</text:p>" for line in (shown or str(value)).split("\n"))
    return f'<table:table-cell office:value-type="{kind}"{number} {attributes}>{note}{text}</table:table-cell>'


def write_ods(path: Path, rows: list[str], name: str = "Tabelle1") -> Path:
    names = ["office:1.0", "table:1.0", "text:1.0"]
    spaces = " ".join(f'xmlns:{one[:-4]}="urn:oasis:names:tc:opendocument:xmlns:{one}"' for one in names)
    empty = '<table:table-row table:number-rows-repeated="1048500"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.3"><office:body><office:spreadsheet>'
        f'<table:table table:name="{name}"><table:table-column table:number-columns-repeated="16384"/>{"".join(rows)}{empty}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="urn:oasis"/>')
        archive.writestr("content.xml", content)
    return path


def read(path: Path, **options: Any) -> list[list[str]]:
    return [texts_of(row) for row in formats.read(path, Reporter(), ReadingOptions(**options))]


def test_a_sheet_is_read_as_it_shows(tmp_path: Path) -> None:
    rows = [
        ["Fragen 2024"],
        [],
        ["question", "answer", "tags"],
        [DAY.date(), 0.5, "a b"],
        [1234.5, 3.0, None],
        [None],
        [True, "x\ny"],
    ]
    path = write_excel(
        tmp_path / "t.xlsx", {"Info": [], "Data": rows, "More": [["question"], ["q"]]},
    )  # fmt: skip
    path = write_excel(
        tmp_path / "t.xlsx", {"Info": [], "More": [], "Data": rows}, merged=["A1:C1"],
        codes={"A4": "d.m.yyyy", "B4": "0%", "A5": '#,##0.00" €"'},
    )  # fmt: skip
    assert read(path) == [["1.5.2024", "50%"], ["1,234.50 €", "3"], ["TRUE", "x\ny"]]
    said = " ".join(formats.describe_reading(formats.detect(path)))
    assert "the sheet “Data”. Others: Info, More" in said
    assert "left out: “Fragen 2024”" in said
    first, *_others = formats.read(path, Reporter())
    assert (first.line.number, first.fields) == (4, {"tags": "a b"})


UNKNOWN_HEADINGS = ["No.", "What they ask", "What we say"]


@pytest.mark.parametrize(("merged", "columns"), [
    (["A1:C1"], {"question": "What they ask", "answer": "What we say"}),
    ([], {"question": "What they ask", "answer": "What we say"}),
])  # fmt: skip
def test_a_title_above_headings_of_its_own_is_no_row(
    tmp_path: Path, merged: list[str], columns: dict[str, str]
) -> None:
    rows = [["The counter"], UNKNOWN_HEADINGS, [1, "When is it open?", "At 7."], [2, "Who has the key?", "Odalys."]]
    path = write_excel(tmp_path / "t.xlsx", {"S": rows}, merged=merged)
    found = formats.detect(path)
    assert (found.has_head, found.columns) == (True, UNKNOWN_HEADINGS)
    assert found.doubts, "what the columns mean is asked"
    assert "left out: “The counter”" in " ".join(found.notes)
    assert read(path, columns=columns) == [["When is it open?", "At 7."], ["Who has the key?", "Odalys."]]
    by_number = read(path, columns={"question": "#2", "answer": "#3"})
    assert by_number[0] == ["What they ask", "What we say"], "a person may say that the headings are a row"


def test_a_question_without_an_answer_is_no_title(tmp_path: Path) -> None:
    rows = [["When is it open?", None], ["Who has the key?", "Odalys."]]
    path = write_excel(tmp_path / "t.xlsx", {"S": rows})
    assert len(read(path, columns={"question": "#1", "answer": "#2"})) == 2


def test_merged_cells_reach_over_what_they_cover(tmp_path: Path) -> None:
    rows = [
        ["question", "pairs", None],
        [None, "answer", "rejected"],
        ["q", "a", "b"],
        [None, "c", "d"],
        ["r", "e", "f"],
    ]
    path = write_excel(tmp_path / "t.xlsx", {"S": rows}, merged=["A1:A2", "B1:C1", "A3:A4"])
    assert read(path) == [["q", "a", "b"], ["q", "c", "d"], ["r", "e", "f"]]
    assert any("merged cell" in note for note in formats.describe_reading(formats.detect(path)))


def test_blank_columns_are_not_told_as_left_out(tmp_path: Path) -> None:
    path = write_excel(tmp_path / "t.xlsx", {"S": [[None, "question", "answer", None], [None, "q", "a", "x"]]})
    assert read(path) == [["q", "a"]]
    assert formats.describe_reading(formats.detect(path)) == ["Columns left out: #4."]


def test_formulas_without_results_and_errors_are_said(tmp_path: Path) -> None:
    path = write_excel(tmp_path / "t.xlsx", {"S": [["question", "answer"], ["=A1", "a"], ["#N/A", "b"]]})
    said = " ".join(formats.describe_reading(formats.detect(path)))
    assert "1 formula has no result" in said
    assert "1 cell shows an error" in said


def test_an_opendocument_sheet_is_read_as_it_shows(tmp_path: Path) -> None:
    cells = [
        [ods_cell("Title", attributes='table:number-columns-spanned="2"'), "<table:covered-table-cell/>"],
        [ods_cell("question", attributes='office:annotated="1"'), ods_cell("answer")],
        [ods_cell("one\ntwo", attributes='table:number-rows-spanned="2"'), ods_cell(0.5, "50 %")],
        ["<table:covered-table-cell/>", ods_cell(1234.5, "1.234,50 €")],
    ]  # fmt: skip
    rows = [f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells]
    rows.append(
        f'<table:table-row table:number-rows-repeated="2">{ods_cell("q")}{ods_cell(3, "3,0")}</table:table-row>'
    )
    path = write_ods(tmp_path / "t.ods", rows)
    assert read(path) == [["one\ntwo", "50 %"], ["one\ntwo", "1.234,50 €"], ["q", "3,0"], ["q", "3,0"]]


def test_a_sheet_is_named_and_its_columns_chosen(tmp_path: Path) -> None:
    path = write_excel(
        tmp_path / "t.xlsx", {"A": [["question", "answer"], ["q", "a"]], "B": [["Titel"], ["Frau", None, "Mann"], ["x", "y", "z"]]}
    )  # fmt: skip
    columns = {"question": "Frau", "answer": "#2"}
    assert read(path, sheet="B", columns=columns) == [["x", "y"]]
    with pytest.raises(FormatError, match="assistant="):
        read(path, sheet="B")
    with pytest.raises(FormatError, match="Its sheets are: A, B"):
        read(path, sheet="C")


def rewrite(path: Path, part: str, text: str) -> Path:
    """The workbook with another text in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | {part: text.encode()}).items():
            archive.writestr(name, content)
    return path


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
HOSTILE = {
    "one cell far away": (SHEET.format('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "million cells"),
    "an entity": ('<!DOCTYPE w [<!ENTITY a "b">]>' + SHEET.format('<row><c t="inlineStr"><is><t>&a;</t></is></c></row>'), "document type"),
    "broken XML": ("<worksheet><sheetData>", "damaged"),
    "no such encoding": ('<?xml version="1.0" encoding="UTF-88"?>' + SHEET.format(""), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_sheets_are_refused(tmp_path: Path, case: str) -> None:
    path = write_excel(tmp_path / "t.xlsx", {"S": [["question", "answer"], ["q", "a"]]})
    xml, reason = HOSTILE[case]
    with pytest.raises(FormatError, match=reason):
        read(rewrite(path, "xl/worksheets/sheet1.xml", xml))


def test_a_count_that_the_library_would_make_room_for_is_refused(tmp_path: Path) -> None:
    path = write_excel(tmp_path / "t.xlsx", {"S": [["question", "answer"], ["q", "a"]]})
    rewrite(path, "xl/sharedStrings.xml", '<sst xmlns="urn:x" count="99999999999" uniqueCount="2"/>')
    with pytest.raises(FormatError, match="million cells"):
        read(path)


def test_a_part_that_hides_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_excel(tmp_path / "t.xlsx", {"S": [["question", "answer"], ["q", "a"]]})
    rewrite(path, "xl/media/large.bin", "x" * 3_000_000)
    raw = path.read_bytes()
    path.write_bytes(raw.replace((3_000_000).to_bytes(4, "little"), (300).to_bytes(4, "little")))
    with pytest.raises(FormatError, match="unpacks to far more"):
        read(path)
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 1000)
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="unpacks to far more"):
        read(path)


def test_a_repeated_cell_of_opendocument_is_refused(tmp_path: Path) -> None:
    row = f'<table:table-row table:number-rows-repeated="1048576">{ods_cell("x", attributes="table:number-columns-repeated=" + chr(34) + "9000" + chr(34))}</table:table-row>'
    with pytest.raises(FormatError, match="million cells"):
        read(write_ods(tmp_path / "t.ods", [row]))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 and then nothing of a zip", "another kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "with a password"),
    ],
)
def test_what_only_looks_like_a_workbook_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(FormatError, match=reason):
        read(tmp_path / "t.xlsx")


def test_an_empty_sheet_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is empty"):
        read(write_excel(tmp_path / "t.xlsx", {"S": []}))


NUMBERS = [
    (0.5, "0%", "50%"), (1234.5, "#,##0.00", "1,234.50"), (-3.0, "0;(0)", "(3)"), (5.0, '"No. "000', "No. 005"), (2.5, "0", "3"),
    (12.5, "[$€-407]#,##0.00", "€12.50"), (0.1, "0.0##", "0.1"), (1500.0, "0,", "2"), (0.5, ".00", ".50"), (0.1 + 0.2, "", "0.3"),
    (1e-7, "0.00E+00", "1e-07"), (1.5, "# ?/?", "1.5"), (7.0, "[>5]0;1", "7"), (1000.0, "_-* #,##0_-", "1,000"), (1e20, "", "1e+20"),
    (DAY, "yyyy/mm/dd", "2024/05/01"), (DAY, "d. mmmm yyyy", "1. May 2024"), (DAY, "[$-407]mmmm", "2024-05-01 13:05:09"),
    (DAY, "h:mm AM/PM", "1:05 PM"), (DAY, "mm:ss", "05:09"), (DAY.date(), 'yyyy"年"m"月"d"日"', "2024年5月1日"), (DAY, "dddd", "Wednesday"),
    (DAY, "[$-411]ggge", "2024-05-01 13:05:09"), (datetime.timedelta(hours=30), "[h]:mm:ss", "30:00:00"), (datetime.time(9, 5), "h:mm", "9:05"),
    (True, "0", "TRUE"), ("text", "0%", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "shown"), NUMBERS)
def test_numbers_and_dates_are_written_as_shown(value: Any, code: str, shown: str) -> None:
    assert number_formats.show(value, code) == shown


def test_a_large_sheet_is_within_the_limit() -> None:
    assert sheet_scan.MAX_CELLS >= 1_000_000 * 10
