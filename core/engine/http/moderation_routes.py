"""The route for moderations: there is no classifier on this computer, and a list of words would be worse than none."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.engine.http.protocol import ApiError


async def create(_request: Request) -> Response:
    """Always raises a 404 error that says why."""
    message = "This server has no classifier for moderations: ask a server that has one."
    raise ApiError(404, message, code="moderation_not_available")


routes = [Route("/v1/moderations", create, methods=["POST"])]
