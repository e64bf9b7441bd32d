"""The screen texts for the stored values of a row's columns (split, kind, status)."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QComboBox

from core.language import tr

_VALUE_TEXTS: dict[str, Callable[[], str]] = {
    "train": lambda: tr("train"),
    "validation": lambda: tr("validation"),
    "test": lambda: tr("test"),
    "direct": lambda: tr("direct"),
    "reworded": lambda: tr("reworded"),
    "reverse": lambda: tr("reverse"),
    "applied": lambda: tr("applied"),
    "combined": lambda: tr("combined"),
    "statement": lambda: tr("statement"),
    "not_stated": lambda: tr("not stated"),
    "false_premise": lambda: tr("false premise"),
    "general": lambda: tr("general"),
    "memorised": lambda: tr("memorised"),
    "draft": lambda: tr("draft"),
    "approved": lambda: tr("approved"),
    "rejected": lambda: tr("rejected"),
}


def value_text(value: str) -> str:
    """`value` as it is shown; unknown values unchanged."""
    known = _VALUE_TEXTS.get(value)
    return known() if known else value


def parse_value(text: str, choices: Sequence[str]) -> str | None:
    """The one of `choices` that `text` means (stored value or screen text, in any case); None for neither."""
    wanted = text.strip().lower()
    return next((choice for choice in choices if wanted in (choice, value_text(choice).lower())), None)


def add_values(box: QComboBox, values: Sequence[str]) -> None:
    """Add the texts of `values` to `box`, each with its value as the item's data."""
    for value in values:
        box.addItem(value_text(value), value)


def select_value(box: QComboBox, value: str) -> None:
    """Select `value` in `box`. A value that is not in the list, as an import may bring, is shown but not selected."""
    box.setPlaceholderText(value_text(value))
    box.setCurrentIndex(box.findData(value))
