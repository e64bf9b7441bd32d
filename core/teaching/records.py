"""The records of runs of teaching until learned: the plan, the probe questions, each round and its answers, in the project."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from core.exam import fact_marking
from core.exam.scores import PASS_SHARE
from core.exam.statistics import PassRate
from core.storage.schema import Table
from core.teaching.stopping import RULES, RoundResult, StoppingRules, StopReason

TABLES = {Table.TEACHING, Table.TEACHING_PROBE, Table.TEACHING_ROUND, Table.TEACHING_ANSWER}
GRADER = "key_points"
DEFAULT_MINUTES, DEFAULT_ROUNDS, DEFAULT_TARGET = 30.0, 5, 0.9


@dataclass(frozen=True, slots=True)
class TeachingPlan:
    """What a person wants: which base model is taught until what, and by which means (`stopping.MEANS`).

    `everyday` adds everyday questions with the base model's answers in the first round; `general` asks general questions
    in the exam at the end. `hyperparameters` and `seed` are those of each training job.
    """

    provider: str
    model: str
    minutes: float = DEFAULT_MINUTES
    rounds: int = DEFAULT_ROUNDS
    target: float = DEFAULT_TARGET
    means: tuple[str, ...] = (RULES,)
    everyday: bool = False
    general: bool = True
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int | None = 1

    @property
    def stopping_rules(self) -> StoppingRules:
        """When the loop ends."""
        return StoppingRules(60 * self.minutes, self.rounds, self.target)


class TeachingStatus(StrEnum):
    """The state of a run. One that is `RUNNING` though nothing works on it was interrupted, and can be continued."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TeachingRound:
    """A round as it is stored; `job` is its training job. It is `done` when all its probe questions were answered."""

    number: int
    means: str
    rows: int
    drafts: int  # rows with doubts, which were left as drafts
    taught: frozenset[str]
    seconds: float  # of the budget that were used when it began; of a round that is done what it took
    job: int | None = None
    model: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class TeachingRun:
    """A run: its plan, state, rounds, and the names of the facts that are followed.

    `seconds` are used of the budget; `reason` is why no round comes any more; `exam` is the exam at the end. `left_out`
    are facts of which no wording could be kept to follow them.
    """

    id: int
    created_at: float
    plan: TeachingPlan
    status: TeachingStatus
    reason: StopReason | None
    error: str
    seconds: float
    exam: int | None
    left_out: tuple[str, ...]
    facts: tuple[str, ...]
    rounds: tuple[TeachingRound, ...]
    results: tuple[RoundResult, ...]

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to continue."""
        return self.status == TeachingStatus.ENDED


@dataclass(frozen=True, slots=True)
class Probe:
    """A question that decides whether a fact is learned: neither trained on nor asked in the exam."""

    id: int
    question: str
    reference: str
    key_points: str
    kind: str
    fact: str


def add(db: sqlite3.Connection, plan: TeachingPlan, probes: Iterable[Probe], left_out: Sequence[str]) -> int:
    """Store a new run with its probe questions; returns its id."""
    sql = (
        "INSERT INTO teaching (created_at, plan, status, reason, error, seconds, left_out) "
        "VALUES (?, ?, ?, '', '', 0, ?) RETURNING id"
    )
    values = time.time(), json.dumps(asdict(plan)), TeachingStatus.RUNNING, " ".join(left_out)
    id: int = db.execute(sql, values).fetchone()[0]
    db.executemany(
        "INSERT INTO teaching_probe (run, question, reference, key_points, kind, fact) VALUES (?, ?, ?, ?, ?, ?)",
        [(id, one.question, one.reference, one.key_points, one.kind, one.fact) for one in probes],
    )
    return id


def set_status(db: sqlite3.Connection, id: int, status: TeachingStatus, error: str = "") -> None:
    """Set the state of a run, and why it failed."""
    db.execute("UPDATE teaching SET status = ?, error = ? WHERE id = ?", (status, error, id))


def set_reason(db: sqlite3.Connection, id: int, reason: StopReason) -> None:
    """Note that no further round comes, and why."""
    db.execute("UPDATE teaching SET reason = ? WHERE id = ?", (reason, id))


def set_exam(db: sqlite3.Connection, id: int, exam: int) -> None:
    """Note the exam at the end."""
    db.execute("UPDATE teaching SET exam = ? WHERE id = ?", (exam, id))


def add_seconds(db: sqlite3.Connection, id: int, seconds: float) -> None:
    """Add to what is used of the budget."""
    db.execute("UPDATE teaching SET seconds = seconds + ? WHERE id = ?", (seconds, id))


def begin_round(db: sqlite3.Connection, id: int, one: TeachingRound) -> None:
    """Store a new round of a run."""
    taught = " ".join(sorted(one.taught))
    (used,) = db.execute("SELECT seconds FROM teaching WHERE id = ?", (id,)).fetchone()
    db.execute(
        "INSERT INTO teaching_round (run, number, means, row_count, drafts, taught, seconds, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (id, one.number, one.means, one.rows, one.drafts, taught, used, one.model),
    )


def set_job(db: sqlite3.Connection, id: int, number: int, job: int) -> None:
    """Note the training job of a round."""
    db.execute("UPDATE teaching_round SET job = ? WHERE run = ? AND number = ?", (job, id, number))


def set_model(db: sqlite3.Connection, id: int, number: int, model: str) -> None:
    """Note the model that the training job of a round has made."""
    db.execute("UPDATE teaching_round SET model = ? WHERE run = ? AND number = ?", (model, id, number))


def end_round(db: sqlite3.Connection, id: int, number: int) -> None:
    """Note that all probe questions of a round were answered, and how many seconds it took."""
    db.execute(
        "UPDATE teaching_round SET done = 1, seconds = (SELECT seconds FROM teaching WHERE id = run) - seconds "
        "WHERE run = ? AND number = ? AND NOT done",
        (id, number),
    )


def load_probes(db: sqlite3.Connection, id: int) -> list[Probe]:
    """The probe questions of a run."""
    sql = "SELECT id, question, reference, key_points, kind, fact FROM teaching_probe WHERE run = ? ORDER BY id"
    return [Probe(*row) for row in db.execute(sql, (id,))]


def load_unanswered(db: sqlite3.Connection, id: int, number: int) -> list[Probe]:
    """The probe questions that the model of a round has not answered yet."""
    answered = {
        probe for (probe,) in db.execute("SELECT probe FROM teaching_answer WHERE run = ? AND round = ?", (id, number))
    }
    return [one for one in load_probes(db, id) if one.id not in answered]


def store_answer(db: sqlite3.Connection, id: int, number: int, probe: Probe, text: str) -> None:
    """Store the answer of a round's model to a probe question, with its mark."""
    mark = fact_marking.mark_answer(db, GRADER, text, probe, probe.fact)
    db.execute(
        "INSERT INTO teaching_answer (run, round, probe, text, passed) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (run, round, probe) DO NOTHING",
        (id, number, probe.id, text.encode(errors="replace").decode(), bool(mark.passed)),
    )


