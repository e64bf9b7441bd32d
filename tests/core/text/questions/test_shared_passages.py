"""What rows recite: the heading, and sentences that stand together; a fact that is asked for alone stays alone in an exam."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.generation import page_rows
from core.spec import facts
from core.spec.spec import Spec
from core.text.questions import make
from core.text.questions.rows import Page, PageFact, QuestionRow
from core.text.questions.shared_passages import MAX_WORDS, Passages
from tests.support.projects import write

CARD = ("The Gold Card costs 150 crowns.", "Parking is free with it.")
LONG = " ".join(["word"] * MAX_WORDS)


def read(facts_, language="en"):
    return Passages(Page("Pool", facts_), {fact.name: fact.text for fact in facts_}, language)


def build_page(*blocks, heading="Cards"):
    """Each block's sentences under one heading, below the title "Pool" that all share."""
    texts = [(text, block) for block, sentences in enumerate(blocks, 1) for text in sentences]
    return [PageFact(f"f{n}", text, ("Pool", heading), block) for n, (text, block) in enumerate(texts, 1)]


def widen(passages, question, answer, kind, names, form="what"):
    (row,) = passages.widen([QuestionRow(question, answer, kind, names, form)])
    return row.trained_answer, row.trained_facts


def test_a_short_item_is_recited_whole_after_its_heading_and_the_fact_asked_for_comes_first():
    passages = read(build_page(CARD, ("Dogs stay outside.",)))
    whole = f"Cards: {' '.join(CARD)}"
    assert widen(passages, "Is parking free?", CARD[1], "direct", ("f2",)) == (whole, ("f2", "f1"))
    assert passages.recite("f1").text == whole
    assert widen(passages, "May dogs in?", "Dogs stay outside.", "direct", ("f3",)) == (
        "Cards: Dogs stay outside.",
        ("f3",),
    )


def test_a_long_paragraph_keeps_its_sentences_but_one_that_needs_the_one_before_stays_with_it():
    page = build_page((f"The air is dry {LONG}.", "Water is cold.", "If it is above that, open the tap."))
    stated = {fact.name: fact.text for fact in page} | {"f3": "Water is cold. If it is above that, open the tap."}
    passages = Passages(Page("Pool", page), stated, "en")
    assert passages.recite("f1").facts == ("f1",)
    assert passages.recite("f2").text == "Cards: Water is cold. If it is above that, open the tap."


def test_what_a_passage_says_is_said_once_and_too_long_an_answer_stays_as_it_was():
    passages = read(build_page(CARD, (f"Boats {LONG}.",), (f"Oars {LONG}.",)))
    both = widen(passages, "What costs it, and is parking free?", " ".join(CARD), "combined", ("f1", "f2"))
    assert both == (f"Cards: {' '.join(CARD)}", ("f1", "f2"))
    concluded = widen(passages, "Two cards?", f"{CARD[0]} 2 times 150 is 300.", "applied", ("f1",))
    assert concluded[0] == f"Cards: {' '.join(CARD)} 2 times 150 is 300."
    long = f"{CARD[0]} Boats {LONG}. Oars {LONG}."
    assert widen(passages, "All?", long, "combined", ("f1", "f3", "f4")) == (f"Cards: {long}", ("f1", "f3", "f4"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Teams ask: Tea", "Cards: Teams ask: Tea Cakes"),
        ("Teams ask: Cakes", "Cards: Teams ask: Tea Cakes"),
        ("Teams, 2 for Teatime: Tea", "Cards: Teams, 2 for Teatime: Tea Cakes"),
    ],
)
def test_a_fact_is_not_cut_out_of_a_longer_word(answer, said):
    passages = read(build_page(("Tea", "Cakes")))
    name = "f1" if answer.endswith("Tea") else "f2"
    assert widen(passages, "?", answer, "applied", (name,))[0] == said


@pytest.mark.parametrize(
    ("kind", "form", "answer"),
    [("not_stated", "not_stated", "The text does not say that."), ("statement", "masked", CARD[1])],
)
def test_rows_that_recite_a_sentence_or_say_that_nothing_is_written_stay_as_they_are(kind, form, answer):
    (row,) = read(build_page(CARD)).widen([QuestionRow("?", answer, kind, ("f2",), form)])
    assert (row.trained_answer, row.trained_facts, row.recited) == (answer, ("f2",), "")


