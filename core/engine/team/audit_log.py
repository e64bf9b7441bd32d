"""The audit log: who did what to which object, and when. No texts, no file names, no keys.

`HOME/audit/audit.jsonl`; at 10 MB it becomes `audit.jsonl.1`, and the oldest of eleven files goes.
"""

import datetime
import json
import logging
import logging.handlers
from pathlib import Path

from core.engine.team.users import User

MAX_BYTES = 10_000_000
OLD_FILES = 10

log = logging.getLogger(__name__)


class _AuditFileHandler(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk stops no answer."""
        log.warning("the audit log cannot be written: %s", self.baseFilename, exc_info=record.exc_info or True)


class AuditLog:
    """Appends lines; the file appears with the first one."""

    def __init__(self, home: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = home / "audit", max_bytes
        self._handler: _AuditFileHandler | None = None

    def add(self, user: User, action: str, target: str, status: int, request_id: str) -> None:
        """Write a line. `action`: method and route. `target`: the id of an object or the name of a model, or empty."""
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "user": user.name,
            "user_id": user.id,
            "action": action,
            "target": target,
            "status": status,
            "request_id": request_id,
        }
        text = json.dumps(line, ensure_ascii=False)
        self._open().handle(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))

    def _open(self) -> _AuditFileHandler:
        if not self._handler:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / "audit.jsonl"
            self._handler = _AuditFileHandler(path, maxBytes=self._max_bytes, backupCount=OLD_FILES, encoding="utf-8")
        return self._handler

    def close(self) -> None:
        """Close the file."""
        if self._handler:
            self._handler.close()
