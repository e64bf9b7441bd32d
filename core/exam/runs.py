"""Exam runs: questions asked of several models under several conditions, marked, and resumed after an interruption."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

from core.dataset import examples
from core.dataset.filters import Filter
from core.errors import JukuError
from core.exam import fact_marking, judges, prompt_conditions, retrieval, search_baseline
from core.exam import questions as exam_questions
from core.exam.graders import GRADERS
from core.exam.prompt_conditions import PromptBuilder
from core.language import tr
from core.progress import Cancelled, Reporter
from core.providers import LOCAL, Message, Provider, Reply, Sampling, model_identity
from core.providers.prices import chat_price
from core.providers.request_runner import PendingRequest, RequestRunner
from core.review import findings
from core.spec import revisions
from core.storage.project import OnChanges, Project
from core.text.questions.rows import SOURCE
from core.training import lineage

KINDS = ("memorised", "reworded", "reverse", "applied", "combined", "not_stated", "false_premise", "general")
BATCH_PURPOSE = "exam"  # of a batch (core/providers/batches.py)
ESTIMATED_ANSWER_TOKENS = 40  # of a usual answer

Connect = Callable[[str], Awaitable[Provider]]


@dataclass(frozen=True, slots=True)
class ExamSubject:
    """Who is examined: a model of a provider under a condition (core/exam/prompt_conditions.py). `error` is why it gave no answers."""

    provider: str
    model: str
    condition: str = prompt_conditions.CLOSED_BOOK
    id: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """What an exam is to ask of whom. `general` adds questions of everyday knowledge; `judge` is a provider and a model."""

    subjects: Sequence[ExamSubject]
    sampling: Sampling = field(default_factory=Sampling)
    grader: str = "key_points"
    judge: tuple[str, str] | None = None
    general: bool = False
    batch: bool = False
    retrieval: prompt_conditions.RetrievalSettings = field(default_factory=prompt_conditions.RetrievalSettings)


@dataclass(frozen=True, slots=True)
class ExamQuestion:
    """`leak` names the training row that asks the same and how similar it is in per cent: "17 96"; '' where none does.

    `by_rules`: the question was made by rules from the text, and not changed since. `found`: whether the passage that a
    search of the text finds first holds the answer; None where nobody searched (core/exam/search_baseline.py).
    """

    id: int
    question: str
    reference: str
    key_points: str
    kind: str
    facts: str
    leak: str = ""
    by_rules: bool = False
    found: bool | None = None


class ExamStatus(StrEnum):
    """The state of an exam run, as it is stored."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExamRun:
    """`settings` has the rest of the plan: temperature, top_p, max_tokens, seed, retrieval. Times are Unix seconds."""

    id: int
    created_at: float
    finished_at: float | None
    repeats: int
    settings: dict[str, Any]
    status: ExamStatus
    grader: str
    judge: tuple[str, str] | None
    revision: int | None
    batch: bool
    subjects: list[ExamSubject]

    @property
    def sampling(self) -> Sampling:
        """How its answers are sampled."""
        settings = self.settings
        usual = Sampling()
        return Sampling(
            settings["temperature"],
            settings["top_p"],
            settings.get("max_tokens", usual.max_tokens),
            self.repeats,
            settings["seed"],
        )

    @property
    def retrieval(self) -> prompt_conditions.RetrievalSettings:
        """How its passages are found."""
        found = {"encoder": False, **self.settings.get("retrieval", {})}  # an older run knew of no encoder
        return prompt_conditions.RetrievalSettings(**found)


@dataclass(frozen=True, slots=True)
class ExamEstimate:
    """What a subject's answers are expected to take: requests, tokens sent and received, US dollars or None.

    `general` of the requests are about general knowledge.
    """

    subject: ExamSubject
    requests: int
    sent: int
    received: int
    dollars: float | None
    general: int = 0


async def examine(
    project: Project,
    connect: Connect,
    plan: ExamPlan,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
) -> int:
    """Ask every question of every subject, and mark the answers; returns the run's id.

    Answers stay stored when the run is cancelled or fails: `resume` asks for the rest. Raises `JukuError` where there
    are no questions, and as `resume` does.
    """
    id = await begin(project, plan, reporter)
    await resume(project, connect, id, reporter, on_changes)
    return id


async def begin(project: Project, plan: ExamPlan, reporter: Reporter) -> int:
    """Store a run with its subjects, a copy of the questions, and which of them leak; returns the run's id.

    Raises `JukuError` where there are no questions, or the check of the dataset fails.
    """
    await findings.refresh(project, reporter)
    ids: list[int] = []
    await project.write("", lambda db: ids.append(add_run(db, plan)))
    return ids[0]


