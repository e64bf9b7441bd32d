"""The lengths of rows in tokens, which are too long, and what training on them may cost."""

import datetime
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QDate, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.dataset import examples, token_counts
from core.dataset.filters import Filter
from core.dataset.token_counts import TokenTotals
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import prices, shutdown_dates
from core.providers.prices import TrainingPrice
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.charts.histogram import Histogram, HistogramBar
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.value_texts import value_text
from ui.workspace import Workspace

MAX_QUESTION_CHARACTERS = 200  # characters of a row's question that are shown
MAX_EPOCHS = 50
ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """The numbers to show, and the questions of the longest rows by id."""

    summary: TokenTotals
    questions: dict[int, str]


class TokenCountsDialog(QDialog):
    """The tokens of the rows and the cost of training on them.

    The split of `filter` is selected first. `row_chosen` gives a clicked row.
    """

    row_chosen = Signal(int)

    def __init__(self, workspace: Workspace, filter: Filter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._workspace = workspace
        self._split = filter.split or "train"
        self.counted: TokenSummary | None = None
        self.setWindowTitle(tr("Tokens and cost"))
        self.resize(style.scaled(1000), style.scaled(680))
        self._work = LatestTask(workspace, self)
        self._make_choices()
        self._make_tables()
        self._lay_out()
        self._connect()
        self._start_count()

    def _make_choices(self) -> None:
        self.encoding = DropDown()
        self.encoding.setAccessibleName(tr("Count as"))
        for name, models in encoding_text().items():
            self.encoding.addItem(f"{models} ({name})", name)
        self.status = DropDown()
        self.status.setAccessibleName(tr("Which rows"))
        self.status.addItem(tr("Approved rows (used for training)"), "approved")
        self.status.addItem(tr("All rows"), "")
        self.epochs = basics.integer_field(0, MAX_EPOCHS, 0)
        self.epochs.setSpecialValueText(tr("default"))
        self.epochs.setAccessibleName(tr("Epochs"))

    def _make_tables(self) -> None:
        self.note = basics.Note()
        self.splits = _build_table(
            [tr("Split"), tr("Rows"), tr("Tokens"), tr("Mean"), tr("Longest")], tr("Tokens by split")
        )
        self.costs = _build_table([tr("Model"), tr("Estimate in US dollars")], tr("Estimated cost by model"))
        self.prices = basics.label(wrap=True, dim=True)
        self.heading = basics.heading("")
        self.histogram = Histogram()
        self.longest = _build_table([tr("Tokens"), tr("Row"), tr("Question")], tr("Longest rows"), stretched=2)
        self.nothing = EmptyState()

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.setSpacing(style.SPACE // 2)
        choices.addWidget(basics.label(tr("Count as")))
        choices.addWidget(self.encoding)
        choices.addSpacing(style.SPACE)
        choices.addWidget(self.status)
        choices.addStretch()
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(self._build_totals())
        splitter.addWidget(self._lengths())
        splitter.setSizes([440, 540])
        splitter.setHandleWidth(style.SPACE)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(splitter)
        close = QPushButton(tr("Close"), autoDefault=False)
        close.clicked.connect(self.close)
        bottom = QHBoxLayout()
        bottom.addWidget(ProgressLine(self._work), 1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(choices)
        layout.addWidget(self.note)
        layout.addWidget(self.pages, 1)
        layout.addLayout(bottom)

    def _build_totals(self) -> QWidget:
        epochs = QHBoxLayout()
        epochs.addWidget(basics.heading(tr("Training cost")))
        epochs.addStretch()
        epochs.addWidget(basics.label(tr("Epochs")))
        epochs.addWidget(self.epochs)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addWidget(basics.heading(tr("Tokens by split")))
        column.addWidget(self.splits)
        column.addSpacing(style.SPACE)
        column.addLayout(epochs)
        column.addWidget(self.costs)
        column.addWidget(self.prices)
        column.addStretch()
        return left

    def _lengths(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addWidget(self.heading)
        column.addWidget(self.histogram, 2)
        column.addSpacing(style.SPACE)
        column.addWidget(basics.heading(tr("Longest rows")))
        column.addWidget(self.longest, 3)
        return right

    def _connect(self) -> None:
        for box in (self.encoding, self.status):
            box.activated.connect(lambda _index: self._start_count())
        self.epochs.valueChanged.connect(lambda _value: self._show_costs())
        self.splits.itemSelectionChanged.connect(self._on_split)
        for signal in (self.longest.cellClicked, self.longest.cellActivated):
            signal.connect(lambda row, _column: self.row_chosen.emit(_first_cell(self.longest, row).data(ROW_ID_ROLE)))
        self._work.busy.connect(self._on_busy)
        self._workspace.tasks.changed.connect(self._on_changes)
        self.finished.connect(lambda _result: self._work.stop())

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: the grid stays usable beside it."""
        self.show()

    def _start_count(self) -> None:
        encoding, status = self.encoding.currentData(), self.status.currentData()
        self._work.start(lambda reporter: self._load(encoding, status, reporter))

    async def _load(self, encoding: str, status: str, reporter: Reporter) -> Changes | None:
        """Show what is counted, count what is missing, and show it again."""
        project = self._workspace.project
        try:
            counted = await project.read(load_summary, encoding, status, reporter, reporter=reporter)
            changes = None
            if counted.summary.missing:
                self._show_message(tr("Counting…"), tr("The tokens are counted on this computer; nothing is sent."))
                changes = await token_counts.count_missing_rows(project, encoding, reporter)
                counted = await project.read(load_summary, encoding, status, reporter, reporter=reporter)
        except JukuError as error:
            self._show_message(error.title, error.message)
            return None
        self._show(counted)
        return changes

    def _on_busy(self, busy: bool) -> None:
        if not busy and self.nothing.title.text() == tr("Counting…"):  # it was cancelled
            self._show_message(tr("Not counted"), tr("Choose a model above to count the rows."))

    def _show_message(self, title: str, text: str) -> None:
        self.counted = None
        self.note.show_text("")
        self.nothing.set_texts(title, text)
        self.pages.setCurrentIndex(0)

    def _show(self, counted: TokenSummary) -> None:
        if not counted.summary.splits:
            self._show_message(tr("No rows to count"), tr("Import or write rows, then approve the ones to train on."))
            return
        self.counted = counted
        self.nothing.set_texts("", "")
        self.pages.setCurrentIndex(1)
        self._show_splits(counted.summary)
        self._show_note(counted.summary)
        self._show_costs()

    def _show_splits(self, found: TokenTotals) -> None:
        names = [name for name in examples.SPLITS if name in found.splits]
        chosen = self._split
        rows = [(name, found.splits[name]) for name in names]
        self.splits.blockSignals(True)
        _fill(
            self.splits,
            [
                (value_text(name), f"{one.rows:,}", f"{one.tokens:,}", f"{one.mean:,.0f}", f"{one.largest:,}")
                for name, one in rows
            ],
        )
        for place, name in enumerate(names):
            _first_cell(self.splits, place).setData(ROW_ID_ROLE, name)
        basics.select_row(self.splits, names.index(chosen) if chosen in names else 0)
        self.splits.blockSignals(False)
        _fit(self.splits)
        self._on_split()

    def _show_note(self, found: TokenTotals) -> None:
        over = sum(one.over for one in found.splits.values())
        if found.missing:
            text = trn("{n} row could not be counted.", "{n} rows could not be counted.", found.missing)
            self.note.show_text(text, "warning")
        elif over:
            text = trn(
                "{n} row is longer than {limit} tokens. The rest is cut off without notice.",
                "{n} rows are longer than {limit} tokens. The rest is cut off without notice.",
                over,
                limit=f"{token_counts.TOKEN_LIMIT:,}",
            )
            self.note.show_text(text, "warning")
        else:
            self.note.show_text("")

    def _on_split(self) -> None:
        if self.counted is None or (item := self.splits.item(self.splits.currentRow(), 0)) is None:
            return
        self._split = item.data(ROW_ID_ROLE)
        found = self.counted.summary.splits[self._split]
        self.heading.setText(tr("Lengths in tokens: {split}", split=value_text(self._split)))
        self.histogram.show_bars(
            [HistogramBar(bin.low, bin.high, bin.rows) for bin in found.histogram], token_counts.TOKEN_LIMIT
        )
        questions = self.counted.questions
        _fill(self.longest, [(f"{count:,}", f"{id:,}", questions.get(id, "")) for id, count in found.longest])
        for row, (id, count) in enumerate(found.longest):
            cell = _first_cell(self.longest, row)
            cell.setData(ROW_ID_ROLE, id)
            if count > token_counts.TOKEN_LIMIT:
                cell.setForeground(style.colours("error")[0])
                cell.setText(tr("{n} (too long)", n=cell.text()))

    def _show_costs(self) -> None:
        if self.counted is None:
            return
        found = self.counted.summary
        priced = [(model, price(found, model, self.epochs.value())) for model in priced_models(found.encoding)]
        known = [(model, one) for model, one in priced if one is not None]
        _fill(self.costs, [(_format_name(model), format_price_range(one)) for model, one in known])
        self.costs.setVisible(bool(known))
        _fit(self.costs)
        self.prices.setText("\n".join([*_explain_prices(found, known), tr("Training on this computer is free.")]))

    def _on_changes(self, changes: Changes) -> None:
        if self.isVisible() and Table.EXAMPLE in changes.tables:
            self._start_count()


ROW_ID_ROLE = Qt.ItemDataRole.UserRole  # the id of a row among the longest


def load_summary(db: sqlite3.Connection, encoding: str, status: str, reporter: Reporter) -> TokenSummary:
    """Count the tokens of the rows with a status; the longest rows come with their questions."""
    summary = token_counts.summarize(db, encoding, reporter, status)
    ids = [id for split in summary.splits.values() for id, _count in split.longest]
    rows = examples.fetch(db, ids)
    return TokenSummary(
        summary, {id: " ".join(row.question[:MAX_QUESTION_CHARACTERS].split()) for id, row in rows.items()}
    )


def encoding_text() -> dict[str, str]:
    """The names of the tokenizers and the models that use them."""
    return {"o200k_base": tr("GPT-4.1, GPT-4o and newer"), "cl100k_base": tr("GPT-4, GPT-3.5")}


def priced_models(encoding: str) -> list[str]:
    """The models with a known price that use `encoding`."""
    found = dict.fromkeys(entry.model for entry in prices.load_table().entries if entry.kind == prices.TRAINING)
    return [model for model in found if token_counts.get_encoding(model) == encoding]


def price(found: TokenTotals, model: str, epochs: int) -> TrainingPrice | None:
    """What training on the rows of the split "train" would cost; None if there are none or the price is unknown."""
    split = found.splits.get("train")
    return prices.estimate_training_price(split.trained, split.rows, model, epochs or None) if split else None


def format_price_range(found: TrainingPrice) -> str:
    """An estimated amount as text."""
    low, high = (f"${amount:,.2f}" if amount >= 0.01 else "< $0.01" for amount in (found.low, found.high))
    return low if low == high else f"{low} – {high}"


def _format_name(model: str) -> str:
    """A model's name, with a note when it can no longer be trained."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    closing, last_day = shutdown_dates.find_shutdown(model, None, "openai"), shutdown_dates.last_day("openai")
    ended = (closing and closing.day < today) or (last_day and last_day < today)
    return tr("{model} (no new training)", model=model) if ended else model


def _explain_prices(found: TokenTotals, known: Sequence[tuple[str, TrainingPrice]]) -> list[str]:
    if "train" not in found.splits:
        return [tr("There are no rows with the split “train” to train on.")]
    if not known:
        return [tr("No prices are known for models with this way of counting.")]
    day = QLocale().toString(QDate.fromString(known[0][1].as_of, Qt.DateFormat.ISODate), QLocale.FormatType.ShortFormat)
    return [tr("Prices as of {day}, from {source}. An estimate, not an offer.", day=day, source=known[0][1].source)]


def _build_table(names: list[str], name: str, stretched: int = 0) -> QTableWidget:
    table = QTableWidget(0, len(names))
    table.setHorizontalHeaderLabels(names)
    tables.set_up(table, name)
    header = table.horizontalHeader()
    for column in range(len(names)):
        fits = QHeaderView.ResizeMode.Stretch if column == stretched else QHeaderView.ResizeMode.ResizeToContents
        header.setSectionResizeMode(column, fits)
        if heading := table.horizontalHeaderItem(column):
            heading.setTextAlignment(ALIGN_LEFT if column == stretched else ALIGN_RIGHT)
    table.setProperty("stretched", stretched)
    return table


def _first_cell(table: QTableWidget, row: int) -> QTableWidgetItem:
    item = table.item(row, 0)
    assert item
    return item


def _fill(table: QTableWidget, rows: Sequence[Sequence[str]]) -> None:
    """Fill the table: texts to the left, numbers to the right."""
    table.setRowCount(len(rows))
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setTextAlignment(ALIGN_LEFT if column == table.property("stretched") else ALIGN_RIGHT)
            table.setItem(row, column, item)


def _fit(table: QTableWidget) -> None:
    """Make the table as high as its rows."""
    table.setFixedHeight(table.horizontalHeader().height() + table.verticalHeader().length() + 2 * table.frameWidth())
