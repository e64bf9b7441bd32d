"""One HTTP connection: limits of time and number, and errors in the protocol's envelope even for malformed HTTP."""

import asyncio
import json
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.engine.http.protocol import ApiError, new_id

MAX_CONNECTIONS = 512
HEADER_SECONDS = 30.0  # for the head of a request, from its first byte, or from the start of the connection
IDLE_BODY_SECONDS = 30.0  # without any byte of a body
BODY_SECONDS = 60.0  # for a whole body; and more for a large one, by this rate:
MIN_BODY_BYTES_PER_SECOND = 16 * 1024
LINGER_SECONDS = 2.0  # a client that still sends can read the error meanwhile


class EngineConnection(H11Protocol):
    """uvicorn's protocol with limits. A connection that breaks one gets an error response and is closed."""

    _timer: asyncio.TimerHandle | None = None
    _head_started: float | None = None
    _body_started: float | None = None
    _body_bytes = 0
    _is_refused = False

    def connection_made(self, transport: Any) -> None:
        """Begin; refuse the connection when there are too many."""
        super().connection_made(transport)
        self._head_started = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            message = f"This server has {MAX_CONNECTIONS} open connections, as many as it keeps."
            self._refuse(ApiError(503, message, code="too_many_connections"), "Retry-After: 1\r\n")
        else:
            self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; after a refusal they are thrown away."""
        if self._is_refused:
            return
        if self._head_started is None and self.conn.their_state is h11.IDLE:
            self._head_started = self.loop.time()
        self._body_bytes += len(data)
        self.server_state.default_headers = [(b"date", _format_date(int(time.time())))]
        super().data_received(data)
        if not self._is_refused:
            self._note_state()

    def eof_received(self) -> None:
        """The client has nothing more to send."""
        if self._is_refused:
            self.transport.close()

    def on_response_complete(self) -> None:
        """The next request may come."""
        super().on_response_complete()
        if not self._is_refused:
            self._note_state()

    def _note_state(self) -> None:
        """Which part of a request is waited for now, and since when."""
        now, state = self.loop.time(), self.conn.their_state
        if state is h11.SEND_BODY:
            if self._body_started is None:
                self._body_started, self._body_bytes = now, 0
            self._head_started = None
        else:
            self._body_started = None
            if state is not h11.IDLE:
                self._head_started = None
            elif self._head_started is None and self.conn.trailing_data[0]:
                self._head_started = now  # the next head came with the request before it
        self._set_timer()

    def _set_timer(self) -> None:
        self._cancel_timer()
        if self.transport.is_closing():
            return
        now = self.loop.time()
        if self._body_started is not None:
            total = BODY_SECONDS + self._body_bytes / MIN_BODY_BYTES_PER_SECOND
            seconds = min(IDLE_BODY_SECONDS, self._body_started + total - now)
        elif self._head_started is not None:
            seconds = self._head_started + HEADER_SECONDS - now
        else:
            return
        self._timer = self.loop.call_later(max(seconds, 0.0), self._time_out)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        if self._body_started is not None and self.flow.read_paused:
            self._set_timer()  # this server is what does not read
            return
        what = "head" if self._body_started is None else "body"
        self._refuse(ApiError(408, f"The {what} of your request came too slowly.", code="request_timeout"))

    def send_400_response(self, _msg: str) -> None:
        """Refuse malformed HTTP."""
        message = "We could not read your request: it is not valid HTTP/1.1, or its head is too long."
        self._refuse(ApiError(400, message, code="invalid_http"))

    def _refuse(self, error: ApiError, headers: str = "") -> None:
        """Send an error and close the connection, a little later: a client that still sends would lose the error."""
        self._is_refused = True
        self._cancel_timer()
        has_answer = self.cycle is not None and not self.cycle.response_complete and self.cycle.response_started
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if has_answer:
            self.transport.close()
            return
        self.transport.write(_encode_response(error, headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)


@lru_cache(1)
def _format_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def _encode_response(error: ApiError, headers: str) -> bytes:
    body = json.dumps(error.body()).encode()
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        f"x-request-id: {new_id('req_')}\r\n{headers}\r\n"
    )
    return head.encode() + body