def test_the_title_that_all_facts_share_is_no_heading_and_a_question_has_no_colon():
    alone = [PageFact("f1", "It is cold.", ("Pool",), 1)]
    assert read(alone).recite("f1").text == "It is cold."
    asked = build_page(("The ferry goes at six.",), heading="How do I get there?")
    assert read(asked).recite("f1").text == "How do I get there? The ferry goes at six."
    stopped = build_page(("The ferry goes at six.",), heading="Boats cost 12 crowns.")
    assert read(stopped).recite("f1").text == "Boats cost 12 crowns: The ferry goes at six."
    named = build_page(("Cards cost 5 crowns.",))
    assert read(named).recite("f1").text == "Cards cost 5 crowns.", (
        "a heading that the sentence begins with is not said twice"
    )


def test_japanese_is_joined_without_spaces():
    page = build_page(("樽の高さは80センチです。", "まりは軽いです。"), heading="道具")
    assert read(page, "ja").recite("f2").text == "道具：樽の高さは80センチです。まりは軽いです。"


def test_paragraphs_items_and_table_rows_are_passages_of_their_own(project):
    text = """# Pool

## Prices
A ticket costs 4 euros. It is valid
all day. Children pay 1 euro.

- The **Gold Card** costs 150 euros. Parking is free with it.
- Dogs pay 2 euros.

| Age | Price |
|---|---|
| under 6 | 0 euros |
| over 65 | 3 euros |
"""
    write(project, facts.save, Spec("Pool", "en", "", text))
    write(project, facts.accept_missing)
    page, language = page_rows.load_page_and_language(project.rows)
    blocks = [fact.block for fact in page.facts]
    assert blocks == [1, 1, 1, 2, 2, 3, 4, 5]
    card = page.facts[3]
    assert make.read_passages(page, language).recite(card.name).facts == (card.name, page.facts[4].name)


@given(
    st.lists(
        st.lists(st.text("abcdefg ", min_size=1, max_size=90).filter(str.strip), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["en", "ja"]),
)
def test_no_fact_is_lost_in_what_is_recited(blocks, language):
    numbered = [[f"{text.strip()} {block}.{n}." for n, text in enumerate(one)] for block, one in enumerate(blocks)]
    page = build_page(*numbered)
    passages = read(page, language)
    for fact in page:
        answer, names = widen(passages, "?", fact.text, "direct", (fact.name,))
        assert names[0] == fact.name and answer.startswith("Cards")
        assert all(other.text in answer for other in page if other.name in names)
        assert passages.recite(fact.name).text == answer


@pytest.mark.parametrize(
    "marks", [("(1) ", "(2) "), ("（１）", "（２）"), ("①", "②"), ("1. ", "2. "), ("・", "・"), ("- ", "- ")]
)
def test_items_with_any_mark_are_passages_of_their_own(project, marks):
    items = "\n".join(
        f"{mark}{text}" for mark, text in zip(marks, ("鍵は窓口にあります。", "犬は入れません。"), strict=True)
    )
    write(project, facts.save, Spec("会館", "ja", "", f"# 会館\n\n## 規則\n\n{items}\n"))
    write(project, facts.accept_missing)
    page, _language = page_rows.load_page_and_language(project.rows)
    assert [fact.block for fact in page.facts] == [1, 2]


@pytest.mark.parametrize("behind", ["> Children pay half of this.", "Children pay half of this."])
@pytest.mark.parametrize(
    "items", ["- Close the gate.\n- Ring the bell twice.\n- Wash your hands.", "- **Mirl.** A thin scale of a fish."]
)
def test_what_stands_behind_a_list_does_not_get_its_last_item_as_a_label(project, items, behind):
    write(project, facts.save, Spec("Mill", "en", text=f"# Mill\n\n## Rules\n\n{items}\n\n{behind}\n"))
    write(project, facts.accept_missing)
    page, language = page_rows.load_page_and_language(project.rows)
    *_items, last = page.facts
    assert make.read_passages(page, language).recite(last.name).text == "Rules: Children pay half of this."
    asked = {name for row in make.make_rows(page, language) for name in row.facts}
    assert asked >= {fact.name for fact in page.facts}, "no item is lost as the label of the next"


def test_a_term_in_a_paragraph_of_its_own_is_the_label_of_the_next(project):
    text = (
        "# Words\n\nTammet.\n\nA cloth bag for wool. It holds three fleeces.\n\nMellin.\n\nA measure of four fleeces.\n"
    )
    write(project, facts.save, Spec("Words", "en", text=text))
    write(project, facts.accept_missing)
    page, language = page_rows.load_page_and_language(project.rows)
    told = make.read_passages(page, language).recite("f02").text
    assert told == "A tammet is a cloth bag for wool. A tammet holds three fleeces."
