"""The local engine's packages: in the program's own environment, or fetched into a folder of the user's."""

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

import msgspec

from core import keys
from core.paths import data_folder

MANIFEST_NAME = "juku-engine.json"
PROBED_MODULE = "torch"  # the largest of the engine's packages; where it is, the others are
PYTHONPATH = "PYTHONPATH"


class EngineManifest(msgspec.Struct):
    """What a folder of packages has; it is written last, so a folder without it is not whole."""

    juku: str  # the version that fetched them
    packages: dict[str, str]  # versions by name
    device: str  # where torch computed when it was tried


def packages_folder() -> Path:
    """The folder of all that is fetched for the engine."""
    return data_folder() / "engine-packages"


def installed_folder() -> Path:
    """The folder of the packages for this Python: those of another version could not be loaded."""
    return packages_folder() / f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"


def load_manifest(folder: Path | None = None) -> EngineManifest | None:
    """What was fetched; None where nothing was, or the fetching was not finished."""
    try:
        data = ((folder or installed_folder()) / MANIFEST_NAME).read_bytes()
        return msgspec.json.decode(data, type=EngineManifest)
    except (OSError, msgspec.DecodeError):
        return None


def is_in_own_environment() -> bool:
    """Whether the engine's packages were installed together with Juku."""
    return importlib.util.find_spec(PROBED_MODULE) is not None


def has_engine() -> bool:
    """Whether the local engine can be started."""
    return is_in_own_environment() or load_manifest() is not None


def child_environment() -> dict[str, str]:
    """The environment for a child that needs the engine's packages, without API keys."""
    environment = keys.child_environment()
    if not is_in_own_environment() and load_manifest() is not None:
        environment[PYTHONPATH] = add_to_path(installed_folder(), environment)
    return environment


def add_to_path(folder: Path, environment: dict[str, str]) -> str:
    """A search path for Python that begins with `folder`."""
    return os.pathsep.join(filter(None, (str(folder), environment.get(PYTHONPATH, ""))))


def activate() -> None:
    """Make fetched packages importable in this process and its children, for `juku serve`."""
    if not is_in_own_environment() and load_manifest() is not None:
        os.environ[PYTHONPATH] = add_to_path(installed_folder(), dict(os.environ))
        sys.path.insert(1, str(installed_folder()))
