"""How a person says that a file is to be read; what they do not say is detected from the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a file is to be read; '' and None are detected from the file.

    `format` is one of `formats.READERS`, `encoding` any text codec of Python, `delimiter` the character between the
    cells of a table, `sheet` that of a workbook to read. `columns` is field (of `formats.FIELDS`) -> column of a table, or
    key of JSON rows. `requests` is the other file of a batch: that of the requests for one of answers, or the reverse.
    """

    format: str = ""
    encoding: str = ""
    columns: Mapping[str, str] | None = None
    delimiter: str = ""
    sheet: str = ""
    requests: Path | None = None


DETECTED = ReadingOptions()
