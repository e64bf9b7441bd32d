"""Kills the queue at every write and request of two jobs' lives, and looks at what is found after a restart."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from core.dataset import examples, filters, sample_projects
from core.paths import ROOT
from core.providers import uploads
from core.storage.project import Project
from core.storage.read_only_copy import open_any_project
from core.training import jobs, row_selection
from core.training.metrics import load_series
from tests.support.fake_server import FakeServer, Fault
from tests.support.patience import PATIENCE

RESULTS = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.0,0.5,,\n2,1.0,0.75,1.5,0.6\n"
END_AFTER = 3  # looks at the first job after it was resumed


@dataclass(frozen=True)
class Point:
    """Where the process dies: at a write or a request, before or after it took effect."""

    kind: str
    when: str
    number: int
    name: str

    def __str__(self) -> str:
        words = {
            ("write", "before"): "before the write",
            ("write", "after"): "after the write",
            ("request", "before"): "before the server has",
            ("request", "after"): "before the answer to",
        }
        return f"{words[self.kind, self.when]} {self.name}"


@dataclass
class Found:
    """What there was at the moment of the kill, and after a restart had gone on to the end."""

    point: Point
    reached: bool = False
    on_disk: str = ""
    on_server: str = ""
    after: str = ""
    wrong: list[str] = field(default_factory=list)


class Life:
    """One project and one server, on which the processes live."""

    def __init__(self, origin: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "p.juku"
        shutil.copy(origin, self.path)
        self.server = FakeServer()
        self.looks = 0
        self.point: Point | None = None
        self.requests: list[str] = []
        self._child: Queue[int] = Queue()  # the process number, which the first request may come before
        self._lock, self._mine = threading.Lock(), threading.local()
        self.server.weather = self._before
        self.server.accepted = self._after

    def _before(self, method: str, path: str) -> Fault | None:
        with self._lock:  # several requests may come at a time
            self.requests.append(f"{method} {path.partition('?')[0].removeprefix('/v1')}")
            self._mine.number = len(self.requests)
        self._move(method, path)
        # Else the server would go on with it beside the next life, which may look too early to find what came of it.
        return Fault("reset") if self._kill("before") else None

    def _after(self, _method: str, _path: str) -> None:
        self._kill("after")

    def _kill(self, when: str) -> bool:
        point = self.point
        if not (point and point.kind == "request" and point.when == when and self._mine.number == point.number):
            return False
        self.point = None
        os.kill(self._child.get(timeout=PATIENCE), signal.SIGKILL)
        return True

    def begin(self, child: int) -> None:
        """The process that lives now."""
        while not self._child.empty():
            self._child.get()
        self._child.put(child)

    def _move(self, method: str, path: str) -> None:
        """The server's own doing: the first job trains once it was resumed, and ends."""
        first = next((job for job in self.server.jobs.values() if job["asked"].get("suffix") == "study"), None)
        resumed = any(r.endswith("/resume") for r in self.requests)
        if method == "GET" and first and resumed and first["status"] == "running":
            self.looks += 1
            if self.looks == END_AFTER:
                for step in (1, 2):
                    self.server.step(first["id"], step, 2, 2.0 / step)
                self.server.checkpoint(first["id"], 1, train_loss=2.0)
                file = self.server.keep(RESULTS, "step_metrics.csv", "fine-tune-results")["id"]
                self.server.end(first["id"], "succeeded", result_files=[file], trained_tokens=42)

    def close(self) -> None:
        self._folder.cleanup()


