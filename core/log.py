"""The log file: what happened, for a report of a bug; no keys, no content of projects."""

import logging
import logging.handlers
import traceback

from core.paths import log_file
from core.redaction import redacted


class Redacting(logging.Formatter):
    """Also a traceback may hold a key: a server's own error stands among its causes, and repeats what it was sent."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def crash(error: BaseException) -> str:
    """The traceback of a mistake of ours, to be shown and sent to somebody."""
    return redacted("".join(traceback.format_exception(error)))


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
            handler = logging.handlers.RotatingFileHandler(path, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
        except OSError as error:
            logging.getLogger(__name__).warning("no log file: %s", error)
            return
        handler.setFormatter(Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
