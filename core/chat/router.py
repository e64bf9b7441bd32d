"""Routes a question to the model of its domain: by function calling, or offline by the domains' words."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core import prompts
from core.dataset import examples
from core.errors import ProviderError
from core.exam import questions as exam_questions
from core.language import tr
from core.progress import Reporter
from core.providers import Message, Provider
from core.spec import spec
from core.spec.spec import detect_language
from core.storage import read_only_copy
from core.storage.project import Project
from core.text import search_terms

NO_DOMAIN = ""  # what is chosen where a question belongs to no domain
OFFLINE, CALLING = "offline", "calling"
MIN_SHARE = 0.35  # share of what a question's words weigh that a domain must know
MIN_MARGIN = 0.08  # of that share, by which it must be ahead of the next
REJECT_FUNCTION = "none"  # the name of the function that abstains
MAX_REASON = 200  # characters


@dataclass(frozen=True, slots=True)
class Domain:
    """What a tuned model knows. `source` is the project that teaches it, '' for none; `text` its spec at that time."""

    name: str
    description: str
    provider: str
    model: str
    source: str = ""
    text: str = ""
    system_prompt: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class RouterChoice:
    """`domain` is a name, or `NO_DOMAIN`. `scores` are of the offline method, by name, from 0 to 1."""

    domain: str
    reason: str
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class RoutedQuestion:
    """A question whose domain is known, and where it was passed on to."""

    question: str
    wanted: str
    chosen: str
    reason: str


Choose = Callable[[str], Awaitable[RouterChoice]]


def load_domains(db: sqlite3.Connection) -> list[Domain]:
    """All domains, in the order in which they were added."""
    rows = db.execute(
        "SELECT name, description, provider, model, source, text, system_prompt, id FROM domain ORDER BY id"
    )
    return [Domain(*row) for row in rows]


def store(db: sqlite3.Connection, domain: Domain) -> None:
    """Add a domain, or change the one with its id."""
    values = (
        domain.name,
        domain.description,
        domain.provider,
        domain.model,
        domain.source,
        domain.text,
        domain.system_prompt,
    )
    if domain.id:
        sql = "UPDATE domain SET name = ?, description = ?, provider = ?, model = ?, source = ?, text = ?, system_prompt = ? WHERE id = ?"
        db.execute(sql, (*values, domain.id))
    else:
        db.execute(
            "INSERT INTO domain (name, description, provider, model, source, text, system_prompt) VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a domain."""
    db.execute("DELETE FROM domain WHERE id = ?", (id,))


def load_project_domain(path: Path) -> tuple[Domain, list[str]]:
    """The domain that a project teaches, without a model, and its exam questions. Raises `ProjectError`."""
    with read_only_copy.open_any_project(path) as db:
        state = spec.load(db)
        questions = [row.question for row in examples.iterate(db, exam_questions.EXAM_ROWS)
                 if row.question and row.kind != "general"]  # fmt: skip
    description = state.description or " ".join(state.text.split())[:200]
    return Domain(state.name or path.stem, description, "", "", str(path), state.text, state.system_prompt), questions


class OfflineRouter:
    """The offline method: whose words does a question use? Words of everyday questions say nothing."""

    def __init__(self, known: Sequence[Domain]) -> None:
        self._words = {one.name: set(_split_words(f"{one.name}\n{one.description}\n{one.text}")) for one in known}

    @cached_property
    def _everyday(self) -> set[str]:
        rows = [row for language in ("en", "ja") for row in exam_questions.load_general(language)[::2]]
        return {word for row in rows for word in _split_words(f"{row.question} {row.answer}")}

    async def choose(self, question: str) -> RouterChoice:
        """The domain that knows most of what the question's words weigh; none where that is little, or a tie."""
        words_asked = [word for word in dict.fromkeys(_split_words(question)) if word not in self._everyday]
        shares = {name: self._share(words_asked, words) for name, words in self._words.items()}
        ranked = sorted(shares.items(), key=lambda pair: -pair[1]) or [(NO_DOMAIN, 0.0)]
        (best, most), (_other, next_most) = ranked[0], ranked[1] if len(ranked) > 1 else (NO_DOMAIN, 0.0)
        if most < MIN_SHARE:
            return RouterChoice(
                NO_DOMAIN, tr("No domain contains enough of its words ({share}).", share=f"{most:.0%}"), shares
            )
        if most - next_most < MIN_MARGIN:
            return RouterChoice(NO_DOMAIN, tr("Two domains match its words equally well."), shares)
        known = ", ".join(word.strip() for word in words_asked if word in self._words[best])[:80]
        return RouterChoice(
            best, tr("Contains {share} of its words: {words}.", share=f"{most:.0%}", words=known), shares
        )

    def _share(self, words_asked: Sequence[str], words: set[str]) -> float:
        whole = sum(self._weight(word) for word in words_asked)
        return sum(self._weight(word) for word in words_asked if word in words) / whole if whole else 0.0

    def _weight(self, word: str) -> float:
        """A word that fewer domains have weighs more; one that no domain has weighs 1."""
        count = sum(word in words for words in self._words.values())
        return 1.0 if not count else 1.0 + math.log((1 + len(self._words)) / count)


