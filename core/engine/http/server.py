"""The HTTP server: who may come in, which route answers, and what an error looks like."""

import contextlib
import hmac
import ipaddress
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.engine.http import batch_routes, chat_routes, embedding_routes, file_routes, job_routes, model_routes
from core.engine.http.protocol import ApiError, new_id
from core.engine.http.services import Engine

LOCAL = ("127.0.0.1", "localhost", "::1")
JSON_BYTES = 32 * 1024 * 1024
UPLOAD_BYTES = file_routes.MOST_BYTES + 64 * 1024


class Gate:
    """Stands before every route: `Host`, token, size of the body; gives each answer its `x-request-id`."""

    def __init__(self, app: ASGIApp, token: str, host: str) -> None:
        self._app, self._token, self._local = app, token.encode(), is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it in the protocol's shape."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        request_id = new_id("req_")
        error = self._refusal(Headers(scope=scope))
        if error:
            return await _response(error)(scope, receive, answer)
        return await self._app(scope, _limited(scope, receive), answer)

    def _refusal(self, headers: Headers) -> ApiError | None:
        if self._local and not _is_local_host(headers.get("host", "")):
            return ApiError(403, "This Host is not served here.", code="invalid_host")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token):
            return None
        what = "Incorrect API key provided." if token else "You didn't provide an API key."
        return ApiError(401, what, code="invalid_api_key")


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach a server bound to `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_local_host(header: str) -> bool:
    """A web page elsewhere can make its own name point here (DNS rebinding): then `Host` gives it away."""
    name = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
    return name.lower() in LOCAL


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The same body, with an end to a client's patience."""
    most = UPLOAD_BYTES if scope["path"] == "/v1/files" else JSON_BYTES
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise ApiError(413, f"The request is larger than {most} bytes.", code="request_too_large")
        return message

    return limited


def _response(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.status)


async def _on_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _response(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"Invalid URL ({request.method} {request.url.path})" if error.status_code == 404 else error.detail
    if error.status_code == 405:
        what = f"Not allowed to {request.method} on {request.url.path}."
    response = _response(ApiError(error.status_code, what))
    response.headers.update(error.headers or {})
    return response


async def _on_crash(_request: Request, _error: Exception) -> Response:
    return _response(ApiError(500, "The server had an error while processing your request.", code="server_error"))


def create_app(engine: Engine, token: str, host: str, on_start: Callable[[], None]) -> ASGIApp:
    """The whole application; `on_start` is called when it can answer."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        engine.queue.take_up()
        engine.batches.take_up(batch_routes.Desk(engine))
        on_start()
        try:
            yield
        finally:
            await engine.stop()

    kinds = (model_routes, file_routes, job_routes, chat_routes, embedding_routes, batch_routes)
    routes = [route for kind in kinds for route in kind.routes]
    errors = {ApiError: _on_error, HTTPException: _on_http, Exception: _on_crash}
    app = Starlette(routes=routes, exception_handlers=errors, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.engine = engine
    return Gate(app, token, host)
