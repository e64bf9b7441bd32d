"""How well a page is taught that nobody wrote rows for: invented domains, natural questions, several seeds.

Each domain in tools/teaching_domains is a page and an exam that its author wrote without knowing how Juku makes rows. One
run is one domain, one way to teach it (a recipe) and one seed, along the program's own way: facts are found in the page,
rows are made and approved, a model is trained, and the exam is sat. Its result is one line of the results file; a run that
is there already is not made again. `--table` prints what the file has.

The domains in `locked` are for the published table alone: nothing is tuned on them.
"""

import argparse
import asyncio
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core import language
from core.cli import commands
from core.dataset import bulk_edits, examples
from core.dataset.filters import Filter, find
from core.errors import JukuError
from core.exam import fact_coverage, prompt_conditions, runs, scores, search_baseline
from core.exam.graders import PlainQuestion
from core.exam.runs import ExamSubject
from core.exam.statistics import PassRate, paired_difference
from core.formats import jsonl
from core.generation import everyday_rows, page_rows, question_writer, row_generation
from core.generation.llm_runs import LlmRequest
from core.progress import Reporter
from core.providers import LOCAL, LocalProvider, Sampling
from core.spec import facts, spec
from core.spec.spec import Spec
from core.storage.project import Project
from core.text import negation
from core.text.statements import split_statements
from core.training import job_queue, submit
from tools import template_rows

DOMAINS = Path(__file__).parent / "teaching_domains"
RESULTS = Path(__file__).parent.parent / "build" / "teaching.jsonl"
PARTS = ("development", "locked")
MAX_TOKENS = 80  # of an answer
BOOKS = {  # recipes that train nothing
    "base": prompt_conditions.CLOSED_BOOK,
    "open_book": prompt_conditions.OPEN_BOOK,
    "retrieved": prompt_conditions.RETRIEVED,
}
# The parts of a recipe that trains: "page_rows+everyday-masked" has rows of both kinds but none of the form `masked`.
TEMPLATES, PAGE_ROWS, OWN_QUESTIONS, EVERYDAY = "templates", "page_rows", "own_questions", "everyday"
# Rows of a capable writer, recorded: what a chat model replied to the program's own requests (`--print-requests`), one
# JSON line for each fact: {"fact": its text, "reply": …}.
WRITER, REPLIES = "writer", "writer_replies.jsonl"
TRAINED = (TEMPLATES, PAGE_ROWS, f"{PAGE_ROWS}+{EVERYDAY}", f"{PAGE_ROWS}+{OWN_QUESTIONS}+{EVERYDAY}")
RECIPES = (*BOOKS, *TRAINED)
SEARCH = "search"  # no model: the passage that the search finds first is the answer
UNTRAINED = (*BOOKS, SEARCH)
STATED_KINDS = ("reworded", "reverse", "applied", "combined")  # of questions whose answers the page states


@dataclass(frozen=True, slots=True)
class Domain:
    """An invented page with its exam; `questions` are the lines of exam.jsonl."""

    name: str
    part: str
    page: str
    questions: list[dict[str, Any]]

    @property
    def language(self) -> str:
        """'en' or 'ja'."""
        return spec.detect_language(self.page)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.page.splitlines()[0].lstrip("# ").strip()


def load_domain(folder: Path) -> Domain:
    """The domain of a folder with page.md and exam.jsonl."""
    lines = (folder / "exam.jsonl").read_text("utf-8").splitlines()
    return Domain(folder.name, folder.parent.name, (folder / "page.md").read_text("utf-8"), [*map(json.loads, lines)])


def load_domains(wanted: Sequence[str]) -> list[Domain]:
    """The domains with these names, or of these parts."""
    folders = [folder for part in PARTS for folder in sorted((DOMAINS / part).iterdir())]
    return [load_domain(one) for one in folders if {one.name, one.parent.name} & set(wanted)]


def load_general(code: str) -> Iterator[dict[str, Any]]:
    """The questions of everyday knowledge in a language, beside the 20 that are shipped."""
    lines = (DOMAINS / "general.jsonl").read_text("utf-8").splitlines()
    return (one for one in map(json.loads, lines) if one["language"] == code)


