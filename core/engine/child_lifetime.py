"""Processes that never outlive the one that started them: standard input is the lifeline."""

import asyncio
import json
import os
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


def watch_stdin(on_end: Callable[[], None], on_word: Callable[[], None] | None = None) -> None:
    """Call `on_end` from a thread of its own when standard input ends, as it does when the parent dies.

    Whatever the parent writes before is a word, of which there is one for each child: then `on_word` is called.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            if on_word:
                on_word()
        on_end()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def die_with_parent(on_word: Callable[[], None] | None = None) -> None:
    """For a child whose work is safe on disk at every moment: leave at once when the parent is gone."""
    watch_stdin(lambda: os._exit(0), on_word)


def message_line() -> Callable[[dict[str, Any]], None]:
    """A function that prints one JSON line to the parent; what else prints goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(value: dict[str, Any]) -> None:
        channel.write(json.dumps(value) + "\n")
        channel.flush()

    return send


async def start_child(module: str, *arguments: str, log: IO[bytes] | int = DEVNULL) -> Process:
    """Run `python -m module` with its input and output piped to us; its errors go to `log`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=PIPE, stdout=PIPE, stderr=log, cwd=ROOT, limit=1 << 20
    )


def tell_child(process: Process) -> None:
    """Say the one word to a child that listens for it; none if it is gone already."""
    if process.stdin and not process.stdin.is_closing():
        process.stdin.write(b"\n")


async def end_child(process: Process) -> None:
    """Stop a child that may still run, and wait until it is gone."""
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
        await process.wait()
