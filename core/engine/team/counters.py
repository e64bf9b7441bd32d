"""What the engine counts for `/metrics`: plain numbers, kept whether or not anybody asks for them."""

import bisect
from collections import Counter
from dataclasses import dataclass, field

SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)  # upper bounds of the histogram's buckets


@dataclass
class Duration:
    """The histogram of one route. `buckets`: requests by bucket, the last for those above all bounds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one request."""
        self.buckets[bisect.bisect_left(SECONDS, seconds)] += 1
        self.total_seconds += seconds


@dataclass
class Counters:
    """Since the engine's start. `requests`: by method, route and status. `durations`: by route. `tokens`: by user id and
    kind (prompt, completion)."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    durations: dict[str, Duration] = field(default_factory=dict)
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_progress: int = 0

    def add_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that has ended."""
        self.requests[method, route, status] += 1
        self.durations.setdefault(route, Duration()).add(seconds)
