"""Exams: the held-out questions put to several models, marked, and set side by side."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from core import chat, dataset, facts, grading, spec
from core.errors import JukuError
from core.language import tr
from core.progress import Cancelled, Reporter
from core.project import Changes, Project
from core.providers import Provider, Reply, Sampling

PARALLEL = 8  # requests at once; the local engine answers that many in one batch
KINDS = ("memorised", "reworded", "reverse", "applied", "not_stated", "general")

OnChanges = Callable[[Changes], None]


@dataclass(frozen=True, slots=True)
class Question:
    id: int
    question: str
    reference: str
    key_points: str
    kind: str
    facts: str


@dataclass(frozen=True, slots=True)
class Answer:
    question: int
    model: str
    sample: int
    text: str
    score: float
    passed: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Run:
    id: int
    created_at: float
    finished_at: float | None
    models: list[str]
    repeats: int
    status: str


@dataclass(frozen=True, slots=True)
class Rate:
    """`passed` of `asked` answers were right."""

    passed: int = 0
    asked: int = 0

    def add(self, passed: bool) -> "Rate":
        return Rate(self.passed + passed, self.asked + 1)

    @property
    def share(self) -> float:
        return self.passed / self.asked if self.asked else 0.0

    def __str__(self) -> str:
        return f"{self.passed}/{self.asked}" if self.asked else "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a result: a kind, a fact, or a question, and its rate per model in the run's order."""

    name: str
    text: str
    rates: list[Rate]

    def change(self, model: int) -> int:
        """1 when `model` mostly passes where the first mostly fails, -1 the other way round, else 0.

        What one of the two was not asked (yet) is no change.
        """
        if not self.rates[model].asked or not self.rates[0].asked:
            return 0
        return (self.rates[model].share > 0.5) - (self.rates[0].share > 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    run: Run
    kinds: list[Row]
    facts: list[Row]
    questions: list[Row]

    def gained(self, model: int) -> list[Row]:
        """What `model` knows and the first model does not: facts, then general questions."""
        return [row for row in self._units() if row.change(model) > 0]

    def lost(self, model: int) -> list[Row]:
        return [row for row in self._units() if row.change(model) < 0]

    def _units(self) -> list[Row]:
        return self.facts + [row for row in self.questions if row.name == "general"]


async def examine(
    project: Project,
    provider: Provider,
    models: list[str],
    sampling: Sampling,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
) -> int:
    """Ask every question of every model `sampling.n` times, mark the answers; returns the run's id.

    What has been answered is kept when the run is cancelled or fails. Raises `JukuError` without questions.
    """
    on_changes(await project.write("", _start, models, sampling))
    run = (await project.read(runs))[0]
    asked = await project.read(questions, run.id)
    system_prompt = (await project.read(spec.load)).system_prompt
    done, total, status = 0, len(asked) * len(models), "failed"

    async def ask(model: str, question: Question) -> None:
        nonlocal done
        reply = await provider.chat(model, chat.messages(system_prompt, question.question), sampling)
        on_changes(await project.write("", _keep, run.id, question, model, reply))
        done += 1
        reporter.update(done, total)

    try:
        # One model after the other: the local engine then loads each once.
        for model in models:
            await _for_each(asked, partial(ask, model))
        status = "succeeded"
    except (asyncio.CancelledError, Cancelled):
        status = "cancelled"
        raise
    finally:
        on_changes(await asyncio.shield(project.write("", _finish, run.id, status)))
    return run.id


async def _for_each(questions: Iterable[Question], ask: Callable[[Question], Coroutine[Any, Any, None]]) -> None:
    """Await `ask` of all questions, `PARALLEL` at a time. The first failure cancels the others and is raised."""
    gate = asyncio.Semaphore(PARALLEL)

    async def gated(question: Question) -> None:
        async with gate:
            await ask(question)

    try:
        async with asyncio.TaskGroup() as group:
            for question in questions:
                group.create_task(gated(question))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def runs(db: sqlite3.Connection) -> list[Run]:
    """All runs, the newest first."""
    rows = db.execute("SELECT id, created_at, finished_at, models, repeats, status FROM eval_run ORDER BY id DESC")
    return [
        Run(id, created, finished, json.loads(models), n, status) for id, created, finished, models, n, status in rows
    ]


def questions(db: sqlite3.Connection, run: int) -> list[Question]:
    rows = db.execute(
        "SELECT id, question, reference, key_points, kind, facts FROM eval_question WHERE run = ? ORDER BY id", (run,)
    )
    return [Question(*row) for row in rows]


def answers(db: sqlite3.Connection, run: int) -> list[Answer]:
    rows = db.execute(
        "SELECT question, model, sample, text, score, passed, fingerprint FROM eval_answer WHERE run = ? ORDER BY id",
        (run,),
    )
    return [
        Answer(question, model, n, text, score, bool(passed), print)
        for question, model, n, text, score, passed, print in rows
    ]


def result(db: sqlite3.Connection, run: Run) -> Result:
    """The rates of a run by kind, by fact and by question, each per model."""
    asked = questions(db, run.id)
    given: dict[tuple[int, str], Rate] = {}
    for answer in answers(db, run.id):
        key = answer.question, answer.model
        given[key] = given.get(key, Rate()).add(answer.passed)

    def rates(chosen: list[Question]) -> list[Rate]:
        return [_total(given.get((question.id, model), Rate()) for question in chosen) for model in run.models]

    kinds = [kind for kind in KINDS if any(question.kind == kind for question in asked)]
    texts = {fact.name: fact.text for fact in facts.load(db)}
    names = dict.fromkeys(name for question in asked for name in question.facts.split())
    return Result(
        run,
        [Row(kind, "", rates([q for q in asked if q.kind == kind])) for kind in kinds],
        [
            Row(name, texts.get(name, ""), rates([q for q in asked if name in q.facts.split()]))
            for name in sorted(names)
        ],
        [Row(question.kind, question.question, rates([question])) for question in asked],
    )


def _total(rates: Iterable[Rate]) -> Rate:
    found = list(rates)
    return Rate(sum(rate.passed for rate in found), sum(rate.asked for rate in found))


def _start(db: sqlite3.Connection, models: list[str], sampling: Sampling) -> None:
    """Begin a run with a copy of the project's exam questions."""
    settings = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
    (run,) = db.execute(
        "INSERT INTO eval_run (created_at, models, repeats, settings, status) VALUES (?, ?, ?, ?, 'running') RETURNING id",
        (time.time(), json.dumps(models), sampling.n, json.dumps(settings)),
    ).fetchone()
    asked = dataset.examples(db, dataset.Filter(split="test", status="approved"))
    db.executemany(
        "INSERT INTO eval_question (run, question, reference, key_points, kind, facts) VALUES (?, ?, ?, ?, ?, ?)",
        ((run, row.question, row.answer, row.key_points, row.kind, row.facts) for row in asked if row.question),
    )
    if not db.execute("SELECT 1 FROM eval_question WHERE run = ?", (run,)).fetchone():
        raise JukuError(
            tr("There are no exam questions"),
            tr("Set the split of some rows to “test” in the examples tab; they are never trained on."),
        )


def _keep(db: sqlite3.Connection, run: int, question: Question, model: str, reply: Reply) -> None:
    for sample, text in enumerate(reply.texts):
        grade = grading.grade(text, question.key_points or question.reference)
        db.execute(
            "INSERT INTO eval_answer (run, question, model, sample, text, score, passed, fingerprint) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (run, question.id, model, sample, text, grade.score, grade.passed, reply.fingerprint),
        )


def mark_interrupted(db: sqlite3.Connection) -> None:
    """A run that was going on when the program was killed is not running any more; its answers are kept."""
    db.execute("UPDATE eval_run SET status = 'cancelled' WHERE status = 'running'")


def _finish(db: sqlite3.Connection, run: int, status: str) -> None:
    db.execute("UPDATE eval_run SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), run))
