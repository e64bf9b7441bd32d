"""A real browser, without a window: Chromium, spoken to by its own protocol over two pipes."""

import base64
import json
import os
import shutil
import subprocess
import tempfile

from tests.support.patience import PATIENCE

PROGRAMS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
SECONDS = 60
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
COMPLAINTS = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


def program():
    """The path of a Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """`complaints` are what its console has told: errors, warnings, refused scripts."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        hears, self._to = os.pipe()
        self._from, tells = os.pipe()

        def as_three_and_four():
            first, second = os.dup(hears), os.dup(tells)
            os.dup2(first, 3)
            os.dup2(second, 4)

        command = [program(), *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._child = subprocess.Popen(command, preexec_fn=as_three_and_four, pass_fds=(3, 4), **quiet)
        os.close(hears)
        os.close(tells)
        self._heard, self._number, self.complaints, self._events = b"", 0, [], []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._send(f"{domain}.enable")
        return self

    def __exit__(self, *_error):
        os.close(self._to)  # the end of its pipe is its sign to stop
        try:
            self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        os.close(self._from)
        self._folder.cleanup()

    def open(self, path, width=1200, height=900, dark=False):
        """Show a file and wait until it is loaded."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", features=[scheme])
        self.resize(width, height)
        self._events.clear()
        self._send("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._take(self._read())

    def resize(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._send("Emulation.setDeviceMetricsOverride", **size)

    def run(self, script):
        """The value of a piece of JavaScript in the page, whatever the page's own policy allows itself."""
        found = self._send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, path):
        """The whole page as PNG."""
        found = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _send(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            self._take(told)

    def _take(self, told):
        self._events.append(told.get("method"))
        if told.get("method") in COMPLAINTS:
            self.complaints.append(told["params"])

    def _read(self):
        while b"\0" not in self._heard:
            part = os.read(self._from, 1 << 16)
            assert part, "the browser has ended"
            self._heard += part
        message, _end, self._heard = self._heard.partition(b"\0")
        return json.loads(message)
