"""Juku: with a verb the work without a window, else the window."""

import sys


def main(arguments: list[str]) -> int:
    from core import commands

    if arguments and (arguments[0] in commands.VERBS or arguments[0] in ("-h", "--help")):
        return commands.run(arguments)
    from ui.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
