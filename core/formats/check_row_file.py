"""Everything that is wrong with a file whose rows are not one a line, or are made from something else."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from core.checks import Problem, problem
from core.formats.check_line_file import ROWS_NEEDED, encoding_note
from core.formats.jsonl import Row
from core.formats.text_lines import Encoding
from core.language import tr, trn


def check_rows(rows: Iterable[Row], encoding: Encoding) -> Iterator[tuple[int, Problem]]:
    """The rows' problems with the lines that they begin on; what concerns the whole file stands at line 0."""
    if note := encoding_note(encoding):
        yield 0, note
    first: dict[bytes, int] = {}
    count = 0
    for row in rows:
        yield from ((row.line.number, found) for found in row.problems)
        if row.text is None:
            continue
        count += 1
        original = first.setdefault(blake2b(row.text.encode(), digest_size=8).digest(), row.line.number)
        if original != row.line.number:
            message = tr("The row is the same as line {number}.", number=original)
            yield row.line.number, problem("duplicate-row", "", message)
    if count < ROWS_NEEDED:
        message = trn(
            "The file has {n} row; training needs at least 10.",
            "The file has {n} rows; training needs at least 10.",
            count,
        )
        yield 0, problem("too-few-rows", "", message)
