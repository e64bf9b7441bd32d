"""Starts the window: the language, the look, the event loop, and what happens when something breaks."""

from __future__ import annotations

import builtins
import gc
import importlib
import itertools
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from core import first_look, language, paths
from core.errors import JukuError, ProjectError, ProjectInUseError
from core.language import tr
from core.lazy_loading import LazyModule
from ui import qt_translations, style
from ui.cursor_blinking import CursorBlinking
from ui.garbage_collection import GarbageCollector
from ui.main_window import MainWindow
from ui.project import window_sockets
from ui.system_look import SystemLook
from ui.widgets import screen_fit

if TYPE_CHECKING:
    import asyncio

    from core import log, settings
    from core.dataset import sample_projects
    from core.storage import project as projects
    from core.storage import project_lock
    from core.storage.project import Project
    from ui import crash_dialog, event_loop, restart, window_rebuild
    from ui import workspace as workspaces
    from ui.project import single_instance
    from ui.workspace import Workspace
else:  # what the window needs to be shown is imported above, the rest when it is on the screen
    asyncio, log, settings = LazyModule("asyncio"), LazyModule("core.log"), LazyModule("core.settings")
    sample_projects, projects = LazyModule("core.dataset.sample_projects"), LazyModule("core.storage.project")
    project_lock = LazyModule("core.storage.project_lock")
    crash_dialog, event_loop = LazyModule("ui.crash_dialog"), LazyModule("ui.event_loop")
    restart, window_rebuild = LazyModule("ui.restart"), LazyModule("ui.window_rebuild")
    workspaces, single_instance = LazyModule("ui.workspace"), LazyModule("ui.project.single_instance")

logger = logging.getLogger(__name__)
EXIT_NO_DISPLAY = EXIT_BROKEN = 1
# Seconds that a thread keeps Python's lock while the window waits for it; Python's own 0.005 were felt.
SWITCH_INTERVAL = 0.0005
FRAME_WAIT_MS = 500  # milliseconds at most for a desktop to let the empty window paint
# Seconds to wait for the window that has the project, which may be starting, too, and its wait between two attempts.
HAND_OVER_WAIT, HAND_OVER_PAUSE = 5.0, 0.1
FREEZE_DELAY = 3000  # milliseconds after which the window has what it keeps


def run(arguments: list[str]) -> int:
    """Open the window; `arguments` are a project and files to import. Returns the process's exit status."""
    look = first_look.load()
    language.set_language(look.language)
    if not has_display():
        print(
            tr("There is no display here. The commands do the same work without a window: juku --help"), file=sys.stderr
        )
        return EXIT_NO_DISPLAY
    sys.setswitchinterval(SWITCH_INTERVAL)
    free_imports()
    app, system_look = make_application(look)
    try:
        run_window(app, look, system_look, [Path(argument) for argument in arguments])
    except Exception as error:
        crash_dialog.tell_end(error)
        return EXIT_BROKEN
    return 0


def run_window(app: QApplication, look: first_look.FirstLook, system_look: SystemLook, found: list[Path]) -> None:
    """Show the window and return when it is closed. Raises what keeps it from that."""
    frame = show_frame(look, found)
    log.configure()
    chosen = settings.load()
    qt_translations.translate(app, language.current_language())
    loop = event_loop.EventLoop(app)
    asyncio.set_event_loop(loop)
    install_crash_dialog(loop)
    restart.wait_for_predecessor()
    window: list[MainWindow] = []
    try:
        with loop:
            loop.run_until_complete(show(chosen, found, window.append, system_look, frame))
    finally:  # whatever else went wrong: a restart is asked for when something has
        if window and window[-1].restarts:
            restart.restart(window[-1].workspace.project.path)


def make_application(look: first_look.FirstLook) -> tuple[QApplication, SystemLook]:
    """Qt's application with the person's look, and what follows the desktop's."""
    app = QApplication(sys.argv[:1])
    GarbageCollector(app)
    CursorBlinking(app)
    app.setApplicationName("Juku")
    app.setDesktopFileName("juku")
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(style.icon("juku"))
    style.set_text_size(app, look.text_size)
    system_look = SystemLook(app)
    style.apply(app, look.theme)
    screen_fit.watch(app)
    return app, system_look


