"""Text generation, token by token: a batch of sequences, each with its own sampling parameters and callback."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.engine.http.protocol import Json
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.prefix_cache import PrefixCache
from core.engine.inference.sampling import RowSampler, SamplingParams, sample_rows
from core.engine.inference.streaming_decoder import StreamingDecoder


@dataclass(eq=False)
class GeneratedSequence:
    """One completion of a prompt; other prompts may begin with its first `prefix_length` tokens. `on_token(text, finish_reason, num_tokens, logprobs)` is called with each new text, at last with a
    finish reason (`stop` or `length`); `on_failure(error)` instead when it cannot be continued. Setting `cancelled`
    ends the sequence without a call. `logprobs`: the protocol's entries of the tokens since the last call."""

    prompt_ids: list[int]
    params: SamplingParams
    on_token: Callable[[str, str | None, int, list[Json]], None]
    on_failure: Callable[[Exception], None]
    cancelled: threading.Event
    prefix_length: int = 0
    num_tokens: int = 0
    decoder: StreamingDecoder | None = field(default=None, repr=False)
    sampler: RowSampler | None = field(default=None, repr=False)

    def start(self, loaded: LoadedModel) -> None:
        """Create the decoder and the sampler. Raises an ApiError for parameters that this model cannot follow."""
        self.decoder = StreamingDecoder(loaded.text.tokenizer, list(self.params.stop))
        self.sampler = RowSampler(self.params, loaded)

    def append(self, token_id: int, eos_token_ids: frozenset[int]) -> bool:
        """Add a token to the completion; False when the sequence is finished."""
        assert self.decoder and self.sampler
        if self.cancelled.is_set():
            return False
        self.num_tokens += 1
        if token_id in eos_token_ids:
            logprobs = self.sampler.take_logprobs()[:-1]  # the token that ends the completion is not part of it
            return self._finish(self.decoder.flush(), "stop", logprobs)
        text = self.decoder.add(token_id)
        if self.decoder.stopped:
            return self._finish(text, "stop", self._logprobs_of(text))
        if self.sampler.is_finished:
            return self._finish(text + self.decoder.flush(), "stop", self.sampler.take_logprobs())
        if self.num_tokens >= self.params.max_tokens:
            rest = self.decoder.flush()
            reason = "stop" if self.decoder.stopped else "length"
            return self._finish(text + rest, reason, self.sampler.take_logprobs())
        if text:
            self.on_token(text, None, self.num_tokens, self.sampler.take_logprobs())
        return True

    def _logprobs_of(self, text: str) -> list[Json]:
        """The entries of the tokens that this text begins with: those of a stop string are not shown."""
        assert self.sampler
        taken, num_bytes = list[Json](), 0
        for entry in self.sampler.take_logprobs():
            if num_bytes < len(text.encode()):
                taken.append(entry)
            num_bytes += len(entry["bytes"])
        return taken

    def _finish(self, text: str, finish_reason: str, logprobs: list[Json]) -> bool:
        self.on_token(text, finish_reason, self.num_tokens, logprobs)
        return False


