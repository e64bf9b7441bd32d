"""Training metrics: every number a server reports by step, from its events and its result file, each once."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import itertools
import json
import math
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from core.errors import FormatError
from core.formats import csv_cells
from core.language import tr
from core.lazy_numpy import np, npt
from core.providers import JobEvent, JobStatus

LOSS, ACCURACY = "loss", "mean_token_accuracy"
TOTAL_STEPS = "total_steps"  # kept like a number of its own: a continued job may tell another total
METRIC_SPLITS = ("train", "full_valid", "valid")  # what a number was measured on, as names begin

# Names that servers use for the same number, and where they were seen.
ALIASES = {
    "train_accuracy": "train_mean_token_accuracy",  # OpenAI's result file
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",  # Azure's result file
    "validation_loss": "valid_loss",  # OpenAI's result file before 2023-10
    "training_loss": "train_loss",  # the same
    "training_token_accuracy": "train_mean_token_accuracy",  # the same
    "validation_token_accuracy": "valid_mean_token_accuracy",  # the same
    "valid_accuracy": "valid_mean_token_accuracy",  # beside train_accuracy, from servers that took that name over
    "eval_loss": "valid_loss",  # the Hugging Face trainer, which compatible servers pass on
    "scores.train_reward_mean": "train_mean_reward",  # OpenAI's reinforcement events
    "scores.valid_reward_mean": "valid_mean_reward",  # the same
}

MAX_STEP = 2**31
MAX_VALUE = 1e12
MAX_METRIC_NAMES = 200  # of one event or file; more is not a training's
MAX_NAME_LENGTH = 80
MAX_RESULT_BYTES = 64 * 1024 * 1024
MAX_RESULT_LINES = 250_000
RECENT_EVENTS = 60  # events from which the pace is told
PAUSE_FACTOR = 5  # a gap so many times the usual one is no training: the job paused, or the server told it late
SILENT_SECONDS = 300  # seconds without news (and twenty usual gaps) after which no time is told

_STEP = re.compile(r"\bStep (\d{1,10})(?!\d)(?:/(\d{1,10})(?!\d))?")
_LOSS_IN_MESSAGE = re.compile(r"\b(training|validation) loss=([0-9.eE+-]{1,24})(?![0-9.eE+-])")
_METRIC_EVENTS = (
    "SELECT created_at, message, data FROM job_event WHERE job = ? "
    "AND (data NOT IN ('{}', 'null') OR message GLOB '*Step [0-9]*') ORDER BY id"
)
# The last step of each name, name after name: a look into the index instead of a walk through all numbers.
_LAST_STEP = """
WITH RECURSIVE named (name) AS (
  SELECT min(name) FROM job_metric WHERE job = :job
  UNION ALL SELECT (SELECT min(name) FROM job_metric WHERE job = :job AND name > named.name) FROM named WHERE name IS NOT NULL
) SELECT max((SELECT max(step) FROM job_metric WHERE job = :job AND name = named.name)) FROM named"""

Point = tuple[str, int, float]  # name, step, value


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeries:
    """One metric over the steps of a job, as arrays of equal length; `steps` rise strictly, `values` are finite."""

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class LossPoint:
    """The training loss at a step. `at` is Unix seconds, 0 where only the result file has the step."""

    step: int
    total: int | None
    loss: float
    at: float


def store_events(db: sqlite3.Connection, job: int, events: Iterable[JobEvent]) -> None:
    """Store every number in `events`. Known numbers of a step stay: those of the result file are the exact ones."""
    _import_older_events(db, job)
    _insert(db, job, itertools.chain.from_iterable(_parse_event(event.message, event.data) for event in events))


def merge_results(db: sqlite3.Connection, job: int, data: bytes) -> int:
    """Store the numbers of a job's result file, CSV or CSV in base64; returns how many there were.

    Its numbers take the place of those from events, which were rounded or left out steps. Raises `FormatError` for
    what is no such file, and then changes nothing.
    """
    points = read_results(data)
    _import_older_events(db, job)
    db.executemany(
        "INSERT INTO job_metric (job, name, step, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (job, name, step) DO UPDATE SET value = excluded.value",
        ((job, *point) for point in points),
    )
    return len(points)


def load_series(db: sqlite3.Connection, job: int) -> dict[str, MetricSeries]:
    """All metrics of a job by name. Names are the protocol's (`train_loss`), or the server's own."""
    rows = db.execute(
        "SELECT name, step, value FROM job_metric WHERE job = ? AND name <> ? ORDER BY name, step", (job, TOTAL_STEPS)
    ).fetchall()
    if not rows:
        values_by_point = {
            (name, step): value for name, step, value in reversed(list(_event_points(db, job))) if name != TOTAL_STEPS
        }
        rows = [(name, step, value) for (name, step), value in sorted(values_by_point.items())]
    found = {}
    for name, points in itertools.groupby(rows, key=lambda row: row[0]):
        _names, steps, values = zip(*points, strict=True)
        found[name] = MetricSeries(np.array(steps, np.int64), np.array(values, np.float64))
    return found


def load_losses(db: sqlite3.Connection, job: int) -> list[LossPoint]:
    """The training loss by step."""
    found = load_series(db, job).get("train_loss")
    if found is None:
        return []
    (times, totals), whole = _load_times(db, job), load_total_steps(db, job)
    return [
        LossPoint(step, totals.get(step, whole), value, times.get(step, 0.0))
        for step, value in zip(found.steps.tolist(), found.values.tolist(), strict=True)
    ]


def load_total_steps(db: sqlite3.Connection, job: int) -> int | None:
    """The total number of steps: as last reported, for a succeeded job its last step, else by its settings; None if unknown."""
    last = load_last_step(db, job) or 0
    reported = _load_reported_total(db, job)
    if reported and reported >= last:
        return reported
    status, effective, rows = db.execute(
        "SELECT status, hyperparameters, row_count FROM job WHERE id = ?", (job,)
    ).fetchone()
    if status == JobStatus.SUCCEEDED:
        return last or None
    planned = _compute_planned_total(json.loads(effective), rows)
    return planned if planned and planned >= last else None


def load_last_step(db: sqlite3.Connection, job: int) -> int | None:
    """The newest step with a number; None where there is none."""
    found: int | None = db.execute(_LAST_STEP, {"job": job}).fetchone()[0]
    return found if found is not None else max((step for _name, step, _value in _event_points(db, job)), default=None)


def estimate_seconds_left(db: sqlite3.Connection, job: int, now: float | None = None) -> float | None:
    """The seconds a running job will still take, by the pace of its last events, else by the server's own estimate.

    None where it is not known: the job waits or is paused, or it has reported nothing for long. Between two events the
    time counts down, no further than to the next one.
    """
    now = time.time() if now is None else now
    status, estimate = db.execute("SELECT status, estimated_finish FROM job WHERE id = ?", (job,)).fetchone()
    if status != JobStatus.RUNNING:
        return None
    recent = _last_rising_run(_load_recent(db, job))
    whole = load_total_steps(db, job)
    if whole is None or len(recent) < 3:
        return max(0.0, estimate - now) if estimate and estimate > now else None
    gaps = [(later - sooner, after - before) for (before, sooner), (after, later) in itertools.pairwise(recent)]
    usual = median(seconds for seconds, _steps in gaps)
    if now - recent[-1][1] > max(SILENT_SECONDS, 20 * usual):
        return None
    pace = median(seconds / steps for seconds, steps in gaps)
    steady = [(seconds, steps) for seconds, steps in gaps if seconds <= PAUSE_FACTOR * pace * steps]
    pace = sum(seconds for seconds, _steps in steady) / sum(steps for _seconds, steps in steady)
    return max(0.0, pace * (whole - recent[-1][0]) - min(max(0.0, now - recent[-1][1]), usual))


def split_name(name: str) -> tuple[str, str]:
    """Split a metric's name into what it was measured on (`train`, `valid`, `full_valid`, or '') and the rest."""
    for part in METRIC_SPLITS:
        if name.startswith(f"{part}_"):
            return part, name[len(part) + 1 :]
    return "", name


