"""Statements with gaps: in both languages a few words of one fact are hidden, most of another."""

import random

import pytest

from core.text.questions import make
from core.text.questions.rows import Page, PageFact
from core.text.questions.shared_masking import SHARES, draw_shares

TEXTS = {
    "en": "On day {n} of the fair the northern gate opens at seven for {n} carts and closes again before ten.",
    "ja": "市の{n}日目には、北の門を朝七時に開けて荷車{n}台を通し、十時になる前にまた閉めます。",
}
KEPT = {"en": lambda question: len(question.partition(":")[2].replace("___", "").split()),
        "ja": lambda question: len(question.partition("書いてください。")[2].replace("＿＿", ""))}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ja"])
def test_over_a_page_few_and_most_words_are_hidden(language):
    texts = [TEXTS[language].format(n=number) for number in range(2, 14)]
    page = Page("Fair", [PageFact(f"f{number:02}", text) for number, text in enumerate(texts, 1)])
    kept = []
    for row in make.make_rows(page, language, 1):
        if row.form == "masked":
            text = next(fact.text for fact in page.facts if fact.name == row.facts[0])
            kept.append(KEPT[language](row.question) / (len(text.split()) if language == "en" else len(text)))
    assert len(kept) >= 2 * len(texts)
    for low, high in ((0.1, 0.3), (0.3, 0.45), (0.45, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 1)):
        assert any(low <= share < high for share in kept), (low, high, sorted(kept))


def test_no_share_comes_twice():
    for seed in range(20):
        shares = draw_shares(random.Random(seed), 3)
        assert len({*shares}) == 3 and {*shares} <= {*SHARES}
