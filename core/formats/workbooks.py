"""Reads the sheets of Excel and OpenDocument workbooks as tables: what the sheet shows, with merged cells filled."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple
from xml.parsers.expat import ExpatError

from core.checks import LINE_LIMIT, too_long
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats import column_mapping, csv_cells, sheet_scan, zip_directory
from core.formats.csv_parser import TableRecord
from core.formats.encoded_text_lines import FileLine
from core.formats.input_files import open_file
from core.formats.sheet_scan import ExcelScan, HostileXmlError, Merge, OpenDocumentScan, SheetScan
from core.language import tr
from core.progress import Reporter

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

KINDS = ("xlsx", "ods")
MAX_UNPACKED_BYTES = 300_000_000  # of all parts of a workbook
MAX_MEMBERS = 10_000
MAX_ROWS_BEFORE_HEAD = 10  # a title and remarks stand above the headings
MAX_HEADING_CHARACTERS = 40  # of a heading whose name is not known
ROWS_PER_REPORT = 1000
_BLOCK_BYTES = 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, zlib.error, ExpatError, LookupError, ValueError, EOFError, RuntimeError)


class Sheet(NamedTuple):
    """A sheet of a workbook: its records with the head first, and what is to be told of its reading, translated."""

    name: str
    records: list[TableRecord]
    notes: list[str]


def detect_kind(path: Path) -> str:
    """The kind of a workbook, one of `KINDS`; '' for another file. Raises FormatError when it cannot be read."""
    with open_file(path) as file:
        if file.read(4) != b"PK\x03\x04" or not path.is_file():
            return ""
        try:
            with zip_directory.open_archive(file) as archive:
                names = set(archive.namelist())
                if "xl/workbook.xml" in names:
                    return "xlsx"
                kind = archive.read("mimetype")[:80] if "mimetype" in names else b""
        except _DAMAGED:
            return ""
    return "ods" if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet") else ""


def list_sheets(path: Path) -> list[str]:
    """The names of the sheets. Raises FormatError when the workbook cannot be read."""
    with _open(path) as (_archive, workbook):
        return list(workbook.sheet_names)


def read_sheet(path: Path, reporter: Reporter, name: str = "", columns: Mapping[str, str] | None = None) -> Sheet:
    """Read a sheet; '' is the first visible one with rows. Its head is the first row with known names, or with `columns`.

    Raises FormatError for a workbook that is damaged, encrypted or too large, or has no such sheet; and `Cancelled`.
    """
    with _open(path) as (archive, workbook):
        names = [name] if name else _list_visible(workbook)
        if name and name not in workbook.sheet_names:
            known = ", ".join(clip(one) for one in workbook.sheet_names)
            title = tr("{name} has no sheet “{sheet}”", name=clip(path.name, 80), sheet=clip(name))
            raise FormatError(title, tr("Its sheets are: {sheets}.", sheets=known))
        for one in names:
            scan = _scan(archive, one)
            if (rows := _load_rows(workbook, scan, one, reporter)) or one == names[-1]:
                return _build_sheet(one, rows, scan, columns)
    raise _damaged_error(path)


@contextmanager
def _open(path: Path) -> Iterator[tuple[zipfile.ZipFile, "CalamineWorkbook"]]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    with open_file(path) as file:
        try:
            with zip_directory.open_archive(file) as archive:
                _require_harmless(file, archive)
                if "content.xml" in archive.namelist():  # the library reads all sheets of it at once
                    with archive.open("content.xml") as content:
                        OpenDocumentScan(content)
                with path.open("rb") as again:
                    yield archive, CalamineWorkbook.from_filelike(again)
        except HostileXmlError as error:
            raise FormatError(tr("{name} cannot be read", name=clip(path.name, 80)), str(error)) from error
        except PasswordError as error:
            raise FormatError(
                tr("{name} cannot be read", name=clip(path.name, 80)),
                tr("It is protected with a password. Save it without one."),
            ) from error
        except (CalamineError, *_DAMAGED) as error:
            raise _damaged_error(path) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of the library's own language, no class of Python's
                raise
            raise _damaged_error(path) from error


def _damaged_error(path: Path) -> FormatError:
    title = tr("{name} cannot be read", name=clip(path.name, 80))
    return FormatError(title, tr("It is damaged. Open it in a spreadsheet program, and save it anew or as CSV."))


def _require_harmless(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Raise `HostileXmlError` for parts that unpack to more than they say, or to more than fits into memory."""
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or len(members) > MAX_MEMBERS:
        raise HostileXmlError(tr("It unpacks to far more than a sheet would. Save the part with the rows as CSV."))
    if len({member.filename.casefold() for member in members}) < len(members):
        raise zipfile.BadZipFile  # the library might read another one than is looked at here
    for member in members:
        if member.flag_bits & 1:
            raise HostileXmlError(tr("It is protected with a password. Save it without one."))
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or (
            member.compress_type == zipfile.ZIP_DEFLATED and _unpacks_to_more(file, member)
        ):
            raise HostileXmlError(tr("It unpacks to far more than a sheet would. Save the part with the rows as CSV."))
    for member in members:  # what the library reads of a workbook besides its sheets
        if member.filename.lower().startswith(("xl/shared", "xl/styles", "xl/workbook")):
            with archive.open(member) as part:
                sheet_scan.parse_xml(part, lambda _name, attributes: sheet_scan.check_counts(attributes))


