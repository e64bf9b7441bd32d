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
MAX_TRIES = 5  # times that a server which says it is busy is asked
FIRST_PAUSE_SECONDS = 2.0  # seconds before it is asked again, doubled each time, where it does not say how long
MAX_PAUSE_SECONDS = 300.0  # seconds that are waited for a server; one that wants longer is left, and asked another day
MAX_PARALLEL = 16  # requests side by side, however many a server would take
LIMITED_RESOURCES = ("requests", "tokens")  # what the headers x-ratelimit-* count
PAUSE_REPORT_SECONDS = 1.0  # seconds between two words about a wait
HELD_BACK = "held"  # the code of a request that was not sent: the server had asked to be left alone
CONNECTION_LOST_CODES = ("unreached",)  # codes of a line that broke
BLOCKING_STATUSES = (401, 403)  # the server refuses this key, whatever it is asked
UNCERTAIN_STATUSES = (408, 409, 500, 502, 503, 504)  # after these what was asked for may have been made all the same
MAX_SEARCHES = 5  # of the server's list, all in vain, after which what was asked for counts as never received
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

OnPause = Callable[[float], None]  # seconds until the server is asked again, told about once a second


def ignore_pause(_seconds: float) -> None:
    """Tell nobody of a wait."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a kind of request is sent: `tries` times at most while the server is busy, and, if it is `safe`, after the line was cut.

    `is_question` are those to models: their limits are their own, no server means by them that a job cannot be stopped.
    Whoever would have to wait more than `longest` seconds is told so instead; the first pause is `share` of the usual one.
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
ONCE_ONLY = RetryPolicy(
    1, 10.0
)  # whatever makes, changes or deletes something: whoever asks for it knows how to look for it


class RateLimiter:
    """Of one server, for all that is asked of it. `usual` requests are made at once where it tells nothing of its limits."""

    def __init__(self, usual: int) -> None:
        self._usual = usual
        self._server_limit: int | None = None  # how many more requests it takes now, by its headers
        self._own_limit = MAX_PARALLEL  # halved whenever it was too much, and slowly given back
        # Until when nothing is sent, of the monotonic clock: of questions (True) and of everything else.
        self._until = {True: 0.0, False: 0.0}
        self._refused = "", ""  # the title and message of the last refusal
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()  # who has come first is first

    @property
    def at_once(self) -> int:
        return max(
            1, min(self._usual if self._server_limit is None else self._server_limit, self._own_limit, MAX_PARALLEL)
        )

    def left(self, patience: RetryPolicy = QUESTIONING) -> float:
        """Seconds until such a request may be sent; 0 is now."""
        return max(0.0, self._until[patience.is_question] - time.monotonic())

    def note_response(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the head of an answer."""
        found = [_parallel_left(headers, what) for what in LIMITED_RESOURCES]
        rooms = [room for room in found if room is not None]
        self._server_limit = min(rooms) if rooms else self._server_limit
        if status == 429:
            self._own_limit = max(1, min(self._own_limit, self.at_once) // 2)
        elif status < 400:
            self._own_limit = min(MAX_PARALLEL, self._own_limit + 1)
            self._hold(max(_seconds_until_reset(headers, what) for what in LIMITED_RESOURCES), QUESTIONING)

    def _hold(self, seconds: float, patience: RetryPolicy) -> None:
        if 0 < seconds <= MAX_PAUSE_SECONDS:
            kind = patience.is_question
            self._until[kind] = max(self._until[kind], time.monotonic() + seconds)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until there is room for one more request."""
        if self._running >= self.at_once:
            await self._wait_for_slot()
        else:
            self._running += 1
        try:
            yield
        finally:  # without waiting for anything: who is cancelled twice would keep the place for ever
            self._release_slot()

    async def _wait_for_slot(self) -> None:
        """Wait for a place. Whoever leaves hands it over to one: to wake all who wait took a minute for 20,000 of them."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # it was handed over already
                self._release_slot()
            raise

    def _release_slot(self) -> None:
        self._running -= 1
        while self._waiting and self._running < self.at_once:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._running += 1

    async def _wait(self, patience: RetryPolicy, on_pause: OnPause) -> None:
        """Wait until the server may be asked again."""
        while (left := self.left(patience)) > 0:
            if left > patience.longest:
                raise ProviderError(*self._refused, status=429, code=HELD_BACK, retry_after=left)
            on_pause(left)
            await asyncio.sleep(min(left, PAUSE_REPORT_SECONDS))

    async def run(
        self, ask: Callable[[], Awaitable[T]], patience: RetryPolicy = QUESTIONING, on_pause: OnPause = ignore_pause
    ) -> T:
        """What `ask` answers, asked again as `patience` allows. Raises the last `ProviderError`."""
        for attempt in range(patience.tries):
            await self._wait(patience, on_pause)
            try:
                return await ask()
            except ProviderError as error:
                again = attempt < patience.tries - 1 and _may_repeat(error, patience)
                self._hold_back(error, patience, FIRST_PAUSE_SECONDS * patience.share * 2**attempt if again else 0.0)
                if not again:
                    raise
        raise AssertionError

    def _hold_back(self, error: ProviderError, patience: RetryPolicy, pause: float) -> None:
        """Leave the server alone as long as it has asked for, else for `pause`."""
        self._refused = error.title, error.message
        self._hold(pause if error.retry_after is None or error.is_final else error.retry_after, patience)


def _may_repeat(error: ProviderError, patience: RetryPolicy) -> bool:
    """Whether the same request may go out again: nothing came of it, waiting helps, and not for too long."""
    if error.status is None:
        return patience.safe and error.code in CONNECTION_LOST_CODES
    return error.status in BUSY_STATUSES and not error.is_final and (error.retry_after or 0.0) <= patience.longest


def may_have_been_made(error: ProviderError) -> bool:
    """Whether the server may have done what was asked of it although it answered with `error`, or not at all."""
    return error.status is None or error.status in UNCERTAIN_STATUSES


def needs_person(error: JukuError) -> bool:
    """Whether asking again is no use until a person has changed something: the key, the account."""
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

    def left(self) -> float:
        """Seconds until the next round is due; 0 is now."""
        return max(0.0, self.due - time.monotonic())

    async def wait(self) -> None:
        """Wait until the next round is due."""
        await asyncio.sleep(self.left())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds after which a server wants to be asked again: told as seconds, or as a day and time; None for neither."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return _seconds_until_date(headers.get("retry-after", ""), headers.get("date", ""))


def _seconds_until_date(then: str, now: str) -> float | None:
    """By the server's own clock where it tells the time: this computer's may be wrong."""
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


def _parallel_left(headers: Mapping[str, str], what: str) -> int | None:
    """How many requests may go out side by side: all that are left, or the share of the tokens that is left."""
    left, most = (_parse_number(headers, f"x-ratelimit-{kind}-{what}") for kind in ("remaining", "limit"))
    if left is None or left < 0:
        return None
    if what == "requests":
        return min(MAX_PARALLEL, int(left))
    return math.ceil(MAX_PARALLEL * min(1.0, left / most)) if most and most > 0 else None


def _seconds_until_reset(headers: Mapping[str, str], what: str) -> float:
    """The seconds until there is room again where nothing is left, told as `6m0s` or `1.5`; 0 where there is room."""
    if _parse_number(headers, f"x-ratelimit-remaining-{what}") != 0:
        return 0.0
    spans = _SPAN.findall(headers.get(f"x-ratelimit-reset-{what}", ""))
    return sum(float(number) * _UNITS[unit] for number, unit in spans)
