"""Runs tests with one change of a module after the other, each in a fork of a process that has loaded everything once.

A change within functions is put into the loaded module; with any other the module has to be loaded anew, and all that uses it.
"""

import gc
import inspect
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType

from tools.mutants import Mutant

QUIETLY = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
# A test has this many times what it needs without any change, and some seconds: what takes longer does not end.
TIMES, PROCESSOR, CLOCK = 5, 3, 8
LOADING = 120  # seconds by the clock until all is loaded
FAILED, KILLED, TIMED_OUT, SURVIVED = 99, "killed", "timeout", "survived"


@dataclass
class Reached:
    """What a test needs without any change, in seconds of the processor and by the clock, and the module's lines it runs."""

    processor: float
    clock: float
    lines: list[int]


class Trace:
    """A pytest plugin that notes which lines of a module each test runs."""

    def __init__(self, module: Path) -> None:
        self.module, self.test = str(module), ""
        self.lines: dict[str, set[int]] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        import threading

        self.test = nodeid
        self.lines[nodeid] = set()
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame, _event, _argument):  # type: ignore[no-untyped-def]
        return self._line if frame.f_code.co_filename == self.module else None

    def _line(self, frame, event, _argument):  # type: ignore[no-untyped-def]
        if event == "line":
            self.lines[self.test].add(frame.f_lineno)
        return self._line


class Clock:
    """A pytest plugin that notes how long each test takes, with what it starts."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, LOADING)
        self.seconds[nodeid] = _used()

    def pytest_runtest_logreport(self, report) -> None:  # type: ignore[no-untyped-def]
        if report.failed:
            print(report.nodeid, report.longreprtext, sep="\n", flush=True)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        (processor, clock), (began, at) = _used(), self.seconds[nodeid]
        self.seconds[nodeid] = processor - began, clock - at


def _used() -> tuple[float, float]:
    return sum(os.times()[:4]), time.monotonic()


class Limits:
    """A pytest plugin that ends the process where a test takes longer than it may, and where one fails, without tidying up."""

    def __init__(self, reached: dict[str, Reached]) -> None:
        self.reached = reached

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        import resource

        own = self.reached[nodeid]
        processor = time.process_time() + TIMES * own.processor + PROCESSOR
        _hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(processor) + 1, _hard))
        signal.setitimer(signal.ITIMER_REAL, TIMES * own.clock + CLOCK)

    def pytest_runtest_logreport(self, report) -> None:  # type: ignore[no-untyped-def]
        if report.failed:
            os._exit(1)


class Only:
    """A pytest plugin that leaves all but some tests out, and runs them in the order given."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.place = {test: place for place, test in enumerate(wanted)}

    def pytest_collection_modifyitems(self, items: list) -> None:  # type: ignore[type-arg]
        items[:] = sorted((one for one in items if one.nodeid in self.place), key=lambda one: self.place[one.nodeid])


class Warm:
    """A pytest plugin that has the tests loaded and then, in place of running them, does `work` with itself."""

    def __init__(self, tree: Path, module: str, anew: Connection, work: Callable[["Warm"], None]) -> None:
        self.tree, self.module, self._anew, self._work = tree, module, anew, work
        self.source = (tree / module).read_text(encoding="utf-8")
        self.reached: dict[str, Reached] = {}

    def pytest_runtestloop(self, session) -> bool:  # type: ignore[no-untyped-def]
        self._session = session
        self._reach()
        self._work(self)
        return True

    def _reach(self) -> None:
        trace, clock = Trace(self.tree / self.module), Clock()
        place = self.tree / "reached.json"
        names = [one.nodeid for one in self._session.items]
        self._require(self._run(names, clock, lambda: place.write_text(json.dumps(clock.seconds))))
        seconds = json.loads(place.read_text())
        told = {}
        self._require(self._run(names, trace, lambda: place.write_text(json.dumps(trace.lines, default=sorted))))
        told = json.loads(place.read_text())
        self.reached = {name: Reached(*seconds[name], told[name]) for name in names}

    def _require(self, status: int) -> None:
        if status:
            raise RuntimeError(f"The tests of {self.module} do not pass as they are ({status}); see said.txt.")

    def tried(self, mutant: Mutant) -> tuple[str, int]:
        """What became of it, and with how many tests: those that reach its lines, or all, since some start other processes."""
        names = self._chosen(mutant)
        place = self.tree / self.module
        self._write(place, mutant.source)
        try:
            parts = changed_parts(self.source, mutant.source, str(place))
            if parts is None:
                self._anew.send((names, self.reached))
                status = self._anew.recv()
            else:
                status = self._run(names, Limits(self.reached), changing=parts)
        finally:
            self._write(place, self.source)
        return fate(status), len(names)

    def _chosen(self, mutant: Mutant) -> list[str]:
        lines = set(range(mutant.line, mutant.end + 1))
        chosen = [name for name, one in self.reached.items() if lines & set(one.lines)] if mutant.inside else []
        return sorted(chosen or self.reached, key=lambda name: self.reached[name].processor)

    @staticmethod
    def _write(place: Path, source: str) -> None:
        """For the processes that tests start; nothing compiled of another source is left."""
        place.write_text(source, encoding="utf-8")
        for stale in place.parent.glob(f"__pycache__/{place.stem}.*"):
            stale.unlink()

    def _run(
        self,
        names: list[str],
        plugin: object,
        after: Callable[[], object] = lambda: None,
        changing: dict[FunctionType, CodeType] | None = None,
    ) -> int:
        def work() -> int:
            from _pytest.main import pytest_runtestloop

            for function, code in (changing or {}).items():
                function.__code__ = code
            session = self._session
            items = {one.nodeid: one for one in session.items}
            session.items = [items[name] for name in names]
            session.config.pluginmanager.register(plugin)
            with suppress(session.Failed, session.Interrupted):
                pytest_runtestloop(session)
            sys.settrace(None)
            after()
            return int(bool(session.testsfailed))

        return forked(self.tree, work)


