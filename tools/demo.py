"""From the sample to the proof, without a window: base model, plain rows, study rows, and what each knows.

Really trains and asks; the figures it prints are the ones in resources/guide/en/expect.md. --short trains on the plain rows only.
"""

import argparse
import asyncio
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core import language
from core.cli import commands
from core.dataset import examples, filters, sample_projects
from core.dataset.filters import Filter
from core.errors import JukuError
from core.exam import prompt_conditions, runs, scores, verdict
from core.exam.runs import ExamSubject
from core.exam.scores import ExamResult
from core.progress import Progress, Reporter
from core.providers import LOCAL, LocalProvider, Sampling
from core.storage.project import Changes, Project
from core.training import job_queue, metrics, submit

SEED = 1
TOKENS, SHORT_TOKENS = 80, 32  # of an answer, at most
FEW, SOME, MORE = 1, 4, 8  # questions in the short form: of each kind, but reworded and memorised ones
Trained = tuple[str, float]  # a model and the seconds its training took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", choices=sample_projects.list_names(), default="hobannu-en")
    parser.add_argument("--model", default=commands.DEFAULT_MODEL)
    parser.add_argument(
        "--rows", nargs="+", default=["plain", "study"], help="the tags to train on, one after the other"
    )
    parser.add_argument("--epochs", type=int, help="instead of the engine's own choice")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", type=Path, help="keep the project in this file")
    parser.add_argument(
        "--short", action="store_true", help="the plain rows only, for a few epochs, and a thinned exam"
    )
    arguments = parser.parse_args()
    if arguments.short:
        arguments.rows, arguments.epochs = ["plain"], arguments.epochs or 6
    language.set_language("en")
    with tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(demonstrate(arguments, arguments.keep or Path(folder) / "demo.juku"))
        except JukuError as error:
            sys.exit(str(error))
        except KeyboardInterrupt:
            return commands.INTERRUPTED
    return 0


async def demonstrate(arguments: argparse.Namespace, path: Path) -> None:
    project, provider = Project(path), LocalProvider()
    try:
        await project.write("sample", sample_projects.fill, arguments.sample)
        if arguments.short:
            await project.write("short exam", thin)
        trained = [await train(project, provider, arguments, rows) for rows in arguments.rows]
        started = time.monotonic()
        id = await examine(project, provider, arguments, [model for model, _seconds in trained])
        result = await project.read(lambda db: scores.load_result(db, runs.load(db, id)))
        print_table(result, arguments, trained, time.monotonic() - started)
    finally:
        await provider.close()
        project.close()


async def examine(project: Project, provider: LocalProvider, arguments: argparse.Namespace, tuned: list[str]) -> int:
    """The base under each condition, then each tuned model by heart."""

    async def connect(_id: str) -> LocalProvider:
        return provider

    books = (
        [prompt_conditions.CLOSED_BOOK, prompt_conditions.RETRIEVED]
        if arguments.short
        else [*prompt_conditions.CONDITIONS]
    )
    subjects = [ExamSubject(LOCAL, arguments.model, condition) for condition in books]
    subjects += [ExamSubject(LOCAL, model) for model in tuned]
    sampling = Sampling(max_tokens=SHORT_TOKENS if arguments.short else TOKENS, seed=arguments.seed)
    plan = runs.ExamPlan(subjects, sampling, general=not arguments.short)
    return await runs.examine(project, connect, plan, reporter("exam"))


def thin(db: sqlite3.Connection) -> None:
    """Leave only a few questions of most kinds."""
    for kind in runs.KINDS:
        most = {"memorised": MORE, "reworded": SOME}.get(kind, FEW)
        examples.delete(db, filters.find(db, Filter(split="test", kind=kind))[most:])


async def train(project: Project, provider: LocalProvider, arguments: argparse.Namespace, rows: str) -> Trained:
    hyperparameters = {"n_epochs": arguments.epochs} if arguments.epochs else {}
    plan = submit.TrainingPlan(arguments.model, rows, hyperparameters, arguments.seed, rows)
    started = time.monotonic()
    id = await submit.create(project, provider, plan)
    show = reporter(f"train on {rows}")

    def on_changes(_changes: Changes) -> None:
        if (found := metrics.load_losses(project.rows, id)) and found[-1].total:
            show.update(found[-1].step, found[-1].total)

    job = await job_queue.follow(project, provider, id, on_changes)
    if job.fine_tuned_model is None:
        raise JukuError(f"The job on {rows} ended as {job.status}", job.error)
    return job.fine_tuned_model, time.monotonic() - started


def reporter(label: str) -> Reporter:
    shown = -1

    def show(progress: Progress) -> None:
        nonlocal shown
        tenth = 10 * progress.done // (progress.total or 1)
        if tenth > shown:
            shown = tenth
            print(f"{label}: {progress.done} of {progress.total}", file=sys.stderr, flush=True)

    return Reporter(show)


def print_table(result: ExamResult, arguments: argparse.Namespace, trained: list[Trained], seconds: float) -> None:
    """Rates per kind and subject, as a Markdown table; then the facts gained and lost, and the verdict."""
    books = [subject.condition for subject in result.run.subjects if subject.model == arguments.model]
    names = [f"base, {book.replace('_', '-')}" for book in books] + [f"tuned on {rows}" for rows in arguments.rows]
    print(
        f"\n{arguments.sample} on {arguments.model}, seed {arguments.seed}, temperature 0, each question once, {platform.machine()}; "
        "one sample whose rows were written by hand, one seed, so another text or seed may come out otherwise\n"
    )
    print("| kind | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for row in result.kinds:
        print(f"| {row.name} | " + " | ".join(str(rate) for rate in row.rates) + " |")
    held = [total.held for total in result.totals]
    print("| **held out** | " + " | ".join(f"**{one}**" for one in held) + " |")
    print("| 95 % interval | " + " | ".join("{:.0%} – {:.0%}".format(*one.interval) for one in held) + " |")
    print("| tokens sent | " + " | ".join(f"{total.sent:,}" for total in result.totals) + " |")
    spent = ["–"] * len(books) + [f"{taken:.0f}" for _model, taken in trained]
    print("| training, s | " + " | ".join(spent) + " |")
    print(f"\nexam: {seconds:.0f} s")
    for number, name in enumerate(names[1:], start=1):
        found = result.compare(number)
        for title, rows in (("gained", found.gained), ("lost", found.lost)):
            facts = scores.fact_names(rows)
            print(f"{name} {title} {', '.join(facts) or 'no fact'}; {len(rows) - len(facts)} general questions")
    print("\n" + "\n".join(verdict.build_sentences(result)))


if __name__ == "__main__":
    sys.exit(main())
