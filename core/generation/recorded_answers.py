"""Records a model's answers before its shutdown, and compares them question by question with another model's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from core.checks.json_positions import dumps
from core.dataset import examples
from core.dataset.filters import Filter
from core.exam import fact_points, graders
from core.exam.fact_points import FactPoints
from core.exam.graders import GraderMark
from core.formats import csv_cells
from core.formats.output_files import replace_file
from core.generation import llm_runs, run_recovery
from core.generation.llm_runs import LlmRequest, LlmTask, RequestStatus
from core.language import tr, trn
from core.providers import Message, Sampling, chat_messages, model_kinds, prices
from core.spec import spec
from core.text import normalise, tokenizer

TASK_NAME = "golden"  # the task's name
MIN_ANSWER_TOKENS, MAX_ANSWER_TOKENS = 300, 4096  # the room of an answer, by the length of the one that is expected
SENT_FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id")  # of a row's messages: others are for training

ModelKey = tuple[str, str]  # a provider's id and a model of it


@dataclass(frozen=True, slots=True)
class QuestionToRecord:
    """A question with all messages before it in its row, and the expected answer. `points` make key points where it has none."""

    question: str
    reference: str
    key_points: str
    kind: str
    facts: str
    messages: list[Message]
    points: FactPoints = fact_points.NO_FACTS


@dataclass(frozen=True, slots=True)
class RecordingEstimate:
    """The requests and tokens, estimated from characters, and US dollars; None where the price is not known."""

    requests: int
    sent: int
    received: int
    dollars: float | None


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A model's answer as it is stored, with its question."""

    question: str
    reference: str
    key_points: str
    kind: str
    facts: str
    answer: str
    created_at: float

    def mark(self, answer: str) -> GraderMark:
        """The mark of an answer to its question, as an exam gives it."""
        return graders.by_key_points(answer, self)


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """One question as two models answered it."""

    old: RecordedAnswer
    new: str
    old_mark: GraderMark
    new_mark: GraderMark

    @property
    def agrees(self) -> bool:
        """Whether both say all that they must, or the same."""
        if self.old_mark.passed and self.new_mark.passed:
            return True
        return normalise.normalise(self.old.answer) == normalise.normalise(self.new)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Of `pairs` questions: how many each model answered right, how many agree, and how many were lost and gained."""

    pairs: int
    old_right: int
    new_right: int
    agree: int
    lost: int
    gained: int


def load_questions(db: sqlite3.Connection, all_rows: bool = False) -> list[QuestionToRecord]:
    """The exam questions, with `all_rows` also those of all approved rows; of rows that ask the same, the first."""
    system, found, points = spec.load(db).system_prompt, dict[str, QuestionToRecord](), fact_points.load(db)
    for split in ("test", "") if all_rows else ("test",):
        for row in examples.iterate(db, Filter(split=split, status="approved")):
            if row.question and (row.answer or row.key_points) and row.question not in found:
                messages = _read_messages(row.data, row.question, system)
                found[row.question] = QuestionToRecord(
                    row.question, row.answer, row.key_points, row.kind, row.facts, messages, points
                )
    return list(found.values())


def _read_messages(data: str, question: str, system: str) -> list[Message]:
    """The messages of a row before its last answer, under its own system prompt, else the project's."""
    value: dict[str, Any] = msgspec.json.decode(data)
    compared = value.get("input")
    holder = compared if "messages" not in value and isinstance(compared, dict) else value
    listed = holder.get("messages")
    turns = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    answered = [place for place, one in enumerate(turns) if one.get("role") == "assistant"]
    if holder is value and answered:
        turns = turns[: answered[-1]]
    if not turns or turns[-1].get("role") != "user":
        return chat_messages(system, question)
    turns = [{key: one[key] for key in SENT_FIELDS if one.get(key) is not None} for one in turns]
    has_system = any(one["role"] in ("system", "developer") for one in turns)
    return turns if has_system else [*chat_messages(system, "")[:-1], *turns]


