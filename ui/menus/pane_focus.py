"""F6 and Shift+F6: the keyboard goes from one part of the window to the next, also out of a text or table that keeps Tab."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QSplitter, QTabBar, QWidget

from core.language import tr
from ui.widgets import basics


class PaneFocus(QObject):
    """Adds *Next part of the window* and *Previous part* to a menu."""

    def __init__(self, menu: QMenu, window: QMainWindow) -> None:
        super().__init__(menu)
        self._window = window
        self.next: QAction = basics.menu_action(menu, tr("Ne&xt part of the window"), lambda: self._go(1), "F6")
        self.previous = basics.menu_action(menu, tr("Pre&vious part of the window"), lambda: self._go(-1))
        self.previous.setShortcut(QKeySequence("Shift+F6"))

    def _go(self, step: int) -> None:
        places = list_panes(self._window)
        if not places:
            return
        focus = QApplication.focusWidget()
        here = next(
            (number for number, one in enumerate(places) if focus and (one is focus or one.isAncestorOf(focus))), None
        )
        number = (here + step) % len(places) if here is not None else (0 if step > 0 else -1)
        for _try in places:
            if (target := _first_stop(places[number])) is not None:
                target.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return
            number = (number + step) % len(places)


def list_panes(window: QMainWindow) -> list[QWidget]:
    """The parts that the window shows, in reading order: rows of tabs, the sides of splitters, messages."""
    found: list[QWidget] = [bar for bar in window.findChildren(QTabBar) if bar.isVisible()]
    found += _sides(window)
    found += [bar for bar in window.findChildren(QWidget, "messages") if bar.isVisible()]
    order = {id(one): one.mapTo(window, QPoint(0, 0)) for one in found}
    return sorted(found, key=lambda one: (order[id(one)].y(), order[id(one)].x()))


def _sides(window: QMainWindow) -> Iterator[QWidget]:
    """The sides of the splitters that are shown, the innermost alone."""
    for splitter in window.findChildren(QSplitter):
        if splitter.isVisible():
            for number in range(splitter.count()):
                side = splitter.widget(number)
                assert side is not None
                has_inner = side.findChild(QSplitter) is not None or isinstance(side, QSplitter)
                if side.isVisible() and not has_inner:
                    yield side


def _first_stop(pane: QWidget) -> QWidget | None:
    """Where Tab would enter a part."""
    if isinstance(pane, QTabBar):
        return pane
    stops = [pane, *pane.findChildren(QWidget)]
    able = [one for one in stops if one.isVisible() and one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus]
    return able[0] if able else None
