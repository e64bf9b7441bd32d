"""Measures how the code is laid out at one or more git revisions: `python tools/structure.py [--mypy] 8b6ce5d HEAD`.

Prints one Markdown table for docs/structure.md. Each revision is unpacked into a temporary folder; nothing is imported.
"""

import argparse
import ast
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "structure.md"
UNPACKED = ("core", "ui", "tests", "main.py", "pyproject.toml")

# A function name that ends with a participle says what was done, not what it does. Slots (`on_changed`) and
# yes-or-no questions (`is_closed`) are named like that everywhere.
IRREGULAR = (
    "told said kept shown made held found given taken written left sent gone drawn known seen chosen done begun bought brought built "
    "caught cut dealt fallen felt grown heard laid led lent lost meant met paid put sold spent spoken stood taught thought won worn"
)
NO_PARTICIPLES = [
    "need",
    "feed",
    "seed",
    "speed",
    "embed",
    "indeed",
    "red",
    "bed",
    "exceed",
    "proceed",
    "succeed",
    "unneed",
    "shed",
]
PARTICIPLE = re.compile(rf"(?:^|_)(?:[a-z]+ed|{'|'.join(IRREGULAR.split())})$")
QUESTIONS = ("on_", "is_", "has_", "was_", "are_", "can_", "may_", "needs_", "test_")

UNITS = re.compile(
    r"\b(seconds?|milliseconds?|ms|minutes?|bytes?|characters?|tokens?|pixels?|percent|KiB|MiB|MB|rows?|lines?|shape|US dollars?|between 0 and 1|0 to 1)\b|%"
)
RAISES = re.compile(r"\b[Rr]aises?\b")
SAME_LINES = 6  # a shorter run of equal lines is chance
FEW_LINES, MANY_LINES = 40, 500


