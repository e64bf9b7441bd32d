"""What the openai package raises, in words a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import ProviderError
from core.language import tr


@contextmanager
def worded(server: str) -> Iterator[None]:
    """Turn every failure of a request to `server` into a `ProviderError`."""
    import openai

    try:
        yield
    except openai.APITimeoutError as error:
        raise ProviderError(
            tr("“{server}” did not answer in time", server=server),
            tr("It may have received the request all the same. Try again in a moment."),
        ) from error
    except openai.APIConnectionError as error:
        raise ProviderError(
            tr("“{server}” cannot be reached", server=server),
            tr("Check the base URL and the network. ({reason})", reason=error.__cause__ or error),
        ) from error
    except openai.APIStatusError as error:
        raise _status(server, error) from error
    except openai.OpenAIError as error:
        raise ProviderError(tr("“{server}” sent an error", server=server), str(error)) from error
    except ValueError as error:  # broken JSON is not an error of the package
        raise ProviderError(
            tr("“{server}” sent an answer that cannot be read", server=server),
            tr("Try again. ({reason})", reason=error),
        ) from error


def _status(server: str, error: Any) -> ProviderError:
    code = error.code or error.type or ""
    reason = _reason(error)
    titles = {
        401: tr("“{server}” does not accept the API key", server=server),
        403: tr("“{server}” does not allow this", server=server),
        404: tr("“{server}” does not know this", server=server),
        429: tr("“{server}” asks to wait", server=server),
    }
    advice = {
        401: tr("Enter a valid key in the settings."),
        404: tr("Check the model's name and the base URL."),
        429: tr("Too many requests or no credit left; nothing was lost."),
    }
    title = titles.get(error.status_code, tr("“{server}” refused the request", server=server))
    if error.status_code >= 500:
        title = tr("“{server}” has a fault of its own", server=server)
    message = f"{reason} {advice.get(error.status_code, '')}".strip()
    return ProviderError(title, message, status=error.status_code, code=code)


def _reason(error: Any) -> str:
    """The server's own words; other servers than OpenAI put them elsewhere in the body."""
    body = error.body
    if isinstance(body, dict):
        for name in ("message", "detail", "error"):
            if isinstance(text := body.get(name), str) and text:
                return text
    return f"HTTP {error.status_code}"
