"""Tracebacks that can be sent to somebody: where and what kind of mistake it was, without what a person or a model wrote.

A message often repeats the value it is about: a row, an answer, a spec. So of a message only what stands literally in
the code that raised it is kept, and what the interpreter and SQLite say of names in the code and in the tables.
"""

import dis
import re
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, TracebackType

from core.paths import ROOT
from core.redaction import HIDDEN, redacted

LEAST = 3  # characters of a literal that is kept; shorter ones are in every text
# What the interpreter itself says in these is made of names in the code.
ABOUT_CODE = (AttributeError, NameError, UnboundLocalError, ImportError, ModuleNotFoundError, TypeError, IndexError,
              ZeroDivisionError, OverflowError, RecursionError, MemoryError, StopIteration)  # fmt: skip
RAISED = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_QUOTED = re.compile(r"“[^”]*”|「[^」]*」|\"[^\"]*\"|'[^']*'|`[^`]*`")


def of(error: BaseException) -> str:
    """The whole traceback, with causes and groups."""
    return redacted("".join(_lines(error, set())))


def brief(error: BaseException) -> str:
    """One line: the kind of the error and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    path = Path(frames[-1].filename)
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return f"{type(error).__name__} at {name}:{frames[-1].lineno}"


def without_quotes(text: str) -> str:
    """A text of somebody else's code, without what it quotes."""
    return redacted(_QUOTED.sub(HIDDEN, text))


def length(text: str) -> str:
    """What stands in the place of a text that is not told."""
    return f"{HIDDEN} ({len(text)} characters)"


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _lines(before, seen)
        yield CAUSE if error.__cause__ else CONTEXT
    if error.__traceback__:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{_kind(error)}: {_message(error)}\n"
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(inner) not in seen:
            yield from _lines(inner, seen)


def _kind(error: BaseException) -> str:
    module = type(error).__module__
    return type(error).__qualname__ if module == "builtins" else f"{module}.{type(error).__qualname__}"


def _message(error: BaseException) -> str:
    """What may be told of an exception's message."""
    try:
        text = str(error)
    except Exception:  # an exception that cannot even be written out must not hide where it came from
        return HIDDEN
    last = _last(error.__traceback__)
    if last and last.tb_frame.f_code.co_code[last.tb_lasti] not in RAISED:
        if type(error) in ABOUT_CODE:
            return text
        if isinstance(error, sqlite3.Error):
            return without_quotes(text)
        if isinstance(error, OSError):
            return f"[Errno {error.errno}] {error.strerror}"
    kept = _literals_in(text, last.tb_frame.f_code) if last else ""
    return kept or length(text)


def _last(trace: TracebackType | None) -> TracebackType | None:
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace


def _literals_in(text: str, code: CodeType) -> str:
    """`text` with all of it hidden that is no literal of the function that raised it; '' where nothing is left."""
    literals = sorted(set(_texts(code.co_consts)), key=len, reverse=True)
    pattern = "|".join(re.escape(one) for one in literals)
    if not pattern:
        return ""
    kept, end = [], 0
    for found in re.finditer(pattern, text):
        kept += [HIDDEN] if found.start() > end else []
        kept.append(found[0])
        end = found.end()
    return "".join([*kept, HIDDEN if end < len(text) else ""]) if kept else ""


def _texts(constants: tuple[object, ...]) -> Iterator[str]:
    for one in constants:
        if isinstance(one, tuple):
            yield from _texts(one)
        elif isinstance(one, str) and len(one.strip()) >= LEAST:
            yield one
