"""Builds the dataset card: the files with their rows, hashes and problems."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import checks
from core.errors import FormatError
from core.language import tr, trn

README = "README.md"
GENERATED_NOTE = "<!-- Written by Juku. The next export into this folder replaces it. -->"
DATA_FILES = {"jsonl": "data/{split}.jsonl", "parquet": "data/{split}-00000-of-00001.parquet"}  # by format
_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"), (10**12, "1M<n<10M"))
_SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")  # what systems leave in every folder


@dataclass(frozen=True, slots=True)
class CardFile:
    """One file of a dataset; `splits` counts its rows by split, `sha256` is the hash of its bytes on disk (hex)."""

    name: str
    rows: int
    splits: dict[str, int]
    sha256: str


def format_card(title: str, date: str, files: Sequence[CardFile], rules: Mapping[str, int]) -> str:
    """The card as Markdown; `date` is inserted as given."""
    return "\n".join(_iterate_lines(title, date, files, rules)) + "\n"


def _iterate_lines(title: str, date: str, files: Sequence[CardFile], rules: Mapping[str, int]) -> Iterator[str]:
    yield f"# {' '.join(title.split())}"
    yield ""
    rows = sum(file.rows for file in files)
    yield trn("{n} row.", "{n} rows.", rows) + (f" {date}" if date else "")
    yield from ("", GENERATED_NOTE, "")
    yield f"| {tr('File')} | {tr('Split')} | {tr('Rows')} | SHA-256 |"
    yield "|---|---|--:|---|"
    for file in files:
        splits = ", ".join(f"{split} {count}" for split, count in file.splits.items())
        yield f"| `{file.name}` | {splits} | {file.rows} | `{file.sha256}` |"
    yield ""
    yield f"## {tr('Errors and warnings')}"
    yield ""
    if not rules:
        yield tr("None.")
        return
    yield f"| {tr('Rule')} | {tr('Rows')} |"
    yield "|---|--:|"
    for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
        title = f"{checks.RULES[rule].title()} (`{rule}`)" if rule in checks.RULES else f"`{rule}`"
        yield f"| {title} | {count} |"


def format_hub_card(title: str, date: str, files: Sequence[CardFile], rules: Mapping[str, int]) -> str:
    """The card with the YAML head that the Hugging Face Hub reads: which file is which split."""
    rows = sum(file.rows for file in files)
    head = ["---", f"pretty_name: {json.dumps(title, ensure_ascii=False)}", "task_categories:", "- text-generation"]
    head += ["size_categories:", f"- {next(name for limit, name in _SIZES if rows < limit)}"]
    head += ["configs:", "- config_name: default"]
    head.append("  data_files:")
    for file in files:
        head += [f"  - split: {next(iter(file.splits))}", f"    path: {file.name}"]
    return "\n".join([*head, "---", "", ""]) + format_card(title, date, files, rules)


def require_replaceable(folder: Path) -> None:
    """Raises FormatError when a folder contains anything but an earlier export: replacing it would delete that."""
    if not folder.exists():
        return
    if folder.is_dir() and all(_is_replaceable(folder, path) for path in folder.rglob("*")):
        return
    raise FormatError(
        tr("{name} contains other files", name=folder.name),
        tr("The export would replace them all, so nothing was written. Choose a new or an empty folder."),
    )


def _is_replaceable(folder: Path, path: Path) -> bool:
    if path.name in _SYSTEM_FILES:
        return True
    if path.is_symlink():
        return False
    if path == folder / README:
        return GENERATED_NOTE in path.read_text(encoding="utf-8", errors="replace")
    name = path.relative_to(folder).as_posix()
    written = (folder / README).exists()
    files = (
        pattern.format(split=split) for pattern in DATA_FILES.values() for split in ("train", "validation", "test")
    )
    return written and name in ("data", *files)