def fill(db: sqlite3.Connection, domain: Domain, general: bool) -> None:
    """Store the page, the facts that the program finds in it, and the exam."""
    facts.save(db, Spec(name=domain.title, text=domain.page))
    facts.accept_missing(db)
    known = facts.load(db)
    for question in domain.questions:
        names = [fact.name for fact in known if any(shares_passage(fact.quote, quote) for quote in question["quotes"])]
        row = jsonl.new_row("", question["question"], question["answer"])
        labels = {"kind": question["kind"], "key_points": question["key_points"], "facts": " ".join(names)}
        examples.add(db, [examples.read_row(row, split="test", status="approved", **labels)])
    for question in load_general(domain.language) if general else ():
        row = jsonl.new_row("", question["question"], question["reference"])
        labels = {"kind": scores.GENERAL, "key_points": " ; ".join(question["key_points"])}
        examples.add(db, [examples.read_row(row, split="test", status="approved", **labels)])


def shares_passage(one: str, other: str) -> bool:
    """Whether one of two passages holds the other, but for the marks of Markdown."""
    first, second = (" ".join(part.text for part in split_statements(text)) or text for text in (one, other))
    return first in second or second in first


async def make_rows(project: Project, provider: LocalProvider, run: "Run") -> int:
    """Make the training rows of a recipe and approve all of them; returns how many there are."""
    recipe, _, left_out = run.recipe.partition("-")
    for part in recipe.split("+"):
        if part == TEMPLATES:
            await project.write("rows", template_rows.add_rows)
        elif part == PAGE_ROWS:
            choice = page_rows.RowChoice(per_fact=run.per_fact, hold=False, more=True, seed=run.seed)
            await project.write("rows", page_rows.add_rows, choice, Reporter())
        elif part == OWN_QUESTIONS:
            await question_writer.add_rows(project, provider, run.model, None, Reporter(), hold=False, seed=run.seed)
        elif part == WRITER:
            await project.write("rows", add_recorded_rows, run.domain)
        elif part == EVERYDAY:
            await everyday_rows.add_rows(project, provider, run.model, Reporter())
        else:
            raise JukuError(f"There is no recipe {part}")
    made: list[int] = []
    await project.write("rows", lambda db: made.append(approve(db, left_out)))
    return made[0]


def add_recorded_rows(db: sqlite3.Connection, domain: Domain) -> None:
    """Apply the recorded replies of a capable writer as the program would. Raises JukuError where a fact has none."""
    path = DOMAINS / domain.part / domain.name / REPLIES
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    recorded = {one["fact"]: one["reply"] for one in map(json.loads, lines)}
    known = {fact.name: fact.text for fact in facts.load(db)}
    requests = load_requests(db)
    if missing := [known[one.subject["fact"]] for one in requests if known[one.subject["fact"]] not in recorded]:
        raise JukuError(f"{len(missing)} facts of {domain.name} have no recorded reply", missing[0])
    replied = (replace(one, replies=[recorded[known[one.subject["fact"]]]], model=WRITER) for one in requests)
    print(row_generation.TASK.apply(db, [*replied]), flush=True)


def load_requests(db: sqlite3.Connection) -> list[LlmRequest]:
    """The program's requests to a writer of rows, one a fact."""
    subjects = row_generation.build_subjects(row_generation.build_requests(fact_coverage.load(db)))
    return [LlmRequest(number, subject) for number, subject in enumerate(subjects, 1)]


async def print_requests(domain: Domain) -> None:
    """Print what the program would ask a writer about each fact: JSON lines with the fact and the messages.

    The project has no exam: what the exam asks is not told to who writes the rows.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "teach.juku")
        await project.write("page", fill, replace(domain, questions=[]), False)

        def list_lines(db: sqlite3.Connection) -> list[str]:
            known = {fact.name: fact.text for fact in facts.load(db)}
            return [
                json.dumps(
                    {"fact": known[one.subject["fact"]], "messages": row_generation.TASK.messages(db, one)},
                    ensure_ascii=False,
                )
                for one in load_requests(db)
            ]

        print("\n".join(await project.read(list_lines)))
        project.close()


def approve(db: sqlite3.Connection, left_out: str) -> int:
    """Approve all drafts but those of the form `left_out`; returns how many there are."""
    if left_out:
        examples.delete(db, find(db, Filter(split="train", status="draft", tag=left_out)))
    ids = find(db, Filter(split="train", status="draft"))
    bulk_edits.set_field(db, ids, "status", "approved", Reporter())
    examples.delete(db, find(db, Filter(split="test", status="draft")))  # the exam is the author's
    return len(ids)


@dataclass(frozen=True, slots=True)
class Run:
    """What is measured at once."""

    domain: Domain
    model: str
    recipe: str
    seed: int
    hyperparameters: dict[str, Any]
    general: bool
    per_fact: int = page_rows.ROWS_PER_FACT

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other runs."""
        settings: dict[str, Any] = {"hyperparameters": self.hyperparameters, "general": self.general}
        if self.per_fact != page_rows.ROWS_PER_FACT:
            settings["per_fact"] = self.per_fact
        return {"domain": self.domain.name, "model": self.model, "recipe": self.recipe, "seed": self.seed, **settings}


