"""What can go wrong for reasons outside Juku. Anything else is a bug."""

from pathlib import Path

# What servers call an account without credit, and a closed door.
QUOTA = (
    "insufficient_quota",
    "exceeded_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
)
CLOSED = "training_not_available"
FINAL = (*QUOTA, CLOSED)


class JukuError(Exception):
    """An expected failure, worded for the person: what happened, what is safe, what to do."""

    def __init__(self, title: str, message: str = "") -> None:
        super().__init__(f"{title}: {message}" if message else title)
        self.title = title
        self.message = message


class ProjectError(JukuError):
    """The project file cannot be opened or written."""


class ProjectInUseError(ProjectError):
    """Another window or command works on the project."""


class MissingLogError(ProjectError):
    """The file's newest changes are in its log, which is not beside it, or is another's: a person has to choose."""

    def __init__(self, title: str, message: str, path: Path) -> None:
        super().__init__(title, message)
        self.path = path


class FileChangedError(ProjectError):
    """Another program has exchanged or written the file of an open project: what is shown has to be read again."""


class FormatError(JukuError):
    """A file is not in the format it claims."""


class ProviderError(JukuError):
    """A server refused, failed, or could not be reached.

    `status` is HTTP's, None where nobody knows whether the request arrived. `retry_after` is the seconds the server
    wants to be left alone.
    """

    def __init__(
        self,
        title: str,
        message: str = "",
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(title, message)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def is_final(self) -> bool:
        """Whether waiting does not help: the account has to be paid for, or the door is closed."""
        return self.code in FINAL


class KeyStoreError(JukuError):
    """The operating system's keyring cannot be used."""
