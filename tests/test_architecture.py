"""Who may import whom. Read from the source, so a slip fails here and not in review."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("core", "ui") for path in (ROOT / folder).rglob("*.py"))
NAMES = {path: path.relative_to(ROOT).as_posix() for path in FILES}

# A package, and the only folder or file that may import it.
ONLY_IN = {
    "PySide6": "ui/",
    "pyqtgraph": "ui/",
    "qasync": "ui/app.py",
    "ui": "ui/",
    "openai": "core/providers/",
    "keyring": "core/keys.py",
    "torch": "core/engine/",
    "transformers": "core/engine/",
    "peft": "core/engine/",
    "gguf": "core/engine/",
    "starlette": "core/engine/",
    "uvicorn": "core/engine/",
}

# Inside core, imports run downwards in this order; modules of one line may import each other.
ORDER = (
    ("errors", "language", "progress", "paths", "packs", "counting", "layout", "difference", "redaction", "statistics"),
    ("whole_files", "tracebacks", "processes", "shared_disks"),
    ("settings", "keys", "log", "choices", "migrations", "outside", "prompts", "presets", "calendar"),
    ("schema",),
    ("connection", "live_file"),
    ("log_check",),
    ("project_lock", "storage", "reading_copy"),
    ("project",),
    ("aside", "backups", "safety", "checks", "personal", "duplicates"),
    ("tokens", "prices"),
    ("formats", "grading", "measures", "denial"),
    ("documents", "templates"),
    ("statements", "prose", "grounding"),
    ("passages", "spec_lint"),
    ("spec_survey",),
    ("search", "turns", "conversation", "spec", "said"),
    ("filters", "facts"),
    ("dataset", "indexing", "revisions"),
    (
        "amounts",
        "quarantine",
        "rows",
        "editing",
        "versions",
        "contradictions",
        "alikes",
        "survey",
        "findings",
        "trained_prompt",
    ),
    ("importing", "exporting", "proposals", "replies"),
    ("samples", "providers"),
    ("curves", "uploads", "moderation"),
    ("jobs",),
    ("lineage", "orphans", "rescue"),
    ("standing",),
    ("training", "chat"),
    ("queue", "preflight"),
    ("proof", "retrieval"),
    ("fact_links", "hold_out"),
    ("conditions",),
    ("batches",),
    ("asking",),
    ("inquiries",),
    ("points",),
    ("graders",),
    ("judges", "duels", "eval_questions"),
    ("evals",),
    ("scores", "eval_answers"),
    ("trends", "verdict", "as_code"),
    ("report_data", "report_words", "report_charts", "markup"),
    ("report_questions", "report_files", "promptfoo"),
    ("report_html",),
    ("report",),
    ("playground", "corrections"),
    ("transcripts",),
    ("routing",),
    ("coverage",),
    ("generation", "probing", "judging", "refining", "drafting", "golden", "link_asking", "remaking"),
    ("inquiry_tasks",),
    ("console",),
    ("fact_verbs",),
    ("row_verbs", "exam_verbs"),
    ("commands",),
)
LEVELS = {name: level for level, names in enumerate(ORDER) for name in names}


# What reads a clock; and what only pauses, so that its end fails nothing.
CLOCKS = {f"time.{name}" for name in ("perf_counter", "monotonic", "process_time", "thread_time")}
HARMLESS = {"asyncio.wait"}


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """Full names: `from core import x` is core.x."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{NAMES[path]} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_imports(path):
    where = NAMES[path]
    for name in imports(path):
        home = ONLY_IN.get(name.split(".")[0])
        assert home is None or where.startswith(home), f"{where} imports {name}"
        if name.startswith("core.engine"):
            assert where.startswith("core/engine/"), f"{where} imports {name}: the two meet over HTTP"
        elif where.startswith("core/engine/"):
            assert not name.startswith("core"), f"{where} imports {name}"
        if name.startswith("ui.") and "_tab." in f"{name}.":
            assert where == "ui/main_window.py" or name.startswith(where[:-3].replace("/", ".")), (
                f"{where} imports {name}"
            )


@pytest.mark.parametrize("path", [path for path in FILES if NAMES[path].startswith("core/")], ids=NAMES.get)
def test_core_imports_downwards(path):
    parts = NAMES[path].removesuffix(".py").split("/")
    if parts[1] in ("engine", "__init__"):
        return
    for name in imports(path):
        if name.startswith("core.") and name != "core.__version__":
            imported = name.split(".")[1]
            assert LEVELS[imported] <= LEVELS[parts[1]], f"{NAMES[path]} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_where_things_happen(path):
    where = NAMES[path]
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        match node.func.attr:
            case "create_task" if not where.startswith("core/engine/"):
                # A task group waits for its tasks by itself.
                assert where == "ui/tasks.py" or owner == "group", f"{where}:{node.lineno} starts a task"
            case "exec" | "exec_":
                pytest.fail(f"{where}:{node.lineno}: a nested Qt loop breaks the running tasks; open() and await")
            case "selectRow" | "setCurrentCell":
                pytest.fail(f"{where}:{node.lineno}: does what a click would do with the keys held; widgets.select_row")
            case "connect" if owner == "sqlite3":
                assert where == "core/connection.py", f"{where}:{node.lineno} opens a connection"
            case "execute" | "executemany":
                assert where.startswith("core/"), f"{where}:{node.lineno} speaks SQL"


TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if path.name != "patience.py")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_test_goes_by_the_clock(path):
    """A busy machine is slow, not wrong: how long something may take is in tests/patience.py alone."""
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


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_size(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{NAMES[path]}:{node.lineno} {node.name} is long"


def test_core_needs_no_qt():
    code = "import core.commands, sys; print([name for name in sys.modules if name.split('.')[0] in ('PySide6', 'torch', 'openai')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
