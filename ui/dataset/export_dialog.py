"""Exports rows to a file: which rows, which format, which path; what the format cannot hold is shown before."""

from __future__ import annotations

import datetime
import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core import formats
from core.activity_history import ActivityKind
from core.dataset import examples, exporting, filters
from core.dataset.exporting import FOLDERS, FORMATS, HUGGINGFACE_FOLDER, ExportOptions, ExportResult
from core.dataset.filters import Choice, Filter
from core.formats.conversion_losses import format_loss_reason
from core.formats.row_writers import WRITERS
from core.language import tr, trn
from core.progress import Reporter
from ui import style
from ui.widgets import basics, file_dialogs
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.message_bar import Notice
from ui.widgets.value_texts import add_values
from ui.workspace import Workspace

MAX_ROWS_TRIED = 20_000  # rows up to which it is tried beforehand which of them fit
TABLE_FORMATS = ("csv", "tsv", "markdown", "xlsx", "parquet")
BINARY_FORMATS = ("xlsx", "parquet", *FOLDERS)
FORMATS_WITH_CARD = tuple(WRITERS)


class ExportDialog(QDialog):
    """Offers all, the filtered, or the selected rows; closes when the export starts."""

    def __init__(self, workspace: Workspace, shown: Filter, selected: Sequence[int], parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace, self._parent = workspace, parent
        self._shown, self._selected = shown, array("q", selected)
        self._counting = LatestTask(workspace, self)
        self.row_count = 0
        self.setWindowTitle(tr("Export rows"))
        self.resize(style.scaled(600), style.scaled(0))
        self._make_choices()
        self._make_options()
        self._make_path()
        self.note = basics.Note()
        self._lay_out()
        self.finished.connect(lambda _result: self._counting.stop())
        self._on_format()

    def _make_choices(self) -> None:
        self.what, self.split, self.format = DropDown(), DropDown(), DropDown()
        self.what.addItem(tr("All rows"), "all")
        if filters.format_filter(self._shown):
            self.what.addItem(
                tr("The rows that are shown: {filter}", filter=filters.format_filter(self._shown)), "shown"
            )
        if len(self._selected) > 1:
            self.what.addItem(trn("The {n} selected row", "The {n} selected rows", len(self._selected)), "selected")
        self.what.setCurrentIndex(self.what.count() - 1)
        self.split.addItem(tr("All splits"), "")
        add_values(self.split, examples.SPLITS)
        for format in FORMATS:
            self.format.addItem(formats.title(format), format)
        for box, name in ((self.what, tr("Rows")), (self.split, tr("Split")), (self.format, tr("Format"))):
            box.setAccessibleName(name)
        self.approved = QCheckBox(tr("Only approved rows"))
        for box in (self.what, self.split):
            box.activated.connect(lambda _index: self._count_rows())
        self.approved.toggled.connect(lambda _on: self._count_rows())
        self.format.activated.connect(lambda _index: self._on_format())

    def _make_options(self) -> None:
        self.canonical = QCheckBox(tr("Normalize key order and spacing"))
        self.full = QCheckBox(tr("A column that contains the whole row, so that nothing is lost"))
        self.bom = QCheckBox(tr("Start the file with a byte order mark"))
        basics.explain(self.bom, tr("Azure OpenAI requires one in JSONL files, and Excel in CSV files."))
        self.card = QCheckBox(tr("Write a dataset card next to it, with counts and hashes"))
        self.full.toggled.connect(lambda _on: self._count_rows())

    def _make_path(self) -> None:
        folder = file_dialogs.folder(self._workspace.settings, file_dialogs.ROWS)
        self.path = QLineEdit(str(folder / f"{self._workspace.project.path.stem}.jsonl"))
        self.path.setAccessibleName(tr("File"))
        self.path.textChanged.connect(lambda _text: self._show_ok())
        self._browse = QPushButton(tr("Choose…"))
        self._browse.setAutoDefault(False)
        self._browse.clicked.connect(self._on_browse)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(style.SPACE // 2)
        form.addRow(tr("Rows"), self.what)
        form.addRow(tr("Split"), self.split)
        form.addRow("", self.approved)
        form.addRow(tr("Format"), self.format)
        for option in (self.canonical, self.full, self.bom, self.card):
            form.addRow("", option)
        where = QHBoxLayout()
        where.setSpacing(style.SPACE // 2)
        where.addWidget(self.path, 1)
        where.addWidget(self._browse)
        form.addRow(tr("File"), where)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setText(tr("Export"))
        self.ok_button.setProperty("primary", True)
        buttons.accepted.connect(self._on_export)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(buttons)

    def options(self) -> ExportOptions:
        """The chosen write options."""
        return ExportOptions(
            bom=self.bom.isChecked() if self.bom.isEnabled() else None,
            canonical=self.canonical.isChecked() and self.canonical.isEnabled(),
            full=self.full.isChecked() and self.full.isEnabled(),
            card=self.card.isChecked() and self.card.isEnabled(),
            title=self._workspace.project.path.stem,
            date=datetime.date.today().isoformat(),
        )

    def _base_choice(self) -> Choice:
        bases: dict[str, Choice] = {"all": Filter(), "shown": self._shown, "selected": self._selected}
        return bases[self.what.currentData()]

    def _on_format(self) -> None:
        format = self.format.currentData()
        self.canonical.setEnabled(format in ("jsonl", HUGGINGFACE_FOLDER))
        self.full.setEnabled(format in TABLE_FORMATS)
        self.bom.setEnabled(format not in BINARY_FORMATS)
        self.bom.setChecked(format in WRITERS and WRITERS[format].bom)
        self.card.setEnabled(format in FORMATS_WITH_CARD)
        self.path.setText(str(with_suffix(Path(self.path.text()), format)))
        self._count_rows()

    def _count_rows(self) -> None:
        """Show how many rows will be written, and which the format cannot hold."""
        wanted = (self._base_choice(), self.split.currentData(), self.approved.isChecked())
        format, options = self.format.currentData(), self.options()

        async def work(reporter: Reporter) -> None:
            project = self._workspace.project
            ids = await project.read(_ids, *wanted, reporter=reporter)
            unwritten = await project.read(exporting.count_unwritten, ids, format, reporter=reporter)
            self._show_result(ExportResult(len(ids), unwritten=unwritten))
            if len(ids) <= MAX_ROWS_TRIED and format not in ("jsonl", HUGGINGFACE_FOLDER):
                inner = FOLDERS.get(format, format)
                tried = await project.read(exporting.preview, ids, inner, options, reporter, reporter=reporter)
                self._show_result(tried)

        self.row_count = 0
        self._show_ok()
        self._counting.start(work)

    def _show_result(self, found: ExportResult) -> None:
        self.row_count = found.rows
        written = trn("{n} row will be written.", "{n} rows will be written.", found.rows)
        left = format_left_out_rows(found)
        lines = [written, left, *exporting.describe_unwritten(found)]
        self.note.show_text("\n".join(filter(None, lines)), "warning" if left else "")
        self._show_ok()

    def _show_ok(self) -> None:
        reason = tr("No row matches.") if not self.row_count else tr("Enter a file name.")
        basics.set_enabled(self.ok_button, "" if self.row_count and self.path.text().strip() else reason)

    def _on_browse(self) -> None:
        dialog = file_dialogs.save_dialog(
            self, self._workspace.settings, file_dialogs.ROWS, tr("Export rows"), self.path.text(), self._on_path
        )
        # The question whether to replace a file comes when the work begins: the path may also be typed.
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        dialog.open()

    def _on_path(self, file: Path) -> None:
        self.path.setText(str(with_suffix(file, self.format.currentData())))

    def _on_export(self) -> None:
        path = Path(self.path.text().strip()).expanduser()
        if not path.is_absolute():
            path = self._workspace.project.path.parent / path
        if path.is_file():
            self._ask_to_replace(path)
            return
        self._start(path)

    def _ask_to_replace(self, path: Path) -> None:
        box = QMessageBox(QMessageBox.Icon.Question, self.windowTitle(), "", parent=self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("“{name}” already exists. Replace it?", name=path.name))
        box.addButton(tr("Replace"), QMessageBox.ButtonRole.AcceptRole).clicked.connect(lambda: self._start(path))
        box.setDefaultButton(box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole))
        box.open()

    def _start(self, path: Path) -> None:
        base, split, approved = self._base_choice(), self.split.currentData(), self.approved.isChecked()
        format, options, workspace = self.format.currentData(), self.options(), self._workspace
        window = self._parent.window()
        label = tr("Export {name}", name=path.name)
        reporter = workspace.tasks.reporter(label)

        async def work() -> None:
            choice = await workspace.project.read(_build_choice, base, split, approved, reporter=reporter)
            written = await workspace.project.read(
                exporting.export, path, choice, format, options, reporter, reporter=reporter
            )
            workspace.tasks.tell(show_written(window, path, written).text.text())

        workspace.tasks.start(label, work(), kind=ActivityKind.EXPORT)
        self.accept()


def with_suffix(path: Path, format: str) -> Path:
    """The path with the suffix of the format; a folder has none."""
    name = path.name
    packed = ".gz" if name.lower().endswith(".gz") and format not in BINARY_FORMATS else ""
    known = {".gz", ".ndjson", ".txt", *(writer.suffix for writer in WRITERS.values())}
    while Path(name).suffix.lower() in known:
        name = Path(name).stem
    suffix = "" if format in FOLDERS else WRITERS[format].suffix
    return path.with_name(f"{name}{suffix}{packed}") if name else path


def format_left_out_rows(found: ExportResult) -> str:
    """How many rows the format cannot hold, and why, as text; '' for none."""
    reasons = [f"{format_loss_reason(reason)} ({count:,})" for reason, count in found.left_out.items()]
    many = sum(found.left_out.values())
    words = trn(
        "{n} row is left out: {reasons}.", "{n} rows are left out: {reasons}.", many, reasons=", ".join(reasons)
    )
    return words if many else ""


def show_written(window: QWidget, path: Path, written: ExportResult) -> Notice:
    """Show a message about the written file, with a button that opens its folder."""
    left = format_left_out_rows(written)
    words = trn("{n} row written to {path}.", "{n} rows written to {path}.", written.rows, path=path)
    text = "\n".join(filter(None, [words, left, *exporting.describe_unwritten(written)]))
    notice = Notice(window, text, "warning" if left else "good", lasting=bool(left))
    folder = QUrl.fromLocalFile(str(path.parent))
    notice.add_button(tr("Show in folder"), lambda: QDesktopServices.openUrl(folder))
    return notice


def _build_choice(db: sqlite3.Connection, base: Choice, split: str, approved: bool) -> Choice:
    """The rows of `base` that have the split and, if wanted, are approved; in their order."""
    status = "approved" if approved else ""
    if not split and not status:
        return base
    if isinstance(base, Filter):
        if (split and base.split not in ("", split)) or (status and base.status not in ("", status)):
            return []
        return replace(base, split=split or base.split, status=status or base.status)
    allowed = set(filters.find(db, Filter(split=split, status=status)))
    return [id for id in base if id in allowed]


def _ids(db: sqlite3.Connection, base: Choice, split: str, approved: bool) -> Sequence[int]:
    return examples.find_ids(db, _build_choice(db, base, split, approved))
