"""Starts the window: the language, the look, the event loop, and what happens when something breaks."""

import asyncio
import builtins
import gc
import itertools
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from core import language, log, paths, settings
from core.dataset import sample_projects
from core.errors import JukuError, ProjectInUseError
from core.language import tr
from core.storage import project as projects
from core.storage.project import Project
from ui import crash_dialog, qt_translations, restart, style
from ui.cursor_blinking import CursorBlinking
from ui.event_loop import EventLoop
from ui.garbage_collection import GarbageCollector
from ui.main_window import MainWindow
from ui.project import single_instance
from ui.system_look import SystemLook
from ui.widgets import screen_fit
from ui.window_rebuild import WindowRebuild
from ui.workspace import Workspace

logger = logging.getLogger(__name__)
EXIT_NO_DISPLAY = 1
# Seconds that a thread keeps Python's lock while the window waits for it; Python's own 0.005 were felt.
SWITCH_INTERVAL = 0.0005
FREEZE_DELAY = 3000  # milliseconds after which the window has what it keeps


def run(arguments: list[str]) -> int:
    """Open the window; `arguments` are a project and files to import. Returns the process's exit status."""
    chosen = settings.load()
    language.set_language(chosen.language)
    if not has_display():
        print(
            tr("There is no display here. The commands do the same work without a window: juku --help"), file=sys.stderr
        )
        return EXIT_NO_DISPLAY
    log.configure()
    sys.setswitchinterval(SWITCH_INTERVAL)
    free_imports()
    app = QApplication(sys.argv[:1])
    GarbageCollector(app)
    CursorBlinking(app)
    app.setApplicationName("Juku")
    app.setDesktopFileName("juku")
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(style.icon("juku"))
    qt_translations.translate(app, chosen.language or language.system_language())
    style.set_text_size(app, chosen.text_size)
    look = SystemLook(app)
    style.apply(app, chosen.theme)
    screen_fit.watch(app)
    loop = EventLoop(app)
    asyncio.set_event_loop(loop)
    install_crash_dialog(loop)
    restart.wait_for_predecessor()
    window: list[MainWindow] = []
    try:
        with loop:
            loop.run_until_complete(show(chosen, [Path(argument) for argument in arguments], window.append, look))
    finally:  # whatever else went wrong: a restart is asked for when something has
        if window and window[-1].restarts:
            restart.restart(window[-1].workspace.project.path)
    return 0


def free_imports() -> None:
    """Take PySide's hook out of `import`. It looks whether the module wants `from __feature__`, which nothing here does.

    For that it reads the source of each module and asks it for attributes, and pydantic, which answers by importing more
    of itself, then fails now and again where two threads import at a time: no server could be asked until the end.
    """
    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)


def has_display() -> bool:
    """Whether a window can be shown."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def show(
    chosen: settings.Settings,
    found: list[Path],
    on_window: Callable[[MainWindow], object] = lambda _window: None,
    look: SystemLook | None = None,
) -> None:
    """Show the window on the named project, the last one, or at first the sample; return when it is closed."""
    document = next((path for path in found if path.suffix == projects.PROJECT_SUFFIX), None)
    files = [path for path in found if path != document]
    is_first_start = not found and not chosen.recent
    try:
        project, error = await open_first_project(chosen, document)
    except ProjectInUseError as taken:
        wanted = requested_project(chosen, document)
        if wanted is not None:
            is_taken: bool = await asyncio.to_thread(single_instance.send_to_open_window, wanted, files)
            if is_taken:
                return
        project, error = await open_sample_project(chosen), taken
    workspace = Workspace(project, chosen)
    window = MainWindow(workspace)
    rebuild = WindowRebuild(window, on_window)
    if look:
        rebuild.window_built.connect(look.watch)
        look.font_changed.connect(workspace.look_changed)
    rebuild.announce()
    workspace.remember(project.path)
    window.show()
    if error is not None:
        window.opening.explain(error)
    show_last_close_error(window, chosen)
    window.open_paths(files)
    if is_first_start:
        window.files.show_welcome()
    QTimer.singleShot(FREEZE_DELAY, window, freeze_garbage)
    try:
        await window.closed
    finally:
        await workspace.close()
        rebuild.window.deleteLater()


def show_last_close_error(window: MainWindow, chosen: settings.Settings) -> None:
    """Show once which copy was saved beside a project when the last window closed and could no longer show it."""
    if chosen.left:
        window.messages.add_text(chosen.left)
        chosen.left = ""
        with suppress(JukuError):  # said again at the next start, then
            settings.save(chosen)


def freeze_garbage() -> None:
    """Exclude the objects that exist now from garbage collection: checking all of them stops the window for 50 ms or more."""
    gc.collect()
    gc.freeze()


def requested_project(chosen: settings.Settings, document: Path | None) -> Path | None:
    """The path of the project to open, else of the last one; None at the first start."""
    return document or next((Path(path) for path in chosen.recent), None)


async def open_first_project(chosen: settings.Settings, document: Path | None) -> tuple[Project, JukuError | None]:
    """The project to begin with, and why it is not the one that was wanted. Raises `ProjectInUseError`."""
    wanted = requested_project(chosen, document)
    if wanted is None:
        return await open_sample_project(chosen), None
    try:
        return projects.open_existing(wanted), None
    except ProjectInUseError:
        raise
    except JukuError as error:
        return await open_sample_project(chosen), error


async def open_sample_project(chosen: settings.Settings) -> Project:
    """The sample in the person's language, kept between launches; another one for each window that is open.

    Raises `ProjectError` when it can neither be opened nor created.
    """
    name = f"hobannu-{chosen.language or language.system_language()}"
    title = sample_projects.load(name).spec_name
    for number in itertools.count(1):
        path = paths.data_folder() / f"{title}{f' {number}' if number > 1 else ''}{projects.PROJECT_SUFFIX}"
        with suppress(ProjectInUseError):
            return projects.open_existing(path) if path.exists() else await _create_sample(path, name)
    raise AssertionError


async def _create_sample(path: Path, name: str) -> Project:
    path.parent.mkdir(parents=True, exist_ok=True)
    project = projects.create(path)
    await project.write(tr("Use the sample"), sample_projects.fill, name)
    return project


def install_crash_dialog(loop: asyncio.AbstractEventLoop) -> None:
    """Show what is our fault, whether it comes from a slot (sys.excepthook) or from a task (the loop's handler)."""
    sys.excepthook = lambda _type, error, _trace: crash_dialog.show(error)
    loop.set_exception_handler(_on_loop_error)


def _on_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        crash_dialog.show(error)
    else:
        logger.error(str(context.get("message")))  # asyncio's own words
