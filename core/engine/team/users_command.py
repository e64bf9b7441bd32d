"""The command line for users: `python -m core.engine users [--home DIR] add NAME | list | remove NAME | renew NAME`."""

import argparse
import datetime
import os
import sys
from pathlib import Path

from core.engine import failures
from core.engine.private_files import make_private
from core.engine.team.users import UserError, UserStore


def _parse_arguments(arguments: list[str], default_home: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.engine users", description="the users of a team's server")
    parser.add_argument("--home", type=Path, default=default_home, help="the engine's home folder")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a user; the key is printed once")
    add.add_argument("name")
    add.add_argument("--admin", action="store_true", help="sees everything, and has no limits")
    commands.add_parser("list", help="all users; no keys")
    remove = commands.add_parser("remove", help="remove a user, whose key ends at once")
    remove.add_argument("name")
    renew = commands.add_parser("renew", help="give a user another key; the old one ends at once")
    renew.add_argument("name")
    return parser.parse_args(arguments)


def run(arguments: list[str], default_home: Path) -> int:
    """Exit status 0, or 1 with words on standard error. Works while the engine runs, which knows it at once."""
    chosen = _parse_arguments(arguments, default_home)
    chosen.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "geteuid") and chosen.home.stat().st_uid != os.geteuid():
        print(f"{chosen.home} belongs to another user of this computer. Run this as that user.", file=sys.stderr)
        return 1
    make_private(chosen.home)
    try:
        _change(UserStore(chosen.home), chosen)
    except (UserError, ValueError, OSError) as error:
        print(failures.explain(error).words if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    return 0


def _change(users: UserStore, chosen: argparse.Namespace) -> None:
    match chosen.command:
        case "add":
            print(users.add(chosen.name, chosen.admin))
            print("Give this key to the person. It is stored nowhere and cannot be shown again.", file=sys.stderr)
        case "renew":
            print(users.renew(chosen.name))
            print("The old key has ended. The new one cannot be shown again.", file=sys.stderr)
        case "remove":
            user = users.remove(chosen.name)
            print(f"The key has ended. What {user.name} owns stays, for administrators ({user.id}).", file=sys.stderr)
        case "list":
            for user in users.all():
                since = datetime.datetime.fromtimestamp(user.created_at, datetime.UTC).date()
                print(f"{user.name}\t{'administrator' if user.is_admin else 'user'}\t{user.id}\t{since}")
