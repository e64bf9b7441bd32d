"""Rows that compare two answers: TRL (explicit, implicit and conversational), LLaMA-Factory and Alpaca.

Sources: https://huggingface.co/docs/trl/dataset_formats and
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md
"""

import re
from typing import Any

from core.formats.conversion_losses import UnsupportedRow, get_plain_messages
from core.formats.forms.form import Converted, Json, are_messages, message, preference, system_message, without
from core.formats.forms.speakers import role_of_speaker

_KEYS = (
    "prompt",
    "chosen",
    "rejected",
    "instruction",
    "input",
    "question",
    "query",
    "system",
    "conversations",
    "messages",
)
_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def is_row(value: Json) -> bool:
    """Whether an object has a chosen and a rejected answer, as texts, messages or lists of messages."""
    sides = value.get("chosen"), value.get("rejected")
    return all(isinstance(side, str | dict) or are_messages(side) or _are_turns(side) for side in sides)


def read(value: Json) -> list[Converted]:
    """Convert a row; an implicit prompt is what both answers begin with."""
    prompt = system_message(value.get("system")) + _read_prompt(value)
    chosen, rejected = (_read_side(value[key]) for key in ("chosen", "rejected"))
    if not any(one.get("role") == "user" for one in prompt):
        prompt += _common_start(chosen, rejected)
    row = preference(prompt, _last(chosen), _last(rejected))
    return [Converted(row, without(value, *_KEYS))]


def _are_turns(side: Any) -> bool:
    return isinstance(side, list) and bool(side) and all(isinstance(one, dict) and "from" in one for one in side)


def _read_prompt(value: Json) -> list[Json]:
    for key in ("prompt", "messages", "conversations"):
        if isinstance(value.get(key), list):
            return [_read_message(one) for one in value[key]]
    texts = [value.get(key) for key in ("prompt", "instruction", "question", "query", "input")]
    parts = [text for text in texts if isinstance(text, str) and text.strip()]
    if len(parts) == 1 and len(dialogue := _split_dialogue(parts[0])) > 0:
        return dialogue
    return [message("user", "\n\n".join(parts))] if parts else []


def _read_message(one: Any) -> Json:
    if isinstance(one, dict) and "from" in one:
        return message(role_of_speaker(str(one["from"])), one.get("value", ""))
    return one if isinstance(one, dict) else message("user", str(one))


def _read_side(side: Any) -> list[Json]:
    if isinstance(side, str):
        return _split_dialogue(side) or [message("assistant", side)]
    return [_read_message(one) for one in (side if isinstance(side, list) else [side])]


def _split_dialogue(text: str) -> list[Json]:
    """The messages of a text in the form of HH-RLHF: paragraphs that begin with “Human: ” and “Assistant: ”."""
    if not _SPEAKER.match(text):
        return []
    parts = _SPEAKER.split(text)[1:]
    turns = [
        message("user" if who == "Human" else "assistant", said.strip())
        for who, said in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [turn for turn in turns if turn["content"]]


def _common_start(chosen: list[Json], rejected: list[Json]) -> list[Json]:
    length = 0
    while length < min(len(chosen), len(rejected)) - 1 and chosen[length] == rejected[length]:
        length += 1
    return chosen[:length]


def _last(side: list[Json]) -> Json:
    return side[-1] if side else message("assistant", "")


def write(value: Json) -> Json:
    """Convert a preference row to TRL's conversational form with an explicit prompt. Raises `UnsupportedRow` for others."""
    sides = [
        next((value[key] for key in (f"{side}_output", f"{side}_completion") if key in value), None)
        for side in ("preferred", "non_preferred")
    ]
    if not isinstance(value.get("input"), dict) or not all(isinstance(side, list) and side for side in sides):
        raise UnsupportedRow("rejected")
    if len(value) != 3:
        raise UnsupportedRow("keys")
    prompt = get_plain_messages(value["input"])
    chosen, rejected = (get_plain_messages({"messages": side}) for side in sides)
    if len(chosen) > 1 or len(rejected) > 1:
        raise UnsupportedRow("outputs")
    if not any(one["role"] == "user" for one in prompt):
        raise UnsupportedRow("question")
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
