"""Texts about what runs: how far it is, how it ended, and what becomes of it when the window closes."""

from pathlib import Path

from core.activity_history import ActivityKind, ActivityOutcome, HistoryEntry
from core.language import tr
from ui.activities import Activity
from ui.widgets.latest_task_and_reload import format_pause
from ui.widgets.length_and_time_texts import format_duration, format_local_time, format_time_left

MEANINGS = {
    ActivityOutcome.DONE: "good",
    ActivityOutcome.FAILED: "error",
    ActivityOutcome.CANCELLED: "warning",
    ActivityOutcome.CONTINUES: "note",
    ActivityOutcome.INTERRUPTED: "warning",
}


def format_outcome(outcome: str) -> str:
    """How something ended, in a word or two; '' is told of what another window runs."""
    return {
        ActivityOutcome.DONE: tr("Done"),
        ActivityOutcome.FAILED: tr("Failed"),
        ActivityOutcome.CANCELLED: tr("Cancelled"),
        ActivityOutcome.CONTINUES: tr("Continues"),
        ActivityOutcome.INTERRUPTED: tr("Interrupted"),
    }.get(ActivityOutcome(outcome) if outcome else ActivityOutcome.CONTINUES, "") if outcome else tr("In another window")  # fmt: skip


def format_progress(activity: Activity) -> str:
    """How far it is, and how long it takes still, as far as that is known."""
    parts = [] if activity.share is None else [f"{activity.share:.0%}"]
    if activity.progress.pause:
        parts.append(format_pause(activity.progress))
    elif activity.seconds_left is not None:
        left = format_time_left(activity.seconds_left)
        # Preparing a model is one part of a training, or of an exam, which takes longer.
        is_part = activity.entry.kind == ActivityKind.MODEL
        parts.append(tr("{time} for this part", time=left) if is_part else left)
    return " · ".join(parts) or tr("Running")


def format_times(entry: HistoryEntry) -> str:
    """When it began, and how long it took."""
    began = format_local_time(entry.started)
    return f"{began} · {format_duration(entry.ended - entry.started)}" if entry.ended else began


def format_project(entry: HistoryEntry) -> str:
    """The name of its project; '' for what belongs to none."""
    return Path(entry.project).stem if entry.project else ""


def format_entry(entry: HistoryEntry) -> str:
    """All that is known of an entry, in lines, to be read and copied."""
    first = f"{entry.label} – {format_outcome(entry.outcome)}"
    return "\n".join(filter(None, (first, format_times(entry), entry.project, "", entry.text))).strip()


def describe_at_close(activity: Activity, is_here: bool) -> str:
    """What becomes of it when the window closes; `is_here`: a job that this computer trains."""
    kinds = {
        ActivityKind.IMPORT: tr("the file that is being read is not imported"),
        ActivityKind.EXPORT: tr("no file is written"),
        ActivityKind.GENERATION: tr("answers that have arrived are kept; the rest is offered again"),
        ActivityKind.TRAINING: tr("stops at its last checkpoint and continues when Juku starts again")
        if is_here
        else tr("continues on the server"),
        ActivityKind.EXAM: tr("answers that have arrived are kept; it can be continued"),
        ActivityKind.TEACHING: tr("can be continued from where it is"),
        ActivityKind.RESCUE: tr("can be continued from where it is"),
        ActivityKind.MODEL: tr("stops; the next time it continues with what was downloaded"),
    }
    fate = kinds.get(ActivityKind(activity.entry.kind), tr("is cancelled; nothing half done is kept"))
    return tr("{what}: {outcome}", what=activity.entry.label, outcome=fate)