async def resume(
    project: Project,
    connect: Connect,
    id: int,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
    only: int | None = None,
) -> None:
    """Ask what has not been answered in a run, one subject after the other, then let the judge mark.

    `only` asks just the subject of this id. A subject that fails does not keep the others from being asked. Raises the
    first `JukuError` when every subject failed, the judge's `JukuError`, `KeyError` where there is no such run, and `Cancelled` when the reporter is
    cancelled.
    """
    on_changes(await project.write("", _set_status, id, ExamStatus.RUNNING))
    status, failures = ExamStatus.FAILED, list[JukuError]()
    run, builder = await project.read(lambda db: (load(db, id), _load_prompt_builder(db, id)))
    asked = [subject for subject in run.subjects if only in (None, subject.id)]
    parts = len(asked) + bool(run.judge)
    try:
        known = await project.read(load_questions, id)
        if changes := await search_baseline.measure(project, known, builder, reporter):
            on_changes(changes)
        # One model after the other: the local engine then loads each once.
        for number, subject in enumerate(asked):
            examinee = _Examinee(project, run, subject, builder, on_changes)
            failures += await examinee.ask(connect, reporter.part(number, parts))
        if run.judge:
            judge = await connect(run.judge[0])
            await judges.run_judge(project, judge, run.judge[1], id, reporter.part(parts - 1, parts), on_changes)
        status = ExamStatus.FAILED if failures else ExamStatus.SUCCEEDED
    except (asyncio.CancelledError, Cancelled):
        status = ExamStatus.CANCELLED
        raise
    finally:
        builder.close()
        on_changes(await asyncio.shield(project.write("", _finish, id, status)))
    if failures and len(failures) == len(asked):
        raise failures[0]


@dataclass
class _Examinee:
    """A subject that is asked what it has not answered yet."""

    project: Project
    run: ExamRun
    subject: ExamSubject
    builder: PromptBuilder
    on_changes: OnChanges

    async def ask(self, connect: Connect, reporter: Reporter) -> list[JukuError]:
        """Ask; why it could not be asked to the end is kept with the subject, and returned."""
        reason: list[JukuError] = []
        try:
            await self._ask(await connect(self.subject.provider), reporter)
        except JukuError as error:
            reason.append(error)
        self.on_changes(await self.project.write("", _set_error, self.subject.id, "".join(map(str, reason))))
        return reason

    async def _ask(self, provider: Provider, reporter: Reporter) -> None:
        self._provider = provider
        self.builder.on_pause = reporter.pause
        self._known = {question.id: question for question in await self.project.read(load_questions, self.run.id)}
        self._passages: dict[str, str] = {}  # of each question, as they are kept
        await self._embed()
        runner = RequestRunner(
            self.project, provider, self.subject.model, self._store_reply, reporter, on_changes=self.on_changes,
            stores_empty=True,  # a model that says nothing has answered wrongly, and would say nothing again
        )  # fmt: skip
        if self.run.batch and provider.id != LOCAL:
            await runner.ask_as_batch(BATCH_PURPOSE, self.subject.id, self._load_pending)
        else:
            before = -1
            while (open_ones := await self._load_pending()) and runner.answered > before and not runner.error:
                before = runner.answered  # some servers give one answer however many are wanted
                await runner.ask(open_ones)
        if runner.error:
            raise runner.error

    async def _embed(self) -> None:
        """What retrieval wants to know of all open questions, before they are asked one by one."""
        left = await self.project.read(load_unanswered, self.run, self.subject.id)
        questions = [self._known[id].question for id in left]
        await self.builder.embed(self.project, self.subject.condition, questions, self._provider)

    async def _load_pending(self) -> list[PendingRequest]:
        left = await self.project.read(load_unanswered, self.run, self.subject.id)
        return [
            PendingRequest(
                str(id), partial(self._build_messages, self._known[id]), replace(self.run.sampling, n=missing)
            )
            for id, missing in left.items()
        ]

    async def _build_messages(self, question: ExamQuestion) -> list[Message]:
        prepared = await self.builder.prepare(self.project, self.subject.condition, question.question, self._provider)
        self._passages[str(question.id)] = prompt_conditions.dump_passages(prepared.passages)
        return prepared.messages

    def _store_reply(self, db: sqlite3.Connection, key: str, reply: Reply) -> None:
        model_identity.check_identity(self._provider, self.subject.model, reply)
        _store_answers(db, self.run, self.subject, self._known[int(key)], reply, self._passages.get(key, "[]"))


