"""Turns an exception that nobody expected into words for a person: what happened, and what to do.

The exception's own name and text go into a log with the traceback; the words name that log.
"""

import errno
import logging
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVER_ERROR = "server_error"
INSUFFICIENT_STORAGE = "insufficient_storage"
INSUFFICIENT_MEMORY = "insufficient_memory"
DAMAGED_FILE = "damaged_file"
UNREACHED = "network_unreachable"
MISSING_PACKAGE = "package_missing"

UNKNOWN = (
    "Something happened that this program does not expect. Try again; if it happens again, report it with the log."
)
DAMAGED_BASE = (
    "The files of its base model may be damaged: {folder}. Of a model from a package or a hub, delete that folder: it is "
    "made again. Of your own, put them back from a backup."
)
FULL_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
# What libraries say of too little memory, each in an exception of its own.
_MEMORY_WORDS = ("can't allocate memory", "cannot allocate memory", "not enough memory", "out of memory", "bad_alloc",
                 "failed to map segment", "can't start new thread", "failed to allocate", "unable to mmap",
                 "failed to reserve")  # fmt: skip
_NETWORK_MODULES = ("httpx", "httpx2", "httpcore", "requests", "urllib3", "http", "socket", "ssl")
_NETWORK_NAMES = ("LocalEntryNotFoundError", "HfHubHTTPError", "OfflineModeIsEnabled")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A stable code for programs, and sentences for a person."""

    code: str
    words: str


def explain(error: BaseException, otherwise: str = UNKNOWN) -> Failure:
    """What an exception means: its own text is never shown, a path of the computer's own files is.

    `otherwise`: the words where it means nothing that is known here.
    """
    found = next(filter(None, (_explain_one(one) for one in _causes(error))), None)
    return found or Failure(SERVER_ERROR, otherwise)


def _explain_one(error: BaseException) -> Failure | None:
    """The failure that one exception of a chain stands for; None when it says nothing to a person."""
    if is_full_disk(error):
        return Failure(
            INSUFFICIENT_STORAGE,
            "The disk is full. Free some space (delete files, models, exports or checkpoints), then try again.",
        )
    if _is_memory(error):
        return Failure(
            INSUFFICIENT_MEMORY,
            "There was too little memory. Close other programs or take a smaller model, then try again.",
        )
    if _is_network(error):
        return Failure(UNREACHED, "A server on the network could not be reached. Check the network, then try again.")
    if isinstance(error, ImportError):
        name = (error.name or "").partition(".")[0] or "that this needs"
        return Failure(MISSING_PACKAGE, f"The package {name} is missing or cannot be loaded. Install it again.")
    if type(error).__name__ == "SafetensorError":
        return Failure(
            DAMAGED_FILE,
            "A file of weights is damaged. Of a base model, delete its folder: it is made again. Of another model, put "
            "the file back from a backup.",
        )
    return _explain_file(error) if isinstance(error, OSError) else None


def _explain_file(error: OSError) -> Failure | None:
    """What happened to the file that an OSError names; None where it names none."""
    path = error.filename
    if not isinstance(path, (str, Path)) or not str(path):
        return None
    if isinstance(error, FileNotFoundError):
        return Failure(DAMAGED_FILE, f"{path} is gone. Put it back from a backup, then try again.")
    if isinstance(error, PermissionError):
        return Failure(SERVER_ERROR, f"{path} may not be read or written by this account. Change its permissions.")
    return Failure(SERVER_ERROR, f"{path} could not be read or written. Check the disk, then try again.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, those in its group, and what led to it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        context = None if one.__suppress_context__ else one.__context__
        waiting += [other for other in (one.__cause__, context) if other]


def is_full_disk(error: BaseException) -> bool:
    """Whether a disk, or a person's share of it, is full."""
    return (isinstance(error, OSError) and error.errno in FULL_DISK_ERRNOS) or "No space left on device" in str(error)


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(words in text for words in _MEMORY_WORDS)


def _is_network(error: BaseException) -> bool:
    kinds = [kind for kind in type(error).__mro__ if kind not in (OSError, Exception, BaseException, object)]
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return any(
        kind.__module__.partition(".")[0] in _NETWORK_MODULES or kind.__name__ in _NETWORK_NAMES for kind in kinds
    )


def report(what: str, error: BaseException, log_path: Path | None = None, otherwise: str = UNKNOWN) -> Failure:
    """The failure of `what`, a sentence about the work; the traceback is appended to the log, which the words name.

    Without a `log_path`, or where it cannot be written, it goes to the engine's own log. `otherwise`: as in `explain`.
    """
    found, text = explain(error, otherwise), "".join(traceback.format_exception(error))
    if log_path and _append(log_path, text):
        return Failure(found.code, f"{what} {found.words} {name_log(log_path)}")
    log.error("%s\n%s", what, text)
    return Failure(found.code, f"{what} {found.words} The engine's log has more.")


def report_in_child(what: str, error: BaseException, log_path: Path, otherwise: str = UNKNOWN) -> Failure:
    """The same in a child process whose standard error is that log."""
    traceback.print_exception(error)
    found = explain(error, otherwise)
    return Failure(found.code, f"{what} {found.words} {name_log(log_path)}")


def name_log(log_path: Path) -> str:
    """The sentence that says where the log is."""
    return f"The log has more: {log_path}"


def _append(path: Path, text: str) -> bool:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return False
    return True


def describe_exit(code: int) -> str:
    """How a process ended that said nothing itself, in words."""
    if code >= 0:
        return f"Its process ended with status {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " The computer may have run out of memory." if name in ("SIGKILL", "SIGABRT", "SIGSEGV") else ""
    return f"Its process was ended by {name}.{hint}"
