"""The text side of a model: tokenizer, chat template, the tokens that end an answer. Loaded without the weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.engine.damaged_records import check_adapter
from core.engine.http.protocol import ApiError, Json, bad_request
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.model_source import ModelSource
from core.engine.inference.prefix_slots import common_length
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError


@dataclass(frozen=True)
class TokenizedPrompt:
    """A prompt's token ids. `prefix_length`: how many of them are before the person's last message, with which other
    prompts may begin as well (a book in the system message); 0 where it is not known."""

    ids: list[int]
    prefix_length: int = 0


@dataclass(frozen=True)
class ModelText:
    """What turns messages into token ids and token ids into text. `context_length`: tokens of prompt and completion
    together. `vocab_size`: of the model, which may be larger than the tokenizer's."""

    tokenizer: Any
    chat_template: ChatTemplate
    eos_token_ids: frozenset[int]
    context_length: int
    vocab_size: int

    @cached_property
    def token_guide(self) -> Any:
        """llguidance's view of the tokenizer. Raises an ApiError 501 when llguidance is not installed."""
        return build_token_guide(self, self.vocab_size)

    def tokenize_prompt(self, request: GenerationRequest) -> TokenizedPrompt:
        """The prompt's tokens; raises a 400 error when the template refuses the messages or they are longer than
        the context."""
        param = "messages" if request.prompt is None else "prompt"
        prompt = (
            self._render_messages(request)
            if request.prompt is None
            else TokenizedPrompt(self._read_prompt(request.prompt))
        )
        if len(prompt.ids) >= self.context_length:
            limit = f"This model's maximum context length is {self.context_length} tokens"
            raise bad_request(f"{limit}, your {param} has {len(prompt.ids)}.", param, "context_length_exceeded")
        return prompt

    def _render_messages(self, request: GenerationRequest) -> TokenizedPrompt:
        try:
            text = self.chat_template.render(list(request.messages), True, list(request.tools))
        except ChatTemplateError as error:
            raise bad_request(f"Invalid 'messages': {error}.", "messages", "invalid_value") from error
        ids = self.chat_template.tokenize(text)
        before = self.chat_template.tokenize(text[: _find_last_question(text, request.messages)])
        return TokenizedPrompt(ids, common_length(ids, before))

    def _read_prompt(self, prompt: str | Sequence[int]) -> list[int]:
        """The token ids of a prompt that is no conversation. An empty text begins a new document."""
        ids = self.chat_template.tokenize(prompt) if isinstance(prompt, str) else list(prompt)
        if wrong := [token_id for token_id in ids if not 0 <= token_id < self.vocab_size]:
            message = f"Invalid 'prompt': this model has no token {wrong[0]}, only 0 to {self.vocab_size - 1}."
            raise bad_request(message, "prompt", "invalid_value")
        return ids or [min(self.eos_token_ids)]


def build_token_guide(text: ModelText, vocab_size: int) -> Any:
    """llguidance's view of a tokenizer. Raises an ApiError 501 when llguidance is not installed."""
    try:
        from llguidance.hf import from_tokenizer
    except ImportError as error:
        message = "This needs the Python package llguidance, which is not installed: pip install llguidance"
        raise ApiError(501, message, code="package_missing") from error
    return from_tokenizer(text.tokenizer, n_vocab=vocab_size, eos_token=sorted(text.eos_token_ids))


def _find_last_question(text: str, messages: Sequence[Json]) -> int:
    """Where the person's last message begins in the rendered text; 0 where it is not found as it was sent."""
    contents = (message.get("content") for message in reversed(messages) if message["role"] == "user")
    question = next(contents, None)
    return max(0, text.rfind(question.strip())) if isinstance(question, str) and question.strip() else 0


def load_text(source: ModelSource) -> ModelText:
    """The text side of a model, whose adapter is checked first.

    Raises DamagedAdapterError for an adapter that is not the one that was trained, and OSError or ValueError when the
    files cannot be read.
    """
    from transformers import AutoConfig, AutoTokenizer

    if source.adapter:
        check_adapter(source.adapter)
    tokenizer = AutoTokenizer.from_pretrained(source.base, local_files_only=True)
    config = AutoConfig.from_pretrained(source.base, local_files_only=True).get_text_config()
    chat_template = ChatTemplate(tokenizer, source.entry.chat_template_kwargs, source.entry.supports_tools)
    eos = find_eos_token_ids(source.base, config, tokenizer, chat_template)
    context_length = min(source.entry.context_length, config.max_position_embeddings)
    return ModelText(tokenizer, chat_template, eos, context_length, config.vocab_size)


def find_eos_token_ids(base: Path, config: Any, tokenizer: Any, chat_template: ChatTemplate) -> frozenset[int]:
    """Every token that ends a completion: of the generation config, the tokenizer, and the template's end of turn."""
    from transformers import GenerationConfig

    if (base / "generation_config.json").is_file():
        config = GenerationConfig.from_pretrained(base, local_files_only=True)
    configured = config.eos_token_id
    found = set(configured if isinstance(configured, list) else [configured]) | {tokenizer.eos_token_id}
    messages = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}]
    end_of_turn = chat_template.tokenize(chat_template.render(messages, False).rstrip("\n"))[-1]
    if end_of_turn in tokenizer.all_special_ids:
        found.add(end_of_turn)
    return frozenset(token_id for token_id in found if token_id is not None)