def measure_title(measure: str) -> str:
    """The title of a measure; one that is not the protocol's is its name with spaces."""
    known = {LOSS: tr("Loss"), ACCURACY: tr("Accuracy"), "mean_reward": tr("Reward")}
    return known.get(measure, measure.replace("_", " "))


def split_title(part: str) -> str:
    """The title of what a metric was measured on; '' where that is not known."""
    known = {"train": tr("training"), "valid": tr("validation"), "full_valid": tr("full validation")}
    return known.get(part, "")


def to_csv(columns: Sequence[tuple[str, MetricSeries]]) -> str:
    """Metrics as CSV: a line for each step that any of them has, empty cells where one has none.

    A heading that a spreadsheet would run as a formula gets a ' before it.
    """
    steps = sorted(set().union(*(one.steps.tolist() for _title, one in columns)))
    known = [dict(zip(one.steps.tolist(), one.values.tolist(), strict=True)) for _title, one in columns]
    lines = [["step", *(csv_cells.escape_formula(title) for title, _one in columns)]]
    lines += [[str(step), *(repr(one[step]) if step in one else "" for one in known)] for step in steps]
    return "".join(csv_cells.write_record(line, ",") for line in lines)


def read_results(data: bytes) -> list[Point]:
    """The numbers of a result file, in the order of its lines. Raises `FormatError` for another file."""
    lines = csv.reader(io.StringIO(_decode_results(data), newline=""))
    try:
        names = _parse_heading(next(lines, []))
        found: dict[tuple[str, int], float] = {}
        for line in lines:
            found.update(((name, step), value) for name, step, value in _parse_line(names, line))
    except csv.Error as error:
        raise _invalid_file(tr("It is not a CSV table.")) from error
    if not found:
        raise _invalid_file(tr("There is no number in it."))
    return [(name, step, value) for (name, step), value in found.items()]


