"""The local engine's packages: in the program's own environment, or fetched into a folder of the user's."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from core import keys
from core.errors import ProviderError
from core.language import tr
from core.paths import ROOT, data_folder

MANIFEST_NAME = "juku-engine.json"
PROBED_MODULE = "torch"  # the largest of the engine's packages; where it is, the others are
PYTHONPATH = "PYTHONPATH"
NO_ENGINE_CODE = "engine_not_installed"


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


def require_engine() -> None:
    """Raise `ProviderError` with what to do where the local engine cannot be started."""
    if not has_engine():
        raise ProviderError(
            tr("The local engine is not on this computer"),
            tr(
                "Help › Get the local engine… fetches it; without a window: juku engine install. A server in the settings can be used instead."
            ),
            code=NO_ENGINE_CODE,
        )


def replace_process(arguments: Sequence[str]) -> NoReturn:
    """Go on as `python ARGUMENTS` with fetched packages: this process has imported others of the same names already."""
    command, environment = [sys.executable, *arguments], child_environment()
    if sys.platform == "win32":  # which cannot replace a process
        sys.exit(subprocess.call(command, cwd=ROOT, env=environment))  # noqa: S603 - our own module
    os.chdir(ROOT)
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell
