"""Makes up an exam with any number of stored answers, as a run would have left it: base and tuned, by heart and with the book."""

import json
import random
import sqlite3

from core.exam.prompt_conditions import CLOSED_BOOK, FEW_SHOT, OPEN_BOOK, RETRIEVED
from core.spec import facts, revisions, spec
from core.spec.spec import Spec

KINDS = ("memorised", "reworded", "reverse", "applied", "not_stated", "general")
BASE, TUNED = "base-135m", "ft:base-135m:local:study:1"
SUBJECTS = (  # model, condition, the share of right answers
    (BASE, CLOSED_BOOK, 0.2), (BASE, OPEN_BOOK, 0.7), (BASE, RETRIEVED, 0.6), (BASE, FEW_SHOT, 0.25), (TUNED, CLOSED_BOOK, 0.8),
)  # fmt: skip
COLUMNS = "run, question, subject, sample, text, score, passed, reason, reported, fingerprint, seconds, sent, received, passages"


def fill(
    db: sqlite3.Connection, questions: int = 12, repeats: int = 2, of_fact: int = 3, texts: int = 8, seed: int = 1
) -> int:
    """A spec with its facts, a job with two checkpoints, and a run of `questions` × five subjects × `repeats`; its id.

    There are so many different `texts` of answers to a question.
    """
    chance, count = random.Random(seed), -(-questions // of_fact)
    spec.store(
        db, Spec("Hobannu", "en", "Answer briefly.", "".join(f"Rule {n}: {n} points.\n\n" for n in range(count)))
    )
    facts.add_all(db, [(f"Rule {n} is worth {n} points.", f"Rule {n}: {n} points.") for n in range(count)])
    _job(db)
    run = _run(db, repeats, revisions.save_current(db, "Examined"))
    subjects = _subjects(db, run)
    asked = [_question(db, run, number, of_fact) for number in range(questions)]
    rows = (
        _answer(chance, run, question, subject, sample, share, texts)
        for subject, share in subjects
        for question in asked
        for sample in range(repeats)
    )
    db.executemany(f"INSERT INTO eval_answer ({COLUMNS}) VALUES ({', '.join('?' * 14)})", rows)
    sql = "INSERT INTO eval_mark SELECT id, 'judge', passed, passed, 'As the reference says.', 0 FROM eval_answer WHERE id % 7"
    db.execute(sql)
    db.execute("INSERT INTO eval_mark SELECT id, 'person', 0.9, passed, '', 0 FROM eval_answer WHERE id % 50 = 1")
    return run


def _job(db: sqlite3.Connection) -> None:
    version = db.execute("INSERT INTO version (name, created_at, rows) VALUES ('First rows', 0, 40) RETURNING id")
    values = version.fetchone()[0], TUNED, json.dumps({"suffix": "study"})
    sql = (
        "INSERT INTO job (provider, token, model, rows, row_count, settings, created_at, status, fine_tuned_model, error, version) "
        "SELECT 'local', 't', 'base-135m', 'study', 40, ?3, 0, 'succeeded', ?2, '', ?1 RETURNING id"
    )
    (job,) = db.execute(sql, values).fetchone()
    checkpoints = [(job, f"c{step}", f"{TUNED}:ckpt-step-{step}", step) for step in (10, 20)]
    db.executemany("INSERT INTO job_checkpoint VALUES (?, ?, ?, ?, '{}', 0)", checkpoints)
    db.execute("INSERT INTO job_metric VALUES (?, 'train_loss', 30, 0.5)", (job,))


def _run(db: sqlite3.Connection, repeats: int, revision: int) -> int:
    retrieval = {"k": 4, "budget": 800, "embedding": "", "shots": 5}
    settings = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 80, "seed": 1, "retrieval": retrieval}
    values = 1764201600.0, 1764205200.0, repeats, json.dumps(settings), json.dumps(["local", "judge-model"]), revision
    sql = (
        "INSERT INTO eval_run (created_at, finished_at, repeats, settings, status, grader, judge, revision) "
        "VALUES (?, ?, ?, ?, 'succeeded', 'key_points', ?, ?) RETURNING id"
    )
    id: int = db.execute(sql, values).fetchone()[0]
    return id


def _subjects(db: sqlite3.Connection, run: int) -> list[tuple[int, float]]:
    sql = (
        "INSERT INTO eval_subject (run, position, provider, model, condition) VALUES (?, ?, 'local', ?, ?) RETURNING id"
    )
    return [
        (db.execute(sql, (run, at, model, condition)).fetchone()[0], share)
        for at, (model, condition, share) in enumerate(SUBJECTS)
    ]


def _question(db: sqlite3.Connection, run: int, number: int, of_fact: int) -> tuple[int, int]:
    kind = KINDS[number % len(KINDS)]
    worth, name = number // of_fact, "" if kind == "general" else f"f{number // of_fact + 1:02d}"
    leak = f"{number + 1} 97" if number % 20 == 7 else ""
    values = (
        run,
        f"How many points is rule {worth} worth ({number})?",
        f"{worth} points.",
        f"{worth} points",
        kind,
        name,
        leak,
    )
    sql = "INSERT INTO eval_question (run, question, reference, key_points, kind, facts, leak) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
    return db.execute(sql, values).fetchone()[0], worth


def _answer(
    chance: random.Random, run: int, question: tuple[int, int], subject: int, sample: int, share: float, texts: int
) -> tuple[object, ...]:
    id, worth = question
    right = chance.random() < share
    wording = chance.randrange(texts)
    text = f"Rule {worth} is worth {worth if right else worth + 1} points, as the text says in wording {wording}. " * 2
    reason = "" if right else f"The answer does not contain “{worth} points”."
    fingerprint = "base-135m+1f2e3d4c" if share == SUBJECTS[-1][2] else "base-135m"
    model = TUNED if "+" in fingerprint else BASE
    passages = json.dumps([["Rules", f"Rule {worth}: {worth} points.", 1.0]])
    return run, id, subject, sample, text, float(right), right, reason, model, fingerprint, 0.2, 60, 12, passages
