"""Another language or text size while the program runs: the window is built anew on the same open project."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from core import language
from core.language import tr
from core.settings import Settings
from ui import qt_translations, style
from ui.main_window import MainWindow
from ui.settings.settings_dialog import SettingsDialog
from ui.widgets.message_bar import Notice

ChildPath = list[int]  # the place of a widget inside another one: which child, which child of that one, …


class WindowRebuild(QObject):
    """Holds the window of a project, and builds it anew when its language or text size is chosen.

    What runs goes on. It waits for what only the present window can finish: a dialog, an answer that is being written,
    an import; the window says so meanwhile.
    """

    window_built = Signal(object)  # the window, whenever there is another one

    def __init__(self, window: MainWindow, on_window: Callable[[MainWindow], object] = lambda _window: None) -> None:
        super().__init__()
        self.window = window
        self.window_built.connect(on_window)
        self._is_wanted = self._is_said = False
        self._task: asyncio.Task[None] | None = None
        workspace = window.workspace
        workspace.look_changed.connect(self._on_changed)
        workspace.tasks.busy.connect(self._on_task)
        _application().focusObjectChanged.connect(self._on_focus)

    def announce(self) -> None:
        """Say which window there is now."""
        self.window_built.emit(self.window)

    def _on_changed(self) -> None:
        self._is_wanted, self._is_said = True, False
        self._begin()

    def _on_task(self, _label: str) -> None:
        self._begin()

    def _on_focus(self, _focus: QObject) -> None:
        """A dialog may have been closed."""
        self._begin()

    def _begin(self) -> None:
        if not self._is_wanted or self.is_rebuilding() or self.window.is_closing():
            return
        if not self.window.workspace.tasks.can_start():
            return
        if reason := self.reason():
            self._say(reason)
            return
        self._is_wanted = False
        self._task = self.window.workspace.tasks.start("", self._rebuild(), is_windowless=True)

    def is_rebuilding(self) -> bool:
        """Whether the next window is being built."""
        return self._task is not None and not self._task.done()

    def reason(self) -> str:
        """What has to end first, as text; '' for nothing."""
        window = self.window
        for dialog in _open_dialogs(window):
            if not isinstance(dialog, SettingsDialog) or dialog.prompts.has_unsaved():
                return dialog.windowTitle()
        busy = next((tab.title() for tab in window.tab_list if tab.is_busy()), "")
        return window.workspace.tasks.window_label or busy

    def _say(self, reason: str) -> None:
        if not self._is_said:
            self._is_said = True
            text = tr("The language and the text size change as soon as this has ended: {what}", what=reason)
            Notice(self.window, text, "note", lasting=True)

    async def _rebuild(self) -> None:
        old = self.window
        page = await _close_settings(old)
        await old.flush()
        if old.is_closing():  # in the meantime
            self._is_wanted = True
            return
        old.workspace.settings.geometry = bytes(old.saveGeometry().toBase64().data()).decode()
        focus = _path_to(old.focusWidget(), old)
        set_look(old.workspace.settings)
        old.stop_listening()  # the new window answers for the project from now on
        new = MainWindow(old.workspace, old)
        self.window = new
        self.announce()
        new.show()
        if (widget := _follow_path(new, focus)) is not None:
            widget.setFocus()
        if page is not None:
            new.show_settings(page)
        old.leave()
        self.window.workspace.tasks.start("", _delete(old), is_windowless=True)


async def _delete(old: MainWindow) -> None:
    """Delete a window once nothing needs it any more."""
    if running := old.workspace.tasks.running_in_window():
        await asyncio.wait(running)
    old.deleteLater()


def set_look(chosen: Settings) -> None:
    """Speak the chosen language with the chosen text size from now on, in what is built later."""
    app = _application()
    language.set_language(chosen.language)
    qt_translations.translate(app, language.current_language())
    style.set_text_size(app, chosen.text_size)
    style.refresh(app)


def _application() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


def _open_dialogs(window: MainWindow) -> list[QDialog]:
    return [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]


async def _close_settings(window: MainWindow) -> int | None:
    """Close the settings, once what was typed there is taken over; the place of their page, None where they were closed."""
    page = None
    for dialog in _open_dialogs(window):
        if isinstance(dialog, SettingsDialog):
            page = dialog.tabs.currentIndex()
            await dialog.finish()
    return page


def _path_to(widget: QWidget | None, root: QWidget) -> ChildPath:
    path: ChildPath = []
    while widget is not None and widget is not root:
        if (parent := widget.parentWidget()) is None:
            return []
        path.insert(0, _children(parent).index(widget))
        widget = parent
    return path


def _follow_path(root: QWidget, path: ChildPath) -> QWidget | None:
    """The widget at the same place; None where there is none."""
    widget = root
    for place in path:
        children = _children(widget)
        if place >= len(children):
            return None
        widget = children[place]
    return widget if widget is not root else None


def _children(widget: QWidget) -> list[QWidget]:
    return widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
