"""A walk by the keyboard alone: which controls of a window Tab, the arrows and the underlined letters reach."""

from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)

from tests.support.accessible_tree import describe
from ui.widgets.diff_pane import DiffPane

USED_BY_MOUSE = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTabBar, QTextEdit,
)  # fmt: skip
MOST_STEPS = 400
Key = Qt.Key


def press_tab(widget: QWidget, backwards: bool = False, ctrl: bool = False) -> None:
    """Press Tab or Shift+Tab, as the keyboard does."""
    modifiers = Qt.KeyboardModifier.ShiftModifier if backwards else Qt.KeyboardModifier.NoModifier
    if ctrl:
        modifiers |= Qt.KeyboardModifier.ControlModifier
    key = Key.Key_Backtab if backwards else Key.Key_Tab
    QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, "\t"))


def walk(window: QWidget, first: QWidget, backwards: bool = False) -> tuple[list[QWidget], list[str]]:
    """The widgets that Tab reaches one after the other from `first`, and those that do not let go of it."""
    reached: list[QWidget] = []
    traps: list[str] = []
    first.setFocus(Qt.FocusReason.TabFocusReason)
    for _step in range(MOST_STEPS):
        focus = QApplication.focusWidget()
        if focus is None or focus in reached:
            break
        reached.append(focus)
        press_tab(focus, backwards)
        if QApplication.focusWidget() is focus:  # a text in which Tab is a letter: Ctrl+Tab leaves it
            press_tab(focus, backwards, ctrl=True)
            if QApplication.focusWidget() is focus:
                traps += [describe(focus)] if _is_elsewhere_to_go(window, focus) else []
                break
    return reached, traps


def _is_elsewhere_to_go(window: QWidget, focus: QWidget) -> bool:
    """Whether there is another widget that Tab could go to."""
    others = (one for one in window.findChildren(QWidget) if one.isVisible() and one.isEnabled())
    return any(
        one.focusPolicy() & Qt.FocusPolicy.TabFocus
        for one in others
        if one is not focus and one.focusProxy() is not focus
    )


def unreached(shown: Iterable[QWidget], reached: list[QWidget]) -> list[str]:
    """The enabled controls for the mouse that the walk has not met, and that no key leads to."""
    found = []
    shown = list(shown)
    for control in shown:
        if not isinstance(control, USED_BY_MOUSE) or not control.isEnabled() or _is_part(control):
            continue
        if not _is_reached(control, reached) and not _has_key(control, shown):
            found.append(describe(control))
    return found


def _is_part(control: QWidget) -> bool:
    """Part of a control that has keys for it: a scroll bar, the clear button of a line, the field of a number, a drop-down's list."""
    if isinstance(control, QScrollBar) or type(control).__name__ in ("QHeaderView", "GridHeader", "RowNumbers"):
        return True
    parent = control.parentWidget()
    while parent is not None and not parent.isWindow():
        if isinstance(parent, QLineEdit | QAbstractSpinBox | QComboBox | QTabBar):
            return True
        if (
            isinstance(parent, QAbstractItemView) and type(control) is QAbstractButton
        ):  # Ctrl+A does what the corner does
            return True
        parent = parent.parentWidget()
    return False


def _is_reached(control: QWidget, reached: list[QWidget]) -> bool:
    if control in reached or any(one.focusProxy() is control for one in reached):
        return True
    if isinstance(control, QRadioButton):  # the arrows go from the chosen one to the others
        siblings = control.parentWidget().findChildren(QRadioButton)
        group = control.group()
        return any(one in reached for one in (group.buttons() if group else siblings))
    return any(control.isAncestorOf(one) for one in reached)  # such as the drop-downs in the cells of a table


def _has_key(control: QWidget, shown: list[QWidget]) -> bool:
    if isinstance(control, QAbstractButton) and not control.shortcut().isEmpty():
        return True
    if isinstance(control, QCheckBox) and isinstance(control.parentWidget().parentWidget(), DiffPane):
        return True  # the space bar, for the change that is looked at
    labels = (one for one in shown if isinstance(one, QLabel) and one.buddy() is control)
    return any(not QKeySequence.mnemonic(label.text()).isEmpty() for label in labels)


def jumps(reached: list[QWidget], window: QWidget) -> list[str]:
    """Steps that go back up in the same column of the window: the order of Tab follows that of reading."""
    found = []
    for one, other in pairwise(reached):
        a, b = (_place(widget, window) for widget in (one, other))
        is_same_parent = one.parentWidget() is other.parentWidget()
        is_same_column = b.x() < a.x() + one.width() and a.x() < b.x() + other.width()
        if is_same_parent and is_same_column and b.y() + other.height() <= a.y() and other is not reached[0]:
            found.append(f"{describe(one)} → {describe(other)}")
    return found


def _place(widget: QWidget, window: QWidget) -> QPoint:
    return widget.mapTo(window, QPoint(0, 0))
