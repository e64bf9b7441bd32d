"""Conversations with models side by side: a tree of questions, with the answers of every pane and what proves who answered."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.exam import prompt_conditions
from core.exam.prompt_conditions import PromptBuilder
from core.exam.retrieval import FoundPassage
from core.providers import Message, OnText, Provider, Reply, Sampling, chat_body, model_identity
from core.storage.project import Changes, Project

CUT = "length"  # why an answer ends, in the words of the protocol: it has as many tokens as it may
MAX_TITLE_CHARACTERS = 60  # characters of the first question that name a conversation


@dataclass(frozen=True, slots=True)
class Conversation:
    """Times are Unix seconds."""

    id: int
    title: str
    created_at: float
    changed_at: float


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """A question. Those with the same parent are branches: one question, edited."""

    id: int
    parent: int | None
    text: str
    created_at: float


@dataclass(frozen=True, slots=True)
class ChatPane:
    """A model and a condition. `number` identifies the pane in its conversation."""

    number: int
    provider: str
    model: str
    condition: str = prompt_conditions.CLOSED_BOOK


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One of a pane's answers to a turn. `reported` and `fingerprint` are what the server reports of the model that answered.

    `sent` and `received` count the tokens of all samples together; 0 where the server does not report them. `mark` is a
    person's, 0 to 100. `first_seconds` passed until the text began, 0 where that is not known; `reason` is why the answer
    ends, in the protocol's words.
    """

    id: int
    turn: int
    pane: ChatPane
    sample: int
    text: str
    reported: str
    fingerprint: str
    seconds: float
    sent: int
    received: int
    passages: list[FoundPassage]
    complete: bool
    created_at: float
    mark: int | None = None
    note: str = ""
    limit: int | None = None  # of tokens of an answer, as its request had it; of the first sample alone
    first_seconds: float = 0.0
    reason: str = ""

    @property
    def tokens_per_second(self) -> float | None:
        """How fast the text was written, from its first token on; None where that is not known."""
        spent, written = self.seconds - self.first_seconds, self.received - 1
        return written / spent if self.first_seconds > 0 and spent > 0 and written > 0 else None


@dataclass(frozen=True, slots=True)
class ConversationThread:
    """A conversation with all its turns and answers, in the order in which they were made."""

    conversation: Conversation
    turns: list[ChatTurn]
    answers: list[ChatAnswer]

    def path(self, leaf: int) -> list[ChatTurn]:
        """The turns that lead to `leaf`, the first one first."""
        known = {turn.id: turn for turn in self.turns}
        found: list[ChatTurn] = []
        at: ChatTurn | None = known[leaf]
        while at:
            found.append(at)
            at = known.get(at.parent) if at.parent is not None else None
        return found[::-1]

    def branches(self, turn: ChatTurn) -> list[ChatTurn]:
        """The turn and those it was edited to, or from."""
        return [one for one in self.turns if one.parent == turn.parent]

    def newest(self, turn: int | None = None) -> int | None:
        """The turn that was asked last, of all or of those that follow `turn`."""
        below = {turn}
        for one in self.turns:  # parents come before their children
            if turn is None or one.parent in below:
                below.add(one.id)
        return max((id for id in below if id is not None), default=None)

    def answers_of(self, turn: int, pane: int) -> list[ChatAnswer]:
        """A pane's answers to a turn, sample by sample."""
        return [one for one in self.answers if one.turn == turn and one.pane.number == pane]

    def history(self, path: Iterable[ChatTurn], pane: int) -> list[Message]:
        """The messages of a pane on a path: of several samples the first; turns that it did not answer are left out."""
        found: list[Message] = []
        for turn in path:
            answers = self.answers_of(turn.id, pane)
            if answers and answers[0].text.strip():
                found += [{"role": "user", "content": turn.text}, {"role": "assistant", "content": answers[0].text}]
        return found

    def panes(self, path: Sequence[ChatTurn]) -> list[ChatPane]:
        """Those that answered last on a path, as they were asked then."""
        for turn in reversed(path):
            found = {one.pane.number: one.pane for one in self.answers if one.turn == turn.id}
            if found:
                return [found[number] for number in sorted(found)]
        return []


