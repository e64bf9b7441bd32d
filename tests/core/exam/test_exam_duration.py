"""About how long an exam takes: by an earlier one of the same models, else by the size of the model."""

import asyncio

import pytest

from core.exam import exam_duration, runs
from core.exam.runs import ExamEstimate, ExamPlan, ExamSubject
from core.providers import LOCAL
from tests.support.projects import new_example, write

TUNED = ExamSubject(LOCAL, "ft:base:local:study:1")


def estimates(subject, requests=20):
    return [ExamEstimate(subject, requests, 100 * requests, 40 * requests, 0.0)]


def seconds(project, found, repeats=1, sizes=None):
    return asyncio.run(project.read(exam_duration.estimate_seconds, found, repeats, sizes or {}))


def test_a_larger_model_more_questions_and_more_repeats_take_longer(project):
    small = seconds(project, estimates(TUNED), sizes={"base": 150_000_000})
    assert exam_duration.LOAD_SECONDS < small < seconds(project, estimates(TUNED), sizes={"base": 1_500_000_000})
    assert small < seconds(project, estimates(TUNED, 40), sizes={"base": 150_000_000})
    assert seconds(project, estimates(TUNED)) > small  # of a model whose size is not known


@pytest.mark.parametrize(
    ("model", "is_measured"), [("base", True), ("ft:base:local:other:2", True), ("another", False)]
)
def test_the_last_exam_of_the_same_base_tells_the_pace(project, model, is_measured):
    def fill(db):
        from core.dataset import examples

        examples.add(db, [new_example(f"Question {n}?", "a", split="test") for n in range(10)])
        run = runs.add_run(db, ExamPlan([TUNED]))
        db.execute("UPDATE eval_run SET status = 'succeeded', finished_at = created_at + 60")
        for (id,) in db.execute("SELECT id FROM eval_question").fetchall():
            subject = db.execute("SELECT id FROM eval_subject").fetchone()[0]
            names = [row[1] for row in db.execute("PRAGMA table_info(eval_answer)")]
            values = {
                "run": run,
                "question": id,
                "subject": subject,
                "sample": 0,
                "text": "",
                "score": 1.0,
                "passed": 1,
            }
            known = {name: values.get(name, "") for name in names if name != "id"}
            db.execute(
                f"INSERT INTO eval_answer ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})",
                [*known.values()],
            )

    write(project, fill)
    found = seconds(
        project, estimates(ExamSubject(LOCAL, model)), sizes={"base": 9_000_000_000, "another": 150_000_000}
    )
    assert (
        found == pytest.approx(exam_duration.LOAD_SECONDS + 20 * (60 - exam_duration.LOAD_SECONDS) / 10)
    ) is is_measured


def test_a_server_that_was_never_examined_is_told_by_its_requests(project):
    found = seconds(project, estimates(ExamSubject("far", "model"), 100), repeats=2)
    assert found == pytest.approx(200 * exam_duration.SERVER_SECONDS)
