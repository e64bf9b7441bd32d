"""The HTTP application: authentication, size limits, routes, error responses."""

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

from core.engine.http import (
    batch_routes,
    catalog_routes,
    chat_routes,
    embedding_routes,
    estimate_routes,
    export_routes,
    file_routes,
    job_routes,
    model_routes,
)
from core.engine.http.protocol import ApiError, new_id
from core.engine.http.services import Services

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
MAX_JSON_BYTES = 32 * 1024 * 1024
MAX_UPLOAD_BYTES = file_routes.MAX_FILE_BYTES + 64 * 1024


class GuardMiddleware:
    """Checks `Host`, token and body size of every request; adds `x-request-id` to every response."""

    def __init__(self, app: ASGIApp, token: str, host: str) -> None:
        self._app, self._token, self._local = app, token.encode(), is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or respond with the protocol's error."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        request_id = new_id("req_")
        error = self._check(Headers(scope=scope))
        if error:
            return await _error_response(error)(scope, receive, send_with_id)
        return await self._app(scope, _limit_body(scope, receive), send_with_id)

    def _check(self, headers: Headers) -> ApiError | None:
        if self._local and not _is_local_host(headers.get("host", "")):
            return ApiError(403, "This Host is not served here.", code="invalid_host")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token):
            return None
        message = "Incorrect API key provided." if token else "You didn't provide an API key."
        return ApiError(401, message, code="invalid_api_key")


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach a server bound to `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_local_host(header: str) -> bool:
    """Whether `Host` names this computer. A web page may make its own name point here (DNS rebinding)."""
    name = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
    return name.lower() in LOOPBACK_NAMES


def _limit_body(scope: Scope, receive: Receive) -> Receive:
    """The same body; raises a 413 error when it is larger than the route allows."""
    max_bytes = MAX_UPLOAD_BYTES if scope["path"] == "/v1/files" else MAX_JSON_BYTES
    num_bytes = 0

    async def receive_within_limit() -> Message:
        nonlocal num_bytes
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if num_bytes > max_bytes:
            raise ApiError(413, f"The request is larger than {max_bytes} bytes.", code="request_too_large")
        return message

    return receive_within_limit


def _error_response(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.status)


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


async def _handle_exception(_request: Request, _error: Exception) -> Response:
    return _error_response(ApiError(500, "The server had an error while processing your request.", code="server_error"))


def create_app(services: Services, token: str, host: str, on_start: Callable[[], None]) -> ASGIApp:
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

    modules = (
        model_routes,
        catalog_routes,
        estimate_routes,
        file_routes,
        job_routes,
        chat_routes,
        embedding_routes,
        export_routes,
        batch_routes,
    )
    routes = [route for module in modules for route in module.routes]
    errors = {ApiError: _handle_api_error, HTTPException: _handle_http_error, Exception: _handle_exception}
    app = Starlette(routes=routes, exception_handlers=errors, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.services = services
    return GuardMiddleware(app, token, host)
