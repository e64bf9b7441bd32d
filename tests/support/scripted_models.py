"""What the tests of LLM runs share: a spec of gates, a model that writes examples of them, and a process to be killed."""

import asyncio
import json
import re
import sys
from functools import partial
from pathlib import Path

from core.exam.fact_coverage import load
from core.generation import llm_runs, row_generation
from core.generation.llm_run_tasks import TASKS
from core.progress import Progress, Reporter
from core.providers import Provider
from core.spec import facts, spec
from core.spec.spec import Spec
from core.storage.project import Project
from tests.support.fake_server import KEY, Answer

MODEL = "base-model"
GATES = ["amber", "bronze", "crimson", "dusty", "emerald", "frosty", "golden", "hazel", "indigo", "jade"]
TEXT = "# Gates\n\n" + "".join(f"- The {name} gate opens at {hour}.\n" for hour, name in enumerate(GATES, 3))


def fill(db) -> None:
    """A spec of ten facts."""
    spec.store(db, Spec("Gates", "en", "Answer briefly.", TEXT))
    facts.accept_missing(db)


def begin(project: Project, batch: bool = False) -> int:
    """Write down a request for each fact; the LLM run's id."""
    subjects = list(row_generation.build_subjects(row_generation.build_requests(load(project.rows), ["direct"])))
    made: list[int] = []
    begun = partial(llm_runs.begin, task="examples", provider="fake", model=MODEL, subjects=subjects, batch=batch)
    asyncio.run(project.write("", lambda db: made.append(begun(db))))
    return made[0]


def gate_of(asked: dict) -> str:
    """The gate that is the subject of a request."""
    fact = re.search(r"<fact>\n(.*?)\n</fact>", asked["messages"][-1]["content"])
    return fact[1].split()[1]


def examples(asked: dict) -> Answer:
    """What a good model writes of a gate."""
    name = gate_of(asked)
    fact = next(line[2:] for line in TEXT.splitlines() if f" {name} " in line)
    pairs = {"direct": f"When does the {name} gate open?", "reworded": f"From what hour on may I walk through {name}?"}
    made = [{"question": question, "answer": fact, "kind": kind, "quote": fact} for kind, question in pairs.items()]
    return Answer([json.dumps({"examples": made})])


async def ask(project: Project, provider: Provider, id: int, reporter: Reporter) -> llm_runs.LlmRunOutcome:
    try:
        return await llm_runs.run(project, provider, id, TASKS, reporter)
    finally:
        await provider.close()


def tell(progress: Progress) -> None:
    print(progress.done, flush=True)


if __name__ == "__main__":
    server = Provider("fake", "Fake", sys.argv[2], KEY)
    asyncio.run(ask(Project(Path(sys.argv[1])), server, int(sys.argv[3]), Reporter(tell)))
