"""The hyperparameter fields: an empty one lets the server choose; for several jobs each takes a list of values."""

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from core.language import tr
from core.providers.server_presets import NumberRange
from ui import style
from ui.widgets import basics

FIELD_COLUMNS = 4
Value = int | float | str


class HyperparameterFields(QObject):
    """One field for each hyperparameter of a method, each under its title in a grid that may hold other fields before them.

    With `several` a field takes values separated by commas.
    """

    changed = Signal()
    entered = Signal()  # a value, wholly: the field was left, or Enter pressed

    def __init__(
        self, grid: QGridLayout, several: bool = False, place: int = 0, width: int = 0, after: QWidget | None = None
    ) -> None:
        """The first is at `place` of the grid; in the tab order it comes `after` another field.

        They are `width` pixels wide; 0 is as wide as the grid's columns are.
        """
        super().__init__()
        self._grid, self._several, self._place, self._width, self._after = grid, several, place, width, after
        self._ranges: dict[str, NumberRange] = {}
        self._titles: list[QLabel] = []
        self.fields: dict[str, QLineEdit] = {}

    def fill(self, values: Mapping[str, Value]) -> None:
        """Enter `values`; fields that are not named are emptied."""
        for name, field in self.fields.items():
            field.setText(str(values.get(name, "")))

    def show_ranges(self, ranges: Mapping[str, NumberRange], readonly: bool = False) -> None:
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
        for part in (*self._titles, *self.fields.values()):
            self._grid.removeWidget(part)
            part.deleteLater()
        self._titles.clear()
        self.fields.clear()

    def _add(self, place: int, name: str, allowed: NumberRange, typed: str) -> None:
        field = QLineEdit(typed)
        field.setPlaceholderText(tr("Auto"))
        hint = tr("{name}: {range}. Leave it empty for the default.", name=name, range=allowed)
        field.setToolTip(
            basics.plain_tooltip(hint + (" " + tr("Separate several values by commas.") if self._several else ""))
        )
        field.textChanged.connect(lambda _text: self.changed.emit())
        field.editingFinished.connect(self.entered)
        if self._width:
            field.setFixedWidth(self._width)
        self._titles.append(add_titled_field(self._grid, self._place + place, parameter_title(name), field))
        if self._after:
            QWidget.setTabOrder(next(reversed(self.fields.values()), self._after), field)
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
                if not allowed.holds(_parse_number(text, allowed)):
                    return tr(
                        "{name} cannot be {value}: {range}", name=parameter_title(name), value=text, range=allowed
                    )
        return ""

    def _values(self, name: str) -> list[Value]:
        allowed = self._ranges[name]
        found = [_parse_number(text, allowed) for text in self._texts(name)]
        return list(dict.fromkeys(value for value in found if value is not None and allowed.holds(value)))

    def _texts(self, name: str) -> list[str]:
        text = self.fields[name].text().replace("、", ",").replace("，", ",")
        parts = text.split(",") if self._several else [text]
        return [part.strip() for part in parts if part.strip()]


def _parse_number(text: str, allowed: NumberRange) -> Value | None:
    if allowed.values:
        return text
    try:
        return int(text) if allowed.integer else float(text)
    except ValueError:
        return None


def field_grid() -> QGridLayout:
    """A grid for fields under their titles, in columns of one width."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(style.SPACE)
    grid.setVerticalSpacing(style.SPACE // 2)  # else that of the layout it is put into
    for column in range(FIELD_COLUMNS):
        grid.setColumnStretch(column, 1)
    return grid


def add_titled_field(grid: QGridLayout, place: int, name: str, field: QWidget) -> QLabel:
    """Put `field` under its title; the places of a grid are counted along its lines."""
    label = basics.label(name, dim=True)
    label.setBuddy(field)
    field.setAccessibleName(name.replace("&", ""))
    line, column = divmod(place, FIELD_COLUMNS)
    grid.addWidget(label, 2 * line, column)
    grid.addWidget(field, 2 * line + 1, column)
    return label


def parameter_title(name: str) -> str:
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
