"""Turns messages of the protocol into the text that a model's own chat template makes of them."""

import json
import re
from typing import Any

from core.engine.http.protocol import Json

_ROLES = {"developer": "system", "function": "tool"}


class TemplateError(ValueError):
    """These messages cannot be shown to this model; the text says why."""


class Template:
    """A tokenizer's chat template with the family's options. `tools`: whether it knows tool calls."""

    def __init__(self, tokenizer: Any, options: dict[str, Any], tools: bool) -> None:
        self._tokenizer, self._options, self._tools = tokenizer, options, tools
        # All added tokens: `<|im_start|>` in a person's text must not begin a turn.
        marks = sorted((re.escape(mark) for mark in tokenizer.get_added_vocab()), key=len, reverse=True)
        self._marks = re.compile("|".join(marks)) if marks else None

    def render(self, messages: list[Json], prompt: bool, tools: Any = None) -> str:
        """The whole text; with `prompt` it ends where the assistant's answer begins."""
        try:
            text: str = self._tokenizer.apply_chat_template(
                [self._message(message) for message in messages],
                tools=tools,
                tokenize=False,
                add_generation_prompt=prompt,
                **self._options,
            )
        except TemplateError:
            raise
        except Exception as error:  # templates raise what they like
            raise TemplateError(f"the model's chat template refuses these messages: {error}") from error
        return text

    def _message(self, message: Json) -> Json:
        calls = message.get("tool_calls") or message.get("function_call")
        if not self._tools and (calls or message["role"] in ("tool", "function")):
            raise TemplateError("this model's chat template knows no tool calls")
        role = message["role"]
        shown: Json = {"role": _ROLES.get(role, role), "content": self._plain(text_of(message.get("content")))}
        if message.get("tool_calls"):
            shown["tool_calls"] = [_call(call) for call in message["tool_calls"]]
        return shown

    def _plain(self, text: str) -> str:
        """Text in which no special token is left: an invisible joiner parts its first two characters."""
        return self._marks.sub(lambda found: found[0][0] + "\u2060" + found[0][1:], text) if self._marks else text

    def encode(self, text: str) -> list[int]:
        """Token ids of rendered text, in which special tokens count as such."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids


def text_of(content: Any) -> str:
    """The text of a message's content: a string, text parts, or nothing."""
    if isinstance(content, list):
        if any(part.get("type") not in ("text", "refusal") for part in content):
            raise TemplateError("this model reads text only, no images or sound")
        return "".join(part.get("text") or part.get("refusal") or "" for part in content)
    return content or ""


def _call(call: Json) -> Json:
    """A tool call as templates want it: arguments as an object, not as text."""
    function = dict(call["function"])
    try:
        function["arguments"] = json.loads(function.get("arguments") or "{}")
    except ValueError as error:
        raise TemplateError("a tool call's arguments are not JSON") from error
    return {**call, "function": function}
