"""The history of what ran: it survives a restart, another window, a kill, and a damaged file."""

import os

import msgspec
import pytest

from core import activity_history
from core.activity_history import ActivityKind, ActivityOutcome, HistoryEntry


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JUKU_DATA", str(tmp_path))
    return tmp_path


def entry(id, kind=ActivityKind.IMPORT, **fields):
    pid, process = activity_history.own_process()
    return HistoryEntry(
        id, kind, **{"label": f"Entry {id}", "started": float(id), "pid": pid, "process": process, **fields}
    )


def test_the_last_word_on_an_entry_holds():
    activity_history.record(entry("1"))
    activity_history.record(entry("2"))
    activity_history.record(entry("1", ended=9.0, outcome=ActivityOutcome.FAILED, text="<b>no</b>"))
    assert [(one.id, one.outcome, one.text) for one in activity_history.load()] == [
        ("2", "", ""),  # this process still runs
        ("1", "failed", "<b>no</b>"),
    ]
    assert os.name == "nt" or activity_history.history_file().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [(ActivityKind.TRAINING, ActivityOutcome.CONTINUES), (ActivityKind.EXAM, ActivityOutcome.INTERRUPTED)],
)
def test_what_a_killed_window_ran_is_told(kind, outcome):
    activity_history.record(entry("1", kind, process="another start of the same id"))
    assert [one.outcome for one in activity_history.load()] == [outcome]


def test_entries_are_dropped_and_old_ones_go(monkeypatch):
    monkeypatch.setattr(activity_history, "MAX_ENTRIES", 3)
    for number in range(6):
        activity_history.record(entry(str(number)))
    activity_history.shorten()
    assert [one.id for one in activity_history.load()] == ["5", "4", "3"]
    activity_history.drop({"4"})
    assert [one.id for one in activity_history.load()] == ["5", "3"]


LINE = '{"id":"0","kind":"%s","label":"x","started":%s,"ended":%s,"outcome":"%s"}\n'


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xfe\n",
        b"{}\n",
        b"[1\n",
        b'{"id": 3}\n',
        b"null\n",
        b'{"id":"0","kind":"imp',  # a full disk cut it off
        (LINE % ("import", 1, 2, "of a newer version")).encode(),
        (LINE % ("of a newer version", 1, 2, "done")).encode(),
        (LINE % ("import", 1e300, 2, "done")).encode(),
        (LINE % ("import", 1, 1e300, "done")).encode(),
        (LINE % ("import", -1e18, 0, "")).encode(),
    ],
)
def test_a_damaged_line_costs_no_other(damage):
    activity_history.record(entry("1"))
    with activity_history.history_file().open("ab") as file:
        file.write(damage)
    activity_history.record(entry("2"))
    assert [one.id for one in activity_history.load()] == ["2", "1"]


def test_a_field_of_a_newer_version_is_no_damage():
    line = msgspec.to_builtins(entry("1")) | {"colour": "red"}
    activity_history.history_file().write_bytes(msgspec.json.encode(line) + b"\n")
    assert [one.id for one in activity_history.load()] == ["1"]


def test_a_disk_without_room_stops_nothing(folder, monkeypatch):
    (folder / "activity.jsonl").mkdir()  # cannot be written
    activity_history.record(entry("1"))
    activity_history.drop({"1"})
    activity_history.shorten()
    assert activity_history.load() == []


def test_a_name_that_is_no_text_stops_no_work():
    """As of a file whose name has other bytes than UTF-8, or an answer of a server with half of a character."""
    odd = "b\udcfccher"
    activity_history.record(entry("1", label=odd, project=f"/{odd}.juku", text="\ud83d"))
    (found,) = activity_history.load()
    assert (found.label, found.project, found.text) == (r"b\udcfccher", r"/b\udcfccher.juku", r"\ud83d")


def test_of_a_file_that_grew_long_the_newest_entries_are_kept(monkeypatch):
    for number in range(6):
        activity_history.record(entry(str(number)))
    monkeypatch.setattr(activity_history, "MAX_FILE_BYTES", activity_history.history_file().stat().st_size // 2)
    monkeypatch.setattr(activity_history, "MAX_ENTRIES", 3)
    assert [one.id for one in activity_history.load()][:2] == ["5", "4"]
    activity_history.shorten()
    assert [one.id for one in activity_history.load()][:2] == ["5", "4"]