def _unpacks_to_more(file: IO[bytes], member: zipfile.ZipInfo) -> bool:
    """Whether a part has more bytes than the list of the parts says: a reader in another language goes to their end."""
    file.seek(member.header_offset + 26)
    lengths = file.read(4)
    file.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), 1)
    unpacker, size, left = zlib.decompressobj(-15), 0, member.compress_size
    while left > 0 and not unpacker.eof and (block := file.read(min(left, _BLOCK_BYTES))):
        left -= len(block)
        while block and size <= member.file_size:
            size += len(unpacker.decompress(block, _BLOCK_BYTES))
            block = unpacker.unconsumed_tail
    return size > member.file_size


def _list_visible(workbook: "CalamineWorkbook") -> list[str]:
    """The names of the sheets that are not hidden, or of all where all are hidden."""
    visible = [sheet.name for sheet in workbook.sheets_metadata if str(sheet.visible).endswith("Visible.Visible")]
    return visible or list(workbook.sheet_names)


def _scan(archive: zipfile.ZipFile, sheet: str) -> SheetScan:
    names = archive.namelist()
    if "xl/workbook.xml" not in names:
        with archive.open("content.xml") as file:
            return OpenDocumentScan(file, sheet)
    codes: list[str] = []
    if "xl/styles.xml" in names:
        with archive.open("xl/styles.xml") as file:
            codes = sheet_scan.read_number_formats(file)
    with archive.open(_find_part(archive, sheet)) as file:
        return ExcelScan(file, codes)


def _find_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part of an Excel workbook with the cells of a sheet. Raises KeyError where there is none."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            _put(ids, attributes["name"], next(value for key, value in attributes.items() if key.endswith(":id")))
        elif name == "Relationship":
            _put(targets, attributes["Id"], attributes["Target"])

    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        with archive.open(part) as file:
            sheet_scan.parse_xml(file, start)
    target = targets[ids[sheet]]
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _put(names: dict[str, str], name: str, value: str) -> None:
    """Add an entry. Raises ValueError for one that is there already: the library might take the other one."""
    if name in names:
        raise ValueError(name)
    names[name] = value


def _load_rows(workbook: "CalamineWorkbook", scan: SheetScan, name: str, reporter: Reporter) -> dict[int, list[str]]:
    """The rows that have cells, by their numbers from 0; each has all columns from the first."""
    sheet = workbook.get_sheet_by_name(name)
    if sheet.start is None:
        return {}
    scan.merges += sheet.merged_cell_ranges or []
    left = [""] * sheet.start[1]
    rows: dict[int, list[str]] = {}
    for number, values in enumerate(sheet.iter_rows()):
        if number % ROWS_PER_REPORT == 0:
            reporter.update(number, sheet.total_height)
        texts = scan.show(number, [*left, *values])
        if any(text.strip() for text in texts):
            rows[number] = texts
    return rows


