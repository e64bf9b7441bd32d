"""The log file: what happened, for a report of a bug; no keys, no content of projects."""

import copy
import logging
import logging.handlers
from io import TextIOWrapper
from pathlib import Path

from core import tracebacks
from core.atomic_files import PRIVATE
from core.paths import log_file
from core.redaction import redacted

OURS = ("core", "ui", "__main__")


class Redacting(logging.Formatter):
    """Neither a key nor what a person or a model wrote: both stand in exceptions, and in what messages are filled with."""

    def format(self, record: logging.LogRecord) -> str:
        mine = copy.copy(record)
        mine.msg, mine.args = _message(record), None
        if record.exc_info and record.exc_info[1]:  # another handler may have written it out already, in full
            mine.exc_info, mine.exc_text = None, tracebacks.of(record.exc_info[1])
        return redacted(super().format(mine))


def _message(record: logging.LogRecord) -> str:
    """Of our own messages the wording with hidden texts; of others' what they do not quote."""
    if record.name.partition(".")[0] not in OURS:
        return tracebacks.without_quotes(record.getMessage())
    if not isinstance(record.args, tuple):
        return record.getMessage()
    return str(record.msg) % tuple(_told(value) for value in record.args) if record.args else str(record.msg)


def _told(value: object) -> object:
    if isinstance(value, BaseException):
        return tracebacks.brief(value)
    return value if isinstance(value, int | float) else tracebacks.length(str(value))


def crash(error: BaseException) -> str:
    """The traceback of a mistake of ours, to be shown and sent to somebody."""
    return tracebacks.of(error)


def start(to_file: bool = True) -> None:
    """Log warnings to standard error and, for the window, everything of Juku's to a file of at most 2 MB."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    stream = logging.StreamHandler()
    stream.setLevel(logging.WARNING)
    stream.setFormatter(Redacting())
    root.addHandler(stream)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    if to_file:
        path = log_file()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = _PrivateFile(path, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
        except OSError as error:
            logging.getLogger(__name__).warning("no log file: %s", error)
            return
        handler.setFormatter(Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        file = super()._open()
        Path(self.baseFilename).chmod(PRIVATE)
        return file
