"""About how long an exam takes: by the pace of the last exam of the same models, else by the size of a local model."""

import sqlite3
from collections.abc import Mapping, Sequence

from core.exam import answers, runs
from core.exam.runs import ExamEstimate, ExamStatus
from core.providers import LOCAL, model_kinds

# Tokens that are read take less than tokens that are written: about a tenth on a processor with the models of the catalog.
READ_SHARE = 0.1
BYTES_PER_SECOND = 8e9  # of weights that a processor reads: each token needs all of them
USUAL_LOCAL_BYTES = 500_000_000  # of a base model whose size is not known
LOAD_SECONDS = (
    20.0  # until a local model has given its first answer: 5 when it is loaded, 50 on a busy machine when it is not
)
SERVER_SECONDS = 0.5  # for an answer of a server that was never examined: several are asked at a time
MAX_OFF = 10.0  # times longer than the guess: then the last exam had a pause in it


def estimate_seconds(
    db: sqlite3.Connection, found: Sequence[ExamEstimate], repeats: int, sizes: Mapping[str, int]
) -> float:
    """Seconds for all answers, without a judge. `sizes` are the bytes of base models of this computer, by their names."""
    paces = _load_paces(db)
    total = LOAD_SECONDS if any(one.subject.provider == LOCAL for one in found) else 0.0
    for one in found:
        guess = _guess(one, repeats, sizes)
        pace = paces.get((one.subject.provider, model_kinds.base_of(one.subject.model)))
        total += guess if pace is None else min(pace * one.requests * repeats, MAX_OFF * guess)
    return total


def _guess(one: ExamEstimate, repeats: int, sizes: Mapping[str, int]) -> float:
    if one.subject.provider != LOCAL:
        return SERVER_SECONDS * one.requests * repeats
    size = sizes.get(model_kinds.base_of(one.subject.model)) or USUAL_LOCAL_BYTES
    return (one.sent * repeats * READ_SHARE + one.received) * size / BYTES_PER_SECOND


def _load_paces(db: sqlite3.Connection) -> dict[tuple[str, str], float]:
    """Seconds for an answer, by provider and base model, of the last exam in which these alone were asked."""
    counts, found = answers.count_by_run(db), dict[tuple[str, str], float]()
    for run in runs.load_all(db):
        keys = {(one.provider, model_kinds.base_of(one.model)) for one in run.subjects}
        done = counts.get(run.id, (0, 0))[0]
        if len(keys) == 1 and run.status == ExamStatus.SUCCEEDED and run.finished_at and done and not run.batch:
            key, seconds = keys.pop(), run.finished_at - run.created_at
            loading = LOAD_SECONDS if key[0] == LOCAL else 0.0
            found.setdefault(key, max(seconds - loading, seconds / 4) / done)
    return found
