"""A grader against the person's own marks: which of them count, what is said of it, and what becomes of the rates."""

import json
from dataclasses import replace

import pytest

from core.exam import calibration, calibration_texts, judges, report, runs, scores, verdict
from core.exam.calibration import Calibration, CheckedMark, KindErrors
from core.exam.judges import JUDGE, PERSON
from core.exam.statistics import PassRate
from tests.support.projects import write


def marks(n, kind="reworded", grader=True, person=True, first=0):
    return [CheckedMark(f"{kind} {first + at}?", kind, grader, person) for at in range(n)]


def test_errors_are_counted_by_kind_and_by_which_side_they_are_on():
    found = Calibration("", [*marks(5), *marks(2, person=False), *marks(3, grader=False, person=False, first=5),
                             *marks(4, "reverse", grader=False)], 1)  # fmt: skip
    assert found.kinds == [KindErrors("reverse", 0, 0, 4, 4), KindErrors("reworded", 5, 2, 5, 0)]
    assert (str(found.agreement), str(found.sensitivity), str(found.specificity)) == ("8/14", "5/9", "3/5")


def test_answers_to_one_question_are_not_independent():
    one = [CheckedMark("The same?", "", True, bool(at % 2)) for at in range(30)]
    assert Calibration("", one, 1).agreement.questions == 1
    assert (
        Calibration("", [replace(mark, question=f"{at}?") for at, mark in enumerate(one)], 1).agreement.questions == 30
    )


def test_general_questions_correct_no_rate_about_the_text():
    found = Calibration("", [*marks(12), *marks(7, grader=False, person=False, first=12), *marks(40, "general")], 1)
    assert found.is_enough and not found.can_correct
    assert "only 19 of your marks are about the text, and 20" in calibration_texts.describe_obstacle(found)
    more = Calibration("", [*found.marks, *marks(1, grader=False, person=False, first=19)], 1)
    assert more.can_correct and more.correct(PassRate()) is None and not calibration_texts.describe_obstacle(more)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "No mark of yours checks it. Mark at least 20 answers yourself under “Mark blind”"),
        (marks(1), "Only 1 mark of yours checks it: too few. Mark 19 more"),
        (marks(19), "Only 19 marks of yours check it: too few. Mark 1 more"),
        (marks(20), "Checked on 20 of your marks: it agrees in 20 (95 % interval 84% – 100%, Cohen's kappa not defined)"),
        ([*marks(31), *marks(3, person=False, first=31)], "Checked on 34 of your marks: it agrees in 31 (95 % interval 77% – 97%"),
    ],
)  # fmt: skip
def test_how_many_marks_it_stands_on_is_said(given, said):
    text = calibration_texts.describe_check(Calibration("", given, 1), "Key points")
    assert text.startswith("Marked by: Key points. ") and said in text


def test_what_cannot_be_corrected_is_said():
    alike, chance = Calibration("", marks(25), 1), Calibration("", [*marks(12), *marks(12, person=False, first=12)], 1)
    assert "you marked all answers alike" in calibration_texts.describe_obstacle(alike)
    assert "not clearly better than chance" in calibration_texts.describe_obstacle(chance)
    assert calibration_texts.describe_obstacle(Calibration("", marks(3), 1)) == ""


def mark_all(db, run=1, wrongly=lambda _id: False):
    """The person marks each different answer as the grader did, but for some."""
    rows = db.execute("SELECT min(id), max(passed) FROM eval_answer WHERE run = ? GROUP BY question, text", (run,))
    for id, passed in rows.fetchall():
        judges.store_person_mark(db, id, 100 if passed != wrongly(id) else 0)


def split_run(db):
    """The answers of the last subjects become those of a second exam."""
    columns = ", ".join(column for _at, column, *_rest in db.execute("PRAGMA table_info(eval_run)") if column != "id")
    db.execute(f"INSERT INTO eval_run (id, {columns}) SELECT 2, {columns} FROM eval_run")
    db.execute("UPDATE eval_answer SET run = 2 WHERE subject > 3")


def test_equal_answers_count_once_and_other_exams_of_the_same_grader_do_too(answered_exam):
    db = answered_exam.rows
    write(answered_exam, mark_all)
    (distinct,) = db.execute("SELECT count(*) FROM (SELECT DISTINCT question, text FROM eval_answer)").fetchone()
    assert len(calibration.load(db, 1, "").marks) == distinct < 120
    write(answered_exam, split_run)
    assert (len(calibration.load(db, 2, "").marks), calibration.load(db, 2, "").exams) == (distinct, 2)
    write(
        answered_exam, lambda db: db.execute("UPDATE eval_run SET grader = 'exact', judge = '' WHERE id = 2") and None
    )
    assert (calibration.load(db, 1, "").exams, calibration.load(db, 1, JUDGE).exams) == (1, 1)


def test_the_newest_of_two_marks_of_one_answer_counts(answered_exam):
    def again(db):
        db.execute("DELETE FROM eval_mark WHERE grader = 'person'")
        db.execute("UPDATE eval_question SET question = 'One?', reference = '', key_points = ''")
        db.execute("UPDATE eval_answer SET text = 'Same.', passed = 1")
        db.execute(
            "INSERT INTO eval_mark SELECT id, 'person', id = 7, id = 7, '', id = 7 FROM eval_answer WHERE id < 60"
        )

    write(answered_exam, again)
    (mark,) = calibration.load(answered_exam.rows, 1, "").marks
    assert mark.person


def load(project, by=""):
    return scores.load_result(project.rows, runs.load(project.rows, 1), by)


def test_the_raw_rate_stays_and_the_corrected_one_stands_beside_it(answered_exam):
    before = load(answered_exam)
    assert before.correct_held(0) is None
    write(answered_exam, lambda db: mark_all(db, wrongly=lambda id: id % 9 == 1))
    result = load(answered_exam)
    assert [one.held for one in result.totals] == [one.held for one in before.totals]
    found = result.correct_held(4)
    assert found.interval.low <= found.share <= found.interval.high
    assert (
        found.interval.high - found.interval.low
        > result.totals[4].held.interval.high - result.totals[4].held.interval.low
    )
    said = "\n".join(verdict.build_sentences(result))
    assert (
        f"Checked on {len(result.checked.marks)} of your marks: it agrees in {result.checked.agreement.passed}" in said
    )
    assert calibration_texts.format_corrected(found) in said and "By kind of question: " in said
    told = json.loads("".join(report.write_json(answered_exam.rows, 1)))
    assert told["subjects"][4]["held_out_corrected"]["share"] == pytest.approx(found.share)
    assert [one["grader"] for one in told["checked_on_your_marks"]] == ["key_points", "judge"]
    page = report.build_page(answered_exam.rows, 1)
    assert "Checked on your marks" in page and calibration_texts.format_corrected(found) in page


def test_few_marks_and_ones_own_are_said_in_the_verdict(answered_exam):
    assert "Only 3 marks of yours check it: too few. Mark 17 more" in "\n".join(
        verdict.build_sentences(load(answered_exam))
    )
    own = load(answered_exam, PERSON)
    assert own.checked is None and own.correct_held(0) is None
    assert "Marked by you: 3 answers." in verdict.build_sentences(own)
