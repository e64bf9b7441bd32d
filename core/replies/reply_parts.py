"""The parts of a reply: the model's reasoning before it, code fences, tables between prose."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from core.formats import markdown_tables
from core.formats.encoded_text_lines import FileLine
from core.lazy_loading import lazy_pattern
from core.replies.questions_in_fields import RawPair, iterate_row_pairs, parse_field_name

_THOUGHT = lazy_pattern(r"^[ \t]*<(think|thinking|thought|reasoning)>", re.MULTILINE | re.IGNORECASE)
_THOUGHT_END = lazy_pattern(r"</(?:think|thinking|thought|reasoning)>[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CHANNEL = "<|channel|>final<|message|>"
_FENCE = lazy_pattern(r"^[ \t]{0,12}(`{3,}|~{3,})[ \t]*([\w+-]{0,20})[^\n`]*$", re.MULTILINE)
_BLANKS = lazy_pattern(r"[^\S\n]{100,}+")
_DELIMITERS = {"csv": ",;", "tsv": "\t"}
MAX_HEAD_LINES = 50  # first lines of a reply that are searched for the head of a CSV table


class Fence(NamedTuple):
    """The text between two lines of ``` or ~~~, and the language named on the first, in lower case."""

    language: str
    text: str


def remove_thoughts(reply: str) -> str:
    """`reply` without a reasoning model's thinking; what follows a thinking tag that is never closed is left out too."""
    reply = reply[reply.rfind(_CHANNEL) + len(_CHANNEL) :] if _CHANNEL in reply else reply
    pieces, at = [], 0
    while start := _THOUGHT.search(reply, at):
        pieces.append(reply[at : start.start()])
        end = reply.find(f"</{start[1]}>", start.end())
        at = len(reply) if end < 0 else end + len(start[1]) + 3
    text = "".join([*pieces, reply[at:]])
    # Chat templates that open the thinking tag themselves leave only its end in the reply.
    ends = list(_THOUGHT_END.finditer(text))
    rest = text[ends[-1].end() :] if ends else ""
    return rest if rest.strip() else text


def iterate_fences(text: str) -> Iterator[Fence]:
    """The code fences of `text`, in order; one that is never closed reaches to the end."""
    opened: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if opened is None:
            opened = line
        elif line[1].startswith(opened[1]) and not line[2]:
            yield Fence(opened[2].lower(), text[opened.end() : line.start()])
            opened = None
        elif line[2]:  # the first was never closed
            yield Fence(opened[2].lower(), text[opened.end() : line.start()])
            opened = line
    if opened:
        yield Fence(opened[2].lower(), text[opened.end() :])


def iterate_table_pairs(text: str) -> Iterator[RawPair]:
    """The pairs of the Markdown tables in `text`; rows with too many or too few cells come with a `reason`."""
    # A run of thousands of blanks is no cell, and searching a table's rule in it is slow.
    lines = _BLANKS.sub(" " * 100, text).split("\n") if "|" in text else []
    encoded = (line.encode(errors="replace") for line in lines)
    rows: list[list[str]] = []
    is_table = False
    for record in markdown_tables.iterate_records(FileLine(at, 0, raw, len(raw)) for at, raw in enumerate(encoded, 1)):
        is_table = True
        if record.is_head:
            yield from iterate_row_pairs(rows, True)
            rows = []
        if record.problem:
            yield RawPair(" | ".join(record.cells), reason=record.problem.message)
        else:
            rows.append(record.cells)
    if not is_table:
        rows = [markdown_tables.split_cells(line) for line in lines if line.lstrip().startswith("|")]
    yield from iterate_row_pairs(rows, is_table)


def iterate_csv_pairs(text: str, language: str = "") -> Iterator[RawPair]:
    """The pairs of CSV or TSV: with a head that names question and answer, or in a fence whose `language` says so."""
    lines = text.strip("\n").split("\n")
    for at, line in enumerate(islice(lines, MAX_HEAD_LINES)):
        for delimiter in ",;\t":
            if {"question", "answer"} <= {parse_field_name(cell)[0] for cell in _parse_records([line], delimiter)[0]}:
                yield from iterate_row_pairs(_parse_records(lines[at:], delimiter), True)
                return
    for delimiter in _DELIMITERS.get(language, ""):
        rows = _parse_records(lines, delimiter)
        if len(rows[0]) > 1:
            yield from iterate_row_pairs(rows, False)
            return


def _parse_records(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows, up to the first that cannot be parsed; one empty row where there is none."""
    rows: list[list[str]] = []
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True)
    with suppress(csv.Error):
        rows.extend(row for row in reader if row)
    return rows or [[]]
