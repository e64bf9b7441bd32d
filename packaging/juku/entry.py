"""What the commands `juku` and `juku-window` call: makes `core` and `ui` importable, then starts main.py."""

import sys
from importlib import import_module
from pathlib import Path


def start() -> int:
    """The command line, or the window where no command is given; returns the exit status of the process."""
    status: int = _load_main().start()
    return status


def start_window() -> int:
    """The window, whatever the arguments look like; returns the exit status of the process."""
    status: int = _load_main().start_window()
    return status


def _load_main():  # type: ignore[no-untyped-def]  # a module that is found at run time
    """main.py; its folder is first on `sys.path`, as it is where `python main.py` starts it."""
    sys.path.insert(0, str(find_root()))
    return import_module("main")


def find_root() -> Path:
    """The folder that holds core, ui, resources and main.py: this package's, or the checkout's where it is installed from one."""
    here = Path(__file__).resolve().parent
    return here if (here / "main.py").exists() else here.parent.parent
