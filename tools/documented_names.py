"""The paths and names of the code in the documents: which of them exist. `make docs` and tests/test_documented_names.py ask."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOT_PAGES = ("README.md", "README.ja.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
CODE_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "journeys.md")  # the names in them are the code's
JOURNEYS = "journeys.md"
NOT_OURS = ("setprofile",)
HISTORY = ("CHANGELOG.md", "structure.md")  # they may name what is gone

_PATH = re.compile(r"(?<![\w/.-])(?:core|ui|tests|tools|resources)/[\w./-]*\w")
_JOURNEY_FILE = re.compile(r"\d+\. `([\w./]+\.py)`")
_FUNCTION = re.compile(r"`(?:\w+\.)*(\w+)\(\)`")
_NAME = re.compile(r"`(?:\w+\.)*([A-Za-z_]\w*)(?:\(\))?`")


def find_missing(page: str, markdown: str) -> Iterator[str]:
    """What a page names and the repository does not have. `page`: its path below docs, or its name in the root."""
    if page not in HISTORY:
        yield from (name for name in sorted(set(_PATH.findall(markdown))) if not exists(name))
    if page in CODE_PAGES:
        yield from missing_names(markdown)
    if page == JOURNEYS:
        yield from missing_functions(markdown)


def exists(name: str) -> bool:
    """Whether a path, or a module without its suffix, is in the repository; NAME stands for any."""
    if "NAME" in name:
        return True
    path = ROOT / name
    return path.exists() or path.with_suffix(".py").exists()


@cache
def source() -> str:
    """Everything in which a name of the code may be."""
    paths = [path for folder in ("core", "ui", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    paths += [ROOT / "pyproject.toml", ROOT / "Makefile"]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def missing_names(markdown: str) -> list[str]:
    """The names in code spans that are nowhere in the source: renamed meanwhile."""
    words = set(re.findall(r"\w+", source()))
    return sorted(name for name in set(_NAME.findall(markdown)) if name not in words and name not in NOT_OURS)


def missing_functions(markdown: str) -> list[str]:
    """The functions of a journey that are not in the files it names: `1. `core/x.py`: `f()`, `Class.g()`.`

    What follows an arrow up is in another file, and is not looked for.
    """
    missing = []
    for line in markdown.splitlines():
        if found := _JOURNEY_FILE.match(line):
            text = (ROOT / found[1]).read_text(encoding="utf-8") if exists(found[1]) else ""
            names = _FUNCTION.findall(line.partition("↑")[0])
            missing += [f"{name} in {found[1]}" for name in names if not re.search(rf"\bdef {name}\b", text)]
    return missing
