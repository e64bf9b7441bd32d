"""Long work in a process of its own, so that the window never waits for it: progress, cancel, result, errors.

The child gets its request as one JSON line and answers in JSON lines. Its standard input stays open as long as its
parent lives, so that it never goes on alone.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from core import language
from core.errors import JukuError
from core.keys import environment
from core.language import tr
from core.paths import ROOT
from core.progress import Cancelled, Progress, Reporter

NICE = 5  # for what nobody waits for
PARENT_GONE = 3
PIPE = 1024 * 1024  # bytes that may be on their way between two processes, so that neither waits for the other


def run(module: str, request: dict[str, Any], reporter: Reporter) -> Any:
    """Run `module`'s work in a child and return its result. Raises its `JukuError`, or `Cancelled`."""
    reporter.check()
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", module], cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    reporter.on_cancel(process.kill)
    assert process.stdin
    assert process.stdout
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"language": language.chosen(), **request}).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "result" in answer:
                return answer["result"]
            if "error" in answer:
                raise JukuError(*answer["error"])
            reporter.update(answer["done"], answer["total"])
    finally:
        _end(process)
    reporter.check()
    raise ended_error(process.returncode)


def ended_error(status: int) -> JukuError:
    return JukuError(
        tr("The process ended before it was done"),
        tr("Its process stopped (status {status}); nothing was changed. Try again.", status=status),
    )


async def run_aside(module: str, request: dict[str, Any], reporter: Reporter) -> Any:
    """The same without holding up the caller's loop; cancelling the task ends the child."""
    try:
        return await asyncio.to_thread(run, module, request, reporter)
    except asyncio.CancelledError:
        reporter.cancel()
        raise
    except Cancelled:
        raise asyncio.CancelledError from None


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def serve(work: Callable[[dict[str, Any], Reporter], Any], nice: int = 0) -> None:
    """The child's side: do `work(request, reporter)` and tell the parent what came of it."""
    leave_interrupts()
    with contextlib.suppress(AttributeError, OSError):
        os.nice(nice)
    request = json.loads(sys.stdin.buffer.readline())
    language.choose(request.pop("language"))
    threading.Thread(target=_watch_parent, daemon=True).start()
    try:
        _tell({"result": work(request, Reporter(_tell_progress))})
    except JukuError as error:
        _tell({"error": [error.title, error.message]})
    except Cancelled:
        pass


def leave_interrupts() -> None:
    """Leave Ctrl+C to the parent, who ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def widen(pipe: IO[bytes]) -> None:
    """Let more be on its way in a pipe than the 64 KiB of the system, where it can."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def _watch_parent() -> None:
    # Not through the buffered file: a thread that waits in it would keep Python from ending.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(PARENT_GONE)


def _tell_progress(progress: Progress) -> None:
    _tell({"done": progress.done, "total": progress.total})


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
