"""Japanese rows of a page: right questions for each part, answers that are the page's sentences, the same each time."""

import random
import re
from pathlib import Path

import pytest

from core.text import statements
from core.text.questions import japanese, japanese_words
from core.text.questions.japanese_page import ReadPage
from core.text.questions.japanese_polar import iterate_permission
from core.text.questions.japanese_quantities import find_figures
from core.text.questions.japanese_questions import iterate_part_questions
from core.text.questions.japanese_reverse import find_conditions, iterate_reverse_drafts, uncleave
from core.text.questions.japanese_unstated import ANSWERS, iterate_reasons, iterate_unstated
from core.text.questions.rows import Page, PageFact

PAGES = Path(__file__).parents[3] / "support" / "teaching_pages"
JAPANESE = ["mizuharu_community_hall", "kazefune_railway"]

with_sudachi = pytest.mark.skipif(not japanese_words.is_available(), reason="needs the extra `teach` (Sudachi)")


def load_page(name):
    """The page as the program reads it."""
    markdown = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    found = statements.split_statements(markdown)
    title = markdown.splitlines()[0].removeprefix("# ")
    facts = [PageFact(f"F{n}", one.text, tuple(one.heading.split(" › "))) for n, one in enumerate(found, 1)]
    return Page(title, facts)


def make_from(*texts, headings=("町の図書館", "決まり")):
    facts = [PageFact(f"F{n}", text, headings) for n, text in enumerate(texts, 1)]
    return japanese.make_rows(Page(headings[0], facts), seed=3)


def read(text):
    from core.text.questions.japanese_reader import read_sentence

    sentence = read_sentence(text)
    assert sentence is not None, text
    return sentence


def finish(drafts):
    """The drafts as polite questions, those with 〜ばいいですか left out."""
    dice = random.Random(1)
    return {draft.finish("polite", dice) for draft in drafts} if drafts else set()


@pytest.fixture(params=["sudachi", "plain"])
def analyser(request, monkeypatch):
    """With Sudachi, where it is installed, and without."""
    if request.param == "plain":
        monkeypatch.setattr(japanese_words, "_load_tokenizer", lambda: None)
    elif not japanese_words.is_available():
        pytest.skip("needs the extra `teach` (Sudachi)")
    return request.param


@pytest.mark.parametrize("name", JAPANESE)
def test_every_answer_is_a_statement_of_the_page(name, analyser):
    """Or says that the page does not say it; sums recite the statement first."""
    page = load_page(name)
    texts = {fact.name: fact.text for fact in page.facts}
    rows = japanese.make_rows(page, seed=1)
    assert len(rows) >= (12 if analyser == "sudachi" else 8) * len(texts)
    for row in rows:
        if row.kind == "not_stated":
            assert row.answer in ANSWERS
        else:
            assert all(texts[fact] in row.answer for fact in row.facts), row
            assert len(row.facts) > 1 or row.kind == "applied" or row.answer.endswith(texts[row.facts[0]]), row


@pytest.mark.parametrize("name", JAPANESE)
def test_the_same_seed_makes_the_same_rows(name, analyser):
    page = load_page(name)
    assert japanese.make_rows(page, seed=2) == japanese.make_rows(page, seed=2)
    assert japanese.make_rows(page, seed=2) != japanese.make_rows(page, seed=3)


@pytest.mark.parametrize("name", JAPANESE)
def test_no_question_has_two_answers(name, analyser):
    rows = japanese.make_rows(load_page(name), seed=1)
    assert len({row.question for row in rows}) == len(rows)


@with_sudachi
@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("本は一人10冊まで借りられます", {"本は一人何冊まで借りられますか。"}),
        ("受付は玄関の左にあります", {"受付はどこにありますか。"}),
        ("館長は緑の腕章をつけている", {"館長は何をつけていますか。", "館長は何色の腕章をつけていますか。"}),
        ("茶碗を水に3時間つける", {"茶碗を水に何時間つけますか。", "茶碗を水にどのくらいつけますか。"}),
        ("入場料は500円です", {"入場料はいくらですか。"}),
        ("大会は1987年に始まりました", {"大会はいつ始まりましたか。", "大会は何年に始まりましたか。"}),
        ("鍵は当番が持ち帰ります", {"鍵は誰が持ち帰りますか。"}),
    ],
)
def test_parts_are_asked_for_in_their_place(text, questions):
    found = set()
    for seed in range(30):
        drafts = list(iterate_part_questions(read(text), "", random.Random(seed)))
        found |= {draft.finish("polite", random.Random(seed)) for draft in drafts}
    assert questions <= found, found


@with_sudachi
@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("館長は緑の腕章をつけている", "緑の腕章をつけているのは誰ですか。"),
        ("塔の高さは40メートルです", "高さが40メートルなのは何ですか。"),
        ("ごみは裏の倉庫に入れる", "裏の倉庫に入れるのは何ですか。"),
        ("古い新聞は裏の倉庫に入れる", "古い新聞は入れるのはどこですか。"),
    ],
)
def test_questions_from_the_value_to_the_thing(text, question):
    assert question in finish(list(iterate_reverse_drafts(read(text), "", random.Random(1))))


@with_sudachi
def test_a_sentence_that_is_turned_round_is_asked_in_the_plain_order():
    assert "誰が金庫を開けられますか。" in finish(list(uncleave(read("金庫を開けられるのは店長だけです"))))


