"""The independent fake of the OpenAI platform, from the npm registry: installed into a folder, started, disturbed, ended."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

VERSION = "@copilotkit/aimock@1.43.0"
MODEL = "gpt-4.1-mini-2025-04-14"
ANSWER = "It is open from nine to five, every day but Sunday, and from nine to twelve on the last day of a month."
SEED = """let a = 7; Math.random = () => { a = (a + 0x6d2b79f5) | 0; let t = Math.imul(a ^ (a >>> 15), 1 | a);
t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296; };"""
SAYS: dict[str, Any] = {"response": {"content": ANSWER}, "chunkSize": 5}
FIXTURES = [
    {"match": {"model": "truncated"}, **SAYS, "latency": 20, "truncateAfterChunks": 4},
    {"match": {"model": "disconnected"}, **SAYS, "latency": 20, "disconnectAfterMs": 70},
    {"match": {"endpoint": "embedding"}, "response": {"embedding": [0.5, 0.25]}},
    {"match": {"model": MODEL}, **SAYS},
]


class NotRunningError(Exception):
    """Why it could not be started, in words."""


class Mock:
    """The running server."""

    def __init__(self, folder: Path) -> None:
        _install(folder)
        (folder / "seed.cjs").write_text(SEED)
        (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
        script = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
        command = ["node", "--require", folder / "seed.cjs", script, "-p", "0", "-f", folder / "fixtures.json"]
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [*command, "--journal-max", "0"], stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._root = self._address()
        self.url = f"{self._root}/v1"

    def _address(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.search(r"listening on (http://\S+)", line):
                return found[1]
        self.close()
        raise NotRunningError("The independent fake ended before it listened.")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def weather(self, rates: dict[str, float]) -> None:
        """How often requests are disturbed from now on."""
        self._control("POST", "chaos", rates)

    def requests(self) -> tuple[int, int]:
        """How many requests came since they were forgotten, and how many of them were disturbed."""
        found = self._control("GET", "journal")
        return len(found), sum(
            "chaosAction" in one["response"] or bool(one["response"].get("interrupted")) for one in found
        )

    def forget_requests(self) -> None:
        self._control("POST", "reset/journal")

    def reset(self) -> None:
        """Forget files, jobs, batches and the weather."""
        self._control("POST", "reset")

    def _control(self, method: str, what: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}/__aimock/{what}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")


def _install(folder: Path) -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        raise NotRunningError(
            "The independent fake is a program for Node: install node and npm (both are missing, or one)."
        )
    done = subprocess.run(
        ["npm", "install", "--no-fund", "--no-audit", "--prefix", folder, VERSION],
        capture_output=True, text=True, timeout=300, env={**os.environ, "npm_config_update_notifier": "false"},
    )  # fmt: skip
    if done.returncode:
        raise NotRunningError(
            f"The independent fake could not be fetched from the npm registry:\n{done.stderr.strip()}"
        )
