"""The model's forward pass as both objectives use it: the loss of each token that has a label."""

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from core.engine.training import tree_attention
from core.engine.training.head_loss import (
    CHUNK_BYTES,
    HeadLossFunction,
    HeadTermsFunction,
    return_hidden_states,
)
from core.engine.training.objectives import TrainingError
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow
from core.engine.training.tree_batch import TreeBatch, build_tree, tree_size

# Tokens of one micro-batch: they bound the memory of a step. On a processor more than a few hundred gain no speed, and
# a tree's attention costs the square.
MAX_TREE_TOKENS = {"cpu": 512, "mps": 2048, "cuda": 16384}
MAX_PADDED_TOKENS = {"cpu": 2048, "mps": 2048, "cuda": 16384}
# How far the losses of a label in the two layouts may differ on average: bf16 rounds them apart.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.1}
KNOWN_LAYERS = {"full_attention", "sliding_attention"}

log = logging.getLogger(__name__)


class TokenLoss:
    """Rows go through the model as one tree of tokens, or padded side by side where a model cannot read a tree.

    `model`: what is called, with the arguments of transformers' causal models. `base`: that causal model itself.
    """

    def __init__(self, model: Any, base: Any, pad_token_id: int, device: str) -> None:
        self.model, self._base, self._pad_token_id, self.device = model, base, pad_token_id, device
        names = inspect.signature(base.forward).parameters
        self._keeps_logits = "logits_to_keep" in names
        self._cache_name = "cache" if "cache" in names else "past_key_values"  # the older name
        self._window = _sliding_window(base.config)
        self._head = base.get_output_embeddings()
        self.is_tree, self.fuses_head = False, False
        self.max_tokens = MAX_PADDED_TOKENS[device]

    def choose_layout(self, rows: Sequence[TokenizedRow], packing: bool = True) -> None:
        """Read rows as a tree from now on, if this model gives two of them the losses that it gives them padded.

        A layer that is no attention (a recurrent one), or that does not follow a given mask or positions, would mix
        the rows: then they stay padded, which is slower. In the same way, the logits are left to the model where it
        does more with them than its output layer.
        """
        ordered = sorted(rows, key=lambda row: len(row.input_ids))
        beyond = self._window is not None and len(ordered[-1].input_ids) > self._window
        sample = [ordered[0], ordered[-1] if beyond else ordered[min(1, len(ordered) - 1)]]
        with torch.no_grad():
            expected = self.forward(sample)[0]
            self._fuse_head(expected, sample)
            reason = self._use_tree(expected, sample) if packing else None
        if reason:
            log.warning("rows are padded: %s", reason)
            self.is_tree, self.max_tokens = False, MAX_PADDED_TOKENS[self.device]
            self._use_plain_attention()

    def _use_plain_attention(self) -> None:
        self._base.set_attn_implementation("sdpa" if self._base._supports_sdpa else "eager")

    def _fuse_head(self, expected: Any, rows: Sequence[TokenizedRow]) -> None:
        """Compute the losses from the hidden states, if they are the expected ones then."""
        if getattr(self._head, "bias", None) is not None or self._head.weight.requires_grad:
            return
        self.set_fused_head(True)
        if self._difference(expected, rows) >= TOLERANCE[self._base.dtype]:
            self.set_fused_head(False)

    def set_fused_head(self, enabled: bool) -> None:
        """Whether the losses are computed from the hidden states, a part of the logits at a time. Not where the output
        layer is sharded: only the model's own forward pass gathers it."""
        self.fuses_head = enabled
        return_hidden_states(self._head, enabled)

    def _use_tree(self, expected: Any, rows: Sequence[TokenizedRow]) -> str | None:
        """Why the tree cannot be used, or None; it is in use afterwards."""
        if reason := _why_no_tree(self._base):
            return reason
        tree_attention.register()
        self._base.set_attn_implementation(tree_attention.NAME)
        if self._base.config._attn_implementation != tree_attention.NAME:
            return "the model has an attention of its own"
        self.is_tree, self.max_tokens = True, MAX_TREE_TOKENS[self.device]
        try:
            difference = self._difference(expected, rows)
        except (ValueError, TypeError, RuntimeError) as error:
            return str(error)
        return None if difference < TOLERANCE[self._base.dtype] else f"the losses differ by {difference:.3f} a token"

    def _difference(self, expected: Any, rows: Sequence[TokenizedRow]) -> float:
        """By how much the losses differ now from the expected ones, on average."""
        difference: float = (self.forward(rows)[0] - expected).abs().mean().item()
        return difference if difference == difference else float("inf")

    @property
    def can_pad(self) -> bool:
        """Whether tokens before the first one of a row change nothing: every layer is an attention."""
        return set(getattr(self._base.config, "layer_types", None) or ()) <= KNOWN_LAYERS

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within it, the model reads one token after another (`read_next`), and no rows: with logits of its own, and
        transformers' attention and masks."""
        is_fused, is_training = self.fuses_head, self._base.training
        try:
            self.set_fused_head(False)
            self._base.eval()  # checkpointing allows no cache
            if self.is_tree:
                self._use_plain_attention()
            yield
        finally:
            self.set_fused_head(is_fused)
            self._base.train(is_training)
            if self.is_tree:
                self._base.set_attn_implementation(tree_attention.NAME)

    def make_cache(self) -> Any:
        """An empty cache of keys and values for `read_next`."""
        from transformers import DynamicCache

        return DynamicCache(config=self._base.config)

    def read_next(self, cache: Any, **inputs: Any) -> Any:
        """The fp32 logits after the last token, shape (rows, vocabulary). `cache`: what was read before; it is added to.

        Raises TrainingError for a model that keeps nothing there: it would forget its prompt.
        """
        kept = {"logits_to_keep": 1} if self._keeps_logits else {}
        logits = self._base(use_cache=True, **{self._cache_name: cache}, **kept, **inputs).logits[:, -1].float()
        if not any(map(_keeps_something, cache.layers)):
            message = (
                "This model cannot write texts in a training: it keeps no keys and values. Set 'on_policy_share' to 0."
            )
            raise TrainingError("unsupported_value", message)
        return logits

    def use_checkpointing(self) -> None:
        """Keep the inputs of the layers only, and compute the layers again in the backward pass."""
        self._base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def size(self, rows: Sequence[TokenizedRow]) -> int:
        """The tokens that the model computes for these rows."""
        return tree_size(rows) if self.is_tree else len(rows) * max(len(row.input_ids) for row in rows)

    def forward(self, rows: Sequence[TokenizedRow]) -> tuple[Any, Any, Any]:
        """Three tensors of shape (labels,): each label's loss, whether it was the argmax, and its row's index."""
        outputs, labels, label_rows = self._forward(rows)
        if self.fuses_head:
            losses, correct = HeadLossFunction.apply(outputs, self._head.weight, labels)
            return losses, correct, label_rows
        logits = outputs.float()
        losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        # The largest logit is found much faster than its place.
        logits = logits.detach()
        return losses, logits.gather(1, labels[:, None])[:, 0] >= logits.amax(-1), label_rows

    def forward_terms(self, rows: Sequence[TokenizedRow], compute: Callable[[Any, Any, slice], Any]) -> Any:
        """Another loss than `forward`'s: what `compute(logits, labels, part)` gives for a part of the tokens with labels,
        which are in the order of the rows. It gives losses (n,) and values (n, m) without gradients."""
        outputs, labels, _ = self._forward(rows)
        if self.fuses_head:
            return HeadTermsFunction.apply(
                outputs, self._head.weight, lambda logits, part: compute(logits, labels[part], part)
            )
        return compute(outputs.float(), labels, slice(None))

    def iterate_logits(self, rows: Sequence[TokenizedRow]) -> Iterator[tuple[Any, Any]]:
        """The fp32 logits (n, vocabulary) and the labels (n,) of some of the tokens with labels at a time."""
        outputs, labels, _ = self._forward(rows)
        size = max(1, CHUNK_BYTES // (4 * self._head.weight.shape[0]))
        for part, target in zip(outputs.split(size), labels.split(size), strict=True):
            yield (part @ self._head.weight.t() if self.fuses_head else part).float(), target

    def _forward(self, rows: Sequence[TokenizedRow]) -> tuple[Any, Any, Any]:
        return self._forward_tree(rows) if self.is_tree else self._forward_padded(rows)

    def _forward_tree(self, rows: Sequence[TokenizedRow]) -> tuple[Any, Any, Any]:
        """The logits of each label, shape (labels, vocabulary), the labels and their rows.

        Hidden states instead of the logits, shape (labels, d), with a fused head.
        """
        tree = build_tree(rows)
        places = {place: index for index, place in enumerate(dict.fromkeys(tree.label_places))}
        outputs = self._call(
            list(places),
            input_ids=self._tensor([tree.input_ids]),
            position_ids=self._tensor([tree.position_ids]),
            attention_mask=self._build_masks(tree),
        )
        logits = outputs[0]
        if len(places) != len(tree.label_places):  # rows that share a token with a label
            logits = logits[self._tensor([places[place] for place in tree.label_places])]
        return logits, self._tensor(tree.labels), self._tensor(tree.label_rows)

    def _build_masks(self, tree: TreeBatch) -> Any:
        """The mask for all layers or, where the window of some layers hides something, one for each type of layer."""

        def build(window: int | None) -> Any:
            dtype = self._base.dtype
            mask = torch.zeros(len(tree.input_ids), len(tree.input_ids), dtype=dtype, device=self.device)
            return mask.masked_fill_(~tree.visible(self.device, window), torch.finfo(dtype).min)[None, None]

        if self._window is None or max(tree.position_ids) < self._window:
            return build(None)
        if getattr(self._base.config, "layer_types", None) is None:
            return build(self._window)
        return {"full_attention": build(None), "sliding_attention": build(self._window)}

    def _forward_padded(self, rows: Sequence[TokenizedRow]) -> tuple[Any, Any, Any]:
        """As `_forward_tree`."""
        width = max(len(row.input_ids) for row in rows)
        padded_ids = [row.input_ids + [self._pad_token_id] * (width - len(row.input_ids)) for row in rows]
        mask = [[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows]
        labels = [
            (index, place - 1, label)
            for index, row in enumerate(rows)
            for place, label in enumerate(row.labels)
            if place and label != IGNORE_INDEX
        ]
        places = {place: index for index, place in enumerate(sorted({place for _, place, _ in labels}))}
        logits = self._call(list(places), input_ids=self._tensor(padded_ids), attention_mask=self._tensor(mask))
        label_rows = self._tensor([index for index, _, _ in labels])
        kept = logits[label_rows, self._tensor([places[place] for _, place, _ in labels])]
        return kept, self._tensor([label for _, _, label in labels]), label_rows

    def _call(self, places: list[int], **inputs: Any) -> Any:
        """The logits, or hidden states, at these places, shape (rows, places, ...): logits cost most."""
        kept = self._tensor(places)
        if self._keeps_logits:
            return self.model(use_cache=False, logits_to_keep=kept, **inputs).logits
        return self.model(use_cache=False, **inputs).logits[:, kept]

    def _tensor(self, values: Any) -> Any:
        return torch.tensor(values, dtype=torch.long, device=self.device)


def _sliding_window(config: Any) -> int | None:
    """How many tokens some layers see at most, or None where all layers see all."""
    types = getattr(config, "layer_types", None)
    if types is not None and "sliding_attention" not in types:
        return None
    window = getattr(config, "sliding_window", None)
    return window if window and getattr(config, "use_sliding_window", True) else None


def _keeps_something(layer: Any) -> bool:
    """Whether a layer of a cache has been added to: keys and values, or the states of a recurrent layer."""
    states: dict[int, bool] = getattr(layer, "is_conv_states_initialized", {})
    return getattr(layer, "is_initialized", False) or any(states.values())


def _why_no_tree(base: Any) -> str | None:
    """Why this model cannot read a tree, from its configuration alone; None when it may."""
    if others := set(getattr(base.config, "layer_types", None) or ()) - KNOWN_LAYERS:
        return f"the model has layers of {', '.join(sorted(others))}"
    if "position_ids" not in inspect.signature(base.forward).parameters:
        return "the model takes no positions"
    return None
