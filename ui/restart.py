"""Other processes of the program: a restart, which waits until this one has released the project, and a window beside it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from core import processes
from core.paths import ROOT

MAIN_SCRIPT = ROOT / "main.py"
PREDECESSOR_VARIABLE = "JUKU_AFTER"  # the environment variable that names the process to wait for
PREDECESSOR_TIMEOUT = 60.0  # seconds; one that hangs is not waited for for ever


def restart(project: Path) -> None:
    """Start the program again on `project`; this process is about to end."""
    _start(project, {PREDECESSOR_VARIABLE: str(os.getpid())})


def open_window(project: Path) -> None:
    """Open `project` in a window of its own; one that has it open already is raised."""
    _start(project, {})


def _start(project: Path, variables: dict[str, str]) -> None:
    subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, str(MAIN_SCRIPT), str(project)],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for_predecessor() -> None:
    """Wait until the process that started this one has ended, at most PREDECESSOR_TIMEOUT seconds."""
    given = os.environ.pop(PREDECESSOR_VARIABLE, "")
    end = time.monotonic() + PREDECESSOR_TIMEOUT
    while given.isdigit() and processes.start_time(int(given)) is not None and time.monotonic() < end:
        time.sleep(0.05)
