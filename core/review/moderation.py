"""Sends rows to a server's moderation endpoint: each text is sent once, flagged rows become findings."""

import sqlite3
from collections.abc import Sequence

from core.dataset.row_json import read_texts
from core.progress import Reporter
from core.providers import Provider
from core.review import findings
from core.storage import compressed_texts
from core.storage.project import Changes, Project

TEXTS_PER_REQUEST = 32  # texts in one request
MAX_ROW_CHARACTERS = 20_000  # of a row that are sent


async def moderate_rows(project: Project, provider: Provider, rows: Sequence[str], reporter: Reporter) -> None:
    """Send those of `rows` (JSON texts) that this provider has not moderated yet, and store each block of verdicts.

    What was answered stays stored when it stops. Raises `ProviderError`, and `Cancelled` when the reporter is cancelled.
    """
    texts = {compressed_texts.digest(row.encode()): _join_row_texts(row) for row in rows}
    moderated = await project.read(_load_moderated_digests, provider.id)
    new = [(digest, text) for digest, text in texts.items() if digest not in moderated and text]
    for start in range(0, len(new), TEXTS_PER_REQUEST):
        reporter.update(start, len(new))
        block = new[start : start + TEXTS_PER_REQUEST]
        verdicts = await provider.moderate([text for _digest, text in block], reporter.pause)
        block_verdicts = [(digest, verdict) for (digest, _text), verdict in zip(block, verdicts, strict=False)]
        await project.write("", _store_verdicts, provider.id, block_verdicts)
    reporter.update(len(new), len(new))


async def store_flagged(project: Project) -> Changes:
    """Store the flagged rows as findings, which the dataset tab shows."""
    return await project.write("", findings.store_moderated)


def _join_row_texts(row: str) -> str:
    """The question (or system prompt) and the answer of a row, cut to `MAX_ROW_CHARACTERS`."""
    texts = read_texts(row)
    return "\n".join(filter(None, (texts.question or texts.system_prompt, texts.answer)))[:MAX_ROW_CHARACTERS]


def _load_moderated_digests(db: sqlite3.Connection, provider: str) -> set[int]:
    return {digest for (digest,) in db.execute("SELECT digest FROM moderation WHERE provider = ?", (provider,))}


def _store_verdicts(db: sqlite3.Connection, provider: str, verdicts: Sequence[tuple[int, list[str]]]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO moderation (provider, digest, categories) VALUES (?, ?, ?)",
        [(provider, digest, ",".join(categories)) for digest, categories in verdicts],
    )
