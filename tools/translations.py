"""Brings the translation catalogs up to the source, and compiles them; --check only says what is missing.

Without --check new texts are added to each catalog, to be translated by hand; texts that are gone are dropped.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = ROOT / "resources" / "translations"
SOURCES = ("core", "ui")
KEYWORDS = {"tr": 1, "trn": 2}  # functions, and how many of their first arguments are texts
PLACEHOLDER = re.compile(r"\{\w+\}")


def main() -> int:
    template = extract()
    status = 0
    for path in sorted(CATALOGS.glob("*/LC_MESSAGES/juku.po")):
        catalog = load(path)
        made = catalog.creation_date
        catalog.update(template, no_fuzzy_matching=True)
        catalog.creation_date = made  # else every run would change the files
        catalog.obsolete.clear()
        missing = [message for message in catalog if message.id and not is_translated(message)]
        if "--check" not in sys.argv:
            save(path, catalog)
        elif missing or not is_current(path, catalog):
            status = 1
        report(path, catalog, missing)
    return status


def extract() -> Catalog:
    template = Catalog(project="Juku")
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            template.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return template


def texts(tree: ast.AST) -> Iterator[str | tuple[str, str]]:
    """What is said through `tr` and `trn`, also inside f-strings, which Babel's own reader skips; in order."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        wanted = KEYWORDS.get(call.func.id, 0)
        found = [argument.value for argument in call.args[:wanted] if isinstance(argument, ast.Constant)]
        if wanted and len(found) == wanted:
            yield found[0] if wanted == 1 else (found[0], found[1])


def load(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def save(path: Path, catalog: Catalog) -> None:
    path.write_bytes(text_of(catalog))
    path.with_suffix(".mo").write_bytes(compiled(catalog))


def text_of(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, sort_output=True, include_lineno=False, omit_header=False, width=0)
    return buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def is_current(path: Path, catalog: Catalog) -> bool:
    """Whether the compiled catalog says what the source asks for."""
    compiled_file = path.with_suffix(".mo")
    return compiled_file.exists() and compiled_file.read_bytes() == compiled(catalog)


def is_translated(message: Message) -> bool:
    """Whether there is a translation with the same placeholders."""
    originals = message.id if isinstance(message.id, tuple) else (message.id,)
    texts = message.string if isinstance(message.string, tuple) else (message.string,)
    wanted = set(PLACEHOLDER.findall(originals[-1]))
    return all(text and set(PLACEHOLDER.findall(text)) == wanted for text in texts)


def report(path: Path, catalog: Catalog, missing: list[Message]) -> None:
    print(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {len(missing)} without a translation")
    for message in missing[:20]:
        print(f"  {message.id}")


if __name__ == "__main__":
    sys.exit(main())
