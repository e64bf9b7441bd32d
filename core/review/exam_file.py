"""Reads the questions of an exam file, in any form of rows, or as lines of text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core import formats
from core.checks.rule_registry import clip
from core.dataset.row_json import RowTexts, read_texts
from core.errors import FormatError
from core.formats import column_mapping
from core.formats.encoded_text_lines import read_lines
from core.formats.format_detection import DetectedFormat
from core.formats.jsonl import FileRow
from core.formats.reading_options import ReadingOptions
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.progress import Reporter

TEXT_SUFFIXES = (".txt", ".md", ".markdown")
_LIST_MARK = lazy_pattern(r"\s*(?:[-*+•]|\d{1,4}[.)、．]|Q\d{0,4}[.:：])\s*")
_NO_QUESTION = lazy_pattern(r"\s*(?:#|---|===|\|)")


class ExamQuestion(NamedTuple):
    """A question of an exam file: its line, its texts, and the kind that its row names ('' for none)."""

    line: int
    texts: RowTexts
    kind: str = ""


def read_questions(path: Path, reporter: Reporter) -> Iterator[ExamQuestion]:
    """Yield the questions of an exam file. Raises FormatError where it cannot be read or has none, and `Cancelled`."""
    found = False
    for question in _iterate_questions(path, reporter):
        found = True
        yield question
    if not found:
        title = tr("There is no question in {name}", name=clip(path.name, 80))
        raise FormatError(title, tr("Exam questions can be rows of any form that can be imported, or one a line."))


def _iterate_questions(path: Path, reporter: Reporter) -> Iterator[ExamQuestion]:
    path = formats.resolve(path)
    try:
        detected = formats.detect(path)
    except FormatError:
        if path.suffix.lower() not in TEXT_SUFFIXES:
            raise
        detected = None
    if detected is None or (detected.format == "markdown" and not detected.columns):
        yield from _read_text_lines(path)
        return
    columns = detected.mapping if "question" in detected.mapping else None  # the answers are not needed
    formats.require_sure(detected, columns)
    for row in formats.read_detected(path, detected, reporter, ReadingOptions(columns=columns)):
        yield from _read_row(row, detected)


def _read_row(row: FileRow, detected: DetectedFormat) -> Iterator[ExamQuestion]:
    number = row.line.number
    if row.text is not None and (texts := read_texts(row.text)).question:
        yield ExamQuestion(number, texts, _read_kind(row))
        return
    value = _parse(row)
    if isinstance(value, dict):
        keys = [key for key, entry in value.items() if isinstance(entry, str)]
        value = value.get(column_mapping.guess_mapping(keys).get("question", ""))
    if isinstance(value, str) and value.strip() and detected.format not in formats.TABLE_READERS:
        yield ExamQuestion(number, RowTexts("", value, ""))


def _parse(row: FileRow) -> object:
    try:
        return json.loads(row.text if row.text is not None else row.line.raw)
    except (ValueError, RecursionError):
        return None


def _read_kind(row: FileRow) -> str:
    try:
        notes = json.loads(row.fields.get("notes", "{}"))
    except ValueError:
        notes = None
    kind = row.fields.get("kind") or (notes.get("kind") if isinstance(notes, dict) else "")
    return kind if isinstance(kind, str) else ""


def _read_text_lines(path: Path) -> Iterator[ExamQuestion]:
    for line in read_lines(path):
        text = line.raw.decode("utf-8", "replace")
        mark = _LIST_MARK.match(text)
        text = text[mark.end() if mark else 0 :].strip()
        if text and not _NO_QUESTION.match(text):
            yield ExamQuestion(line.number, RowTexts("", text, ""))