def load_unanswered(db: sqlite3.Connection, run: ExamRun, subject: int) -> dict[int, int]:
    """The questions of a run that a subject has not answered as often as it should, by id, with the number of missing answers."""
    rows = db.execute(
        "SELECT q.id, ? - count(a.id) FROM eval_question q LEFT JOIN eval_answer a ON a.question = q.id AND a.subject = ? "
        "WHERE q.run = ? GROUP BY q.id HAVING count(a.id) < ? ORDER BY q.id",
        (run.repeats, subject, run.id, run.repeats),
    )
    return dict(rows)


def load_all(db: sqlite3.Connection) -> list[ExamRun]:
    """All runs, the newest first."""
    subjects: dict[int, list[ExamSubject]] = {}
    for run, *values in db.execute(f"{_SUBJECTS} ORDER BY run, position"):
        subjects.setdefault(run, []).append(ExamSubject(*values))
    return [_read_run(row, subjects.get(row[0], [])) for row in db.execute(f"{_RUNS} ORDER BY id DESC")]


def load(db: sqlite3.Connection, id: int) -> ExamRun:
    """One run. Raises `KeyError` where there is none of this id."""
    row = db.execute(f"{_RUNS} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise KeyError(id)
    subjects = db.execute(f"{_SUBJECTS} WHERE run = ? ORDER BY position", (id,))
    return _read_run(row, [ExamSubject(*values) for _run, *values in subjects])


_SUBJECTS = "SELECT run, provider, model, condition, id, error FROM eval_subject"
_RUNS = "SELECT id, created_at, finished_at, repeats, settings, status, grader, judge, revision, batch FROM eval_run"


def _read_run(row: tuple[Any, ...], subjects: list[ExamSubject]) -> ExamRun:
    id, created_at, finished_at, repeats, settings, status, grader, judge, revision, batch = row
    return ExamRun(
        id, created_at, finished_at, repeats, json.loads(settings), ExamStatus(status), grader, _parse_judge(judge),
        revision, bool(batch), subjects,
    )  # fmt: skip


def _parse_judge(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    provider, model = json.loads(text)
    return provider, model


def load_questions(db: sqlite3.Connection, run: int) -> list[ExamQuestion]:
    """The questions of a run, in the order in which they are asked."""
    by_rules = {row.question for row in examples.iterate(db, Filter(split="test", source=SOURCE))}
    rows = db.execute(
        "SELECT id, question, reference, key_points, kind, facts, leak, found FROM eval_question WHERE run = ? ORDER BY id",
        (run,),
    )
    return [ExamQuestion(*(*row, row[1] in by_rules, None if found is None else bool(found))) for *row, found in rows]


def estimate(db: sqlite3.Connection, plan: ExamPlan) -> list[ExamEstimate]:
    """What an exam would cost, estimated from characters: for each subject, in the plan's order."""
    rows = list(exam_questions.load_exam_rows(db, plan.general))
    questions, general = [row.question for row in rows], sum(row.kind == exam_questions.GENERAL for row in rows)
    builder = prompt_conditions.load_prompt_builder(db, plan.retrieval)
    try:
        return [replace(_estimate(plan, subject, questions, builder), general=general) for subject in plan.subjects]
    finally:
        builder.close()


def _estimate(plan: ExamPlan, subject: ExamSubject, questions: Sequence[str], builder: PromptBuilder) -> ExamEstimate:
    before = {
        prompt_conditions.CLOSED_BOOK: 0,
        prompt_conditions.OPEN_BOOK: retrieval.estimate_tokens(builder.text),
        prompt_conditions.RETRIEVED: min(plan.retrieval.budget, retrieval.estimate_tokens(builder.text)),
        prompt_conditions.FEW_SHOT: sum(
            retrieval.estimate_tokens(shot.question + shot.answer) for shot in builder.shots
        ),
    }[subject.condition]
    sent = sum(retrieval.estimate_tokens(builder.system_prompt + question) + before for question in questions)
    received = len(questions) * plan.sampling.n * ESTIMATED_ANSWER_TOKENS
    batch = plan.batch and subject.provider != LOCAL
    dollars = 0.0 if subject.provider == LOCAL else chat_price(sent, received, subject.model, batch)
    return ExamEstimate(subject, len(questions), sent, received, dollars)


def add_run(db: sqlite3.Connection, plan: ExamPlan) -> int:
    """Do what `begin` does, as a part of another write, after the check of the dataset. Raises `JukuError`."""
    assert plan.grader in GRADERS
    revision = revisions.save_current(db, tr("Used in an exam"))
    judge = json.dumps(plan.judge) if plan.judge else ""
    values = (
        time.time(),
        plan.sampling.n,
        _dump_settings(plan),
        ExamStatus.RUNNING,
        plan.grader,
        judge,
        revision,
        plan.batch,
    )
    sql = (
        "INSERT INTO eval_run (created_at, repeats, settings, status, grader, judge, revision, batch) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
    )
    run: int = db.execute(sql, values).fetchone()[0]
    db.executemany(
        "INSERT INTO eval_subject (run, position, provider, model, condition) VALUES (?, ?, ?, ?, ?)",
        [(run, at, one.provider, one.model, one.condition) for at, one in enumerate(plan.subjects)],
    )
    taught = lineage.find_leaked_questions(db, [(one.provider, one.model) for one in plan.subjects])
    exam_questions.store_copy(db, run, exam_questions.load_exam_rows(db, plan.general), taught)
    return run


def add_subject(db: sqlite3.Connection, run: int, subject: ExamSubject) -> int:
    """Add a subject to a run, to be asked the same questions, unless it is there; returns its id.

    Questions that the model is known to have been taught are marked as leaked.
    """
    sql = "SELECT id FROM eval_subject WHERE run = ? AND provider = ? AND model = ? AND condition = ?"
    values = run, subject.provider, subject.model, subject.condition
    if row := db.execute(sql, values).fetchone():
        return int(row[0])
    taught = lineage.find_leaked_questions(db, [(subject.provider, subject.model)])
    exam_questions.mark_leaks(db, run, taught)
    sql = (
        "INSERT INTO eval_subject (run, provider, model, condition, position) "
        "SELECT ?1, ?2, ?3, ?4, max(position) + 1 FROM eval_subject WHERE run = ?1 RETURNING id"
    )
    id: int = db.execute(sql, values).fetchone()[0]
    return id


def _dump_settings(plan: ExamPlan) -> str:
    names = ("temperature", "top_p", "max_tokens", "seed")
    return json.dumps({**{name: getattr(plan.sampling, name) for name in names}, "retrieval": asdict(plan.retrieval)})


def _load_prompt_builder(db: sqlite3.Connection, id: int) -> PromptBuilder:
    """The spec as it was when the run began: a run that goes on later asks under the same conditions."""
    run = load(db, id)
    revision = revisions.load_revision(db, run.revision) if run.revision else None
    return prompt_conditions.load_prompt_builder(db, run.retrieval, revision.spec if revision else None)


def _store_answers(
    db: sqlite3.Connection, run: ExamRun, subject: ExamSubject, question: ExamQuestion, reply: Reply, passages: str
) -> None:
    """Store the samples of a reply with their marks; seconds and tokens of the request are divided among them."""
    sql = "SELECT coalesce(max(sample), -1) + 1 FROM eval_answer WHERE question = ? AND subject = ?"
    (first,) = db.execute(sql, (question.id, subject.id)).fetchone()
    count = len(reply.texts)
    for number, text in enumerate(reply.texts):
        mark = fact_marking.mark_answer(db, run.grader, text, question, question.facts)
        db.execute(
            "INSERT INTO eval_answer (run, question, subject, sample, text, score, passed, reason, reported, fingerprint, "
            "seconds, sent, received, passages) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.id,
                question.id,
                subject.id,
                first + number,
                text.encode(errors="replace").decode(),
                mark.score,
                mark.passed,
                mark.reason,
                reply.model,
                reply.fingerprint,
                reply.seconds / count,
                reply.sent // count,
                reply.tokens // count,
                passages,
            ),
        )


def _set_error(db: sqlite3.Connection, subject: int, error: str) -> None:
    db.execute("UPDATE eval_subject SET error = ? WHERE id = ?", (error, subject))


def _set_status(db: sqlite3.Connection, run: int, status: ExamStatus) -> None:
    db.execute("UPDATE eval_run SET status = ?, finished_at = NULL WHERE id = ?", (status, run))


def _finish(db: sqlite3.Connection, run: int, status: ExamStatus) -> None:
    db.execute("UPDATE eval_run SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), run))


def mark_interrupted(db: sqlite3.Connection) -> None:
    """Mark the runs that were running when the program was killed as cancelled; their answers stay stored."""
    db.execute("UPDATE eval_run SET status = ? WHERE status = ?", (ExamStatus.CANCELLED, ExamStatus.RUNNING))


def delete(db: sqlite3.Connection, run: int) -> None:
    """Delete a run with all its answers and marks."""
    marks = "SELECT id FROM eval_answer WHERE run = ?"
    db.execute(f"DELETE FROM eval_duel WHERE first IN ({marks}) OR second IN ({marks})", (run, run))
    db.execute(f"DELETE FROM eval_mark WHERE answer IN ({marks})", (run,))
    for table in ("eval_answer", "eval_question", "eval_subject"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
    db.execute("DELETE FROM eval_run WHERE id = ?", (run,))
