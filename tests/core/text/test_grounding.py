"""Rows that do not follow from their text: each reason by itself, and how many of the hand-made set are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import language
from core.text import grounding
from core.text.grounding import Doubt, find_doubts
from core.text.grounding_texts import format_doubt
from tests.support.patience import effort
from tools import grounding as measured

# Slightly below what tools/grounding.py prints: they only guard what was reached.
PRECISION, RECALL, FALSE_ALARMS = 0.93, {"en": 0.92, "ja": 0.90}, 0.01


@pytest.fixture(scope="module")
def rows():
    return measured.judged()


def test_the_set_is_hand_made_and_even(rows):
    for code in measured.LANGUAGES:
        labels = [one.row["label"] for one in rows if one.row["language"] == code]
        assert min(map(labels.count, measured.LABELS)) >= 20
        held = [one for one in rows if one.row["language"] == code and one.row["set"] == "held"]
        assert len(held) >= len(labels) / 4


@pytest.mark.parametrize("code", measured.LANGUAGES)
def test_precision_and_recall(rows, code):
    chosen = [one for one in rows if one.row["language"] == code]
    assert measured.precision(chosen) >= PRECISION
    assert measured.recall(chosen) >= RECALL[code]


@pytest.mark.parametrize("code", measured.LANGUAGES)
def test_rows_of_the_samples_are_not_doubted(code):
    found = [bool(doubted) for _row, doubted in measured.samples(code)]
    assert sum(found) <= FALSE_ALARMS * len(found)


def whys(answer, *basis, question="", spec="", quote="", kind="direct", name=""):
    return [doubt.why for doubt in find_doubts(question, answer, basis, spec, quote, kind, name)]


COURT = "The court is about 20 metres long and 10 metres wide."
SPEC = f"""# Hobannu

- {COURT}
- A player who is **holding** a ball must stand on one foot.
- Players may touch a ball only with their hands.

1. Two teams of three players
   each play “Hobannu”.
2. The ball measures 18 cm.

