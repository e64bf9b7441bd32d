"""Finds the times of day and durations of an answer that follow from given ones: 15:30 and 50 minutes are 16:20."""

from collections.abc import Iterable
from itertools import combinations

from core.lazy_loading import lazy_pattern
from core.text import quantities
from core.text.normalise import normalise

MAX_TIMES = 8  # times of day, and durations, that are added to each other
MAX_CHARACTERS = 2000  # of a text that is read
MINUTES_OF_A_DAY = 24 * 60
CLOCK_WORDS = ("", "時", "am", "pm", "oclock", "minute", "hour", "分")  # what is after a figure of a time or a duration

_CLOCK = lazy_pattern(r"(?<![\d.])(\d{1,2})h(\d\d)")
_DURATION = lazy_pattern(r"(?<![\d.])(\d{1,6}) second")


def find_explained_values(answer: str, question: str, basis: tuple[str, ...]) -> frozenset[float]:
    """The hours and minutes of each time and duration in `answer` that follows from the times and durations given.

    A time follows as another one plus or minus one duration or two; a duration, as what is between two times.
    """
    times, durations = _read_times([question, *basis])
    said, lengths = _read_times([answer])
    if not (said or lengths) or not times:
        return frozenset()
    spans = [*durations, *(one + other for one, other in combinations(durations, 2))]
    reached = {(time + sign * span) % MINUTES_OF_A_DAY for time in times for span in spans for sign in (1, -1)}
    between = {abs(one - other) for one, other in combinations(times, 2)}
    explained = {value for time in said if _is_among(time, reached) for value in _list_clock_values(time)}
    explained |= {value for length in lengths if length in between for value in (*divmod(length, 60), length)}
    return frozenset(map(float, explained))


def _read_times(texts: Iterable[str]) -> tuple[list[int], list[int]]:
    """The times of day of some texts, and their durations, both in minutes."""
    times: dict[int, None] = {}
    durations: dict[int, None] = {}
    for text in texts:
        spelt = normalise(quantities.spell_out(text[:MAX_CHARACTERS]))
        normal = quantities.convert_to_smallest_unit(quantities.normalise_quantities(spelt))
        times |= dict.fromkeys(int(found[1]) * 60 + int(found[2]) for found in _CLOCK.finditer(normal))
        durations |= dict.fromkeys(int(found[1]) // 60 for found in _DURATION.finditer(normal))
    return list(times)[:MAX_TIMES], list(durations)[:MAX_TIMES]


def _is_among(time: int, reached: set[int]) -> bool:
    """Whether a time is reached, also by the face of a clock: 4:20 for 16:20."""
    return time in reached or (time < MINUTES_OF_A_DAY // 2 and time + MINUTES_OF_A_DAY // 2 in reached)


def _list_clock_values(time: int) -> tuple[int, ...]:
    """The numbers with which a time is written, by a clock of 24 or of 12 hours."""
    hour, minute = divmod(time, 60)
    return hour, minute, hour % 12 or 12
