"""The menus of a window."""

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu


def find_entry(window: QMainWindow, title: str, text: str) -> QAction:
    """The entry of the menu `title` whose text begins so."""
    for bar_entry in window.menuBar().actions():
        menu = bar_entry.menu()
        if bar_entry.text() == title and isinstance(menu, QMenu):
            return next(action for action in menu.actions() if action.text().startswith(text))
    raise AssertionError(f"no menu {title}")
