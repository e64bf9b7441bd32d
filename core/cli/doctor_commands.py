"""The commands of main.py about the program itself: doctor, completion."""

from dataclasses import asdict

from core import diagnosis
from core.cli.console import CLEAN, PROBLEMS, AddCommand, Arguments, print_table
from core.language import tr

SHELLS = ("bash", "zsh", "tcsh")


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    add_command("doctor", _doctor, tr("say what a report of a fault needs: versions, folders, keyring, device"), False)


def _doctor(arguments: Arguments) -> int:
    found = list(diagnosis.collect_findings())
    rows = [("" if one.ok else "!", one.name, " – ".join(filter(None, (one.value, one.advice)))) for one in found]
    print_table(arguments, {"findings": [asdict(one) for one in found]}, ("", "", ""), rows)
    return CLEAN if all(one.ok for one in found) else PROBLEMS
