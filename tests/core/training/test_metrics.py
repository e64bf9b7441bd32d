"""The curves of a training: each number once, from events and result files, however servers name and send them."""

import asyncio
import base64
import csv
import io
import json
import math

import pytest

from core.errors import FormatError
from core.providers import JobEvent
from core.training import metrics

CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n2,1.25,0.5,1.5,0.45\n"


@pytest.fixture
def change(project):
    """Write to the project, with a running job 1 in it."""
    run = lambda work, *values: asyncio.run(project.write("", work, *values))  # noqa: E731
    run(
        lambda db: db.execute(
            "INSERT INTO job (id, provider, token, model, rows, row_count, settings, created_at, status, error) "
            "VALUES (1, 'fake', 't', 'base-model', '', 40, '{}', 0, 'running', '')"
        )
    )
    return run


def event(message="", at=0.0, **data):
    return JobEvent(f"{message}-{at}-{len(data)}", at, "info", message, data)


def told(step, at, total=100):
    return event(f"Step {step}/{total}: training loss=1.00", at, step=step, total_steps=total, train_loss=1.0)


def store(db, *events):
    """As the queue does it: the events themselves, then their numbers."""
    insert = "INSERT INTO job_event (job, remote_id, created_at, level, message, data) VALUES (1, ?, ?, ?, ?, ?)"
    db.executemany(insert, [(one.id, one.created_at, one.level, one.message, json.dumps(one.data)) for one in events])
    metrics.store_events(db, 1, events)


def shown(project):
    found = metrics.load_series(project.rows, 1)
    return {name: list(zip(one.steps.tolist(), one.values.tolist(), strict=True)) for name, one in found.items()}


def test_every_number_of_an_event_is_kept_once_by_its_step(change, project):
    first = event("", step=1, train_loss=2.0, valid_accuracy=0.5, note="text", flag=True)
    change(store, first, event("Step 2/40: training loss=1.20", critic_rewards_mean=-3))
    change(metrics.store_events, 1, [first, event("", at=9.0, step=1, train_loss=7.0)])
    assert shown(project) == {
        "train_loss": [(1, 2.0), (2, 1.2)],
        "valid_mean_token_accuracy": [(1, 0.5)],
        "critic_rewards_mean": [(2, -3.0)],
    }
    assert metrics.load_total_steps(project.rows, 1) == 40


def test_a_step_without_data_is_read_from_its_words(change, project):
    change(store, event("Step 100: training loss=0.22, validation loss=3.1e-1"))
    assert shown(project) == {"train_loss": [(100, 0.22)], "valid_loss": [(100, 0.31)]}
    assert metrics.load_total_steps(project.rows, 1) is None


def test_nested_scores_get_their_path_as_name(change, project):
    scores = {"train_reward_mean": 0.5, "graders": [{"name": "exact", "valid": 0.25}, {"valid": 1}, 7]}
    change(store, event("", step=3, scores=scores, usage={"a": {"b": {"c": {"d": 1}}}}, errors=[1, 2]))
    assert shown(project) == {"train_mean_reward": [(3, 0.5)], "scores.graders.exact.valid": [(3, 0.25)]}


def test_numbers_that_cannot_be_drawn_are_left_out(change, project):
    wrong = [{"step": step, "train_loss": 1.0} for step in (-1, 1.5, 10**400, "1", True, None, math.nan)]
    wrong += [{"step": 1, "train_loss": loss} for loss in (math.nan, math.inf, 10**400, 1e300, "1.0", None, [])]
    change(store, *(event(f"{number}", **data) for number, data in enumerate(wrong)))
    change(
        store, event(f"Step {10**20}/{10**30}: training loss=1.0"), event(f"Step 2/{10**30}: training loss={'9' * 30}")
    )
    change(store, event("a", step=2.0, train_loss=0.5, total_steps=10**30, **{"": 1.0, "\n\0": 1.0}))
    change(store, event("b", **{f"name {number}": 1.0 for number in range(1000)}, step=3))
    found = shown(project)
    assert found["train_loss"] == [(2, 0.5)]
    assert len(found) <= 1 + metrics.MAX_METRIC_NAMES
    assert metrics.load_losses(project.rows, 1) == [metrics.LossPoint(2, None, 0.5, 0.0)]


