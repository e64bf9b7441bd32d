"""Why a model cannot be used, in words; what a hub answers, among it."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.engine import failures


class UnusableModelError(ValueError):
    """The model cannot be used here; the text says why, and what would help."""


@contextmanager
def hub_errors_in_words(repo: str, revision: str) -> Iterator[None]:
    """A context that raises UnusableModelError for what a hub refuses, and for one that cannot be reached."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    try:
        yield
    except GatedRepoError as error:
        raise UnusableModelError(
            f"{repo} must be asked for: accept its terms on its page at the hub, and set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 404):  # which of them depends on whether somebody is logged in
            message = f"The hub has no model {repo} at revision {revision}, or it is private."
            raise UnusableModelError(message) from error
        raise UnusableModelError(f"The hub refuses {repo} with status {status}. Try again later.") from error
    except OSError as error:
        if failures.explain(error).code != failures.UNREACHED:
            raise
        raise UnusableModelError("The hub could not be reached. Check the network, then try again.") from error
