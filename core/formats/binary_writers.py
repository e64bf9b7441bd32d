"""Writes rows into files that are no text, row by row: Excel workbooks and Parquet."""

import datetime
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from core.formats import columnar_files, csv_cells
from core.formats.column_mapping import METADATA
from core.formats.conversion_losses import UnsupportedRow, get_plain_messages

MAX_CELL_LENGTH = 32_767  # UTF-16 code units, the limit of Excel
MAX_SHEET_ROWS = 1_048_576
COLUMN_WIDTH = 24  # characters
ROWS_PER_BATCH = 1000
CREATED = datetime.datetime(2000, 1, 1)  # the same rows give the same bytes

_NO_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")

Add = Callable[[Any], None]


def prepare_cells(cells: Sequence[str]) -> list[str]:
    """The cells of a sheet's row, none of which runs as a formula. Raises `UnsupportedRow` for one that does not fit."""
    safe = [csv_cells.escape_formula(cell) for cell in cells]
    if any(len(cell.encode("utf-16-le", "surrogatepass")) > 2 * MAX_CELL_LENGTH for cell in safe):
        raise UnsupportedRow("length")
    if any(_NO_XML.search(cell) for cell in safe):
        raise UnsupportedRow("characters")
    return safe


@contextmanager
def open_workbook(file: BinaryIO, names: Sequence[str]) -> Iterator[Add]:
    """Yield what adds a row of cells to a workbook with one sheet, and raises `UnsupportedRow` when the sheet is full."""
    from xlsxwriter import Workbook

    with tempfile.TemporaryDirectory(prefix="juku-") as folder:
        options = {"constant_memory": True, "tmpdir": folder}
        book = Workbook(file, options)
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(names) - 1, COLUMN_WIDTH)
        count = 0

        def add(cells: Sequence[str]) -> None:
            nonlocal count
            if count == MAX_SHEET_ROWS:
                raise UnsupportedRow("rows")
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write_string(count, column, cell)
            count += 1

        add(names)
        try:
            yield add
        except BaseException:
            for part in book.worksheets():
                part.row_data_fh.close()
            book.fileclosed = True
            raise
        book.close()


def build_record(data: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """A row of a Parquet file: messages and the row's own columns. Raises `UnsupportedRow` for more than plain texts."""
    messages = get_plain_messages(json.loads(data))
    return {"messages": messages, **{name: fields.get(name, "") for name in METADATA}}


def build_full_record(data: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The same, without messages where they do not fit, and with the row itself."""
    try:
        record = build_record(data, fields)
    except UnsupportedRow:
        record = {"messages": None, **{name: fields.get(name, "") for name in METADATA}}
    return record | {"data": data}


@contextmanager
def open_parquet(file: BinaryIO, names: Sequence[str]) -> Iterator[Add]:
    """Yield what adds a record to a Parquet file; `names` are its columns. Raises FormatError without the library."""
    arrow, parquet = columnar_files.import_library("pyarrow"), columnar_files.import_library("pyarrow.parquet")
    text = arrow.string()
    messages = arrow.list_(arrow.struct([("role", text), ("content", text)]))
    schema = arrow.schema([(name, messages if name == "messages" else text) for name in names])
    records: list[dict[str, Any]] = []
    with parquet.ParquetWriter(arrow.PythonFile(file, mode="w"), schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(arrow.Table.from_pylist(records, schema=schema))
            records.clear()

        def add(record: dict[str, Any]) -> None:
            records.append(record)
            if len(records) == ROWS_PER_BATCH:
                flush()

        yield add
        flush()
