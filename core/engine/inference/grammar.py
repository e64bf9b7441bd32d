"""Constrained decoding with llguidance: which tokens may come next, so that a completion has a given form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engine.http.protocol import bad_request

if TYPE_CHECKING:
    from core.engine.inference.loaded_models import LoadedModel


@dataclass(frozen=True)
class Grammar:
    """What a completion must look like. `lark`: a grammar in llguidance's dialect of Lark. `json_schema`: the same as
    JSON text where it is one JSON schema and nothing else, for llama.cpp; else None. `param`: the parameter of the
    request it comes from, for errors."""

    lark: str
    json_schema: str | None
    param: str


class GrammarState:
    """How far one completion has come in its grammar. Raises a 400 error for a grammar that cannot be followed."""

    def __init__(self, grammar: Grammar, loaded: "LoadedModel") -> None:
        from llguidance import LLMatcher

        self._matcher: Any = LLMatcher(loaded.token_guide, grammar.lark, log_level=0)
        self._vocab_size = loaded.vocab_size
        if self._matcher.is_error():
            fault = self._matcher.get_error().partition("\n")[0][:500]
            message = f"Invalid '{grammar.param}': it cannot be followed here: {fault}"
            raise bad_request(message, grammar.param, "unsupported_value")

    @property
    def is_finished(self) -> bool:
        """Whether nothing more may come."""
        return bool(self._matcher.is_stopped())

    def mask(self, logits: Any) -> Any:
        """Which tokens may come: a bool tensor like `logits`. Raises ValueError when the grammar is too complex to go on."""
        import numpy as np
        import torch

        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        self._check()
        return torch.from_numpy(bits[: self._vocab_size].astype(bool)).to(logits.device)

    def accept(self, token_id: int) -> None:
        """Go on by one token. Raises ValueError when it is not allowed."""
        self._matcher.consume_token(token_id)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error().partition("\n")[0])