class FirstPaint(QObject):
    """Notices that a window has been painted, or that its desktop lets it wait for too long."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.is_over = False
        window.installEventFilter(self)
        QTimer.singleShot(FRAME_WAIT_MS, self, self._end)

    def _end(self) -> None:
        self.is_over = True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.is_over = self.is_over or event.type() == QEvent.Type.Paint
        return super().eventFilter(watched, event)


def show_frame(look: first_look.FirstLook, found: list[Path]) -> MainWindow | None:
    """Show the window at once, still empty; None where another window may take the files over."""
    wanted = find_document(found) or look.recent
    if wanted is not None and window_sockets.is_open(wanted):
        return None
    window = MainWindow()
    painted = FirstPaint(window)
    window.show_frame(look, wanted)
    while not painted.is_over:  # no task runs yet that could be disturbed
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    painted.deleteLater()
    return window


def find_document(found: list[Path]) -> Path | None:
    """The project among the files that the command line names."""
    return next((path for path in found if path.suffix == paths.PROJECT_SUFFIX), None)


def load_window() -> None:
    """Import what fills the window; to be called in a thread, while the window answers."""
    for module in ("ui.window_parts", "ui.window_rebuild", "core.dataset.sample_projects"):
        importlib.import_module(module)


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
    frame: MainWindow | None = None,
) -> None:
    """Show the window on the named project, the last one, or at first the sample; return when it is closed.

    `frame` is the empty window that is on the screen already.
    """
    document = find_document(found)
    files = [path for path in found if path != document]
    is_first_start = not found and not chosen.recent
    await asyncio.to_thread(load_window)
    if frame is not None and frame.is_abandoned:
        return
    opened = await open_or_hand_over(chosen, document, files, frame)
    if opened is None:
        return
    project, error = opened
    if frame is not None and frame.is_abandoned:  # in the meantime
        project.close()
        return
    workspace = workspaces.Workspace(project, chosen)
    window = make_window(workspace, frame)
    rebuild = window_rebuild.WindowRebuild(window, on_window)
    if look:
        rebuild.window_built.connect(look.watch)
        look.font_changed.connect(workspace.look_changed)
    rebuild.announce()
    workspace.remember(project.path)
    window.show()
    gc.freeze()  # modules and the window: to look through them for garbage would stop it for 200 ms in the next seconds
    if error is not None:
        window.opening.explain(error)
    show_last_close_error(window, chosen)
    window.open_paths([*files, *window.early_files])
    if is_first_start:
        window.files.show_welcome()
    QTimer.singleShot(FREEZE_DELAY, window, freeze_garbage)
    try:
        await window.closed
    finally:
        await workspace.close()
        rebuild.window.deleteLater()


async def open_or_hand_over(
    chosen: settings.Settings, document: Path | None, files: list[Path], frame: MainWindow | None
) -> tuple[Project, JukuError | None] | None:
    """The project to begin with, and why it is not the one that was wanted; None where the window that has it open takes
    the files over, or this one was closed.

    That window may be starting, too: it listens only a moment after it has the project, and may yet be closed.
    """
    wanted = requested_project(chosen, document) or sample_path(chosen)
    end = time.monotonic() + HAND_OVER_WAIT
    while True:
        try:
            return await open_first_project(chosen, document)
        except ProjectInUseError as taken:
            if await asyncio.to_thread(single_instance.send_to_open_window, wanted, files):
                return None
            if isinstance(taken, project_lock.ProjectLockedError) or time.monotonic() > end:  # of others, or no window
                return await open_sample_project(chosen), taken
        if frame is not None and frame.is_abandoned:
            return None
        await asyncio.sleep(HAND_OVER_PAUSE)


def make_window(workspace: Workspace, frame: MainWindow | None) -> MainWindow:
    """The window on a workspace: the empty one that is on the screen, filled, or another one."""
    if frame is None:
        return MainWindow(workspace)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    with style.without_sheet(app):
        frame.fill(workspace)
    return frame


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
        return await _open_sample(chosen, sample_path(chosen)), None
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
    for number in itertools.count(1):
        with suppress(ProjectInUseError):
            return await _open_sample(chosen, sample_path(chosen, number))
    raise AssertionError


def sample_path(chosen: settings.Settings, number: int = 1) -> Path:
    """Where the sample in the person's language is kept, or the `number`th one."""
    title = sample_projects.load(_sample_name(chosen)).spec_name
    return paths.data_folder() / f"{title}{f' {number}' if number > 1 else ''}{projects.PROJECT_SUFFIX}"


def _sample_name(chosen: settings.Settings) -> str:
    return f"hobannu-{language.known_language(chosen.language)}"


async def _open_sample(chosen: settings.Settings, path: Path) -> Project:
    if paths.path_exists(path):
        return projects.open_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            tr("The sample cannot be created"),
            tr(
                "Its folder {folder} cannot be written ({reason}). Free some space or change its rights, then start Juku again; or open a project of yours with a double click.",
                folder=path.parent,
                reason=error.strerror,
            ),
        ) from error
    project = projects.create(path)
    await project.write(tr("Use the sample"), sample_projects.fill, _sample_name(chosen))
    return project


def install_crash_dialog(loop: asyncio.AbstractEventLoop) -> None:
    """Show what is our fault, whether it comes from a slot (sys.excepthook) or from a task (the loop's handler)."""
    sys.excepthook = lambda _type, error, _trace: crash_dialog.show(error)
    loop.set_exception_handler(_on_loop_error)


def _on_loop_error(_loop: object, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        crash_dialog.show(error)
    else:
        logger.error(str(context.get("message")))  # asyncio's own words
