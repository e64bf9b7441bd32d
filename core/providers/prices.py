"""Prices of training and of requests, in US dollars, from a dated table; a person's own prices come first."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import paths
from core.atomic_files import PRIVATE_MODE, write_atomically
from core.errors import JukuError
from core.language import tr

TRAINING, CHAT = "training", "chat"
PRICE_FIELDS = {TRAINING: ("dollars",), CHAT: ("sent", "received")}
BATCH_SHARE = 0.5  # the share of the price for what may take a day
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """US dollars for a million tokens: of the training rows times the epochs, or sent to and received from a model."""

    kind: str
    model: str
    numbers: Mapping[str, float]
    own: bool = False


@dataclass(frozen=True, slots=True)
class PriceTable:
    """`as_of` is the day on which the shipped prices were read; `trouble` is why the own ones cannot be read, or ''."""

    entries: list[PriceEntry]
    as_of: datetime.date
    source: str
    trouble: str = ""

    def find(self, kind: str, model: str) -> PriceEntry | None:
        """The entry for a model, which may be named with the day of its making; the person's own comes first."""
        fitting = [entry for entry in self.entries if entry.kind == kind and _matches(entry.model, model)]
        return max(fitting, key=lambda entry: (entry.own, len(entry.model)), default=None)


@dataclass(frozen=True, slots=True)
class TrainingPrice:
    """What a training job would cost, in US dollars: from `low` to `high` where the server chooses the epochs.

    `as_of` and `source` say whose prices these are.
    """

    low: float
    high: float
    as_of: str
    source: str


def estimate_training_price(tokens: int, rows: int, model: str, epochs: int | None) -> TrainingPrice | None:
    """What training for `epochs` costs (None: the server chooses); `tokens` are of one epoch. None for a model without a known price."""
    found = load_table()
    entry = found.find(TRAINING, model)
    if entry is None:
        return None
    one = tokens * entry.numbers["dollars"] / TOKENS_PER_PRICE
    low, high = (epochs, epochs) if epochs else estimate_epochs(rows)
    return TrainingPrice(one * low, one * high, str(found.as_of), tr("your own prices") if entry.own else found.source)


def price_of_trained_tokens(trained: int, model: str) -> float | None:
    """What training on `trained` tokens has cost, epochs included, in US dollars; None without a known price."""
    base = model.removeprefix("ft:").split(":")[0]
    entry = load_table().find(TRAINING, base)
    return trained * entry.numbers["dollars"] / TOKENS_PER_PRICE if entry else None


def chat_price(sent: int, received: int, model: str, batch: bool = False) -> float | None:
    """What these tokens cost, in US dollars, as a batch half of it; None for a model without a known price."""
    found = load_table()
    entry = found.find(CHAT, model) or (found.find(CHAT, model.split(":")[1]) if model.startswith("ft:") else None)
    if entry is None:
        return None
    whole = (sent * entry.numbers["sent"] + received * entry.numbers["received"]) / TOKENS_PER_PRICE
    return whole * BATCH_SHARE if batch else whole


def estimate_epochs(rows: int) -> tuple[int, int]:
    """From one to what OpenAI's cookbook expects the server to choose: 3, more for under 100 rows, fewer for over 8,000."""
    wanted = max(3, -(-100 // max(1, rows)))
    return 1, max(1, min(25, wanted, 25_000 // max(1, rows)))


def load_table() -> PriceTable:
    """The shipped prices and the person's own."""
    shipped = tomllib.loads((paths.RESOURCES / "prices.toml").read_text(encoding="utf-8"))
    own, trouble = _load_own()
    entries = [*_build_entries(own, True), *_build_entries(shipped, False)]
    return PriceTable(entries, shipped["as_of"], shipped["source"], trouble)


def own_file() -> Path:
    """The path of the person's own prices."""
    return paths.config_folder() / "prices.toml"


def save_own(entries: list[PriceEntry]) -> None:
    """Save the person's own prices; the shipped ones are not changed. Raises `JukuError` when the file cannot be written."""
    lines = ["# Your own prices, in US dollars for a million tokens; they come before the shipped ones."]
    for entry in entries:
        lines.append(f"\n[{entry.kind}.{_quote_key(entry.model)}]")
        lines += [f"{name} = {float(entry.numbers[name])!r}" for name in PRICE_FIELDS[entry.kind]]
    path = own_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, ("\n".join(lines) + "\n").encode(), PRIVATE_MODE)
    except OSError as error:
        raise JukuError(
            tr("The prices cannot be saved"),
            tr(
                "The old prices stay in use. Check the folder {folder}: {reason}",
                folder=path.parent,
                reason=error.strerror,
            ),
        ) from error


def _load_own() -> tuple[dict[str, Any], str]:
    """The person's own prices and '', or none and why they cannot be read; a broken file stays as it is."""
    try:
        found = tomllib.loads(own_file().read_text(encoding="utf-8"))
        list(_build_entries(found, True))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        trouble = tr("Your own prices in {file} cannot be read; the built-in ones are used. ({reason})", file=own_file(),
                     reason=error)  # fmt: skip
        return {}, trouble
    return found, ""


def _build_entries(found: dict[str, Any], own: bool) -> list[PriceEntry]:
    return [
        PriceEntry(kind, model, {name: float(numbers[name]) for name in PRICE_FIELDS[kind]}, own)
        for kind in PRICE_FIELDS
        for model, numbers in found.get(kind, {}).items()
    ]


def _quote_key(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign for sign in escaped if sign.isprintable()) + '"'


def _matches(entry: str, model: str) -> bool:
    return model == entry or model.startswith(f"{entry}-2")
