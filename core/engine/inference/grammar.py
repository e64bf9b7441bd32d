"""Constrained decoding with llguidance: which tokens may come next, so that a completion has a given form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engine.http.protocol import bad_request

if TYPE_CHECKING:
    from core.engine.inference.loaded_models import LoadedModel
    from core.engine.inference.model_text import ModelText


@dataclass(frozen=True)
class Grammar:
    """What a completion must look like. `lark`: a grammar in llguidance's dialect of Lark. `param`: the parameter of the
    request it comes from, for errors."""

    lark: str
    param: str


class GrammarState:
    """How far one completion has come in its grammar. Raises a 400 error for a grammar that cannot be followed."""

    def __init__(self, grammar: Grammar, loaded: "LoadedModel | ModelText") -> None:
        from llguidance import LLMatcher

        self._guide: Any = loaded.token_guide
        self._matcher: Any = LLMatcher(self._guide, grammar.lark, log_level=0)
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

    def accept_text(self, text: str) -> None:
        """Go on by a text that another engine has generated. Raises ValueError when it is not allowed."""
        for token_id in self._guide.tokenize_bytes(text.encode()):
            self.accept(token_id)

    def check_end(self) -> None:
        """Raise ValueError unless the completion may end here."""
        if not self._matcher.is_accepting() and not self.is_finished:
            raise ValueError("the completion has ended before its form is complete")

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error().partition("\n")[0])
