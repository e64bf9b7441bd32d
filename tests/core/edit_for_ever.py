"""A process to be killed: does everything that writes, and says after each step what the project holds."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from core import dataset, editing, filters, importing, packs, versions
from core.editing import Pattern
from core.formats import jsonl
from core.progress import Reporter
from core.project import Project
from core.rows import Options

AGAIN = Options(skip_known=False)


async def steps(project: Project, rows: Path, seed: int) -> AsyncIterator[int]:
    """The same steps for the same seed and project; after each a digest of what the project holds."""
    chance = random.Random(seed)
    verbs = (bring, import_here, edit, edit, delete, undo, undo, redo, replace, tag, keep, go_back, export)
    for number in range(1_000_000):
        verb: Callable[..., Awaitable[object]] = chance.choice(verbs)
        await verb(project, rows, chance, number)
        yield contents(project)


async def bring(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await importing.bring(project, rows, AGAIN)


async def import_here(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.write("import", importing.import_file, rows, Reporter(), AGAIN)


async def edit(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    if ids := filters.find(project.rows):
        await project.write("edit", dataset.edit, chance.choice(ids), "answer", f"answer {number}")


async def delete(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    ids = filters.find(project.rows)
    await project.write("delete", editing.delete, ids[: len(ids) * 2 // 3], Reporter())


async def undo(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.undo()


async def redo(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.redo()


async def replace(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    pattern = Pattern(f"answer {chance.randint(0, 9)}", f"replaced {number}")
    await project.write("replace", editing.replace, pattern, filters.Filter(), Reporter())


async def tag(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    ids = filters.find(project.rows)[:: chance.randint(1, 5)]
    await project.write("tag", editing.add_tag, ids, f"tag{number}", Reporter())


async def keep(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    await project.write("", versions.keep, f"version {number}")


async def go_back(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    if kept := versions.versions(project.rows):
        await project.write("go back", versions.restore, kept[-1].id)


async def export(project: Project, rows: Path, chance: random.Random, number: int) -> None:
    """What is there at any moment is a whole export: the one before, or the new one."""
    jsonl.write(project.path.with_suffix(".jsonl"), dataset.texts(project.rows))


def contents(project: Project) -> int:
    """A digest of all rows as they are stored."""
    rows = (f"{row.id} {row.data} {row.tags}" for row in dataset.examples(project.rows))
    return packs.digest("\n".join(rows).encode())


async def main(path: Path, rows: Path, seed: int) -> None:
    async for digest in steps(Project(path), rows, seed):
        print(digest, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
