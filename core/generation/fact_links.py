"""Links rows to the facts they teach: by the terms and figures that both have, with a confidence for each link."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.language import tr, trn
from core.progress import Reporter
from core.review import similar_rows
from core.review.fact_matching import KINDS_WITHOUT_FACT, FactLink, Linker
from core.spec import facts, spec
from core.storage import background_process
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project

ROWS_PER_READ = 2000  # rows that are read at once
MAX_IMPORTED_ROWS = 20_000  # rows of an import that are linked without being asked for, and that are reviewed at once
NO_FACT = "none"  # `example.linked` of a row of which a person said that it teaches no fact
BY_MODEL = "chat"  # stands there in place of the confidence where a chat model has decided

# `example.linked` is "0.87 f03": what the row was linked to here, and how surely. Where its facts are others now, a
# person has changed them, and the row is never linked again.
_HERE = f"linked NOT IN ('', '{NO_FACT}') AND substr(linked, 6) = facts"
_OPEN = f"status <> 'rejected' AND kind NOT IN {KINDS_WITHOUT_FACT} AND ((facts = '' AND linked = '') OR ({_HERE}))"


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A row whose link can be reviewed: its texts, the facts it is linked to now, and those proposed for it.

    `confidence` (0 to 1) is that of the proposal; with `by_model` a chat model has decided on `facts`.
    """

    row: int
    question: str
    answer: str
    facts: str
    proposed: str
    confidence: float
    by_model: bool = False


def count_open(db: sqlite3.Connection) -> int:
    """How many rows a person has not linked; 0 where there are no facts to link them to."""
    if not db.execute("SELECT 1 FROM fact WHERE NOT deleted AND NOT ignored LIMIT 1").fetchone():
        return 0
    count: int = db.execute(f"SELECT count(*) FROM example WHERE {_OPEN}").fetchone()[0]
    return count


def propose(
    db: sqlite3.Connection, reporter: Reporter, first: int = 0, last: int = -1, most: int = -1
) -> Iterator[FactLink]:
    """A link for each row that no person has linked, of the ids `first` to `last` (-1: all), at most `most` (-1: any number).

    Raises `Cancelled` when the reporter is cancelled.
    """
    sql = f"SELECT id FROM example WHERE {_OPEN} AND id >= ? AND (? < 0 OR id <= ?) ORDER BY id LIMIT ?"
    ids = [id for (id,) in db.execute(sql, (first, last, last, most))]
    linker = Linker(facts.load(db), spec.load(db).text)
    for start in range(0, len(ids), ROWS_PER_READ):
        texts = similar_rows.load_row_texts(db, ids[start : start + ROWS_PER_READ])
        for done, (id, one) in enumerate(texts.items(), start):
            if done % 50 == 0:
                reporter.update(done, len(ids))
            yield linker.link(id, one.question, one.answer)


async def find_links(
    project: Project, reporter: Reporter, first: int = 0, last: int = -1, most: int = -1
) -> list[FactLink]:
    """The links that `propose` yields, found in a process of its own; cancelling ends it. Raises `JukuError`."""
    async with project.frozen() as path:
        request = {"project": str(path), "first": first, "last": last, "most": most}
        return [FactLink(*one) for one in await background_process.run("core.generation.fact_links", request, reporter)]


@dataclass(frozen=True, slots=True)
class LinkResult:
    """The result of linking rows: how many are linked now, and the proposals for all of them."""

    changes: Changes
    linked: int
    links: list[FactLink]

    @property
    def contradicting(self) -> int:
        """How many rows have another figure than the fact that they seem to be about."""
        return sum(one.contradicts and one.is_sure for one in self.links)


async def link_rows(project: Project, reporter: Reporter, ids: range | None = None) -> LinkResult | None:
    """Link the rows `ids`, or all that no person has linked, to facts, as one undoable step; None without any to link.

    Of the rows of an import the first `MAX_IMPORTED_ROWS` are linked. Raises `JukuError`.
    """
    if not await project.read(count_open) or (ids is not None and not ids):
        return None
    chosen = (ids[0], ids[:MAX_IMPORTED_ROWS][-1]) if ids else (0, -1)
    links = await find_links(project, reporter, *chosen)
    if not links:
        return None
    counts: list[int] = []
    changes = await project.write(tr("Link rows to facts"), lambda db: counts.append(link(db, links)))
    return LinkResult(changes, counts[0], links)