class GenerationBatch:
    """Sequences of one model that are generated together, with one key-value cache (continuous batching).

    A sequence joins after any token and leaves when it is finished. Whatever fails in one ends that one only.
    """

    def __init__(self, loaded: LoadedModel, prefixes: PrefixCache | None = None) -> None:
        self.loaded, self._prefixes = loaded, prefixes or PrefixCache()
        self.sequences: list[GeneratedSequence] = []
        # Of the next token of each sequence: its id and its position, of shape (sequences, 1); and the attention mask,
        # of shape (sequences, cached tokens + 1).
        self._input_ids: Any = None
        self._position_ids: Any = None
        self._attention_mask: Any = None
        self._cache: Any = None

    def add(self, sequences: list[GeneratedSequence]) -> None:
        """Read the prompts of new sequences, which are started, generate their first tokens, and let them join.

        Raises what the model raises; the sequences that were there before are as they were.
        """
        import torch

        with torch.inference_mode():
            newcomers = GenerationBatch(self.loaded)
            newcomers.sequences = list(sequences)
            newcomers._start(self._prefixes)
            newcomers._generate_token()
            if newcomers.sequences:
                self._merge(newcomers)

    def _start(self, prefixes: PrefixCache) -> None:
        """Get ready to read the prompts, without what is known of their beginning."""
        import torch
        from transformers import DynamicCache

        model, prompts = self.loaded.model, [one.prompt_ids for one in self.sequences]
        lengths = [one.prefix_length for one in self.sequences]
        found = prefixes.find(self._read_layers, prompts, max(lengths)) if can_join(self.loaded) else None
        known, length = found or (None, 0)
        self._cache = (
            known.build_cache(model.config, len(prompts), length) if known else DynamicCache(config=model.config)
        )
        input_ids, mask = left_pad([prompt[length:] for prompt in prompts], self.loaded.pad_token_id)
        self._input_ids = input_ids.to(model.device)
        self._attention_mask = torch.cat([mask.new_ones(len(prompts), length), mask], 1).to(model.device)
        # The padding is between the beginning and the rest: positions count real tokens only.
        self._position_ids = (self._attention_mask.cumsum(-1) - 1).clamp(min=0)[:, length:]

    def _read_layers(self, token_ids: list[int]) -> list[tuple[Any, Any]]:
        import torch
        from transformers import DynamicCache

        model = self.loaded.model
        cache = DynamicCache(config=model.config)
        input_ids = torch.tensor([token_ids], device=model.device)
        model(input_ids=input_ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return [(layer.keys, layer.values) for layer in cache.layers]

    def step(self) -> bool:
        """Generate the next token of every sequence; False when all are finished.

        Raises what the model raises.
        """
        import torch

        if self.sequences:
            with torch.inference_mode():
                self._generate_token()
        return bool(self.sequences)

    def _generate_token(self) -> None:
        import torch

        sampled = sample_rows([one.sampler for one in self.sequences if one.sampler], self._forward())
        rows = zip(self.sequences, sampled, strict=True)
        tokens = [append_token(sequence, token, self.loaded.text.eos_token_ids) for sequence, token in rows]
        unfinished = [i for i, token in enumerate(tokens) if token is not None]
        if len(unfinished) < len(self.sequences):
            self._select(unfinished)
        mask = self._attention_mask
        self._input_ids = torch.tensor([[tokens[i]] for i in unfinished], dtype=torch.long, device=mask.device)
        self._attention_mask = torch.cat([mask, mask.new_ones(len(unfinished), 1)], 1)
        self._position_ids = self._position_ids[:, -1:] + 1

    def _forward(self) -> Any:
        """The logits after the last token, fp32: shape (sequences, vocabulary)."""
        outputs = self.loaded.model(
            input_ids=self._input_ids,
            attention_mask=self._attention_mask,
            position_ids=self._position_ids,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return outputs.logits[:, -1].float()

    def _select(self, indices: list[int]) -> None:
        """Keep these sequences only, without the padding that none of them needs."""
        import torch

        self.sequences = [self.sequences[i] for i in indices]
        index = torch.tensor(indices, dtype=torch.long, device=self._attention_mask.device)
        self._attention_mask, self._position_ids = self._attention_mask[index], self._position_ids[index]
        self._cache.batch_select_indices(index)
        if indices and (unused := int(self._attention_mask.argmax(1).min())):
            self._attention_mask = self._attention_mask[:, unused:]
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[:, :, unused:], layer.values[:, :, unused:]

    def _merge(self, other: "GenerationBatch") -> None:
        """Take the sequences of another batch in, padded on the left to the same length."""
        import torch

        if self.sequences:
            width = max(self._attention_mask.shape[1], other._attention_mask.shape[1])
            both = (self, other)
            masks = [_pad_to(one._attention_mask, width, 1) for one in both]
            for layer, joining in zip(self._cache.layers, other._cache.layers, strict=True):
                keys = [_pad_to(one.keys, width - 1, 2) for one in (layer, joining)]
                values = [_pad_to(one.values, width - 1, 2) for one in (layer, joining)]
                joining.keys, joining.values = torch.cat(keys), torch.cat(values)
            other._attention_mask = torch.cat(masks)
            other._input_ids = torch.cat([one._input_ids for one in both])
            other._position_ids = torch.cat([one._position_ids for one in both])
        # Nothing above has changed this batch: had it failed, its sequences would go on.
        self._attention_mask, self._input_ids = other._attention_mask, other._input_ids
        self._position_ids, self._cache = other._position_ids, other._cache
        self.sequences = [*self.sequences, *other.sequences]


def can_join(loaded: LoadedModel) -> bool:
    """Whether sequences can join a running batch of this model: every layer attends to all tokens before it."""
    layers = getattr(loaded.model.config, "layer_types", None) or ["full_attention"]
    return set(layers) == {"full_attention"}


def append_token(sequence: GeneratedSequence, token: int | Exception, eos_token_ids: frozenset[int]) -> int | None:
    """The token that continues the sequence; None when it is finished. A failure ends this sequence only."""
    try:
        if isinstance(token, Exception):
            raise token
        return token if sequence.append(token, eos_token_ids) else None
    except Exception as error:
        sequence.on_failure(error)
        return None


def _pad_to(tensor: Any, width: int, dim: int) -> Any:
    """The tensor with zeros before its first element along `dim`, up to `width`."""
    import torch

    missing = width - tensor.shape[dim]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], dim)


def left_pad(prompts: list[list[int]], pad_token_id: int) -> tuple[Any, Any]:
    """Ids and attention mask of shape (prompts, longest), padded on the left: all end at the same position."""
    import torch

    width = max(len(prompt) for prompt in prompts)
    input_ids = [[pad_token_id] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(input_ids), torch.tensor(mask)
