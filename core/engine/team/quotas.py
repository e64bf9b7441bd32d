"""The limits of users. What is over a limit is refused with 429, and with `Retry-After` where waiting helps."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from core.engine.http.protocol import ApiError, Json, now
from core.engine.private_files import write_whole
from core.engine.team.settings import Limits, SettingsFile
from core.engine.team.users import User

UNFINISHED_JOBS = ("validating_files", "queued", "running", "paused")
JOB_RETRY_SECONDS = 60  # where it is not known when a job ends
SAVE_SECONDS = 10.0  # at most so much of the tokens of a day is lost in a crash

log = logging.getLogger(__name__)


def _over_limit(message: str, kind: str, retry_after: int | None) -> ApiError:
    """The 429 error. `retry_after`: seconds; None where waiting does not help, and clients need not try."""
    if retry_after is None:
        return ApiError(429, message, code="insufficient_quota", headers={"x-should-retry": "false"})
    headers = {"retry-after": str(max(1, retry_after))}
    return ApiError(429, f"{message} Try again in {max(1, retry_after)} s.", code=kind, headers=headers)


def _day_start() -> int:
    return now() // 86400 * 86400


def _until_tomorrow() -> int:
    return _day_start() + 86400 - now()


class Quotas:
    """Counts what users do, and refuses what is too much. Used on the event loop alone.

    The tokens of the day are kept in `HOME/usage.json`; files and jobs are counted where they are stored.
    """

    def __init__(self, home: Path, settings: SettingsFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._settings, self._clock = home / "usage.json", settings, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # requests left, and when they were counted
        self._day, self._tokens = _read_usage(self._path)
        self._saved_at = clock()

    def _limits(self, user: User) -> Limits | None:
        return None if user.is_admin else self._settings.value.limits_of(user)

    def take_request(self, user: User) -> None:
        """Count a request. Raises a 429 error above the requests of a minute."""
        limits = self._limits(user)
        if not limits:
            return
        most, present = limits.requests_per_minute, self._clock()
        left, counted_at = self._buckets.get(user.id, (float(most), present))
        left = min(float(most), left + (present - counted_at) * most / 60)
        if left < 1:
            self._buckets[user.id] = (left, present)
            seconds = math.ceil((1 - left) * 60 / most) if most else 60
            message = f"Rate limit reached: {most} requests per minute."
            raise _over_limit(message, "rate_limit_exceeded", seconds)
        self._buckets[user.id] = (left - 1, present)

    def check_tokens(self, user: User) -> None:
        """Raise a 429 error when the tokens of the day are used up."""
        limits = self._limits(user)
        if limits and self.tokens_today(user) >= limits.tokens_per_day:
            message = f"Rate limit reached: {limits.tokens_per_day} tokens per day."
            raise _over_limit(message, "rate_limit_exceeded", _until_tomorrow())

    def add_tokens(self, user: User, count: int) -> None:
        """Count tokens that were read or written for a user."""
        self._start_day()
        self._tokens[user.id] = self._tokens.get(user.id, 0) + count
        if self._clock() - self._saved_at > SAVE_SECONDS:
            self.save()

    def tokens_today(self, user: User) -> int:
        """The tokens of a user since midnight UTC."""
        self._start_day()
        return self._tokens.get(user.id, 0)

    def _start_day(self) -> None:
        if self._day != _day_start():
            self._day, self._tokens = _day_start(), {}

    def save(self) -> None:
        """Write the tokens of the day to the disk. A full disk stops no answer."""
        self._saved_at = self._clock()
        if not any(self._tokens):  # the engine's own person has no limits to keep
            return
        try:
            write_whole(self._path, json.dumps({"day": self._day, "tokens": self._tokens}).encode())
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)

    def check_bytes(self, user: User, used: Callable[[], int], more: int = 0) -> None:
        """Raise a 429 error when a user's files and exports would be larger than allowed. `used`: their bytes now."""
        limits = self._limits(user)
        if limits and (used_now := used()) + more > limits.file_bytes:
            message = (
                f"Your files and exports may have {limits.file_bytes} bytes in all. They have {used_now}, and this "
                f"would be {more} more. Delete some first."
            )
            raise _over_limit(message, "insufficient_quota", None)

    def check_new_job(self, user: User, jobs: Iterable[Json]) -> None:
        """Raise a 429 error when a user has too many jobs now, or had too many today. `jobs`: all of this user."""
        limits = self._limits(user)
        if not limits:
            return
        jobs = list(jobs)
        unfinished = [job for job in jobs if job["status"] in UNFINISHED_JOBS]
        if len(unfinished) >= limits.jobs_at_once:
            message = f"You have {len(unfinished)} jobs that have not ended, and may have {limits.jobs_at_once}."
            raise _over_limit(message, "rate_limit_exceeded", _seconds_until_end(unfinished))
        if sum(job["created_at"] >= _day_start() for job in jobs) >= limits.jobs_per_day:
            message = f"Rate limit reached: {limits.jobs_per_day} jobs per day."
            raise _over_limit(message, "daily_rate_limit_exceeded", _until_tomorrow())


def _seconds_until_end(jobs: list[Json]) -> int:
    finishes = [job["estimated_finish"] - now() for job in jobs if job.get("estimated_finish")]
    return max(1, min(finishes, default=JOB_RETRY_SECONDS))


def _read_usage(path: Path) -> tuple[int, dict[str, int]]:
    """The day and its tokens by user; a missing or damaged file counts as nothing used."""
    try:
        value = json.loads(path.read_text("utf-8"))
        return int(value["day"]), {str(user): int(count) for user, count in value["tokens"].items()}
    except FileNotFoundError:
        return _day_start(), {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s cannot be read: %s. The tokens of today are counted from now.", path, error)
        return _day_start(), {}
