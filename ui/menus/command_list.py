"""All commands of the window: the entries of its menus, the actions and the buttons of its tabs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QMenu, QPushButton, QRadioButton, QTabWidget, QToolButton

from core import language
from ui.project.project_window import ProjectWindow
from ui.tab_base import Tab

PATH_SEPARATOR = " › "
_MNEMONIC = re.compile(r"&(.)")
_MNEMONIC_IN_BRACKETS = re.compile(r"\(&\w\)")


@dataclass(frozen=True, slots=True)
class WindowCommand:
    """A command: its name, the menu or tab that it is in, its keys ('' for none), and what runs it."""

    name: str
    place: str
    keys: str
    run: Callable[[], object]
    is_enabled: bool = True
    english: str = ""  # the name and the place in English, where the window has another language

    @property
    def path(self) -> str:
        return PATH_SEPARATOR.join(filter(None, (self.place, self.name)))


def list_commands(window: ProjectWindow) -> list[WindowCommand]:
    """The commands, those of the menus first; each name once at a place."""
    found: dict[str, WindowCommand] = {}
    for action in window.menuBar().actions():
        if isinstance(menu := action.menu(), QMenu):
            for command in _iterate_menu(menu, _plain(action.text())):
                found.setdefault(command.path, command)
    for number in range(window.tabs.count()):
        tab = window.tabs.widget(number)
        if isinstance(tab, Tab):
            for command in _iterate_tab(window.tabs, tab):
                found.setdefault(command.path, command)
    return list(found.values())


def _iterate_menu(menu: QMenu, place: str) -> Iterator[WindowCommand]:
    menu.aboutToShow.emit()  # entries that are made when it opens
    for action in menu.actions():
        name = _plain(action.text())
        if isinstance(inner := action.menu(), QMenu):
            yield from _iterate_menu(inner, f"{place}{PATH_SEPARATOR}{name}")
        elif name and not action.isSeparator():
            english = _english(action.text(), place)
            yield WindowCommand(name, place, _keys(action), action.trigger, action.isEnabled(), english)
    menu.aboutToHide.emit()


def _iterate_tab(tabs: QTabWidget, tab: Tab) -> Iterator[WindowCommand]:
    def show_and(run: Callable[[], object]) -> None:
        tabs.setCurrentWidget(tab)
        run()

    for action in tab.findChildren(QAction):
        name = _plain(action.text())
        if name and not action.isSeparator() and action.menu() is None and action.isVisible():
            english = _english(action.text(), tab.title())
            yield WindowCommand(
                name, tab.title(), _keys(action), partial(show_and, action.trigger), action.isEnabled(), english
            )
    for button in tab.findChildren(QAbstractButton):
        name = _plain(button.text())
        is_command = isinstance(button, QPushButton | QToolButton | QCheckBox | QRadioButton)
        if is_command and len(name) > 1 and button.isVisibleTo(tab):
            keys = button.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            keys = "" if keys.startswith("Alt+") else keys  # the mnemonic of its text, which holds in its tab alone
            run = button.showMenu if isinstance(button, QToolButton | QPushButton) and button.menu() else button.click
            english = _english(button.text(), tab.title())
            yield WindowCommand(name, tab.title(), keys, partial(show_and, run), button.isEnabled(), english)


def _english(text: str, place: str) -> str:
    """A name and its place in English, to be found by it in a window of another language; '' where none is known."""
    names = " ".join(map(_plain, language.sources_of(text)))
    return f"{' '.join(map(_plain, language.sources_of(place)))}{PATH_SEPARATOR}{names}" if names else ""


def _plain(text: str) -> str:
    """A text without the letter that is underlined: “&Open…”, 「開く(&O)…」."""
    return _MNEMONIC.sub(r"\1", _MNEMONIC_IN_BRACKETS.sub("", text)).strip()


def _keys(action: QAction) -> str:
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
