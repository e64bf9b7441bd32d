"""The openai package, imported once and whole: two threads that import it at the same time get half-made modules."""

import functools
import gc
import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Its clients import their parts when these are first used: here they are imported with it.
MODULES = (
    "openai",
    "httpcore2",  # which its client imports when the first one is made
    "openai._legacy_response",
    "openai.pagination",
    "openai.types.chat",
    "openai.types.fine_tuning",
    "openai.resources.batches",
    "openai.resources.chat.chat",
    "openai.resources.chat.completions.messages",
    "openai.resources.embeddings",
    "openai.resources.files",
    "openai.resources.fine_tuning.checkpoints",
    "openai.resources.fine_tuning.fine_tuning",
    "openai.resources.fine_tuning.jobs.checkpoints",
    "openai.resources.models",
    "openai.resources.moderations",
)
LOCK = threading.Lock()


@functools.cache  # once it is there, nothing is kept from the collector any more
def load() -> None:
    """Import the package, in whatever thread comes first; others wait. An import that failed can be tried again.

    It takes a second on a slow machine: do not call it in the window's thread.
    """
    with LOCK, _without_garbage_collection():
        for part in MODULES:
            importlib.import_module(part)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """So much is made here that the collector would run on this thread, and destroy what belongs to the window's."""
    frozen = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:  # else the window has asked for it, for good
            gc.unfreeze()
