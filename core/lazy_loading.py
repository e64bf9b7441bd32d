"""Puts off what takes long at the start of a process until it is used: large libraries, and regular expressions.

Both stand in for the real thing, whose attributes they have.
"""

import importlib
import re
from types import ModuleType
from typing import Any, AnyStr, cast


class LazyModule:
    """A library that is imported when one of its attributes is used first, in whichever thread that happens."""

    def __init__(self, name: str, keeps: bool = False) -> None:
        """`keeps`: each attribute is looked up once, for what loops use; those of our own modules may change."""
        self._name, self._keeps = name, keeps
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = importlib.import_module(self._name)
        value = getattr(self._module, attribute)
        if self._keeps:
            setattr(self, attribute, value)
        return value


class _LazyPattern:
    """Its attributes never change: each is looked up once, and is then one of the stand-in."""

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
