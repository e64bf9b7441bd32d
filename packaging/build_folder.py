"""Builds Juku as one folder that needs no Python: an interpreter of its own with the wheel in it.

`build_folder.py [--kind folder|deb|appimage] [--output FOLDER]`, started with the Python that goes into the folder: one
whose programs run on the systems that are meant. Why no freezer: docs/decisions/0052.
"""

import argparse
import compileall
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import elf

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "package"
EXTRAS = "documents"  # what is inside beside the plain program; the engine is fetched by the program
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"

# Of the standard library: what no program at work imports.
UNUSED_STANDARD = (
    "test", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "pydoc_data", "turtle.py", "_tkinter*", "nis.*",
    "_test*", "_ctypes_test*", "xxlimited*",
)  # fmt: skip
# Of Qt: the modules of PySide that Juku and pyqtgraph import; what these load stays, the rest goes.
QT_MODULES = (
    "QtCore", "QtGui", "QtWidgets", "QtNetwork", "QtSvg", "QtTest", "QtDBus", "QtPrintSupport", "QtOpenGL", "QtOpenGLWidgets",
)  # fmt: skip
QT_PLUGINS = (
    "iconengines", "imageformats", "networkinformation", "platforminputcontexts", "platforms", "platformthemes", "printsupport",
    "tls", "wayland-decoration-client", "wayland-graphics-integration-client", "wayland-shell-integration", "xcbglintegrations",
)  # fmt: skip
UNUSED_PLUGINS = (
    "libqeglfs.so", "libqlinuxfb.so", "libqvnc.so", "libqvkkhrdisplay.so", "libqpdf.so",
    "libqminimalegl.so", "libqtvirtualkeyboardplugin.so",
)  # fmt: skip
UNUSED_PYSIDE = ("include", "typesystems", "glue", "scripts", "doc", "support/deploy_lib")
TEST_FOLDERS = ("numpy", "scipy", "pyqtgraph")
UNUSED_PARTS = (
    "phonenumbers/geodata",
    "phonenumbers/carrierdata",
    "phonenumbers/tzdata",
)  # Juku asks for none of these
LANGUAGES = ("en", "ja")  # of Qt's own texts

