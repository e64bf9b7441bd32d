"""What an answerer is: it continues sequences of token ids with one model."""

from typing import Protocol

from core.engine.inference.generate import GeneratedSequence
from core.engine.inference.sampling import SamplingParams


class Answerer(Protocol):
    """Continues sequences of one model, several together. All answerers get the same token ids, which Juku's chat
    template and the model's own tokenizer have made.

    Used by the scheduler's thread alone. Three exist: torch (the reference), llama.cpp (fast on a processor), and a
    vLLM server (many people).
    """

    @property
    def name(self) -> str:
        """What is shown in `system_fingerprint`, for example `torch-bfloat16`."""

    def find_obstacle(self, params: SamplingParams, num_prompt_tokens: int) -> str | None:
        """What it cannot do of what is asked, in words; None when it can answer."""

    def prepare(self, sequence: GeneratedSequence) -> None:
        """Make a sequence ready to start. Raises an ApiError for parameters that this model cannot follow."""

    def select(self, sequences: list[GeneratedSequence], background: bool) -> list[GeneratedSequence]:
        """The first of the sequences, as many as there is room for now."""

    def start(self, sequences: list[GeneratedSequence], background: bool) -> None:
        """Start sequences that were selected. What fails is told to each of them."""

    def is_running(self, background: bool) -> bool:
        """Whether sequences of this kind are not finished yet."""

    def step(self, background: bool) -> bool:
        """Compute the next token of each sequence of this kind; False where nothing is to be computed on this thread."""
