"""Links rows to the facts they teach: by the terms and figures that both have, with a confidence for each link."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from pathlib import Path
from typing import Any

from core.exam import retrieval
from core.language import tr, trn
from core.lazy_loading import lazy_pattern
from core.progress import Reporter
from core.review import similar_rows
from core.spec import facts, spec
from core.spec.facts import Fact
from core.storage import background_process
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project
from core.text import clauses, negation, normalise, statements

AUTO_LINK_CONFIDENCE = 0.8  # confidence from which a link is made without asking
MIN_CONFIDENCE = 0.2  # below this nothing is proposed
SECOND_FACT_CONFIDENCE = 0.6  # confidence of a second fact of one row, since few rows teach two
MAX_CANDIDATES = 8  # facts that a row is compared with in full
ROWS_PER_READ = 2000  # rows that are read at once
MAX_IMPORTED_ROWS = 20_000  # rows of an import that are linked without being asked for, and that are reviewed at once
MAX_CHARACTERS_READ = 2000  # characters of a question and of an answer
NO_FACT = "none"  # `example.linked` of a row of which a person said that it teaches no fact
BY_MODEL = "chat"  # stands there in place of the confidence where a chat model has decided
KINDS_WITHOUT_FACT = ("general", "memorised", "not_stated")  # kinds of rows that teach no fact

# `example.linked` is "0.87 f03": what the row was linked to here, and how surely. Where its facts are others now, a
# person has changed them, and the row is never linked again.
_HERE = f"linked NOT IN ('', '{NO_FACT}') AND substr(linked, 6) = facts"
_OPEN = f"status <> 'rejected' AND kind NOT IN {KINDS_WITHOUT_FACT} AND ((facts = '' AND linked = '') OR ({_HERE}))"

_KANA = lazy_pattern("^[\u3041-\u309f]+$")


@dataclass(frozen=True, slots=True)
class FactLink:
    """Row `row` is taken to teach `facts`, names parted by blanks; '' is none. `confidence` is from 0 to 1."""

    row: int
    facts: str
    confidence: float


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


class Linker:
    """Compares rows with the facts of a project."""

    def __init__(self, known: Sequence[Fact], text: str = "") -> None:
        """`text` is the spec's: the headings above a fact are among its terms."""
        headings = {one.quote: one.heading for one in statements.split_statements(text)} if text else {}
        taught = [fact for fact in known if not fact.ignored]
        self.names = [fact.name for fact in taught]
        self._terms = [_terms(_fact_text(fact)) for fact in taught]
        self._above = [_terms(headings.get(fact.quote, "")) for fact in taught]
        self._figures = [_figures(_fact_text(fact)) for fact in taught]
        self._having: dict[str | float, list[int]] = defaultdict(list)  # the facts that have a term or a figure
        for at in range(len(taught)):
            for one in self._terms[at] | self._figures[at]:
                self._having[one].append(at)
        self._weights = {one: log(1 + len(taught) / len(having)) for one, having in self._having.items()}
        self._strange = log(1 + 2 * len(taught))  # the weight of a term that no fact has

    def link(self, row: int, question: str, answer: str) -> FactLink:
        """The facts that a row teaches most likely, and how likely."""
        if not self.names or negation.find_unknown_phrase(answer):
            return FactLink(row, "", 0.0)
        row_terms = _RowTerms.of(question[:MAX_CHARACTERS_READ], answer[:MAX_CHARACTERS_READ])
        found = self._find_candidates(row_terms)
        ranked = self._rank(row_terms, found)
        if not ranked or ranked[0][1] < MIN_CONFIDENCE:
            return FactLink(row, "", ranked[0][1] if ranked else 0.0)
        first, confidence = ranked[0]
        chosen = [first, *self._find_second(row_terms.without(self._terms[first], self._figures[first]), found, first)]
        return FactLink(row, " ".join(self.names[at] for at in sorted(chosen)), confidence)

    def candidates(self, question: str, answer: str) -> list[str]:
        """The names of the facts that share the rarest terms and figures with a row, at most `MAX_CANDIDATES`."""
        return [
            self.names[at]
            for at in self._find_candidates(_RowTerms.of(question[:MAX_CHARACTERS_READ], answer[:MAX_CHARACTERS_READ]))
        ]

    def _find_candidates(self, row_terms: "_RowTerms") -> list[int]:
        shared: dict[int, float] = defaultdict(float)
        for one in row_terms.terms | row_terms.question_figures | row_terms.answer_figures:
            for at in self._having.get(one, ()):
                shared[at] += self._weights[one]
        return sorted(shared, key=lambda at: (-shared[at], at))[:MAX_CANDIDATES]

    def _find_second(self, rest: "_RowTerms", found: Sequence[int], first: int) -> list[int]:
        """Another fact, for the terms that the first leaves: one that shares a figure with the answer."""
        others = [at for at in found if at != first and rest.answer_figures & self._figures[at]]
        return [at for at, confidence in self._rank(rest, others)[:1] if confidence >= SECOND_FACT_CONFIDENCE]

    def _rank(self, row_terms: "_RowTerms", found: Sequence[int]) -> list[tuple[int, float]]:
        """These facts, by their numbers, each with the confidence that the row teaches it, the surest first."""
        scores = sorted(((self._score(at, row_terms), at) for at in found), key=lambda pair: (-pair[0], pair[1]))
        ranked = []
        for place, (score, at) in enumerate(scores):
            rival = scores[0 if place else 1][0] if len(scores) > 1 else 0.0
            features = self.features(at, score, rival, row_terms)
            ranked.append(
                (at, 1 / (1 + exp(-sum(weight * one for weight, one in zip(WEIGHTS, features, strict=True)))))
            )
        return sorted(ranked, key=lambda pair: -pair[1])

    def _score(self, at: int, row_terms: "_RowTerms") -> float:
        """How much weight of terms a row shares with a fact; the headings above it count half."""
        own = sum(self._weights[term] for term in row_terms.terms & self._terms[at])
        return own + 0.5 * sum(map(self._weight, row_terms.terms & self._above[at] - self._terms[at]))

    def _weight(self, term: str) -> float:
        return self._weights.get(term, self._strange)

    def _share(self, terms: frozenset[str], at: int) -> float:
        whole = sum(map(self._weight, terms))
        return sum(self._weights[term] for term in terms & self._terms[at]) / whole if whole else 0.0

    def features(self, at: int, score: float, rival: float, row_terms: "_RowTerms") -> list[float]:
        """What the confidence is made of: `score` is this fact's, `rival` that of the best other one."""
        whole = sum(self._weights[term] for term in self._terms[at])
        has, lacks = row_terms.answer_figures & self._figures[at], row_terms.answer_figures - self._figures[at]
        return [
            1.0,
            score / self._strange,
            score / whole if whole else 0.0,
            self._share(row_terms.question_terms, at),
            self._share(row_terms.answer_terms, at),
            (score - rival) / (score + rival) if score + rival else 0.0,
            1.0 if has else 0.0,
            1.0 if lacks and not has else 0.0,
            1.0 if row_terms.question_figures & self._figures[at] else 0.0,
        ]


