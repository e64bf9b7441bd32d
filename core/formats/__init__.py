"""The file formats of rows: one module and one line here for each."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from core.formats import jsonl
from core.progress import Reporter

READERS: dict[str, Callable[[Path, Reporter], Iterator[jsonl.Row]]] = {
    ".jsonl": jsonl.read,
    ".jsonl.txt": jsonl.read,
    ".ndjson": jsonl.read,
}

WRITERS: dict[str, Callable[[Path, Iterable[str]], int]] = {
    ".jsonl": jsonl.write,
}
