"""What a server's moderation says of the rows: each text is asked about once, flagged rows become findings."""

import sqlite3
from collections.abc import Sequence

from core.dataset.row_json import read_texts
from core.progress import Reporter
from core.providers import Provider
from core.review import findings
from core.storage import compressed_texts
from core.storage.project import Changes, Project

BLOCK = 32  # texts in one request
LONGEST = 20_000  # characters of a row that are asked about


async def check(project: Project, provider: Provider, rows: Sequence[str], reporter: Reporter) -> None:
    """Ask about those of `rows` (JSON texts) that were not asked about yet. What was answered is kept when it stops."""
    texts = {compressed_texts.digest(row.encode()): _spoken(row) for row in rows}
    known = await project.read(_known, provider.id)
    new = [(digest, text) for digest, text in texts.items() if digest not in known and text]
    for start in range(0, len(new), BLOCK):
        reporter.update(start, len(new))
        block = new[start : start + BLOCK]
        verdicts = await provider.moderate([text for _digest, text in block], reporter.pause)
        found = [(digest, verdict) for (digest, _text), verdict in zip(block, verdicts, strict=False)]
        await project.write("", _keep, provider.id, found)
    reporter.update(len(new), len(new))


async def mark(project: Project) -> Changes:
    """Note the flagged rows among the findings, where the examples tab shows them."""
    return await project.write("", findings.note_moderated)


def _spoken(row: str) -> str:
    """What is said in a row, without its form."""
    said = read_texts(row)
    return "\n".join(filter(None, (said.question or said.system_prompt, said.answer)))[:LONGEST]


def _known(db: sqlite3.Connection, provider: str) -> set[int]:
    return {digest for (digest,) in db.execute("SELECT digest FROM moderation WHERE provider = ?", (provider,))}


def _keep(db: sqlite3.Connection, provider: str, verdicts: Sequence[tuple[int, list[str]]]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO moderation (provider, digest, categories) VALUES (?, ?, ?)",
        [(provider, digest, ",".join(categories)) for digest, categories in verdicts],
    )
