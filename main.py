"""Juku: with a command the work without a window, else the window."""

import sys


def main(arguments: list[str]) -> int:
    from core.cli.command_names import is_command

    if arguments and is_command(arguments[0]):
        from core.cli import commands

        return commands.run(arguments)
    from ui.app import run

    return run(arguments)


def report(_type: type[BaseException], error: BaseException, _trace: object) -> None:
    """A mistake of ours, on the terminal; without keys, since people send such texts to others."""
    from core import log

    print(log.format_crash(error), file=sys.stderr, end="")


def start() -> int:
    """The program `juku`, where Juku is installed; returns the exit status of the process."""
    sys.excepthook = report
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(start())
