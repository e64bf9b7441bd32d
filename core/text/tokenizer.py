"""Counts tokens exactly as OpenAI's models do, offline."""

import importlib.machinery
import importlib.util
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

ENCODINGS = ("o200k_base", "cl100k_base")
TOKENS_PER_MESSAGE, TOKENS_PER_NAME, TOKENS_PER_ROW = 3, 1, 3
TOKENS_PER_IMAGE = 85  # at low detail; at high detail it depends on the image's size
LATIN_CHARACTERS_PER_TOKEN = 4.0  # averages, for an estimate
JAPANESE_CHARACTERS_PER_TOKEN = 1.2
MAX_CACHED_TEXTS = 1000  # system prompts are the same in every row

# Prefixes of model names; the first match counts. Other providers' models are counted like the newest ones.
_MODELS = (("gpt-4o", 0), ("gpt-4.", 0), ("gpt-4", 1), ("gpt-3.5", 1), ("text-embedding", 1), ("", 0))


def get_encoding(model: str) -> str:
    """The encoding of a model (one of `ENCODINGS`), also of a fine-tuned one (`ft:gpt-4o-mini-…`)."""
    name = model.removeprefix("ft:")
    return next(ENCODINGS[number] for start, number in _MODELS if name.startswith(start))


def estimate_tokens(text: str) -> float:
    """Estimate the number of tokens of a text by its characters."""
    wide = sum(not char.isascii() for char in text)
    return (len(text) - wide) / LATIN_CHARACTERS_PER_TOKEN + wide / JAPANESE_CHARACTERS_PER_TOKEN


class _Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message with a role, a text and nothing else."""

    role: str
    content: str


class PlainRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A chat row of plain messages, as nearly all are."""

    messages: list[PlainMessage]


decode_plain_row = msgspec.json.Decoder(PlainRow).decode  # raises `msgspec.ValidationError` for any other row


class TextMessage(Protocol):
    """A message of plain text, of any class."""

    role: str
    content: str


class TokenCounter:
    """Counts tokens in one encoding. It holds the GIL while it counts, so many rows are counted in another process."""

    def __init__(self, encoding: str = ENCODINGS[0]) -> None:
        assert encoding in ENCODINGS, encoding
        self._count = _load_tokenizer(encoding).count
        self._known: dict[str, int] = {}

    def text(self, text: str) -> int:
        """The number of tokens of a text; special tokens are counted as ordinary text."""
        try:
            return self._count(text)
        except UnicodeEncodeError:  # a lone surrogate, counted as the replacement character
            return self._count(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def row(self, data: str) -> int:
        """The number of tokens of a row's JSON text: 3 per message with its role, content and name (1 more), and 3 per row.

        Exact for messages of text. Tools are counted as their JSON text and images as 85: the server's format is not
        published. In a preference row both answers are counted. Raises `msgspec.DecodeError` when it is no JSON.
        """
        try:
            return self.messages(decode_plain_row(data).messages)
        except msgspec.ValidationError:
            return TOKENS_PER_ROW + self._value(msgspec.json.decode(data))

    def messages(self, messages: Iterable[TextMessage]) -> int:
        """The number of tokens of a row of plain messages."""
        total = TOKENS_PER_ROW
        for message in messages:
            role, content = message.role, message.content
            is_cached = role in ("system", "developer")
            total += TOKENS_PER_MESSAGE + self._count_cached(role)
            total += self._count_cached(content) if is_cached else self.text(content)
        return total

    def _count_cached(self, text: str) -> int:
        if (count := self._known.get(text)) is None:
            if len(self._known) >= MAX_CACHED_TEXTS:
                self._known.clear()
            count = self._known[text] = self.text(text)
        return count

    def _value(self, value: object) -> int:
        """The number of tokens of a value in a row that is not plain."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return sum(map(self._value, value))
        if not isinstance(value, dict):
            return 0
        if "role" in value:
            return self._message(value)
        return sum(
            self._json(inner) if key in ("tools", "functions") else self._value(inner) for key, inner in value.items()
        )

    def _message(self, message: dict[str, Any]) -> int:
        total = TOKENS_PER_MESSAGE + TOKENS_PER_NAME * ("name" in message)
        for key, value in message.items():
            if key == "content" and isinstance(value, list):
                total += sum(map(self._part, value))
            elif isinstance(value, str):
                total += self.text(value)
            elif key in ("tool_calls", "function_call"):
                total += self._json(value)
        return total

    def _part(self, part: object) -> int:
        if not isinstance(part, dict):
            return 0
        return TOKENS_PER_IMAGE if "image_url" in part else self._value(part.get("text"))

    def _json(self, value: object) -> int:
        return self.text(msgspec.json.encode(value).decode())


def _load_tokenizer(encoding: str) -> _Tokenizer:
    # The extension module alone loads in 50 ms; the package around it would take 0.75 s.
    package = importlib.util.find_spec("bpe_openai")
    assert package
    extension_spec = importlib.machinery.PathFinder.find_spec("_bindings", package.submodule_search_locations)
    assert extension_spec
    assert extension_spec.loader
    module = importlib.util.module_from_spec(extension_spec)
    extension_spec.loader.exec_module(module)
    tokenizer: _Tokenizer = module.tokenizer_for_encoding(encoding)
    return tokenizer
