"""The list of what runs, without a window."""

from core.activity_history import ActivityKind, ActivityOutcome
from core.progress import Progress
from ui.activities import Activities


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
