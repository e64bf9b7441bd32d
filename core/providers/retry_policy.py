"""The one policy of all requests to a server: how many at once, when one is repeated, and how often a server is polled."""

from __future__ import annotations

import asyncio
import math
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from core.errors import JukuError, ProviderError

T = TypeVar("T")

BUSY_STATUSES = (429, 500, 502, 503, 504, 529)  # nothing was answered, so nothing was paid
MAX_TRIES = 5  # times that a busy server is asked at most
FIRST_PAUSE_SECONDS = 2.0  # before a busy server is asked again, doubled each time, where it does not say how long
MAX_PAUSE_SECONDS = 300.0  # a server that wants a longer pause is not waited for
MAX_PARALLEL = 16  # requests at the same time, however many a server would accept
LIMITED_RESOURCES = ("requests", "tokens")  # what the headers x-ratelimit-* count
PAUSE_REPORT_SECONDS = 1.0  # between two reports of a pause
HELD_BACK = "held"  # the code of a request that was not sent: the server had asked for a pause
CONNECTION_LOST_CODES = ("unreached",)  # codes of a connection that broke
BLOCKING_STATUSES = (401, 403)  # the server refuses this key, whatever it is asked
UNCERTAIN_STATUSES = (408, 409, 500, 502, 503, 504)  # after these what was asked for may have been made all the same
MAX_SEARCHES = 5  # of the server's list, all in vain, after which what was asked for counts as never received
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

OnPause = Callable[[float], None]  # seconds until the server is asked again; called about once a second


def ignore_pause(_seconds: float) -> None:
    """Report no pause."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How one kind of request is repeated: at most `tries` times while the server is busy; if `safe`, also after a cut connection.

    `is_question` marks requests to models, which have limits of their own: they must not keep a job from being stopped.
    Where a pause would be longer than `longest` seconds, an error is raised instead; `share` is of the usual first pause.
    """

    tries: int
    longest: float
    share: float = 1.0
    safe: bool = False
    is_question: bool = False


QUESTIONING = RetryPolicy(MAX_TRIES, MAX_PAUSE_SECONDS, is_question=True)
READING = RetryPolicy(
    3, 10.0, share=0.25, safe=True
)  # reading: nothing is made by it, and somebody looks at an empty list
ONCE_ONLY = RetryPolicy(1, 10.0)  # what creates, changes or deletes something: the caller searches for the result


