"""Brings the translation catalogs up to the source, and compiles them; --check only says what is missing.

Without --check new texts are added to each catalog, to be translated by hand; texts that are gone are dropped.
"""

import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = ROOT / "resources" / "translations"
SOURCES = ("core", "ui")
KEYWORDS = {"tr": None, "trn": (1, 2)}
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
    for folder in SOURCES:
        for file, _line, text, _comments, _context in extract_from_dir(
            ROOT / folder, [("**.py", "python")], keywords=KEYWORDS
        ):
            template.add(text, locations=[(f"{folder}/{file}", 0)])
    return template


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
