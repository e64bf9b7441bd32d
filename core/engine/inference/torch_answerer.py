"""The answerer in torch: the reference, with the logits of every token at hand."""

from core.engine.inference.generate import GeneratedSequence, GenerationBatch, can_join
from core.engine.inference.loaded_models import LoadedModel
from core.engine.inference.prefix_cache import PrefixCache
from core.engine.inference.prompt_logprobs import compute_prompt_logprobs
from core.engine.inference.sampling import SamplingParams

MAX_BATCH_SIZE = 8  # sequences


class TorchAnswerer:
    """Computes on the scheduler's thread, token by token. Sequences of batches have a batch of their own, which rests
    while people wait."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._prefixes = PrefixCache()
        self._batches = {background: GenerationBatch(loaded, self._prefixes) for background in (False, True)}

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
            self._batches[background] = GenerationBatch(self.loaded, self._prefixes)
            for sequence in batch.sequences:
                sequence.on_failure(error)
        return True
