"""The file formats of rows: one module and one line here for each."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from core.checks import Problem
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter

Module = TypeVar("Module")

READERS: dict[str, Callable[[Path, Reporter], Iterator[jsonl.Row]]] = {
    ".jsonl": jsonl.read,
    ".jsonl.txt": jsonl.read,
    ".ndjson": jsonl.read,
}

CHECKERS: dict[str, Callable[[Path, Reporter], Iterator[tuple[int, Problem]]]] = {
    ".jsonl": jsonl.check_file,
    ".jsonl.txt": jsonl.check_file,
    ".ndjson": jsonl.check_file,
}

WRITERS: dict[str, Callable[[Path, Iterable[str]], int]] = {
    ".jsonl": jsonl.write,
}


def read(path: Path, reporter: Reporter) -> Iterator[jsonl.Row]:
    """Every line of `path` with what was found in it. Raises `FormatError` for a format that is not known."""
    return _of(READERS, path)(path, reporter)


def check_file(path: Path, reporter: Reporter) -> Iterator[tuple[int, Problem]]:
    """The problems of `path` with their line numbers; 0 stands for the whole file."""
    return _of(CHECKERS, path)(path, reporter)


def write(path: Path, texts: Iterable[str]) -> int:
    """Write rows, atomically; returns how many."""
    return _of(WRITERS, path)(path, texts)


def _of(formats: dict[str, Module], path: Path) -> Module:
    for suffix, module in formats.items():
        if path.name.lower().endswith(suffix):
            return module
    raise FormatError(
        tr("“{name}” is in a format that Juku does not know", name=path.name),
        tr("Nothing was read or written. Known formats: {formats}", formats=", ".join(formats)),
    )
