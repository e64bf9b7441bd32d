"""The View menu: the tabs, the size of the texts, the full screen."""

from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from core.language import tr
from ui import style
from ui.activity.activity_dock import PANEL_KEYS, ActivityDock
from ui.menus.pane_focus import PaneFocus
from ui.project.project_window import ProjectWindow
from ui.project.teaching_path_bar import TeachingPathBar
from ui.tab_base import Tab
from ui.widgets import basics
from ui.workspace import Workspace

Key = QKeySequence.StandardKey


class ViewActions(QObject):
    """Fills the View menu of `window`."""

    def __init__(
        self,
        menu: QMenu,
        window: ProjectWindow,
        workspace: Workspace,
        tabs: list[Tab],
        path: TeachingPathBar,
        dock: ActivityDock,
    ) -> None:
        super().__init__(menu)
        self._window, self._workspace = window, workspace
        for number, tab in enumerate(tabs):
            show = partial(self._show_tab, tab)
            basics.menu_action(menu, tab.title(), show, f"Ctrl+{number + 1}")
        menu.addSeparator()
        self.larger = basics.menu_action(menu, tr("&Larger text"), partial(self._resize, 1))
        # "Ctrl++" needs Shift on many keyboards.
        self.larger.setShortcuts([*QKeySequence.keyBindings(Key.ZoomIn), QKeySequence("Ctrl+=")])
        self.smaller = basics.menu_action(menu, tr("&Smaller text"), partial(self._resize, -1), Key.ZoomOut)
        self.normal = basics.menu_action(menu, tr("&Normal text"), partial(self._resize, 0), "Ctrl+0")
        menu.addSeparator()
        self.steps = menu.addAction(tr("S&teps from a text to a verdict"))
        self.steps.setCheckable(True)
        self.steps.setChecked(not workspace.settings.hides_steps)
        self.steps.triggered.connect(path.want)
        path.shown.connect(self.steps.setChecked)
        basics.menu_action(menu, tr("Ta&ke the next step"), path.act.click)
        self.activity = basics.menu_action(menu, tr("&Activity"), dock.toggle, PANEL_KEYS)
        self.activity.setCheckable(True)
        menu.aboutToShow.connect(lambda: self.activity.setChecked(not dock.isHidden()))
        PaneFocus(menu, window)
        menu.addSeparator()
        self.full_screen = basics.menu_action(menu, tr("&Full screen"), self._on_full_screen, "F11")
        self.full_screen.setCheckable(True)
        window.installEventFilter(self)
        workspace.look_changed.connect(self._update_enabled)
        self._update_enabled()

    def _show_tab(self, tab: Tab) -> None:
        self._window.tabs.setCurrentWidget(tab)
        main = tab.main_widget()
        (main if main.isEnabled() else self._window.tabs.tabBar()).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _resize(self, steps: int) -> None:
        """So many steps up or down; 0: the size that the system has."""
        chosen, sizes = self._workspace.settings, style.TEXT_SIZES
        place = min(range(len(sizes)), key=lambda at: abs(sizes[at] - chosen.text_size))
        chosen.text_size = sizes[max(0, min(len(sizes) - 1, place + steps))] if steps else style.NORMAL_TEXT_SIZE
        self._update_enabled()
        self._workspace.save_settings()
        self._workspace.look_changed.emit()

    def _update_enabled(self) -> None:
        size = self._workspace.settings.text_size
        self.larger.setEnabled(size < style.TEXT_SIZES[-1])
        self.smaller.setEnabled(size > style.TEXT_SIZES[0])
        self.normal.setEnabled(size != style.NORMAL_TEXT_SIZE)

    def _on_full_screen(self) -> None:
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowStateChange:  # the desktop can do it, too
            self.full_screen.setChecked(self._window.isFullScreen())
        return super().eventFilter(watched, event)