@dataclass(frozen=True, slots=True)
class _RowTerms:
    """The terms and figures of a row's question and of its answer."""

    question_terms: frozenset[str]
    answer_terms: frozenset[str]
    question_figures: frozenset[float]
    answer_figures: frozenset[float]

    @classmethod
    def of(cls, question: str, answer: str) -> "_RowTerms":
        return cls(_terms(question), _terms(answer), _figures(question), _figures(answer))

    @property
    def terms(self) -> frozenset[str]:
        return self.question_terms | self.answer_terms

    def without(self, terms: frozenset[str], figures: frozenset[float]) -> "_RowTerms":
        """What is left where a fact with these terms and figures is taken away."""
        return _RowTerms(
            self.question_terms - terms,
            self.answer_terms - terms,
            self.question_figures - figures,
            self.answer_figures - figures,
        )


# Fitted on the development half of tests/core/generation/fact_link_rows.jsonl and on the samples (logistic regression).
WEIGHTS = (-4.3, 0.25, 1.4, 0.95, 3.3, 3.2, 3.0, -2.0, -0.2)


def _fact_text(fact: Fact) -> str:
    """A fact's text, with its passage where that has other words."""
    return fact.text if fact.quote in fact.text or fact.text in fact.quote else f"{fact.text}\n{fact.quote}"


@lru_cache(maxsize=4096)
def _terms(text: str) -> frozenset[str]:
    """Stems of English words, pairs of Japanese characters and single kanji; no function words, no words of kana alone."""
    plain = normalise.normalise(text)
    words = {word for word in clauses.extract_content_words(plain) if word.isascii()}
    pairs = {word for word in retrieval.split_terms(plain) if not word.isascii() and not _KANA.match(word)}
    return frozenset(words | pairs)


@lru_cache(maxsize=4096)
def _figures(text: str) -> frozenset[float]:
    """The figures of a text, as numbers."""
    return frozenset(value for figure in clauses.parse_text(text, polite=False).figures for value in figure.values)


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
    """How many rows were linked, in a sentence."""
    return format_link_count(found.linked, len(found.links))


def format_link_count(linked: int, rows: int) -> str:
    """How many rows of how many were linked, in a sentence."""
    return trn(
        "{linked} of {n} row linked to facts.", "{linked} of {n} rows linked to facts.", rows, linked=f"{linked:,}"
    )


def link(db: sqlite3.Connection, links: Iterable[FactLink]) -> int:
    """Store the links with at least `AUTO_LINK_CONFIDENCE`, and remove old automatic ones that no longer hold; returns
    how many rows are linked.

    A row on which a person or a chat model has decided stays as it is.
    """
    linked = 0
    sql = f"UPDATE example SET facts = ?, linked = ? WHERE id = ? AND {_OPEN} AND linked NOT LIKE '{BY_MODEL} %'"
    for one in links:
        if one.facts and one.confidence >= AUTO_LINK_CONFIDENCE:
            linked += db.execute(sql, (one.facts, f"{min(one.confidence, 0.99):.2f} {one.facts}", one.row)).rowcount
        else:
            db.execute(f"{sql} AND linked <> ''", ("", "", one.row))
    return linked


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
        return [[one.row, one.facts, round(one.confidence, 4)] for one in found]


if __name__ == "__main__":
    background_process.serve(_work)
