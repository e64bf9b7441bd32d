"""Puts off what takes long at the start of a process until it is used: large libraries, and regular expressions.

Both stand in for the real thing: each attribute is looked up there once, and is then an attribute of the stand-in.
"""

import importlib
import re
from typing import Any, AnyStr, cast


class LazyModule:
    """A library that is imported when one of its attributes is used first, in whichever thread that happens."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


class _LazyPattern:
    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text, self._flags = text, flags
        self._compiled: re.Pattern[Any] | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._compiled is None:
            self._compiled = re.compile(self._text, self._flags)
        value = getattr(self._compiled, attribute)
        setattr(self, attribute, value)
        return value


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """`re.compile`, at the first use of the pattern: there are a thousand in modules that the window imports.

    It is used by its methods; the functions of `re` do not take it. A pattern that is wrong raises `re.error` then.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(text, flags))
