"""The openai package, imported once and whole: where two threads import it at a time, both find half-made modules."""

import importlib
import threading

# Its clients import their parts when these are first used: here they are imported with it.
PARTS = (
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


def load() -> None:
    """Import it, on whatever thread comes first; others wait until it is there. What has failed can be tried again.

    It takes a second on a slow machine: not for the window's thread.
    """
    with LOCK:
        for part in PARTS:
            importlib.import_module(part)
