"""The HTTP application: authentication, size limits, routes, error responses."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.engine import failures
from core.engine.http import (
    batch_routes,
    catalog_routes,
    chat_routes,
    completion_routes,
    embedding_routes,
    estimate_routes,
    export_routes,
    file_routes,
    job_routes,
    metrics_routes,
    model_routes,
    moderation_routes,
    response_routes,
)
from core.engine.http.allowed_hosts import AllowedHosts
from core.engine.http.protocol import ApiError, new_id
from core.engine.http.services import Services
from core.engine.http.team_access import SCOPE_REQUEST_ID, SCOPE_USER, TeamAccess, find_user

ROUTE_MODULES = (
    model_routes,
    catalog_routes,
    estimate_routes,
    file_routes,
    job_routes,
    chat_routes,
    completion_routes,
    response_routes,
    moderation_routes,
    embedding_routes,
    export_routes,
    batch_routes,
    metrics_routes,
)
ROUTES = [route for module in ROUTE_MODULES for route in module.routes]
MAX_JSON_BYTES = 32 * 1024 * 1024
MAX_UPLOAD_BYTES = file_routes.MAX_FILE_BYTES + 64 * 1024
# What is read, and thrown away, of a body that is refused: a client that sends it all before it reads would otherwise
# find its connection reset instead of the error.
MAX_DRAIN_BYTES = 2 * MAX_UPLOAD_BYTES
DRAIN_SECONDS = 60.0

log = logging.getLogger(__name__)


class GuardMiddleware:
    """Checks `Host`, token and body size of every request; adds `x-request-id` to every response."""

    def __init__(self, app: ASGIApp, services: Services, token: str, hosts: AllowedHosts) -> None:
        self._app, self._services, self._token, self._hosts = app, services, token.encode(), hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or respond with the protocol's error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _LimitedBody(scope, receive)
        request_id, last = new_id("req_"), list[Message]()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            elif not message.get("more_body") and not body.is_complete:
                # The response is complete for the client by its length; the end is sent when the body is read.
                last.append({"type": "http.response.body", "body": b"", "more_body": False})
                message = {**message, "more_body": True}
            await send(message)

        scope[SCOPE_REQUEST_ID] = request_id
        error = self._check(Headers(scope=scope), scope) or body.check_length()
        if error:
            await _error_response(error)(scope, body.receive, send_with_id)
        else:
            await self._app(scope, body.receive, send_with_id)
        for message in last:
            await body.drain()
            await send(message)

    def _check(self, headers: Headers, scope: Scope) -> ApiError | None:
        """The error of a request that is refused; else the scope gets its user."""
        if not self._hosts.allow(headers.get("host", "")):
            return ApiError(403, "This Host is not served here.", code="invalid_host")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
        scope[SCOPE_USER] = find_user(self._services, self._token, given, scope["path"])
        if scope[SCOPE_USER]:
            return None
        message = "Incorrect API key provided." if token else "You didn't provide an API key."
        return ApiError(401, message, code="invalid_api_key")


class _LimitedBody:
    """The body of a request, as large as its route allows."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._max_bytes = MAX_UPLOAD_BYTES if scope["path"] == "/v1/files" else MAX_JSON_BYTES
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        self._length = int(length) if length.isdigit() else 0
        self._num_bytes = 0
        # A client that waits for "100 Continue" has sent nothing yet, and need not.
        self.is_complete = not (self._length or "transfer-encoding" in headers) or "expect" in headers

    def check_length(self) -> ApiError | None:
        """The 413 error of a body that says it is larger."""
        return self._too_large_error() if self._length > self._max_bytes else None

    def _too_large_error(self) -> ApiError:
        return ApiError(413, f"The request is larger than {self._max_bytes} bytes.", code="request_too_large")

    async def receive(self) -> Message:
        """The next part. Raises a 413 error when the body is larger than allowed."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            self.is_complete = True
        self._num_bytes += len(message.get("body", b""))
        if self._num_bytes > self._max_bytes:
            raise self._too_large_error()
        return message

    async def drain(self) -> None:
        """Read what is left and throw it away, up to a limit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self.is_complete and self._num_bytes < MAX_DRAIN_BYTES:
                    with contextlib.suppress(ApiError):
                        await self.receive()


def _error_response(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.status, error.headers)


async def _handle_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error_response(error)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"Invalid URL ({request.method} {request.url.path})" if error.status_code == 404 else error.detail
    if error.status_code == 405:
        message = f"Not allowed to {request.method} on {request.url.path}."
    response = _error_response(ApiError(error.status_code, message))
    response.headers.update(error.headers or {})
    return response


async def _handle_disconnect(_request: Request, _error: Exception) -> Response:
    """Nobody reads this response."""
    return _error_response(ApiError(499, "The client closed the connection."))


async def _handle_os_error(_request: Request, error: Exception) -> Response:
    """A full disk is told in words. Raises any other error again, for the handler of all others."""
    assert isinstance(error, OSError)
    if not failures.is_full_disk(error):
        log.error("a request failed", exc_info=error)
        return await _handle_exception(_request, error)
    message = (
        "The disk of this server is full, or your share of it: nothing was stored. "
        "Free some space (delete files, models or checkpoints), then send the request again."
    )
    return _error_response(ApiError(507, message, code=failures.INSUFFICIENT_STORAGE))


async def _handle_exception(_request: Request, error: Exception) -> Response:
    found, message = failures.explain(error), "The server had an error while processing your request."
    if found.code == failures.INSUFFICIENT_MEMORY:
        return _error_response(ApiError(503, f"{message} {found.words}", code=found.code))
    return _error_response(ApiError(500, message, code=failures.SERVER_ERROR))


def create_app(services: Services, token: str, hosts: AllowedHosts, on_start: Callable[[], None]) -> ASGIApp:
    """The application; `on_start` is called when it accepts requests."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        services.jobs.resume_unfinished()
        services.exports.resume_unfinished()
        services.batches.resume_unfinished(batch_routes.RouteEndpoints(services))
        on_start()
        try:
            yield
        finally:
            await services.stop()

    errors = {
        ApiError: _handle_api_error,
        HTTPException: _handle_http_error,
        ClientDisconnect: _handle_disconnect,
        OSError: _handle_os_error,
        Exception: _handle_exception,
    }
    app = Starlette(routes=ROUTES, exception_handlers=errors, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.services = services
    return GuardMiddleware(TeamAccess(app, services, ROUTES), services, token, hosts)
