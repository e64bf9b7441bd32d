"""How taught models grew: which subjects are some job's, at which step, from which rows."""

import asyncio

import pytest

from core.exam import checkpoint_trends, judges, runs, scores
from tests.support.projects import write
from tools import exam_rows


def points(project, by=""):
    return asyncio.run(project.read(checkpoint_trends.load_points, by))


def execute(project, sql, *values):
    write(project, lambda db: db.execute(sql, values) and None)


def test_the_final_model_stands_at_its_jobs_last_step(answered_exam):
    (point,) = points(answered_exam)
    assert (point.model, point.title, point.step, point.is_final) == (exam_rows.TUNED, "study", 30, True)
    assert (point.version_name, point.rows) == ("First rows", 40)


@pytest.mark.parametrize("by", ["", judges.JUDGE, judges.PERSON])
def test_the_rates_are_those_of_the_result(answered_exam, by):
    (point,) = points(answered_exam, by)
    result = asyncio.run(answered_exam.read(lambda db: scores.load_result(db, runs.load(db, 1), by)))
    assert (point.held, point.general) == (result.totals[-1].held, result.totals[-1].general)


def test_checkpoints_come_in_the_order_of_their_steps(answered_exam):
    for position, step in enumerate((20, 10)):
        model = f"{exam_rows.TUNED}:ckpt-step-{step}"
        execute(answered_exam, "UPDATE eval_subject SET model = ? WHERE position = ?", model, position)
    assert [(point.step, point.is_final) for point in points(answered_exam)] == [(10, False), (20, False), (30, True)]


def test_another_servers_model_of_the_same_name_is_no_jobs(answered_exam):
    execute(answered_exam, "UPDATE eval_subject SET provider = 'elsewhere'")
    assert points(answered_exam) == []


def test_a_subject_without_answers_is_no_point(answered_exam):
    execute(answered_exam, "DELETE FROM eval_mark WHERE answer IN (SELECT id FROM eval_answer WHERE subject = 5)")
    execute(answered_exam, "DELETE FROM eval_answer WHERE subject = 5")
    assert points(answered_exam) == []


def test_a_deleted_version_leaves_the_point(answered_exam):
    execute(answered_exam, "UPDATE job SET version = NULL")
    assert [(point.version, point.version_name) for point in points(answered_exam)] == [(None, "")]