def test_events_from_before_numbers_were_kept_apart_are_not_lost(change, project):
    store_old = lambda db: store(db, told(1, 5.0), told(2, 7.0)) or db.execute("DELETE FROM job_metric")  # noqa: E731
    change(store_old)
    expected = [metrics.LossPoint(1, 100, 1.0, 5.0), metrics.LossPoint(2, 100, 1.0, 7.0)]
    assert metrics.load_losses(project.rows, 1) == expected
    assert metrics.load_total_steps(project.rows, 1) == 100
    change(metrics.merge_results, 1, b"step,valid_loss\n2,3\n")
    assert metrics.load_losses(project.rows, 1) == expected
    assert shown(project)["valid_loss"] == [(2, 3.0)]


@pytest.mark.parametrize(
    "data",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n"),
        base64.b64encode(CSV),
        base64.encodebytes(CSV),
        base64.b64encode(CSV).rstrip(b"="),
        b"Step,train_loss,train_mean_token_accuracy,validation_loss,validation_mean_token_accuracy\r1,2.5,.4\r2,1.25,.5,1.5,.45",
    ],
)
def test_a_result_file_is_read_however_it_is_sent(change, project, data):
    change(store, event("", step=1, train_loss=2.0))
    change(metrics.merge_results, 1, data)
    change(store, event("again", step=2, train_loss=9.0, total_steps=2))
    assert shown(project) == {
        "train_loss": [(1, 2.5), (2, 1.25)],
        "train_mean_token_accuracy": [(1, 0.4), (2, 0.5)],
        "valid_loss": [(2, 1.5)],
        "valid_mean_token_accuracy": [(2, 0.45)],
    }


