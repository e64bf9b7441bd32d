"""Rows dragged out of the window: a JSONL file and its text, made only when somebody takes them."""

import secrets
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMetaType, QMimeData, QUrl

from core.dataset import examples
from core.storage.project import Project

MOST = 5_000  # rows: what is asked for during a drag is made while the window waits
FILES, TEXT = "text/uri-list", "text/plain"


class RowsMime(QMimeData):
    """The rows `ids` as text, and as a new file in `folder`."""

    def __init__(self, project: Project, ids: list[int], folder: Path) -> None:
        super().__init__()
        self._project = project
        self._ids = ids[:MOST]
        self._file = folder / secrets.token_hex(4) / "rows.jsonl"

    def formats(self) -> list[str]:
        return [FILES, TEXT]

    def hasFormat(self, name: str) -> bool:
        return name in (FILES, TEXT)

    def retrieveData(self, name: str, _kind: QMetaType | QMetaType.Type) -> Any:
        if name == FILES:
            self._write()
            return [QUrl.fromLocalFile(str(self._file))]
        return self._text() if name == TEXT else None

    def _text(self) -> str:
        found = examples.fetch(self._project.rows, self._ids)
        return "".join(f"{found[id].data}\n" for id in self._ids if id in found)

    def _write(self) -> None:
        if not self._file.exists():
            self._file.parent.mkdir()
            self._file.write_text(self._text(), encoding="utf-8", newline="\n")
