"""What a page says of one thing is asked of another one only where nothing on the page can answer it, in both languages."""

from dataclasses import replace

import pytest

from core.text.questions import english_parser, japanese, japanese_words
from core.text.questions.english import make_plain_rows, make_rows
from core.text.questions.rows import Page, PageFact

SEEDS = range(6)


def make_page(title, *sections, elsewhere=()):
    """A page of headings, each with its statements."""
    facts = [
        PageFact(f"F{number}.{at}", text, (title, heading) if heading else (title,))
        for number, (heading, texts) in enumerate(sections)
        for at, text in enumerate(texts)
    ]
    return Page(title, facts, [PageFact("", text, (title, heading)) for heading, text in elsewhere])


def ask(make, page):
    rows = [row for seed in SEEDS for row in make(page, seed)]
    return {row.question for row in rows if row.form == "other_attribute"}


@pytest.fixture(params=["parser", "plain"])
def make_english(request):
    if request.param == "plain":
        return make_plain_rows
    if not english_parser.is_installed():
        pytest.skip("needs the extra teach")
    return make_rows


@pytest.fixture(params=["sudachi", "plain"])
def make_japanese(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(japanese_words, "_load_tokenizer", lambda: None)
    elif not japanese_words.is_available():
        pytest.skip("needs the extra `teach` (Sudachi)")
    return japanese.make_rows


WALKS = ("The Bat Walk costs €12.", "The Moss Walk is led by Piet Arden.", "The Mill Walk is 3 km long.")
TOOLS = ("The cement mixer weighs 60 kilos.", "The long ladder is kept behind the shed.")


def test_what_is_said_of_another_thing_is_asked_and_not_what_is_said(make_english):
    asked = ask(make_english, make_page("Gardens", ("Walks", WALKS), ("Tools", TOOLS)))
    for word, own, open_for in (
        ("cost|price|pay", "Bat", "Moss"),
        ("lead", "Moss", "Bat"),
        ("kilomet", "Mill", "Bat"),
    ):
        questions = [one for one in asked if any(part in one for part in word.split("|"))]
        assert any(open_for in one for one in questions), (word, asked)
        assert not any(own in one for one in questions), questions
    heavy = [one for one in asked if "heavy" in one or "weigh" in one]
    assert heavy and all("ladder" in one for one in heavy), heavy


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("Walks", "All walks cost €12 for guests."),
        ("Walks", "Every guest pays €5."),
        ("Walks", "You pay €5 at the gate."),
        ("Walks", "Prices include tea."),
        ("Prices", "A walk is €8."),
        ("Prices", "The Moss Walk and the Mill Walk are free."),
        ("Prices", "Tickets cost €8."),
        ("Money", "Everything here costs €4."),
        ("", "We charge €3."),
    ],
)
def test_a_rule_a_list_or_a_heading_that_may_answer_it_keeps_it_from_being_asked(make_english, heading, text):
    """Also in a passage that is no fact."""
    page = make_page("Gardens", ("Walks", WALKS))
    known = make_page("Gardens", ("Walks", WALKS), (heading, (text,)))
    passage = replace(page, elsewhere=[PageFact("", text, ("Gardens", heading) if heading else ("Gardens",))])
    for one in (known, passage):
        costs = [q for q in ask(make_english, one) if "cost" in q or "price" in q or "pay" in q]
        assert not [q for q in costs if "Moss" in q or "Mill" in q], (one, costs)


def test_a_passage_about_another_thing_of_another_section_does_not(make_english):
    page = make_page("Gardens", ("Walks", WALKS), ("Boats", ("The rowing boat costs €6.", "The punt has two seats.")))
    asked = ask(make_english, page)
    assert any("Moss" in one and ("cost" in one or "price" in one or "pay" in one) for one in asked), asked


def test_an_empty_cell_of_a_table(make_english):
    rows = (
        "Workshop: Grafting; Price: €35; Teacher: Ines Fallow",
        "Workshop: Cider pressing; Price: €22",
        "Workshop: Weaving; Teacher: Rolf Teasdale",
    )
    asked = ask(make_english, make_page("Gardens", ("Workshops", rows)))
    assert any("cider pressing" in one and "teach" in one.lower() for one in asked), asked
    assert any("weaving" in one and ("cost" in one or "price" in one or "pay" in one) for one in asked), asked
    assert not any("grafting" in one for one in asked), asked
    ruled = make_page("Gardens", ("Workshops", (*rows, "Ines Fallow teaches all other workshops.")))
    assert not any("teach" in one.lower() for one in ask(make_english, ruled))


CLOCKS = ("水時計は高さが2メートルあります。", "からくり時計は重さが120キロです。", "花時計は庭にあります。")


