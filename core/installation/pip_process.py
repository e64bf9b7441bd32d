"""Runs pip in a process of its own, with the index, proxies and certificates that the user has set for it."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence

from core import keys
from core.errors import JukuError
from core.language import tr
from core.progress import Reporter

COMMON_OPTIONS = ("--disable-pip-version-check", "--no-input", "--quiet")
REASON_MARKS = ("ERROR", "No module named pip")


def run(arguments: Sequence[str], reporter: Reporter, isolated: bool = False) -> str:
    """pip's standard output. `isolated`: without the user's settings. Cancelling ends pip.

    Raises `JukuError` with pip's own reason, and `Cancelled`.
    """
    reporter.check()
    command = [sys.executable, "-m", "pip", *(["--isolated"] if isolated else []), *COMMON_OPTIONS, *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(  # noqa: S603 - no shell
            command,
            env={
                **keys.child_environment(),
                "PYTHONUTF8": "1",
                "PYTHONIOENCODING": "utf-8",
            },  # names of people are in its report
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
        )
        reporter.on_cancel(process.kill)
        output, _none = process.communicate()
        reporter.check()
        if process.returncode:
            errors.seek(0)
            raise _explain(errors.read())
    return output


def _explain(text: str) -> JukuError:
    lines = text.strip().splitlines()
    reasons = [line for line in lines if any(mark in line for mark in REASON_MARKS)] or lines[-1:]
    return JukuError(
        tr("The packages could not be fetched"),
        tr("Nothing was changed. pip says: {reason}", reason=" ".join(reasons)[:600] or tr("nothing")),
    )
