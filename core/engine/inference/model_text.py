"""The text side of a model: tokenizer, chat template, the tokens that end an answer. Loaded without the weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine.http.chat_request import ChatRequest
from core.engine.http.protocol import bad_request
from core.engine.inference.model_source import ModelSource
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError


@dataclass(frozen=True)
class ModelText:
    """What turns messages into token ids and token ids into text. `context_length`: tokens of prompt and completion
    together."""

    tokenizer: Any
    chat_template: ChatTemplate
    eos_token_ids: frozenset[int]
    context_length: int

    def tokenize_prompt(self, request: ChatRequest) -> list[int]:
        """The prompt's token ids; raises a 400 error when the template refuses the messages or they are longer than
        the context."""
        try:
            prompt_ids = self.chat_template.tokenize(self.chat_template.render(request.messages, True))
        except ChatTemplateError as error:
            raise bad_request(f"Invalid 'messages': {error}.", "messages", "invalid_value") from error
        if len(prompt_ids) >= self.context_length:
            limit = f"This model's maximum context length is {self.context_length} tokens"
            raise bad_request(f"{limit}, your messages have {len(prompt_ids)}.", "messages", "context_length_exceeded")
        return prompt_ids


def load_text(source: ModelSource) -> ModelText:
    """The text side of a model. Raises OSError or ValueError when its files cannot be read."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.base, local_files_only=True)
    chat_template = ChatTemplate(tokenizer, source.entry.chat_template_kwargs, source.entry.supports_tools)
    eos = _find_eos_token_ids(source.base, tokenizer, chat_template)
    context_length = min(source.entry.context_length, _max_positions(source.base))
    return ModelText(tokenizer, chat_template, eos, context_length)


def _max_positions(base: Path) -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(base, local_files_only=True).get_text_config().max_position_embeddings)


def _find_eos_token_ids(base: Path, tokenizer: Any, chat_template: ChatTemplate) -> frozenset[int]:
    """Every token that ends a completion: of the generation config, the tokenizer, and the template's end of turn."""
    from transformers import AutoConfig, GenerationConfig

    if (base / "generation_config.json").is_file():
        configured = GenerationConfig.from_pretrained(base, local_files_only=True).eos_token_id
    else:
        configured = AutoConfig.from_pretrained(base, local_files_only=True).get_text_config().eos_token_id
    found = set(configured if isinstance(configured, list) else [configured]) | {tokenizer.eos_token_id}
    messages = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}]
    end_of_turn = chat_template.tokenize(chat_template.render(messages, False).rstrip("\n"))[-1]
    if end_of_turn in tokenizer.all_special_ids:
        found.add(end_of_turn)
    return frozenset(token_id for token_id in found if token_id is not None)
