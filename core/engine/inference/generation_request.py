"""What the HTTP routes ask of the models: plain values, so that it can be sent to another process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.engine.http.protocol import Json
from core.engine.inference.sampling import SamplingParams


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """`n` completions of one prompt: of `messages` (rendered with the model's chat template, with the definitions of
    `tools`), or of `prompt` (text or token ids, as they are). Unless it `is_streamed`, the text of a choice comes
    in one piece."""

    params: SamplingParams
    messages: Sequence[Json] = ()
    tools: Sequence[Json] = ()
    prompt: str | Sequence[int] | None = None
    n: int = 1
    is_streamed: bool = True

    def choice_params(self, index: int, room: int) -> SamplingParams:
        """The parameters of choice `index`. `room`: how many tokens the context has left for it."""
        seed = self.params.seed
        return replace(
            self.params,
            max_tokens=min(self.params.max_tokens, room),
            seed=None if seed is None else seed + index,
        )
