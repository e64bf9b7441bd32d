"""How well answers are marked, rows are doubted and contradictions are found: on invented pages, marked by their authors.

Each line of an exam.jsonl in tools/teaching_domains has three right and three wrong answers, as its author marked them. The
graders mark them with the author's key points, and with those that Juku makes itself; the doubts read each answer as a row
of its facts; and pairs of answers to one question are compared. A domain that has a marked_answers.jsonl, answers of trained
models that two readers marked, is measured with these too. `--write` puts the tables into docs/teaching.md.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.dataset import examples  # noqa: E402 - found only now
from core.dataset.filters import Filter  # noqa: E402
from core.exam import fact_marking, point_making  # noqa: E402
from core.exam.graders import PlainQuestion, by_key_points  # noqa: E402
from core.exam.statistics import kappa, wilson_interval  # noqa: E402
from core.review import dataset_check  # noqa: E402
from core.storage.project import Project  # noqa: E402
from core.text import contradicting_answers, grounding, negation  # noqa: E402
from core.text.statements import Statement, split_statements  # noqa: E402
from tools.bench_teach import DOMAINS, Domain, fill, load_domain, shares_passage  # noqa: E402

PAGE = ROOT / "docs" / "teaching.md"
CHECKED = ROOT / "tools" / "marking_domains"  # two pages with 80 answers, written before the rules
MARKED = "marked_answers.jsonl"  # lines {"question", "answer", "first", "second"}: the marks of two readers
BEGIN, END = "<!-- marking: begin -->", "<!-- marking: end -->"
LANGUAGES = {"en": "English", "ja": "Japanese"}
AUTHOR, MADE = "the author's key points", "key points that Juku made"


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer (or a pair of answers) of a kind: what its author says of it, and what Juku says."""

    language: str
    kind: str
    truth: bool
    found: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of an exam.jsonl with the facts that Juku finds in its passages, and the others of its page."""

    domain: Domain
    line: dict[str, Any]
    facts: tuple[Statement, ...]
    others: tuple[str, ...]

    @property
    def answers(self) -> Iterator[tuple[str, bool]]:
        """Each sample answer, and whether its author says that it is right."""
        for name in ("right", "wrong"):
            yield from ((answer, name == "right") for answer in self.line[name])

    def judged(self, truth: bool, found: bool) -> Judged:
        return Judged(self.domain.language, self.line["kind"], truth, found)


def load_questions(folders: Iterable[Path]) -> list[Asked]:
    """The questions of several domains."""
    return [one for folder in sorted(folders) for one in _read_domain(load_domain(folder))]


def _read_domain(domain: Domain) -> Iterator[Asked]:
    statements = split_statements(domain.page)
    for line in domain.questions:
        facts = tuple(one for one in statements if any(shares_passage(one.quote, quote) for quote in line["quotes"]))
        yield Asked(domain, line, facts, tuple(one.text for one in statements if one not in facts))


@dataclass(frozen=True, slots=True)
class TwiceMarked:
    """An answer of a trained model: what two readers say of it, and the mark that an exam gives."""

    first: Judged
    second: bool


def mark_as_exam(folder: Path, made: bool) -> Iterator[TwiceMarked]:
    """The answers of a domain that two readers marked, as an exam of the project marks them."""
    asked = {one.line["question"]: one for one in _read_domain(load_domain(folder))}
    with tempfile.TemporaryDirectory() as place:
        project = Project(Path(place) / "marked.juku")
        asyncio.run(project.write("exam", fill, load_domain(folder), False))
        db = project.rows
        names = {row.question: row.facts for row in examples.iterate(db, Filter(split="test"))}
        for row in map(json.loads, (folder / MARKED).read_text("utf-8").splitlines()):
            one = asked[row["question"]]
            found = _grade(db, one, row["answer"], names[row["question"]], made)
            yield TwiceMarked(one.judged(row["first"], found), row["second"])
        project.close()


def _grade(db: sqlite3.Connection, one: Asked, answer: str, names: str, made: bool) -> bool:
    line = one.line
    question = PlainQuestion(line["question"], line["answer"], _find_points(one, made), line["kind"])
    return bool(fact_marking.mark_answer(db, fact_marking.TOLERANT_GRADER, answer, question, names).passed)


def _find_points(one: Asked, made: bool) -> str:
    """The author's key points of a question, or those that Juku makes."""
    line = one.line
    if not made:
        return str(line["key_points"])
    fact = " ".join(fact.text for fact in one.facts) or line["answer"]
    return point_making.suggest_points(line["answer"], fact, line["question"], line["kind"], one.others)


def mark(questions: Sequence[Asked], made: bool) -> Iterator[Judged]:
    """Every answer as the grader marks it: with the author's key points, or with made ones."""
    for one in questions:
        line = one.line
        question = PlainQuestion(line["question"], line["answer"], _find_points(one, made), line["kind"])
        for answer, truth in one.answers:
            yield one.judged(truth, bool(by_key_points(answer, question).passed))


def doubt(questions: Sequence[Asked]) -> Iterator[Judged]:
    """Every answer as a row of its facts: whether it is wrong, and whether it is doubted."""
    for one in questions:
        line = one.line
        basis = [text for fact in one.facts for text in (fact.text, fact.quote)] + line["quotes"]
        quote = (line["quotes"] or [""])[0]
        for answer, truth in one.answers:
            page, title = one.domain.page, one.domain.title
            doubts = grounding.find_doubts(line["question"], answer, basis, page, quote, line["kind"], title)
            unknown = line["kind"] not in dataset_check.UNKNOWING_KINDS and negation.find_unknown_phrase(answer)
            yield one.judged(not truth, bool(doubts or unknown))