| lamp | meaning |
|---|---|
| red | the tank is empty |
"""


@pytest.mark.parametrize(
    "quote",
    [
        COURT,
        "the court is about ２０ metres long and 10 metres wide",
        "A player who is holding a ball must stand on one foot.",
        'Two teams of three players each play "Hobannu".',
        "The court is about 20 metres long … must stand on one foot.",
        "The court […] 10 metres wide. A player",
        "- Players may touch a *ball*",
        "red | the tank is empty",
        "red: the tank is empty",
        "",
    ],
)
def test_quotes_that_are_there(quote):
    assert whys("", "x", spec=SPEC, quote=quote) == []


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("The court is about 20 metres wide.", "The court is about 20 metres wide."),
        ("The court is about 2", "The court is about 2"),
        ("layers may touch a ball", "layers may touch a ball"),
        ("must stand on one foot … about 20 metres", "about 20 metres"),
        ("The ball … weighs 400 g", "weighs 400 g"),
        ("……", "……"),
    ],
)
def test_quotes_that_are_not_there(quote, words):
    assert find_doubts("", "", ["x"], SPEC, quote) == [Doubt(grounding.QUOTE_MISSING, words)]


def test_japanese_quotes():
    spec = "## ボール\n\n- ボールの直径は**18センチ**です。\n- 触れてよいのは「手」だけです。"
    assert not whys("", "x", spec=spec, quote="ボールの直径は１８センチです")
    assert not whys("", "x", spec=spec, quote="ボールの直径は（中略）触れてよいのは手だけ")
    assert whys("", "x", spec=spec, quote="ボールの直径は8センチです") == [grounding.QUOTE_MISSING]


@pytest.mark.parametrize(
    ("answer", "basis", "found"),
    [
        ("It is 21 metres long.", COURT, ["figure"]),
        ("It is twenty metres long.", COURT, []),
        ("It is 20 minutes long.", COURT, ["unit"]),
        ("It is 2000 centimetres long.", COURT, []),
        ("The court is 20 metres wide and 10 metres long.", COURT, ["swapped"]),
        ("The court is 10 metres wide and 20 metres long.", COURT, []),
        ("20 x 10 metres.", COURT, []),
        ("二十メートルです。", "長さは20メートルです。", []),
        ("長さは30メートルです。", "長さは20メートルです。", ["figure"]),
        ("長さは20センチです。", "長さは20メートルです。", ["unit"]),
        ("縦が10メートル、横が20メートルです。", "コートは、縦が20メートル、横が10メートルです。", ["swapped"]),
        ("開館は17時までです。", "開館は午後5時までです。", []),
        ("A third foul is one too many.", "A player with three fouls must leave.", []),
        ("退場は反則3回です。", "反則を三回した選手は退場になります。", []),
    ],
)
def test_figures(answer, basis, found):
    assert whys(answer, basis) == found


@pytest.mark.parametrize(
    ("answer", "basis", "question"),
    [
        ("There are 6 players.", "Two teams of three players play.", "How many players?"),
        ("He has 5 points.", "A goal is worth one point.", "He scored five goals. How many points?"),
        ("It is 2 seconds too long.", "At most 5 seconds are allowed.", "He held it for 7 seconds. How much too long?"),
        ("You get 60 euros.", "Cars are paid at 30 cents a kilometre.", "I drove 200 km. What do I get?"),
        ("合わせて20分です。", "10分ハーフを2回行います。", "合わせて何分ですか。"),
        ("3月15日までです。", "2週間借りられます。", "3月1日に借りました。いつまで借りられますか。"),
    ],
)
def test_figures_of_applied_rows_may_be_worked_out(answer, basis, question):
    assert whys(answer, basis, question=question, kind="applied") == []


def test_figures_of_other_rows_may_not_be_worked_out():
    assert whys("There are 6 players.", "Two teams of three players play.") == ["figure"]
    assert whys("There are 7 players.", "Two teams of three players play.", kind="applied") == ["figure"]


@pytest.mark.parametrize(
    ("answer", "basis", "found"),
    [
        ("Each half starts with a jump ball.", "Each half starts in the centre circle with a ball.", ["term"]),
        (
            "Of course! Each half starts in the centre circle. Let me know if you need more.",
            "Each half starts in the centre circle.",
            [],
        ),
        ("Every half begins at the circle in the centre.", "Each half starts in the centre circle.", []),
        ("The players touch balls with hands.", "A player touches the ball with a hand.", []),
        ("審判は2人で、笛を吹くスタッフもいます。", "審判は2人です。", ["term"]),
        ("承知しました。審判は2人です。", "審判は2人です。", []),
    ],
)
def test_terms(answer, basis, found):
    assert whys(answer, basis) == found


def test_words_of_another_fact():
    fouls = "The fouls are pushing an opponent and grabbing an opponent."
    found = find_doubts("", "The fouls are pushing, grabbing, and a tank that is empty.", [fouls], f"{SPEC}\n{fouls}")
    assert found == [Doubt(grounding.TERM_FROM_ELSEWHERE, "tank empty")]


@pytest.mark.parametrize(
    ("answer", "basis", "found"),
    [
        ("You can use vinegar for descaling.", "Never use vinegar for descaling.", ["negation"]),
        ("You must not use vinegar for descaling.", "Never use vinegar for descaling.", []),
        ("Keep the lid closed while the pump runs.", "Do not open the lid while the pump runs.", []),
        ("A ball may be held for at least five seconds.", "A ball may be held for at most five seconds.", ["opposite"]),
        ("A ball may be held for no more than five seconds.", "A ball may be held for at most five seconds.", []),
        ("Approve the trip after it is booked.", "Approve the trip before it is booked.", ["opposite"]),
        (
            "Yes, they may touch a ball with hands and knees.",
            "They may touch a ball only with hands.",
            ["only-lost", "term"],
        ),
        ("Yes, they may touch a ball with hands only.", "They may touch a ball only with hands.", []),
        ("はい、DVDも延長できます。", "DVDは延長できません。", ["negation"]),
        ("DVDの延長はできません。", "DVDは延長できません。", []),
        ("片足で立ってはいけません。", "選手は、片足で立たなければなりません。", ["negation"]),
        ("得点したチームから再開します。", "得点されたチームから再開します。", ["opposite"]),
        ("片道100キロ以上の出張です。", "片道100キロ未満の出張です。", ["opposite"]),
        ("With a match, never with the taper.", "The burner is lit with the taper, never with a match.", ["negation"]),
        ("With a match.", "The burner is lit with the taper, never with a match.", ["negation"]),
        ("With the taper, not with a match.", "The burner is lit with the taper, never with a match.", []),
        ("You use the taper and not a match.", "The burner is lit with the taper, never with a match.", []),
        ("After three weeks they are sold.", "Work that is not fetched within three weeks is sold.", []),
        (
            "Work that is fetched within three weeks is sold.",
            "Work that is not fetched within three weeks is sold.",
            ["negation"],
        ),
    ],
)
def test_contradictions(answer, basis, found):
    assert whys(answer, basis) == found


@pytest.mark.parametrize(
    ("answer", "spec"),
    [
        ("Standing on one foot while holding a ball is a foul.", SPEC),
        ("片足で立つことは反則です。", "選手は片足で立たなければなりません。\n相手を押すことは反則です。"),
    ],
)
def test_a_duty_is_no_foul(answer, spec):
    basis = spec.splitlines()
    assert whys(answer, *basis, spec=spec, question="Is it a foul? 反則ですか？") == [grounding.DUTY_AS_FOUL]


def test_a_question_may_ask_for_what_is_denied():
    fact = "The burner is lit with the taper, never with a match."
    assert whys("A match.", fact, question="What must never be used?") == []
    assert whys("Yes, a match.", fact, question="Is a match used?") == []  # only other words are compared


def test_what_is_not_looked_at():
    assert whys("The capital of Italy is Rome.", spec=SPEC, kind="general") == []
    assert whys("The rules do not say how heavy it is.", COURT, spec=SPEC, kind="not_stated") == []
    assert whys("", COURT) == []


def test_every_doubt_has_its_own_words():
    names = [
        grounding.QUOTE_MISSING,
        grounding.WRONG_FIGURE,
        grounding.WRONG_UNIT,
        grounding.SWAPPED_FIGURE,
        grounding.UNKNOWN_TERM,
        grounding.TERM_FROM_ELSEWHERE,
    ]
    names += [grounding.NEGATION_DIFFERS, grounding.OPPOSITE_WORD, grounding.ONLY_LOST, grounding.DUTY_AS_FOUL]
    language.set_language("en")
    said = {format_doubt(Doubt(name, "{these} <b>words</b>")) for name in names}
    assert len(said) == len(names)
    assert all("{these} <b>words</b>" in one for one in said)


TEXT = st.text(max_size=80) | st.text("0123456789.,/:三十分百万午後 pm時m%のnot…*[](", max_size=40)


@given(TEXT, TEXT, st.lists(TEXT, max_size=3), TEXT, TEXT, st.sampled_from(["", "direct", "applied", "not_stated"]))
def test_it_never_raises(question, answer, basis, spec, quote, kind):
    for doubt in find_doubts(question, answer, basis, spec, quote, kind):
        assert format_doubt(doubt)


@given(TEXT, st.lists(TEXT, min_size=1, max_size=3), st.data())
def test_what_repeats_a_fact_is_not_doubted(question, basis, data):
    said = data.draw(st.sampled_from(basis))
    assert find_doubts(question, said, basis, "\n".join(["# A spec", *basis])) == []


@given(st.text("abc 三人、,. 12", max_size=40), st.text("abc 三人、,. 12\n", max_size=40))
def test_a_copied_passage_is_a_quote(before, after):
    passage = "A ball is 18 centimetres wide."
    assert find_doubts("", "", ["x"], f"{before}\n\n{passage}\n\n{after}", passage) == []


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a ",
            "十分",
            "<a",
            "](",
            "12 ",
            "not ",
            "and ",
            "、",
            "* ",
            "…",
            "1チーム",
            "p m 5 ",
            "3月1日から",
            "1 May to ",
            "May ",
            "1か月",
        ),
        *("at most 5 ", "5秒以内", "5か", "1 March. . "),
    ],
)
def test_hostile_texts_take_no_longer(unit):
    text = unit * (100_000 // len(unit))
    assert effort(lambda: find_doubts(text, text, [text, "x"], text, text[:50_000], "applied")) < 5


def test_a_condition_in_other_words_is_no_denial_of_what_follows():
    fact = "捨てられない場合は、船が1隻沈みます。"
    for answer in (
        "捨てられないと船が1隻沈みます。",
        "捨てられないときは船が1隻沈みます。",
        "捨てられないなら船が1隻沈みます。",
    ):
        assert whys(answer, fact) == []
    assert whys("捨てられないと船が1隻沈みません。", fact) == [grounding.NEGATION_DIFFERS]
    fact = "If the player cannot discard two oil cards, one ship sinks."
    assert whys("One ship sinks if the player cannot discard two oil cards.", fact) == []
    assert whys("One ship sinks unless the player discards two oil cards.", fact) == []
    fact = "One ship sinks if the player cannot discard two oil cards."
    assert whys("One ship sinks if the player can discard two oil cards.", fact) == [grounding.NEGATION_DIFFERS]


@pytest.mark.parametrize("word", ["otherwise", "itself", "already", "several", "whereas", "normally"])
def test_words_that_belong_to_no_subject_add_nothing(word):
    fact = "If the player cannot discard two oil cards, one ship sinks."
    assert whys(f"One ship {word} sinks.", fact) == []


@pytest.mark.parametrize(
    ("question", "answer", "fact", "kind"),
    [
        ("What does it cost?", "That's 18 euros, and you can't get it cheaper.", "It costs €18 and does not get cheaper.", "reworded"),
        ("What is it worth if the price is 30?", "It is worth 20.", "It is sold for two thirds of its price.", "applied"),
        ("What is not covered?", "The rowing boats.", "It covers all of them except the rowing boats.", "reverse"),
        ("まりを持てるのは何秒?", "5秒までしか持てません。", "まりを持てるのは5秒までです。", "reworded"),
        ("What colour is it?", "That isn't mentioned.", "", "not_stated"),
    ],
)  # fmt: skip
def test_right_rows_that_were_doubted(question, answer, fact, kind):
    assert whys(answer, fact, question=question, kind=kind) == []


@pytest.mark.parametrize(
    ("question", "answer", "fact", "spec", "kind", "why"),
    [
        ("What colour is it?", "It is red.", "", "", "not_stated", grounding.ANSWERED),
        ("何人ですか?", "3人です。", "1チームは5人です。", "控えは3人です。", "reworded", grounding.WRONG_FIGURE),
        ("Which fault is it?", "A ghost.", "A pane whose edge lets go.", "A ghost is a white bloom.", "reverse", grounding.TERM_FROM_ELSEWHERE),
        ("Can the Blue Card be used on holidays?", "Yes, any time.", "The Blue Card cannot be used on holidays.", "", "reworded", grounding.NEGATION_DIFFERS),
    ],
)  # fmt: skip
def test_wrong_rows_that_were_not_doubted(question, answer, fact, spec, kind, why):
    assert why in whys(answer, fact, question=question, spec=spec, kind=kind)


LEAVES, TAKES = "The ferry leaves at 15:30.", "The crossing takes 50 minutes."
DEPARTURE, DURATION = "船は15時30分に出ます。", "50分かかります。"


@pytest.mark.parametrize(
    ("answer", "basis", "doubted"),
    [
        ("15:30 plus 50 minutes is 16:20.", [LEAVES, TAKES], False),
        ("It takes until 4:20 p.m.", [LEAVES, TAKES], False),
        ("50 minutes before 15:30 is 14:40.", [LEAVES, TAKES], False),
        ("15:30 plus 50 minutes is 16:30.", [LEAVES, TAKES], True),
        ("It is open for 9 hours.", ["It is open from 10:00 to 19:00."], False),
        ("It is open for 8 hours.", ["It is open from 10:00 to 19:00."], True),
        ("23:40に50分を足すと0:30です。", ["船は23時40分に出ます。", DURATION], False),
        ("15時30分に50分を足すと16時20分です。", [DEPARTURE, DURATION], False),
        ("午後4時20分に着きます。", [DEPARTURE, "着くまで50分かかります。"], False),
        ("16時40分です。", [DEPARTURE, DURATION], True),
    ],
)
def test_a_time_of_day_may_follow_from_a_time_and_a_duration(answer, basis, doubted):
    assert bool(whys(answer, *basis, kind="applied")) is doubted
    if not doubted:  # other rows repeat what the text says
        assert "figure" in whys(answer, *basis, kind="direct")


@pytest.mark.parametrize(
    ("answer", "fact", "name"),
    [
        ("The Hobannu card opens it.", "The card opens the gate.", "Hobannu: the rules"),
        ("ホバヌではカードは3枚です。", "カードは3枚です。", "ホバヌの規則"),
        ("図書館のカードは3枚です。", "カードは3枚です。", "町立図書館のご案内"),
    ],
)
def test_words_of_the_name_of_the_spec_are_known(answer, fact, name):
    elsewhere = f"# A page\n\n{fact}\n\nHobannu、ホバヌ、図書館"
    assert whys(answer, fact, spec=elsewhere, name=name) == []
    assert whys(answer, fact, spec=fact, name=name) == []
    assert whys(answer, fact, spec=fact) == [grounding.UNKNOWN_TERM]
    assert whys(answer, fact, spec=fact, name="町の本、図と館") == [grounding.UNKNOWN_TERM]  # one kanji is not enough


@pytest.mark.parametrize(
    ("question", "answer", "basis", "doubted"),
    [
        ("I bought it in January. When does it end?", "It ends in July.", "The guarantee lasts six months.", False),
        ("I bought it in January. When does it end?", "It ends in August.", "The guarantee lasts six months.", True),
        ("I bought it on 1 April. When does it end?", "It ends on 30 September.", "It lasts half a year.", False),
        ("I bought it on 31 January. When does it end?", "It ends on 28 February.", "It lasts one month.", False),
        ("I bought it on 31 January. When does it end?", "It ends on 26 February.", "It lasts one month.", True),
        ("I sent it in April. When is it back?", "You get it back in May.", "It comes back a month later.", False),
        ("I got it on 25 March. Until when?", "It is due on 8 April.", "A book is lent for two weeks.", False),
        ("I got it on March 25th. Until when?", "It is due on Apr. 8th.", "A book is lent for two weeks.", False),
        ("I got it on 25 March. Until when?", "It is due on 9 April.", "A book is lent for two weeks.", True),
        ("I got it on 25 March. Until when?", "It is due on 8 May.", "A book is lent for two weeks.", True),
        ("Is it open in summer?", "Yes, it is open in June.", "It is open from April to October.", False),
        ("Is it open in winter?", "Yes, it is open in December.", "It is open from April to October.", True),
        ("For how long?", "It is open for 7 months.", "It is open from April to October.", False),
        ("For how long?", "It is open for 9 months.", "It is open from April to October.", True),
        ("3月25日に借りました。いつまでですか。", "4月8日までです。", "2週間借りられます。", False),
        ("3月25日に借りました。いつまでですか。", "4月9日までです。", "2週間借りられます。", True),
        ("十月に買いました。いつまでですか。", "4月までです。", "保証は6か月です。", False),
        ("10月に買いました。いつまでですか。", "5月までです。", "保証は6か月です。", True),
        ("4月1日に買いました。いつまでですか。", "9月30日までです。", "保証は半年間です。", False),
        ("1月24日に頼みました。いつ届きますか。", "2月3日です。", "10日後に届きます。", False),
        ("1月24日に頼みました。いつ届きますか。", "2月4日です。", "10日後に届きます。", True),
        ("何か月開いていますか。", "7か月開いています。", "4月から10月まで開いています。", False),
        ("何か月開いていますか。", "9か月開いています。", "4月から10月まで開いています。", True),
    ],
)
def test_a_month_or_date_may_follow_in_applied_rows(question, answer, basis, doubted):
    assert bool(whys(answer, basis, question=question, kind="applied")) is doubted
    if not doubted and "May" not in answer:  # other rows repeat what the text says
        assert whys(answer, basis, question=question, kind="direct") or "4月までです" in answer


@pytest.mark.parametrize(
    ("answer", "fact", "doubted"),
    [
        ("A ball may not be held for 6 seconds.", "A ball may be held for at most 5 seconds.", False),
        ("A ball may not be held for 1 minute.", "A ball may be held for at most 5 seconds.", False),
        ("A ball may not be held for 4 seconds.", "A ball may be held for at most 5 seconds.", True),
        ("A ball may not be held for 5 seconds.", "A ball may be held for at most 5 seconds.", True),
        ("A ball may not be held for 5 seconds.", "A ball may be held for less than 5 seconds.", False),
        ("A ball may not be held for 6 metres.", "A ball may be held for at most 5 seconds.", True),
        ("A ball may not be held for less than 6 seconds.", "A ball may be held for at most 5 seconds.", True),
        ("A ball may be held for 4 seconds.", "A ball must not be held for more than 5 seconds.", False),
        ("A ball may be held for 6 seconds.", "A ball must not be held for more than 5 seconds.", True),
        ("A child of 10 years may not ride.", "A child of at least 12 years may ride.", False),
        ("A child of 13 years may not ride.", "A child of at least 12 years may ride.", True),
        ("A child of 11 years may not ride.", "A child of 12 years or older may ride.", False),
        ("Groups of 9 cannot book the room.", "Groups of up to 8 people can book the room.", False),
        ("Groups of 7 cannot book the room.", "Groups of up to 8 people can book the room.", True),
        ("ボールを6秒持ってはいけません。", "ボールは5秒まで手で持てます。", False),
        ("ボールを4秒持ってはいけません。", "ボールは5秒まで手で持てます。", True),
        ("ボールを6秒持ってはいけません。", "ボールを持ってよいのは5秒以内です。", False),
        ("10歳の子は自転車に乗れません。", "12歳以上の子は自転車に乗れます。", False),
        ("13歳の子は自転車に乗れません。", "12歳以上の子は自転車に乗れます。", True),
        ("8時には図書館に入館できません。", "図書館は9時から17時まで入館できます。", False),
        ("10時には図書館に入館できません。", "図書館は9時から17時まで入館できます。", True),
    ],
)
def test_a_negation_may_follow_from_a_limit(answer, fact, doubted):
    assert (grounding.NEGATION_DIFFERS in whys(answer, fact, question=answer)) is doubted
