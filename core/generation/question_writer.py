"""A small model as the writer of questions: trained once on shipped examples, then asked about each fact of a page.

The examples (resources/question_writer) are statements of invented pages, each with questions as different people ask them.
A model of 135 M parameters that was trained on them writes natural questions, of which some half are usable:
`choose_rows` keeps those that belong to their statement. A row's answer is the statement, not what the model says.
"""

import asyncio
import hashlib
import json
import math
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from core import paths, prompts, providers
from core.errors import JukuError, ProviderError
from core.exam import point_making
from core.generation import page_rows
from core.generation.draft_rows import AddedDrafts
from core.language import tr
from core.lazy_loading import LazyModule, lazy_pattern
from core.lazy_rapidfuzz import fuzz
from core.progress import Cancelled, Reporter
from core.providers import JobRequest, JobState, JobStatus, Provider, Sampling
from core.providers.request_runner import run_together
from core.providers.retry_policy import PollTimer
from core.storage.project import OnChanges, Project
from core.text import statements
from core.text.questions.rows import Page, PageFact, QuestionRow, drop_ambiguous

if TYPE_CHECKING:
    from core.text.questions import make
    from core.text.questions.shared_passages import Passage
else:
    make = LazyModule("core.text.questions.make")  # the analysers of both languages


FORM = "own_question"  # what made a row
SUFFIX = "question-writer"
ORDERS = 2  # in which each example's questions are shown, so that a model learns any kind to come first
HYPERPARAMETERS = {"n_epochs": 2}
MAX_REPLY_TOKENS = 260
TEMPERATURE, TOP_P, LISTS = 0.7, 0.95, 4  # lists of questions that are written about each fact
MAX_QUESTIONS, MAX_UNSTATED = 14, 1  # of one fact that become rows
MAX_LENGTH = 160  # characters of a question
# Of a question's letters, by their weights: with more of them in one passage, it is taken to answer the question. Of the
# shipped examples' open questions 22 % (Japanese: 6 %) are dropped by it, of the answered ones 82 % (90 %) would be.
MAX_SHARED = {"en": 0.5, "ja": 0.4}
MAX_RIVALS = 3  # facts of the page that share more with a question than its own one
SIMILAR = 88  # per cent from which two questions are the same
# What an example calls a kind of question, and the kind of row that it becomes. "combined" needs two facts.
KINDS = {
    "direct": "direct",
    "reworded": "reworded",
    "situation": "reworded",
    "short": "reworded",
    "reverse": "reverse",
    "false_premise": "false_premise",
    "not_stated": "not_stated",
}
FREE_FIGURES = ("situation", "false_premise", "not_stated")  # kinds that may hold figures which the statement lacks
UNSTATED_ANSWERS = {
    "en": ("The text does not say that.", "The text says nothing about that."),
    "ja": ("それは書かれていません。", "そのことは書かれていません。"),
}


