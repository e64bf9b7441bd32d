"""A process to be killed: edits, imports, deletes and undoes, and says after each step what the project holds."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from core import dataset, filters, importing
from core.progress import Reporter
from core.project import Project
from core.rows import Options


async def steps(project: Project, rows: Path, seed: int) -> AsyncIterator[int]:
    """The same steps for the same seed and project; after each a digest of what the project holds."""
    chance = random.Random(seed)
    for number in range(1_000_000):
        ids = filters.find(project.rows)
        step = chance.random()
        if step < 0.2 or not ids:
            await project.write("import", importing.import_file, rows, Reporter(), Options(skip_known=False))
        elif step < 0.6:
            await project.write("edit", dataset.edit, chance.choice(ids), "answer", f"answer {number}")
        elif step < 0.8:
            await project.write("delete", dataset.delete, list(ids[: len(ids) // 2]))
        else:
            await project.undo()
        yield contents(project)


def contents(project: Project) -> int:
    """A digest of all rows as they are stored."""
    return dataset.digest("\n".join(dataset.texts(project.rows, dataset.Filter())))


async def main(path: Path, rows: Path, seed: int) -> None:
    async for digest in steps(Project(path), rows, seed):
        print(digest, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
