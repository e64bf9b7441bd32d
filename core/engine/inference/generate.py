"""Text generation, token by token: a batch of sequences, each with its own sampling parameters and callback."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.streaming_decoder import StreamingDecoder

MIN_SAMPLED = (
    1e-5  # of temperature and top_p; below, fp32 has no room, and only the likeliest token is left (as in vLLM)
)


@dataclass(eq=False)
class GeneratedSequence:
    """One completion. `on_token(text, finish_reason, num_tokens)` is called with each new text, at last with a
    finish reason (`stop` or `length`). Setting `cancelled` ends the sequence without a call."""

    prompt_ids: list[int]
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop_strings: list[str]
    on_token: Callable[[str, str | None, int], None]
    cancelled: threading.Event
    num_tokens: int = 0
    decoder: StreamingDecoder | None = field(default=None, repr=False)
    generator: Any = field(default=None, repr=False)

    def start(self, loaded: LoadedModel) -> None:
        """Create the decoder and the random generator."""
        import torch

        self.decoder = StreamingDecoder(loaded.tokenizer, self.stop_strings)
        self.generator = torch.Generator()
        if self.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(self.seed)

    def sample(self, logits: Any) -> int:
        """The next token id for logits of shape (vocabulary,): greedy at temperature 0, else top-p sampling."""
        import torch

        if min(self.temperature, self.top_p) < MIN_SAMPLED:
            return int(logits.argmax())
        probs = torch.softmax(logits / self.temperature, -1)
        if self.top_p < 1:
            sorted_probs, token_ids = probs.sort(descending=True)
            sorted_probs[sorted_probs.cumsum(-1) - sorted_probs >= self.top_p] = 0
            return int(token_ids[torch.multinomial(sorted_probs, 1, generator=self.generator)])
        return int(torch.multinomial(probs, 1, generator=self.generator))

    def append(self, token_id: int, eos_token_ids: frozenset[int]) -> bool:
        """Add a token to the completion; False when the sequence is finished."""
        assert self.decoder
        if self.cancelled.is_set():
            return False
        self.num_tokens += 1
        if token_id in eos_token_ids:
            return self._finish(self.decoder.flush(), "stop")
        text = self.decoder.add(token_id)
        if self.decoder.stopped:
            return self._finish(text, "stop")
        if self.num_tokens >= self.max_new_tokens:
            rest = self.decoder.flush()
            return self._finish(text + rest, "stop" if self.decoder.stopped else "length")
        if text:
            self.on_token(text, None, self.num_tokens)
        return True

    def _finish(self, text: str, finish_reason: str) -> bool:
        self.on_token(text, finish_reason, self.num_tokens)
        return False


class GenerationBatch:
    """Sequences generated together, with one key-value cache; finished ones leave the batch.

    It can be interrupted after any step and continued later: requests that came meanwhile may go first.
    """

    def __init__(self, loaded: LoadedModel, sequences: list[GeneratedSequence]) -> None:
        import torch
        from transformers import DynamicCache

        self._loaded, self._sequences = loaded, sequences
        with torch.inference_mode():
            input_ids, mask = _left_pad([one.prompt_ids for one in sequences], loaded.pad_token_id)
            self._input_ids, self._attention_mask = input_ids.to(loaded.model.device), mask.to(loaded.model.device)
            self._position_ids = (self._attention_mask.cumsum(-1) - 1).clamp(min=0)
        self._cache = DynamicCache(config=loaded.model.config)
        for sequence in sequences:
            sequence.start(loaded)

    def step(self) -> bool:
        """Generate the next token of every sequence; False when all are finished."""
        import torch

        with torch.inference_mode():
            logits = self._forward()
            tokens = [sequence.sample(logits[i]) for i, sequence in enumerate(self._sequences)]
            eos = self._loaded.eos_token_ids
            unfinished = [i for i, sequence in enumerate(self._sequences) if sequence.append(tokens[i], eos)]
            if len(unfinished) < len(self._sequences):
                self._select(unfinished)
            mask = self._attention_mask
            self._input_ids = torch.tensor([[tokens[i]] for i in unfinished], dtype=torch.long, device=mask.device)
            self._attention_mask = torch.cat([mask, mask.new_ones(len(unfinished), 1)], 1)
            self._position_ids = self._position_ids[:, -1:] + 1
        return bool(self._sequences)

    def _forward(self) -> Any:
        """The logits after the last token, fp32 on the CPU: shape (sequences, vocabulary)."""
        outputs = self._loaded.model(
            input_ids=self._input_ids,
            attention_mask=self._attention_mask,
            position_ids=self._position_ids,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return outputs.logits[:, -1].float().cpu()

    def _select(self, indices: list[int]) -> None:
        """Keep these sequences only."""
        import torch

        self._sequences = [self._sequences[i] for i in indices]
        index = torch.tensor(indices, dtype=torch.long, device=self._attention_mask.device)
        self._attention_mask, self._position_ids = self._attention_mask[index], self._position_ids[index]
        self._cache.batch_select_indices(index)


def _left_pad(prompts: list[list[int]], pad_token_id: int) -> tuple[Any, Any]:
    """Ids and attention mask of shape (prompts, longest), padded on the left: all end at the same position."""
    import torch

    width = max(len(prompt) for prompt in prompts)
    input_ids = [[pad_token_id] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(input_ids), torch.tensor(mask)
