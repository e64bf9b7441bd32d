"""The parts of a reply: what the model thought before it, code fences, tables between prose."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from core.formats import markdown_tables
from core.formats.text_lines import FileLine
from core.replies.questions_in_fields import Raw, field_of, in_rows

_THOUGHT = re.compile(r"^[ \t]*<(think|thinking|thought|reasoning)>", re.MULTILINE | re.IGNORECASE)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CHANNEL = "<|channel|>final<|message|>"
_FENCE = re.compile(r"^[ \t]{0,12}(`{3,}|~{3,})[ \t]*([\w+-]{0,20})[^\n`]*$", re.MULTILINE)
_BLANKS = re.compile(r"[^\S\n]{100,}+")
_DELIMITERS = {"csv": ",;", "tsv": "\t"}
_HEAD_LINES = 50  # among the first lines of a reply the head of a table in CSV is looked for


class Fence(NamedTuple):
    """What stands between two lines of ``` or ~~~, and the language named at the first."""

    language: str
    text: str


def without_thoughts(reply: str) -> str:
    """`reply` without what a reasoning model thought first; nothing is left of one that never came to an end."""
    reply = reply[reply.rfind(_CHANNEL) + len(_CHANNEL) :] if _CHANNEL in reply else reply
    kept, at = [], 0
    while opened := _THOUGHT.search(reply, at):
        kept.append(reply[at : opened.start()])
        end = reply.find(f"</{opened[1]}>", opened.end())
        at = len(reply) if end < 0 else end + len(opened[1]) + 3
    said = "".join([*kept, reply[at:]])
    # Templates that open the thought themselves leave only its end in the reply.
    ends = list(_THOUGHT_END.finditer(said))
    rest = said[ends[-1].end() :] if ends else ""
    return rest if rest.strip() else said


def fences(text: str) -> Iterator[Fence]:
    """The code fences of `text`; one that is never closed reaches to the end."""
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


def in_tables(text: str) -> Iterator[Raw]:
    """The pairs of the Markdown tables in `text`, and its rows that have too many cells or too few."""
    # A run of thousands of blanks is no cell, and slow to look for a table's rule in.
    lines = _BLANKS.sub(" " * 100, text).split("\n") if "|" in text else []
    encoded = (line.encode(errors="replace") for line in lines)
    rows: list[list[str]] = []
    found = False
    for record in markdown_tables.iterate_records(FileLine(at, 0, raw, len(raw)) for at, raw in enumerate(encoded, 1)):
        found = True
        if record.is_head:
            yield from in_rows(rows, True)
            rows = []
        if record.problem:
            yield Raw(" | ".join(record.cells), reason=record.problem.message)
        else:
            rows.append(record.cells)
    if not found:
        rows = [markdown_tables.split(line) for line in lines if line.lstrip().startswith("|")]
    yield from in_rows(rows, found)


def in_csv(text: str, language: str = "") -> Iterator[Raw]:
    """The pairs of CSV or TSV: with a head that names question and answer, or in a fence that says what it is."""
    lines = text.strip("\n").split("\n")
    for at, line in enumerate(islice(lines, _HEAD_LINES)):
        for delimiter in ",;\t":
            if {"question", "answer"} <= {field_of(cell)[0] for cell in _records([line], delimiter)[0]}:
                yield from in_rows(_records(lines[at:], delimiter), True)
                return
    for delimiter in _DELIMITERS.get(language, ""):
        rows = _records(lines, delimiter)
        if len(rows[0]) > 1:
            yield from in_rows(rows, False)
            return


def _records(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows, to the first that cannot be read."""
    rows: list[list[str]] = []
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True)
    with suppress(csv.Error):
        rows.extend(row for row in reader if row)
    return rows or [[]]
