"""What a person has entered into a form and saved nowhere, copied into the same form of another window."""

from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QTextEdit,
    QWidget,
)

TEXT_EDITS = (QTextEdit, QPlainTextEdit)
NUMBERS = (QSpinBox, QDoubleSpinBox)
INPUTS = (QLineEdit, *TEXT_EDITS, *NUMBERS, QComboBox, QAbstractButton)


def copy_inputs(old: QWidget, new: QWidget) -> None:
    """Enter into `new` what `old` has, attribute by attribute: both were made by the same code."""
    seen: set[int] = set()
    _copy_attributes(old, new, seen)


def _copy_attributes(old: object, new: object, seen: set[int]) -> None:
    if id(old) in seen:
        return
    seen.add(id(old))
    for name, value in vars(old).items():
        other = vars(new).get(name)
        for one, same in _pairs(value, other):
            if isinstance(one, INPUTS):
                copy_input(one, same)
            elif isinstance(one, QWidget) and type(one).__module__.startswith("ui."):
                _copy_attributes(one, same, seen)


def _pairs(value: object, other: object) -> list[tuple[object, object]]:
    """A value with its like, or those of the same name in two tables of values."""
    if isinstance(value, dict) and isinstance(other, dict):
        return [(one, other[key]) for key, one in value.items() if key in other and type(one) is type(other[key])]
    return [(value, other)] if type(value) is type(other) else []


def copy_input(old: object, new: object) -> None:
    """Enter into a field what another one of the same kind has; a choice is made as by a person."""
    if isinstance(old, QLineEdit) and isinstance(new, QLineEdit) and old.text() != new.text():
        new.setText(old.text())
        new.textEdited.emit(old.text())
    elif isinstance(old, TEXT_EDITS) and isinstance(new, TEXT_EDITS) and old.toPlainText() != new.toPlainText():
        new.setPlainText(old.toPlainText())
    elif isinstance(old, NUMBERS) and isinstance(new, NUMBERS):
        new.lineEdit().setText(old.lineEdit().text())
        new.interpretText()
    elif isinstance(old, QComboBox) and isinstance(new, QComboBox):
        _copy_choice(old, new)
    elif isinstance(old, QAbstractButton) and isinstance(new, QAbstractButton) and old.isCheckable():
        new.setChecked(old.isChecked())


def _copy_choice(old: QComboBox, new: QComboBox) -> None:
    place = new.findData(old.currentData())
    if place >= 0 and place != new.currentIndex():
        new.setCurrentIndex(place)
        new.activated.emit(place)
