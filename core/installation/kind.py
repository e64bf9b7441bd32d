"""How Juku was installed, and the line that adds a part to such an installation."""

import os
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path

from core.language import tr
from core.paths import ROOT

MARKER = "installed_as"  # a file beside core/ that packaging/build_folder.py writes


class Kind(StrEnum):
    """Where this program comes from."""

    CHECKOUT = "checkout"  # the source, set up by `make run`
    WHEEL = "wheel"  # pip, pipx or uv
    FOLDER = "folder"  # an unpacked folder with a Python of its own, as the two below have it
    DEB = "deb"
    APPIMAGE = "appimage"


@cache
def find_kind(root: Path = ROOT) -> Kind:
    """How the program in `root` was installed."""
    if "APPIMAGE" in os.environ and (root / MARKER).exists():
        return Kind.APPIMAGE
    try:
        return Kind((root / MARKER).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return Kind.CHECKOUT if (root / "pyproject.toml").exists() else Kind.WHEEL


def has_own_python(kind: Kind) -> bool:
    """Whether the program brings a Python of its own, to which nothing can be added but by the program itself."""
    return kind in (Kind.FOLDER, Kind.DEB, Kind.APPIMAGE)


def advise_extra(extra: str, kind: Kind) -> str:
    """What to do to get an extra, such as `documents`, in words."""
    if extra == "engine" and kind != Kind.CHECKOUT:
        return tr("Help › Get the local engine… or “juku engine install” fetches it.")
    if has_own_python(kind):
        return tr(
            "This package does not have it; an installation from the wheel with the extra “{extra}” does.", extra=extra
        )
    return tr("To get it: {line}", line=build_install_line(extra, kind))


def build_install_line(extra: str, kind: Kind) -> str:
    """The command that adds an extra to an installation from a wheel or a checkout."""
    place = Path(sys.prefix).as_posix()
    if kind == Kind.CHECKOUT:
        return f'{sys.executable} -m pip install --editable "{ROOT}[{extra}]"'
    if "/uv/tools/" in place:
        return f'uv pip install --python "{sys.executable}" "juku[{extra}]"'
    if "/pipx/" in place:
        return f'pipx runpip juku install "juku[{extra}]"'
    return f'{sys.executable} -m pip install "juku[{extra}]"'


def advise_system_package(packages: list[str]) -> str:
    """What to do about missing libraries of the system, in words."""
    return tr("On Debian and Ubuntu: {line}", line=f"sudo apt install {' '.join(packages)}")