OPEN_ENDED = ("short",)  # kinds that need not end as a question: keywords
FREE_WORDS = ("false_premise", "not_stated")  # kinds whose answer is not what the question asks for
_ENDS_AS_QUESTION = lazy_pattern(
    "(?:[?？]|[かの](?:な|しら|ね)?|でしょう|だろう|っけ|よね|(?:教|おし)えて|(?:たい|欲しい|ほしい)(?:の|ん)?(?:です)?(?:が|けど)?|[んの]です(?:が|けど)"
    '|(?:くだ|下)さい)[。．.!！…」』")）\\s]*$'
)
_HIRAGANA = lazy_pattern(r"[\u3041-\u309f]+")


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question as the model wrote it; `kind` is one of `KINDS`."""

    kind: str
    question: str


async def add_rows(
    project: Project,
    provider: Provider,
    base: str,
    names: Collection[str] | None,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
    hold: bool = True,
    seed: int = 1,
) -> AddedDrafts:
    """Let a writer made from `base` ask about these facts (None: all), and add the rows as drafts, in one undoable step.

    With `hold` one wording is kept for the exam of each fact that has none there. Another seed chooses other rows. Raises `ProviderError`, `JukuError` where no writer can be trained, `ProjectError`, and `Cancelled`.
    """
    page, language = await project.read(page_rows.load_page_and_language)
    writer = await prepare(provider, base, language, reporter.part(0, 2))
    rows = await write_rows(provider, writer, page, language, names, reporter.part(1, 2), seed)
    added: list[AddedDrafts] = []

    def add(db: sqlite3.Connection) -> None:
        added.append(page_rows.add_given_rows(db, rows, hold, reporter))

    on_changes(await project.write(tr("Questions that a small model writes"), add))
    return added[0]


async def write_rows(
    provider: Provider,
    writer: str,
    page: Page,
    language: str,
    names: Collection[str] | None,
    reporter: Reporter,
    seed: int = 1,
) -> list[QuestionRow]:
    """The rows of the questions that a writer asks about these facts of the page (None: all). Raises `ProviderError` and `Cancelled`."""
    asked = replace(page, facts=tuple(one for one in page.facts if names is None or one.name in names))
    return choose_rows(page, language, await write(provider, writer, asked, reporter), seed)


async def find_writer(provider: Provider, base: str, language: str) -> str:
    """The name of a writer that was made from `base` before; '' where there is none. Raises `ProviderError`."""
    job = await _find_job(provider, _build_token(build_training_file(language), base))
    return (job.fine_tuned_model or "") if job is not None and job.ended else ""


@cache
def load_examples(language: str) -> list[dict[str, Any]]:
    """The shipped statements with their questions; English ones for a language that has none."""
    path = paths.RESOURCES / "question_writer" / f"{prompts.find_language(language)}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def build_prompt(page: str, heading: str, statement: str) -> str:
    """What the writer is asked, in training and later."""
    lines = ["Write questions.", f"Page: {page}", f"Heading: {heading}" if heading else "", f"Statement: {statement}"]
    return "\n".join(filter(None, lines))


def build_training_file(language: str) -> bytes:
    """The JSONL file that a writer is trained on, always the same one."""
    dice = random.Random(7)  # noqa: S311 - an order, no secret
    rows = []
    for example in load_examples(language):
        prompt = build_prompt(example["page"], example["heading"], example["statement"])
        for _ in range(ORDERS):
            questions = dice.sample(example["questions"], len(example["questions"]))
            reply = "\n".join(f"{kind}: {text}" for kind, text in questions)
            rows.append([{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}])
    dice.shuffle(rows)
    return "\n".join(json.dumps({"messages": row}, ensure_ascii=False) for row in rows).encode()


async def prepare(provider: Provider, base: str, language: str, reporter: Reporter) -> str:
    """The name of a writer at this provider, made from `base` by a fine-tuning job if there is none yet.

    Training takes minutes, once for each base model and language. A job that still runs is waited for. Raises
    `ProviderError`, `JukuError` when the job fails, and `Cancelled`, after which the job is cancelled, too.
    """
    data = build_training_file(language)
    token = _build_token(data, base)
    job = await _find_job(provider, token)
    if job is None:
        file = await provider.upload(f"{SUFFIX}-{language}.jsonl", data)
        request = JobRequest(base, file.id, token, suffix=SUFFIX, seed=1, hyperparameters=HYPERPARAMETERS)
        job = await provider.create_job(request)
    job = await _follow(provider, job, reporter)
    if job.fine_tuned_model is None:
        raise JukuError(
            tr("The question writer could not be trained"), providers.explain_failure(job.error_code, job.error)
        )
    return job.fine_tuned_model


def _build_token(data: bytes, base: str) -> str:
    return hashlib.sha256(data + base.encode() + json.dumps(HYPERPARAMETERS).encode()).hexdigest()[:32]


async def _find_job(provider: Provider, token: str) -> JobState | None:
    """The job that has made, or is making, the writer; none where its model was deleted since."""
    models = {model.id for model in await provider.models()}
    for job in await provider.find_jobs(token):
        if not job.ended or (job.status == JobStatus.SUCCEEDED and job.fine_tuned_model in models):
            return job
    return None


async def _follow(provider: Provider, job: JobState, reporter: Reporter) -> JobState:
    """Wait until the job has ended. A server that cannot be reached is asked again later."""
    timer, known = PollTimer(), set[str]()
    try:
        while not job.ended:
            interval = provider.poll_seconds
            try:
                job = await provider.job(job.id)
                for event in await provider.events(job.id, known):
                    known.add(event.id)
                    if "step" in event.data:
                        reporter.update(event.data["step"], event.data.get("total_steps"))
                timer.failures = 0
            except JukuError as error:
                interval = timer.note_failure(error, interval)
                if timer.blocked:
                    raise
            reporter.check()
            timer.schedule(interval)
            await timer.wait()
    except (Cancelled, asyncio.CancelledError):
        with suppress(ProviderError):  # it has ended meanwhile, or the server is gone and what it did with it
            await asyncio.shield(provider.cancel_job(job.id))
        raise
    return job


async def write(provider: Provider, writer: str, page: Page, reporter: Reporter) -> dict[str, list[WrittenQuestion]]:
    """The questions that the model writes about each fact, by the fact's name. Raises `ProviderError` and `Cancelled`."""
    found: dict[str, list[WrittenQuestion]] = {}
    sampling = Sampling(temperature=TEMPERATURE, top_p=TOP_P, max_tokens=MAX_REPLY_TOKENS, n=LISTS)

    async def ask(fact: PageFact) -> None:
        reporter.check()
        prompt = build_prompt(page.subject, statements.SEPARATOR.join(fact.headings), fact.text)
        reply = await provider.chat(writer, [{"role": "user", "content": prompt}], sampling)
        found[fact.name] = [one for text in reply.texts for one in parse_reply(text)]
        reporter.update(len(found), len(page.facts))

    await run_together(provider, [partial(ask, fact) for fact in page.facts])
    return found


