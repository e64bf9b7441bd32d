"""What no linter says of the source; who may import whom is in pyproject.toml (import-linter)."""

import ast
import re
import subprocess
import sys
from functools import cache

import pytest

from core.paths import ROOT

FILES = sorted(path for folder in ("core", "ui") for path in (ROOT / folder).rglob("*.py"))
NAMES = {path: path.relative_to(ROOT).as_posix() for path in FILES}

# What reads a clock; and what only pauses, so that its end fails nothing.
CLOCKS = {f"time.{name}" for name in ("perf_counter", "monotonic", "process_time", "thread_time")}
HARMLESS = {"asyncio.wait"}


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_where_things_happen(path):
    where = NAMES[path]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            is_elsewhere = where.startswith("core/cli/") and where != "core/cli/streams.py"
            assert not is_elsewhere, f"{where}:{node.lineno} prints past core/cli/streams.py, which makes texts safe"
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        match node.func.attr:
            case "create_task" if not where.startswith("core/engine/"):
                # A task group waits for its tasks by itself.
                assert where in ("ui/async_tasks.py", "ui/event_loop.py") or owner == "group", (
                    f"{where}:{node.lineno} starts a task"
                )
            case "exec" | "exec_":
                pytest.fail(f"{where}:{node.lineno}: a nested Qt loop breaks the running tasks; open() and await")
            case "selectRow" | "setCurrentCell":
                pytest.fail(f"{where}:{node.lineno}: does what a click would do with the keys held; widgets.select_row")
            case "connect" if owner == "sqlite3":
                assert where == "core/storage/connection.py", f"{where}:{node.lineno} opens a connection"
            case "execute" | "executemany":
                assert where.startswith("core/"), f"{where}:{node.lineno} speaks SQL"


TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if path.name != "patience.py")


def test_no_two_test_files_have_the_same_name():
    """Folders of tests are no packages: pytest could collect only one of the two, and does not say so for each alone."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_test_goes_by_the_clock(path):
    """A busy machine is slow, not wrong: how long something may take is in tests/support/patience.py alone."""
    for node in ast.walk(tree(path)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        place = f"{path.name}:{getattr(node, 'lineno', 0)}"
        assert called not in CLOCKS, f"{place}: {called} is the clock's; effort() measures work"
        for keyword in node.keywords if called else ():
            limited = keyword.arg in ("timeout", "deadline") and isinstance(keyword.value, ast.Constant)
            short = limited and keyword.value.value not in (None, 0)
            assert not short or called in HARMLESS or path.name == "conftest.py", f"{place}: wait PATIENCE"
        last = node.args[-1] if called.endswith((".wait", ".join", ".wait_for", ".timeout")) and node.args else None
        assert not (isinstance(last, ast.Constant) and isinstance(last.value, int | float)), f"{place}: wait PATIENCE"


# Reaches of tests/ui into private members, which renaming breaks unseen: fewer are welcome, more are not.
MAX_PRIVATE_REACHES = 61
MAX_EQUAL_LINES = 4  # of a helper that two test files may both have


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_what_several_tests_need_is_written_once():
    """A fixture or helper with an equal body belongs in a conftest.py or tests/support."""
    found = {}
    for path in TESTS:
        for function in functions(path):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            text = "\n".join(map(ast.unparse, body))
            if text.count("\n") >= MAX_EQUAL_LINES:
                found.setdefault(text, set()).add(path.relative_to(ROOT).as_posix())
    twice = [sorted(paths) for paths in found.values() if len(paths) > 1]
    assert not twice, f"the same function in {twice}"


def test_private_members_are_left_to_their_class():
    """A page object of tests/support/pages does it for all tests, or the member is public."""
    places = [path for path in TESTS if path.is_relative_to(ROOT / "tests" / "ui")]
    places += (ROOT / "tests" / "support" / "pages").glob("*.py")
    reaches = []
    for path in places:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                reaches += [] if own else [f"{path.name}:{node.lineno} {ast.unparse(node)}"]
    assert len(reaches) <= MAX_PRIVATE_REACHES, reaches


def test_a_test_says_what_it_finds_out():
    """It has an assertion, or says in its docstring what it waits for."""
    for path in TESTS:
        for function in functions(path):
            if function.name.startswith("test_") and not ast.get_docstring(function):
                parts = [node for node in ast.walk(function) if isinstance(node, ast.Assert | ast.Call)]
                ways = {ast.unparse(node.func).rpartition(".")[2] for node in parts if isinstance(node, ast.Call)}
                asserted = any(isinstance(node, ast.Assert) for node in parts) or "raises" in ways
                assert asserted, f"{path.name}:{function.lineno} {function.name} has neither"


# Words that have sent readers to a dictionary, and the field's word for each.
WORDS = {
    "reckon": "estimate",
    "signs": "characters",  # plus and minus signs are signs
    "dealt out": "distributed",
    "slips of the pen": "typing errors",
}
SIGNS = ("plus and minus signs",)


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_words(path):
    text = path.read_text(encoding="utf-8").lower()
    for allowed in SIGNS:
        text = text.replace(allowed, "")
    found = {word: better for word, better in WORDS.items() if re.search(rf"\b{word}", text)}
    assert not found, f"{NAMES[path]}: say {found}"


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_size(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{NAMES[path]}:{node.lineno} {node.name} is long"


def test_core_needs_no_qt():
    code = "import core.cli.commands, sys; print([name for name in sys.modules if name.split('.')[0] in ('PySide6', 'torch', 'openai')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_style_sheet_names_classes_of_its_file():
    """A selector is the name of a Python class: renaming the class alone would silently take its style away."""
    selector = re.compile(r"(?:^|\})\s*([A-Z][A-Za-z]+)[\w:\[\]=\"'-]*\s*\{(?=\s|$)")
    for path in (path for path in FILES if NAMES[path].startswith("ui/")):
        classes = {node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
        texts = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
        for name in (name for text in texts if isinstance(text, str) for name in selector.findall(text)):
            assert name.startswith("Q") or name in classes, f"{NAMES[path]}: no class {name} to style"
