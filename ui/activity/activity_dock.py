"""Where the window shows what runs: a button in the status bar, and a panel that can be docked."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QToolButton

from core.language import tr, trn
from ui.activities import Activities
from ui.activity.activity_panel import ActivityPanel
from ui.widgets import basics

PANEL_KEYS = "Ctrl+Shift+Y"


class ActivityDock(QDockWidget):
    """The panel, hidden at first; `toggleViewAction` shows it. Its button says how much runs."""

    def __init__(self, activities: Activities, window: QMainWindow) -> None:
        super().__init__(tr("Activity"), window)
        self._activities = activities
        self.setObjectName("activity")
        self.panel = ActivityPanel(activities)
        self.setWidget(self.panel)
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self)
        self.hide()
        self.button = QToolButton(autoRaise=True)
        self.button.clicked.connect(lambda _checked: self.toggle())
        activities.changed.connect(self._show_count)
        self._show_count()

    def toggle(self) -> None:
        """Show the panel with the keyboard in it, or hide it."""
        if self.isVisible() and (not self.isFloating() or self.isActiveWindow()):
            self.hide()
        else:
            self.show()
            self.raise_()
            self.panel.table.setFocus()

    def _show_count(self) -> None:
        count = len(self._activities.running())
        text = trn("{n} running", "{n} running", count) if count else tr("Activity")
        self.button.setText(text)
        self.button.setToolTip(basics.plain_tooltip(f"{tr('What runs, and what ran')} ({PANEL_KEYS})"))
        self.button.setAccessibleName(tr("Activity: {state}", state=text) if count else text)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.hide()
