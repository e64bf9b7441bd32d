"""Finds an index that has the build of torch for this computer: uv knows them, and no address of one is in Juku."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core import keys
from core.errors import JukuError
from core.installation import pip_process
from core.progress import Reporter

TOOL = "uv"
SECONDS = 60  # that it may take to ask the index
_INDEX = re.compile(r"# from (https?://\S+)")


def find_index(requirement: str, reporter: Reporter) -> str:
    """The address of an index with a build of torch that fits the card and its driver; "" where there is none to be had.

    uv is fetched for the question where it is not installed. Raises `Cancelled`.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    options = ["--no-deps", "--no-header", "--quiet", "--emit-index-annotation", "--torch-backend", "auto"]
    try:
        with _tool(reporter) as (command, environment):
            done = subprocess.run(  # noqa: S603 - fixed words
                [*command, "pip", "compile", "-", *options, "--python-version", version],
                input=requirement, capture_output=True, text=True, timeout=SECONDS, env=environment,
            )  # fmt: skip
    except (JukuError, OSError, subprocess.TimeoutExpired):
        return ""
    reporter.check()
    found = _INDEX.search(done.stdout) if done.returncode == 0 else None
    return found[1] if found else ""


@contextmanager
def _tool(reporter: Reporter) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command that starts uv, and its environment. Raises `JukuError` where it cannot be fetched."""
    environment = keys.child_environment()
    if path := shutil.which(TOOL):
        yield [path], environment
        return
    with tempfile.TemporaryDirectory(prefix="juku-uv-", ignore_cleanup_errors=True) as folder:
        pip_process.run(["install", "--no-deps", "--only-binary", ":all:", "--target", folder, TOOL], reporter)
        yield [sys.executable, "-m", TOOL], {**environment, "PYTHONPATH": str(Path(folder))}
