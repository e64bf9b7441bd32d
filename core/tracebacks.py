"""Redacted tracebacks for bug reports: the kind and place of an error, without text that a user or a model wrote.

An error message often repeats a value: a row, an answer, a spec. So only these parts of a message are kept: the literals
of the function that raised it, and what the interpreter and SQLite say about names in the code and in the tables.
"""

import dis
import re
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, TracebackType

from core.paths import ROOT
from core.redaction import REDACTION_MARK, redact

MIN_LITERAL_LENGTH = 3  # characters; shorter literals occur in every text
# Errors whose messages by the interpreter contain only names of the code.
SAFE_MESSAGE_ERRORS = (AttributeError, NameError, UnboundLocalError, ImportError, ModuleNotFoundError, TypeError, IndexError,
              ZeroDivisionError, OverflowError, RecursionError, MemoryError, StopIteration)  # fmt: skip
RAISE_OPCODES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}
CAUSE_LINE = "\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT_LINE = "\nDuring handling of the above exception, another exception occurred:\n\n"
_QUOTATION = re.compile(r"“[^”]*”|「[^」]*」|\"[^\"]*\"|'[^']*'|`[^`]*`")


def format_traceback(error: BaseException) -> str:
    """The whole redacted traceback, with causes and exception groups."""
    return redact("".join(_format_lines(error, set())))


def format_short(error: BaseException) -> str:
    """One line: the kind of the error, and the file and line where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    path = Path(frames[-1].filename)
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return f"{type(error).__name__} at {name}:{frames[-1].lineno}"


def redact_quotes(text: str) -> str:
    """A message of a library, without API keys and without what stands in quotation marks."""
    return redact(_QUOTATION.sub(REDACTION_MARK, text))


def describe_length(text: str) -> str:
    """The replacement of a hidden text: its number of characters."""
    return f"{REDACTION_MARK} ({len(text)} characters)"


def _format_lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _format_lines(before, seen)
        yield CAUSE_LINE if error.__cause__ else CONTEXT_LINE
    if error.__traceback__:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{_error_name(error)}: {_redact_message(error)}\n"
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(inner) not in seen:
            yield from _format_lines(inner, seen)


def _error_name(error: BaseException) -> str:
    module = type(error).__module__
    return type(error).__qualname__ if module == "builtins" else f"{module}.{type(error).__qualname__}"


def _redact_message(error: BaseException) -> str:
    """The parts of an exception's message that contain no user data."""
    try:
        text = str(error)
    except Exception:  # a message that cannot be formatted must not hide the traceback
        return REDACTION_MARK
    last = _last_frame(error.__traceback__)
    if last and last.tb_frame.f_code.co_code[last.tb_lasti] not in RAISE_OPCODES:
        if type(error) in SAFE_MESSAGE_ERRORS:
            return text
        if isinstance(error, sqlite3.Error):
            return redact_quotes(text)
        if isinstance(error, OSError):
            return f"[Errno {error.errno}] {error.strerror}"
    parts = _keep_literals(text, last.tb_frame.f_code) if last else ""
    return parts or describe_length(text)


def _last_frame(trace: TracebackType | None) -> TracebackType | None:
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace


def _keep_literals(text: str, code: CodeType) -> str:
    """`text` with everything hidden that is no literal of the function `code`; "" where nothing is left."""
    literals = sorted(set(_string_constants(code.co_consts)), key=len, reverse=True)
    pattern = "|".join(re.escape(one) for one in literals)
    if not pattern:
        return ""
    parts, end = [], 0
    for found in re.finditer(pattern, text):
        parts += [REDACTION_MARK] if found.start() > end else []
        parts.append(found[0])
        end = found.end()
    return "".join([*parts, REDACTION_MARK if end < len(text) else ""]) if parts else ""


def _string_constants(constants: tuple[object, ...]) -> Iterator[str]:
    for one in constants:
        if isinstance(one, tuple):
            yield from _string_constants(one)
        elif isinstance(one, str) and len(one.strip()) >= MIN_LITERAL_LENGTH:
            yield one