class Matrix:
    """The processes are forked from one that has loaded everything."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.origin = Path(self._folder.name) / "origin.juku"
        asyncio.run(self._make())
        self._said = (Path(self._folder.name) / "said").open("w+")
        self._forker = subprocess.Popen(
            [sys.executable, "-m", "tests.support.queue_process"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._said, env={**os.environ, "JUKU_DATA": self._folder.name},
        )  # fmt: skip

    async def _make(self) -> None:
        project = Project(self.origin)
        await project.write("", sample_projects.fill, "hobannu-en")
        for id in filters.find(project.rows, row_selection.row_filter("study"))[:3]:
            await project.write("", examples.set_field, id, "split", "validation")
        project.close()

    def close(self) -> None:
        self._forker.stdin.close()
        self._forker.wait()
        self._forker.stdout.close()
        self._said.close()
        self._folder.cleanup()

    def points(self) -> list[Point]:
        """Every point of an undisturbed life."""
        life = Life(self.origin)
        with life.server:
            start = self._said.seek(0, os.SEEK_END)
            self._live(life)
            self._said.seek(start)
            writes = [line.strip().rpartition(".")[2] for line in self._said]
        found = [
            Point(kind, when, number, name)
            for kind, names in (("write", writes), ("request", life.requests))
            for number, name in enumerate(names, 1)
            for when in ("before", "after")
        ]
        life.close()
        return found

    def kill_at(self, point: Point) -> Found:
        """Live until `point`, look, then live on with a new process, and compare with what was wished."""
        life, found = Life(self.origin), Found(point)
        with life.server:
            life.point = point
            found.reached = self._live(life, point) != 0
            life.server.settle()
            life.point = None
            found.on_disk, found.on_server = _disk(life.path), _server(life.server)
            ended = self._live(life)
            found.wrong = ([f"the second process ended with {ended}"] if ended else []) + list(_wrong(life))
            found.after = (
                "both jobs, once each, with all events and results" if not found.wrong else "; ".join(found.wrong)
            )
        life.close()
        return found

    def _live(self, life: Life, point: Point | None = None) -> int:
        dies = (point.when, point.number) if point and point.kind == "write" else ("-", 0)
        self._forker.stdin.write(f"{life.path}\t{life.server.url}\t{dies[0]}\t{dies[1]}\n")
        self._forker.stdin.flush()
        life.begin(int(self._forker.stdout.readline()))
        return int(self._forker.stdout.readline())


def _disk(path: Path) -> str:
    with open_any_project(path) as db:
        return (
            ", ".join(
                f"{job.status}{' (wish: ' + job.wish + ')' if job.wish else ''}" for job in jobs.load_all(db)[::-1]
            )
            or "no job"
        )


def _server(server: FakeServer) -> str:
    files = sum(purpose == "fine-tune" for purpose in server.purposes.values())
    statuses = ", ".join(job["status"] for job in server.jobs.values()) or "no job"
    return f"{files} files; {statuses}"


def _wrong(life: Life):
    """What is not as it must be at the end."""
    server = life.server
    tokens = [job["metadata"]["juku_key"] for job in server.jobs.values()]
    if len(tokens) != 2 or len(set(tokens)) != 2:
        yield f"{len(tokens)} jobs on the server instead of 2"
        return
    sent = [data for id, data in server.files.items() if server.purposes[id] == "fine-tune"]
    if len(sent) != len(set(sent)) or len(sent) != 3:
        yield f"{len(sent)} files on the server instead of 3"
    with open_any_project(life.path) as db:
        second, first = jobs.load_all(db)
        if (first.status, second.status) != ("succeeded", "cancelled"):
            yield f"recorded as {first.status} and {second.status}"
        told = {job["asked"]["suffix"]: id for id, job in server.jobs.items()}
        for record, suffix in ((first, "study"), (second, "plain")):
            wanted = [event["id"] for event in server.events[told[suffix]]]
            if [event.id for event in jobs.load_events(db, record.id)] != wanted:
                yield f"the events of {suffix} differ"
            if uploads.sha256_of(server.files[server.jobs[told[suffix]]["training_file"]]) != record.digest:
                yield f"the rows of {suffix} differ"
        found = load_series(db, first.id).get("valid_loss")
        if not found or list(found.values) != [1.5] or len(jobs.load_checkpoints(db, first.id)) != 1:
            yield "results or checkpoints are missing"