def _fill_merged(rows: dict[int, list[str]], merges: Sequence[Merge]) -> int:
    """Give the text of a cell that reaches over several rows to each of them; returns how many cells were filled.

    Raises `HostileXmlError` where the merged cells lie over each other many times.
    """
    filled = looked_at = 0
    last = max(rows, default=0)
    for (first, column), (end, _column) in merges:
        looked_at += min(end, last) - first
        if looked_at > sheet_scan.MAX_CELLS:
            raise HostileXmlError(tr("Its merged cells lie over each other."))
        text = rows[first][column] if first in rows and column < len(rows[first]) else ""
        for number in range(first + 1, min(end, last) + 1):
            if text and number in rows and column < len(rows[number]) and not rows[number][column]:
                rows[number][column] = text
                filled += 1
    return filled


def _build_sheet(name: str, rows: dict[int, list[str]], scan: SheetScan, columns: Mapping[str, str] | None) -> Sheet:
    filled = _fill_merged(rows, scan.merges)
    head = _find_head(rows, scan.merges, columns)
    first = _find_first_below_titles(rows, scan.merges) if head is None else head
    by_number = bool(columns) and all(name.startswith("#") for name in (columns or {}).values())
    is_head = head is None and first > min(rows, default=0) and not by_number and _looks_like_headings(rows[first])
    notes = []
    above = [clip(next(filter(str.strip, rows[number]))) for number in rows if number < first]
    if above:
        notes.append(tr("Rows above the headings left out: {rows}.", rows=", ".join(f"“{text}”" for text in above)))
    if filled:
        notes.append(tr("The text of a merged cell was given to each row that it covers."))
    width = max((place + 1 for cells in rows.values() for place, cell in enumerate(cells) if cell.strip()), default=0)
    kept = ((number, cells[:width]) for number, cells in rows.items() if number >= first)
    records = [_build_record(number, cells, is_head and number == first) for number, cells in kept]
    return Sheet(name, records, [*notes, *scan.describe()])


def _build_record(number: int, cells: list[str], is_head: bool) -> TableRecord:
    raw = csv_cells.write_record(cells, "\t", "").encode("utf-8", "replace")
    line = FileLine(number + 1, 0, raw[:LINE_LIMIT], len(raw))
    return (
        TableRecord(line, [], too_long(len(raw)))
        if len(raw) > LINE_LIMIT
        else TableRecord(line, cells, is_head=is_head)
    )


def _find_head(rows: Mapping[int, list[str]], merges: Sequence[Merge], columns: Mapping[str, str] | None) -> int | None:
    """The number of the row with the headings, below a title; None where no row can be told to be that."""
    wanted = set(columns.values()) if columns else set()
    if wanted and all(name.startswith("#") for name in wanted):
        return None
    widest = 0
    for number, cells in islice(rows.items(), MAX_ROWS_BEFORE_HEAD):
        count = sum(bool(cell.strip()) for cell in cells)
        names = set(column_mapping.unique_names(cells))
        if (wanted <= names) if wanted else (count > widest and column_mapping.is_head(cells)):
            return _find_last_level(number, rows, merges)
        widest = max(widest, 0 if _is_title(number, merges) else count)
    return None


def _is_title(number: int, merges: Sequence[Merge]) -> bool:
    """Whether a row has a cell that reaches over several columns."""
    return any(first[0] == number and last[1] > first[1] for first, last in merges)


def _find_first_below_titles(rows: Mapping[int, list[str]], merges: Sequence[Merge]) -> int:
    """The number of the first row that is no title: one cell alone, over several columns or right above headings."""
    numbers = list(islice(rows, MAX_ROWS_BEFORE_HEAD))
    for number, below in pairwise(numbers):
        is_alone = sum(bool(cell.strip()) for cell in rows[number]) == 1
        if not (is_alone and (_is_title(number, merges) or _looks_like_headings(rows[below]))):
            return number
    return numbers[-1] if numbers else 0


def _looks_like_headings(cells: Sequence[str]) -> bool:
    """Whether a row has several short texts, none of them a sentence or a figure."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    return len(texts) > 1 and all(
        len(text) <= MAX_HEADING_CHARACTERS and text[0].isalpha() and text[-1] not in "?!？！。:：" for text in texts
    )


def _find_last_level(number: int, rows: Mapping[int, list[str]], merges: Sequence[Merge]) -> int:
    """The last of several rows of headings: headings beside those of more than one level reach down to it."""
    last = max((end[0] for first, end in merges if first[0] == number and end[0] > number), default=number)
    return last if last in rows and last - number < MAX_ROWS_BEFORE_HEAD else number