def load_questions_of(db: sqlite3.Connection, model_key: ModelKey) -> list[QuestionToRecord]:
    """The questions that a model has answered, as they can be asked of another."""
    known = {one.question: one.messages for one in load_questions(db, all_rows=True)}
    system = spec.load(db).system_prompt
    return [
        QuestionToRecord(one.question, one.reference, one.key_points, one.kind, one.facts,
                 known.get(one.question) or chat_messages(system, one.question))
        for one in load_answers(db, model_key)
    ]  # fmt: skip


def find_unanswered(
    db: sqlite3.Connection, model_key: ModelKey, questions: Iterable[QuestionToRecord]
) -> list[QuestionToRecord]:
    """The questions that the model has not answered yet, and that no unfinished LLM run asks it."""
    known = {one.question for one in load_answers(db, model_key)}
    for one in run_recovery.load_unfinished(db):
        if (one.task, one.provider, one.model) == (TASK_NAME, *model_key):
            waiting = llm_runs.load_requests(db, one.id, *llm_runs.UNANSWERED, RequestStatus.ANSWERED)
            known |= {request.subject["question"] for request in waiting}
    return [one for one in questions if one.question not in known]


def build_subjects(model_key: ModelKey, questions: Iterable[QuestionToRecord]) -> Iterator[dict[str, Any]]:
    """The subjects of an LLM run, one a question; without key points they are made from the expected answer and its facts."""
    for one in questions:
        points = one.key_points or one.points.suggest(one.reference, one.facts.split(), one.question, one.kind)
        values = {name: getattr(one, name) for name in ("question", "reference", "kind", "facts", "messages")}
        yield {"provider": model_key[0], "model": model_key[1], "key_points": points, **values}


def estimate(model_key: ModelKey, questions: Sequence[QuestionToRecord], free: bool = False) -> RecordingEstimate:
    """The requests, tokens and US dollars that asking these questions will take; `free`: on this computer."""
    sent = sum(
        tokenizer.estimate_tokens(str(message.get("content") or "")) for one in questions for message in one.messages
    )
    received = sum(tokenizer.estimate_tokens(one.reference) for one in questions)
    dollars = 0.0 if free else _estimate_price(model_key[1], round(sent), round(received))
    return RecordingEstimate(len(questions), round(sent), round(received), dollars)


def _estimate_price(model: str, sent: int, received: int) -> float | None:
    found = prices.chat_price(sent, received, model)
    return prices.chat_price(sent, received, model_kinds.base_of(model)) if found is None else found


