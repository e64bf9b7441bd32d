"""Notifications of the desktop, sent over a real bus to a portal, or to a notification service where there is none."""

import json
import shutil
import subprocess
import sys
import time

import msgspec
import pytest

from core.activity_history import ActivityKind, ActivityOutcome, HistoryEntry
from core.paths import ROOT
from tests.support.until import until
from ui.activity.end_notification import EndNotification
from ui.settings.settings_dialog import SettingsDialog

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="there is no bus here")
PORTAL, SERVICE = "org.freedesktop.portal.Desktop", "org.freedesktop.Notifications"
TEXT = "<b>Line 3</b> & “more”"


@pytest.fixture
def bus():
    """The address of a real bus with nobody on it."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        yield daemon.stdout.readline().strip()
        daemon.kill()


@pytest.fixture
def desktop(bus):
    """Starts a desktop with services of these names; returns a function that reads the next call."""
    started = []

    def start(*names):
        command = [sys.executable, "-m", "tests.support.fake_desktop", bus, *names]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return lambda: json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def ended(**fields):
    entry = HistoryEntry("e1", ActivityKind.EXAM, "Exam", time.time() - 60, ended=time.time(), outcome=ActivityOutcome.FAILED,
                         text=TEXT)  # fmt: skip
    return msgspec.structs.replace(entry, **fields)


@pytest.fixture
def away(window, monkeypatch):
    """The window is not looked at."""
    monkeypatch.setattr(type(window), "isActiveWindow", lambda _self: False)
    return window


def test_the_portal_is_given_plain_texts_and_tells_a_click(run, away, bus, desktop):
    read = desktop(PORTAL, SERVICE)

    async def go():
        notification, clicked = EndNotification(away.workspace, away, bus), []
        notification.clicked.connect(clicked.append)
        away.workspace.activities.ended.emit(ended())
        await until(lambda: clicked)
        assert clicked[0].id == "e1"

    run(go())
    member, signature, (id, values) = read()
    assert (member, signature, id) == ("AddNotification", "sa{sv}", "e1")
    assert {name: value for name, (_type, value) in values.items()} == {
        "title": "Exam: Failed", "body": TEXT, "default-action": "show", "priority": "high",
    }  # fmt: skip


def test_without_a_portal_the_service_is_given_escaped_texts(run, away, bus, desktop):
    read = desktop(SERVICE)

    async def go():
        notification, clicked = EndNotification(away.workspace, away, bus), []
        notification.clicked.connect(clicked.append)
        away.workspace.activities.ended.emit(ended())
        await until(lambda: clicked)

    run(go())
    assert read()[0] == "GetCapabilities"
    member, signature, body = read()
    assert (member, signature) == ("Notify", "susssasa{sv}i")
    assert body[3:6] == ["Exam: Failed", "&lt;b&gt;Line 3&lt;/b&gt; &amp; “more”", ["default", "Show"]]


def test_without_either_the_tray_shows_it_or_nothing_does(run, away, bus):
    """Waits until the tray is asked to show it."""

    async def go():
        shown = []
        notification = EndNotification(away.workspace, away, bus)
        notification.notifier._show_in_tray = lambda *values: shown.append(values)
        away.workspace.activities.ended.emit(ended())
        await until(lambda: shown == [("e1", "Exam: Failed", TEXT, True)])

    run(go())


@pytest.mark.parametrize(
    "case",
    [
        {"outcome": ActivityOutcome.CANCELLED},  # the person did it
        {"started": time.time() + 3600, "ended": time.time() + 3601},  # nobody went away
        "off",
        "looked at",
    ],
)
def test_who_needs_no_notification_gets_none(run, window, monkeypatch, case):
    monkeypatch.setattr(type(window), "isActiveWindow", lambda _self: case == "looked at")

    async def go():
        if case == "off":
            dialog = SettingsDialog(window.workspace, window)
            dialog.notifies.click()
            dialog.reject()
        shown = []
        notification = EndNotification(window.workspace, window)
        notification.notifier.show = lambda *values: shown.append(values)
        window.workspace.activities.ended.emit(ended(**case) if isinstance(case, dict) else ended())
        assert not shown

    run(go())