def fate(status: int) -> str:
    if status in (-signal.SIGALRM, -signal.SIGXCPU):
        return TIMED_OUT
    assert status not in (FAILED, 5), status  # the tool itself, or no test was found
    return KILLED if status else SURVIVED


def forked(tree: Path, work: Callable[[], int]) -> int:
    """The exit status of a process that does `work`, below 0 the signal that ended it; what it has started ends with it."""
    scrap = tree.parent / "t"
    shutil.rmtree(scrap, ignore_errors=True)
    scrap.mkdir()
    scrap.chmod(0o1777)  # some tests are another account for a while
    child = os.fork()
    if not child:
        _in_child(work)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, 9)


def _in_child(work: Callable[[], int]) -> None:
    status = FAILED
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)
        status = work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


def loaded(tree: Path, module: str, tests: list[str], without: Iterable[str], work: Callable[[Warm], None]) -> None:
    """Do `work` with the tests of a module, loaded in a process of their own. Raises `RuntimeError` where that fails."""
    import multiprocessing

    ours, theirs = multiprocessing.Pipe()
    left_out = " and ".join(f"not {name}" for name in without)
    child = os.fork()
    if not child:
        ours.close()
        _in_child(lambda: _warm(tree, ["-x", "-k", left_out, *tests], Warm(tree, module, theirs, work)))
    theirs.close()
    try:
        with suppress(EOFError):
            while True:
                names, reached = ours.recv()
                ours.send(forked(tree, lambda names=names, reached=reached: _anew(tree, names, reached)))  # type: ignore[misc]
        if status := os.waitpid(child, 0)[1]:
            raise RuntimeError((tree / "said.txt").read_text(errors="replace")[-4000:] + f"\n{module}: {status}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGTERM)


def _warm(tree: Path, told: list[str], plugin: Warm) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what it runs ends first
    return _pytest(tree, told, plugin)


def _anew(tree: Path, names: list[str], reached: dict[str, Reached]) -> int:
    signal.setitimer(signal.ITIMER_REAL, LOADING)
    files = sorted({name.split("::")[0] for name in names})
    return _pytest(tree, ["-x", *files], Only(names), Limits(reached), said="said-anew.txt")


def _pytest(tree: Path, told: list[str], *plugins: object, said: str = "said.txt") -> int:
    import pytest

    os.chdir(tree)
    root = str(Path(__file__).resolve().parent.parent)
    sys.path[:] = [str(tree), *(place for place in sys.path if place != root)]
    file = os.open(tree / said, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(file, stream)
    return int(pytest.main([*QUIETLY, *told], plugins=list(plugins)))


def changed_parts(before: str, after: str, file: str) -> dict[FunctionType, CodeType] | None:
    """The loaded functions of `file` with the code that `after` gives them; None where more than functions differs."""
    import ast

    _outline, original = _parts(compile(before, file, "exec"))
    old_outline, old = _parts(compile(ast.unparse(ast.parse(before)), file, "exec"))
    new_outline, new = _parts(compile(after, file, "exec"))
    if old_outline != new_outline or list(old) != list(new):
        return None
    found: dict[FunctionType, CodeType] = {}
    for name in (name for name in new if _content(new[name]) != _content(old[name])):
        functions = list(_functions(original[name]))
        if not functions or new[name].co_freevars != original[name].co_freevars:
            return None
        found |= dict.fromkeys(functions, new[name])
    return found


def _functions(code: CodeType) -> Iterator[FunctionType]:
    known = (code.co_filename, code.co_qualname, code.co_firstlineno)
    for one in gc.get_objects():
        if type(one) is FunctionType:
            own = one.__code__
            if (own.co_filename, own.co_qualname, own.co_firstlineno) == known:
                yield one


def _parts(code: CodeType) -> tuple[object, dict[str, CodeType]]:
    """A module's code without its functions, and the functions that are in no other, by name and place."""
    found: dict[str, CodeType] = {}

    def outline(one: CodeType) -> object:
        return _content(one, lambda inner: outline(inner) if not _is_function(inner) else named(inner))

    def named(one: CodeType) -> str:
        name = f"{one.co_qualname} {sum(key.startswith(one.co_qualname + ' ') for key in found)}"
        found[name] = one
        return name

    return outline(code), found


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def _content(code: CodeType, within: Callable[[CodeType], object] | None = None) -> object:
    """All that a code does, without the places of its lines."""
    inner = [(within or _content)(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return code.co_name, code.co_code, code.co_exceptiontable, names, counts, inner
