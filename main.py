"""Juku: with a command the work without a window, else the window."""

import gc
import os
import sys


def main(arguments: list[str]) -> int:
    from core.cli.command_names import is_command

    if arguments and is_command(arguments[0]):
        from core.cli import commands

        return commands.run(arguments)
    return open_window(arguments)


def open_window(arguments: list[str]) -> int:
    """The window; returns the exit status of the process."""
    gc.disable()  # while thousands of objects come that all stay; ui/garbage_collection.py collects later
    from ui.app import run

    return run(arguments)


def open_closed_streams() -> None:
    """Open standard streams that were closed (`>&-`) on the null device, so that no file of a project gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            device = os.open(os.devnull, os.O_RDWR)
            if device != number:
                os.dup2(device, number)
                os.close(device)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def report(_type: type[BaseException], error: BaseException, _trace: object) -> None:
    """A mistake of ours, on the terminal; without keys, since people send such texts to others."""
    if isinstance(error, KeyboardInterrupt):  # while the program was still starting
        os._exit(130)
    from core import log

    print(log.format_crash(error), file=sys.stderr, end="")


def start() -> int:
    """The program `juku`, where Juku is installed; returns the exit status of the process."""
    sys.excepthook = report
    open_closed_streams()
    return main(sys.argv[1:])


def start_window() -> int:
    """The program `juku-window`: all arguments are files. Returns the exit status of the process."""
    sys.excepthook = report
    open_closed_streams()
    return open_window(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(start())
