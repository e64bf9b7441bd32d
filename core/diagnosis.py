"""What a report of a fault needs to say: versions, folders, the keyring, the disk, the device, the local engine.

Nothing in it is secret: no keys, no texts of projects, and the home folder is written as ~.
"""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core import __version__, paths, settings
from core.errors import KeyStoreError
from core.keys import Keys
from core.language import tr
from core.providers.local_engine import load_running_engine

NEEDED = ("PySide6-Essentials", "qasync", "openai", "keyring", "numpy", "msgspec")
OPTIONAL = ("torch", "transformers", "peft", "xllamacpp", "llguidance", "spacy", "sudachipy", "mammoth", "pypdf")
MIN_FREE_BYTES = 2 * 10**9  # a base model and its training files
PROBE_SECONDS = 120  # of importing torch in a process of its own
DEVICE_PROBE = (
    "import torch; print('cuda ' + torch.cuda.get_device_name(0) if torch.cuda.is_available() "
    "else 'mps' if torch.backends.mps.is_available() else 'cpu')"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; `ok` is False where something is missing that Juku needs."""

    name: str
    value: str
    ok: bool = True


def collect_findings() -> Iterator[Finding]:
    """Look at this computer, line by line; importing torch takes seconds."""
    yield Finding("Juku", __version__)
    yield Finding("Python", f"{platform.python_version()}, {platform.platform()}", sys.version_info >= (3, 11))
    for name in (*NEEDED, *OPTIONAL):
        yield _find_version(name)
    yield _find_device()
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


def _find_version(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, tr("not installed"), name in OPTIONAL)


def _find_device() -> Finding:
    """Where torch computes. In a process of its own: a broken driver can end the process that looks."""
    name = tr("Device of torch")
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", DEVICE_PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, str(error), False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return Finding(name, done.stdout.strip() or last, done.returncode == 0 or "No module named 'torch'" in last)


def _find_keyring() -> Finding:
    try:
        return Finding(tr("Keyring"), Keys().backend())
    except KeyStoreError as error:
        return Finding(tr("Keyring"), str(error), False)


def _find_folder(title: str, folder: Path) -> Finding:
    existing = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    is_writable = os.access(existing, os.W_OK)
    words = tr("{folder}, {free} GB free", folder=paths.shorten_home(folder), free=f"{free / 1e9:.1f}")
    return Finding(title, words if is_writable else f"{words}, {tr('cannot be written')}", is_writable and free >= MIN_FREE_BYTES)  # fmt: skip


def _find_engine() -> Finding:
    found = load_running_engine()
    return Finding(tr("Running engine"), found["url"] if found and "url" in found else tr("none"))