async def measure(run: Run, folder: Path, answers: Path | None = None) -> dict[str, Any]:
    """The counts of one run: right and asked of each kind, rows, seconds, processor seconds of all processes.

    `answers`: a file that every answer of the domain's own exam is added to, as a JSON line, with its mark.
    """
    project, provider = Project(folder / "teach.juku"), LocalProvider()
    started = time.monotonic()
    try:
        await project.write("page", fill, run.domain, run.general)
        if run.recipe == SEARCH:
            return await search_alone(project) | {"rows": 0, "seconds": round(time.monotonic() - started)}
        rows, model = 0, run.model
        if run.recipe not in BOOKS:
            rows, model = await make_rows(project, provider, run), await train(project, provider, run)
        subject = ExamSubject(LOCAL, model, BOOKS.get(run.recipe, prompt_conditions.CLOSED_BOOK))
        sampling = Sampling(max_tokens=MAX_TOKENS, seed=run.seed)

        async def connect(_id: str) -> LocalProvider:
            return provider

        id = await runs.examine(project, connect, runs.ExamPlan([subject], sampling, general=run.general), Reporter())
        result = await project.read(lambda db: scores.load_result(db, runs.load(db, id)))
        kinds = {line.name: [line.rates[0].passed, line.rates[0].asked] for line in result.kinds}
        shares = {
            question.question: share[0]
            for question, share in zip(result.questions, result.passed.tolist(), strict=True)
        }
        given = await project.read(load_answers)
        if answers:
            with answers.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps({"run": run.key} | one, ensure_ascii=False) + "\n" for one in given)
    finally:
        await provider.close()
        project.close()
    counts = {"kinds": kinds, "questions": shares, "denied": count_denials(given)}
    return counts | {"rows": rows, "seconds": round(time.monotonic() - started)}


