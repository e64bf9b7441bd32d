"""How far a model's next-token distribution is from a reference, which is cached as its likeliest tokens.

Of each reference distribution the likeliest tokens are kept, and the probability of all others together: some 160 bytes
a token instead of a whole vocabulary. The divergence is that of the two distributions over these classes, which is never
larger than that over the whole vocabulary. Twenty logits did as well as all in SDFT (arXiv 2601.19897).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

REFERENCE_TOKENS = 20
MIN_LOG_PROB = -60.0  # of all other tokens together: their logarithm must stay finite


@dataclass(frozen=True)
class TopTokens:
    """The distributions of n next tokens. `ids`: (n, k), of the likeliest. `log_probs`: (n, k + 1), the last column that
    of all others together."""

    ids: Any
    log_probs: Any

    def part(self, part: slice) -> "TopTokens":
        """Those of some of the n tokens."""
        return TopTokens(self.ids[part], self.log_probs[part])

    def split(self, lengths: Sequence[int]) -> list["TopTokens"]:
        """One for each of several rows, by the number of its tokens."""
        pieces = zip(self.ids.split(lengths), self.log_probs.split(lengths), strict=True)
        return [TopTokens(*piece) for piece in pieces]

    @staticmethod
    def filler(count: int, columns: int) -> "TopTokens":
        """Something finite for tokens without a reference, whose divergence nobody reads. `columns`: k."""
        return TopTokens(torch.zeros(count, columns, dtype=torch.int32), torch.zeros(count, columns + 1))

    @staticmethod
    def join(parts: Sequence["TopTokens"], device: str = "cpu") -> "TopTokens":
        """Those of several rows, one after another."""
        ids, log_probs = torch.cat([one.ids for one in parts]), torch.cat([one.log_probs for one in parts])
        return TopTokens(ids.to(device, torch.long), log_probs.to(device))


def top_tokens(logits: Any, temperature: float = 1.0, masked: Any = None) -> TopTokens:
    """The distributions of logits (n, vocabulary), in main memory. `masked`: a token (n,) taken out of each, or None."""
    scaled = logits if temperature == 1 else logits / temperature
    if masked is not None:
        scaled = scaled.scatter(1, masked[:, None], -torch.inf)
    log_probs = scaled.log_softmax(-1)
    top, ids = log_probs.topk(min(REFERENCE_TOKENS, logits.shape[1] - 2))
    rest = log_probs.scatter(1, ids, -torch.inf).logsumexp(-1, keepdim=True).clamp_min(MIN_LOG_PROB)
    return TopTokens(ids.to("cpu", torch.int32), torch.cat([top, rest], 1).cpu())


def kl_divergence(reference: TopTokens, logits: Any, temperature: float = 1.0, masked: Any = None) -> Any:
    """KL(reference || model) of each token in nats, shape (n,), with gradients. The arguments are those of `top_tokens`."""
    scaled = logits if temperature == 1 else logits / temperature
    left_out = reference.ids if masked is None else torch.cat([reference.ids, masked[:, None]], 1)
    rest = scaled.scatter(1, left_out, -torch.inf).logsumexp(-1, keepdim=True)
    log_probs = torch.cat([scaled.gather(1, reference.ids), rest], 1).log_softmax(-1)
    return (reference.log_probs.exp() * (reference.log_probs - log_probs)).sum(-1)
