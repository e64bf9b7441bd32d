"""For how many exam questions the right passage is found, by letters alone and with the sentence encoder.

Prints the table of docs/decisions/0047: the samples and the development pages of tools/teaching_domains.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.dataset import examples, sample_projects  # noqa: E402 - found only now
from core.exam import prompt_conditions, questions  # noqa: E402
from core.exam.prompt_conditions import RetrievalSettings  # noqa: E402
from core.spec import facts, spec  # noqa: E402
from core.spec.spec import Spec  # noqa: E402
from core.storage.project import Project  # noqa: E402
from tools import bench_teach  # noqa: E402

SAMPLES = ("hobannu-en", "hobannu-ja")
PLACES = (1, 2, 4)  # of the first passages, one has to be right
NO_LIMIT = 10**6  # tokens

AskedQuestions = list[tuple[str, list[str]]]  # questions with the quotes of which a right passage has one


def sample_questions(project: Project) -> AskedQuestions:
    """The exam questions of a project that are about facts."""
    quotes = {fact.name: fact.quote for fact in facts.load(project.rows)}
    rows = examples.iterate(project.rows, questions.EXAM_ROWS)
    return [(row.question, [quotes[name] for name in row.facts.split()]) for row in rows if row.facts]


async def count_found(project: Project, asked: AskedQuestions, k: int, encoder: bool) -> int:
    """For how many questions a right passage is among the first `k`."""
    settings = RetrievalSettings(k=k, budget=NO_LIMIT, encoder=encoder)
    builder = prompt_conditions.load_prompt_builder(project.rows, settings)
    hits = 0
    for question, quotes in asked:
        texts = [one.passage.text for one in await builder.find(project, question)]
        hits += any(quote in text for text in texts for quote in quotes)
    builder.close()
    return hits


async def measure() -> Iterator[tuple[str, int, list[str]]]:
    """Each page's name, its number of questions, and the cells of its row."""
    rows = []
    domains = [bench_teach.load_domain(folder) for folder in sorted((bench_teach.DOMAINS / "development").iterdir())]
    for page in (*SAMPLES, *domains):
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder) / "page.juku")
            if isinstance(page, str):
                await project.write("", sample_projects.fill, page)
                name, asked = page, sample_questions(project)
            else:
                await project.write("", spec.store, Spec(page.title, page.language, "", page.page))
                name, asked = page.name, [(one["question"], one["quotes"]) for one in page.questions if one["quotes"]]
            cells = [
                f"{await count_found(project, asked, k, False)} → {await count_found(project, asked, k, True)}"
                for k in PLACES
            ]
            rows.append((name, len(asked), cells))
            project.close()
    return iter(rows)


def main() -> None:
    print(f"| page | questions | {' | '.join(f'among {k}' for k in PLACES)} |")
    print("|---|---:|" + "---:|" * len(PLACES))
    for name, count, cells in asyncio.run(measure()):
        print(f"| {name} | {count} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
