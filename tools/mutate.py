"""Changes the code in small ways, one at a time, and counts the changes that the tests notice.

`python tools/mutate.py [--most N] [--seed N] [--again] [MODULE…]` runs the tests of each module in `TESTS` in a copy of the tree and
writes what came of it to build/mutation; `--page` makes docs/mutation-score.md of that. Of a module with more than `--most`
mutants a sample is drawn. A mutant is run with the tests that reach its lines, the fastest first, until one fails.
"""

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import mutation_page  # noqa: E402
from tools.mutants import Mutant, mutants  # noqa: E402

FOUND = ROOT / "build" / "mutation"
TESTS = {
    "core/training.py": ["test_training", "test_queue"],
    "core/uploads.py": ["test_uploads"],
    "core/redaction.py": ["test_redaction"],
    "core/graders.py": ["test_graders"],
    "core/points.py": ["test_graders", "test_grading"],
    "core/grading.py": ["test_grading", "test_graders"],
    "core/statistics.py": ["test_statistics", "test_verdict"],
    "core/scores.py": ["test_scores", "test_verdict", "test_eval_answers", "test_trends"],
    "core/schema.py": ["test_steps", "test_project", "test_migrations"],
    "core/project.py": ["test_steps", "test_project", "test_live_file", "test_project_lock"],
    "core/connection.py": ["test_steps", "test_project", "test_live_file", "test_reading_copy"],
    "core/storage.py": ["test_steps", "test_live_file", "test_reading_copy"],
    "core/live_file.py": ["test_steps", "test_live_file", "test_project_lock"],
    "core/log_check.py": ["test_log_marks", "test_reading_copy"],
}
# Tests that try hundreds of states or end processes are left out: what only these notice counts as survived.
SLOW = ("killed", "any_sequence", "beyond_the_limit_are_dropped", "cancelling_an_import", "account_looks")
QUIETLY = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
LONGEST = 60.0  # seconds of the processor, and five times as many by the clock: what takes longer does not end


@dataclass
class Result:
    """What became of a mutant: `killed`, or not; the tests it was run with."""

    name: str
    line: int
    killed: bool
    tests: int
    seconds: float


class Reach:
    """A pytest plugin that notes which lines of a module each test runs, and how long it takes."""

    def __init__(self, module: Path) -> None:
        self.module, self.test = str(module), ""
        self.lines: dict[str, set[int]] = {}
        self.seconds: dict[str, float] = {}

    def pytest_sessionstart(self) -> None:
        import threading

        threading.settrace(self._called)
        sys.settrace(self._called)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test = nodeid
        self.lines[nodeid] = set()
        self.seconds[nodeid] = time.thread_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] = time.thread_time() - self.seconds[nodeid]

    def _called(self, frame, _event, _argument):  # type: ignore[no-untyped-def]
        return self._line if frame.f_code.co_filename == self.module else None

    def _line(self, frame, event, _argument):  # type: ignore[no-untyped-def]
        if event == "line" and self.test:
            self.lines[self.test].add(frame.f_lineno)
        return self._line


class Only:
    """A pytest plugin that leaves all but some tests out, and runs them in the order given."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.place = {test: place for place, test in enumerate(wanted)}

    def pytest_collection_modifyitems(self, items: list) -> None:  # type: ignore[type-arg]
        items[:] = sorted((one for one in items if one.nodeid in self.place), key=lambda one: self.place[one.nodeid])


def tests_of(tree: Path, module: str) -> list[str]:
    return [path for name in TESTS[module] if (tree / (path := f"tests/core/{name}.py")).exists()]


def run(tree: Path, tests: list[str], plugin: object, *more: str) -> tuple[int | None, bytes]:
    """pytest's exit status in a process of its own (None: it did not end) and what `plugin` then holds, as JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            _in_child(tree, tests, plugin, writing, more)
        except BaseException:
            traceback.print_exc()
        os._exit(99)
    os.close(writing)
    try:
        status = _ended(child)
    except BaseException:
        _end_group(child)
        raise
    with os.fdopen(reading, "rb") as pipe:
        return status, pipe.read()


def _in_child(tree: Path, tests: list[str], plugin: object, writing: int, more: tuple[str, ...]) -> None:
    import resource

    import pytest

    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (int(LONGEST), int(LONGEST)))
    os.chdir(tree)
    sys.path[:] = [str(tree), *(place for place in sys.path if place != str(ROOT))]
    said = os.open(tree / "said.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (0, 1, 2):
        os.dup2(said, stream)
    status = pytest.main([*QUIETLY, *more, *tests], plugins=[plugin])
    sys.settrace(None)
    if isinstance(plugin, Reach):
        told = {test: [plugin.seconds[test], *sorted(lines)] for test, lines in plugin.lines.items()}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(told).encode())
    os._exit(int(status))


