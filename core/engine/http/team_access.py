"""What each request of a user passes: the limit of requests, ids of others, the audit log and the counters."""

import hmac
import json
import time
from collections.abc import Iterable

from starlette.responses import JSONResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.engine.http.protocol import ApiError, model_not_found_error
from core.engine.http.services import SCOPE_SERVICES, Services
from core.engine.team.users import OWNER, User

SCOPE_USER = "juku.user"
SCOPE_REQUEST_ID = "juku.request_id"
METRICS = "/metrics"
MAX_ID_BYTES = 1_000_000  # of a response that is searched for the id of the new object
# What is read without being noted: progress that clients ask for every second.
QUIET_METHODS = ("GET", "HEAD", "OPTIONS")
NOTED_READS = ("/v1/files/{id}/content", "/v1/exports/{id}/files/{path:path}")


NOBODY = User("-", "anybody")  # who reads open metrics without a key


def find_user(services: Services, token: bytes, given: str, path: str) -> User | None:
    """Whose key `given` is, the engine's own token included; None for nobody's, where `path` needs a key."""
    if given and hmac.compare_digest(given.encode(errors="replace"), token):
        return OWNER
    user = services.team.users.find_by_key(given) if given else None
    is_open = path == METRICS and services.team.settings.value.server.open_metrics
    return user or (NOBODY if is_open else None)


class TeamAccess:
    """Gives every request the services of its user; the scope has the user already."""

    def __init__(self, app: ASGIApp, services: Services, routes: Iterable[Route]) -> None:
        self._app, self._services, self._routes = app, services, list(routes)
        self._paths: dict[object, str] = {route.endpoint: route.path for route in self._routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or respond with the protocol's error; then count and note the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        user: User = scope[SCOPE_USER]
        services = scope[SCOPE_SERVICES] = self._services.for_user(user)
        response, counters, started = _Observed(send), services.team.counters, time.monotonic()
        is_refused = False
        counters.in_progress += 1
        try:
            try:
                self._check(services, scope)
            except ApiError as error:
                is_refused = True
                self._match(scope)
                await JSONResponse(error.body(), error.status, error.headers)(scope, receive, response.send)
            else:
                await self._app(scope, receive, response.send)
        finally:
            counters.in_progress -= 1
            route = self._paths.get(scope.get("endpoint"), "other")
            counters.add_request(scope["method"], route, response.status, time.monotonic() - started)
            if is_refused or scope["method"] not in QUIET_METHODS or route in NOTED_READS:
                in_path = str(scope.get("path_params", {}).get("id", ""))
                target = in_path or services.inference.last_model or response.find_id()
                action = f"{scope['method']} {route}"
                services.team.note(user, action, target, response.status, scope[SCOPE_REQUEST_ID])

    def _match(self, scope: Scope) -> None:
        """Find the route of a request that the application does not get to see, as the application would."""
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return

    def _check(self, services: Services, scope: Scope) -> None:
        """Raise the ApiError of a request that this user may not make."""
        path: str = scope["path"]
        services.team.quotas.take_request(services.user)
        if services.user.is_admin:
            return
        if path == METRICS and not services.team.settings.value.server.open_metrics:
            raise ApiError(403, "Only an administrator's key may read the metrics.")
        if path.startswith("/v1/catalog") and scope["method"] not in QUIET_METHODS:
            raise ApiError(403, "Only an administrator may change the base models of this server.")
        for segment in path.split("/"):
            self._check_segment(services, segment)

    def _check_segment(self, seen: Services, segment: str) -> None:
        """Raise the kind's own 404 error for the id of another user's object: nobody learns that it exists."""
        whole = self._services
        records = (
            (whole.store.jobs, seen.store.jobs),
            (whole.store.batches, seen.store.batches),
            (whole.exports.store, seen.exports.store),
        )
        if segment in whole.store.files:
            seen.store.files.get(segment)
        for all_of_them, own in records:
            if segment in all_of_them:
                own.get(segment)
        if whole.store.models.get(segment) and not seen.store.models.get(segment):
            raise model_not_found_error(segment)


class _Observed:
    """Passes a response on, and keeps its status and, where it is short JSON, its body."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status, self.body = 500, b""
        self._is_json = False

    async def send(self, message: Message) -> None:
        """Pass one part on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._is_json = any(value == b"application/json" for _, value in message["headers"])
        elif self._is_json and len(self.body) + len(message.get("body", b"")) <= MAX_ID_BYTES:
            self.body += message.get("body", b"")
        await self._send(message)

    def find_id(self) -> str:
        """The id of the object in the response, or an empty text."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return ""
        found = value.get("id") if isinstance(value, dict) else None
        return found if isinstance(found, str) else ""
