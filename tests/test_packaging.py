"""The wheel: installed without the checkout, its commands, its children and its data work, and nothing else is installed."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core import __version__
from core.installation.kind import Kind, find_kind
from core.paths import ROOT

SOURCES = (
    "core",
    "ui",
    "resources",
    "packaging",
    "main.py",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
    "CHANGELOG.md",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: a build writes beside the source."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    line = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(target),
        str(source),
    ]
    subprocess.run([sys.executable, "-m", "pip", *line], check=True)
    (path,) = target.glob("juku-*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder with the wheel unpacked, in the place of site-packages."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def call(site, function, *arguments, cwd):
    """Call an entry point as the installed script does, far from the checkout."""
    code = f"import sys; from juku.entry import {function}; sys.exit({function}())"
    environment = {**os.environ, "PYTHONPATH": str(site), "LANGUAGE": "en"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_one_package_holds_all(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (points,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {name.split("/")[0] for name in names} == {"juku", f"juku-{__version__}.dist-info"}
    assert {
        "juku/main.py",
        "juku/CHANGELOG.md",
        "juku/entry.py",
        "juku/resources/icons/juku.svg",
        "juku/core/engine/models/catalog.toml",
    } <= set(names)
    source = subprocess.run(
        ["git", "ls-files", "core", "ui", "resources"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {f"juku/{name}" for name in source.stdout.splitlines() if not name.endswith(".po")} <= set(names)
    assert "[gui_scripts]\njuku-window = juku.entry:start_window" in points


def test_its_commands_and_their_children_work(site, tmp_path):
    done = call(site, "start", "--version", cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"Juku {__version__}\n", "")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n' * 3)
    project = tmp_path / "p.juku"
    assert call(site, "start", "project", "new", project, cwd=tmp_path).returncode == 0
    # A process of its own reads the file.
    done = call(site, "start", "rows", "import", project, rows, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["rows"] == 3, done.stderr
    assert find_kind(site / "juku") == Kind.WHEEL


WINDOW = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from juku.entry import start_window
def close():
    windows = [one for one in QApplication.topLevelWidgets() if type(one).__name__ == "MainWindow" and one.isVisible()]
    for one in windows:
        print(type(one).__module__, sys.modules["core"].__file__)
        one.close()
    if not windows:
        QTimer.singleShot(50, close)
def watch(*arguments):
    application = original(*arguments)
    QTimer.singleShot(50, close)
    return application
import juku.entry
juku.entry._load_main()
import ui.app
original = ui.app.QApplication
ui.app.QApplication = watch
sys.exit(start_window())
"""


def test_its_window_opens_a_project_and_closes(site, tmp_path):
    project = tmp_path / "p.juku"
    assert call(site, "start", "project", "new", project, cwd=tmp_path).returncode == 0
    environment = {**os.environ, "PYTHONPATH": str(site), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, str(project)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ui.main_window", str(site / "juku" / "core" / "__init__.py")]


def test_the_folder_of_packaging_files_hides_no_package():
    """`packaging` is also a package that others import: a folder without __init__.py comes after it."""
    assert not (ROOT / "packaging" / "__init__.py").exists()
    done = subprocess.run(
        [sys.executable, "-c", "import packaging.version; print(packaging.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ROOT / "packaging" not in Path(done.stdout.strip()).parents and done.returncode == 0
