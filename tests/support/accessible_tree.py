"""What a screen reader is told of a window: the accessibility tree, and what is missing in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QSlider,
    QTabBar,
    QTextEdit,
    QWidget,
)

Role = QAccessible.Role
CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QProgressBar, QSlider, QTextEdit,
)  # fmt: skip
MAX_ROWS_WALKED = 20  # rows of a table that are asked for


@dataclass(frozen=True)
class Node:
    """One object of the tree."""

    role: Role
    name: str
    description: str
    interface: QAccessibleInterface


def read(widget: QWidget) -> QAccessibleInterface:
    """What a screen reader is told of a widget."""
    found = QAccessible.queryAccessibleInterface(widget)
    assert found is not None and found.isValid(), widget
    return found


def name_of(widget: QWidget) -> str:
    """The name that a screen reader says."""
    return read(widget).text(QAccessible.Text.Name).strip()


def is_part_of_another(widget: QWidget) -> bool:
    """Whether it is only a part of a control that has a name: the field of a spin box, the list of a drop-down."""
    parent = widget.parentWidget()
    while parent is not None and not parent.isWindow():
        if isinstance(parent, QComboBox | QAbstractSpinBox | QHeaderView | QLineEdit | QTabBar):
            return True
        parent = parent.parentWidget()
    return isinstance(widget, QHeaderView | QScrollBar) or widget.objectName() in ("qt_tabwidget_tabbar",)


def controls(shown: Iterator[QWidget]) -> Iterator[QWidget]:
    """Those of the widgets that a person uses."""
    return (one for one in shown if isinstance(one, CONTROLS) and not is_part_of_another(one))
