"""What happens to dropped files: a text before the drop, and a question where rows are dropped over the spec."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core import formats
from core.errors import JukuError
from core.formats import TABLE_READERS, column_mapping
from core.language import tr, trn
from core.progress import Reporter
from core.storage import project as projects

Role = QMessageBox.ButtonRole
DOCUMENTS = (".docx", ".pdf", ".html", ".htm")  # read into the spec wherever they are dropped


async def holds_rows(path: Path) -> bool:
    """Whether a file has questions and answers: a table with such column names, or JSON."""
    return await asyncio.to_thread(_holds_rows, path)


def _holds_rows(path: Path) -> bool:
    if path.suffix.lower() in (".docx", ".pdf"):
        return False
    try:
        found = formats.detect(path)
        if found.format not in TABLE_READERS:  # JSON, if its first row can be read; else any text
            first = next(formats.read(path, Reporter(), formats.ReadingOptions(found.format, found.encoding)), None)
            return first is not None and first.text is not None
    except (JukuError, OSError):
        return False
    # Prose with commas looks like a table without a head, which names nothing.
    is_named = found.columns != column_mapping.number_columns(len(found.columns))
    return is_named and {"question", "answer"} <= set(column_mapping.guess_mapping(found.columns))


def format_drop(found: list[Path], is_for_spec: Callable[[Path], bool]) -> str:
    """What will happen to the files, as text."""
    if any(path.suffix == projects.PROJECT_SUFFIX for path in found):
        return tr("Open the project")
    texts = sum(map(is_for_spec, found))
    parts = [trn("Read {n} file into the spec", "Read {n} files into the spec", texts)] if texts else []
    if rows := len(found) - texts:
        parts.append(trn("Import {n} file as rows", "Import {n} files as rows", rows))
    return "\n".join(parts)


async def split_files(
    parent: QWidget, texts: list[Path], bring: Callable[[list[Path]], object], read: Callable[[Path], object]
) -> None:
    """Read documents; for those that hold rows, ask first whether to import them as rows."""
    tables = [path for path in texts if await holds_rows(path)]
    for path in texts:
        if path not in tables:
            read(path)
    if tables:
        ask_what(parent, tables, bring, read)


def ask_what(
    parent: QWidget, found: list[Path], bring: Callable[[list[Path]], object], read: Callable[[Path], object]
) -> None:
    """Ask whether to import the files as rows or read them as documents; Escape cancels."""
    box = QMessageBox(QMessageBox.Icon.Question, tr("Questions and answers"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    name = found[0].name
    box.setText(
        trn(
            "{name} holds questions and answers.",
            "{name} and others hold questions and answers.",
            len(found),
            name=name,
        )
    )
    box.setInformativeText(
        tr("As rows, they can be trained on and asked in the exam. As a document, they become text of the spec.")
    )
    rows = box.addButton(tr("Import as &rows"), Role.AcceptRole)
    rows.clicked.connect(lambda _checked: bring(found))
    text = box.addButton(tr("Read as a &document"), Role.ActionRole)
    text.clicked.connect(lambda _checked: [read(path) for path in found])
    box.addButton(tr("Cancel"), Role.RejectRole)
    box.setDefaultButton(rows)
    box.open()