def _build_messages(_db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    found: list[Message] = request.subject["messages"]
    return found


def _choose_sampling(request: LlmRequest) -> Sampling:
    room = round(3 * tokenizer.estimate_tokens(request.subject["reference"]))
    return Sampling(max_tokens=min(MAX_ANSWER_TOKENS, max(MIN_ANSWER_TOKENS, room)))


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    """Store the answers; a model's first answer to a question stays."""
    now = time.time()
    names = ("provider", "model", "question", "reference", "key_points", "kind", "facts")
    db.executemany(
        f"INSERT INTO golden_answer ({', '.join(names)}, answer, created_at) VALUES ({'?, ' * len(names)}?, ?) "
        "ON CONFLICT (provider, model, question) DO NOTHING",
        ((*(one.subject[name] for name in names), one.replies[0].encode(errors="replace").decode(), now)
         for one in answered),
    )  # fmt: skip
    return trn("{n} answer was recorded.", "{n} answers were recorded.", len(answered))


TASK = LlmTask(
    lambda: tr("Record answers"),
    _build_messages,
    _apply_replies,
    _choose_sampling,
    lambda request: round(tokenizer.estimate_tokens(request.subject["reference"])),
    role="student",
)


def count_answers(db: sqlite3.Connection) -> dict[ModelKey, int]:
    """How many answers of each model are stored, by provider and model."""
    rows = db.execute("SELECT provider, model, count(*) FROM golden_answer GROUP BY provider, model ORDER BY max(id)")
    return {(provider, model): count for provider, model, count in rows}


def load_answers(db: sqlite3.Connection, model_key: ModelKey) -> list[RecordedAnswer]:
    """The recorded answers of a model, in their order."""
    sql = "SELECT question, reference, key_points, kind, facts, answer, created_at FROM golden_answer"
    return [
        RecordedAnswer(*row) for row in db.execute(f"{sql} WHERE provider = ? AND model = ? ORDER BY id", model_key)
    ]


def load_pairs(db: sqlite3.Connection, old: ModelKey, new: ModelKey) -> list[AnswerPair]:
    """The questions that both models have answered, each with both answers and their marks."""
    again = {one.question: one.answer for one in load_answers(db, new)}
    return [
        AnswerPair(one, again[one.question], one.mark(one.answer), one.mark(again[one.question]))
        for one in load_answers(db, old)
        if one.question in again
    ]


def count_teachable(db: sqlite3.Connection, model_key: ModelKey) -> tuple[int, int]:
    """How many stored answers of a model can become rows, and how many of those answer exam questions."""
    held = {row.question for row in examples.iterate(db, Filter(split="test"))}
    found = [one.question for one in load_answers(db, model_key) if one.answer.strip()]
    return len(found), sum(question in held for question in found)


def make_rows(db: sqlite3.Connection, model_key: ModelKey, tag: str) -> int:
    """Add approved training rows with a model's stored answers, and a tag; returns how many.

    A row has the messages before the question, and the model's answer. Questions that a row with the tag asks already
    are left out.
    """
    there = {row.question for row in examples.iterate(db, Filter(split="train", tag=tag))}
    questions = {one.question: one.messages for one in load_questions_of(db, model_key)}
    new_answers = [one for one in load_answers(db, model_key) if one.answer.strip() and one.question not in there]
    examples.add(db, [_build_row(one, questions[one.question], model_key, tag) for one in new_answers])
    return len(new_answers)


def _build_row(answer: RecordedAnswer, before: list[Message], model_key: ModelKey, tag: str) -> examples.Example:
    messages = [*before, {"role": "assistant", "content": answer.answer}]
    text = dumps({"messages": messages})
    return examples.read_row(text, kind=answer.kind, facts=answer.facts, tags=tag, source=model_key[1])


def count_results(pairs: Sequence[AnswerPair]) -> PairCounts:
    """How many of the pairs each model answered right, how many agree, and how many were lost and gained."""
    marks = [(pair.old_mark.passed, pair.new_mark.passed) for pair in pairs]
    return PairCounts(
        len(pairs),
        sum(bool(old) for old, _new in marks),
        sum(bool(new) for _old, new in marks),
        sum(pair.agrees for pair in pairs),
        marks.count((True, False)),
        marks.count((False, True)),
    )


def export(path: Path, pairs: Sequence[AnswerPair], old: ModelKey, new: ModelKey) -> None:
    """Write the pairs as CSV, a line a question. Raises `FormatError` when the disk refuses; an existing file is unchanged then."""
    names = ("question", "reference", "key_points", "kind", "facts")
    head = [*names, "old_model", "old_answer", "old_score", "new_model", "new_answer", "new_score", "agree"]
    with replace_file(path) as file:
        file.write((csv_cells.BOM + csv_cells.write_record(head, ",")).encode())
        for one in pairs:
            texts = [getattr(one.old, name) for name in names]
            texts += [old[1], one.old.answer, f"{one.old_mark.score or 0:.2f}"]
            texts += [new[1], one.new, f"{one.new_mark.score or 0:.2f}", "yes" if one.agrees else "no"]
            file.write(
                csv_cells.write_record([csv_cells.escape_formula(text) for text in texts], ",").encode(errors="replace")
            )
