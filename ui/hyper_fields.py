"""Fields for hyperparameters: empty lets the server choose; where several are queued, a list of values each."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from core.language import tr
from core.presets import Range
from ui import style, widgets

COLUMNS = 4
Value = int | float | str


class HyperFields(QWidget):
    """One field for each hyperparameter of a method. With `several` a field takes values parted by commas."""

    changed = Signal()
    entered = Signal()  # a value, wholly: the field was left, or Enter pressed

    def __init__(self, several: bool = False, columns: int = COLUMNS) -> None:
        super().__init__()
        self._several, self._columns = several, columns
        self._ranges: dict[str, Range] = {}
        self.fields: dict[str, QLineEdit] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(style.SPACE)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)

    def fill(self, values: Mapping[str, Value]) -> None:
        """Enter `values`; fields that are not named are emptied."""
        for name, field in self.fields.items():
            field.setText(str(values.get(name, "")))

    def show_ranges(self, ranges: Mapping[str, Range], readonly: bool = False) -> None:
        """Show a field for each of `ranges`; what is typed stays where a field stays."""
        typed = {name: field.text() for name, field in self.fields.items()}
        if dict(ranges) != self._ranges:
            self._clear()
            self._ranges = dict(ranges)
            for place, (name, allowed) in enumerate(ranges.items()):
                self._add(place, name, allowed, typed.get(name, ""))
        for field in self.fields.values():
            field.setReadOnly(readonly)

    def _clear(self) -> None:
        while item := self._grid.takeAt(0):
            item.widget().deleteLater()
        self.fields.clear()

    def _add(self, place: int, name: str, allowed: Range, typed: str) -> None:
        field = QLineEdit(typed)
        field.setPlaceholderText(tr("Auto"))
        field.setAccessibleName(title(name))
        hint = tr("{name}: {range}. Leave it empty for the default.", name=name, range=allowed)
        field.setToolTip(widgets.tip(hint + (" " + tr("Separate several values by commas.") if self._several else "")))
        field.textChanged.connect(lambda _text: self.changed.emit())
        field.editingFinished.connect(self.entered)
        label = widgets.label(title(name), dim=True)
        label.setBuddy(field)
        row, column = divmod(place, self._columns)
        self._grid.addWidget(label, 2 * row, column)
        self._grid.addWidget(field, 2 * row + 1, column)
        self.fields[name] = field

    def lists(self) -> dict[str, list[Value]]:
        """The values of each field that is not empty."""
        return {name: found for name in self.fields if (found := self._values(name))}

    def values(self) -> dict[str, Value]:
        """One value for each field that is not empty."""
        return {name: found[0] for name, found in self.lists().items()}

    def problem(self) -> str:
        """What is wrong with the first field that holds no allowed value; '' where nothing is."""
        for name, allowed in self._ranges.items():
            for text in self._texts(name):
                if not allowed.holds(_number(text, allowed)):
                    return tr("{name} cannot be {value}: {range}", name=title(name), value=text, range=allowed)
        return ""

    def _values(self, name: str) -> list[Value]:
        allowed = self._ranges[name]
        found = [_number(text, allowed) for text in self._texts(name)]
        return list(dict.fromkeys(value for value in found if value is not None and allowed.holds(value)))

    def _texts(self, name: str) -> list[str]:
        text = self.fields[name].text().replace("、", ",").replace("，", ",")
        parts = text.split(",") if self._several else [text]
        return [part.strip() for part in parts if part.strip()]


def _number(text: str, allowed: Range) -> Value | None:
    if allowed.values:
        return text
    try:
        return int(text) if allowed.integer else float(text)
    except ValueError:
        return None


def title(name: str) -> str:
    """A hyperparameter in words; one that is the server's own keeps its name."""
    return {
        "n_epochs": tr("Epochs"),
        "batch_size": tr("Batch size"),
        "learning_rate_multiplier": tr("Learning rate multiplier"),
        "learning_rate": tr("Learning rate"),
        "beta": tr("Beta"),
        "seed": tr("Seed"),
        "warmup_ratio": tr("Warm-up ratio"),
        "weight_decay": tr("Weight decay"),
        "context_length": tr("Longest row in tokens"),
    }.get(name, name)