@dataclass(frozen=True, slots=True)
class PaneRequest:
    """A question to one pane; `history` are the earlier messages, `system_prompt` not included."""

    turn: int
    pane: ChatPane
    question: str
    system_prompt: str
    sampling: Sampling
    history: Sequence[Message] = field(default_factory=tuple)


async def ask(
    project: Project, provider: Provider, builder: PromptBuilder, request: PaneRequest, on_text: OnText | None = None
) -> Changes:
    """Ask, and store the answers; a pane's earlier answers to the turn are replaced.

    Raises `ModelIdentityError` where another model has answered, `ProviderError`, and `ProjectError`; nothing is stored
    then.
    """
    prepared = await prepare(project, provider, builder, request)
    reply = await provider.chat(request.pane.model, prepared.messages, request.sampling, on_text)
    model_identity.check_identity(provider, request.pane.model, reply)
    body = chat_body(request.pane.model, prepared.messages, request.sampling)
    # Written whatever happens now: it is paid for.
    return await asyncio.shield(project.write("", store_answers, request, reply, body, prepared.passages))


async def prepare(
    project: Project, provider: Provider, builder: PromptBuilder, request: PaneRequest
) -> prompt_conditions.PreparedPrompt:
    """The messages of a request, under its pane's condition. Raises `ProviderError` when embedding fails, and `ProjectError`."""
    return await builder.prepare(
        project,
        request.pane.condition,
        request.question,
        provider,
        request.history,
        system_prompt=request.system_prompt,
    )


def add_turn(db: sqlite3.Connection, conversation: int, parent: int | None, text: str) -> tuple[int, int]:
    """Store a question after the turn `parent`; conversation 0 begins a new one. Returns the ids of the conversation and the turn."""
    now = time.time()
    if not conversation:
        title = " ".join(text.split())
        title = title if len(title) <= MAX_TITLE_CHARACTERS else f"{title[:MAX_TITLE_CHARACTERS]}…"
        sql = "INSERT INTO conversation (title, created_at, changed_at) VALUES (?, ?, ?)"
        conversation = int(db.execute(sql, (title, now, now)).lastrowid or 0)
    sql = "INSERT INTO chat_turn (conversation, parent, text, created_at) VALUES (?, ?, ?, ?)"
    turn = int(db.execute(sql, (conversation, parent, text, now)).lastrowid or 0)
    db.execute("UPDATE conversation SET changed_at = ? WHERE id = ?", (now, conversation))
    return conversation, turn


def store_answers(
    db: sqlite3.Connection, request: PaneRequest, reply: Reply, body: dict[str, Any], found: Sequence[FoundPassage]
) -> None:
    """Store a pane's answers to a turn in place of its earlier ones; nothing where the turn was deleted meanwhile."""
    pane, now = request.pane, time.time()
    if not db.execute("SELECT 1 FROM chat_turn WHERE id = ?", (request.turn,)).fetchone():
        return
    db.execute("DELETE FROM chat_answer WHERE turn = ? AND pane = ?", (request.turn, pane.number))
    reported = (
        reply.model,
        reply.fingerprint,
        reply.seconds,
        reply.sent,
        reply.tokens,
        prompt_conditions.dump_passages(found),
    )
    for sample, text in enumerate(reply.texts):
        sent = "" if sample else json.dumps(body)  # once: under open book the whole spec stands in it
        own = (request.turn, pane.number, sample, pane.provider, pane.model, pane.condition, text)
        reason = reply.reasons[sample] if sample < len(reply.reasons) else ""
        db.execute(_INSERT_ANSWER, (*own, *reported, sent, reply.complete, now, reply.first_seconds, reason))
    sql = "UPDATE conversation SET changed_at = ? WHERE id = (SELECT conversation FROM chat_turn WHERE id = ?)"
    db.execute(sql, (now, request.turn))


