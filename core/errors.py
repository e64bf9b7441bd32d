"""What can go wrong for reasons outside Juku. Anything else is a bug."""


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


class KeyStoreError(JukuError):
    """The operating system's keyring cannot be used."""