def compare(questions: Sequence[Asked]) -> Iterator[Judged]:
    """Pairs of answers to one question: right and wrong ones contradict each other, two right ones do not."""
    for one in questions:
        right, wrong = ([*map(contradicting_answers.prepare_answer, one.line[name])] for name in ("right", "wrong"))
        pairs = [(pair, True) for pair in product(right, wrong)] + [(pair, False) for pair in combinations(right, 2)]
        for pair, truth in pairs:
            yield one.judged(truth, bool(contradicting_answers.compare_answers(*pair, one.line["question"])))


def format_marks(name: str, rows: Sequence[Judged]) -> str:
    """A line of the table of marks."""
    agreed = sum(one.truth is one.found for one in rows)
    low, high = wilson_interval(agreed / len(rows), len(rows))
    value = kappa([one.truth for one in rows], [one.found for one in rows]).value
    passes = sum(one.found and not one.truth for one in rows)
    fails = sum(one.truth and not one.found for one in rows)
    shown = "–" if value is None else f"{value:.2f}"
    return f"| {name} | {len(rows)} | {agreed / len(rows):.1%} | {low:.0%}–{high:.0%} | {shown} | {passes} | {fails} |"


def format_doubts(name: str, rows: Sequence[Judged]) -> str:
    """A line of the table of doubts."""
    found = [one.truth for one in rows if one.found]
    bad = [one.found for one in rows if one.truth]
    precision = f"{sum(found) / len(found):.1%}" if found else "–"
    return f"| {name} | {len(rows)} | {precision} | {sum(bad) / len(bad):.1%} |"


def format_pairs(name: str, rows: Sequence[Judged]) -> str:
    """A line of the table of contradictions."""
    found = [one.found for one in rows if one.truth]
    alarms = [one.found for one in rows if not one.truth]
    return (
        f"| {name} | {sum(found) / len(found):.1%} of {len(found)} | {sum(alarms) / len(alarms):.1%} of {len(alarms)} |"
    )


def _split(rows: Sequence[Judged], by_kind: bool = True) -> Iterator[tuple[str, list[Judged]]]:
    """The rows of each language, and of each kind in it."""
    for code, language in LANGUAGES.items():
        chosen = [one for one in rows if one.language == code]
        yield f"**{language}**", chosen
        for kind in dict.fromkeys(one.kind for one in chosen) if by_kind else ():
            yield f"{language}, {kind}", [one for one in chosen if one.kind == kind]


def build_tables(questions: Sequence[Asked]) -> list[str]:
    """The tables of one set of questions, in Markdown."""
    head = "| answers | n | agree | 95 % interval | Cohen's kappa | wrong ones passed | right ones failed |"
    lines: list[str] = []
    for title, made in ((AUTHOR, False), (MADE, True)):
        rows = list(mark(questions, made))
        lines += [f"Marked with {title}:\n", head, "|---|---|---|---|---|---|---|", format_marks("**all**", rows)]
        lines += [format_marks(name, chosen) for name, chosen in _split(rows)] + [""]
    rows = list(doubt(questions))
    lines += ["Doubted as rows:\n", "| rows | n | precision | recall |", "|---|---|---|---|"]
    lines += [format_doubts("**all**", rows), *(format_doubts(name, chosen) for name, chosen in _split(rows)), ""]
    rows = list(compare(questions))
    lines += ["Contradictions between two answers to one question:\n"]
    lines += ["| pairs | right and wrong: found | two right ones: falsely found |", "|---|---|---|"]
    return [*lines, *(format_pairs(name, chosen) for name, chosen in _split(rows)), ""]


def build_readers_tables(folders: Sequence[Path]) -> list[str]:
    """How far two readers agree on answers of trained models, and the exam's grader with them, in Markdown."""
    marked = [one for folder in folders for one in mark_as_exam(folder, made=False)]
    hands = [replace(one.first, found=one.second) for one in marked]
    parts = [("**the two readers with each other**", hands)]
    for title, made in ((AUTHOR, False), (MADE, True)):
        found = [one for folder in folders for one in mark_as_exam(folder, made)] if made else marked
        agreed = [one.first for one in found if one.first.truth is one.second]
        parts += [(f"**{title}**, all that both readers mark alike", agreed), *_split(agreed)]
        parts += [(f"{title}, as the first reader", [one.first for one in found])]
    lines = ["| marks | n | agree | 95 % interval | Cohen's kappa | wrong ones passed | right ones failed |"]
    return [*lines, "|---|---|---|---|---|---|---|", *(format_marks(name, rows) for name, rows in parts if rows), ""]


def build_report() -> str:
    """All tables, of the development domains and of the two pages for checking."""
    domains = load_questions((DOMAINS / "development").iterdir())
    checked = load_questions(CHECKED.iterdir())
    parts = ["### The five development domains\n", *build_tables(domains)]
    if marked := sorted(path.parent for path in DOMAINS.glob(f"*/*/{MARKED}")):
        parts = ["### Answers of trained models\n", *build_readers_tables(marked), *parts]
    return "\n".join([*parts, "### Two pages written before the rules\n", *build_tables(checked)]).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/teaching.md")
    report = build_report()
    if parser.parse_args().write:
        before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _old, _end, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{report}\n\n{END}{after}", encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