def load(db: sqlite3.Connection, id: int) -> TeachingRun:
    """One run. Raises `KeyError` where there is none of this id."""
    row = db.execute(f"{_RUNS} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise KeyError(id)
    return _read_run(db, row)


def load_newest(db: sqlite3.Connection) -> TeachingRun | None:
    """The run that was begun last; None where there is none."""
    row = db.execute(f"{_RUNS} ORDER BY id DESC LIMIT 1").fetchone()
    return _read_run(db, row) if row else None


_RUNS = "SELECT id, created_at, plan, status, reason, error, seconds, exam, left_out FROM teaching"


def _read_run(db: sqlite3.Connection, row: tuple[Any, ...]) -> TeachingRun:
    id, created_at, plan, status, reason, error, seconds, exam, left_out = row
    values = json.loads(plan)
    wanted = TeachingPlan(**{**values, "means": tuple(values["means"])})
    rounds = _load_rounds(db, id)
    facts = dict.fromkeys(one.fact for one in load_probes(db, id))
    return TeachingRun(
        id, created_at, wanted, TeachingStatus(status), StopReason(reason) if reason else None, error, seconds, exam,
        tuple(left_out.split()), tuple(facts), rounds, tuple(_load_results(db, id, rounds)),
    )  # fmt: skip


def _load_rounds(db: sqlite3.Connection, id: int) -> tuple[TeachingRound, ...]:
    sql = (
        "SELECT number, means, row_count, drafts, taught, seconds, job, model, done FROM teaching_round WHERE run = ? "
        "ORDER BY number"
    )
    return tuple(
        TeachingRound(number, means, rows, drafts, frozenset(taught.split()), seconds, job, model, bool(done))
        for number, means, rows, drafts, taught, seconds, job, model, done in db.execute(sql, (id,))
    )


def _load_results(db: sqlite3.Connection, id: int, rounds: Sequence[TeachingRound]) -> Iterable[RoundResult]:
    counts: dict[int, dict[str, tuple[int, int]]] = {}
    sql = (
        "SELECT a.round, p.fact, sum(a.passed), count(*) FROM teaching_answer a JOIN teaching_probe p ON p.id = a.probe "
        "WHERE a.run = ? GROUP BY 1, 2"
    )
    for number, fact, passed, asked in db.execute(sql, (id,)):
        counts.setdefault(number, {})[fact] = passed, asked
    for one in rounds:
        if one.done:
            own = counts.get(one.number, {})
            recall = PassRate.of(*zip(*own.values(), strict=True)) if own else PassRate()
            learned = frozenset(fact for fact, (passed, asked) in own.items() if passed > PASS_SHARE * asked)
            yield RoundResult(one.number, one.means, one.rows, one.taught, recall, learned, one.seconds, one.model)
