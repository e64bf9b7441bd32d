"""Rows of everyday knowledge with the base model's own answers, against forgetting (replay).

A model that is trained on a page's rows alone answers everything with a fact of the page. Some rows of what it said before
keep the rest: Robins (1995), "Catastrophic forgetting, rehearsal and pseudorehearsal".
"""

import re
import sqlite3
from collections.abc import Iterable
from functools import partial

from core import paths, prompts
from core.dataset import examples
from core.exam import degenerate_answers, held_out_kinds
from core.exam.questions import GENERAL
from core.formats import jsonl
from core.generation import draft_rows, page_rows
from core.generation.draft_rows import AddedDrafts
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz
from core.progress import Reporter
from core.providers import Provider, Sampling
from core.providers.request_runner import run_together
from core.spec import spec
from core.storage.project import OnChanges, Project

TAG = "everyday"  # what the rows are found by
ROWS = 60
MAX_TOKENS = 60
MAX_SIMILARITY = 75.0  # of an answer and its question, in per cent
MAX_LENGTH = 200  # characters of an answer
_FIRST_SENTENCE = {"en": lazy_pattern(r".*?[.!?](?=\s|$)"), "ja": lazy_pattern(r".*?[。！？]")}


async def add_rows(
    project: Project,
    provider: Provider,
    model: str,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
    status: str = "draft",
) -> AddedDrafts:
    """Ask the model and add its answers with this status, in one undoable step. Raises as `ask`, and `ProjectError`."""
    language = await project.read(lambda db: spec.get_language(spec.load(db)))
    answered = await ask(provider, model, language, reporter)
    added: list[AddedDrafts] = []
    changes = await project.write(
        tr("Everyday questions"), lambda db: added.append(store_answers(db, answered, model, status))
    )
    on_changes(changes)
    return added[0]


def load_prompts(language: str) -> list[str]:
    """The shipped everyday prompts; English ones for a language that has none. None is a question of an exam."""
    return (
        (paths.RESOURCES / "everyday_prompts" / f"{prompts.find_language(language)}.txt")
        .read_text("utf-8")
        .splitlines()
    )


async def ask(provider: Provider, model: str, language: str, reporter: Reporter) -> list[tuple[str, str]]:
    """Up to `ROWS` prompts with the first sentence of the model's answer, without those that have none of use.

    Raises `ProviderError` and `Cancelled`.
    """
    chosen = held_out_kinds.spread(load_prompts(language), ROWS)
    found: dict[str, str] = {}

    async def ask_one(prompt: str) -> None:
        reporter.check()
        reply = await provider.chat(model, [{"role": "user", "content": prompt}], Sampling(max_tokens=MAX_TOKENS))
        sentence = find_first_sentence(reply.texts[0], language)
        found[prompt] = "" if repeats_prompt(prompt, sentence) else sentence
        reporter.update(len(found), len(chosen))

    await run_together(provider, [partial(ask_one, prompt) for prompt in chosen])
    return [(prompt, found[prompt]) for prompt in chosen if found[prompt]]


def find_first_sentence(text: str, language: str) -> str:
    """The first sentence of an answer; empty where it is too long, cut off, or degenerate."""
    line = text.strip().split("\n")[0]
    match = _FIRST_SENTENCE[prompts.find_language(language)].match(line)
    sentence = match[0].strip() if match else ""
    is_whole = 1 < len(sentence) <= MAX_LENGTH
    return sentence if is_whole and degenerate_answers.find_flaw(sentence, 0, 0) is None else ""


def are_missing(db: sqlite3.Connection) -> bool:
    """Whether there are training rows that were made from the page alone, and no everyday rows, rejected ones included."""
    (found,) = db.execute(_ARE_MISSING, (page_rows.SOURCE, f" {TAG} ")).fetchone()
    return bool(found)


_ARE_MISSING = """SELECT EXISTS (SELECT 1 FROM example WHERE source = ? AND split = 'train' AND status <> 'rejected')
AND NOT EXISTS (SELECT 1 FROM example WHERE instr(' ' || tags || ' ', ?))"""


def repeats_prompt(prompt: str, answer: str) -> bool:
    """Whether an answer says little else than its question, as base models do: nothing would be kept by it."""
    asked, said = (re.sub(r"\W", "", text.casefold()) for text in (prompt, answer))
    return fuzz.ratio(asked, said) >= MAX_SIMILARITY


def store_answers(
    db: sqlite3.Connection, answered: Iterable[tuple[str, str]], source: str, status: str = "draft"
) -> AddedDrafts:
    """Add what the base model `source` said, but for questions that are there already."""
    system, asked = spec.load(db).system_prompt, draft_rows.load_present_rows(db).asked
    rows = [
        examples.read_row(
            jsonl.new_row(system, question, answer),
            split="train",
            status=status,
            kind=GENERAL,
            tags=TAG,
            source=source,
        )
        for question, answer in answered
        if draft_rows.find_key(question) not in asked
    ]
    ids = list(examples.add(db, rows))
    return AddedDrafts(rows=len(ids), ids=ids)
