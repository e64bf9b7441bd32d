"""The Edit menu: each entry does in the widget with the keyboard what its keys do there."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit, QTabWidget, QTextEdit, QWidget

from core.language import tr
from ui.widgets import basics

Key = QKeySequence.StandardKey
TextField = QLineEdit | QTextEdit | QPlainTextEdit
EVERYWHERE = (Key.Find, Key.Replace)  # also where the keyboard is elsewhere in the tab


class EditActions(QObject):
    """Cut, copy, paste, select all, find and replace for a menu that has *Undo* and *Redo*.

    Tables and text fields have these keys themselves. The menu shows them, and passes a click on to the action, the
    shortcut or the text field that they belong to; an entry that means nothing there is disabled.
    """

    def __init__(self, menu: QMenu, tabs: QTabWidget) -> None:
        super().__init__(menu)
        self._tabs = tabs
        self._actions: dict[Key, QAction] = {}
        menu.addSeparator()
        for key, text in (
            (Key.Cut, tr("Cu&t")),
            (Key.Copy, tr("&Copy")),
            (Key.Paste, tr("&Paste")),
            (Key.SelectAll, tr("Select &all")),
        ):
            self._add(menu, key, text)
        menu.addSeparator()
        self._add(menu, Key.Find, tr("&Find…"))
        self._add(menu, Key.Replace, tr("Find and &replace…"))
        menu.aboutToShow.connect(self._update_enabled)
        menu.aboutToHide.connect(self._enable_all)

    def _add(self, menu: QMenu, key: Key, text: str) -> None:
        action = menu.addAction(text)
        action.setShortcut(basics.key_sequence(key))
        # Shown in the menu, and never taken from the field or the table whose keys these are.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _checked=False: self._run(key))
        self._actions[key] = action

    def _update_enabled(self) -> None:
        for key, action in self._actions.items():
            action.setEnabled(self._find(key) is not None)

    def _enable_all(self) -> None:
        """Enabled while the menu is closed, so that the command palette can ask what is possible then."""
        for action in self._actions.values():
            action.setEnabled(True)

    def _run(self, key: Key) -> None:
        if found := self._find(key):
            found()

    def _find(self, key: Key) -> Callable[[], object] | None:
        """What the keys of `key` do where the keyboard is now; None where they do nothing."""
        focus = QApplication.focusWidget()
        if isinstance(focus, TextField) and key not in EVERYWHERE:
            return _find_in_text(focus, key)
        places = [*_iterate_upwards(focus)]
        if key in EVERYWHERE and (tab := self._tabs.currentWidget()):
            places += [tab, *(one for one in tab.findChildren(QWidget) if one.isVisible())]
        keys = basics.key_sequence(key)
        for place in places:
            for action in place.actions():
                if action not in self._actions.values() and action.isEnabled() and keys in action.shortcuts():
                    return action.trigger
            for shortcut in place.findChildren(QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly):
                if shortcut.isEnabled() and keys in [*shortcut.keys()]:
                    return shortcut.activated.emit
        return None


def _iterate_upwards(widget: QWidget | None) -> Iterator[QWidget]:
    """A widget and those around it, up to the window."""
    while widget is not None:
        yield widget
        widget = None if widget.isWindow() else widget.parentWidget()


def _find_in_text(field: TextField, key: Key) -> Callable[[], object] | None:
    has_selection = field.hasSelectedText() if isinstance(field, QLineEdit) else field.textCursor().hasSelection()
    is_secret = isinstance(field, QLineEdit) and field.echoMode() != QLineEdit.EchoMode.Normal
    match key:
        case Key.Cut:
            return field.cut if has_selection and not field.isReadOnly() and not is_secret else None
        case Key.Copy:
            return field.copy if has_selection and not is_secret else None
        case Key.Paste:
            return None if field.isReadOnly() or not QApplication.clipboard().text() else field.paste
        case _:
            return field.selectAll
