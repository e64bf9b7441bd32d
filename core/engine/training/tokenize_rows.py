"""Training rows as token ids and labels: the loss counts the assistant's words only."""

from dataclasses import dataclass

from core.engine.http.protocol import Json
from core.engine.models.chat_template import Template

IGNORED = -100


@dataclass(frozen=True)
class Sequence:
    """One sequence to learn. `labels`: as long as `ids`, IGNORED where nothing is to be learnt."""

    ids: list[int]
    labels: list[int]


@dataclass
class Pair:
    """Two answers to one conversation. `margin`: by how much (log-probability) the model preferred the better one
    before it was trained."""

    better: Sequence
    worse: Sequence
    margin: float = 0.0


def encode(template: Template, row: Json, limit: int) -> list[Sequence]:
    """A row's sequences, at most `limit` tokens each; cut from the end, as the protocol's owner does.

    Every assistant turn whose weight is not 0 is learnt with its end-of-turn token. One sequence holds all
    turns, unless the template rewrites earlier turns (Qwen3 drops their thinking): then each turn has its own.
    """
    messages, tools = row["messages"], row.get("tools")
    turns = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    taught = [i for i in turns if messages[i].get("weight") != 0]
    pieces = {i: _piece(template, messages, i, tools) for i in taught}
    whole = _together(template, pieces)
    found = [whole] if whole else [_sequence(template, [pieces[i]]) for i in taught]
    cut = [Sequence(one.ids[:limit], one.labels[:limit]) for one in found]
    return [one for one in cut if any(label != IGNORED for label in one.labels)]


def encode_pair(template: Template, row: Json, limit: int) -> Pair | None:
    """A row of preferences; None where the limit leaves nothing of an answer."""
    asked, tools = row["input"]["messages"], row["input"].get("tools")

    def answered(name: str) -> Sequence:
        messages = [*asked, row[name][0]]
        whole = _sequence(template, [_piece(template, messages, len(asked), tools)])
        return Sequence(whole.ids[:limit], whole.labels[:limit])

    pair = Pair(answered("preferred_output"), answered("non_preferred_output"))
    learnt = all(any(label != IGNORED for label in one.labels) for one in (pair.better, pair.worse))
    return pair if learnt else None


def _piece(template: Template, messages: list[Json], turn: int, tools: object) -> tuple[str, str]:
    """What the model sees before an answer, and the answer with its end of turn."""
    before = template.render(messages[:turn], True, tools)
    after = template.render(messages[: turn + 1], False, tools)
    if not after.startswith(before):  # a template that opens the answer differently in the prompt
        before = template.render(messages[:turn], False, tools)
        assert after.startswith(before), "the template rewrites the turn before the answer"
    return before, after[len(before) :].rstrip("\n")


def _together(template: Template, pieces: dict[int, tuple[str, str]]) -> Sequence | None:
    """All turns in one sequence, where each turn's text begins with the turns before it."""
    done, parts = "", []
    for before, answer in pieces.values():
        if not before.startswith(done):
            return None
        parts.append((before[len(done) :], answer))
        done = before + answer
    return _sequence(template, parts)


def _sequence(template: Template, parts: list[tuple[str, str]]) -> Sequence:
    ids: list[int] = []
    labels: list[int] = []
    for before, answer in parts:
        # Tokenised apart, so that the prompt has the same tokens here as when the model is asked.
        seen, learnt = template.encode(before), template.encode(answer)
        ids += seen + learnt
        labels += [IGNORED] * len(seen) + learnt
    return Sequence(ids, labels)
