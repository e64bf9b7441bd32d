"""Turns training rows into token ids and labels: the loss counts the assistant's tokens only."""

from dataclasses import dataclass, field, replace
from typing import Any

from core.engine.http.protocol import Json
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError, content_text

IGNORE_INDEX = -100
SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True)
class TokenizedRow:
    """One sequence to train on. `labels`: as long as `input_ids`, IGNORE_INDEX where there is no loss.

    `teacher`: the same labels after a longer prompt, or None. `references`: what was computed before the first step of
    the tokens with a label, by name. `is_on_policy`: whether the model has written the labels itself.
    """

    input_ids: list[int]
    labels: list[int]
    teacher: "TokenizedRow | None" = None
    references: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    is_on_policy: bool = False

    def truncate(self, max_length: int) -> "TokenizedRow":
        """The first `max_length` tokens."""
        return TokenizedRow(self.input_ids[:max_length], self.labels[:max_length])

    @property
    def is_trainable(self) -> bool:
        """Whether any token has a loss."""
        return any(label != IGNORE_INDEX for label in self.labels)

    @property
    def num_labels(self) -> int:
        """How many tokens have a loss."""
        return sum(label != IGNORE_INDEX for label in self.labels[1:])


@dataclass
class PreferencePair:
    """Two completions of one prompt. `reference_margin`: log p(chosen) - log p(rejected) before training."""

    chosen: TokenizedRow
    rejected: TokenizedRow
    reference_margin: float = 0.0


def tokenize_row(chat_template: ChatTemplate, row: Json, max_length: int) -> list[TokenizedRow]:
    """The sequences of a row, truncated at the end to `max_length` tokens each; those without a loss are left out.

    Every assistant turn whose weight is not 0 has a loss, with its end-of-turn token. One sequence holds all
    turns, unless the template rewrites earlier turns (Qwen3 drops their thinking): then each turn has its own.
    Raises ChatTemplateError when the template cannot render the messages.
    """
    messages, tools = row["messages"], row.get("tools")
    turns = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    trained = [i for i in turns if messages[i].get("weight") != 0]
    completions = {i: _split_completion(chat_template, messages, i, tools) for i in trained}
    joined = _join_turns(chat_template, list(completions.values()))
    sequences = [joined] if joined else [_tokenize_turns(chat_template, [completions[i]]) for i in trained]
    truncated = [one.truncate(max_length) for one in sequences]
    return [one for one in truncated if one.is_trainable]


def tokenize_with_teacher(chat_template: ChatTemplate, row: Json, max_length: int) -> list[TokenizedRow]:
    """As `tokenize_row`, each sequence with its teacher where the row has `teacher_messages`, which the teacher reads
    before the row's own.

    Raises ChatTemplateError also when the teacher's sequence is too long for the model.
    """
    rows = tokenize_row(chat_template, row, max_length)
    if not row.get("teacher_messages"):
        return rows
    teachers = tokenize_row(chat_template, {**row, "messages": join_teacher(row)}, max_length)
    if [_labels(one) for one in rows] != [_labels(one) for one in teachers]:
        raise ChatTemplateError(f"with its 'teacher_messages' the row has more than the model's {max_length} tokens")
    return [replace(one, teacher=teacher) for one, teacher in zip(rows, teachers, strict=True)]


def join_teacher(row: Json) -> list[Json]:
    """The messages that the teacher reads. Two system prompts become one: many templates know only one."""
    first, *others = row["messages"]
    extra = [{**one, "weight": 0} if one["role"] == "assistant" else one for one in row["teacher_messages"]]
    if extra[-1]["role"] in SYSTEM_ROLES and first["role"] in SYSTEM_ROLES:
        text = "\n\n".join(content_text(one["content"]) for one in (extra.pop(), first))
        first = {**first, "content": text}
    return [*extra, first, *others]


def _labels(row: TokenizedRow) -> list[int]:
    return [label for label in row.labels if label != IGNORE_INDEX]


def tokenize_preference(chat_template: ChatTemplate, row: Json, max_length: int) -> PreferencePair | None:
    """The pair of a preference row; None when truncation leaves no token of a completion.

    Raises ChatTemplateError when the template cannot render the messages.
    """
    prompt, tools = row["input"]["messages"], row["input"].get("tools")

    def tokenize(output: str) -> TokenizedRow:
        messages = [*prompt, row[output][0]]
        turn = _split_completion(chat_template, messages, len(prompt), tools)
        return _tokenize_turns(chat_template, [turn]).truncate(max_length)

    pair = PreferencePair(tokenize("preferred_output"), tokenize("non_preferred_output"))
    return pair if pair.chosen.is_trainable and pair.rejected.is_trainable else None


def _split_completion(chat_template: ChatTemplate, messages: list[Json], turn: int, tools: object) -> tuple[str, str]:
    """The rendered prompt of an assistant turn, and its completion up to the end-of-turn token."""
    prompt = chat_template.render(messages[:turn], True, tools)
    text = chat_template.render(messages[: turn + 1], False, tools)
    if not text.startswith(prompt):  # a template whose generation prompt differs from how it opens the turn
        prompt = chat_template.render(messages[:turn], False, tools)
        assert text.startswith(prompt), "the template rewrites the turn before the answer"
    return prompt, text[len(prompt) :].rstrip("\n")


def _join_turns(chat_template: ChatTemplate, turns: list[tuple[str, str]]) -> TokenizedRow | None:
    """All turns in one sequence; None when a turn's prompt does not begin with the turns before it."""
    rendered, parts = "", []
    for prompt, completion in turns:
        if not prompt.startswith(rendered):
            return None
        parts.append((prompt[len(rendered) :], completion))
        rendered = prompt + completion
    return _tokenize_turns(chat_template, parts)


def _tokenize_turns(chat_template: ChatTemplate, turns: list[tuple[str, str]]) -> TokenizedRow:
    input_ids: list[int] = []
    labels: list[int] = []
    for prompt, completion in turns:
        # Tokenized apart: the prompt must have the same tokens here as at inference.
        prompt_ids, completion_ids = chat_template.tokenize(prompt), chat_template.tokenize(completion)
        input_ids += prompt_ids + completion_ids
        labels += [IGNORE_INDEX] * len(prompt_ids) + completion_ids
    return TokenizedRow(input_ids, labels)
