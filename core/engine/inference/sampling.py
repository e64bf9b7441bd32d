"""How the next token of a sequence is chosen from the model's logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Of temperature and top_p; below, fp32 has no room, and only the likeliest token is left (as in vLLM).
MIN_SAMPLED = 1e-5


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """What a request asks for, as for vLLM's class of this name. `max_tokens`: of the completion. `seed`: None for a
    random one. `stop`: strings that end the completion and are not part of it."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return min(self.temperature, self.top_p) < MIN_SAMPLED


class RowSampler:
    """Chooses the tokens of one sequence. All tensors stay on the device of the logits."""

    def __init__(self, params: SamplingParams, device: Any) -> None:
        import torch

        self.params = params
        self._generator = torch.Generator(device)
        if params.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(params.seed)

    def process_logits(self, logits: Any) -> Any:
        """Scores of shape (vocabulary,), from the logits: the token with the highest one is the next."""
        import torch

        if self.params.is_greedy:
            return logits
        probs = torch.softmax(logits / self.params.temperature, -1)
        if self.params.top_p < 1:
            sorted_probs, token_ids = probs.sort(descending=True)
            sorted_probs[sorted_probs.cumsum(-1) - sorted_probs >= self.params.top_p] = 0
            probs = torch.zeros_like(probs).scatter_(0, token_ids, sorted_probs)
        # The highest p / e, with e drawn from an exponential distribution, is a draw from p: no sum, and no copy to
        # the processor as with `multinomial`.
        return probs / torch.empty_like(probs).exponential_(generator=self._generator)


def sample_rows(samplers: Sequence[RowSampler], logits: Any) -> list[int | Exception]:
    """The next token id of each row of `logits`, fp32, shape (rows, vocabulary); an exception for a row that failed.

    Only the ids leave the device, all together.
    """
    import torch

    scores, failures = [], dict[int, Exception]()
    for index, sampler in enumerate(samplers):
        try:
            scores.append(sampler.process_logits(logits[index]))
        except Exception as error:
            failures[index] = error
            scores.append(logits[index])
    token_ids = torch.stack(scores).argmax(-1).tolist()
    return [failures.get(index, token_id) for index, token_id in enumerate(token_ids)]
