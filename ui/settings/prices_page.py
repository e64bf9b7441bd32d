"""The prices of training and requests as a table: the built-in ones with their date, and the user's own."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QDate, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from core.language import tr
from core.providers import prices
from core.providers.prices import CHAT, TRAINING, PriceEntry
from ui import style
from ui.widgets import basics, tables

# The columns with numbers: of which kind, and which number of it.
PRICE_COLUMNS = ((TRAINING, "dollars"), (CHAT, "sent"), (CHAT, "received"))
MODEL_COLUMN, OWN_COLUMN = 0, len(PRICE_COLUMNS) + 1
Numbers = dict[tuple[str, str], dict[str, float]]  # by kind and model


class PricesPage(QWidget):
    """The prices of models.

    An entered price replaces the shipped one and is saved at once; an emptied field has that again.
    """

    failed = Signal(JukuError)  # the price could not be saved

    def __init__(self) -> None:
        super().__init__()
        self._shipped: Numbers = {}
        self._own: Numbers = {}  # a model's may lack a number while the person is writing
        self._new: list[str] = []  # models that were added here and have no number yet
        self.source_note = basics.label(wrap=True, dim=True)
        self.table = QTableWidget(0, len(PRICE_COLUMNS) + 2)
        self.note = basics.Note()
        self.add = QPushButton(style.icon("add"), tr("Add a model"))
        self.reset = QPushButton(tr("Reset to the built-in price"))
        self.reset_all = QPushButton(tr("Reset all to the built-in prices"))
        self._make_table()
        self._lay_out()
        self._connect()
        self.read()

    def _make_table(self) -> None:
        titles = (tr("Model"), tr("Training"), tr("Sent"), tr("Received"), tr("Price source"))
        self.table.setHorizontalHeaderLabels(titles)
        for column in range(OWN_COLUMN + 1):
            is_number = MODEL_COLUMN < column < OWN_COLUMN
            side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
            if item := self.table.horizontalHeaderItem(column):
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        tables.set_up(self.table, tr("Prices"), several=True)
        self.table.setAlternatingRowColors(True)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(MODEL_COLUMN, QHeaderView.ResizeMode.Stretch)
        for column in range(1, OWN_COLUMN + 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(style.SPACE // 2)
        below.addWidget(self.add)
        below.addStretch()
        below.addWidget(self.reset)
        below.addWidget(self.reset_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.source_note)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.note)
        layout.addLayout(below)

    def _connect(self) -> None:
        self.table.itemChanged.connect(self._on_changed)
        self.table.itemSelectionChanged.connect(self._show_buttons)
        self.add.clicked.connect(lambda _checked: self._on_add())
        self.reset.clicked.connect(lambda _checked: self._on_reset(self._selected_models()))
        self.reset_all.clicked.connect(lambda _checked: self._on_reset(self._models()))

    def read(self) -> None:
        """Show the stored prices. When the own ones cannot be read, a note says so, and they are not overwritten."""
        found = prices.load_table()
        self._shipped = {(one.kind, one.model): dict(one.numbers) for one in found.entries if not one.own}
        self._own = {(one.kind, one.model): dict(one.numbers) for one in found.entries if one.own}
        day = QLocale().toString(
            QDate(found.as_of.year, found.as_of.month, found.as_of.day), QLocale.FormatType.ShortFormat
        )
        text = tr("US dollars per million tokens; training counts each epoch. As of {day}, from {source}.", day=day,
                  source=found.source)  # fmt: skip
        self.source_note.setText(f"{text} {tr('Type over a price to use your own.')}")
        self.note.show_text(found.trouble, "error")
        triggers = QAbstractItemView.EditTrigger
        readable = not found.trouble
        self.table.setEditTriggers(
            triggers.DoubleClicked | triggers.AnyKeyPressed | triggers.EditKeyPressed
            if readable
            else triggers.NoEditTriggers
        )
        self.add.setEnabled(readable)
        self._show()

    def _models(self) -> list[str]:
        return list(dict.fromkeys([*(model for _kind, model in (*self._shipped, *self._own)), *self._new]))

    def _selected_models(self) -> list[str]:
        models = self._models()
        return [models[index.row()] for index in self.table.selectionModel().selectedRows()]

    def _show(self) -> None:
        self.table.blockSignals(True)
        models = self._models()
        self.table.setRowCount(len(models))
        for row, model in enumerate(models):
            self._show_row(row, model)
        self.table.blockSignals(False)
        self._show_buttons()

    def _show_row(self, row: int, model: str) -> None:
        is_own = any((kind, model) in self._own for kind in (TRAINING, CHAT))
        name = QTableWidgetItem(model)
        if model not in self._new:
            name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
        self.table.setItem(row, MODEL_COLUMN, name)
        for column, (kind, number) in enumerate(PRICE_COLUMNS, 1):
            self.table.setItem(row, column, self._build_cell(kind, model, number))
        whose = QTableWidgetItem(tr("your own") if is_own else "")
        whose.setFlags(whose.flags() & ~Qt.ItemFlag.ItemIsEditable)
        self.table.setItem(row, OWN_COLUMN, whose)

    def _build_cell(self, kind: str, model: str, number: str) -> QTableWidgetItem:
        own = self._own.get((kind, model), {})
        value = own.get(number, self._shipped.get((kind, model), {}).get(number))
        cell = QTableWidgetItem("" if value is None else _format_price(value))
        cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        font = cell.font()
        font.setBold(number in own)
        cell.setFont(font)
        return cell

    def _show_buttons(self) -> None:
        own = {model for _kind, model in self._own} | set(self._new)
        self.reset.setEnabled(bool(own & set(self._selected_models())))
        self.reset_all.setEnabled(bool(own))

    def _on_changed(self, cell: QTableWidgetItem) -> None:
        model = self._models()[cell.row()]
        if cell.column() == MODEL_COLUMN:
            self._rename(model, " ".join(cell.text().split()))
        elif MODEL_COLUMN < cell.column() < OWN_COLUMN:
            self._set_own_price(model, *PRICE_COLUMNS[cell.column() - 1], cell.text().strip())
        self._show()

    def _rename(self, model: str, name: str) -> None:
        if name and name not in self._models():
            self._new = [name if one == model else one for one in self._new]

    def _set_own_price(self, model: str, kind: str, number: str, text: str) -> None:
        """Use what was written in a cell."""
        price = _parse_price(text)
        if text and price is None:
            self.note.show_text(tr("“{text}” is not a price: enter a number such as 2.50.", text=text), "error")
            return
        own = dict(self._own.get((kind, model), {}))
        if price is None:
            own.pop(number, None)
        else:
            own[number] = price
        if own:
            self._own[kind, model] = own
            self._new = [one for one in self._new if one != model]
        elif self._own.pop((kind, model), None) is not None and not self._is_known(model):
            self._new.append(model)
        self._save()

    def _is_known(self, model: str) -> bool:
        return any((kind, model) in numbers for kind in (TRAINING, CHAT) for numbers in (self._shipped, self._own))

    def _save(self) -> None:
        """Keep what is whole: of a question both the price of what is sent and of what is received."""
        entries = []
        lacking = []
        for (kind, model), own in self._own.items():
            whole: Mapping[str, float] = {**self._shipped.get((kind, model), {}), **own}
            if set(whole) == set(prices.PRICE_FIELDS[kind]):
                entries.append(PriceEntry(kind, model, whole, own=True))
            else:
                lacking.append(model)
        try:
            prices.save_own(entries)
        except JukuError as error:
            self.failed.emit(error)
        words = tr(
            "Not saved yet for {models}: enter the price for sent and received tokens.", models=", ".join(lacking)
        )
        self.note.show_text(words if lacking else "", "warning")

    def _on_add(self) -> None:
        name = next(name for number in range(1, 1000) if (name := _new_model_name(number)) not in self._models())
        self._new.append(name)
        self._show()
        row = self._models().index(name)
        basics.select_row(self.table, row, MODEL_COLUMN)
        if item := self.table.item(row, MODEL_COLUMN):
            self.table.editItem(item)

    def _on_reset(self, models: list[str]) -> None:
        removed = set(models)
        self._own = {key: numbers for key, numbers in self._own.items() if key[1] not in removed}
        self._new = [model for model in self._new if model not in removed]
        self._save()
        self._show()


def _new_model_name(number: int) -> str:
    return tr("new model") if number == 1 else tr("new model {number}", number=number)


def _format_price(price: float) -> str:
    """At least two decimals, and as many as there are."""
    exact = f"{price:.10f}".rstrip("0")
    return exact if len(exact.partition(".")[2]) > 2 else f"{price:.2f}"


def _parse_price(text: str) -> float | None:
    """The price in `text`, with a point or a comma, perhaps with "$"; None if it is not a number."""
    try:
        price = float(text.removeprefix("$").strip().replace(",", "."))
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None
