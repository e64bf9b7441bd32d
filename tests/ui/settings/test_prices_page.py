"""The table of prices: own numbers come before the shipped ones, and go again."""

import pytest

from core.providers import prices
from core.providers.prices import CHAT, TRAINING
from ui.settings.prices_page import MODEL_COLUMN, OWN_COLUMN, PRICE_COLUMNS, PricesPage

DOLLARS, SENT, RECEIVED = range(1, len(PRICE_COLUMNS) + 1)


@pytest.fixture
def page(qtbot):
    page = PricesPage()
    qtbot.addWidget(page)
    page.show()
    return page


def row(page, model):
    return next(row for row in range(page.table.rowCount()) if page.table.item(row, MODEL_COLUMN).text() == model)


def write(page, model, column, text):
    page.table.item(row(page, model), column).setText(text)


def shown(page, model):
    return [page.table.item(row(page, model), column).text() for column in (DOLLARS, SENT, RECEIVED, OWN_COLUMN)]


def test_the_shipped_prices_are_shown_with_their_day(page):
    found = prices.load_table()
    assert found.source in page.source_note.text()
    assert shown(page, "gpt-4.1-mini") == ["5.00", "0.40", "1.60", ""]
    assert {one.model for one in found.entries} == {
        page.table.item(number, MODEL_COLUMN).text() for number in range(page.table.rowCount())
    }
    assert not page.reset_all.isEnabled()
    assert not prices.own_file().exists()


def test_an_own_price_comes_first_and_an_emptied_field_has_the_shipped_one_again(page):
    write(page, "gpt-4.1-mini", DOLLARS, "$4,5")
    assert shown(page, "gpt-4.1-mini") == ["4.50", "0.40", "1.60", "your own"]
    assert prices.estimate_training_price(1_000_000, 100, "gpt-4.1-mini", 1).low == 4.5
    write(page, "gpt-4.1-mini", SENT, "0.125")
    assert prices.load_table().find(CHAT, "gpt-4.1-mini").numbers == {"sent": 0.125, "received": 1.6}
    write(page, "gpt-4.1-mini", DOLLARS, "")
    write(page, "gpt-4.1-mini", SENT, "")
    assert shown(page, "gpt-4.1-mini") == ["5.00", "0.40", "1.60", ""]
    assert not any(one.own for one in prices.load_table().entries)


@pytest.mark.parametrize("text", ["dear", "-1", "nan", "inf", "1e999", "2 . 5"])
def test_what_is_no_price_is_said_and_changes_nothing(page, text):
    write(page, "gpt-4.1-mini", DOLLARS, text)
    assert text in page.note.text()
    assert shown(page, "gpt-4.1-mini")[0] == "5.00"


def test_a_model_is_added_and_saved_once_its_prices_are_whole(page):
    page.add.click()
    write(page, "new model", MODEL_COLUMN, "llama-9")
    write(page, "llama-9", SENT, "1")
    assert "llama-9" in page.note.text()
    assert prices.load_table().find(CHAT, "llama-9") is None
    write(page, "llama-9", RECEIVED, "2")
    write(page, "llama-9", DOLLARS, "0")
    assert page.note.text() == ""
    assert prices.load_table().find(CHAT, "llama-9").numbers == {"sent": 1, "received": 2}
    assert prices.load_table().find(TRAINING, "llama-9").numbers == {"dollars": 0}
    assert shown(PricesPage(), "llama-9") == ["0.00", "1.00", "2.00", "your own"]


def test_chosen_rows_or_all_go_back_to_the_shipped_prices(page):
    for model in ("gpt-4.1", "gpt-4o"):
        write(page, model, DOLLARS, "1")
    page.table.selectRow(row(page, "gpt-4o"))
    assert page.reset.isEnabled()
    page.reset.click()
    assert shown(page, "gpt-4o")[0] == "25.00"
    assert shown(page, "gpt-4.1")[0] == "1.00"
    page.reset_all.click()
    assert shown(page, "gpt-4.1")[0] == "25.00"
    assert not any(one.own for one in prices.load_table().entries)


def test_own_prices_that_cannot_be_read_are_said_and_not_written_over(qtbot):
    file = prices.own_file()
    file.parent.mkdir(parents=True)
    file.write_text("[training\n", encoding="utf-8")
    page = PricesPage()
    qtbot.addWidget(page)
    assert str(file) in page.note.text()
    assert not page.add.isEnabled()
    assert page.table.editTriggers() == page.table.EditTrigger.NoEditTriggers
    assert file.read_text(encoding="utf-8") == "[training\n"
