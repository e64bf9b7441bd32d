"""How the next token of a sequence is chosen from the model's logits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.engine.http.protocol import Json, bad_request
from core.engine.inference.grammar import Grammar, GrammarState

if TYPE_CHECKING:
    from core.engine.inference.loaded_models import LoadedModel

# Of temperature and top_p; below, fp32 has no room, and only the likeliest token is left (as in vLLM).
MIN_SAMPLED = 1e-5
DEFAULT_MAX_TOKENS = 1024
TOP_P_CANDIDATES = 1024
MIN_LOGPROB = -9999.0  # as the protocol has it, for a token that could not come: JSON knows no infinity


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """What a request asks for, as for vLLM's class of this name. `max_tokens`: of the completion. `seed`: None for a
    random one. `stop`: strings that end the completion and are not part of it. `logit_bias`: by token id.
    `top_logprobs`: how many likely tokens are listed beside each; None without any log probabilities.
    `prompt_logprobs`: the same for the prompt's own tokens. `grammar`: what the completion must look like."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    top_logprobs: int | None = None
    prompt_logprobs: int | None = None
    grammar: Grammar | None = None

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return min(self.temperature, self.top_p) < MIN_SAMPLED

    @property
    def is_plain(self) -> bool:
        """Whether it asks for temperature, top-p, seed and stop strings at most."""
        return self.is_plain_but_grammar and self.grammar is None

    @property
    def is_plain_but_grammar(self) -> bool:
        """Whether it asks for temperature, top-p, seed, stop strings and a form at most."""
        has_logprobs = self.top_logprobs is not None or self.prompt_logprobs is not None
        return not (self.frequency_penalty or self.presence_penalty or self.logit_bias or has_logprobs)


class RowSampler:
    """Chooses the tokens of one sequence. All tensors stay on the device of the logits.

    Raises an ApiError for parameters that this model cannot follow.
    """

    def __init__(self, params: SamplingParams, loaded: "LoadedModel") -> None:
        import torch

        self.params, self._loaded = params, loaded
        device, self._vocab_size = loaded.model.device, loaded.vocab_size
        self._generator = torch.Generator(device)
        if params.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(params.seed)
        self._grammar = GrammarState(params.grammar, loaded) if params.grammar else None
        self._bias = self._build_bias(device) if params.logit_bias else None
        has_penalty = params.frequency_penalty or params.presence_penalty
        # How often each token has come in this completion.
        self._counts = torch.zeros(self._vocab_size, device=device) if has_penalty else None
        self._logprobs: list[Json] = []

    def _build_bias(self, device: Any) -> Any:
        import torch

        if wrong := [token_id for token_id in self.params.logit_bias if not 0 <= token_id < self._vocab_size]:
            message = f"Invalid 'logit_bias': this model has no token {wrong[0]}, only 0 to {self._vocab_size - 1}."
            raise bad_request(message, "logit_bias", "invalid_value")
        bias = torch.zeros(self._vocab_size, device=device)
        bias[list(self.params.logit_bias)] = torch.tensor(list(self.params.logit_bias.values()), device=device)
        return bias

    @property
    def is_finished(self) -> bool:
        """Whether the grammar allows nothing more: the completion is whole without an end-of-text token."""
        return self._grammar is not None and self._grammar.is_finished

    def process_logits(self, logits: Any) -> Any:
        """Scores of shape (vocabulary,), from the logits: the token with the highest one is the next.

        Raises ValueError when the grammar is too complex to go on.
        """
        import torch

        logits = self._constrain(logits)
        if self.params.is_greedy:
            return logits
        probs = torch.softmax(logits / self.params.temperature, -1)
        if self.params.top_p < 1:
            probs, token_ids = self._take_top_p(probs)
            scores = self._draw(probs)
            return torch.zeros_like(logits).scatter_(0, token_ids, scores)
        return self._draw(probs)

    def _take_top_p(self, probs: Any) -> tuple[Any, Any]:
        """The likeliest tokens that top-p leaves: their probabilities, 0 for others, and their ids."""
        # A few candidates are nearly always enough, and to sort the whole vocabulary takes ten times as long.
        found, token_ids = probs.topk(min(TOP_P_CANDIDATES, len(probs)))
        if len(found) < len(probs) and float(found.sum()) < self.params.top_p:
            found, token_ids = probs.sort(descending=True)
        found[found.cumsum(-1) - found >= self.params.top_p] = 0
        return found, token_ids

    def _draw(self, probs: Any) -> Any:
        """Scores of which the highest is a draw from the probabilities."""
        import torch

        # The highest p / e, with e drawn from an exponential distribution, is a draw from p: no sum, and no copy to
        # the processor as with `multinomial`.
        return probs / torch.empty_like(probs).exponential_(generator=self._generator)

    def _constrain(self, logits: Any) -> Any:
        """The logits with penalties and bias, and without the tokens that the grammar forbids."""
        if self._counts is not None:
            penalty = self.params.frequency_penalty * self._counts
            logits = logits - penalty - self.params.presence_penalty * (self._counts > 0)
        if self._bias is not None:
            logits = logits + self._bias
        return logits.masked_fill(~self._grammar.mask(logits), -math.inf) if self._grammar else logits

    def accept(self, token_id: int, logits: Any) -> None:
        """Take note of the token that was chosen from these logits. Raises ValueError when the grammar forbids it."""
        if self._counts is not None:
            self._counts[token_id] += 1
        if self._grammar:
            self._grammar.accept(token_id)
        if self.params.top_logprobs is not None:
            # As the model has them, before temperature, penalties and grammar.
            entry = describe_token(self._loaded, token_id, logits.log_softmax(-1), self.params.top_logprobs)
            self._logprobs.append(entry)

    def take_logprobs(self) -> list[Json]:
        """The entries of the tokens since the last call."""
        taken, self._logprobs = self._logprobs, []
        return taken


def describe_token(loaded: "LoadedModel", token_id: int, logprobs: Any, top: int) -> Json:
    """The protocol's entry of `logprobs.content` for a token. `logprobs`: of shape (vocabulary,)."""
    values, token_ids = logprobs.topk(top)
    pairs = zip(token_ids.tolist(), values.tolist(), strict=True)
    likely = [describe_text(loaded, one, value) for one, value in pairs]
    return {**describe_text(loaded, token_id, float(logprobs[token_id])), "top_logprobs": likely}


def describe_text(loaded: "LoadedModel", token_id: int, logprob: float | None) -> Json:
    """The part of an entry that says what a token is, and how likely (None: not known)."""
    value = loaded.token_bytes(token_id)
    known = None if logprob is None else max(logprob, MIN_LOGPROB)
    return {"token": value.decode("utf-8", "replace"), "logprob": known, "bytes": list(value)}


def sample_rows(samplers: Sequence[RowSampler], logits: Any) -> list[int | Exception]:
    """The next token id of each row of `logits`, fp32, shape (rows, vocabulary); an exception for a row that failed.

    Only the ids leave the device, all together; and log probabilities, of rows that ask for them.
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
    for index, sampler in enumerate(samplers):
        try:
            if index not in failures:
                sampler.accept(token_ids[index], logits[index])
        except Exception as error:
            failures[index] = error
    return [failures.get(index, token_id) for index, token_id in enumerate(token_ids)]
