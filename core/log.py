"""The log file, for bug reports: no API keys and no project contents."""

import copy
import logging
import logging.handlers
from io import TextIOWrapper
from pathlib import Path

from core import tracebacks
from core.atomic_files import PRIVATE_MODE
from core.paths import log_file
from core.redaction import redact

OWN_LOGGERS = ("core", "ui", "__main__")


class RedactingFormatter(logging.Formatter):
    """Removes API keys and all text that a user or a model wrote, from exceptions and from message arguments."""

    def format(self, record: logging.LogRecord) -> str:
        """The redacted message with its redacted traceback."""
        mine = copy.copy(record)
        mine.msg, mine.args = _redact_message(record), None
        if record.exc_info and record.exc_info[1]:  # another handler may have written it out already, in full
            mine.exc_info, mine.exc_text = None, tracebacks.format_traceback(record.exc_info[1])
        return redact(super().format(mine))


def _redact_message(record: logging.LogRecord) -> str:
    """Our own messages with their text arguments hidden; messages of libraries without what they quote."""
    if record.name.partition(".")[0] not in OWN_LOGGERS:
        return tracebacks.redact_quotes(record.getMessage())
    if not isinstance(record.args, tuple):
        return record.getMessage()
    return str(record.msg) % tuple(_redact_value(value) for value in record.args) if record.args else str(record.msg)


def _redact_value(value: object) -> object:
    if isinstance(value, BaseException):
        return tracebacks.format_short(value)
    return value if isinstance(value, int | float) else tracebacks.describe_length(str(value))


def format_crash(error: BaseException) -> str:
    """The redacted traceback of a bug, to show to the user and to send in a report."""
    return tracebacks.format_traceback(error)


def configure(to_file: bool = True) -> None:
    """Log warnings to standard error and, with `to_file`, also info messages to the log file (two files of 1 MB)."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    stream = logging.StreamHandler()
    stream.setLevel(logging.WARNING)
    stream.setFormatter(RedactingFormatter())
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
        handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        file = super()._open()
        Path(self.baseFilename).chmod(PRIVATE_MODE)
        return file
