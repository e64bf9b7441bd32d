"""Runs long work in a child process, so that the window never waits for it: progress, cancel, result, errors.

The child gets its request as one JSON line and answers in JSON lines. Its standard input stays open as long as its
parent runs; when it closes, the child ends itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from core import language
from core.errors import JukuError
from core.keys import child_environment
from core.language import tr
from core.paths import ROOT
from core.processes import end_process
from core.progress import Cancelled, Progress, Reporter

if TYPE_CHECKING:  # most children need no project: importing it takes 60 ms
    from core.storage.project import Changes, Project

BACKGROUND_NICENESS = 5  # of work that the user does not wait for
END_SECONDS = 10.0  # that a process has to end by itself
EXIT_PARENT_GONE = 3
PIPE_BYTES = 1024 * 1024  # that may be in a pipe between two processes, so that neither waits for the other

Store = Callable[[sqlite3.Connection, Any, Iterator[Any]], object]


# --- the parent's side


async def run(module: str, request: dict[str, Any], reporter: Reporter) -> Any:
    """Run `module` in a child process and return its result (what its `serve` work returns). Cancelling ends the child.

    Raises the child's `JukuError`, or a `JukuError` when the child ends without a result, and `CancelledError`.
    """
    try:
        return await asyncio.to_thread(_run_blocking, module, request, reporter)
    except asyncio.CancelledError:
        reporter.cancel()
        raise
    except Cancelled:
        raise asyncio.CancelledError from None


async def run_and_store(
    project: Project, module: str, request: dict[str, Any], store: Store, reporter: Reporter
) -> Changes | None:
    """Let `module` read the project in a child process, then `store(db, result, lines)` what it found, in one write.

    The child's request also has `project`, the file to read, and `into`, the file for its lines (`write_line`): they may
    be too many for memory. Returns None where the result is None (there was nothing to do) or the project is read-only.
    Raises `JukuError` as `run` does, and `ProjectError` where the project cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="juku-", ignore_cleanup_errors=True) as folder:
        into = Path(folder) / "lines"
        async with project.frozen() as path:
            full_request = {**request, "project": str(path), "into": str(into)}
            result = await run(module, full_request, reporter)
        if result is None or project.read_only:
            return None
        return await project.write("", _store_lines, store, result, into)


def _store_lines(db: sqlite3.Connection, store: Store, result: object, into: Path) -> None:
    store(db, result, _read_lines(into))


def _read_lines(into: Path) -> Iterator[Any]:
    with into.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _run_blocking(module: str, request: dict[str, Any], reporter: Reporter) -> Any:
    """`run` for a thread of its own. Raises `Cancelled` when the reporter is cancelled."""
    reporter.check()
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", module], cwd=ROOT, env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    reporter.on_cancel(process.kill)
    assert process.stdin
    assert process.stdout
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"language": language.current_language(), **request}).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "result" in answer:
                return answer["result"]
            if "error" in answer:
                raise JukuError(*answer["error"])
            reporter.update(answer["done"], answer["total"])
    finally:
        end_process(process, END_SECONDS)
    reporter.check()
    raise ended_error(process.returncode)


def ended_error(status: int) -> JukuError:
    """The error for a child that ended with `status` before it had a result."""
    return JukuError(
        tr("The process ended before it was done"),
        tr("Its process stopped (status {status}); nothing was changed. Try again.", status=status),
    )


def enlarge_pipe(pipe: IO[bytes]) -> None:
    """Let a pipe hold `PIPE_BYTES` instead of the system's 64 KiB, where the system can do that."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


# --- the child's side


def serve(work: Callable[[dict[str, Any], Reporter], Any], nice: int = 0) -> None:
    """Read the request, call `work(request, reporter)`, and send its result or its `JukuError` to the parent."""
    ignore_interrupts()
    with contextlib.suppress(AttributeError, OSError):
        os.nice(nice)
    request = json.loads(sys.stdin.buffer.readline())
    language.set_language(request.pop("language"))
    threading.Thread(target=_watch_parent, daemon=True).start()
    try:
        _send({"result": work(request, Reporter(_send_progress))})
    except JukuError as error:
        _send({"error": [error.title, error.message]})
    except Cancelled:
        pass


def write_line(file: IO[str], line: object) -> None:
    """Add one JSON value to the file `into` of `run_and_store`."""
    file.write(json.dumps(line) + "\n")


def ignore_interrupts() -> None:
    """Ignore Ctrl+C: the parent handles it and ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watch_parent() -> None:
    # Not through the buffered file: a thread that waits in it would keep Python from ending.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(EXIT_PARENT_GONE)


def _send_progress(progress: Progress) -> None:
    _send({"done": progress.done, "total": progress.total})


def _send(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
