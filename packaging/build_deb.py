"""Builds the Debian package from the folder of build_folder.py: `build_deb.py [--folder FOLDER] [--reuse]`.

Needs dpkg-deb and binutils, and Debian's packages of the libraries that the folder loads: `Depends` is read from the files.
"""

import argparse
import gzip
import os
import shutil
import subprocess
from pathlib import Path

import build_folder
import desktop_files
import elf

PROGRAM = Path("usr/lib/juku")
LIBC = "libc6"
# What another release of Debian or Ubuntu calls the same library.
RENAMED = "t64"
# Plugins that a desktop brings the libraries of; without them Qt looks and works as it does elsewhere.
OPTIONAL_PLUGINS = ("libqgtk3.so", "libcupsprintersupport.so")
RECOMMENDS = "gnome-keyring | kwalletmanager | keepassxc, fonts-noto-cjk | fonts-ipafont | fonts-vlgothic, xdg-utils"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=build_folder.OUTPUT / "juku")
    parser.add_argument("--reuse", action="store_true", help="take the folder as an earlier call has built it")
    arguments = parser.parse_args()
    if not arguments.reuse:
        build_folder.build(arguments.folder, "deb")
    print(build(arguments.folder, build_folder.OUTPUT))


def build(folder: Path, output: Path) -> Path:
    """Build the package; returns its path."""
    architecture = _read(["dpkg", "--print-architecture"])
    version = _read([str(folder / "bin" / "juku"), "--version"]).split()[-1]
    root = output / "deb"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(folder, root / PROGRAM, symlinks=True)
    (root / "usr" / "bin").mkdir()
    for program in ("juku", "juku-window"):
        (root / "usr" / "bin" / program).symlink_to(f"../lib/juku/bin/{program}")
    desktop_files.install(root / "usr", version)
    write_documents(root / "usr" / "share" / "doc" / "juku")
    set_modes(root)
    write_control(root, version, architecture)
    target = output / f"juku_{version}_{architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--build", str(root), str(target)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return target


def write_documents(folder: Path) -> None:
    """The licence and the changes, where Debian's packages have them."""
    folder.mkdir(parents=True)
    licence = (build_folder.ROOT / "LICENSE").read_text(encoding="utf-8")
    heads = "Juku: Apache License 2.0.\nIts parts: the licences of Python, Qt for Python (LGPL) and of each package are beside them,\nin /usr/lib/juku/python/lib.\n\n"
    (folder / "copyright").write_text(heads + licence, encoding="utf-8")
    changes = (build_folder.ROOT / "CHANGELOG.md").read_bytes()
    (folder / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))


def set_modes(root: Path) -> None:
    """The modes that Debian asks for, whatever the builder's umask is."""
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or bool(path.stat().st_mode & 0o100)
        path.chmod(0o755 if runs else 0o644)


def write_control(root: Path, version: str, architecture: str) -> None:
    folder = root / "DEBIAN"
    folder.mkdir()
    size = sum(path.lstat().st_size for path in root.rglob("*")) // 1024
    lines = {
        "Package": "juku",
        "Version": version,
        "Architecture": architecture,
        "Maintainer": os.environ.get("JUKU_MAINTAINER", "The Juku project <juku@localhost>"),
        "Installed-Size": str(size),
        "Depends": ", ".join(find_dependencies(root / PROGRAM)),
        "Recommends": RECOMMENDS,
        "Section": "education",
        "Priority": "optional",
        "Description": "Teach a language model what you know, and prove whether it learned\n"
        " Juku finds the facts of a text, makes question and answer rows from them,\n"
        " fine-tunes a model on them and examines it before and after.\n"
        " .\n"
        " It brings its own Python. The local engine (PyTorch) is fetched by the\n"
        " program into the user's folder when it is asked to.",
    }
    (folder / "control").write_text("".join(f"{name}: {value}\n" for name, value in lines.items()), encoding="utf-8")


def find_dependencies(program: Path) -> list[str]:
    """The packages of the libraries that are loaded and not inside, with the names that newer releases gave them."""
    files = elf.find_files(program)
    inside = {path.name for path in program.rglob("*.so*")}
    asked = {name for path in files if path.name not in OPTIONAL_PLUGINS for name in elf.needed(path)} - inside
    packages = [name for name in elf.find_debian_packages(asked) if name != LIBC]
    return [f"{LIBC} (>= {elf.newest_glibc(files)})", *(f"{name} | {name}{RENAMED}" for name in packages)]


def _read(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
