"""The chat template that leaves with a model: other programs must ask it as it was asked in its training."""

import json
from pathlib import Path
from typing import Any

from core.engine import failures
from core.engine.export.gguf_layout import ExportError
from core.engine.http.protocol import Json
from core.engine.models.chat_template import ChatTemplate

# For a template without system role: the engine puts the system text before the first question, and so does this.
_FOLD_SYSTEM = (
    "{%- if messages|length > 1 and messages[0]['role'] == 'system' %}"
    "{%- set messages = [{'role': 'user', 'content': messages[0]['content'] ~ '\\n\\n' ~ messages[1]['content']}]"
    " + messages[2:] %}{%- endif %}"
)


class ExportedTemplate:
    """The tokenizer and the chat template of a base model, as training uses them.

    Raises ExportError where the tokenizer cannot be loaded or has no template.
    """

    def __init__(self, base: Path, kwargs: Json, supports_tools: bool) -> None:
        from transformers import AutoTokenizer

        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
        except Exception as error:  # transformers raises what it likes
            raise ExportError(
                f"The base model's tokenizer cannot be loaded. {failures.explain(error).words}"
            ) from error
        if not self.tokenizer.chat_template:
            raise ExportError("The model has no chat template: no other program would know how to ask it.")
        self._kwargs = kwargs
        self._template = ChatTemplate(self.tokenizer, kwargs, supports_tools)

    @property
    def jinja(self) -> str:
        """The template with what the engine does beside it written into it.

        Other programs do not know the keyword arguments: without `enable_thinking = false` they would ask the model in
        another way than it was trained.
        """
        lines = "".join(f"{{%- set {name} = {_to_jinja(value)} %}}" for name, value in self._kwargs.items())
        fold = "" if self._template.knows_system else _FOLD_SYSTEM
        return lines + fold + str(self.tokenizer.chat_template)

    @property
    def adds_bos(self) -> bool:
        """Whether the tokenizer puts its first token before a text by itself."""
        return bool(self.tokenizer("a").input_ids[:1] == [self.tokenizer.bos_token_id])

    @property
    def end_of_turn(self) -> int:
        """The token that ends an answer: the template's, or else the tokenizer's end of text."""
        messages = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}]
        last = self._template.tokenize(self.render(messages, False).rstrip("\n"))[-1]
        return last if last in self.tokenizer.all_special_ids else int(self.tokenizer.eos_token_id)

    def render(self, messages: list[Json], add_generation_prompt: bool) -> str:
        """The text of a conversation. Raises ChatTemplateError when the template refuses it."""
        return self._template.render(messages, add_generation_prompt)


def _to_jinja(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "none"}[value]
    return json.dumps(value)