_INSERT_ANSWER = """INSERT INTO chat_answer (turn, pane, sample, provider, model, condition, text, reported, fingerprint, seconds,
sent, received, passages, request, complete, created_at, first_seconds, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


_LIMIT = """CASE WHEN json_valid(request)
THEN coalesce(json_extract(request, '$.max_completion_tokens'), json_extract(request, '$.max_tokens')) END"""


def find_cut(answers: Sequence[ChatAnswer]) -> int | None:
    """The limit of tokens that the answers to one request have reached, so that they probably end before their end."""
    limit = answers[0].limit if answers else None
    if reasons := {one.reason for one in answers} - {""}:
        return limit if CUT in reasons else None
    return limit if limit and answers[0].received >= limit * len(answers) else None


def load(db: sqlite3.Connection, id: int) -> ConversationThread | None:
    """A conversation with all its branches; None when it is gone."""
    row = db.execute(f"{_CONVERSATIONS} WHERE id = ?", (id,)).fetchone()
    if row is None:
        return None
    sql = "SELECT id, parent, text, created_at FROM chat_turn WHERE conversation = ? ORDER BY id"
    turns = [ChatTurn(*found) for found in db.execute(sql, (id,))]
    condition = "turn IN (SELECT id FROM chat_turn WHERE conversation = ?)"
    return ConversationThread(Conversation(*row), turns, _query_answers(db, condition, id))


def load_answers(db: sqlite3.Connection, turn: int, pane: int) -> list[ChatAnswer]:
    """What a pane has answered to a turn, sample by sample."""
    return _query_answers(db, "turn = ? AND pane = ?", turn, pane)


def _query_answers(db: sqlite3.Connection, condition: str, *values: int) -> list[ChatAnswer]:
    sql = f"""SELECT id, turn, pane, provider, model, condition, sample, text, reported, fingerprint, seconds, sent,
    received, passages, complete, created_at, mark, note, {_LIMIT},
    first_seconds, reason FROM chat_answer WHERE {condition} ORDER BY turn, pane, sample"""
    found = []
    for row in db.execute(sql, values):
        id, turn, number, provider, model, name, *rest, passages, complete, at, mark, note, limit, first, reason = row
        pane, passages_found = ChatPane(number, provider, model, name), prompt_conditions.parse_passages(passages)
        more = (passages_found, bool(complete), at, mark, note, limit, first, reason)
        found.append(ChatAnswer(id, turn, pane, *rest, *more))  # type: ignore[call-arg]
    return found


def load_request(db: sqlite3.Connection, turn: int, pane: int) -> dict[str, Any]:
    """The body of the request that a pane answered last to a turn; empty when it answered none."""
    sql = "SELECT request FROM chat_answer WHERE turn = ? AND pane = ? AND request <> ''"
    row = db.execute(sql, (turn, pane)).fetchone()
    body: dict[str, Any] = json.loads(row[0]) if row else {}
    return body


_CONVERSATIONS = "SELECT id, title, created_at, changed_at FROM conversation"


def find_conversations(db: sqlite3.Connection, words: str = "") -> list[Conversation]:
    """The conversations whose title, questions, answers or notes contain all of `words`, the one changed last first."""
    conditions, values = ["1"], []
    for word in words.split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(_CONTAINS_WORD)
        values += [f"%{escaped}%"] * 4
    sql = f"{_CONVERSATIONS} WHERE {' AND '.join(conditions)} ORDER BY changed_at DESC, id DESC"
    return [Conversation(*row) for row in db.execute(sql, values)]


_CONTAINS_WORD = """(title LIKE ? ESCAPE '\\' OR id IN (SELECT conversation FROM chat_turn WHERE text LIKE ? ESCAPE '\\')
OR id IN (SELECT t.conversation FROM chat_answer a JOIN chat_turn t ON t.id = a.turn
WHERE a.text LIKE ? ESCAPE '\\' OR a.note LIKE ? ESCAPE '\\'))"""


def store_mark(db: sqlite3.Connection, answer: int, mark: int | None, note: str) -> None:
    """Store a person's mark of an answer, 0 to 100 or None, with a note."""
    assert mark is None or 0 <= mark <= 100, mark
    db.execute("UPDATE chat_answer SET mark = ?, note = ? WHERE id = ?", (mark, note, answer))


def rename(db: sqlite3.Connection, id: int, title: str) -> None:
    """Give a conversation another title."""
    db.execute("UPDATE conversation SET title = ? WHERE id = ?", (title, id))


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a conversation with its turns and answers."""
    db.execute("DELETE FROM chat_answer WHERE turn IN (SELECT id FROM chat_turn WHERE conversation = ?)", (id,))
    db.execute("DELETE FROM chat_turn WHERE conversation = ?", (id,))
    db.execute("DELETE FROM conversation WHERE id = ?", (id,))
