"""A process to be killed: does everything that writes, and says after each step what the project holds."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

from core.dataset import bulk_edits, examples, filters, importing, versions
from core.dataset.bulk_edits import ReplacePattern
from core.dataset.import_reader_process import ImportOptions
from core.formats import jsonl
from core.progress import Reporter
from core.storage import compressed_texts
from core.storage.connection import open_snapshot
from core.storage.project import Project

AGAIN = ImportOptions(skip_known=False)


async def steps(project: Project, rows: Path, seed: int) -> AsyncIterator[int]:
    """The same steps for the same seed and project; after each a digest of what the project holds."""
    chance = random.Random(seed)
    verbs = (
        import_rows, edit, edit, delete, undo, undo, redo, replace, tag, keep, go_back, export,
        checkpoint, read_frozen, break_in,
    )  # fmt: skip
    for number in range(1_000_000):
        look_into(project)
        verb: Callable[..., Awaitable[object]] = chance.choice(verbs)
        await verb(project, rows, chance, number)
        yield contents(project)


async def import_rows(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await importing.import_file(project, rows, AGAIN)


async def edit(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    if ids := filters.find(project.rows):
        await project.write("edit", examples.set_field, chance.choice(ids), "answer", f"answer {number}")


async def delete(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    ids = filters.find(project.rows)
    await project.write("delete", bulk_edits.delete, ids[: len(ids) * 2 // 3], Reporter())


async def undo(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.undo()


async def redo(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.redo()


async def replace(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    pattern = ReplacePattern(f"answer {chance.randint(0, 9)}", f"replaced {number}")
    await project.write("replace", bulk_edits.replace_text, pattern, filters.Filter(), Reporter())


async def tag(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    ids = filters.find(project.rows)[:: chance.randint(1, 5)]
    await project.write("tag", bulk_edits.add_tag, ids, f"tag{number}", Reporter())


async def keep(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.write("", versions.save, f"version {number}")


async def go_back(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    if kept := versions.list_versions(project.rows):
        await project.write("go back", versions.restore, kept[-1].id)


async def export(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    """What is there at any moment is a whole export: the one before, or the new one."""
    jsonl.write(project.path.with_suffix(".jsonl"), examples.iterate_texts(project.rows))


def look_into(project: Project) -> None:
    """What anything in the process may do at any time, and what drops its POSIX locks."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            project.path.with_name(project.path.name + suffix).open("rb").close()


async def checkpoint(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.checkpoint()


async def read_frozen(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    """What a child reads without locks is all there is, also after more was written."""
    async with project.frozen() as path:
        now = contents(project)
        await edit(project, rows, chance, number)
        await undo(project, rows, chance, number)
        with closing(open_snapshot(path)) as db:
            assert digest(db) == now


async def break_in(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    """Another program that reads and then closes would bring in the log and delete it; it is kept out."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM meta')"
    command = [sys.executable, "-S", "-c", code, str(project.path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert "database is locked" in done.stderr, done


def contents(project: Project) -> int:
    """A digest of all rows as they are stored."""
    return digest(project.rows)


def digest(db: sqlite3.Connection) -> int:
    rows = (f"{row.id} {row.data} {row.tags}" for row in examples.iterate(db))
    return compressed_texts.digest("\n".join(rows).encode())


async def main(path: Path, rows: Path, seed: int) -> None:
    async for digest in steps(Project(path), rows, seed):
        print(digest, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