def load_answers(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The answers of the only exam of a project to the questions of its domain: question, kind, answer, and mark."""
    found = db.execute(
        "SELECT q.question, q.kind, a.text, a.passed FROM eval_question q JOIN eval_answer a ON a.question = q.id"
        " WHERE q.kind != ? ORDER BY q.id",
        [scores.GENERAL],
    )
    return [dict(zip(("question", "kind", "answer", "passed"), one, strict=True)) for one in found]


def count_denials(answers: Iterable[dict[str, Any]]) -> list[int]:
    """Of how many questions whose answers the page states the answer is that it does not say so; and how many there are."""
    said = [bool(negation.find_admission(one["answer"])) for one in answers if one["kind"] in STATED_KINDS]
    return [sum(said), len(said)]


async def search_alone(project: Project) -> dict[str, Any]:
    """The counts of answers that are the passage which the search finds first."""
    builder = await project.read(prompt_conditions.load_prompt_builder)
    kinds: dict[str, list[int]] = {}
    shares: dict[str, float] = {}
    for row in await project.read(lambda db: [*examples.iterate(db, Filter(split="test", status="approved"))]):
        if row.kind == scores.GENERAL:
            continue
        question = PlainQuestion(row.question, row.answer, row.key_points, row.kind)
        found = await search_baseline.finds_answer(project, builder, question, row.facts)
        shares[row.question] = float(found)
        counts = kinds.setdefault(row.kind, [0, 0])
        counts[0], counts[1] = counts[0] + found, counts[1] + 1
    builder.close()
    return {"kinds": kinds, "questions": shares}


async def train(project: Project, provider: LocalProvider, run: Run) -> str:
    """The name of the model that the approved rows have made. Raises JukuError when the job does not succeed."""
    plan = submit.TrainingPlan(run.model, "", run.hyperparameters, run.seed, "teach")
    id = await submit.create(project, provider, plan)
    job = await job_queue.follow(project, provider, id, lambda _changes: None)
    if job.fine_tuned_model is None:
        raise JukuError(f"The job ended as {job.status}", job.error)
    return job.fine_tuned_model


def run_all(wanted: Iterable[Run], results: Path, answers: Path | None = None) -> None:
    """Measure what the results file does not have yet, one run at a time."""
    results.parent.mkdir(parents=True, exist_ok=True)
    known = [one["run"] for one in load_results(results)]
    for run in wanted:
        if run.key in known:
            continue
        before = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            measured = asyncio.run(measure(run, Path(folder), answers))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before[0].ru_utime - before[0].ru_stime
        measured |= {"processor_seconds": round(spent + time.process_time() - before[1])}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"run": run.key, **measured}, ensure_ascii=False) + "\n")
        right, asked = (
            sum(pair[at] for kind, pair in measured["kinds"].items() if kind != runs.KINDS[-1]) for at in (0, 1)
        )
        print(f"{run.domain.name} {run.recipe} seed {run.seed}: {right} of {asked}, {measured['kinds']}", flush=True)


def load_results(path: Path) -> list[dict[str, Any]]:
    """The lines of a results file; none where there is none."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def build_table(results: Sequence[dict[str, Any]], domains: Sequence[Domain]) -> Iterator[str]:
    """A Markdown table: for each model, part, language and recipe the right answers of each kind over all seeds."""
    groups = group_results(results, domains)
    kinds = list(dict.fromkeys(kind for one in results for kind in one["kinds"]))
    yield (
        "| model | domains | language | recipe | seeds | rows | "
        + " | ".join(kinds)
        + " | all but general | 95 % interval | false “not stated” | processor s |"
    )
    yield "|---|---|---|---|---:|---:|" + "---:|" * (len(kinds) + 4)
    for (model, part, code, name), runs_ in sorted(groups.items()):
        cells = []
        for kind in kinds:
            right, asked = (sum(one["kinds"].get(kind, [0, 0])[at] for one in runs_) for at in (0, 1))
            cells.append(f"{right}/{asked}" if asked else "–")
        rate = rate_of(runs_)
        seeds = len({one["run"]["seed"] for one in runs_})
        rows = round(sum(one["rows"] for one in runs_) / len(runs_))
        seconds = round(sum(one["processor_seconds"] for one in runs_) / len(runs_))
        interval = "{:.0%} – {:.0%}".format(*rate.interval)
        denied, stated = (sum(one.get("denied", [0, 0])[at] for one in runs_) for at in (0, 1))
        denials = f"{denied}/{stated}" if stated else "–"
        yield f"| {model} | {part} | {code} | {name} | {seeds} | {rows} | {' | '.join(cells)} | **{rate.share:.0%}** | {interval} | {denials} | {seconds} |"


def build_kind_table(results: Sequence[dict[str, Any]], domains: Sequence[Domain]) -> Iterator[str]:
    """A Markdown table: of each kind of question the share of right answers with its interval, and the general ones."""
    groups = group_results(results, domains)
    kinds = list(dict.fromkeys(question["kind"] for domain in domains for question in domain.questions))
    yield f"| model | domains | language | recipe | {' | '.join(kinds)} |"
    yield "|---|---|---|---|" + "---:|" * len(kinds)
    for (model, part, code, name), runs_ in sorted(groups.items()):
        rates = (rate_of(runs_, kind) for kind in kinds)
        cells = ("{:.0%} ({:.0%} – {:.0%})".format(rate.share, *rate.interval) for rate in rates)
        yield f"| {model} | {part} | {code} | {name} | {' | '.join(cells)} |"


def build_comparisons(results: Sequence[dict[str, Any]], domains: Sequence[Domain]) -> Iterator[str]:
    """A Markdown table: what a trained model gains on the same model without training, and what it forgets.

    The gains are points of the same questions (of those that both were asked), with their 95 % intervals.
    """
    groups = group_results(results, domains)
    yield f"| model | domains | language | recipe | {' | '.join(f'gain on {book}' for book in BOOKS)} | general questions lost |"
    yield "|---|---|---|---|" + "---:|" * (len(BOOKS) + 1)
    for (model, part, code, name), runs_ in sorted(groups.items()):
        if name in UNTRAINED:
            continue
        cells = []
        for book in BOOKS:
            shares, others = (share_of(found) for found in (runs_, groups.get((model, part, code, book), [])))
            both = [question for question in shares if question in others]
            gain = paired_difference([others[one] for one in both], [shares[one] for one in both])
            cells.append(
                "{:+.0f} ({:+.0f} – {:+.0f})".format(*(100 * x for x in (gain.mean, *gain.interval))) if both else "–"
            )
        base = {one["run"]["domain"]: one["kinds"] for one in groups.get((model, part, code, "base"), [])}
        pairs = [
            (base[one["run"]["domain"]][scores.GENERAL], one["kinds"][scores.GENERAL])
            for one in runs_
            if scores.GENERAL in base.get(one["run"]["domain"], {}) and scores.GENERAL in one["kinds"]
        ]
        lost = sum(before[0] - after[0] for before, after in pairs) / max(1, len(pairs))
        lost_of = f"{lost:.1f} of {pairs[0][0][1]}" if pairs else "–"
        yield f"| {model} | {part} | {code} | {name} | {' | '.join(cells)} | {lost_of} |"


def group_results(
    results: Sequence[dict[str, Any]], domains: Sequence[Domain]
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """The results of the domains by model, part, language and recipe with its settings."""
    homes = {domain.name: (domain.part, domain.language) for domain in domains}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in results:
        if (home := homes.get(one["run"]["domain"])) is not None:
            settings = json.dumps(one["run"]["hyperparameters"]) if one["run"]["hyperparameters"] else ""
            settings += f" {one['run']['per_fact']} a fact" if "per_fact" in one["run"] else ""
            name = f"{one['run']['recipe']} {settings}".strip()
            groups.setdefault((one["run"]["model"], *home, name), []).append(one)
    return groups


def rate_of(results: Sequence[dict[str, Any]], kind: str = "") -> PassRate:
    """The rate over the domains' questions, of one kind or all: each question's share over the seeds is one observation."""
    asked = collect_shares(results, kind)
    return PassRate.of([sum(found) for found in asked.values()], [len(found) for found in asked.values()])


def share_of(results: Sequence[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """The share of right answers to each question of the domains, over the seeds."""
    return {question: sum(found) / len(found) for question, found in collect_shares(results).items()}


def collect_shares(results: Sequence[dict[str, Any]], kind: str = "") -> dict[tuple[str, str], list[float]]:
    """What each run answered to each question of the domains' own exams, by domain and question."""
    asked: dict[tuple[str, str], list[float]] = {}
    for one in results:
        kinds = find_kinds(one["run"]["domain"])
        for question, right in one["questions"].items():
            if question in kinds and kind in ("", kinds[question]):
                asked.setdefault((one["run"]["domain"], question), []).append(right)
    return asked


@cache
def find_kinds(domain: str) -> dict[str, str]:
    """The questions of a domain's own exam, each with its kind."""
    (found,) = load_domains([domain])
    return {question["question"]: question["kind"] for question in found.questions}


def main() -> int:
    """Exit status 0; 1 with a reason when a run fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", nargs="+", default=["development"], help="names, or development, or locked")
    parser.add_argument("--recipes", nargs="+", default=[*RECIPES], help="page_rows-FORM leaves one form of rows out")
    parser.add_argument("--model", default=commands.DEFAULT_MODEL)
    parser.add_argument("--seeds", type=int, default=1, help="how many; recipes without training are run once")
    parser.add_argument("--hyperparameters", type=json.loads, default={}, help="as JSON, instead of the engine's own")
    parser.add_argument("--per-fact", type=int, default=page_rows.ROWS_PER_FACT, help="rows of the page, at most")
    parser.add_argument("--general", action="store_true", help="ask the questions of everyday knowledge, too")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--answers", type=Path, help="a file that each answer is added to, with its mark")
    parser.add_argument("--print-requests", action="store_true", help="what a writer of rows would be asked, and stop")
    parser.add_argument("--table", action="store_true", help="only print the table of the results")
    chosen = parser.parse_args()
    language.set_language("en")
    domains = load_domains(chosen.domains)
    if chosen.print_requests:
        for domain in domains:
            asyncio.run(print_requests(domain))
        return 0
    if not chosen.table:
        settings = partial(
            Run, hyperparameters=chosen.hyperparameters, general=chosen.general, per_fact=chosen.per_fact
        )
        wanted = [
            settings(domain, chosen.model, recipe, seed)
            for seed in range(1, chosen.seeds + 1)
            for domain in domains
            for recipe in chosen.recipes
            if seed == 1 or recipe not in UNTRAINED
        ]
        wanted = [
            replace(run, hyperparameters={}, per_fact=page_rows.ROWS_PER_FACT) if run.recipe in UNTRAINED else run
            for run in wanted
        ]
        try:
            run_all(wanted, chosen.results, chosen.answers)
        except JukuError as error:
            print(error, file=sys.stderr)
            return 1
    found = load_results(chosen.results)
    for table in (build_table, build_kind_table, build_comparisons):
        print("\n".join(table(found, domains)), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