def _ended(child: int) -> int | None:
    end = time.monotonic() + 5 * LONGEST
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _end_group(child)
    os.waitpid(child, 0)
    return None


def _end_group(child: int) -> None:
    """What a test has started and a mutant kept from ending ends here."""
    with suppress(ProcessLookupError):
        os.killpg(child, 9)


def reach(tree: Path, module: str) -> dict[str, list[float]]:
    """Of each test its seconds and the lines of `module` it runs. Raises where a test fails without any mutant."""
    status, told = run(
        tree, tests_of(tree, module), Reach(tree / module), "-x", "-k", " and ".join(f"not {name}" for name in SLOW)
    )
    if status != 0:
        raise RuntimeError(
            (tree / "said.txt").read_text()[-4000:] + f"The tests of {module} do not pass as they are ({status})."
        )
    found: dict[str, list[float]] = json.loads(told)
    return found


def tried(tree: Path, mutant: Mutant, reached: dict[str, list[float]]) -> Result:
    """Run the tests that reach the mutant's lines; all of them where none does, since some run in other processes."""
    place = tree / mutant.module
    lines = set(range(mutant.line, mutant.end + 1))
    chosen = [test for test, (_seconds, *seen) in reached.items() if lines & set(seen)] if mutant.inside else []
    chosen = sorted(chosen or reached, key=lambda test: reached[test][0])
    before, started = place.read_text(encoding="utf-8"), time.monotonic()
    for stale in place.parent.glob(f"__pycache__/{place.stem}.*"):
        stale.unlink()
    place.write_text(mutant.source, encoding="utf-8")
    try:
        files = sorted({test.split("::")[0] for test in chosen})
        status, _told = run(tree, files, Only(chosen), "-x")
    finally:
        place.write_text(before, encoding="utf-8")
    return Result(mutant.name, mutant.line, status != 0, len(chosen), round(time.monotonic() - started, 1))


def judge(module: str, most: int, seed: int, again: bool) -> None:
    """Try the module's mutants, or `again` those that survived, and write down what came of them."""
    every = list(mutants(ROOT / module, module))
    chosen = random.Random(seed).sample(every, min(most, len(every)))
    place = FOUND / f"{Path(module).stem}{'' if seed == 1 else f'-{seed}'}.json"
    known = json.loads(place.read_text(encoding="utf-8"))["results"] if again else []
    results = {one["name"]: Result(**one) for one in known}
    if again:
        alive = {name for name, one in results.items() if not one.killed}
        chosen = [one for one in every if one.name in alive]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        copied(tree)
        reached = reach(tree, module)
        for mutant in chosen:  # in the order drawn: what a run that is ended early has tried is a sample, too
            results[mutant.name] = tried(tree, mutant, reached)
            if not results[mutant.name].killed:
                print(f"  survived  {module}:{mutant.line}  {mutant.name}", flush=True)
            write_down(place, {"module": module, "mutants": len(every), "seed": seed}, results.values())
    killed = sum(one.killed for one in results.values())
    print(f"{module}: {killed} of {len(results)} killed, of {len(every)} mutants", flush=True)


def write_down(place: Path, about: dict[str, object], results: Iterable[Result]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    found = [asdict(one) for one in sorted(results, key=lambda one: one.line)]
    told = about | {"day": time.strftime("%Y-%m-%d"), "results": found}
    place.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def copied(tree: Path) -> None:
    """The tree as git knows it, with what is not committed yet, and the environment beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    (tree / ".venv").symlink_to((ROOT / ".venv").resolve())


def prepare() -> None:
    """Import once what no mutant changes: every run then begins with it."""
    os.nice(10)
    sys.dont_write_bytecode = False  # what stays the same is compiled once
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ |= {"QT_QPA_PLATFORM": "offscreen", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
    for name in ("hypothesis.strategies", "msgspec", "numpy", "openai", "pytest", "rapidfuzz", "regex", "scipy.stats"):
        importlib.import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="core/x.py; all of them without")
    parser.add_argument("--most", type=int, default=120, help="mutants of one module, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only the mutants that survived the last time")
    parser.add_argument("--page", action="store_true", help="only write the page")
    arguments = parser.parse_args()
    if not arguments.page:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that tests that are running end, too
        prepare()
        for module in arguments.modules or TESTS:
            judge(module, arguments.most, arguments.seed, arguments.again)
    mutation_page.write(TESTS)


if __name__ == "__main__":
    main()
