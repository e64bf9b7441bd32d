"""What asking a model takes, in words: requests, tokens, and US dollars."""

from core.language import tr, trn
from core.providers import LOCAL

CENT = 0.01


def format_token_estimate(tokens: int) -> str:
    """A number of tokens rounded to two digits: it is an estimate."""
    scale = 10 ** max(0, len(str(tokens)) - 2)
    return f"{round(tokens / scale) * scale:,}"


def format_request_estimate(
    requests: int, sent: int, received: int, dollars: float | None, provider: str, server: str = ""
) -> str:
    """The requests, tokens and US dollars (None: no known price) of asking, in one line, before anything is sent.

    `server` is the title of the `provider`, where the line has to name it.
    """
    numbers = {"sent": format_token_estimate(sent), "received": format_token_estimate(received)}
    if server:
        tokens = tr("about {sent} tokens sent to {provider}, {received} received", provider=server, **numbers)
    else:
        tokens = tr("about {sent} tokens sent, {received} received", **numbers)
    parts = [trn("{n} request", "{n} requests", requests), tokens]
    return " · ".join([*parts, format_cost(dollars, provider)] if requests else parts)


def format_cost(dollars: float | None, provider: str) -> str:
    """What asking this provider costs, in words; None where the price is not known."""
    if provider == LOCAL:
        return tr("free on this computer")
    if dollars is None:
        return tr("price unknown")
    return tr("less than $0.01") if dollars < CENT else tr("about ${cost}", cost=f"{dollars:,.2f}")
