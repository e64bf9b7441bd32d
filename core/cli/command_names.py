"""What the commands of main.py are called: all that must be known before the window opens, which needs none of them."""

from pathlib import Path

COMMANDS = (
    "project",
    "spec",
    "facts",
    "rows",
    "generate",
    "servers",
    "train",
    "teach",
    "jobs",
    "ask",
    "chat",
    "route",
    "exam",
    "report",
    "rescue",
    "models",
    "export-model",
    "serve",
    "engine",
    "doctor",
)
# Short forms of commands in groups.
ALIASES = {
    "new": ("project", "new"),
    "import": ("rows", "import"),
    "check": ("rows", "check"),
    "export": ("rows", "export"),
    "hold-out": ("rows", "hold-out"),
    "link": ("facts", "link"),
    "own-questions": ("generate", "own-questions"),
    "everyday": ("generate", "everyday"),
}
# What a group's name alone means, and the commands that it has.
DEFAULTS = {
    "generate": ("rules", ("rules", "own-questions", "everyday", "validation", "model", "judge", "probe")),
    "models": ("list", ("list", "fetch")),
}


def is_command(argument: str) -> bool:
    """Whether the first argument means a command, if perhaps a mistyped one: no file, and nothing that looks like one."""
    path = Path(argument)
    return argument in ("-h", "--help", "--version", *COMMANDS, *ALIASES) or not (
        path.suffix or path.exists() or path.name != argument
    )


def expand_alias(arguments: list[str]) -> list[str]:
    """The arguments with a short form written out: `check FILE` as `rows check FILE`, `generate PROJECT` as `generate rules PROJECT`."""
    first, *rest = arguments or [""]
    if first in ALIASES:
        return [*ALIASES[first], *rest]
    usual, known = DEFAULTS.get(first, ("", ()))
    if usual and not (rest and rest[0] in ("-h", "--help", *known)):
        return [first, usual, *rest]
    return arguments