@with_sudachi
def test_conditions_as_they_stand_and_as_they_happen():
    assert list(find_conditions(read("警報が鳴ったら、裏口から出ます"))) == [
        ("警報が鳴ったら", ["警報が鳴った", "警報が鳴っちゃった"])
    ]
    assert next(find_conditions(read("熱が出たときは、館長に知らせる")))[1] == ["熱が出た", "熱が出ちゃった"]


@with_sudachi
@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("館内で走ってはいけません", "館内で走って"),
        ("油を流しに捨てない", "油を流しに捨てて"),
        ("写真を撮ってもかまいません", "写真を撮って"),
        ("この鍵はもう使えません", ""),  # この points to something else
        ("古い鍵は使えません", "古い鍵は使え"),
    ],
)
def test_bans_are_asked_as_permissions(text, start):
    questions = [question for question, _ in iterate_permission(read(text), random.Random(1))]
    assert all(question.startswith(start) for question in questions), questions
    assert bool(questions) is bool(start)


@with_sudachi
def test_what_is_not_understood_is_not_asked():
    from core.text.questions.japanese_reader import read_sentence

    assert read_sentence("という、がをには") is None
    assert read_sentence("") is None


@with_sudachi
def test_a_property_gets_what_it_belongs_to():
    rows = make_from("舞台は二階に作ります。", "縦は20メートルです。")
    answers = {row.answer for row in rows if row.facts == ("F2",) and row.kind == "direct"}
    assert answers == {"舞台の縦は20メートルです。"}
    assert any(row.question.startswith("舞台の縦は") for row in rows)


def test_a_row_of_a_table(analyser):
    rows = make_from("種類：大人、入場料：700円", "種類：子ども、入場料：300円")
    questions = {row.question.replace("?", "？") for row in rows if row.facts == ("F1",)}
    assert any("大人の入場料" in question for question in questions)
    assert any("700円なのは" in question for question in questions)
    sums = [row for row in rows if row.form == "sum"]
    assert sums
    assert all(row.answer.startswith(("種類：大人", "種類：子ども")) for row in sums)


def test_what_the_page_says_is_never_asked_as_open(analyser):
    rows = make_from("鐘は重さが3キロで、青い布で包みます。", "雨の日は休みます。", "会費は年に2000円です。")
    unstated = [row.question for row in rows if row.kind == "not_stated"]
    assert unstated
    assert not any("雨が" in one or "鐘の重さ" in one or "鐘は何色" in one for one in unstated)


def test_what_another_passage_says_is_never_asked_as_open(analyser):
    """Passages that are no facts (ignored, deleted, not accepted yet) answer questions, too."""
    headings = ("町の図書館", "決まり")
    facts = [PageFact("F1", "鐘は玄関にあります。", headings), PageFact("F2", "会員は鐘を鳴らせます。", headings)]
    elsewhere = [
        PageFact("", "重さは3キロで、大きな音が出るので、耳をふさぎます。", headings),
        PageFact("", "駐車場は裏にあります。", ("町の図書館", "交通")),
    ]
    asked = []
    for also in ((), elsewhere):
        page = ReadPage(Page(headings[0], facts, also))
        asked.append({question for question, _form in iterate_unstated(page, random.Random(1))})
        asked[-1] |= {question for one in page.facts for question in iterate_reasons(one, page)}
    expected = {"図書館に駐車場はありますか。"}
    if page.things:  # without Sudachi none are known
        expected |= {"玄関の重さはどのくらいですか。", "どうして鐘は玄関にあるんですか。"}
    assert expected <= asked[0] and not expected & asked[1]


@with_sudachi
def test_a_passage_answers_for_its_own_fact():
    """A fact may say less than its passage; of other things under the heading the passage says nothing."""
    headings = ("町の図書館", "決まり")
    facts = [
        PageFact(f"F{n}", f"{one}は会員が使えます。", headings)
        for n, one in enumerate(("機械", "椅子", "黒板", "本棚"), 1)
    ]
    elsewhere = [PageFact("F1", "機械は会員が使え、重さは3キロです。", headings)]
    page = ReadPage(Page(headings[0], facts, elsewhere))
    asked = {question for question, _form in iterate_unstated(page, random.Random(1))}
    assert "本棚の重さはどのくらいですか。" in asked and "機械の重さはどのくらいですか。" not in asked


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12月28日から1月4日まで", [("12月28日", "date"), ("1月4日", "date")]),
        ("午後5時半に閉まる", [("午後5時半", "clock")]),
        ("昭和58年に建った", [("昭和58年", "date")]),
        ("一緒に三つ選ぶ", [("三つ", "つ")]),
        ("第2会議室で1,200円", [("1,200円", "円")]),
        ("45分漬ける", [("45分", "分")]),
    ],
)
def test_figures_with_their_counters(text, found):
    assert [(one.text, one.unit) for one in find_figures(text)] == found


def test_questions_about_what_has_no_name_have_a_subject():
    """An empty name left a bare particle: “の住所はどこですか。”"""
    texts = ("室長は大沢みどりです。", "開館時間は午前9時から午後5時までです。", "一人3冊まで借りられます。")
    facts = tuple(PageFact(f"f{number}", text) for number, text in enumerate(texts, 1))
    rows = [row for seed in range(6) for row in japanese.make_rows(Page("", facts), seed)]
    wrong = [
        row.question
        for row in rows
        if re.search("^(?:えっと、|あの、|すみません、)?[のにをはがで][^ぁ-ん]", row.question)
    ]
    assert rows and not wrong
