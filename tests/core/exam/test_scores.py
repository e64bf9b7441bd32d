"""An exam's figures by hand: from answers that are written down, each rate, difference, spread and price that comes of them."""

import asyncio
from dataclasses import replace
from statistics import variance

import pytest

from core.exam import judges, runs, scores
from core.exam.runs import ExamQuestion, ExamSubject
from core.exam.scores import GENERAL, HELD, LEAKED, MEMORISED, NO_KIND, ResultLine
from core.exam.statistics import PassRate, RepeatSpread
from core.providers import LOCAL, prices
from tools import exam_rows

BASE, TUNED = 0, 1
# Of each question its kind, its facts, the row it leaks from, and what each subject scored, repeat by repeat; 1 passes.
ASKED = [
    ("direct", "f01", "", [0, 0, 0], [1, 1, 1]),
    ("direct", "f01 f02", "", [0, 0.5, 0], [1, 0.5, 1]),
    ("reworded", "f02", "", [1, 1, 1], [0, 0, 1]),
    ("reworded", "f03 f03", "", [], [1, 1, 1]),
    ("", "", "", [1, 0], [1, 0]),
    ("general", "", "", [1, 1, 1], [0, 0, 0]),
    ("memorised", "f01", "", [0, 0, 0], [1, 1, 1]),
    ("direct", "f04", "3 97", [0, 0, 0], [1, 1, 1]),
    ("odd", "f05", "", [0, 0, 0], [0, 0, 0]),
]


@pytest.fixture
def run(project):
    asyncio.run(project.write("", lambda db: exam_rows.fill(db, questions=1, repeats=1) and None))
    return runs.load(project.rows, 1)


@pytest.fixture
def result(project, run):
    def fill(db):
        db.execute("DELETE FROM eval_answer")
        db.execute("DELETE FROM eval_question")
        for number, (kind, facts, leak, *subjects) in enumerate(ASKED, 1):
            db.execute(
                "INSERT INTO eval_question (id, run, question, reference, key_points, kind, facts, leak) "
                "VALUES (?, 1, ?, '', '', ?, ?, ?)",
                (number, f"Question {number}?", kind, facts, leak),
            )
            for subject, marks in zip((run.subjects[0].id, run.subjects[-1].id), subjects, strict=True):
                for sample, score in enumerate(marks):
                    db.execute(
                        f"INSERT INTO eval_answer ({exam_rows.COLUMNS}) VALUES (1, ?, ?, ?, '', ?, ?, '', '', '', 2, 30, 40, '[]')",
                        (number, subject, sample, score, score == 1),
                    )

    asyncio.run(project.write("", fill))
    two = replace(run, subjects=[run.subjects[0], run.subjects[-1]], repeats=3)
    return scores.load_result(project.rows, two)


def test_each_part_of_an_exam_has_its_own_rate(result):
    base, tuned = result.totals
    assert [str(one) for one in (base.held, base.general, base.memorised, base.leaked)] == ["4/14", "3/3", "0/3", "0/3"]
    assert [str(one) for one in (tuned.held, tuned.general, tuned.memorised, tuned.leaked)] == [
        "10/17",
        "0/3",
        "3/3",
        "3/3",
    ]
    assert base.score == pytest.approx((0 + 0.5 / 3 + 1 + 0.5 + 0) / 5)  # the fourth was not asked
    assert tuned.score == pytest.approx((1 + 2.5 / 3 + 1 / 3 + 1 + 0.5 + 0) / 6)


def test_what_an_exam_took_is_summed(result):
    base = result.totals[BASE]
    assert (base.sent, base.received, base.seconds, base.unmarked) == (23 * 30, 23 * 40, 46.0, 0)


def test_who_has_answered_nothing_took_nothing(project, run):
    asyncio.run(project.write("", lambda db: db.execute("DELETE FROM eval_answer WHERE subject = 1") and None))
    first = scores.load_result(project.rows, run).totals[0]
    assert (first.sent, first.received, first.seconds, first.unmarked) == (0, 0, 0.0, 0)
    assert (first.score, first.held.asked) == (0.0, 0)


def test_the_kinds_stand_in_their_order_and_what_counts_for_nothing_last(result):
    names = [line.name for line in result.kinds]
    assert names[-4:] == ["direct", "odd", NO_KIND, LEAKED]
    assert names[:-4] == ["memorised", "reworded", "general"]
    assert {line.name: line.questions for line in result.kinds}["direct"] == (0, 1)


def test_a_fact_has_the_questions_that_prove_something_of_it(result):
    assert {line.name: line.questions for line in result.facts} == {
        "f01": (0, 1),
        "f02": (1, 2),
        "f03": (3,),
        "f05": (8,),
    }
    assert result.facts[2].shares == [[None, 1.0]]
    assert result.facts[1].shares == [[0.0, pytest.approx(2 / 3)], [1.0, pytest.approx(1 / 3)]]


def test_an_answer_that_the_text_does_not_say_it_proves_nothing_of_a_fact(result):
    result.questions[8] = replace(result.questions[8], kind="not_stated")
    assert [line.name for line in result.facts] == ["f01", "f02", "f03"]


