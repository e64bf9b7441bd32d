"""What the commands print: every text goes to standard output or standard error through here."""

import contextlib
import json
import os
import re
import sys
from typing import Any, TextIO

from core.checks.rule_registry import is_printable
from core.errors import JukuError
from core.formats.input_files import format_os_error
from core.language import tr

# Half characters (of file names that are no UTF-8), and what a terminal would take for a command; JSON escapes the others itself.
_UNSAFE_IN_JSON = re.compile("[\ud800-\udfff\x7f-\x9f]")


def print_text(text: str, end: str = "\n", flush: bool = False) -> None:
    """Print on standard output. Raises `JukuError` where that cannot be written, and BrokenPipeError where nobody reads."""
    _write(printable(text) + end)
    if flush:
        flush_output()


def print_json(data: dict[str, Any]) -> None:
    """Print one line of JSON. Raises as `print_text` does."""
    text = _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data, ensure_ascii=False))
    try:
        text.encode(_encoding(sys.stdout))
    except UnicodeEncodeError:
        text = json.dumps(data)
    _write(text + "\n")


def print_message(text: str, end: str = "\n", start: str = "") -> None:
    """Print on standard error. Raises BrokenPipeError where nobody reads; a full disk there stops no work."""
    try:
        print(start + _encodable(printable(text), sys.stderr), end=end, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        return


def flush_output() -> None:
    """Write what is buffered. Raises as `print_text` does."""
    _write("")


def drop_output() -> None:
    """Let what is still buffered for standard output go nowhere: it would fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):  # a test's standard output has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: str) -> str:
    """The text without what a terminal would take for a command: models and files write it, too."""
    if text.isprintable():
        return text
    return "".join(char if is_printable(char) or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _write(text: str) -> None:
    try:
        print(_encodable(text, sys.stdout), end="", flush=not text)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise JukuError(tr("The output cannot be written"), format_os_error(error)) from error


def _encodable(text: str, stream: TextIO) -> str:
    """The text with escapes for what the stream's encoding lacks."""
    encoding = _encoding(stream)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
