"""The main window as a whole."""

import asyncio

from core.settings import ProviderSettings, Settings
from core.storage.project import Project
from tests.support.patience import PATIENCE
from ui.main_window import MainWindow
from ui.workspace import Workspace


def settings_without_server(**fields: object) -> Settings:
    """Settings with a provider that nothing answers for, so that no engine is started."""
    nowhere = ProviderSettings("nowhere", "Nowhere", "http://127.0.0.1:9/v1")
    return Settings(provider="nowhere", providers=[nowhere], **fields)


def open_window(project: Project, **fields: object) -> MainWindow:
    """The whole window on a project, shown."""
    window = MainWindow(Workspace(project, settings_without_server(**fields)))
    window.show()
    return window


async def close(window: MainWindow) -> None:
    """Close the window and its project, as the program does at its end."""
    window.close()
    await asyncio.wait_for(asyncio.shield(window.closed), PATIENCE)
    await window.workspace.close()
    window.deleteLater()  # what is left would be dressed by every later change of the theme