def test_a_fact_is_gained_where_most_of_its_questions_turn_right(result):
    found = result.compare(TUNED, BASE)
    assert scores.fact_names(found.gained) == ["f01"]
    assert [line.name for line in found.lost] == [GENERAL]
    assert (found.passing.gained, found.passing.lost, found.missing, found.small) == (2, 1, 1, True)
    assert (str(found.mine), str(found.other)) == ("7/14", "4/14")
    assert found.scoring.n == 5
    back = result.compare(BASE, TUNED)
    assert ([line.name for line in back.gained], scores.fact_names(back.lost)) == ([GENERAL], ["f01"])
    assert back.scoring.mean == pytest.approx(-found.scoring.mean)


def test_without_another_subject_the_first_is_compared_with(result):
    assert result.compare(TUNED) == result.compare(TUNED, BASE)
    assert result.facts[0].change(TUNED) == 1


def test_the_spread_is_that_of_the_repeats(result):
    several = [marks for *_rest, marks, _tuned in ASKED if len(marks) > 1]
    spread = result.totals[BASE].spread
    assert spread.deviation == pytest.approx((sum(map(variance, several)) / len(several)) ** 0.5)
    assert isinstance(spread.n, int)  # as a report writes it down
    assert (spread.disagreeing, spread.n) == (pytest.approx(1 / len(several)), len(several))


def test_one_answer_each_has_no_spread(project, run):
    found = scores.load_result(project.rows, run)
    assert [one.spread for one in found.totals] == [RepeatSpread(0.0, 0.0, 0)] * 5


def test_half_of_the_repeats_is_not_most_of_them():
    half = ResultLine("", "", [], (0, 1), [[0.0, 1.0], [0.0, 0.0]])
    assert half.change(1) == 0
    assert ResultLine("", "", [], (0,), [[None, 1.0]]).change(1) == 0


@pytest.mark.parametrize(
    ("kind", "leak", "part", "line"),
    [
        ("direct", "", HELD, "direct"),
        ("", "", HELD, NO_KIND),
        ("general", "", GENERAL, "general"),
        ("general", "3 97", LEAKED, LEAKED),
        ("memorised", "3 100", MEMORISED, "memorised"),
    ],
)
def test_what_a_question_can_prove(kind, leak, part, line):
    question = ExamQuestion(1, "", "", "", kind, "", leak)
    assert (scores.question_part(question), scores.kind_line(question)) == (part, line)


def test_an_exam_may_be_judged_once_all_have_answered_as_often_as_asked(result):
    assert result.is_settled  # it has ended
    result.run = replace(result.run, status=runs.ExamStatus.RUNNING)
    assert not result.is_settled
    result.asked[:] = 3
    assert result.is_settled


def test_a_thousand_questions_cost_what_their_tokens_do(result):
    run, known = result.run, ExamSubject("openai", "gpt-4o-mini")
    price = prices.chat_price(3000, 500, "gpt-4o-mini")
    assert scores._price_per_thousand(run, known, 10, 3000, 500) == pytest.approx(100 * price)
    assert scores._price_per_thousand(run, known, 10, 0, 500) == pytest.approx(
        100 * prices.chat_price(0, 500, "gpt-4o-mini")
    )
    assert scores._price_per_thousand(replace(run, batch=True), known, 10, 3000, 500) == pytest.approx(50 * price)
    assert scores._price_per_thousand(run, ExamSubject(LOCAL, "gpt-4o-mini"), 10, 3000, 500) == 0
    assert scores._price_per_thousand(run, ExamSubject("s", "nobody-knows"), 10, 3000, 500) is None
    assert scores._price_per_thousand(run, known, 0, 0, 0) is None
    assert scores._price_per_thousand(run, known, 10, 0, 0) is None


def test_an_answer_without_a_mark_is_counted_apart(project, run):
    asyncio.run(
        project.write("", lambda db: db.execute("UPDATE eval_answer SET passed = NULL WHERE subject = 1") and None)
    )
    first = scores.load_result(project.rows, run).totals[0]
    assert (first.unmarked, first.held) == (1, PassRate())
    assert str(first.held) == "–" and first.held.share == 0


def test_a_judges_marks_stand_for_themselves(result, project):
    asyncio.run(project.write("", lambda db: db.execute(
        "INSERT OR REPLACE INTO eval_mark SELECT id, 'judge', 0.25, 0, '', 0 FROM eval_answer WHERE question = 1") and None))  # fmt: skip
    found = scores.load_result(project.rows, result.run, judges.JUDGE)
    assert (str(found.totals[TUNED].held), found.totals[TUNED].score) == ("0/3", pytest.approx(0.25))


def test_each_question_has_a_line_with_its_kind(result):
    names = [line.name for line in result.lines]
    assert (names[0], names[4], names[5]) == ("direct", NO_KIND, GENERAL)
    assert [line.questions for line in result.lines] == [(place,) for place in range(len(ASKED))]
