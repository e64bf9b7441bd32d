"""Reads a document in a process of its own: some take seconds, which would block the window."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import documents
from core.progress import Reporter
from core.storage import background_process


def _read(request: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """The document at `path`, as its fields. Raises what `documents.read` does."""
    return asdict(documents.read(Path(request["path"]), reporter))


if __name__ == "__main__":
    background_process.serve(_read)
