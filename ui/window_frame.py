"""The main window before its project is there: what is known at once, so that it is on the screen at once."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSize
from PySide6.QtGui import QCloseEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QTabWidget, QVBoxLayout, QWidget

from core.first_look import FirstLook
from core.language import tr
from ui import style
from ui.project.project_window import ProjectWindow
from ui.widgets import screen_fit

# During a drag no other events of the mouse come: one that does says that the drag is over.
DRAG_ENDS = {QEvent.Type.DragLeave, QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress}
WIDTH, HEIGHT = 1240, 820  # pixels of a window that was never closed


def tab_titles() -> list[tuple[str, str]]:
    """The icons and titles of the tabs, as the tabs themselves have them."""
    return [
        ("spec", tr("Spec")), ("examples", tr("Examples")), ("training", tr("Training")), ("chat", tr("Chat")),
        ("exam", tr("Exam")),
    ]  # fmt: skip


class TabPages(QTabWidget):
    """The tabs of the window. It is scrolled where they do not fit, and not where they would only like to be higher: a text
    that may be wrapped makes Qt take the height that all would like to have for the least one."""

    def hasHeightForWidth(self) -> bool:
        return False


class WindowFrame(ProjectWindow):
    """Title, menus and tabs, still empty. It can be moved, closed and dropped on; `fill` of the subclass does the rest.

    `early_files` are those dropped so far, `early_tab` the tab that was clicked; `is_abandoned` says that it was closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_filled = self.is_abandoned = False
        self.early_files: list[Path] = []
        self.early_tab: int | None = None
        self._early_quit: QShortcut | None = None
        self._file_menu = self._add_menu(tr("&File"))
        self._edit_menu = self._add_menu(tr("&Edit"))
        self._view_menu = self._add_menu(tr("&View"))
        self._window_menu = self._add_menu(tr("&Window"))
        self._help_menu = self._add_menu(tr("&Help"))
        self.statusBar().setContentsMargins(style.SPACE // 2, 0, 0, 0)

    def _add_menu(self, title: str) -> QMenu:
        return self.menuBar().addMenu(title)

    def _make_tabs(self) -> TabPages:
        self._end_early_quit()  # those of the frame are replaced by the real ones
        tabs = TabPages(documentMode=True)
        tabs.setIconSize(QSize(style.scaled(18), style.scaled(18)))
        tabs.tabBar().setDrawBase(False)
        return tabs

    def show_frame(self, look: FirstLook, project: Path | None) -> None:
        """Show the window where it was closed last, with the title of `project`."""
        self.setWindowTitle(window_title(project) if project else "Juku")
        self.tabs = self._make_tabs()
        for icon, title in tab_titles():
            self.tabs.addTab(QWidget(), style.icon(icon), title)
        if 0 <= look.tab < self.tabs.count():
            self.tabs.setCurrentIndex(look.tab)
        self.tabs.currentChanged.connect(self._on_early_tab)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.setCentralWidget(whole)
        self._early_quit = QShortcut(QKeySequence("Ctrl+Q"), self, self.close)
        self.restore_place(look.geometry)
        self.show()

    def _end_early_quit(self) -> None:
        """The menus come, which have the key themselves."""
        if self._early_quit is not None:
            self._early_quit.setEnabled(False)
            self._early_quit.deleteLater()
            self._early_quit = None

    def _on_early_tab(self, index: int) -> None:
        self.early_tab = index

    def restore_place(self, geometry: str) -> None:
        """Take the size and the place of the window that was closed last, within the screens of today."""
        self.resize(style.scaled(WIDTH), style.scaled(HEIGHT))
        self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        screen_fit.fit(self)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Nothing is open yet: the window goes at once, and what is loading is not shown."""
        self.is_abandoned = True
        super().closeEvent(event)


def window_title(project: Path) -> str:
    """The title of the window on a project."""
    return f"{project.stem} – Juku"


def dropped_files(event: QDropEvent) -> list[Path]:
    """The paths of the dragged files."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
