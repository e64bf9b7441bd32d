"""Imports rows: for tables, a dialog that maps columns to fields with a preview."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core import formats
from core.activity_history import ActivityKind
from core.checks.rule_registry import clip_list
from core.dataset import examples, importing
from core.dataset.import_reader_process import ImportOptions
from core.errors import FormatError, JukuError
from core.formats import ReadingOptions, column_mapping
from core.formats.csv_parser import DELIMITERS
from core.language import end_sentence, tr
from core.progress import Reporter
from ui import style
from ui.dataset.import_and_outcome import ImportFile, ImportOutcome, format_failure, import_files, import_label
from ui.dataset.import_source import ImportSource, RowPreview, recognise_all
from ui.widgets import basics, file_dialogs, tables
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.value_texts import add_values
from ui.workspace import Workspace

ENCODINGS = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8 (BOM)", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE",
    "cp932": "Shift_JIS (CP932)", "euc_jp": "EUC-JP", "iso2022_jp": "ISO-2022-JP", "gb18030": "GB 18030 (GBK)",
    "big5": "Big5", "cp949": "EUC-KR (CP949)", "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R", "cp1253": "Windows-1253", "cp1254": "Windows-1254", "cp1255": "Windows-1255", "cp1256": "Windows-1256",
    "cp1257": "Windows-1257", "cp874": "Windows-874", "cp850": "DOS 850", "mac_roman": "Mac Roman",
}  # fmt: skip
SAMPLE_ROWS = 4  # rows of the file that are shown below the choices
PREVIEW_FIELDS = (
    "question",
    "answer",
    "system",
    "split",
    "kind",
    "status",
    "tags",
    "facts",
    "notes",
    "key_points",
    "quote",
)
MAX_CELL_CHARACTERS = 300  # characters of a text that a cell shows


OnEnded = Callable[[], object]


def import_rows(
    workspace: Workspace, what: list[Path] | str, parent: QWidget, on_ended: OnEnded = lambda: None
) -> None:
    """Import files or a pasted text. Tables open a dialog for their columns; other files are imported at once.

    `on_ended` is called for each of the two when it is done or cancelled.
    """
    workspace.tasks.start("", _import_rows(workspace, what, parent, on_ended))


async def _import_rows(workspace: Workspace, what: list[Path] | str, parent: QWidget, on_ended: OnEnded) -> None:
    held = ExitStack()  # a pasted text is a file for as long as it is needed
    sources = await asyncio.to_thread(recognise_all, _open_sources(what, held))
    tables = [source for source in sources if source.needs_answer()]
    others = [source for source in sources if not source.needs_answer()]
    if tables:
        dialog = ImportDialog(workspace, tables, parent)
        dialog.destroyed.connect(lambda: held.close())  # a bound method would not keep it alive
        dialog.ended.connect(on_ended)
        dialog.open()
    outcome = ImportOutcome(failed=[format_failure(source.name, source.error) for source in others if source.error])
    outcome.notes = [source.note for source in others if source.note]
    wanted = [ImportFile(source.path, options_of(source), source.name) for source in others if not source.error]
    if wanted or outcome.failed:
        task = workspace.tasks.start(
            import_label(wanted) if wanted else "", import_files(workspace, wanted, parent, outcome),
            kind=ActivityKind.IMPORT,
        )  # fmt: skip
        task.add_done_callback(lambda _task: on_ended())
        if not tables:
            task.add_done_callback(lambda _task: held.close())


def _open_sources(what: list[Path] | str, held: ExitStack) -> list[ImportSource]:
    if isinstance(what, str):
        return [ImportSource(held.enter_context(importing.save_pasted_text(what)), tr("Pasted text"), pasted=True)]
    return [source for path in what for source in _expand(path)]


def _expand(path: Path) -> list[ImportSource]:
    """The files of an archive; any other file is the only one. The first tells what is left out."""
    try:
        contents = formats.expand(path)
    except FormatError:
        return [ImportSource(path, path.name)]  # told when it is recognised
    sources = [ImportSource(one, formats.format_name(one)) for one in contents.paths]
    if contents.left_out:
        names = clip_list(contents.left_out)
        sources[0].note = tr("{name}: files without rows left out: {names}", name=path.name, names=names)
    return sources


def options_of(source: ImportSource) -> ImportOptions:
    """The read options of a file as it was recognised; its source name is the one the person knows."""
    return ImportOptions(source.reading(), source=source.name)


class ImportDialog(QDialog):
    """Shows the files to import and how they are read, with the column mapping of each table.

    Split, status and tags are for all of them.
    """

    ended = Signal()  # the rows have come, or the person does not want them

    def __init__(self, workspace: Workspace, sources: list[ImportSource], parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace, self._parent = workspace, parent
        self._sources = sources
        self._source = sources[0]
        self._looking = LatestTask(workspace, self)
        self.column_boxes: list[QComboBox] = []
        is_table = all(source.is_table() for source in sources)
        self.setWindowTitle(tr("Import a table") if is_table else tr("Import rows"))
        self.resize(style.scaled(920), style.scaled(620))
        self._make_file()
        self._make_options()
        self.columns = _build_table(tr("Columns of the file"))
        self.preview = _build_table(tr("Rows after the import"))
        self.note = basics.Note()
        self._lay_out()
        self.finished.connect(self._on_finished)
        self._show_source()

    def _make_file(self) -> None:
        self._file = DropDown()
        self._file.setAccessibleName(tr("File"))
        self._file.addItems([source.name for source in self._sources])
        self._file.activated.connect(self._on_file)
        self.format_label = basics.label(dim=True)
        self.form_box, self.sheet_box = DropDown(), DropDown()
        self.form_box.setAccessibleName(tr("Format"))
        self.sheet_box.setAccessibleName(tr("Sheet"))
        for box in (self.form_box, self.sheet_box):
            box.activated.connect(lambda _index: self._on_reading())
        self.encoding_box = DropDown()
        self.encoding_box.setAccessibleName(tr("Encoding"))
        for name, title in ENCODINGS.items():
            self.encoding_box.addItem(title, name)
        self.encoding_box.activated.connect(lambda _index: self._on_reading())
        self.delimiter_box = DropDown()
        self.delimiter_box.setAccessibleName(tr("Separator"))
        for delimiter in DELIMITERS:
            self.delimiter_box.addItem(tr("tab") if delimiter == "\t" else delimiter, delimiter)
        self.delimiter_box.activated.connect(lambda _index: self._on_reading())
        self.other_button = QPushButton(tr("Other file of the batch…"))
        self.other_button.setAutoDefault(False)
        self.other_button.clicked.connect(self._on_other_file)
        self.heading_box = QCheckBox(tr("The first row names the columns"))
        self.heading_box.clicked.connect(self._on_head)

    def _make_options(self) -> None:
        self.split_box, self._status, self.tags_field = DropDown(), DropDown(), QLineEdit()
        add_values(self.split_box, examples.SPLITS)
        add_values(self._status, examples.STATUSES)
        self._status.setCurrentIndex(self._status.findData("approved"))
        self._skip = QCheckBox(tr("Skip rows that already exist"))
        self._skip.setChecked(True)
        for box, name in ((self.split_box, tr("Split")), (self._status, tr("Status")), (self.tags_field, tr("Tags"))):
            box.setAccessibleName(name)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        for part in (self._file, self.format_label, self.form_box, self.sheet_box, self.other_button):
            top.addWidget(part)
        top.addStretch()
        self.encoding_label = basics.label(tr("Encoding"), dim=True)
        self.delimiter_label = basics.label(tr("Separator"), dim=True)
        reading = (self.delimiter_label, self.delimiter_box, self.encoding_label, self.encoding_box)
        for choice in (self.heading_box, *reading):
            top.addWidget(choice)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        count = len(self._sources)
        self.ok_button.setText(tr("Import all {n} files", n=count) if count > 1 else tr("Import"))
        self.ok_button.setProperty("primary", True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(top)
        self.columns_label = basics.label(tr("What each column means"), dim=True)
        layout.addWidget(self.columns_label)
        layout.addWidget(self.columns, 2)
        layout.addWidget(basics.label(tr("Preview of the first rows"), dim=True))
        layout.addWidget(self.preview, 3)
        layout.addWidget(self.note)
        layout.addLayout(self._options_row())
        layout.addWidget(buttons)

    def _options_row(self) -> QGridLayout:
        grid = QGridLayout()
        fields = ((tr("Split"), self.split_box), (tr("Status"), self._status), (tr("Tags"), self.tags_field))
        for number, (name, box) in enumerate(fields):
            label = basics.label(tr("{field} of new rows", field=name), dim=True)
            label.setBuddy(box)
            grid.addWidget(label, 0, number)
            grid.addWidget(box, 1, number)
        grid.addWidget(self._skip, 1, 3)
        grid.setColumnStretch(2, 1)
        return grid

    def files_to_import(self) -> list[ImportFile]:
        """The files with the chosen options."""
        common = {"split": self.split_box.currentData(), "status": self._status.currentData(),
                  "tags": " ".join(self.tags_field.text().split()), "skip_known": self._skip.isChecked()}  # fmt: skip
        return [ImportFile(one.path, replace(options_of(one), **common), one.name) for one in self._sources]

    def _on_finished(self, result: int) -> None:
        self._looking.stop()
        if result == QDialog.DialogCode.Accepted:
            wanted = self.files_to_import()
            work = import_files(self._workspace, wanted, self._parent)
            task = self._workspace.tasks.start(import_label(wanted), work, kind=ActivityKind.IMPORT)
            task.add_done_callback(lambda _task: self._end())
        else:
            self._end()

    def _end(self) -> None:
        self.ended.emit()
        self.deleteLater()

    def _on_file(self, index: int) -> None:
        self._source = self._sources[index]
        self._show_source()

    def _on_head(self, head: bool) -> None:
        self._source.is_settled = True
        self._source.set_head(head)
        self._show_source()

    def _on_reading(self) -> None:
        """Read the file with the chosen form, sheet, encoding and separator."""
        source, delimiter = self._source, self.delimiter_box.currentData() if self._has_delimiter() else ""
        form = self.form_box.currentData() if self.form_box.isEnabled() else ""
        form = "" if form == source.detected.format and not source.form else form  # what was detected is no choice
        options = ReadingOptions(
            form, self.encoding_box.currentData(), None, delimiter, self.sheet_box.currentData() or ""
        )

        async def recognise(_reporter: Reporter) -> None:
            await asyncio.to_thread(source.recognise, options)
            self._show_source()

        self._looking.start(recognise)

    def _on_other_file(self) -> None:
        kind, title = file_dialogs.ROWS, tr("Other file of the batch")
        file_dialogs.open_dialog(self, self._workspace.settings, kind, title, self._on_other_path).open()

    def _on_other_path(self, found: list[Path]) -> None:
        self._source.requests = found[0]
        self._on_reading()

    def _show_source(self) -> None:
        source = self._source
        self._file.setVisible(len(self._sources) > 1)
        name = "" if len(self._sources) > 1 else f"{source.name}  "
        self.format_label.setText(name)
        self.other_button.setVisible(source.is_half_batch() or source.requests is not None)
        self._show_forms()
        _choose(self.encoding_box, source.encoding)
        _choose(self.delimiter_box, source.delimiter)
        for part in (self.encoding_label, self.encoding_box):
            part.setVisible(not source.pasted and source.detected.is_text)
        for part in (self.delimiter_label, self.delimiter_box):
            part.setVisible(self._has_delimiter())
        self.columns_label.setVisible(source.is_table())
        self.columns.setVisible(source.is_table())
        self.heading_box.setChecked(source.head)
        self.heading_box.setEnabled(source.detected.format != "markdown")
        self.heading_box.setVisible(source.detected.is_table)
        self._show_columns()
        self._show_preview([])
        self._show_preview_or_missing()

    def _show_forms(self) -> None:
        """Offer the forms that the file can be read as: all of text, but a workbook is what it is."""
        detected = self._source.detected
        has_forms = detected.format in formats.READERS
        self.form_box.clear()
        for form in formats.READERS if has_forms else [detected.format]:
            if form == detected.format or formats.can_be_trained_on(form):
                self.form_box.addItem(formats.title(form), form)
        self.form_box.setEnabled(has_forms)
        _choose(self.form_box, detected.format)
        self.sheet_box.clear()
        for sheet in detected.sheets:
            self.sheet_box.addItem(sheet, sheet)
        _choose(self.sheet_box, detected.sheet)
        self.sheet_box.setVisible(len(detected.sheets) > 1)

    def _has_delimiter(self) -> bool:
        return self._source.detected.format in ("csv", "tsv")

    def _show_columns(self) -> None:
        sample, places = self._source.sample()[:SAMPLE_ROWS], self._source.shown_places()
        found = self._source.names()
        names = [found[place] for place in places]
        self.columns.clear()
        self.columns.setRowCount(1 + len(sample))
        self.columns.setColumnCount(len(names))
        self.columns.setHorizontalHeaderLabels(names)
        self.column_boxes = [self._build_field_box(name) for name in names]
        for number, box in enumerate(self.column_boxes):
            self.columns.setCellWidget(0, number, box)
            place = places[number]
            for row, cells in enumerate(sample, start=1):
                self.columns.setItem(row, number, _build_item(cells[place] if place < len(cells) else ""))
        self.columns.setRowHeight(0, self.fontMetrics().height() + 16)
        below = (self.preview, self.split_box, self._status, self.tags_field, self._skip, self.ok_button)
        basics.order_focus(self.encoding_box, self.columns, *self.column_boxes, *below)
        for number in range(len(names)):
            width = max(150, min(430, 860 // max(1, len(names))))
            self.columns.setColumnWidth(number, max(style.scaled(width), self.column_boxes[number].sizeHint().width()))

    def _build_field_box(self, column: str) -> QComboBox:
        box = DropDown()
        box.setAccessibleName(tr("Meaning of {column}", column=column))
        box.addItem(tr("ignored"), "")
        for field in column_mapping.FIELDS:
            box.addItem(column_mapping.field_title(field), field)
        box.setCurrentIndex(max(0, box.findData(self._source.meaning.get(column, ""))))
        box.activated.connect(lambda _index: self._on_meaning(column, box.currentData()))
        return box

    def _on_meaning(self, column: str, field: str) -> None:
        self._source.set_field(column, field)
        for number, box in enumerate(self.column_boxes):
            heading = self.columns.horizontalHeaderItem(number)
            name = heading.text() if heading else ""
            box.setCurrentIndex(max(0, box.findData(self._source.meaning.get(name, ""))))
        self._show_preview_or_missing()

    def _show_preview_or_missing(self) -> None:
        """Show the preview, or what still has to be chosen."""
        source = self._source
        missing = next(filter(None, (one.missing_choice() for one in [source, *self._sources])), "")
        locked = tr("The project is read-only.") if self._workspace.project.read_only else ""
        self.note.show_text(missing or source.describe_doubts(), "warning")
        basics.set_enabled(self.ok_button, missing or locked, self.note if missing else None)
        if source.missing_choice():
            self._show_preview([])
            return

        async def load(_reporter: Reporter) -> None:
            try:
                self._show_preview(await asyncio.to_thread(source.preview))
            except JukuError as error:
                self.note.show_text(f"{end_sentence(error.title)} {error.message}", "error")

        self._looking.start(load)

    def _show_preview(self, rows: list[RowPreview]) -> None:
        used = [field for field in PREVIEW_FIELDS if any(field in row.fields for row in rows)] or list(
            PREVIEW_FIELDS[:2]
        )
        self.preview.clear()
        self.preview.setColumnCount(1 + len(used))
        self.preview.setRowCount(len(rows))
        self.preview.setHorizontalHeaderLabels([tr("Line"), *map(column_mapping.field_title, used)])
        for number, row in enumerate(rows):
            self.preview.setItem(number, 0, _build_item(f"{row.line:,}"))
            cells = [row.problem] if row.problem else [row.fields.get(field, "") for field in used]
            for column, text in enumerate(cells, start=1):
                item = _build_item(text)
                if row.problem:
                    item.setForeground(style.colours("error")[0])
                self.preview.setItem(number, column, item)
        tables.set_column_width(self.preview, 0, 60)
        long = [field for field in used if field in ("question", "answer", "system")]
        room = (800 - 110 * (len(used) - len(long))) // max(1, len(long))
        for column, field in enumerate(used, start=1):
            tables.set_column_width(self.preview, column, max(230, min(400, room)) if field in long else 110)
        self.preview.horizontalHeader().setStretchLastSection(True)


def _choose(box: QComboBox, value: str) -> None:
    """Choose a value, added where the box does not have it yet."""
    if value and box.findData(value) < 0:
        box.addItem(value, value)
    box.setCurrentIndex(box.findData(value))


def _build_item(text: str) -> QTableWidgetItem:
    short = text if len(text) <= MAX_CELL_CHARACTERS else f"{text[:MAX_CELL_CHARACTERS]}…"
    item = QTableWidgetItem(" ".join(short.split()))
    item.setToolTip(basics.plain_tooltip(text[:2000]) if text else "")
    return item


def _build_table(name: str) -> QTableWidget:
    table = QTableWidget()
    tables.set_up(table, name)
    return table
