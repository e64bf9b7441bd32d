"""Joins the two files of a batch: the requests that were sent, and the answers that came, in any order."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.checks import decode
from core.checks.json_positions import dumps
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.encoded_text_lines import FileLine, read_lines
from core.formats.forms import batch
from core.formats.jsonl import FileRow
from core.language import tr
from core.progress import Reporter

LINES_PER_REPORT = 1000


class OtherFile:
    """The rows of the other file of a batch, by their ids."""

    def __init__(self, lines: Mapping[str, FileLine]) -> None:
        self._lines = lines
        self._left = dict.fromkeys(lines)

    def join(self, value: dict[str, Any]) -> dict[str, Any]:
        """A row with what the other file has for its id; one without a partner stays as it is."""
        id = str(value.get("custom_id", ""))
        if id not in self._lines:
            return value
        self._left.pop(id, None)
        return {**json.loads(self._lines[id].raw), **{key: entry for key, entry in value.items() if entry is not None}}

    def iterate_left(self) -> Iterator[FileRow]:
        """Yield the rows that were not joined, once all rows of the first file have been read."""
        for id in list(self._left):
            line = self._lines[id]
            yield FileRow(line, line.raw.decode(), [])


def load(path: Path, reporter: Reporter) -> OtherFile:
    """Load the other file of a batch. Raises FormatError when it cannot be read or is none, and `Cancelled`."""
    lines: dict[str, FileLine] = {}
    for line in read_lines(path):
        if line.number % LINES_PER_REPORT == 0:
            reporter.check()
        value = decode(line.raw).value
        if isinstance(value, dict) and batch.is_row(value):
            lines.setdefault(str(value["custom_id"]), line._replace(raw=dumps(value).encode()))
    if not lines:
        title = tr("{name} is no file of a batch", name=clip(path.name, 80))
        raise FormatError(title, tr("Nothing was read. Its lines have no “custom_id” with a request or an answer."))
    return OtherFile(lines)
