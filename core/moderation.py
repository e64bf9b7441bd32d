"""What a server's moderation says of the rows; each text is asked about once, flagged rows become findings."""

import sqlite3
from collections.abc import Iterator, Sequence

from core import packs
from core.language import tr
from core.progress import Reporter
from core.project import Changes, Project
from core.providers import Provider
from core.said import turns

RULE = "moderated"
BLOCK = 32  # texts in one request
LONGEST = 20_000  # characters of a row that are asked about


async def check(project: Project, provider: Provider, rows: Sequence[str], reporter: Reporter) -> None:
    """Ask about those of `rows` (JSON texts) that were not asked about yet. What was answered is kept when it stops."""
    texts = {packs.digest(row.encode()): _spoken(row) for row in rows}
    known = await project.read(_known, provider.id)
    new = [(digest, text) for digest, text in texts.items() if digest not in known and text]
    for start in range(0, len(new), BLOCK):
        reporter.update(start, len(new))
        block = new[start : start + BLOCK]
        verdicts = await provider.moderate([text for _digest, text in block])
        found = [(digest, verdict) for (digest, _text), verdict in zip(block, verdicts, strict=False)]
        await project.write("", _keep, provider.id, found)
    reporter.update(len(new), len(new))


async def mark(project: Project) -> Changes:
    """Note the flagged rows among the findings, where the examples tab shows them."""
    return await project.write("", note)


def note(db: sqlite3.Connection) -> None:
    """Findings for the rows whose very text was flagged; those of an earlier text go."""
    db.execute("DELETE FROM finding WHERE rule = ?", (RULE,))
    db.executemany(
        "INSERT INTO finding (rule, cluster, example, message) VALUES (?, 0, ?, ?)",
        [(RULE, id, categories) for id, categories in flagged(db)],
    )


def flagged(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """Rows that a server has flagged, with the categories."""
    sql = (
        "SELECT e.id, group_concat(DISTINCT m.categories) FROM moderation m JOIN example e ON e.digest = m.digest "
        "WHERE m.categories <> '' GROUP BY e.id ORDER BY e.id"
    )
    yield from db.execute(sql)


def worded(categories: str) -> str:
    """What was found in a row."""
    return tr("The server's moderation flags it: {categories}.", categories=categories.replace(",", ", "))


def _spoken(row: str) -> str:
    """What is said in a row, without its form."""
    said = turns(row)
    found = "\n".join(text for text in (*said.prompts, *said.questions, *said.answers) if text)
    return found[:LONGEST]


def _known(db: sqlite3.Connection, provider: str) -> set[int]:
    return {digest for (digest,) in db.execute("SELECT digest FROM moderation WHERE provider = ?", (provider,))}


def _keep(db: sqlite3.Connection, provider: str, verdicts: Sequence[tuple[int, list[str]]]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO moderation (provider, digest, categories) VALUES (?, ?, ?)",
        [(provider, digest, ",".join(categories)) for digest, categories in verdicts],
    )
