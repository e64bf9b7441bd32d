"""Renders the protocol's messages with a model's own chat template."""

import json
import re
from typing import Any

from core.engine.http.protocol import Json
from core.engine.models import tool_syntax

_HTML_TAG = re.compile("</?[a-z]+[1-6]?>")
_ROLES = {"developer": "system", "function": "tool"}


class ChatTemplateError(ValueError):
    """The template cannot render these messages; the text says why."""


class ChatTemplate:
    """A tokenizer's chat template with its keyword arguments. `supports_tools`: whether it renders tools; where it does
    not, or in another form than `tool_syntax`, they are written into the messages.

    `knows_system`: whether it renders system messages; else their text is put before the question.
    """

    def __init__(self, tokenizer: Any, kwargs: dict[str, Any], supports_tools: bool) -> None:
        self._tokenizer, self._kwargs = tokenizer, kwargs
        self._renders_tools = supports_tools and tool_syntax.knows_syntax(str(tokenizer.chat_template))
        # `<|im_start|>` in a person's text must not begin a turn.
        special_tokens = sorted(map(re.escape, _control_tokens(tokenizer)), key=len, reverse=True)
        self._special_tokens = re.compile("|".join(special_tokens)) if special_tokens else None
        self.knows_system = self._renders_system()

    def _renders_system(self) -> bool:
        """Whether the template renders a system message; some raise an error for it, some leave it out."""
        try:
            return "System-1" in self._apply(
                [{"role": "system", "content": "System-1"}, {"role": "user", "content": "User-1"}], False, None
            )
        except Exception:  # templates raise what they like; `render` reports those of a person's messages
            return False

    def render(self, messages: list[Json], add_generation_prompt: bool, tools: Any = None) -> str:
        """The text; with `add_generation_prompt` it ends where the assistant's answer begins.

        Raises ChatTemplateError when the template does not support the messages.
        """
        try:
            converted = [self._convert(message) for message in messages]
            tools = json.loads(self._escape(json.dumps(tools, ensure_ascii=False))) if tools else None
            if not self._renders_tools:
                converted, tools = tool_syntax.write_tools(converted, tools or ()), None
            if not self.knows_system:
                converted = _fold_system(converted)
            text = self._apply(converted, add_generation_prompt, tools)
        except ChatTemplateError:
            raise
        except Exception as error:  # templates raise what they like
            raise ChatTemplateError(f"the model's chat template refuses these messages: {error}") from error
        return text

    def _apply(self, messages: list[Json], add_generation_prompt: bool, tools: Any) -> str:
        text: str = self._tokenizer.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=add_generation_prompt, **self._kwargs
        )
        return text

    def _convert(self, message: Json) -> Json:
        role, content = message["role"], content_text(message.get("content"))
        converted: Json = {
            "role": _ROLES.get(role, role),
            # An assistant's refusal is an answer like any other.
            "content": self._escape(content or message.get("refusal") or ""),
        }
        legacy = message.get("function_call")
        calls = message.get("tool_calls") or ([{"type": "function", "function": legacy}] if legacy else [])
        if calls:
            converted["tool_calls"] = [self._convert_tool_call(call) for call in calls]
        return converted

    def _convert_tool_call(self, call: Json) -> Json:
        """A tool call as templates expect it: arguments as an object, not as JSON text."""
        function = dict(call["function"])
        try:
            function["arguments"] = json.loads(self._escape(function.get("arguments") or "{}"))
        except (ValueError, TypeError) as error:
            raise ChatTemplateError("a tool call's arguments are not JSON") from error
        if not isinstance(function["arguments"], dict):
            raise ChatTemplateError("a tool call's arguments are no JSON object")
        return {**call, "function": function}

    def _escape(self, text: str) -> str:
        """Text without special tokens: U+2060 (word joiner) is put between their first two characters."""
        if not self._special_tokens:
            return text
        return self._special_tokens.sub(lambda match: match[0][0] + "\u2060" + match[0][1:], text)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of rendered text, special tokens included."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids


def _control_tokens(tokenizer: Any) -> list[str]:
    """The added tokens that a person's text must not have: all but those that are plain text.

    Gemma has white space and HTML tags among them. Qwen3's `<think>` looks like such a tag, and is in its template.
    """
    template = str(tokenizer.chat_template)

    def is_text(token: str) -> bool:
        return token.isspace() or bool(_HTML_TAG.fullmatch(token) and token not in template)

    return [one.content for one in tokenizer.added_tokens_decoder.values() if one.special or not is_text(one.content)]


def _fold_system(messages: list[Json]) -> list[Json]:
    """The messages with each system text at the head of the next user message, for a template without that role."""
    folded: list[Json] = []
    texts: list[str] = []
    for message in messages:
        if message["role"] == "system":
            texts.append(message["content"])
        elif message["role"] == "user" and texts:
            folded.append({**message, "content": "\n\n".join([*texts, message["content"]])})
            texts = []
        else:
            folded.append(message)
    return [*folded, {"role": "user", "content": "\n\n".join(texts)}] if texts else folded


def content_text(content: Any) -> str:
    """The text of a message's content: a string, text parts, or None. Raises ChatTemplateError for other parts."""
    if isinstance(content, list):
        if any(part.get("type") not in ("text", "refusal") for part in content):
            raise ChatTemplateError("this model reads text only, no images or sound")
        return "".join(part.get("text") or part.get("refusal") or "" for part in content)
    return content or ""
