"""The table of prices, and a person's own numbers before it."""

import datetime

import pytest

from core import language
from core.providers import prices, shutdown_dates
from core.providers.prices import CHAT, TRAINING, PriceEntry


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JUKU_CONFIG", str(tmp_path))


def test_training_costs_tokens_times_epochs():
    price = prices.estimate_training_price(1_000_000, 100, "gpt-4.1-2025-04-14", 3)
    assert price.low == price.high == 75.0
    open_end = prices.estimate_training_price(1_000_000, 40, "gpt-4o-mini-2024-07-18", None)
    assert (open_end.low, open_end.high) == (3.0, 9.0)
    assert prices.estimate_training_price(1, 10, "smollm2-135m-instruct", 1) is None


def test_a_tuned_model_is_trained_and_asked_at_its_bases_price_and_a_batch_costs_half():
    assert prices.price_of_trained_tokens(1_000_000, "ft:gpt-4o-mini-2024-07-18:org::abc") == 3.0
    whole = prices.chat_price(1_000_000, 1_000_000, "gpt-4o-mini")
    assert prices.chat_price(1_000_000, 1_000_000, "gpt-4o-mini", batch=True) == whole / 2


def test_own_prices_come_first_and_are_read_back():
    prices.save_own(
        [
            PriceEntry(TRAINING, "gpt-4.1", {"dollars": 1.5}, True),
            PriceEntry(CHAT, 'odd "name"', {"sent": 1, "received": 2}),
        ]
    )
    assert prices.estimate_training_price(2_000_000, 100, "gpt-4.1", 1).low == 3.0
    assert prices.chat_price(1_000_000, 1_000_000, 'odd "name"') == 3.0


def test_a_broken_table_is_said_and_left_alone():
    prices.own_file().parent.mkdir(exist_ok=True)
    prices.own_file().write_text("[training.x]\ndollars = 'many'\n")
    found = prices.load_table()
    assert "cannot be read" in found.trouble
    assert found.find(TRAINING, "gpt-4.1").numbers["dollars"] == 25.0
    assert "many" in prices.own_file().read_text()


DAY = datetime.date(2026, 11, 26)


@pytest.mark.parametrize(
    ("model", "preset", "day"),
    [
        ("gpt-4o-mini-2024-07-18", "openai", datetime.date(2027, 1, 14)),
        ("ft:gpt-4.1-2025-04-14:org:hobannu:abc", "openai", datetime.date(2027, 1, 14)),
        ("gpt-4.1-nano", "openai", datetime.date(2026, 10, 23)),
        ("gpt-4o-2024-05-13", "openai", datetime.date(2026, 10, 23)),
        ("gpt-4.1-2025-04-14.ft-0123", "azure", datetime.date(2027, 10, 14)),
        ("gpt-5.6-terra", "openai", None),
        ("gpt-6-luna", "openai", None),
        ("gpt-4o", "custom", None),
    ],
)
def test_a_model_ends_with_its_base(model, preset, day):
    found = shutdown_dates.find_shutdown(model, None, preset)
    assert (found.day if found else None) == day


def test_the_server_knows_better_than_the_table():
    found = shutdown_dates.find_shutdown("gpt-4o", datetime.date(2026, 12, 1), "openai")
    assert (found.source, shutdown_dates.days_left(found, DAY)) == ("server", 5)


def test_the_doors_say_what_closes_and_when():
    words = [door.describe(DAY) for door in shutdown_dates.list_shutdowns("openai", DAY)]
    assert "New fine-tuning jobs are possible until 2027-01-06 (41 days left)." in words
    assert any("gpt-4.1-mini" in line and "2027-01-14 (49 days left)" in line for line in words)
    assert shutdown_dates.list_shutdowns("local", DAY) == []


def test_whose_prices_they_are_is_said_in_the_persons_language():
    language.set_language("ja")
    assert "pages" not in prices.load_table().source and "OpenAI" in prices.load_table().source
