"""Translates the exceptions of the openai package into errors that say what to do."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import LICENCE_CODE, QUOTA_CODES, TERMS_CODE, TRAINING_CLOSED_CODE, ProviderError
from core.language import tr
from core.providers import refusals, server_codes
from core.providers.redirects import REFUSED_HEADER
from core.providers.retry_policy import retry_after
from core.redaction import redact

NO_KEY = "no_key"  # the code of an error
_ERRNO = re.compile(r"\[Errno -?\d+\] ?")


@contextmanager
def translate_errors(server: str, secret: str | None = None) -> Iterator[None]:
    """A context that raises `ProviderError` for every failure of a request to `server`; `secret` is removed from its text."""
    import openai

    try:
        yield
    except openai.APITimeoutError as error:
        raise ProviderError(
            tr("“{server}” did not answer in time", server=server),
            tr("It may have received the request anyway. Try again in a moment."),
            code="timeout",
        ) from error
    except openai.APIConnectionError as error:
        raise _connection_error(server, error) from error
    except openai.APIStatusError as error:
        raise _status_error(server, error, secret) from error
    except openai.OpenAIError as error:
        reason = redact(str(error), secret)
        raise ProviderError(tr("“{server}” sent an error", server=server), reason, code=_error_code(error)) from error
    except ValueError as error:  # broken JSON is not an error of the package
        raise unreadable_answer_error(server, redact(str(error), secret)) from error


def unreadable_answer_error(server: str, reason: str) -> ProviderError:
    """The error for an answer with status 200 that cannot be parsed, or is none."""
    title = tr("“{server}” sent an answer that cannot be read", server=server)
    return ProviderError(title, tr("Try again. ({reason})", reason=reason), code="unreadable")


def _connection_error(server: str, error: Any) -> ProviderError:
    """The error for a request without an answer: why, and what to check."""
    causes = list(_causes(error))
    reason = next((str(cause) for cause in reversed(causes) if str(cause)), str(error))
    advice, code = tr("Check the base URL and the network."), "unreached"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        advice, code = tr("Its name is not known on this network: check the base URL, and that you are online."), "dns"
    elif any(isinstance(cause, ssl.SSLError) for cause in causes):
        advice, code = tr("Its certificate is not trusted here. A company's own certificate must be installed in the system."), "tls"  # fmt: skip
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "refused" in reason:
        advice, code = (
            tr("Nothing is listening there: check the host and port, and whether the server is running."),
            "refused",
        )
    # Where the advice names the cause, the system's own words would only repeat it in a way that nobody reads.
    known = code != "unreached" or not (reason := _ERRNO.sub("", reason).strip())
    message = advice if known else f"{advice} ({reason})"
    return ProviderError(tr("“{server}” cannot be reached", server=server), message, code=code)


def missing_key_error(server: str) -> ProviderError:
    """The error for a server that requires a key where none was entered; with status 401, like a refused key."""
    title = tr("No API key is entered for “{server}”", server=server)
    return ProviderError(title, tr("Enter it in the settings."), status=401, code=NO_KEY)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _error_code(error: Any) -> str:
    return str(getattr(error, "code", None) or getattr(error, "type", None) or "")


def _status_error(server: str, error: Any, secret: str | None) -> ProviderError:
    if target := error.response.headers.get(REFUSED_HEADER, ""):
        return _redirect_error(server, error.status_code, redact(target, secret))
    if error.status_code == 401 and not secret:
        return missing_key_error(server)
    words = refusals.read_words(error.body)
    code = refusals.find_wall(error.status_code, words) or _error_code(error)
    kind = str(getattr(error, "type", None) or "")
    title, advice = _describe_status(
        server, error.status_code, code if code in QUOTA_CODES else kind if kind in QUOTA_CODES else code
    )
    reason, meaning = redact(words or f"HTTP {error.status_code}", secret), server_codes.explain_code(code)
    if meaning and error.status_code >= 500:  # it is no fault of the server, and the meaning says what to do
        title, advice = tr("“{server}” could not do this", server=server), ""
    text = server_codes.with_reason(f"{meaning} {advice}".strip(), reason) if meaning else f"{reason} {advice}".strip()
    return ProviderError(title, text, error.status_code, code or kind, retry_after(error.response.headers))


def _redirect_error(server: str, status: int, target: str) -> ProviderError:
    return ProviderError(
        tr("“{server}” sends requests on to another address", server=server),
        tr("Nothing was sent to {address}: the key and your texts go only to the server you entered. "
           "If that address is right, enter it as the base URL.", address=target),
        status, "redirected",
    )  # fmt: skip


def _describe_status(server: str, status: int, code: str) -> tuple[str, str]:
    """Returns the title and the advice for an HTTP status."""
    if code == TRAINING_CLOSED_CODE:
        return (
            tr("“{server}” no longer makes new fine-tuned models for this account", server=server),
            tr("The rows that were sent are still there and can be deleted. Train on this computer or another "
               "server; fine-tuned models continue to answer until they are shut down."),
        )  # fmt: skip
    if code in (TERMS_CODE, LICENCE_CODE):
        return refusals.describe_wall(server, code)
    if code in QUOTA_CODES:
        return (
            tr("“{server}” requires payment first", server=server),
            tr("Nothing was lost. Waiting does not help: add credit or raise the limit of the account."),
        )
    if status >= 500:
        return tr("“{server}” has an internal error", server=server), tr("Nothing is lost. Try again later.")
    known = {
        401: (tr("“{server}” does not accept the API key", server=server), tr("Enter a valid key in the settings.")),
        403: (
            tr("“{server}” does not allow this", server=server),
            tr("The API key lacks permission, or the account or country is excluded."),
        ),
        404: (tr("“{server}” does not have this", server=server), tr("Check the model's name and the base URL.")),
        413: (tr("“{server}” says this is too large", server=server), tr("Nothing was lost. Send fewer rows.")),
        422: (
            tr("“{server}” rejected the request", server=server),
            tr("Nothing was made. Leave out what it names, or choose the server's own kind in the settings."),
        ),
        429: (
            tr("“{server}” is busy or a limit is reached", server=server),
            tr("Too many requests; nothing was lost."),
        ),
    }
    return known.get(status, (tr("“{server}” rejected the request", server=server), ""))
