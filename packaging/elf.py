"""Which shared libraries the files of a folder load, and which Debian packages have them. Needs binutils' readelf."""

import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def is_elf(path: Path) -> bool:
    """Whether a file is a program or a shared library of Linux."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def find_files(folder: Path) -> list[Path]:
    """All programs and shared libraries below a folder."""
    return sorted(path for path in folder.rglob("*") if is_elf(path))


@cache
def needed(path: Path) -> tuple[str, ...]:
    """The names of the libraries that a file asks the loader for, such as libssl.so.3."""
    found = subprocess.run(["readelf", "-dW", str(path)], capture_output=True, text=True, check=True).stdout
    return tuple(re.findall(r"\(NEEDED\).*\[(.+)\]", found))


def newest_glibc(paths: Iterable[Path]) -> str:
    """The newest version of glibc's symbols that any of the files asks for, such as 2.36."""
    versions = {(2, 17)}
    for path in paths:
        found = subprocess.run(["readelf", "-VW", str(path)], capture_output=True, text=True, check=True).stdout
        versions |= {(int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", found)}
    return ".".join(map(str, max(versions)))


def find_reachable(starts: Iterable[Path], libraries: dict[str, Path]) -> set[Path]:
    """The files of `libraries`, by their names, that the files of `starts` load, directly or through others."""
    reached: set[Path] = set()
    waiting = list(starts)
    while waiting:
        for name in needed(waiting.pop()):
            path = libraries.get(name)
            if path and path not in reached:
                reached.add(path)
                waiting.append(path)
    return reached


def list_libraries() -> dict[str, Path]:
    """The shared libraries that the system's loader knows, by their names."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    places: dict[str, Path] = {}
    for name, kind, place in re.findall(r"^\s+(\S+) \(([^)]*)\) => (\S+)", listed, re.MULTILINE):
        if "64" in kind and (name not in places):  # not those for older processors
            places[name] = Path(place)
    return places


def find_debian_packages(names: Iterable[str]) -> list[str]:
    """The Debian packages of this system that have these libraries. Raises SystemExit for one that no package has."""
    places, packages = list_libraries(), set()
    for name in sorted(set(names)):
        if name not in places:
            raise SystemExit(
                f"No library of this system is called {name}: install the package that has it, then build again."
            )
        packages.add(_find_owner(places[name]))
    return sorted(packages)


def _find_owner(library: Path) -> str:
    """The package of a library; dpkg may know it by a path before /lib was merged into /usr/lib."""
    real = library.resolve()
    for path in (real, library, Path(str(real).removeprefix("/usr")), Path("/usr") / str(real).lstrip("/")):
        found = subprocess.run(["dpkg-query", "-S", str(path)], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.partition(":")[0]
    raise SystemExit(f"No package of this system has {library}.")
