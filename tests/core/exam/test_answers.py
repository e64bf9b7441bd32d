"""The stored answers of an exam: those to a question, how many are missing, and a sheet that names nobody."""

from dataclasses import asdict

from core.exam import answers, judges, runs
from tests.support.projects import write
from tools import exam_rows


def delete(db, where):
    db.execute(f"DELETE FROM eval_mark WHERE answer IN (SELECT id FROM eval_answer WHERE {where})")
    db.execute(f"DELETE FROM eval_answer WHERE {where}")


def test_only_the_answers_to_the_chosen_questions_are_read(answered_exam):
    found = answers.load_answers(answered_exam.rows, 1, [2])
    assert [(one.question, one.subject, one.sample) for one in found] == [
        (2, subject, sample) for subject in range(1, 6) for sample in (0, 1)
    ]
    first = found[0]
    assert (type(first.passed), first.reported, first.fingerprint) == (bool, exam_rows.BASE, "base-135m")
    assert first.passages[0].passage.heading == "Rules"


def test_an_answer_that_could_not_be_marked_is_neither_right_nor_wrong(answered_exam):
    write(
        answered_exam, lambda db: db.execute("UPDATE eval_answer SET passed = NULL, score = NULL WHERE id = 1") and None
    )
    first = answers.load_answers(answered_exam.rows, 1, [1])[0]
    assert first.passed is None and first.score is None


def test_marks_come_with_their_answers(answered_exam):
    found = answers.load_marks(answered_exam.rows, 1, [1])
    assert {mark.grader for given in found.values() for mark in given} == {"judge", "person"}
    assert found.keys() <= {one.id for one in answers.load_answers(answered_exam.rows, 1, [1])}
    counted = answers.count_marked(answered_exam.rows, 1)
    assert counted["judge"] > counted["person"] > 0


def test_what_is_missing_is_counted(answered_exam):
    assert answers.count_by_run(answered_exam.rows) == {1: (120, 120)}
    write(answered_exam, delete, "subject = 5 AND question = 1")
    assert answers.count_by_run(answered_exam.rows) == {1: (118, 120)}
    assert answers.count_by_subject(answered_exam.rows, 1)[5] == 22
    runs.load(answered_exam.rows, 1)


def test_equal_answers_are_marked_once_in_an_order_that_tells_nothing(answered_exam):
    shuffled = answers.shuffle_ids(answered_exam.rows, 1)
    ids = [id for (id,) in answered_exam.rows.execute("SELECT min(id) FROM eval_answer GROUP BY question, text")]
    assert sorted(shuffled) == sorted(ids) != shuffled
    assert answers.shuffle_ids(answered_exam.rows, 1) == shuffled


def test_a_sheet_names_neither_model_nor_condition_nor_grader(answered_exam):
    write(answered_exam, judges.delete_person_mark, 1)
    sheet = answers.load_blind_answer(answered_exam.rows, 1)
    assert (sheet.score, sheet.note) == (None, "")
    told = " ".join(map(str, asdict(sheet).values()))
    assert not any(word in told for word in (exam_rows.BASE, exam_rows.TUNED, "closed", "judge"))
    write(answered_exam, judges.store_person_mark, 1, 70, "Nearly.")
    sheet = answers.load_blind_answer(answered_exam.rows, 1)
    assert (sheet.score, sheet.note) == (70, "Nearly.")


def test_a_sheet_says_what_is_wanted_in_words_but_shows_a_pattern_as_it_is(answered_exam):
    write(answered_exam, lambda db: db.execute("UPDATE eval_question SET key_points = '3 ; !minute|second'") and None)
    assert answers.load_blind_answer(answered_exam.rows, 1).wanted == "“3”; must not contain “minute” or “second”"
    write(answered_exam, lambda db: db.execute("UPDATE eval_run SET grader = 'regex'") and None)
    write(answered_exam, lambda db: db.execute("UPDATE eval_question SET key_points = 'a|b'") and None)
    assert answers.load_blind_answer(answered_exam.rows, 1).wanted == "a|b"
