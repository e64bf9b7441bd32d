"""The answerers in torch, with the logits of every token at hand: by transformers, or by code of our own for usual models."""

from collections.abc import Callable
from typing import Protocol

from core.engine.inference.generate import GeneratedSequence, GenerationBatch, can_join
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.prefix_cache import PrefixCache
from core.engine.inference.prompt_logprobs import compute_prompt_logprobs
from core.engine.inference.sampling import SamplingParams

MAX_BATCH_SIZE = 8  # sequences
# Of a `DecoderBatch`: a token of 24 sequences of a small model takes half as long again as one of eight.
MAX_ROWS, MAX_ROW_BYTES = 24, 1 << 30  # sequences; what all their keys and values may come to


class Batch(Protocol):
    """Sequences of one model that are continued together: a `GenerationBatch` or a `DecoderBatch`."""

    sequences: list[GeneratedSequence]

    def add(self, sequences: list[GeneratedSequence]) -> None:
        """Read the prompts of new sequences and let them join. Raises what the model raises."""

    def step(self) -> bool:
        """Generate the next token of every sequence; False when all are finished. Raises what the model raises."""


class TorchAnswerer:
    """Computes on the scheduler's thread, token by token. Sequences of batches have a batch of their own, which rests
    while people wait."""

    def __init__(
        self, loaded: LoadedModel, make_batch: Callable[[LoadedModel, PrefixCache], Batch] = GenerationBatch
    ) -> None:
        self.loaded, self._make_batch = loaded, make_batch
        self._prefixes = PrefixCache()
        self._batches = {background: make_batch(loaded, self._prefixes) for background in (False, True)}

    @property
    def name(self) -> str:
        """`torch-` and the dtype of the weights."""
        return self.loaded.name

    def find_obstacle(self, _params: SamplingParams, _num_prompt_tokens: int) -> str | None:
        """None: it can do whatever the engine accepts."""
        return None

    def prepare(self, sequence: GeneratedSequence) -> None:
        """Create its decoder and sampler. Raises an ApiError for parameters that this model cannot follow."""
        sequence.start(self.loaded)

    def select(self, sequences: list[GeneratedSequence], background: bool) -> list[GeneratedSequence]:
        """The first of the sequences: any model can begin a batch, but not every one can let others join."""
        size = len(self._batches[background].sequences)
        return sequences[: MAX_BATCH_SIZE - size] if not size or can_join(self.loaded) else []

    def start(self, sequences: list[GeneratedSequence], background: bool) -> None:
        """Read the prompts and let the sequences join; where that fails, they are told, and those that run go on."""
        sequences = [one for one in sequences if self._read_prompt(one)]
        try:
            if sequences:
                self._batches[background].add(sequences)
        except Exception as error:
            for sequence in sequences:
                sequence.on_failure(error)

    def _read_prompt(self, sequence: GeneratedSequence) -> bool:
        """Tell the log probabilities of the prompt where they are asked for; False when nothing is to be generated."""
        top = sequence.params.prompt_logprobs
        if top is None:
            return True
        try:
            entries = compute_prompt_logprobs(self.loaded, sequence.prompt_ids, top)
        except Exception as error:
            sequence.on_failure(error)
            return False
        goes_on = sequence.params.max_tokens > 0
        sequence.on_token("", None if goes_on else "length", 0, entries)
        return goes_on

    def is_running(self, background: bool) -> bool:
        """Whether sequences of this kind are not finished yet."""
        return bool(self._batches[background].sequences)

    def step(self, background: bool) -> bool:
        """One more token of each sequence; where the model fails, they are told."""
        batch = self._batches[background]
        if not batch.sequences:
            return False
        try:
            batch.step()
        except Exception as error:
            self._batches[background] = self._make_batch(self.loaded, self._prefixes)
            for sequence in batch.sequences:
                sequence.on_failure(error)
        return True


class DecoderAnswerer(TorchAnswerer):
    """Computes with a `DecoderModel`, on a processor."""

    def __init__(self, loaded: LoadedModel) -> None:
        from core.engine.inference.decoder_batch import DecoderBatch

        super().__init__(loaded, DecoderBatch)

    def find_obstacle(self, params: SamplingParams, _num_prompt_tokens: int) -> str | None:
        """The logits of a prompt are left to transformers."""
        return "it does not compute a prompt's log probabilities" if params.prompt_logprobs is not None else None

    def select(self, sequences: list[GeneratedSequence], background: bool) -> list[GeneratedSequence]:
        """The first of the sequences, while all rows together may have no more than `MAX_ROW_BYTES`: each is as long as the
        longest."""
        most = MAX_ROW_BYTES // self.loaded.model.bytes_per_token
        running = self._batches[background].sequences
        longest = max((_count_tokens(one) for one in running), default=0)
        chosen: list[GeneratedSequence] = []
        for sequence in sequences[: MAX_ROWS - len(running)]:
            longest = max(longest, _count_tokens(sequence))
            rows = len(running) + len(chosen) + 1
            if rows > 1 and rows * longest > most:
                break
            chosen.append(sequence)
        return chosen


def _count_tokens(sequence: GeneratedSequence) -> int:
    """How many tokens a sequence may have at its end."""
    return len(sequence.prompt_ids) + sequence.params.max_tokens
