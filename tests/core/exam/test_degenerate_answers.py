"""Degenerate answers: loops until the token limit and broken characters are found, counted and said."""

import asyncio

import pytest

from core.exam import runs, scores, verdict
from core.exam.degenerate_answers import Flaw, find_flaw

LIMIT = 60


@pytest.mark.parametrize(
    ("text", "received", "flaw"),
    [
        ("The game has nine hits. " * 9 + "The game", LIMIT, Flaw.REPETITION),
        ("The rules say so: " + "no, " * 20, LIMIT, Flaw.REPETITION),
        ("蛇は九回打つ。" * 8 + "蛇は九", LIMIT, Flaw.REPETITION),
        ("ははは" * 12, 0, Flaw.REPETITION),  # a server that counts no tokens
        ("no, " * 20, LIMIT - 1, None),  # it found an end by itself
        ("It costs 1000000000000", LIMIT, None),
        ("One, two, three, and it was cut off here because the limit is", LIMIT, None),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |", LIMIT, None),
        ("-" * 30, LIMIT, Flaw.REPETITION),
        ("", LIMIT, Flaw.EMPTY),
        (" \n", 3, Flaw.EMPTY),
        ("学校\ufffd", 3, Flaw.BROKEN),
    ],
)
def test_a_flaw_is_found(text: str, received: int, flaw: Flaw | None) -> None:
    assert find_flaw(text, received, LIMIT) == flaw


def test_an_exam_counts_and_says_them(project, answered_exam) -> None:
    run = runs.load_all(project.rows)[0]
    first, second = run.subjects[0].id, run.subjects[1].id

    def spoil(db):
        ids = [id for (id,) in db.execute("SELECT id FROM eval_answer WHERE subject = ? LIMIT 3", (first,))]
        limit = run.sampling.max_tokens
        db.executemany("UPDATE eval_answer SET text = ?, received = ? WHERE id = ?",
                       [("Nine hits. " * 30, limit, ids[0]), ("Nine hits. " * 30, limit, ids[1]), ("\ufffd", 1, ids[2])])  # fmt: skip

    asyncio.run(project.write("", spoil))
    result = scores.load_result(project.rows, run)
    found = {total.subject.id: total.flaws for total in result.totals}
    assert found[first] == {Flaw.REPETITION: 2, Flaw.BROKEN: 1} and not found[second]
    said = [one for one in verdict._describe_limits(result) if "answer" in one]
    name = verdict.subject_title(run.subjects[0])
    assert f"2 answers of {name} repeat themselves until the token limit." in said
    assert f"1 answer of {name} has broken characters." in said