def _decode_results(data: bytes) -> str:
    if len(data) > MAX_RESULT_BYTES:
        raise _invalid_file(tr("It is larger than {n} MB.", n=MAX_RESULT_BYTES // 1024**2))
    if not _is_table(data):
        try:
            packed = b"".join(data.split())
            data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _invalid_file(tr("Its first column is not “step”.")) from error
    if not _is_table(data) or b"\0" in data:
        raise _invalid_file(tr("Its first column is not “step”.") if data else tr("It is empty."))
    if max(data.count(b"\n"), data.count(b"\r")) > MAX_RESULT_LINES:
        raise _invalid_file(tr("It has more than {n} lines.", n=f"{MAX_RESULT_LINES:,}"))
    return data.decode("utf-8-sig", "replace").lstrip()


def _is_table(data: bytes) -> bool:
    return re.match(rb'(\xef\xbb\xbf)?\s*"?step"?\s*,', data, re.IGNORECASE) is not None


def _parse_heading(head: list[str]) -> list[str]:
    if len(head) > MAX_METRIC_NAMES:
        raise _invalid_file(tr("It has more than {n} columns.", n=MAX_METRIC_NAMES))
    return [_normalise_name(name) for name in head]


def _parse_line(names: list[str], line: list[str]) -> Iterator[Point]:
    """The numbers of a line by its headings; where two headings mean the same, the first that is filled counts."""
    step = _parse_step(_parse_cell(line[0])) if line else None
    if step is not None:
        seen: set[str] = set()
        for name, cell in itertools.islice(zip(names, line, strict=False), 1, None):
            value = _parse_cell(cell)
            if name and value is not None and name not in seen:
                seen.add(name)
                yield name, step, value


def _parse_cell(cell: str) -> float | None:
    try:
        return _parse_value(float(cell)) if "_" not in cell else None
    except ValueError:
        return None


def _invalid_file(reason: str) -> FormatError:
    return FormatError(
        tr("The job's result file cannot be read"),
        tr("{reason} The curves show what was reported during the training; nothing was lost.", reason=reason),
    )


def _parse_event(message: str, data: Any) -> Iterator[Point]:
    """The numbers of an event, by the step in its data, else in its message."""
    data = data if isinstance(data, dict) else {}
    step_match = _STEP.search(message)
    step = _parse_step(data.get("step", data.get("step_number")))
    if step is None:
        step = _parse_step(int(step_match[1])) if step_match else None
    if step is None:
        return
    found = [
        (_normalise_name(path), _parse_value(number))
        for path, number in _flatten(data)
        if path not in ("step", "step_number")
    ]
    if step_match and step_match[2]:
        found.append((TOTAL_STEPS, _parse_value(int(step_match[2]))))
    for part, number in _LOSS_IN_MESSAGE.findall(message):  # rounded, so only where the data does not tell
        found.append((_normalise_name(f"{part}_loss"), _parse_cell(number)))
    for name, value in found[:MAX_METRIC_NAMES]:
        if name and value is not None and (name != TOTAL_STEPS or 0 < value < MAX_STEP):
            yield name, step, value


def _flatten(data: dict[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yields plain values by their path: `scores.train_reward_mean`, `scores.graders.NAME.valid_reward_mean`."""
    for key, value in itertools.islice(data.items(), MAX_METRIC_NAMES):
        inner = f"{path}{key}"
        if isinstance(value, list):
            value = {str(one["name"]): one for one in value if isinstance(one, dict) and "name" in one}
        if not isinstance(value, dict):
            yield inner, value
        elif depth < 3:
            yield from _flatten(value, f"{inner}.", depth + 1)


def _normalise_name(name: str) -> str:
    name = "".join(sign for sign in name.strip()[:MAX_NAME_LENGTH] if sign.isprintable())
    return ALIASES.get(name, name)


def _parse_step(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_STEP:
        return None
    return int(value) if value == int(value) else None


def _parse_value(value: object) -> float | None:
    """A number that can be drawn: no NaN, not infinite, not absurdly large; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_VALUE:
        return None
    return float(value)


def _insert(db: sqlite3.Connection, job: int, points: Iterable[Point]) -> None:
    db.executemany(
        "INSERT INTO job_metric (job, name, step, value) VALUES (?, ?, ?, ?) ON CONFLICT (job, name, step) DO NOTHING",
        ((job, *point) for point in points),
    )


def _import_older_events(db: sqlite3.Connection, job: int) -> None:
    """Store the numbers of older events: projects of older versions kept numbers only in their events."""
    if db.execute("SELECT 1 FROM job_metric WHERE job = ? LIMIT 1", (job,)).fetchone() is None:
        _insert(db, job, list(_event_points(db, job)))


def _event_points(db: sqlite3.Connection, job: int) -> Iterator[Point]:
    """The numbers of all events of a job in their order."""
    for _at, message, data in db.execute(_METRIC_EVENTS, (job,)):
        yield from _parse_event(message, json.loads(data))


def _load_times(db: sqlite3.Connection, job: int) -> tuple[dict[int, float], dict[int, int]]:
    """The time (Unix seconds) and the total that each step was reported with."""
    times: dict[int, float] = {}
    totals: dict[int, int] = {}
    for at, message, data in db.execute(_METRIC_EVENTS, (job,)):
        for name, step, value in _parse_event(message, json.loads(data)):
            times.setdefault(step, at)
            if name == TOTAL_STEPS:
                totals.setdefault(step, int(value))
    return times, totals


def _load_recent(db: sqlite3.Connection, job: int) -> list[tuple[int, float]]:
    """Step and time of the last metric events, the oldest first."""
    rows = db.execute(f"{_METRIC_EVENTS} DESC LIMIT {RECENT_EVENTS}", (job,)).fetchall()
    points = [(next(_parse_event(message, json.loads(data)), None), at) for at, message, data in reversed(rows)]
    return [(point[1], at) for point, at in points if point]


def _last_rising_run(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The last run of points in which both step and time rise: a resumed job begins at an earlier step, and clocks may jump."""
    found: list[tuple[int, float]] = []
    for step, at in points:
        if found and step == found[-1][0]:
            continue  # told in two events
        if found and (step < found[-1][0] or at < found[-1][1]):
            found = []
        elif found and at == found[-1][1]:  # several steps in one second: the last of them
            found.pop()
        found.append((step, at))
    return found


def _load_reported_total(db: sqlite3.Connection, job: int) -> int | None:
    sql = "SELECT value FROM job_metric WHERE job = ? AND name = ? ORDER BY step DESC LIMIT 1"
    if row := db.execute(sql, (job, TOTAL_STEPS)).fetchone():
        return int(row[0])
    if db.execute("SELECT 1 FROM job_metric WHERE job = ? LIMIT 1", (job,)).fetchone():
        return None
    return next(
        (int(value) for name, _step, value in reversed(list(_event_points(db, job))) if name == TOTAL_STEPS), None
    )


def _compute_planned_total(effective: dict[str, Any], rows: int) -> int | None:
    """The total number of steps by the epochs and batch size that the server uses, where both are known."""
    epochs, batch = (effective.get(name) for name in ("n_epochs", "batch_size"))
    if not isinstance(epochs, int) or not isinstance(batch, int) or min(epochs, batch, rows) < 1:
        return None
    return math.ceil(rows / batch) * epochs
