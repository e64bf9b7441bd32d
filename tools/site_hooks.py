"""What `make docs` adds to MkDocs: the pages of the repository's root, an API page for each package of core, and a check of names.

Each `core/…`, `ui/…`, `tests/…` or `tools/…` path in the documents has to exist, and so has each function, class and constant
that CONTRIBUTING, ARCHITECTURE and the journeys name; one that does not fails the strict build.
"""

import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
ROOT_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
CODE_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "journeys.md")  # the names in them are the code's
NOT_OURS = ("setprofile",)
HISTORY = ("CHANGELOG.md", "structure.md")  # they may name what is gone

_PATH = re.compile(r"(?<![\w/.-])(?:core|ui|tests|tools|resources)/[\w./-]*\w")
_JOURNEY_FILE = re.compile(r"\d+\. `([\w./]+\.py)`")
_FUNCTION = re.compile(r"`(?:\w+\.)*(\w+)\(\)`")
_NAME = re.compile(r"`(?:\w+\.)*([A-Za-z_]\w*)(?:\(\))?`")
_DOCS_LINK = re.compile(r"\]\(docs/")
_ROOT_LINK = re.compile(r"\]\((?:\.\./)+([A-Z]+\.md)")

log = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every decision and every package gets its place in the navigation."""
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    added = {
        "Decisions": [f"decisions/{name}" for name in records],
        "API of core": [f"api/{name}.md" for name in api_pages()],
    }
    for section in config.nav or []:
        if isinstance(section, dict):
            for title, pages in section.items():
                pages += added.get(title, [])
    return config


def api_pages() -> dict[str, list[str]]:
    """The packages of core by their dotted names, each with its modules; the modules of core itself come first."""
    pages: dict[str, list[str]] = {}
    for path in sorted((ROOT / "core").rglob("*.py"), key=lambda path: (path.parent, path.name)):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        if path.name != "__main__.py":
            pages.setdefault(package, []).append(package if path.stem == "__init__" else f"{package}.{path.stem}")
    return pages


def api_text(package: str, modules: list[str]) -> str:
    parts = [f"# {package}", *(f"::: {module}" for module in modules)]
    return "\n\n".join(parts) + "\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the root become pages of the site, with their links to docs/ set right."""
    for name in ROOT_PAGES:
        text = _DOCS_LINK.sub("](", (ROOT / name).read_text(encoding="utf-8"))
        text = text.replace("](LICENSE)", "](https://www.apache.org/licenses/LICENSE-2.0)")
        files.append(File.generated(config, name, content=text))
    for package, modules in api_pages().items():
        files.append(File.generated(config, f"api/{package}.md", content=api_text(package, modules)))
    return files


def on_page_markdown(markdown: str, page: Page, **_others: Any) -> str:
    """Links to pages of the root lead to the site's; names of files that are gone are reported."""
    depth = page.file.src_uri.count("/")
    if page.file.src_uri not in HISTORY:
        for name in sorted(set(_PATH.findall(markdown))):
            if not exists(name):
                log.warning("%s names %s, which does not exist", page.file.src_uri, name)
    names = missing_names(markdown) if page.file.src_uri in CODE_PAGES else []
    for name in names + (missing_functions(markdown) if page.file.src_uri == "journeys.md" else []):
        log.warning("%s names %s, which does not exist", page.file.src_uri, name)
    return _ROOT_LINK.sub("](" + "../" * depth + r"\1", markdown)


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
