"""How fast rows are checked, imported, found, sorted and exported, against the plainest loop over the same file."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from core import formats
from core.dataset import exporting, importing
from core.dataset.filters import Filter
from core.dataset.search_index_builder import Finder
from core.paths import ROOT
from core.progress import Reporter
from core.storage.project import Project

WORDS = ("返品", "請", "coupon", "zzzz")


class Memory:
    """The most that the processes of an import held together, looked at every 20 ms."""

    def __enter__(self) -> "Memory":
        self.peak, self._on = 0, True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._on = False
        self._thread.join()

    def _watch(self) -> None:
        while self._on:
            held = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    held += child.memory_full_info().uss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, held)
            time.sleep(0.02)


def bench(path: Path, wrong: int, repeats: int) -> list[tuple[str, str, str]]:
    """Rows of the table: what, the figure, the target. `wrong` lines of `path` have a defect."""
    size = path.stat().st_size / 1e6
    bare = min(timed(lambda: plain(path)) for _repeat in range(repeats))
    checked = min(timed(lambda: errors(path)) for _repeat in range(repeats))
    found = errors(path)
    assert found == wrong, (found, wrong)
    rows = [
        (f"a bare json.loads loop over {size:,.0f} MB", f"{size / bare:.0f} MB/s", ""),
        ("check a file, in one process", f"{size / checked:.0f} MB/s, {bare / checked:.2f} ×", "≥ 2 ×"),
        *of_command(path, repeats),
    ]
    with tempfile.TemporaryDirectory() as folder:
        return rows + asyncio.run(of_project(path, Path(folder), size, bare, repeats))


def of_command(path: Path, repeats: int) -> list[tuple[str, str, str]]:
    """The same by processor time, and the whole `main.py check`, which also compares the rows with each other."""
    bare = min(spent(lambda: plain(path)) for _repeat in range(repeats))
    checked = min(spent(lambda: errors(path)) for _repeat in range(repeats))
    rows = [("the same, by processor time", f"{checked:.2f} s, {bare / checked:.2f} ×", "≥ 2 ×")]
    for what, options in (("main.py check --rows-only", ["--rows-only"]), ("main.py check", [])):
        with subprocess.Popen(
            [sys.executable, "main.py", "check", *options, str(path)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as child:  # fmt: skip
            _pid, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 1, child.returncode
        rows.append((f"{what}: processor time", f"{usage.ru_utime + usage.ru_stime:.1f} s", ""))
        rows.append((f"{what}: peak memory", f"{usage.ru_maxrss / 1024:.0f} MiB", "≤ 150 MB"))
    return rows


def spent(work: Callable[[], object]) -> float:
    """The processor time of `work` in seconds."""
    started = time.process_time()
    work()
    return time.process_time() - started


async def of_project(path: Path, folder: Path, size: float, bare: float, repeats: int) -> list[tuple[str, str, str]]:
    spent, peak = [], 0
    for repeat in range(repeats):
        project = Project(folder / f"{repeat}.juku")
        with Memory() as memory:
            spent.append(await timed_async(lambda project=project: importing.import_file(project, path)))
        peak = max(peak, memory.peak)
        if repeat < repeats - 1:
            project.close()
            forget(project.path)
    best = min(spent)
    rows = [
        ("import, in processes of its own", f"{size / best:.0f} MB/s, {bare / best:.2f} ×", "≥ 0.7 ×"),
        ("peak memory of its processes", f"{peak / 1e6:.0f} MB", "≤ 150 MB"),
    ]
    rows += [("size of the project", f"{occupied(project.path):.0f} MB, the file has {size:.0f}", "")]
    rows += await of_rows(project)
    rows += await of_exports(project, folder)
    rows.append(("undo of the import", f"{await timed_async(project.undo):.2f} s", ""))
    rows.append(("redo", f"{await timed_async(project.redo):.2f} s", ""))
    project.close()
    return rows


async def of_rows(project: Project) -> list[tuple[str, str, str]]:
    finder = Finder(project)
    by_length = min([await timed_async(lambda: finder.find(Filter(order="length"))) for _repeat in range(3)])
    rows = [("sort all rows by a number", f"{by_length:.2f} s", "≤ 1 s")]
    rows.append(
        (
            "make the search index, in a process of its own",
            f"{await timed_async(lambda: finder.refresh(Reporter())):.1f} s",
            "",
        )
    )
    for word in WORDS:
        seconds = min([await timed_async(lambda word=word: finder.find(Filter(text=word))) for _repeat in range(3)])
        count = len(await finder.find(Filter(text=word)))
        rows.append((f"find “{word}”, {count:,} rows", f"{seconds:.2f} s", "≤ 0.5 s"))
    return rows


async def of_exports(project: Project, folder: Path) -> list[tuple[str, str, str]]:
    out, copy = folder / "out.jsonl", folder / "copy.jsonl"
    exported = min([await timed_async(lambda: project.read(exporting.export, out, Filter())) for _repeat in range(3)])
    whole = out.read_bytes()
    written = min(timed(lambda: write(copy, whole)) for _repeat in range(3))
    figure = f"{exported:.2f} s, {exported / written:.2f} × of writing its bytes"
    return [("export all rows as JSONL", figure, "≤ 4 ×")]


def occupied(path: Path) -> float:
    """Megabytes of the project, with what still waits in its log."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*")) / 1e6


def write(path: Path, whole: bytes) -> None:
    with path.open("wb") as file:
        file.write(whole)
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path) -> None:
    path.unlink()


def plain(path: Path) -> int:
    done = 0
    with path.open("rb") as file:
        for line in file:
            try:
                json.loads(line)
                done += 1
            except ValueError:
                continue
    return done


def errors(path: Path) -> int:
    """Lines with an error; what concerns the whole file stands at line 0."""
    found = formats.check_file(path, Reporter())
    return len({line for line, problem in found if problem.severity == "error" and line})


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def timed_async(work: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started
