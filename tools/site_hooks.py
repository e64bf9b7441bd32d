"""What `make docs` adds to MkDocs: the guide, the pages of the repository's root, an API page for each package of core, and a
check of names.

Each `core/…`, `ui/…`, `tests/…` or `tools/…` path in the documents has to exist, and so has each function, class and constant
that CONTRIBUTING, ARCHITECTURE and the journeys name; one that does not fails the strict build.
"""

import logging
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core import guide
from tools.documented_names import ROOT, ROOT_PAGES, find_missing

GUIDE_TITLES = {"en": "Guide", "ja": "ガイド（日本語）"}  # as in the nav of mkdocs.yml

_DOCS_LINK = re.compile(r"\]\(docs/")
_GUIDE_LINK = re.compile(r"\]\((?:\.\./)*resources/guide/")
_DOCS_FROM_GUIDE = re.compile(r"\]\(\.\./\.\./\.\./docs/")
_ROOT_LINK = re.compile(r"\]\((?:\.\./)+([A-Z]+(?:\.ja)?\.md)")
_PICTURE = re.compile(r"(!\[[^\]]*\]\()([^)]+)-light\.webp\)")

log = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every page of the guide, every decision and every package gets its place in the navigation."""
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    added: dict[str, list[Any]] = {
        "Decisions": [f"decisions/{name}" for name in records],
        "API of core": [f"api/{name}.md" for name in api_pages()],
    }
    for code, title in GUIDE_TITLES.items():
        added[title] = [
            {section.title: [f"guide/{page.language}/{page.name}.md" for page in section.pages]}
            for section in guide.load_sections(code)
        ]
    for section in config.nav or []:
        if isinstance(section, dict):
            for title, pages in section.items():
                if isinstance(pages, list):
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
    for path in sorted(guide.FOLDER.rglob("*")):
        if path.suffix in (".md", ".webp"):
            place = f"guide/{path.relative_to(guide.FOLDER).as_posix()}"
            content = path.read_text(encoding="utf-8") if path.suffix == ".md" else path.read_bytes()
            files.append(File.generated(config, place, content=content))
    for package, modules in api_pages().items():
        files.append(File.generated(config, f"api/{package}.md", content=api_text(package, modules)))
    return files


def on_page_markdown(markdown: str, page: Page, **_others: Any) -> str:
    """Links to pages of the root lead to the site's; names of what is gone are reported."""
    for name in find_missing(page.file.src_uri, markdown):
        log.warning("%s names %s, which does not exist", page.file.src_uri, name)
    up = "../" * page.file.src_uri.count("/")
    markdown = _DOCS_FROM_GUIDE.sub(f"]({up}", markdown)
    markdown = _ROOT_LINK.sub(rf"]({up}\1", markdown)
    markdown = _GUIDE_LINK.sub(f"]({up}guide/", markdown)
    return _PICTURE.sub(r"\1\2-light.webp#only-light)\1\2-dark.webp#only-dark)", markdown)