LAUNCHER = """#!/bin/sh
# Starts {program} with the Python of this folder, whatever a person has set for theirs.
here=$(dirname "$(readlink -f "$0")")
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONSAFEPATH PYTHONEXECUTABLE PYTHONINSPECT
export PYTHONNOUSERSITE=1
exec "$here/../python/bin/{version}" -c 'import sys; sys.argv[0] = "{program}"; from juku.entry import {function}; sys.exit({function}())' "$@"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="folder", choices=("folder", "deb", "appimage"))
    parser.add_argument("--output", type=Path, default=OUTPUT / "juku")
    arguments = parser.parse_args()
    build(arguments.output, arguments.kind)
    size = sum(path.lstat().st_size for path in arguments.output.rglob("*"))
    print(f"{arguments.output}: {size / 1e6:.0f} MB")


def build(output: Path, kind: str) -> None:
    """Build the folder anew; `kind` is what `juku doctor` says of it."""
    if platform.system() != "Linux":
        sys.exit("This recipe is for Linux; docs/packaging.md says what is known of other systems.")
    shutil.rmtree(output, ignore_errors=True)
    python = copy_python(output / "python")
    install(python, build_wheel(output.parent / "wheel"))
    packages = output / "python" / "lib" / VERSION / "site-packages"
    (packages / "juku" / "installed_as").write_text(kind + "\n")
    prune_qt(packages / "PySide6")
    prune_packages(packages)
    strip(output)
    compileall.compile_dir(output / "python" / "lib" / VERSION, quiet=2, stripdir=str(output))
    write_launchers(output / "bin")
    subprocess.run([str(output / "bin" / "juku"), "--version"], check=True)


def copy_python(target: Path) -> Path:
    """Copy the interpreter and the standard library, without the packages that were installed; returns its program."""
    library, base = Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix)
    unused = shutil.ignore_patterns(
        "site-packages", "dist-packages", "__pycache__", "config-*", "*.a", *UNUSED_STANDARD
    )
    shutil.copytree(library, target / "lib" / VERSION, ignore=unused, symlinks=True)
    (target / "lib" / VERSION / "site-packages").mkdir()
    program = target / "bin" / VERSION
    program.parent.mkdir()
    shutil.copy2(Path(base / "bin" / VERSION).resolve(), program)
    for shared in (base / "lib").glob(f"lib{VERSION}*.so*"):
        shutil.copy2(shared, target / "lib", follow_symlinks=False)
    return program


def build_wheel(folder: Path) -> Path:
    """Build the wheel from the source as it is now: what an earlier build left would come along."""
    for left in ("lib", f"bdist.{sysconfig.get_platform()}"):
        shutil.rmtree(ROOT / "build" / left, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*pip, str(ROOT)], check=True)
    return next(folder.glob("juku-*.whl"))


def install(python: Path, wheel: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-compile",
        "--no-warn-script-location",
    ]
    subprocess.run([*pip, f"juku[{EXTRAS}] @ {wheel.as_uri()}"], check=True)
    for script in python.parent.iterdir():  # their first lines name this folder, and nobody calls them
        if script != python:
            script.unlink()


def prune_qt(qt: Path) -> None:
    """Leave the modules that are imported, the plugins a window needs, and the libraries that these load."""
    for module in qt.glob("Qt*.abi3.so"):
        if module.name.partition(".")[0] not in QT_MODULES:
            module.unlink()
    for path in (
        *(qt / name for name in UNUSED_PYSIDE),
        qt / "Qt" / "qml",
        qt / "Qt" / "metatypes",
        qt / "Qt" / "libexec",
    ):
        shutil.rmtree(path, ignore_errors=True)
    for path in [*qt.glob("*.pyi"), *(one for one in qt.iterdir() if one.suffix == "" and elf.is_elf(one))]:
        path.unlink()
    prune_qt_plugins(qt / "Qt" / "plugins")
    for texts in (qt / "Qt" / "translations").glob("*.qm"):
        if texts.stem not in {f"qtbase_{language}" for language in LANGUAGES}:
            texts.unlink()
    prune_qt_libraries(qt)


def prune_qt_plugins(folder: Path) -> None:
    for plugins in folder.iterdir():
        if plugins.name not in QT_PLUGINS:
            shutil.rmtree(plugins)
    for name in UNUSED_PLUGINS:
        for path in folder.rglob(name):
            path.unlink()


def prune_qt_libraries(qt: Path) -> None:
    """Leave the libraries that the modules and plugins load, directly or through others."""
    libraries = {path.name: path for path in (qt / "Qt" / "lib").iterdir() if path.is_file()}
    for path in qt.glob("libpyside6qml*"):
        path.unlink()
    starts = [*filter(elf.is_elf, qt.glob("*.so*")), *elf.find_files(qt / "Qt" / "plugins")]
    for path in set(libraries.values()) - elf.find_reachable(starts, libraries):
        path.unlink()


def prune_packages(packages: Path) -> None:
    """Take out the tests of the large packages and what only compilers read."""
    for name in TEST_FOLDERS:
        for tests in [*(packages / name).rglob("tests"), *(packages / name).rglob("examples")]:
            shutil.rmtree(tests, ignore_errors=True)
    for name in UNUSED_PARTS:
        shutil.rmtree(packages / name, ignore_errors=True)
    for path in [*packages.rglob("*.pyi"), *packages.rglob("*.a"), *(packages / "numpy").rglob("*.h")]:
        path.unlink()


def strip(folder: Path) -> None:
    """Take out of the interpreter what only debuggers read. The wheels' libraries stay as their makers signed them off."""
    library = folder / "python" / "lib"
    interpreter = [
        *(folder / "python" / "bin").iterdir(),
        *library.glob("*.so*"),
        *(library / VERSION / "lib-dynload").iterdir(),
    ]
    for path in filter(elf.is_elf, interpreter):
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)
    if any(library.glob("libpython*")):  # found beside the program, wherever the folder is
        program = folder / "python" / "bin" / VERSION
        subprocess.run(["patchelf", "--set-rpath", "$ORIGIN/../lib", str(program)], check=True)


def write_launchers(folder: Path) -> None:
    folder.mkdir()
    for program, function in (("juku", "start"), ("juku-window", "start_window")):
        path = folder / program
        path.write_text(LAUNCHER.format(program=program, function=function, version=VERSION))
        path.chmod(0o755)


if __name__ == "__main__":
    main()
