"""Rows of everyday knowledge: the base model's own first sentences, without those of no use."""

import asyncio

import pytest

from core.dataset import examples
from core.dataset.filters import Filter
from core.errors import ProviderError
from core.generation import everyday_rows
from core.progress import Reporter


@pytest.mark.parametrize(
    ("language", "text", "sentence"),
    [
        ("en", "The Thames. It is long.", "The Thames."),
        ("en", "It takes 1.5 hours. Then go.", "It takes 1.5 hours."),
        ("en", "It is a river that", ""),  # cut off
        ("en", " ".join(["word"] * 60) + ".", ""),  # too long
        ("en", "\ufffd is broken.", ""),
        ("ja", "東京です。とても大きい町です。", "東京です。"),
        ("ja", "東京", ""),
    ],
)
def test_the_first_sentence_is_kept_where_it_is_of_use(language, text, sentence):
    assert everyday_rows.find_first_sentence(text, language) == sentence


def test_what_the_server_refuses_is_said_and_nothing_is_added(server, sample):
    server.key = "sk-new"

    async def work():
        provider = server.provider()
        try:
            await everyday_rows.add_rows(sample, provider, "base-model", Reporter())
        finally:
            await provider.close()

    before = examples.get_next_id(sample.rows)
    with pytest.raises(ProviderError, match="API key"):
        asyncio.run(work())
    assert examples.get_next_id(sample.rows) == before


def test_the_answers_become_drafts_once(server, sample):
    async def work():
        provider = server.provider()
        try:
            return await everyday_rows.add_rows(sample, provider, "base-model", Reporter())
        finally:
            await provider.close()

    assert asyncio.run(work()).rows == everyday_rows.ROWS and asyncio.run(work()).rows == 0
    rows = [*examples.iterate(sample.rows, Filter(tag=everyday_rows.TAG))]
    assert len(rows) == everyday_rows.ROWS
    assert {(row.answer, row.status, row.split, row.kind, row.source) for row in rows} == {
        ("base-model answers.", "draft", "train", "general", "base-model")
    }


@pytest.mark.parametrize(
    ("prompt", "answer", "repeats"),
    [
        ("医者は何をしますか？", "医者は何をしますか。", True),
        ("What does a doctor do?", "What does a doctor do?", True),
        ("What does a doctor do?", "A doctor treats people who are ill.", False),
        ("医者は何をしますか？", "医者は病気の人を治します。", False),
    ],
)
def test_an_answer_that_repeats_its_question_is_of_no_use(prompt, answer, repeats):
    assert everyday_rows.repeats_prompt(prompt, answer) is repeats