def format_result(found: LinkResult) -> str:
    """How many rows were linked and how many contradict their facts, in sentences."""
    sentences = [format_link_count(found.linked, len(found.links)), format_contradicting(found.contradicting)]
    return " ".join(filter(None, sentences))


def format_link_count(linked: int, rows: int) -> str:
    """How many rows of how many were linked, in a sentence."""
    return trn(
        "{linked} of {n} row linked to facts.", "{linked} of {n} rows linked to facts.", rows, linked=f"{linked:,}"
    )


def format_contradicting(rows: int) -> str:
    """How many rows contradict the facts that they were linked to by a guess, in a sentence; '' for none."""
    text = trn(
        "{n} row has another figure than the fact that it seems to be about (a guess): see its doubt.",
        "{n} rows have other figures than the facts that they seem to be about (a guess): see their doubts.",
        rows,
    )
    return text if rows else ""


def link(db: sqlite3.Connection, links: Iterable[FactLink]) -> int:
    """Store the links that are sure (`FactLink.is_sure`), and remove old automatic ones that no longer hold; returns
    how many rows are linked.

    A row on which a person or a chat model has decided stays as it is.
    """
    linked = 0
    sql = f"UPDATE example SET facts = ?, linked = ? WHERE id = ? AND {_OPEN} AND linked NOT LIKE '{BY_MODEL} %'"
    for one in links:
        if one.is_sure:
            linked += db.execute(sql, (one.facts, f"{min(one.confidence, 0.99):.2f} {one.facts}", one.row)).rowcount
        else:
            db.execute(f"{sql} AND linked <> ''", ("", "", one.row))
    return linked


def get_guess(db: sqlite3.Connection, row: int) -> float | None:
    """The confidence (0 to 1) with which a row was linked to its facts without a person; None where a person did it."""
    found = db.execute(f"SELECT linked FROM example WHERE id = ? AND facts <> '' AND {_HERE}", (row,)).fetchone()
    return float(found[0][:4]) if found and not found[0].startswith(BY_MODEL) else None


def decide(db: sqlite3.Connection, decisions: Iterable[tuple[int, str]]) -> int:
    """Store what a person decided: for each row the names of its facts, '' for none. Returns the number of rows."""
    values = [(names, "" if names else NO_FACT, row) for row, names in decisions]
    db.executemany("UPDATE example SET facts = ?, linked = ? WHERE id = ?", values)
    return len(values)


def decide_by_model(db: sqlite3.Connection, row: int, names: str) -> None:
    """Link a row as a chat model decided; '' is to no fact. A person can still change it."""
    sql = f"UPDATE example SET facts = ?, linked = ? WHERE id = ? AND {_OPEN}"
    db.execute(sql, (names, f"{BY_MODEL} {names}", row))


def load_open_links(db: sqlite3.Connection, links: Sequence[FactLink]) -> list[OpenLink]:
    """The rows of these links that are still open, the surest first, each with what it is linked to now."""
    proposed = {one.row: one for one in links}
    rows = {
        id: (names, linked) for id, names, linked in db.execute(f"SELECT id, facts, linked FROM example WHERE {_OPEN}")
    }
    texts = similar_rows.load_row_texts(db, [id for id in proposed if id in rows])
    found = []
    for id, one in texts.items():
        (names, linked), link = rows[id], proposed[id]
        by_model = linked.startswith(f"{BY_MODEL} ")
        found.append(
            OpenLink(id, one.question, one.answer, names, names if by_model else link.facts, link.confidence, by_model)
        )
    return sorted(found, key=lambda one: (not one.by_model, -one.confidence, one.row))


def _work(request: dict[str, Any], reporter: Reporter) -> list[list[object]]:
    with closing(open_snapshot(Path(request["project"]))) as db:
        found = propose(db, reporter, request["first"], request["last"], request["most"])
        return [[one.row, one.facts, round(one.confidence, 4), one.contradicts, one.by_question] for one in found]


if __name__ == "__main__":
    background_process.serve(_work)