def test_unknown_columns_are_kept_and_what_is_no_number_is_skipped(change, project):
    data = b"step,rewards/margin,train_loss,train_loss\nx,1,1\n3,-0.5,nan,0.5,9,9\n\n4,N/A,1_0,inf\n5\n"
    assert len(metrics.read_results(data)) == 2
    change(metrics.merge_results, 1, data)
    assert shown(project) == {"rewards/margin": [(3, -0.5)], "train_loss": [(3, 0.5)]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>Not found</html>", "first column"),
        (b"loss,step\n1,2\n", "first column"),
        (base64.b64encode(b"no table"), "first column"),
        (CSV + b"3,\0,1\n", "first column"),
        (CSV.decode().encode("utf-16"), "first column"),
        (b"step,loss\n", "no number"),
        (b"step,loss\n1,x\n", "no number"),
        (b"step," + b",".join(b"c%d" % number for number in range(300)) + b"\n", "columns"),
        (b'step,loss\n1,"' + b"9" * 200_000, "CSV"),
        (b"step,loss\n" + b"1,1\n" * (metrics.MAX_RESULT_LINES + 1), "lines"),
        (b"step,loss\n" + b" " * metrics.MAX_RESULT_BYTES, "MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_result_file_is_refused_in_words_and_changes_nothing(change, project, data, reason):
    change(store, told(1, 5.0))
    with pytest.raises(FormatError, match=reason) as caught:
        change(metrics.merge_results, 1, data)
    assert "nothing was lost" in caught.value.message
    assert shown(project) == {"train_loss": [(1, 1.0)]}


def test_the_time_left_follows_the_pace_and_runs_down(change, project):
    change(store, *(told(step, 1000.0 + 2 * step) for step in range(1, 41)))
    left = lambda now: metrics.estimate_seconds_left(project.rows, 1, now)  # noqa: E731
    assert left(1080.0) == 120.0
    assert left(1081.0) == 119.0
    assert [left(now) for now in (1090.0, 900.0)] == [
        118.0,
        120.0,
    ]  # no further than to the next event; a clock that lags
    assert left(1080.0 + 4000) is None  # no news for an hour: who knows


def test_events_that_only_name_a_step_are_no_pace(change, project):
    """They took the places of the sixty recent events that count."""
    change(store, *(told(step, 1000.0 + 2 * step) for step in range(1, 41)))
    words = "INSERT INTO job_event (job, remote_id, created_at, level, message, data) VALUES (1, ?, ?, 'info', ?, '{}')"
    change(lambda db: db.executemany(words, [(f"c{n}", 1080.0, f"Checkpoint created at step {n}") for n in range(80)]))
    assert metrics.estimate_seconds_left(project.rows, 1, 1080.0) == 120.0


def test_a_pause_and_a_jump_of_the_clock_are_no_pace(change, project):
    times = [*range(0, 40, 2), *range(9000, 9020, 2)]
    change(store, *(told(step, 1000.0 + at) for step, at in enumerate(times, start=1)))
    assert metrics.estimate_seconds_left(project.rows, 1, 10018.0) == pytest.approx(140.0)
    change(store, *(told(step, 500.0 + 2 * step) for step in range(31, 36)))
    assert metrics.estimate_seconds_left(project.rows, 1, 570.0) == pytest.approx(130.0)
    change(store, *(told(step, 600.0 + 4 * step) for step in range(21, 26)))  # continued from a checkpoint
    assert metrics.estimate_seconds_left(project.rows, 1, 700.0) == pytest.approx(300.0)


def test_no_time_is_told_for_what_does_not_run(change, project):
    set_job = lambda db, name, value: db.execute(f"UPDATE job SET {name} = ?", (value,))  # noqa: E731
    assert metrics.estimate_seconds_left(project.rows, 1, 1000.0) is None
    change(set_job, "estimated_finish", 1030.0)
    assert metrics.estimate_seconds_left(project.rows, 1, 1000.0) == 30.0
    assert metrics.estimate_seconds_left(project.rows, 1, 1031.0) is None
    change(store, *(told(step, 1000.0 + step) for step in range(1, 11)))
    assert metrics.estimate_seconds_left(project.rows, 1, 1010.0) == pytest.approx(90.0)
    change(set_job, "status", "paused")
    assert metrics.estimate_seconds_left(project.rows, 1, 1010.0) is None


def test_the_number_of_steps_is_known_from_settings_or_the_end(change, project):
    set_job = lambda db, name, value: db.execute(f"UPDATE job SET {name} = ?", (value,))  # noqa: E731
    change(store, event("Step 7: training loss=1.0"))
    assert metrics.load_total_steps(project.rows, 1) is None
    change(set_job, "hyperparameters", '{"n_epochs": 3, "batch_size": 7}')  # of 40 rows
    assert metrics.load_total_steps(project.rows, 1) == 18
    change(set_job, "status", "succeeded")
    assert metrics.load_total_steps(project.rows, 1) == 7


def test_the_table_of_curves_is_whole_and_no_spreadsheet_runs_it(change, project):
    change(metrics.merge_results, 1, CSV)
    found = metrics.load_series(project.rows, 1)
    text = metrics.to_csv([("=cmd|' /C calc'!A0", found["train_loss"]), ('a,"b"\n', found["valid_loss"])])
    assert list(csv.reader(io.StringIO(text))) == [
        ["step", "'=cmd|' /C calc'!A0", 'a,"b"\n'],
        ["1", "2.5", ""],
        ["2", "1.25", "1.5"],
    ]


def test_names_are_taken_apart_and_said_in_words():
    assert metrics.split_name("full_valid_mean_token_accuracy") == ("full_valid", metrics.ACCURACY)
    assert metrics.split_name("rewards/margin") == ("", "rewards/margin")
    assert metrics.measure_title("loss") == "Loss"
    assert metrics.split_title("valid") == "validation"
