"""LangSmith and Langfuse: what went into a model or a chain, and what came out."""

from typing import Any

from core.formats import column_mapping
from core.formats.forms.content_parts import join_texts
from core.formats.forms.form import Converted, Json, message, without
from core.formats.forms.speakers import role_of_speaker

_PAIRS = (("inputs", "outputs"), ("inputs", "reference_outputs"), ("input", "expectedOutput"), ("input", "expected_output"),
          ("input", "output"))  # fmt: skip
_ANSWER_KEYS = ("output", "answer", "response", "text", "content", "completion", "result", "messages")
_QUESTION_KEYS = ("messages", "input", "question", "query", "prompt", "text", "content", "chat_history")


def is_row(value: Json) -> bool:
    """Whether an object has what went in and what came out, not both as plain texts."""
    return any(_fits(value, *pair) for pair in _PAIRS)


def _fits(value: Json, before: str, after: str) -> bool:
    sides = value.get(before), value.get(after)
    if not all(isinstance(side, str | dict | list) and side for side in sides):
        return False
    return before == "inputs" or after.startswith("expected") or not all(isinstance(side, str) for side in sides)


def read(value: Json) -> list[Converted]:
    """Convert a trace or an example of a dataset."""
    before, after = next(pair for pair in _PAIRS if _fits(value, *pair))
    asked, answered = (
        _read_side(value[before], "user", _QUESTION_KEYS),
        _read_side(value[after], "assistant", _ANSWER_KEYS),
    )
    rest = without(value, before, after)
    if not asked or not answered:
        return [Converted(None, value, ("no-question" if not asked else "no-answer",))]
    if answered[: len(asked)] == asked:  # a state that holds the whole conversation
        answered = answered[len(asked) :]
    return [Converted({"messages": [*asked, *answered]}, rest)]


def _read_side(side: Any, role: str, keys: tuple[str, ...]) -> list[Json]:
    if isinstance(side, str):
        return [message(role, side)] if side.strip() else []
    if isinstance(side, list):
        return [one for entry in side for one in _read_side(entry, role, keys)]
    if not isinstance(side, dict):
        return []
    if (turn := _read_message(side)) is not None:
        return [turn]
    for key in (*keys, "generations", "choices", "message"):
        if side.get(key):
            return _read_side(side[key], role, keys)
    known = column_mapping.guess_mapping([key for key, text in side.items() if isinstance(text, str)])
    field = "question" if role == "user" else "answer"
    texts = [side[known[field]]] if field in known else [text for text in side.values() if isinstance(text, str)]
    return [message(role, texts[0])] if len(texts) == 1 else []


def _read_message(one: Json) -> Json | None:
    """A message of OpenAI's form, or of LangChain's: `{"type": "human", "data": {"content": …}}` or with `kwargs`."""
    inner = next((one[key] for key in ("data", "kwargs") if isinstance(one.get(key), dict)), one)
    if "content" not in inner:
        return None
    kind = one.get("role") or one.get("type") or inner.get("type")
    if isinstance(one.get("id"), list):  # LangChain's serialised class, as ["langchain", "schema", "HumanMessage"]
        kind = str(one["id"][-1]).removesuffix("Message").removesuffix("MessageChunk")
    return message(role_of_speaker(str(kind)), join_texts(inner["content"])[0]) if kind else None
