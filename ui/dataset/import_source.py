"""A file to import: its recognised format, the meaning of its columns, and a preview of its rows."""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core import formats
from core.dataset import examples
from core.errors import JukuError
from core.formats import TABLE_READERS, DetectedFormat, column_mapping, detect
from core.formats.jsonl import system_prompt
from core.language import tr
from core.progress import Reporter

PREVIEW_ROWS = 20  # rows in the preview
REQUIRED_FIELDS = ("question", "data")


class RowPreview(NamedTuple):
    """A row as it will be imported: its texts by field, or why it will go to the quarantine."""

    line: int
    fields: dict[str, str]
    problem: str = ""


@dataclass
class ImportSource:
    """One file and how it is to be read. `error` when it cannot be read at all."""

    path: Path
    name: str
    detected: DetectedFormat = DetectedFormat("")  # noqa: RUF009
    head: bool = True
    encoding: str = ""
    meaning: dict[str, str] = field(default_factory=dict)  # field by column
    error: JukuError | None = None
    pasted: bool = False  # not a person's file: its encoding is ours

    def recognise(self, encoding: str = "") -> None:
        """Detect the format, in the given encoding or a detected one. Slow; an error is stored in `error`."""
        try:
            self.detected = detect(self.path, encoding=encoding or None)  # type: ignore[arg-type]
        except JukuError as error:
            self.error = error
            return
        self.error = None
        self.encoding = self.detected.encoding
        self.set_head(self.detected.columns != column_mapping.number_columns(len(self.detected.columns)))

    def is_table(self) -> bool:
        """Whether the file has columns whose fields a person can choose."""
        return self.error is None and self.detected.format in TABLE_READERS

    def set_head(self, head: bool) -> None:
        """Set whether the first row has the column names, and guess the meanings again."""
        self.head = head
        guessed = column_mapping.guess_mapping(self.names())
        self.meaning = {column: field for field, column in guessed.items()}

    def names(self) -> list[str]:
        """The names of the columns: those of the first line if it is the head, else numbers."""
        found, sample = self.detected.columns, self.detected.sample
        numbered = column_mapping.number_columns(len(found))
        if not self.head:
            return numbered
        return column_mapping.unique_names(sample[0]) if found == numbered and sample else found

    def sample(self) -> list[list[str]]:
        """The first rows as they are in the file."""
        found, sample = self.detected.columns, self.detected.sample
        had_head = found != column_mapping.number_columns(len(found))
        if had_head == self.head:
            return sample
        return sample[1:] if self.head else [found, *sample]

    def set_field(self, column: str, field: str) -> None:
        """Set the field of a column, '' for none; another column with that field is ignored from now on."""
        self.meaning = {name: old for name, old in self.meaning.items() if old != field and name != column}
        if field:
            self.meaning[column] = field

    def columns(self) -> dict[str, str] | None:
        """Field -> column; None when the file is not a table."""
        return {field: column for column, field in self.meaning.items()} if self.is_table() else None

    def missing_choice(self) -> str:
        """What still has to be chosen, as text; '' when the file can be imported."""
        if self.error is not None:
            return f"{self.error.title}. {self.error.message}"
        if self.is_table() and not any(field in REQUIRED_FIELDS for field in self.meaning.values()):
            return tr("Choose the column with the questions.")
        return ""

    def preview(self) -> list[RowPreview]:
        """The first rows as they will be imported. Raises `JukuError`."""
        read = formats.read(
            self.path, Reporter(), format=self.detected.format, encoding=self.encoding, columns=self.columns()
        )
        return [_build_preview(row) for row in islice(read, PREVIEW_ROWS)]


def _build_preview(row: formats.FileRow) -> RowPreview:
    if row.text is None:
        return RowPreview(row.line.number, {}, row.problems[0].message)
    question, answer = examples.read_previews(row.text)
    fields = {"question": question, "answer": answer, "system": system_prompt(row.text), **row.fields}
    return RowPreview(row.line.number, {name: text for name, text in fields.items() if text})
