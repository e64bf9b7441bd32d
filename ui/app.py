"""Starts the window: the language, the look, the event loop, and what happens when something breaks."""

import asyncio
import gc
import itertools
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import qasync
from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTimer, QTranslator
from PySide6.QtWidgets import QApplication, QMessageBox

from core import language, log, paths, samples, settings
from core import project as projects
from core.errors import JukuError, MissingLogError, ProjectInUseError
from core.language import tr
from core.project import Project
from ui import style
from ui.main_window import MainWindow
from ui.workspace import Workspace

logger = logging.getLogger(__name__)
NO_DISPLAY = 1
SETTLED = 3000  # milliseconds after which the window has what it keeps


def run(arguments: list[str]) -> int:
    """Open the window; `arguments` are a project and files to import. Returns the process's exit status."""
    chosen = settings.load()
    language.choose(chosen.language)
    if not has_display():
        print(tr("There is no display here. “make demo” does the same job without a window."), file=sys.stderr)
        return NO_DISPLAY
    log.start()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Juku")
    app.setDesktopFileName("juku")
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(style.icon("juku"))
    translate_qt(app, chosen.language or language.system_language())
    style.apply(app, chosen.theme)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    install_crash_dialog(loop)
    with loop:
        loop.run_until_complete(show(chosen, [Path(argument) for argument in arguments]))
    return 0


def has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def translate_qt(app: QApplication, chosen: str) -> None:
    """Qt's own words (Open, Cancel, …) in the same language as ours."""
    QLocale.setDefault(QLocale(chosen))  # dates and numbers, too
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if chosen != "en" and translator.load(QLocale(chosen), "qtbase", "_", folder):
        app.installTranslator(translator)


async def show(chosen: settings.Settings, found: list[Path]) -> None:
    """Show the window on the named project, the last one, or at first the sample; return when it is closed."""
    document = next((path for path in found if path.suffix == projects.SUFFIX), None)
    project, error = await first_project(chosen, document)
    workspace = Workspace(project, chosen)
    window = MainWindow(workspace)
    workspace.remember(project.path)
    window.show()
    if isinstance(error, MissingLogError):
        window.ask_without_log(error)
    elif error is not None:
        window.messages.show_error(error)
    window.open_paths([path for path in found if path != document])
    QTimer.singleShot(SETTLED, window, settle)
    try:
        await window.closed
    finally:
        await workspace.close()
        window.deleteLater()


def settle() -> None:
    """Tell the collector that what is there now stays: to look through all of it stops the window for 50 ms and more."""
    gc.collect()
    gc.freeze()


async def first_project(chosen: settings.Settings, document: Path | None) -> tuple[Project, JukuError | None]:
    """The project to begin with, and why it is not the one that was wanted."""
    wanted = document or next((Path(path) for path in chosen.recent), None)
    if wanted is None:
        return await sample_project(chosen), None
    try:
        return projects.open_existing(wanted), None
    except JukuError as error:
        return await sample_project(chosen), error


async def sample_project(chosen: settings.Settings) -> Project:
    """The sample in the person's language, kept between launches; another one for each window that is open."""
    name = f"hobannu-{chosen.language or language.system_language()}"
    title = samples.load(name).spec_name
    for number in itertools.count(1):
        path = paths.data_folder() / f"{title}{f' {number}' if number > 1 else ''}{projects.SUFFIX}"
        with suppress(ProjectInUseError):
            return projects.open_existing(path) if path.exists() else await _new_sample(path, name)
    raise AssertionError


async def _new_sample(path: Path, name: str) -> Project:
    path.parent.mkdir(parents=True, exist_ok=True)
    project = projects.create(path)
    await project.write(tr("Use the sample"), samples.fill, name)
    return project


def install_crash_dialog(loop: asyncio.AbstractEventLoop) -> None:
    """Show what is our fault, whether it comes from a slot (sys.excepthook) or from a task (the loop's handler)."""
    sys.excepthook = lambda _type, error, _trace: show_crash(error)
    loop.set_exception_handler(_on_loop_error)


def _on_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        show_crash(error)
    else:
        logger.error("%s", context.get("message"))


def show_crash(error: BaseException) -> None:
    logger.error("unexpected", exc_info=error)
    windows = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow))
    owner = next((window for window in windows if window.isVisible()), None)
    if owner is None:  # too early or too late for a window; it stands in the log and on standard error
        return
    box = QMessageBox(QMessageBox.Icon.Critical, tr("Unexpected error"), "", parent=owner)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("Something unexpected went wrong inside Juku. What you had done before is saved in the project."))
    box.setInformativeText(
        tr("You can continue. To report it, include the details below; they are also in {log}.", log=paths.log_file())
    )
    box.setDetailedText(log.crash(error))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
