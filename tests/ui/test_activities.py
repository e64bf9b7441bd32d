"""The list of what runs, without a window."""

from core.activity_history import ActivityKind, ActivityOutcome
from core.progress import Progress
from ui.activities import Activities
from ui.activity import activity_texts


def test_what_a_new_window_follows_again_is_one_line():
    """A window is built anew when the language changes; the job goes on and is followed by the new one."""
    activities = Activities(None, lambda: "/ferry.juku")
    before = activities.begin(ActivityKind.TRAINING, "Train smollm2", None, "job:1")
    model = activities.begin(ActivityKind.MODEL, "Prepare SmolLM2", None, "model:smollm2")
    activities.report(before, Progress(300, 1000))
    after = activities.begin(ActivityKind.TRAINING, "smollm2の学習", None, "job:1")
    again = activities.begin(ActivityKind.MODEL, "SmolLM2の準備", None, "model:smollm2")
    assert activities.running() == [again, after]
    assert (after.entry.id, after.entry.started) == (before.entry.id, before.entry.started)
    assert again.entry.id == model.entry.id
    activities.end(before, ActivityOutcome.CONTINUES)  # the window before says nothing any more
    assert activities.running() == [again, after]
    activities.begin(ActivityKind.IMPORT, "Import a.csv")
    activities.begin(ActivityKind.IMPORT, "Import b.csv")
    assert len(activities.running()) == 4  # without a reference, each is its own


def test_what_its_owner_knows_of_the_time_left_counts(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ui.activities.time.monotonic", lambda: now[0])
    activities = Activities(None)
    exam = activities.begin(ActivityKind.EXAM, "Exam")
    for done, passed in ((0, 0.0), (50, 10.0)):
        now[0] = passed
        activities.report(exam, Progress(done, 100))
    assert exam.seconds_left == 10.0
    exam.tell_time_left(None)  # the model is being prepared: the pace so far tells nothing
    activities.report(exam, Progress(60, 100))
    assert exam.seconds_left is None and activity_texts.format_progress(exam) == "60%"
    exam.tell_time_left(600)
    activities.report(exam, Progress(61, 100))
    assert activity_texts.format_progress(exam) == "61% · about 10 minutes left"


def test_the_time_of_preparing_a_model_is_that_of_this_part():
    activities = Activities(None)
    model = activities.begin(ActivityKind.MODEL, "Prepare SmolLM2")
    model.tell_time_left(20)
    assert activity_texts.format_progress(model).endswith("less than a minute left for this part")
