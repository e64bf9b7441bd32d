"""How many tokens of a row a model reads: from the catalog of local models, a dated table of others, or a number."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core import paths
from core.errors import JukuError
from core.language import tr
from core.text.tokenizer import ENCODINGS, TOKENS_PER_IMAGE, TokenCounter, get_encoding

# Data of the engine, not its code: what it says of a model without being asked over HTTP.
_CATALOG = Path(__file__).parent.parent / "engine" / "models" / "catalog.toml"


@dataclass(frozen=True, slots=True)
class ContextLimit:
    """The longest row of a model, in tokens. `is_exact`: the model's own tokens are counted, not those of a similar one."""

    model: str
    tokens: int
    encoding: str = ENCODINGS[0]
    is_exact: bool = False


class LongRows:
    """Tells which rows have more tokens than a model reads; only of those that may have are the tokens counted."""

    def __init__(self, limit: ContextLimit) -> None:
        self._limit = limit.tokens
        self._counter: TokenCounter | None = None
        self._encoding = limit.encoding

    def count_if_too_long(self, data: str) -> int:
        """The tokens of a row's JSON text where they are over the limit, else 0."""
        # A token has at least a byte, and the JSON around a text more bytes than the tokens around it.
        most = len(data.encode()) + TOKENS_PER_IMAGE * data.count("image_url")
        if most <= self._limit:
            return 0
        self._counter = self._counter or TokenCounter(self._encoding)
        count = self._counter.row(data)
        return count if count > self._limit else 0


@cache
def _load() -> dict[str, int]:
    """The tokens by the model's name, or the beginning of it."""
    table = tomllib.loads((paths.RESOURCES / "context_lengths.toml").read_text(encoding="utf-8"))
    catalog = tomllib.loads(_CATALOG.read_text(encoding="utf-8"))["model"]
    return {name: int(one["tokens"]) for name, one in table.items()} | {
        row["id"]: int(row["context_length"]) for row in catalog
    }


def find_limit(model: str) -> ContextLimit:
    """The limit of a model by its name, of a fine-tuned one by its base, or a number of tokens. Raises `JukuError`."""
    if model.isascii() and model.isdigit() and int(model[:12]) > 0:
        return ContextLimit(model, int(model[:12]))
    known, name = _load(), model.removeprefix("ft:").split(":")[0].lower()
    found = name if name in known else max((one for one in known if name.startswith(f"{one}-")), key=len, default="")
    if not found:
        names = ", ".join(sorted(known))
        words = tr("Give a number of tokens instead, as in “--model 8192”. Known are: {names}.", names=names)
        raise JukuError(tr("It is not known how many tokens {model} reads", model=model[:80]), words)
    return ContextLimit(model, known[found], get_encoding(name), name.startswith(("gpt-", "o1", "o3", "o4")))