def _split_words(text: str) -> list[str]:
    return search_terms.split_terms(text)


async def choose_by_function_call(
    provider: Provider, model: str, known: Sequence[Domain], question: str
) -> RouterChoice:
    """Let a chat model choose a domain by calling a function. Raises `ProviderError`, also where it calls none."""
    names = {f"domain_{number}": one for number, one in enumerate(known, 1)}
    tools = [_tool(name, f"{one.name}: {one.description}") for name, one in names.items()]
    tools.append(_tool(REJECT_FUNCTION, "The question belongs to none of the domains."))
    listed = "\n".join(f"- {name}: {one.name}. {one.description}" for name, one in names.items())
    prompt = prompts.fill(prompts.load("route", detect_language(question)), domains=listed)
    messages: list[Message] = [{"role": "system", "content": prompt}, {"role": "user", "content": question}]
    called = await provider.call(model, messages, tools)
    if called is None:
        raise ProviderError(
            tr("{model} called no function", model=model),
            tr("It may not support function calling. Choose another model, or the offline method, which needs none."),
        )
    name, arguments = called
    reason = str(arguments.get("reason") or "")[:MAX_REASON]
    return RouterChoice(names[name].name if name in names else NO_DOMAIN, reason, {})


def _tool(name: str, description: str) -> dict[str, object]:
    # A small model whose answer is held to this form would go on with its reason until its tokens are used up.
    reason = {"type": "string", "description": "Why, in one short sentence.", "maxLength": MAX_REASON}
    parameters = {
        "type": "object",
        "properties": {"reason": reason},
        "required": ["reason"],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description[:1000], "parameters": parameters}}


def load_test_questions(
    known: Sequence[Domain], read: Callable[[Path], tuple[Domain, list[str]]] = load_project_domain
) -> list[tuple[str, str]]:
    """Questions with the domain they belong to: each project's exam, and general questions that belong to none.

    Of the latter every second one: from the others the offline method knows which words are everyday ones. Raises
    `ProjectError` where a project cannot be read.
    """
    found: list[tuple[str, str]] = []
    languages = Counter[str]()
    for one in known:
        if one.source and Path(one.source).exists():
            _domain, questions = read(Path(one.source))
            found += [(question, one.name) for question in questions]
            languages[detect_language(one.text)] += 1
    for language in languages:
        found += [(row.question, NO_DOMAIN) for row in exam_questions.load_general(language)[1::2]]
    return found


async def measure_routing(
    project: Project, choose: Choose, method: str, questions: Sequence[tuple[str, str]], reporter: Reporter
) -> list[RoutedQuestion]:
    """Route questions whose domain is known, and store the results in the project.

    Raises what `choose` raises, `ProjectError`, and `Cancelled` when the reporter is cancelled.
    """
    found: list[RoutedQuestion] = []
    for done, (question, wanted) in enumerate(questions):
        reporter.update(done, len(questions))
        choice = await choose(question)
        found.append(RoutedQuestion(question, wanted, choice.domain, choice.reason))
    await project.write("", _store_results, method, found)
    reporter.update(len(questions), len(questions))
    return found


def _store_results(db: sqlite3.Connection, method: str, found: Sequence[RoutedQuestion]) -> None:
    (run,) = db.execute("SELECT coalesce(max(run), 0) + 1 FROM route").fetchone()
    db.executemany(
        "INSERT INTO route (run, created_at, way, question, wanted, chosen, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(run, time.time(), method, one.question, one.wanted, one.chosen, one.reason) for one in found],
    )


def load_last_results(db: sqlite3.Connection, method: str) -> list[RoutedQuestion]:
    """What the newest measurement with a method has found."""
    sql = "SELECT question, wanted, chosen, reason FROM route WHERE run = (SELECT max(run) FROM route WHERE way = ?) ORDER BY id"
    return [RoutedQuestion(*row) for row in db.execute(sql, (method,))]


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """`counts[wanted][chosen]`, both in the order of `names`; the last name is `NO_DOMAIN`."""

    names: list[str]
    counts: list[list[int]]

    @property
    def right(self) -> int:
        """How many questions were routed to their domain."""
        return sum(self.counts[place][place] for place in range(len(self.names)))

    @property
    def total(self) -> int:
        """How many questions were routed."""
        return sum(map(sum, self.counts))


def count_confusions(known: Sequence[Domain], found: Sequence[RoutedQuestion]) -> ConfusionMatrix:
    """How often questions of each domain were routed to which."""
    names = [*dict.fromkeys([one.name for one in known] + [one.wanted for one in found if one.wanted]), NO_DOMAIN]
    counts = Counter((one.wanted, one.chosen) for one in found)
    return ConfusionMatrix(names, [[counts[wanted, chosen] for chosen in names] for wanted in names])
