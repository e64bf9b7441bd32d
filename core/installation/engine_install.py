"""Fetches the local engine into the user's folder: can be cancelled, goes on where it stopped, is whole or not there."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from core import __version__, keys
from core.atomic_files import write_atomically
from core.errors import JukuError
from core.installation import engine_folder, package_download, pip_process
from core.installation.engine_folder import MANIFEST_NAME, PYTHONPATH, EngineManifest
from core.installation.engine_plan import EnginePlan
from core.installation.package_download import PackageFile
from core.language import tr
from core.progress import Reporter

MODULES = ("torch", "transformers", "peft", "accelerate", "safetensors", "gguf", "llguidance", "starlette", "uvicorn")
UNPACKED_RATIO = 3.2  # of what is fetched: the unpacked size of torch's CPU build, with some room
DEVICE_PROBE = (
    "import torch; print('cuda ' + torch.cuda.get_device_name(0) if torch.cuda.is_available() "
    "else 'mps' if torch.backends.mps.is_available() else 'cpu')"
)
IMPORT_PROBE = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


def install(plan: EnginePlan, reporter: Reporter, modules: Sequence[str] = MODULES) -> EngineManifest:
    """Fetch the plan's files, install them, try them, and only then let the engine have them.

    What was fetched before a break is used again. The last engine stays until the new one is whole. Raises `JukuError`
    where something fails, and `Cancelled`.
    """
    home = engine_folder.packages_folder()
    with _only_one(home):
        downloads, staging = home / "downloads", home / "staging"
        _require_room(plan, downloads)
        paths = _fetch_all(plan, downloads, reporter)
        shutil.rmtree(staging, ignore_errors=True)
        try:
            where = ["--no-index", "--no-deps", "--no-warn-script-location", "--target", str(staging)]
            pip_process.run(["install", *where, *map(str, paths)], reporter, isolated=True)
            device = _try(staging, modules, reporter)
            manifest = EngineManifest(__version__, {file.name: file.version for file in plan.files}, device)
            write_atomically(staging / MANIFEST_NAME, msgspec.json.encode(manifest))
            reporter.check()
            _swap(staging, engine_folder.installed_folder())
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(downloads, ignore_errors=True)
    return manifest


def remove() -> bool:
    """Delete all that was fetched; returns whether there was something. Raises `JukuError` while another process fetches."""
    home = engine_folder.packages_folder()
    if not home.exists():
        return False
    with _only_one(home):
        engine_folder.installed_folder().joinpath(MANIFEST_NAME).unlink(missing_ok=True)  # half of it is no engine
        for path in home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
    return True


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with FileLock(home / "lock", blocking=False):
            yield
    except Timeout:
        raise JukuError(
            tr("The local engine is being fetched already"), tr("Another window or command does it. Wait for it.")
        ) from None
    except OSError as error:
        raise JukuError(
            tr("The local engine could not be installed"),
            tr("What was fetched is kept: try again to go on. The reason: {reason}", reason=error),
        ) from error


def _require_room(plan: EnginePlan, downloads: Path) -> None:
    there = sum(path.stat().st_size for path in downloads.glob("*")) if downloads.exists() else 0
    wanted = max(0, plan.bytes - there) + round(UNPACKED_RATIO * plan.bytes)
    free = shutil.disk_usage(engine_folder.packages_folder()).free
    if free < wanted:
        raise JukuError(
            tr("The disk has too little room for the local engine"),
            tr("It needs {wanted} GB and {free} GB are free. Nothing was fetched.",
               wanted=f"{wanted / 1e9:.1f}", free=f"{free / 1e9:.1f}"),
        )  # fmt: skip


def _fetch_all(plan: EnginePlan, folder: Path, reporter: Reporter) -> list[Path]:
    """Fetch the files one after another, with the bytes of all as progress."""
    folder.mkdir(parents=True, exist_ok=True)
    paths, before = [], 0
    total = plan.bytes if not plan.unknown_sizes else None

    def on_bytes(count: int) -> None:
        reporter.update(before + count, total)

    for file in plan.files:
        try:
            path = package_download.fetch(file, folder, on_bytes)
        except package_download.RefusedError:
            path = _fetch_with_pip(file, plan, folder, reporter)
        paths.append(path)
        before += path.stat().st_size
        reporter.update(before, total)
    return paths


def _fetch_with_pip(file: PackageFile, plan: EnginePlan, folder: Path, reporter: Reporter) -> Path:
    """Let pip fetch a file of a server that wants to know who asks; it cannot go on where it stopped."""
    listed = folder / "requirements.txt"
    checksum = f" --hash=sha256:{file.sha256}" if file.sha256 else ""
    listed.write_text(f"{file.name}=={file.version}{checksum}\n", encoding="utf-8")
    pip_process.run(["download", "--no-deps", "--only-binary", ":all:", *plan.options, "--dest", str(folder), "--requirement", str(listed)], reporter)  # fmt: skip
    return folder / file.file_name


def _try(folder: Path, modules: Sequence[str], reporter: Reporter) -> str:
    """Import the packages in a process of its own; returns where torch computes. Raises `JukuError` with the reason."""
    probes: list[tuple[str, Sequence[str]]] = [(IMPORT_PROBE, modules)]
    if engine_folder.PROBED_MODULE in modules:
        probes.append((DEVICE_PROBE, ()))
    output = ""
    for code, arguments in probes:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-P", "-c", code, *arguments],
            env={**keys.child_environment(), PYTHONPATH: str(folder)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        reporter.on_cancel(process.kill)
        output, errors = process.communicate()
        reporter.check()
        if process.returncode:
            reason = (errors.strip().splitlines() or [str(process.returncode)])[-1]
            raise JukuError(
                tr("The fetched packages do not work on this computer"),
                tr("They were not installed; the last engine stays. The reason: {reason}", reason=reason),
            )
    return output.strip()


def _swap(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`, which is there or not at every moment, and always whole."""
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