class RateLimiter:
    """Limits the requests to one server. `usual` are sent at the same time where the server reports no limits."""

    def __init__(self, usual: int) -> None:
        self._usual = usual
        self._server_limit: int | None = None  # how many more requests it accepts now, by its headers
        self._own_limit = MAX_PARALLEL  # halved after each 429, then raised by one with each answer
        # Until when nothing is sent, in seconds of the monotonic clock: questions (True) and everything else.
        self._until = {True: 0.0, False: 0.0}
        self._refused = "", ""  # the title and message of the last refusal
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()  # first come, first served

    @property
    def at_once(self) -> int:
        """How many requests may run at the same time now."""
        return max(
            1, min(self._usual if self._server_limit is None else self._server_limit, self._own_limit, MAX_PARALLEL)
        )

    def seconds_left(self, policy: RetryPolicy = QUESTIONING) -> float:
        """Seconds until a request under this policy may be sent; 0 is now."""
        return max(0.0, self._until[policy.is_question] - time.monotonic())

    def note_response(self, status: int, headers: Mapping[str, str]) -> None:
        """Update the limits from the status and the headers of an answer."""
        found = [_compute_parallel_limit(headers, what) for what in LIMITED_RESOURCES]
        rooms = [room for room in found if room is not None]
        self._server_limit = min(rooms) if rooms else self._server_limit
        if status == 429:
            self._own_limit = max(1, min(self._own_limit, self.at_once) // 2)
        elif status < 400:
            self._own_limit = min(MAX_PARALLEL, self._own_limit + 1)
            self._pause_for(max(_seconds_until_reset(headers, what) for what in LIMITED_RESOURCES), QUESTIONING)

    def _pause_for(self, seconds: float, policy: RetryPolicy) -> None:
        if 0 < seconds <= MAX_PAUSE_SECONDS:
            kind = policy.is_question
            self._until[kind] = max(self._until[kind], time.monotonic() + seconds)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a free slot, and hold it for one request."""
        if self._running >= self.at_once:
            await self._wait_for_slot()
        else:
            self._running += 1
        try:
            yield
        finally:  # without an await: a task that is cancelled twice would keep the slot for ever
            self._release_slot()

    async def _wait_for_slot(self) -> None:
        """Wait for a slot. A finished request hands its slot to one waiter: waking all took a minute for 20,000 of them."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # the slot was handed over already
                self._release_slot()
            raise

    def _release_slot(self) -> None:
        self._running -= 1
        while self._waiting and self._running < self.at_once:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._running += 1

    async def _wait(self, policy: RetryPolicy, on_pause: OnPause) -> None:
        """Wait until the server may be asked again. Raises `ProviderError` where that is longer than the policy allows."""
        while (seconds_left := self.seconds_left(policy)) > 0:
            if seconds_left > policy.longest:
                raise ProviderError(*self._refused, status=429, code=HELD_BACK, retry_after=seconds_left)
            on_pause(seconds_left)
            await asyncio.sleep(min(seconds_left, PAUSE_REPORT_SECONDS))

    async def run(
        self, ask: Callable[[], Awaitable[T]], policy: RetryPolicy = QUESTIONING, on_pause: OnPause = ignore_pause
    ) -> T:
        """The result of `ask`, which is repeated as the policy allows. Raises the last `ProviderError`, and what `on_pause` raises."""
        for attempt in range(policy.tries):
            await self._wait(policy, on_pause)
            try:
                return await ask()
            except ProviderError as error:
                again = attempt < policy.tries - 1 and _may_repeat(error, policy)
                self._note_refusal(error, policy, FIRST_PAUSE_SECONDS * policy.share * 2**attempt if again else 0.0)
                if not again:
                    raise
        raise AssertionError

    def _note_refusal(self, error: ProviderError, policy: RetryPolicy, pause: float) -> None:
        """Send nothing for as long as the server has asked for, else for `pause` seconds."""
        self._refused = error.title, error.message
        self._pause_for(pause if error.retry_after is None or error.is_final else error.retry_after, policy)


def _may_repeat(error: ProviderError, policy: RetryPolicy) -> bool:
    """Whether the same request may be repeated: it had no effect, waiting helps, and not for too long."""
    if error.status is None:
        return policy.safe and error.code in CONNECTION_LOST_CODES
    return error.status in BUSY_STATUSES and not error.is_final and (error.retry_after or 0.0) <= policy.longest


def may_have_been_made(error: ProviderError) -> bool:
    """Whether the server may have done what was asked of it although it answered with `error`, or not at all."""
    return error.status is None or (error.status in UNCERTAIN_STATUSES and not error.is_final)


def needs_person(error: JukuError) -> bool:
    """Whether a retry is useless until a person has changed something: the key, the account."""
    return isinstance(error, ProviderError) and (error.status in BLOCKING_STATUSES or error.is_final)


@dataclass(slots=True)
class PollTimer:
    """When a server is asked next how its jobs or batches are. Times are seconds of the monotonic clock: the wall's may jump."""

    due: float = 0.0
    failures: int = 0  # rounds in a row that failed
    blocked: bool = False  # the last failure needs a person

    def reset(self) -> None:
        """Ask at once, whatever has failed before."""
        self.due, self.failures, self.blocked = 0.0, 0, False

    def note_failure(self, error: JukuError, interval: float) -> float:
        """Returns the seconds until the next try: as the server wants it, or the usual `interval` doubled by each failure."""
        self.failures += 1
        self.blocked = needs_person(error)
        wanted = getattr(error, "retry_after", None) or 0.0
        return max(wanted, min(MAX_PAUSE_SECONDS, interval * 2.0 ** min(self.failures, 12)))

    def schedule(self, seconds: float) -> None:
        """Set when the next round is due; a little random, so that several windows do not ask at the same time."""
        self.due = time.monotonic() + seconds * random.uniform(0.9, 1.1)  # noqa: S311

    def seconds_left(self) -> float:
        """Seconds until the next round is due; 0 is now."""
        return max(0.0, self.due - time.monotonic())

    async def wait(self) -> None:
        """Wait until the next round is due."""
        await asyncio.sleep(self.seconds_left())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause in seconds that the headers ask for (a number, or a date); None where they do not."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return _seconds_until_date(headers.get("retry-after", ""), headers.get("date", ""))


def _seconds_until_date(then: str, now: str) -> float | None:
    """Compares with the server's own `Date` where it sends one: this computer's clock may be wrong."""
    try:
        end = parsedate_to_datetime(then).timestamp()
    except (ValueError, OverflowError):
        return None
    try:
        return max(0.0, end - parsedate_to_datetime(now).timestamp())
    except (ValueError, OverflowError):
        return max(0.0, end - time.time())


def _parse_number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        found = float(headers.get(name, ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _compute_parallel_limit(headers: Mapping[str, str], what: str) -> int | None:
    """How many requests may run at the same time: all that are left, or in proportion to the tokens that are left."""
    remaining, most = (_parse_number(headers, f"x-ratelimit-{kind}-{what}") for kind in ("remaining", "limit"))
    if remaining is None or remaining < 0:
        return None
    if what == "requests":
        return min(MAX_PARALLEL, int(remaining))
    return math.ceil(MAX_PARALLEL * min(1.0, remaining / most)) if most and most > 0 else None


def _seconds_until_reset(headers: Mapping[str, str], what: str) -> float:
    """Returns the seconds until the limit is reset (`6m0s` or `1.5`) where nothing is left of it; else 0."""
    if _parse_number(headers, f"x-ratelimit-remaining-{what}") != 0:
        return 0.0
    spans = _SPAN.findall(headers.get(f"x-ratelimit-reset-{what}", ""))
    return sum(float(number) * _UNITS[unit] for number, unit in spans)
