"""Which redirects of a server are followed: none that would send a key or a person's texts to another server."""

from typing import Any

REFUSED_HEADER = "x-refused-location"  # our own header: where a redirect led that is not followed
READING_METHODS = ("GET", "HEAD")
METHOD_KEEPING_STATUSES = (307, 308)  # other redirects turn a request with a body into one without
# What another server may be told. A list of what it may not be told would miss the next kind of key.
PUBLIC_HEADERS = ("accept", "accept-encoding", "connection", "host", "range", "user-agent")


def is_same_server(one: Any, other: Any) -> bool:
    """Whether two URLs (httpx2's) lead to one server; https in place of http is the same one, only safer."""
    if (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port):
        return True
    upgraded = (one.scheme, other.scheme) == ("http", "https") and one.port is None and other.port is None
    return bool(one.host == other.host and upgraded)


def refuse_redirect(response: Any) -> None:
    """Turn a redirect that must not be followed into a plain answer, which then becomes an error.

    A file may be stored at another server, so reading is redirected, without the key (`strip_private_headers`).
    """
    if not response.has_redirect_location:
        return
    request, target = response.request, response.request.url.join(response.headers["location"])
    keeps_method = response.status_code in METHOD_KEEPING_STATUSES and is_same_server(request.url, target)
    if request.method not in READING_METHODS and not keeps_method:
        del response.headers["location"]
        response.headers[REFUSED_HEADER] = f"{target.scheme}://{target.netloc.decode()}{target.path}"


def strip_private_headers(request: Any, home: Any) -> None:
    """Delete from a request to another server than `home` all headers that it need not know."""
    if not is_same_server(home, request.url):
        for name in list(request.headers):
            if name.lower() not in PUBLIC_HEADERS:
                del request.headers[name]