def parse_reply(text: str) -> Iterator[WrittenQuestion]:
    """The questions of a reply; lines that are none are left out."""
    for line in text.splitlines():
        kind, separator, question = line.partition(": ")
        if separator and kind in KINDS and 3 < len(question.strip()) <= MAX_LENGTH:
            yield WrittenQuestion(kind, question.strip())


def choose_rows(
    page: Page, language: str, written: Mapping[str, Sequence[WrittenQuestion]], seed: int = 1
) -> list[QuestionRow]:
    """Rows of the questions that belong to their fact: no figures from elsewhere, no repeats, and few facts fit better.

    Texts that do not end as a question, and questions that hold their answer, are left out. A question is taken to be open
    where no passage of the whole text shares much with it.
    """
    dice = random.Random(seed)  # noqa: S311 - the same rows for the same seed
    stated, index = make.state_facts(page, language), _FactIndex(page, language)
    passages = make.read_passages(page, language)
    rows: list[QuestionRow] = []
    for fact in page.facts:
        if fact.name in stated:
            offered = [one for one in written.get(fact.name, ()) if asks_openly(one, stated[fact.name])]
            chosen = _choose(fact, offered, index, dice)
            passage = passages.recite(fact.name)
            rows += [_build_row(fact, one, stated[fact.name], passage, language, dice) for one in chosen]
    return drop_ambiguous(rows, _squeeze)


def asks_openly(one: WrittenQuestion, answer: str) -> bool:
    """Whether a written text ends as a question, but for keywords, and does not hold the answer to it."""
    if one.kind not in OPEN_ENDED and not _ENDS_AS_QUESTION.search(one.question):
        return False
    return one.kind in FREE_WORDS or not point_making.gives_answer_away(one.question, answer)


def _choose(
    fact: PageFact, written: Sequence[WrittenQuestion], index: "_FactIndex", dice: random.Random
) -> Iterator[WrittenQuestion]:
    figures = set(re.findall(r"\d+", fact.text))
    left = {True: MAX_UNSTATED, False: MAX_QUESTIONS}
    taken: list[str] = []
    for one in dice.sample(written, len(written)):
        is_unstated, squeezed = one.kind == "not_stated", _squeeze(one.question)
        if (
            left[is_unstated] > 0
            and (one.kind in FREE_FIGURES or set(re.findall(r"\d+", one.question)) <= figures)
            and not any(fuzz.ratio(squeezed, other) > SIMILAR for other in taken)
            and (index.is_open(one.question) if is_unstated else index.belongs(one.question, fact.name))
        ):
            left[is_unstated] -= 1
            taken.append(squeezed)
            yield one


def _build_row(
    fact: PageFact, one: WrittenQuestion, stated: str, passage: "Passage", language: str, dice: random.Random
) -> QuestionRow:
    if one.kind == "not_stated":
        answer = dice.choice(UNSTATED_ANSWERS[prompts.find_language(language)])
        return QuestionRow(one.question, answer, KINDS[one.kind], (fact.name,), FORM)
    return QuestionRow(one.question, stated, KINDS[one.kind], (fact.name,), FORM, passage.text, passage.facts)


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


class _FactIndex:
    """The letters of the facts' words, four at a time (Japanese: two, not of particles alone), the rare ones counting more."""

    def __init__(self, page: Page, language: str) -> None:
        self._size, self._max_shared = 2 if language == "ja" else 4, MAX_SHARED[prompts.find_language(language)]
        self._grams = {fact.name: self._split(" ".join([*fact.headings[-1:], fact.text])) for fact in page.facts}
        counts = Counter(gram for grams in self._grams.values() for gram in grams)
        self._weights = {gram: math.log(1 + len(self._grams) / count) for gram, count in counts.items()}
        self._unknown = math.log(1 + len(self._grams))  # the weight of letters that no fact has
        self._subject = self._split(page.subject)
        elsewhere = [self._split(" ".join([*one.headings[-1:], one.text])) for one in page.elsewhere]
        self._passages = [*self._grams.values(), *elsewhere]

    def _split(self, text: str) -> set[str]:
        words = re.findall(r"\w+", text.casefold())
        grams = {word[at : at + self._size] for word in words for at in range(len(word) - self._size + 1)}
        return {gram for gram in grams if not _HIRAGANA.fullmatch(gram)} | {word for word in words if word.isdigit()}

    def is_open(self, question: str) -> bool:
        """Whether no passage of the text, fact or not, shares so much with the question that it may answer it."""
        weights = {gram: self._weights.get(gram, self._unknown) for gram in self._split(question) - self._subject}
        limit = self._max_shared * sum(weights.values())
        return bool(weights) and all(
            sum(weights[gram] for gram in weights.keys() & own) < limit for own in self._passages
        )

    def belongs(self, question: str, name: str) -> bool:
        """Whether fewer than `MAX_RIVALS` facts share more with the question than the fact `name`, which shares something."""
        grams = self._split(question)
        scores = {
            fact: sum(self._weights[gram] for gram in grams & own) / (math.sqrt(len(own)) + 3)
            for fact, own in self._grams.items()
        }
        return scores[name] > 0 and sum(score > scores[name] for score in scores.values()) < MAX_RIVALS