@dataclass
class Module:
    name: str  # with dots
    lines: list[str]
    tree: ast.Module

    @property
    def is_package_file(self) -> bool:
        return self.name.endswith((".__init__", ".__main__"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revisions", nargs="*", default=["HEAD"])
    parser.add_argument("--write", action="store_true", help="put the table into docs/structure.md")
    parser.add_argument(
        "--mypy", action="store_true", help="count the errors of mypy --strict in ui/ too (a minute each)"
    )
    chosen = parser.parse_args()
    table = format_table(chosen.revisions, [measure_revision(revision, chosen.mypy) for revision in chosen.revisions])
    print(table)
    if chosen.write:
        before, _table, after = re.split(
            r"((?:^\|.*\n)+)", PAGE.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE
        )
        PAGE.write_text(f"{before}{table}\n{after}", encoding="utf-8")


def format_table(revisions: list[str], columns: list[dict[str, str]]) -> str:
    """The figures of each revision side by side, as a Markdown table."""
    names = [shorten(revision) for revision in revisions]
    lines = ["| what | " + " | ".join(names) + " |", "|---|" + "---:|" * len(columns)]
    lines += [f"| {what} | " + " | ".join(column[what] for column in columns) + " |" for what in columns[0]]
    return "\n".join(lines)


def shorten(revision: str) -> str:
    """The short hash of a revision, whatever it is called."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", revision], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def measure_revision(revision: str, with_mypy: bool) -> dict[str, str]:
    """The figures of one revision, as texts for the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        unpack(revision, root)
        modules = [load(path, root) for path in sorted(root.rglob("*.py"))]
        program = [module for module in modules if module.name.split(".")[0] in ("core", "ui")]
        figures = measure_files(root) | measure_imports(modules, program, root) | measure_functions(program)
        figures["runs of 6 or more equal lines in two places"] = str(count_equal_runs(program))
        if with_mypy:
            figures["errors of `mypy --strict ui`"] = count_mypy_errors(root)
    return figures


def unpack(revision: str, root: Path) -> None:
    present = subprocess.run(
        ["git", "ls-tree", "--name-only", revision], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in UNPACKED if name in present.stdout.split()]
    packed = subprocess.run(["git", "archive", revision, *names], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(root, filter="data")


def load(path: Path, root: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(".".join(path.relative_to(root).with_suffix("").parts), text.splitlines(), ast.parse(text))


def measure_files(root: Path) -> dict[str, str]:
    """How many modules a folder holds (without `__init__.py`), and their sizes."""
    figures = {}
    for top in ("core", "ui", "tests"):
        paths = [path for path in (root / top).rglob("*.py") if path.name != "__init__.py"]
        counts = sorted(Counter(path.parent for path in paths).values())
        figures[f"{top}/: files, folders"] = f"{len(paths)}, {len(counts)}"
        figures[f"{top}/: files a folder, median and most"] = f"{statistics.median(counts):g}, {counts[-1]}"
    paths = [path for top in ("core", "ui") for path in (root / top).rglob("*.py") if path.name != "__init__.py"]
    sizes = [len(path.read_text(encoding="utf-8").splitlines()) for path in paths]
    figures[f"files of core/ and ui/ under {FEW_LINES} lines"] = str(sum(size < FEW_LINES for size in sizes))
    figures[f"files of core/ and ui/ over {MANY_LINES} lines"] = str(sum(size > MANY_LINES for size in sizes))
    return figures


def measure_imports(modules: list[Module], program: list[Module], root: Path) -> dict[str, str]:
    known = {module.name.removesuffix(".__init__") for module in modules}
    users = [module for module in modules if not module.name.startswith("tests.")]
    imports = {module.name: {name for name, _ in find_imports(module, known)} for module in users}
    importers: dict[str, set[str]] = defaultdict(set)
    for user, used in imports.items():
        for name in used:
            importers[name].add(user)
    figures = {}
    for top in ("core", "ui"):
        named = [m.name for m in program if m.name.startswith(f"{top}.") and not m.is_package_file]
        figures[f"{top}/: files with one importer"] = str(sum(len(importers[name]) == 1 for name in named))
    late = sum(depth > 0 for module in program for _, depth in find_imports(module, known))
    units = {top: unit_graph(imports, top) for top in ("core", "ui")}
    return figures | {
        "names that the import rules list": str(count_rule_names(root)),
        "imports upwards between packages (order in pyproject.toml)": count_arrows_up(root, units),
        "import cycles between packages": str(sum(len(find_circles(graph)) for graph in units.values())),
        "imports of own modules inside functions": str(late),
    }


def find_imports(module: Module, known: set[str]) -> Iterator[tuple[str, int]]:
    """The modules of this repository that it imports, with how many functions are around each import.

    What only a type checker reads is left out.
    """

    def walk(node: ast.AST, depth: int) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            yield from ((alias.name, depth) for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                name = inner if inner in known else node.module
                if name in known:
                    yield name, depth
        inside = depth + isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    return walk(module.tree, 0)


def unit_graph(imports: dict[str, set[str]], top: str) -> dict[str, set[str]]:
    """Who imports whom among the direct children of core/ or ui/: packages, and modules outside of one."""
    graph: dict[str, set[str]] = defaultdict(set)
    for user, used in imports.items():
        parts = user.split(".")
        if parts[0] != top or len(parts) < 2:
            continue
        for name in used:
            other = name.split(".")
            if other[0] == top and len(other) > 1 and other[1] != parts[1]:
                graph[parts[1]].add(other[1])
    return graph


def count_rule_names(root: Path) -> int:
    """How many packages and modules a reader has to know to read the order: the longest list of the rules."""
    layers = [
        name for contract in read_contracts(root) for layer in contract.get("layers", []) for name in layer.split("|")
    ]
    if layers:
        return len(layers)
    tree = ast.parse((root / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    orders = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER"]
    return sum(isinstance(node, ast.Constant) for order in orders for node in ast.walk(order.value))


def read_contracts(root: Path) -> list[dict]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return project.get("tool", {}).get("importlinter", {}).get("contracts", [])


def count_arrows_up(root: Path, units: dict[str, dict[str, set[str]]]) -> str:
    """Imports from a package to one above it, or to one beside it in the same layer."""
    contracts = [contract for contract in read_contracts(root) if contract.get("type") == "layers"]
    if not contracts:
        return "no packages to order"
    arrows = 0
    for contract in contracts:
        places = {name.strip(): row for row, layer in enumerate(contract["layers"]) for name in layer.split("|")}
        for user, used in units[contract["containers"][0]].items():
            arrows += sum(user in places and name in places and places[name] <= places[user] for name in used)
    return str(arrows)


def find_circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of two or more units in which each one reaches each other."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in graph.get(waiting.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return seen

    reached = {name: reach(name) for name in graph}
    circles = {frozenset(other for other in there if name in reached.get(other, ())) for name, there in reached.items()}
    return [set(circle) for circle in circles if len(circle) > 1]


def measure_functions(program: list[Module]) -> dict[str, str]:
    functions = [found for module in program for found in find_functions(module.tree)]
    lengths = sorted(node.end_lineno - node.lineno + 1 for node, _ in functions)
    participles = sum(is_participle(node.name) for node, _ in functions)
    documented = [ast.get_docstring(node) or "" for node, public in functions if public]
    return {
        "functions": f"{len(functions):,}",
        "lines of a function: median, 90 %, most": f"{percentile(lengths, 0.5)}, {percentile(lengths, 0.9)}, {lengths[-1]}",
        "functions named by a participle": str(participles),
        "public functions": f"{len(documented):,}",
        "– with a docstring": f"{sum(map(bool, documented)):,}",
        "– that says what it raises": str(sum(bool(RAISES.search(text)) for text in documented)),
        "– that names a unit or a shape": str(sum(bool(UNITS.search(text)) for text in documented)),
    }


def find_functions(tree: ast.AST, public: bool = True) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """All functions, with whether one may be called from outside: no underscore in it or in its class, no function around it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, public and not node.name.startswith("_")
            yield from find_functions(node, False)
        else:
            hidden = isinstance(node, ast.ClassDef) and node.name.startswith("_")
            yield from find_functions(node, public and not hidden)


def is_participle(name: str) -> bool:
    bare = name.strip("_")
    last = bare.rpartition("_")[2]
    return bool(PARTICIPLE.search(bare)) and last not in NO_PARTICIPLES and not bare.startswith(QUESTIONS)


def percentile(ordered: list[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def count_equal_runs(program: list[Module]) -> int:
    """Runs of equal code lines that stand in two places; blank lines, comments, imports and lone brackets do not count."""
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, module in enumerate(program):
        imports = {
            line
            for node in ast.walk(module.tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for line in range(node.lineno - 1, node.end_lineno or node.lineno)
        }
        lines = [line.strip() for number, line in enumerate(module.lines) if number not in imports]
        code = [line for line in lines if len(line) > 1 and not line.startswith(("#", '"""'))]
        for start in range(len(code) - SAME_LINES + 1):
            places[tuple(code[start : start + SAME_LINES])].append((number, start))
    pairs = {(a, b) for found in places.values() for a in found for b in found if a < b}
    return sum(((a[0], a[1] - 1), (b[0], b[1] - 1)) not in pairs for a, b in pairs)


def count_mypy_errors(root: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "ui"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    last = (done.stdout.strip().splitlines() or [done.stderr])[-1]
    found = re.search(r"Found (\d+) errors", last)
    return found[1] if found else "0" if last.startswith("Success") else last


if __name__ == "__main__":
    main()
