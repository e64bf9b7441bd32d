"""Sequences that a `DecoderModel` continues together: each has a row of keys and values of its own, without padding.

What all of them begin with (a book in the system message) is kept once, and attended to by all in one product.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.inference.decoder_model import SLIDING, DecoderModel
from core.engine.inference.generate import GeneratedSequence, append_token
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.prefix_cache import CachedPrefix, PrefixCache
from core.engine.inference.sampling import sample_rows

FIRST_ROOM, ROOM_STEP = 64, 128  # tokens of each row; what is too small grows to a multiple of the step

SPARE_ROOM = 2  # times the room that the rows need, from which on they move into a smaller one

KeysValues = tuple[Tensor, Tensor]


@dataclass
class _Shared:
    """A beginning that rows share: its keys and values by layer, each (key heads, tokens, head size)."""

    source: CachedPrefix
    length: int
    layers: list[KeysValues]


class DecoderBatch:
    """Sequences of one model. A sequence joins after any token and leaves when it is finished. Whatever fails in one ends
    that one only."""

    def __init__(self, loaded: LoadedModel, prefixes: PrefixCache | None = None) -> None:
        self.loaded, self._prefixes = loaded, prefixes or PrefixCache()
        self._model: DecoderModel = loaded.model
        self.sequences: list[GeneratedSequence] = []
        # Of each sequence: its last token, how many tokens its row has, and whether it begins with what is shared.
        self._tokens: list[int] = []
        self._lengths: list[int] = []
        self._is_shared: list[bool] = []
        self._shared: _Shared | None = None
        # By layer; each of shape (rows, key heads, room, head size).
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def add(self, sequences: list[GeneratedSequence]) -> None:
        """Read the prompts of new sequences, which are started, generate their first tokens, and let them join.

        Raises what the model raises; the sequences that were there before are as they were.
        """
        prompts = [one.prompt_ids for one in sequences]
        with torch.inference_mode():
            wanted = max(one.prefix_length for one in sequences)
            known, length = self._prefixes.find(self._read_beginning, prompts, wanted) or (None, 0)
            shared = self._find_shared(known, length) if known else None
            logits, rows = self._read([prompt[length:] for prompt in prompts], known, length)
            if known and not shared:  # other sequences share another beginning: these have theirs in their rows
                rows = [_prepend(known, length, row) for row in rows]
            sampled = sample_rows([one.sampler for one in sequences if one.sampler], logits)
            tokens = [
                append_token(sequence, token, self.loaded.text.eos_token_ids)
                for sequence, token in zip(sequences, sampled, strict=True)
            ]
            self._join(sequences, tokens, rows, shared)

    def step(self) -> bool:
        """Generate the next token of every sequence; False when all are finished.

        Raises what the model raises.
        """
        if self.sequences:
            with torch.inference_mode():
                logits = self._continue()
                sampled = sample_rows([one.sampler for one in self.sequences if one.sampler], logits)
                self._lengths = [length + 1 for length in self._lengths]
                rows = zip(self.sequences, sampled, strict=True)
                self._keep([append_token(one, token, self.loaded.text.eos_token_ids) for one, token in rows])
        return bool(self.sequences)

    def _read_beginning(self, token_ids: list[int]) -> list[KeysValues]:
        return [(keys[None], values[None]) for keys, values in self._read([token_ids], None, 0)[1][0]]

    def _find_shared(self, known: CachedPrefix, length: int) -> _Shared | None:
        """The beginning as the rows share it; None where they share another one."""
        if any(self._is_shared) and self._shared:
            return self._shared if self._shared.source is known and self._shared.length == length else None
        layers = [
            (keys[0, :, :length].contiguous(), values[0, :, :length].contiguous()) for keys, values in known.layers
        ]
        return _Shared(known, length, layers)

    def _read(
        self, prompts: Sequence[list[int]], known: CachedPrefix | None, length: int
    ) -> tuple[Tensor, list[list[KeysValues]]]:
        """The logits after each prompt, and the keys and values of its tokens by layer.

        The prompts go on after the first `length` tokens of what is `known`. They are computed side by side, without padding.
        """
        model = self._model
        sizes = [len(prompt) for prompt in prompts]
        positions = torch.cat([torch.arange(length, length + size) for size in sizes])
        rotation = model.rotate_at(positions)
        x = model.embed(torch.tensor([token for prompt in prompts for token in prompt]))
        rows: list[list[KeysValues]] = [[] for _ in prompts]
        for index, layer in enumerate(model.layers):
            queries, keys, values = model.project(layer, x, rotation)
            window = model.window if layer.kind == SLIDING else None
            before = None if known is None else [one[0, :, :length] for one in known.layers[index]]
            parts = zip(*(one.split(sizes) for one in (queries, keys, values)), strict=True)
            attended = []
            for row, (query, key, value) in zip(rows, parts, strict=True):
                key, value = (one.transpose(0, 1).contiguous() for one in (key, value))
                row.append((key, value))
                if before:
                    key, value = torch.cat([before[0], key], 1), torch.cat([before[1], value], 1)
                attended.append(_attend_causally(query.transpose(0, 1), key, value, window, model.scaling))
            x = model.finish(layer, x, torch.cat(attended))
        ends = torch.tensor(sizes).cumsum(0) - 1
        return model.compute_logits(x[ends]), rows

    def _continue(self) -> Tensor:
        """The logits after the last token of each sequence; its keys and values are stored."""
        model, count = self._model, len(self.sequences)
        self._make_room(count, max(self._lengths) + 1)
        lengths = torch.tensor(self._lengths)
        beginning = self._shared.length if self._shared and any(self._is_shared) else 0
        offsets = torch.tensor([beginning if shared else 0 for shared in self._is_shared])
        rotation = model.rotate_at(lengths + offsets)
        masks = {kind: self._build_masks(lengths, offsets, beginning, kind) for kind in rotation}
        x, rows = model.embed(torch.tensor(self._tokens)), torch.arange(count)
        for index, layer in enumerate(model.layers):
            queries, keys, values = model.project(layer, x, rotation)
            self._keys[index][rows, :, lengths] = keys
            self._values[index][rows, :, lengths] = values
            shared = self._shared.layers[index] if beginning and self._shared else None
            x = model.finish(layer, x, self._attend(index, queries, masks[layer.kind], shared))
        return model.compute_logits(x)

    def _build_masks(
        self, lengths: Tensor, offsets: Tensor, beginning: int, kind: str
    ) -> tuple[Tensor | None, Tensor | None]:
        """What is added to the scores of shared tokens and of a row's own ones: 0, or minus infinity where a row does not see
        them. Each of shape (rows, 1, 1, tokens); None where all see all."""
        own = torch.arange(self._keys[0].shape[2])
        hidden = own > lengths[:, None]
        shared = (offsets == 0)[:, None].expand(-1, beginning)
        if kind == SLIDING and self._model.window is not None:
            first = (lengths + offsets - self._model.window)[:, None]  # the last position that is too far away
            hidden = hidden | (own + offsets[:, None] <= first)
            shared = shared | (torch.arange(beginning) <= first)
        return self._to_mask(shared), self._to_mask(hidden)

    def _to_mask(self, hidden: Tensor) -> Tensor | None:
        if not bool(hidden.any()):
            return None
        return torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf)[:, None, None]

    def _attend(
        self, index: int, queries: Tensor, masks: tuple[Tensor | None, Tensor | None], shared: KeysValues | None
    ) -> Tensor:
        """What each row's token attends to: (rows, heads × head size).

        The whole room of the rows is multiplied, what is unused in it too: of a part, which does not lie in one piece,
        torch would make a copy for each token and layer.
        """
        model, count = self._model, len(queries)
        groups, size = model.heads // model.key_heads, model.head_size
        keys, values = self._keys[index][:count], self._values[index][:count]
        grouped = queries.reshape(count, model.key_heads, groups, size)
        scores = _add(torch.matmul(grouped, keys.transpose(2, 3)).float().mul_(model.scaling), masks[1])
        if shared is None:
            weights = scores.softmax(-1).to(queries.dtype)
            return torch.matmul(weights, values).reshape(count, -1)
        together = grouped.transpose(0, 1).reshape(model.key_heads, count * groups, size)
        length = shared[0].shape[1]
        first = torch.matmul(together, shared[0].transpose(1, 2)).float().mul_(model.scaling)
        first = _add(first.view(model.key_heads, count, groups, length).transpose(0, 1), masks[0])
        weights = torch.cat([first, scores], -1).softmax(-1).to(queries.dtype)
        of_shared = weights[..., :length].transpose(0, 1).reshape(model.key_heads, count * groups, length)
        found = torch.matmul(of_shared, shared[1]).view(model.key_heads, count, groups, size).transpose(0, 1)
        return (found + torch.matmul(weights[..., length:], values)).reshape(count, -1)

    def _join(
        self,
        sequences: list[GeneratedSequence],
        tokens: list[int | None],
        rows: list[list[KeysValues]],
        shared: _Shared | None,
    ) -> None:
        """Take in the new sequences that are not finished."""
        new = [index for index, token in enumerate(tokens) if token is not None]
        if not new:
            return
        lengths = [rows[index][0][0].shape[1] for index in new]
        first = len(self.sequences)
        self._make_room(first + len(new), max([*self._lengths, *lengths]) + 1)
        for place, (index, length) in enumerate(zip(new, lengths, strict=True), first):
            for layer, (keys, values) in enumerate(rows[index]):
                self._keys[layer][place, :, :length] = keys
                self._values[layer][place, :, :length] = values
        if shared:
            self._shared = shared
        self.sequences = [*self.sequences, *(sequences[index] for index in new)]
        self._tokens += [token for token in tokens if token is not None]
        self._lengths += lengths
        self._is_shared += [shared is not None] * len(new)

    def _keep(self, tokens: list[int | None]) -> None:
        """Note the next tokens; finished sequences leave, and the last rows take their places."""
        places = [index for index, token in enumerate(tokens) if token is not None]
        for place in range(len(places)):
            if tokens[place] is None:  # places beyond are those of sequences that stay: the last one moves here
                source = places.pop()
                for stored in (*self._keys, *self._values):
                    stored[place, :, : self._lengths[source]] = stored[source, :, : self._lengths[source]]
                places.insert(place, source)
        self.sequences = [self.sequences[index] for index in places]
        self._tokens = [token for index in places if (token := tokens[index]) is not None]
        self._lengths = [self._lengths[index] for index in places]
        self._is_shared = [self._is_shared[index] for index in places]
        if not places:
            self._keys, self._values, self._shared = [], [], None
        elif (room := _round_room(max(self._lengths) + 1)) * SPARE_ROOM <= self._keys[0].shape[2]:
            with suppress(RuntimeError):  # without memory for it, all stay where they are
                self._store_in(len(places), room)  # a long one has left: each token would be multiplied with its room

    def _make_room(self, rows: int, tokens: int) -> None:
        """Let the store of keys and values have so many rows of so many tokens. What is new has room for these only, not for
        rows or long ones that have left. Raises what torch raises; the store is as it was then.
        """
        old = self._keys[0].shape if self._keys else (0, 0, 0, 0)
        if rows > old[0] or tokens > old[2]:
            self._store_in(rows, _round_room(tokens))

    def _store_in(self, rows: int, room: int) -> None:
        """Move the keys and values into a new store. Raises what torch raises; the store is as it was then."""
        model = self._model
        used, filled = len(self._lengths), max(self._lengths, default=0)

        def move(stored: Tensor | None) -> Tensor:
            new = torch.zeros(rows, model.key_heads, room, model.head_size, dtype=model.dtype)
            if stored is not None:
                new[:used, :, :filled] = stored[:used, :, :filled]
            return new

        nothing: list[Tensor | None] = [None] * len(model.layers)
        keys = [move(one) for one in self._keys or nothing]
        values = [move(one) for one in self._values or nothing]
        self._keys, self._values = keys, values


def _round_room(tokens: int) -> int:
    return FIRST_ROOM if tokens <= FIRST_ROOM else -(-tokens // ROOM_STEP) * ROOM_STEP


def _add(scores: Tensor, mask: Tensor | None) -> Tensor:
    return scores if mask is None else scores + mask


def _prepend(known: CachedPrefix, length: int, row: list[KeysValues]) -> list[KeysValues]:
    """The keys and values of a row, after the first `length` tokens of what is known."""
    return [
        (torch.cat([before[0][0, :, :length], keys], 1), torch.cat([before[1][0, :, :length], values], 1))
        for before, (keys, values) in zip(known.layers, row, strict=True)
    ]


def _attend_causally(queries: Tensor, keys: Tensor, values: Tensor, window: int | None, scaling: float) -> Tensor:
    """Attention of the last tokens of a sequence to all before them: (tokens, heads × head size).

    `queries`: (heads, tokens, head size). `keys`, `values`: (key heads, all tokens, head size). `window`: how many tokens,
    itself among them, a token sees.
    """
    count, total = queries.shape[1], keys.shape[1]
    mask = None
    if count < total or (window is not None and window < total):
        seen = torch.arange(total - count, total)[:, None]
        places = torch.arange(total)
        mask = places <= seen
        if window is not None:
            mask &= places > seen - window
    found = functional.scaled_dot_product_attention(
        queries[None], keys[None], values[None], mask, is_causal=mask is None, scale=scaling, enable_gqa=True
    )
    return found[0].transpose(0, 1).reshape(count, -1)
