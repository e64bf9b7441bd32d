"""Rows to and from other programs: cells copied and pasted as a spreadsheet does, and rows dragged out as a file."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMetaType, QMimeData, QUrl

from core.dataset import examples
from core.errors import FormatError
from core.formats import clipboard_text, jsonl, markdown_tables
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import Project
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS, cell_value, headings
from ui.widgets.value_texts import parse_value, value_text

MAX_ROWS_COPIED = 50_000  # rows; a clipboard is no way to move more
MAX_ROWS_PASTED = 5_000  # rows; more are imported
ROW_BEGINNINGS = ("{", "[", "|", "```")
REPORT_EVERY = 100
MAX_ROWS_DRAGGED = 5_000  # rows: what is asked for during a drag is made while the window waits
URI_LIST, PLAIN_TEXT = "text/uri-list", "text/plain"


@dataclass(slots=True)
class PastePlan:
    """What a paste changes: cells as (id, field, value), and new rows as field -> value."""

    edits: list[tuple[int, str, str]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    beyond: int = 0  # cells with a text that lie to the right of the last column
    fixed: list[str] = field(default_factory=list)  # the columns that cannot be typed into, whose cells were left out

    @property
    def left_out(self) -> bool:
        """Whether some cells cannot be pasted."""
        return bool(self.beyond or self.fixed)

    def count(self) -> int:
        """How many rows are changed or added."""
        return len({id for id, _field, _value in self.edits}) + len(self.rows)


def format_cells(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[int], with_headings: bool) -> str:
    """The cells of these rows and columns as tab-separated text."""
    head = [_format_headings(columns)] if with_headings else []
    return clipboard_text.to_text([*head, *_load_cells(db, ids, columns)])


def format_markdown(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[int]) -> str:
    """The cells of these rows and columns as a Markdown table with headings."""
    return markdown_tables.write_table(_format_headings(columns), _load_cells(db, ids, columns))


def _format_headings(columns: Sequence[int]) -> list[str]:
    names = headings()
    return [names[column] for column in columns]


def _load_cells(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[int]) -> list[list[str]]:
    found = examples.fetch(db, ids)
    return [[cell_value(found[id], COLUMNS[column]) for column in columns] for id in ids if id in found]


def is_file(text: str) -> bool:
    """Whether `text` is the content of a file (JSON lines, a Markdown table) rather than cells."""
    return text.lstrip().startswith(ROW_BEGINNINGS)


def build_paste_plan(cells: Sequence[Sequence[str]], ids: Sequence[int], columns: Sequence[int]) -> PastePlan:
    """Plan where `cells` go: down the rows `ids`, then into new rows; to the right along `columns`.

    A single cell goes into all of `ids`. Cells of columns that cannot be edited, or beyond the last one, are left out
    and counted. Raises `FormatError` for a value that its column does not allow.
    """
    fields = [COLUMNS[column] if ALL_COLUMNS[column].editable else "" for column in columns]
    if len(cells) == 1 and len(cells[0]) == 1:
        cells = [cells[0]] * max(1, len(ids))
    pasted = PastePlan()
    for number, row in enumerate(cells):
        known = {name: _check_value(name, text) for name, text in zip(fields, row, strict=False) if name}
        pasted.beyond += sum(1 for text in row[len(columns) :] if text)
        for column, name, text in zip(columns, fields, row, strict=False):
            if text and not name and headings()[column] not in pasted.fixed:
                pasted.fixed.append(headings()[column])
        if number < len(ids):
            pasted.edits += [(ids[number], name, text) for name, text in known.items()]
        elif any(known.values()):
            pasted.rows.append(known)
    return pasted


def format_left_out_cells(pasted: PastePlan) -> str:
    """A text about the cells that a paste left out."""
    sentences = []
    if pasted.beyond:
        sentences.append(trn("{n} cell has no place: there is no column to the right of the last one.",
                        "{n} cells have no place: there is no column to the right of the last one.", pasted.beyond))  # fmt: skip
    if pasted.fixed:
        sentences.append(tr("These columns cannot be pasted into: {columns}.", columns=", ".join(pasted.fixed)))
    return "\n".join(sentences)


def write_paste(db: sqlite3.Connection, pasted: PastePlan, prompt: str, reporter: Reporter) -> None:
    """Write a planned paste; new rows get the system prompt `prompt`."""
    total = pasted.count()
    for done, (id, name, text) in enumerate(pasted.edits):
        examples.set_field(db, id, name, text)
        if done % REPORT_EVERY == 0:
            reporter.update(min(done, total), total)
    examples.add(db, [_new(prompt, fields) for fields in pasted.rows])


def _new(prompt: str, fields: dict[str, str]) -> examples.Example:
    own = {name: text for name, text in fields.items() if name not in examples.TEXT_FIELDS and text}
    return examples.read_row(jsonl.new_row(prompt, fields.get("question", ""), fields.get("answer", "")), **own)


def _check_value(name: str, text: str) -> str:
    choices = ALL_COLUMNS[COLUMNS.index(name)].choices
    if not choices or text in choices:
        return text
    found = parse_value(text, choices)
    if found is None and text.strip():
        title = tr("“{value}” is not allowed in the column “{column}”", value=text[:40], column=_heading(name))
        known = ", ".join(value_text(choice) for choice in choices if choice)
        raise FormatError(title, tr("Nothing was pasted. Possible values: {choices}.", choices=known))
    return found or choices[0]


def _heading(name: str) -> str:
    return headings()[COLUMNS.index(name)]


class RowsMime(QMimeData):
    """The rows `ids` as plain text, and as a new file in `folder`; both are built only when they are requested."""

    def __init__(self, project: Project, ids: list[int], folder: Path) -> None:
        super().__init__()
        self._project = project
        self._ids = ids[:MAX_ROWS_DRAGGED]
        self._file = folder / secrets.token_hex(4) / "rows.jsonl"

    def formats(self) -> list[str]:
        return [URI_LIST, PLAIN_TEXT]

    def hasFormat(self, name: str) -> bool:
        return name in (URI_LIST, PLAIN_TEXT)

    def retrieveData(self, name: str, _kind: QMetaType | QMetaType.Type) -> Any:
        if name == URI_LIST:
            self._write_file()
            return [QUrl.fromLocalFile(str(self._file))]
        return self._build_text() if name == PLAIN_TEXT else None

    def _build_text(self) -> str:
        found = examples.fetch(self._project.rows, self._ids)
        return "".join(f"{found[id].data}\n" for id in self._ids if id in found)

    def _write_file(self) -> None:
        if not self._file.exists():
            self._file.parent.mkdir()
            self._file.write_text(self._build_text(), encoding="utf-8", newline="\n")
