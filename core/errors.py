"""The errors with causes outside Juku. Any other exception is a bug."""

from pathlib import Path

# Error codes of servers: for an account without credit, and for training that is no longer offered.
QUOTA_CODES = (
    "insufficient_quota",
    "exceeded_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
)
TRAINING_CLOSED_CODE = "training_not_available"
# Juku's own codes, by the words of a refusal: terms must be accepted, or a licence bought, before it is answered.
TERMS_CODE, LICENCE_CODE = "terms_not_accepted", "licence_required"
FINAL_CODES = (*QUOTA_CODES, TRAINING_CLOSED_CODE, TERMS_CODE, LICENCE_CODE)


class JukuError(Exception):
    """An expected failure, in words for the user: what happened, what is safe, what to do."""

    def __init__(self, title: str, message: str = "") -> None:
        super().__init__(f"{title}: {message}" if message else title)
        self.title = title
        self.message = message


class ProjectError(JukuError):
    """The project file cannot be opened or written."""


class ProjectInUseError(ProjectError):
    """The project is open in another window or command."""


class MissingLogError(ProjectError):
    """The write-ahead log with the file's newest changes is missing or belongs to another file: the user has to choose."""

    def __init__(self, title: str, message: str, path: Path) -> None:
        super().__init__(title, message)
        self.path = path


class FileChangedError(ProjectError):
    """Another program has replaced or written the file of an open project: everything shown has to be read again."""


class FormatError(JukuError):
    """A file is not in the format that its name or its user claims."""


class ProviderError(JukuError):
    """A server refused, failed, or could not be reached.

    `status` is the HTTP status, None where it is unknown whether the request arrived. `code` is the server's error code.
    `retry_after` is how many seconds the server asks to wait.
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
        """Whether a retry cannot help: the account has no credit, training is no longer offered, terms are not accepted."""
        return self.code in FINAL_CODES


class KeyStoreError(JukuError):
    """The operating system's keyring cannot be used."""