def test_japanese_what_is_said_of_another_thing_is_asked_and_not_what_is_said(make_japanese):
    asked = ask(make_japanese, make_page("月見堂資料館のご案内", ("展示室", CLOCKS)))
    heights = [one for one in asked if "高さ" in one]
    weights = [one for one in asked if "重さ" in one or "キロ" in one]
    assert any("花時計" in one for one in heights) and not any("水時計" in one for one in heights), asked
    assert any("花時計" in one for one in weights) and not any("からくり" in one for one in weights), asked


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("展示室", "どの時計も、重さは50キロ以上です。"),
        ("展示室", "花時計以外は、重さが300キロあります。"),
        ("展示室", "重さは300キロです。"),
        ("展示室", "花時計の台は重さが30キロです。"),
        ("決まり", "展示品は重いので、さわらないでください。"),
        ("決まり", "展示室のものは重さが10キロ以上あります。"),
    ],
)
def test_japanese_a_rule_or_a_passage_that_may_answer_it_keeps_it_from_being_asked(make_japanese, heading, text):
    title = "月見堂資料館のご案内"
    page = make_page(title, ("展示室", CLOCKS))
    for one in (
        make_page(title, ("展示室", CLOCKS), (heading, (text,))),
        replace(page, elsewhere=[PageFact("", text, (title, heading))]),
    ):
        assert not [q for q in ask(make_japanese, one) if ("重さ" in q or "キロ" in q) and "花時計" in q], one


def test_japanese_an_empty_cell_of_a_table(make_japanese):
    rows = (
        "ツアー：裏方ツアー、料金：800円、案内役：小野さん",
        "ツアー：夜のツアー、料金：1,200円",
        "ツアー：朝のツアー、案内役：岡さん",
    )
    asked = ask(make_japanese, make_page("月見堂資料館のご案内", ("見学", rows)))
    assert any("夜のツアー" in one and "案内" in one for one in asked), asked
    assert any("朝のツアー" in one and ("料金" in one or "いくら" in one) for one in asked), asked
    assert not any("裏方" in one for one in asked), asked


def test_japanese_a_thing_within_the_name_of_another_one(make_japanese):
    """「たき火台の貸し出しは500円です」 may answer what a たき火台 costs."""
    texts = ("カヌーは1時間1,200円です。", "たき火台の貸し出しは1台500円です。", "たき火台は鉄でできています。")
    asked = ask(make_japanese, make_page("霧尾湖キャンプ場のご案内", ("貸し出し", texts)))
    assert not [one for one in asked if "たき火台" in one and ("料金" in one or "いくら" in one)]


@pytest.mark.parametrize(
    "text",
    ["切符は大人700円、子ども350円です。", "入場券は300円です。", "料金は800円です。", "どの乗り物も200円です。"],
)
def test_japanese_a_ticket_may_be_what_a_thing_costs(make_japanese, text):
    page = make_page("風船鉄道の歴史", ("いまの運転", ("列車は4月から走ります。", "そりの列車は100円です。", text)))
    assert not [one for one in ask(make_japanese, page) if "列車の料金" in one or "いくら" in one]


def test_a_deposit_is_no_price(make_english, make_japanese):
    tools = ("The floor sander needs a deposit of £40.", "The long ladder is kept behind the shed.")
    asked = ask(make_english, make_page("Shed", ("Lending", tools)))
    assert any("deposit" in one and "ladder" in one for one in asked)
    assert not [one for one in asked if "cost" in one or "price" in one or "pay" in one]
    lent = ("電子書籍の端末は1台につき保証金2,000円をいただきます。", "紙芝居は3点まで借りられます。")
    found = ask(make_japanese, make_page("若葉ヶ丘図書室の使い方", ("貸し出し", lent)))
    assert found and all("保証金" in one and "紙芝居" in one for one in found), found


def test_japanese_a_time_of_day_may_answer_when(make_japanese):
    texts = (
        "収穫体験は10月から12月まで行います。",
        "石臼体験は9時30分に始まります。",
        "藍染め体験は前掛けを着けて行います。",
    )
    asked = ask(make_japanese, make_page("高遠沢わさび園の歩き方", ("体験", texts)))
    when = [one for one in asked if "いつ" in one or "何月" in one]
    assert any("藍染め" in one for one in when) and not any("石臼" in one for one in when), asked


@pytest.mark.parametrize("text", ["The day ticket costs €18.", "The ticket is €4.", "Admission is €4."])
def test_a_ticket_may_be_what_a_thing_costs(make_english, text):
    page = make_page("Gardens", ("Walks", WALKS), ("Visits", ("The hut is green.", text)))
    assert not [q for q in ask(make_english, page) if ("cost" in q or "price" in q or "pay" in q)]
