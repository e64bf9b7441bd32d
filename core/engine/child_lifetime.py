"""Child processes that never outlive their parent: a child exits when its standard input ends."""

import asyncio
import gc
import importlib
import json
import os
import sys
import threading
import traceback
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from core.engine import failures

MAX_LOG_BYTES = 1_000_000  # then it begins anew
ROOT = Path(__file__).resolve().parents[2]


def watch_stdin(on_end: Callable[[], None], on_signal: Callable[[], None] | None = None) -> None:
    """Call `on_end`, from a thread of its own, when standard input ends, as it does when the parent dies.

    Whatever the parent writes before is one signal, with one meaning for each child: `on_signal` is called.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            if on_signal:
                on_signal()
        on_end()

    threading.Thread(target=wait, name="watch-stdin", daemon=True).start()


def exit_with_parent(on_signal: Callable[[], None] | None = None) -> None:
    """Exit at once when the parent has exited: for a child whose work is safe on disk at every moment."""
    watch_stdin(lambda: os._exit(0), on_signal)


@cache  # once: what is frozen later, such as a model, would never be collected
def import_training_libraries() -> None:
    """Import torch, transformers and PEFT, all that training and answering need, with the garbage collector at rest.

    It would look through their hundred thousands of objects again and again: a fifth of the time of the import.
    """
    gc.disable()
    try:
        for module in ("torch", "transformers.modeling_utils", "transformers.models.auto.modeling_auto", "peft"):
            importlib.import_module(module)
    finally:
        gc.enable()
    gc.freeze()


def exit_process(status: int) -> NoReturn:
    """Exit at once with this status: a child has nothing left to save, and unloading torch would take a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def open_message_channel() -> Callable[[dict[str, Any]], None]:
    """A function that sends the parent one JSON line. Other output goes to standard error from now on."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


async def start_child(
    module: str, *arguments: str, log: IO[bytes] | int = DEVNULL, environment: Mapping[str, str] | None = None
) -> Process:
    """Run `python -m module` with its standard input and output piped; its standard error goes to `log`.

    `environment`: what is added to this process's own.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=log,
        cwd=ROOT,
        limit=1 << 20,
        env={**os.environ, **(environment or {})},
    )


def build_unexpected(error: BaseException) -> dict[str, Any]:
    """A child's last message for an exception that nobody expected; the traceback goes to its log.

    {"error": words, "code": a stable one, "is_unexpected": true}
    """
    traceback.print_exception(error)
    found = failures.explain(error)
    return {"error": found.words, "code": found.code, "is_unexpected": True}


async def run_child(
    module: str, *arguments: str, log: Path, on_message: Callable[[dict[str, Any]], None] = lambda _message: None
) -> dict[str, Any]:
    """Run a child to its end and return its last message; one that fails without a word has an `error` that says how.

    Its standard error is appended to `log`, which the `error` names unless the child expected it. `on_message` is called
    with each message. A caller that is cancelled leaves no child behind.
    """
    message: dict[str, Any] = {}
    with _open_log(log) as file:
        child = await start_child(module, *arguments, log=file)
    try:
        assert child.stdout
        async for line in child.stdout:
            message = json.loads(line)
            on_message(message)
        code = await child.wait()
    finally:
        await kill_child(child)
    if "error" not in message and code:
        message = {"error": failures.describe_exit(code), "code": failures.SERVER_ERROR, "is_unexpected": True}
    if message.get("is_unexpected"):
        message["error"] = f"{message['error']} {failures.name_log(log)}"
    return message


def _open_log(path: Path) -> IO[bytes]:
    """The log to append to, for its owner only; nowhere to write where the disk has no room for a new file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_long = path.exists() and path.stat().st_size > MAX_LOG_BYTES
        return path.open("wb" if is_long else "ab")
    except OSError:
        return Path(os.devnull).open("wb")


def signal_child(process: Process) -> None:
    """Send a child its one signal; nothing when its standard input is closed already."""
    if process.stdin and not process.stdin.is_closing():
        process.stdin.write(b"\n")


async def kill_child(process: Process) -> None:
    """Kill a child that may still run, and wait until it has exited."""
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
        await process.wait()
    if process.stdin:  # the processes that the child has started exit when it ends, too
        process.stdin.close()
