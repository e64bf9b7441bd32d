"""What a screen reader is told of a window: the accessibility tree, and what is missing in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QSlider,
    QTabBar,
    QTableView,
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


def label_of(widget: QWidget) -> str:
    """The name of the label that belongs to a widget: of a combo box, Qt tells the current entry as its name on Linux."""
    labels = (found for found, relation in read(widget).relations() if relation == QAccessible.RelationFlag.Label)
    return " ".join(found.text(QAccessible.Text.Name) for found in labels)


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


def missing(shown: list[QWidget]) -> list[str]:
    """What a screen reader would not learn of these widgets."""
    return [*_nameless(shown), *_unreadable(shown), *_wrong_states(shown), *_unlabelled(shown), *_headless(shown)]


def _nameless(shown: list[QWidget]) -> Iterator[str]:
    for control in controls(iter(shown)):
        name = label_of(control) if isinstance(control, QComboBox) else name_of(control)
        if not any(letter.isalnum() for letter in name):
            yield f"no name: {describe(control)} {getattr(control, 'currentText', str)()}"


def _unreadable(shown: list[QWidget]) -> Iterator[str]:
    """Markup of tool tips would be read aloud."""
    for widget in shown:
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None:
            continue
        for kind in (QAccessible.Text.Name, QAccessible.Text.Description):
            text = interface.text(kind)
            if "<p>" in text or "</" in text:
                yield f"markup in the {kind.name}: {describe(widget)}: {text[:60]}"


def _wrong_states(shown: list[QWidget]) -> Iterator[str]:
    for control in controls(iter(shown)):
        state = read(control).state()
        if bool(state.disabled) == control.isEnabled():
            yield f"enabled or not: {describe(control)}"
        if (
            isinstance(control, QAbstractButton)
            and control.isCheckable()
            and not (state.checkable and bool(state.checked) == control.isChecked())
        ):
            yield f"checked or not: {describe(control)}"


def _unlabelled(shown: list[QWidget]) -> Iterator[str]:
    """A label in a form belongs to the field beside it."""
    for widget in shown:
        for form in widget.findChildren(QFormLayout, options=Qt.FindChildOption.FindDirectChildrenOnly):
            for row in range(form.rowCount()):
                label = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
                label = label and label.widget()
                if isinstance(label, QLabel) and label.isVisible() and label.text() and label.buddy() is None:
                    yield f"a label of nothing: {label.text()}"


def _headless(shown: list[QWidget]) -> Iterator[str]:
    for view in shown:
        if isinstance(view, QTableView) and view.model() is not None and view.horizontalHeader().isVisible():
            for column in range(view.model().columnCount()):
                if not view.isColumnHidden(column) and not view.model().headerData(column, Qt.Orientation.Horizontal):
                    yield f"no heading of column {column}: {describe(view)}"


def describe(widget: QWidget) -> str:
    """A widget by its class, its text and what it lies in."""
    parts, one = [], widget
    while one is not None and len(parts) < 4:
        text = one.text() if isinstance(one, QAbstractButton | QLabel) else ""
        parts.append(f"{type(one).__name__} {text[:30]!r}" if text else type(one).__name__)
        one = one.parentWidget()
    return " < ".join(parts)


def repeated_mnemonics(shown: list[QWidget]) -> list[str]:
    """Letters that are underlined twice in what is shown together."""
    letters: dict[str, list[str]] = {}
    for widget in shown:
        is_labelled = isinstance(widget, QLabel) and widget.buddy() is not None
        text = widget.text() if is_labelled or isinstance(widget, QAbstractButton) else ""
        if (key := QKeySequence.mnemonic(text).toString()) and widget.isEnabled():
            letters.setdefault(key, []).append(text)
    return [f"{key}: {texts}" for key, texts in letters.items() if len(texts) > 1]
