"""LLM runs that were interrupted by a crash, a cancel or an error: found again, to be continued or dropped."""

import sqlite3
from dataclasses import dataclass

from core.generation import llm_runs
from core.generation.llm_runs import LlmRun, LlmRunStatus, RequestStatus
from core.providers import batches


@dataclass(frozen=True, slots=True)
class InterruptedRun:
    """An LLM run with requests that were not answered, or with replies that were not applied.

    `total` counts all its requests, `at_server` those in a batch that a server is processing; `reason` is the last error.
    """

    llm_run: LlmRun
    total: int
    reason: str
    at_server: int = 0

    @property
    def missing(self) -> int:
        """How many requests have no answer."""
        return self.llm_run.waiting + self.llm_run.failed


def load_unfinished(db: sqlite3.Connection) -> list[LlmRun]:
    """The LLM runs with requests that were not answered, or with replies that were not applied, the newest first."""
    return [
        one
        for one in llm_runs.load_all(db)
        if one.status != LlmRunStatus.DROPPED and (one.waiting or one.answered or one.failed)
    ]


def load_newest(db: sqlite3.Connection, task: str) -> InterruptedRun | None:
    """The newest unfinished LLM run of `task`, which is offered again; None where there is none."""
    found = next((one for one in load_unfinished(db) if one.task == task), None)
    if found is None:
        return None
    applied = llm_runs.load_requests(db, found.id, RequestStatus.LANDED)
    failed = llm_runs.load_requests(db, found.id, RequestStatus.FAILED)
    total = len(applied) + found.answered + found.waiting + found.failed
    at_server = sum(batch.total for batch in batches.list_unmerged(db, llm_runs.BATCH_PURPOSE, found.id))
    return InterruptedRun(found, total, failed[-1].error if failed else "", at_server)


def load_sent_batches(db: sqlite3.Connection) -> list[LlmRun]:
    """The unfinished LLM runs whose batches a server is processing, the oldest first."""
    unfinished = reversed(load_unfinished(db))
    return [one for one in unfinished if one.batch and batches.list_unmerged(db, llm_runs.BATCH_PURPOSE, one.id)]


def drop(db: sqlite3.Connection, id: int) -> None:
    """Do not offer an LLM run again; its replies stay stored."""
    db.execute("UPDATE inquiry SET status = ? WHERE id = ?", (LlmRunStatus.DROPPED, id))
