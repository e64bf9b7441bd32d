"""Changes the code in small ways, one at a time, and counts the changes that the tests notice.

`python tools/mutate.py [--most N] [--seed N] [--again] [MODULE…]` runs the tests of each module in `TESTS` in a copy of the tree,
adds what came of it to docs/mutation-score.json and makes docs/mutation-score.md of that. Of a module with more than `--most`
mutants a sample is drawn. A mutant is run with the tests that reach its lines, the fastest first, until one fails.
"""

import argparse
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import mutation_page  # noqa: E402
from tools.mutant_runs import KILLED, Warm, loaded  # noqa: E402
from tools.mutants import Mutant, mutants  # noqa: E402
from tools.mutation_page import Sample  # noqa: E402

DOCUMENT = [
    f"test_{name}"
    for name in (
        "database_file",
        "undo",
        "project",
        "database_file_lock",
        "read_only_copy",
        "wal_check",
        "log_marks",
        "project_lock",
        "durability",
        "document_attacked",
    )
]
TESTS = {
    "core/training/submit.py": ["test_submit", "test_job_queue"],
    "core/providers/uploads.py": ["test_uploads"],
    "core/redaction.py": ["test_redaction"],
    "core/exam/graders.py": ["test_graders"],
    "core/exam/key_points.py": ["test_key_points", "test_graders", "test_normalise"],
    "core/text/normalise.py": ["test_normalise", "test_graders"],
    "core/exam/statistics.py": ["test_statistics", "test_verdict"],
    "core/exam/scores.py": ["test_scores", "test_verdict", "test_answers", "test_checkpoint_trends"],
    "core/storage/schema.py": ["test_undo", "test_project", "test_migrations"],
    "core/storage/undo.py": ["test_undo", "test_project", "test_migrations"],
    "core/storage/project.py": DOCUMENT,
    "core/storage/connection.py": [*DOCUMENT, "test_connection", "test_migrations", "test_backups"],
    "core/storage/database_file.py": [*DOCUMENT, "test_backups"],
    "core/storage/database_file_lock.py": [
        "test_file_locks",
        "test_database_file",
        "test_undo",
        "test_database_file_lock",
        "test_project_lock",
        "test_document_attacked",
    ],
    "core/storage/wal_check.py": ["test_log_marks", "test_read_only_copy"],
}
# Tests that try hundreds of states or end processes are left out: what only these notice counts as survived.
SLOW = (
    "killed", "any_sequence", "beyond_the_limit_are_dropped", "cancelling_an_import", "account_looks", "at_one_moment",
    "thins_out",
)  # fmt: skip
MEMORY = Path("/dev/shm")  # where there is such a folder nothing waits for the disk


def tests_of(module: str) -> list[str]:
    wanted = set(TESTS[module])
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests/core").rglob("*.py")) if path.stem in wanted]


def judge(module: str, most: int, seed: int, again: bool) -> None:
    """Try the module's mutants, or `again` those that survived, and write down what came of them."""
    every = list(mutants(ROOT / module, module))
    # In the order drawn: a longer sample goes on where a shorter one ended.
    chosen = random.Random(seed).sample(every, len(every))[:most]
    found = Sample(module, seed, len(every))
    if again:
        (found,) = (one for one in mutation_page.samples() if (one.module, one.seed) == (module, seed))
        alive = {one.name for one in found.left}
        chosen = [one for one in every if one.name in alive]
        found.without_those_left()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        Path(folder).chmod(0o755)
        tree = Path(folder) / "tree"
        copied(tree)
        os.environ["TMPDIR"] = str(tree.parent / "t")
        loaded(tree, module, tests_of(module), SLOW, partial(_try, chosen, found, os.dup(1)))


def _try(chosen: list[Mutant], found: Sample, screen: int, warm: Warm) -> None:
    for number, mutant in enumerate(chosen, 1):
        fate, tests = warm.tried(mutant)
        found.add(mutant, fate)
        mutation_page.keep(found)  # what a run that is ended early has tried is a sample, too
        if fate != KILLED or number % 10 == 0:
            said = f"{number}/{len(chosen)} {fate} ({tests} tests) {mutant.module}:{mutant.line} {mutant.name}\n"
            os.write(screen, said.encode())


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
    os.nice(5)
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
