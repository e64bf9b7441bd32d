"""Japanese rows for cases of one's own: spans, rates in both directions, exceptions and lists; with and without Sudachi."""

import random
import re
from decimal import Decimal

import pytest

from core.text import calendar_sums
from core.text.calendar_sums import DateOfYear
from core.text.questions import japanese, japanese_words
from core.text.questions.japanese_page import find_names
from core.text.questions.japanese_spans import iterate_spans
from core.text.questions.rows import Page, PageFact
from core.text.questions.shared_spans import NumberSpan, choose_number, choose_time

SEEDS = range(12)


@pytest.fixture(params=["sudachi", "plain"], autouse=True)
def analyser(request, monkeypatch):
    """With Sudachi, where it is installed, and without."""
    if request.param == "plain":
        monkeypatch.setattr(japanese_words, "_load_tokenizer", lambda: None)
    elif not japanese_words.is_available():
        pytest.skip("needs the extra `teach` (Sudachi)")


def ask(*texts, heading="決まり", about=-1):
    """What rows of one statement ask and add to the page's statements, by their forms."""
    facts = [PageFact(f"F{at}", one, ("町の図書館", heading)) for at, one in enumerate(texts)]
    rows = [row for seed in SEEDS for row in japanese.make_rows(Page("町の図書館", facts), seed)]
    wanted = facts[about].name
    found = set()
    for row in rows:
        if row.facts[0] == wanted:
            end = row.answer
            for text in texts:
                end = end.replace(text, "")
            found.add((row.form, row.question, end))
    return found


@pytest.mark.parametrize(
    ("text", "asks", "inside", "outside"),
    [
        ("営業期間は4月20日から11月10日までです。", "営業", r"月\d+日は4月20日から11月10日までに入るので", r"日は4月20日から11月10日までに入らないので"),
        ("野鳥の会は5月から9月まで開きます。", r"野鳥の会は\d+月に開きますか", "[5-9]月は5月から9月までに入る", r"(1[0-2]|[1-4])月は5月から9月までに入らない"),
        ("喫茶室は11時〜15時に開いています。", "喫茶室は.*時(30分|15分|45分)?に開いていますか", "1[1-5]時.*は11時〜15時に入る", "は11時〜15時に入らない"),
        ("相談は火曜日から木曜日まで受け付けます。", "相談は.曜日に受け付けますか", "[火水木]曜日は", "[金土日月]曜日は.*入らない"),
        ("書道教室は8歳から12歳までの子どもが参加できます。", r"書道教室は\d+歳の子どもが参加できますか", "^(8|9|10|11|12)歳は.*入るので", "^(5|6|7|13|14|15)歳は.*入らない"),
        ("12歳以上の人が乗れます。", r"\d+歳の人は乗れますか", "(12|13|14|15)歳は12歳以上なので", "(9|10|11)歳は12歳以上ではない"),
        ("6歳以上12歳未満の子どもが入れます。", r"\d+歳の子どもが入れますか", "^([6-9]|10|11)歳は.*入るので", "^([345]|1[2-5])歳は.*入らない"),
    ],
)  # fmt: skip
def test_a_value_within_a_span_and_one_beyond_it(text, asks, inside, outside):
    cases = {(question, end) for form, question, end in ask(text) if form == "span"}
    assert cases and all(re.search(asks, question) for question, _end in cases), cases
    for pattern, verdict in ((inside, "はい"), (outside, "いいえ")):
        fitting = [end for _question, end in cases if re.search(pattern, end)]
        assert fitting and all(f"「{verdict}」" in end for end in fitting), (pattern, cases)
    assert all(("いいえ" in end) is bool(re.search("入らない|ではない", end)) for _question, end in cases), cases


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("6歳未満の子どもは参加できません。", {"いいえ"}),  # of older ones it says nothing
        ("平日は電話で予約できます。", {"はい"}),
        ("12月28日から1月4日まで休みです。", {"はい"}),
        ("12月から2月までは早く閉めます。", {"はい"}),
    ],
)
def test_nothing_is_concluded_for_what_is_beyond_a_span_that_excludes_nothing(text, ends):
    cases = [(question, end) for form, question, end in ask(text) if form == "span"]
    assert {re.search("「(.*)」", end)[1] for _question, end in cases} == ends, cases
    assert not [question for question, _end in cases if question.endswith("ませんか。")]


@pytest.mark.parametrize("text", ["祝日を除き、4月から9月まで開きます。", "ただし、4月から9月までは休みです。", "雨の場合は、9時から12時まで開きます。", "第1水曜日は休みです。", "11月1日から2月末まで休業します。", "貸し出しは火曜と金曜だけです。"])  # fmt: skip
def test_no_case_where_a_span_is_not_certain(text):
    from core.text.questions.japanese_page import ReadPage

    page = ReadPage(Page("町の図書館", [PageFact("F0", text, ("町の図書館",))]))
    assert not [one for seed in SEEDS for one in iterate_spans(page.facts[0], random.Random(seed))]


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("カヌーは1時間1,200円です。", r"[\d,]+円÷1,200円＝(\d+)なので、\1時間分です。"),
        ("毛布は1枚300円です。", r"\d+円÷300円＝(\d+)なので、\1枚分です。"),
        ("サイト：森サイト、1泊の料金：3,200円", r"[\d,]+円÷3,200円＝(\d+)なので、\1泊分です。"),
    ],
)
def test_a_rate_times_a_count_and_back(text, back):
    ends = {end.removeprefix("。") for form, _question, end in ask(text) if form == "sum"}
    products = {end for end in ends if "×" in end}
    assert products and ends - products and all(re.fullmatch(back, end) for end in ends - products), ends
    for end in products:
        rate, count, total = (
            int(one.replace(",", "")) for one in re.fullmatch(r"([\d,]+)円×(\d+)＝([\d,]+)円です。", end).groups()
        )
        assert rate * count == total
    assert len(products) > 3, "several counts"


@pytest.mark.parametrize(
    "text",
    [
        "講習会は全5回で、参加費は1回700円です。",
        "ボートは1時間800円で、2時間目からは500円です。",
        "大人一人500円、子ども一人200円です。",
        "団体は一人につき300円を割り引きます。",
        "空き瓶は1本につき10円を返します。",
    ],
)
def test_no_sum_of_what_is_not_the_whole_price(text):
    assert not [one for one in ask(text) if one[0] == "sum"]


def test_a_span_over_the_new_year_ends_on_its_last_day():
    (span,) = calendar_sums.find_spans("11月1日から3月1日まで")
    days = span.list_days()
    assert (len(days), days[0], days[-1]) == (122, DateOfYear(11, 1), DateOfYear(3, 1))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("花火は禁止です。", "ただし、広場では手持ち花火ができます。"), {("exception", "花火は禁止ですよね。例外はありますか。", "")}),
        (("農薬は使えません。", "ただし、園長が認めた場合を除きます。"), {("exception", "農薬は使えませんよね。例外はありますか。", ""), ("exception_case", "農薬は使えませんか。園長が認めた場合もそうですか。", "園長が認めた場合は除くので、答えは「いいえ」です。")}),
        (("犬は、炊事場を除き、場内に入れます。",), {("exception", "犬は場内に入れますか。", ""), ("exception_case", "犬は場内に入れますか。炊事場も同じですか。", "炊事場は除くので、答えは「いいえ」です。")}),
        (("宿泊者以外は駐車場を使えません。",), {("exception", "宿泊者以外は駐車場を使えますか。", ""), ("exception_case", "宿泊者は駐車場を使えますか。", "宿泊者については、答えは「はい」です。")}),
    ],
)  # fmt: skip
def test_a_rule_and_its_exception(texts, expected):
    asked = {(form, question.replace("？", "?"), end) for form, question, end in ask(*texts)}
    assert expected <= asked, {one for one in asked if one[0].startswith("exception")}


@pytest.mark.parametrize(
    ("text", "whole", "one"),
    [
        ("炊事場には、鍋、包丁、まな板、やかんがあります。", "炊事場には[何な]", "炊事場には(鍋|包丁|まな板|やかん)がありますか"),
        ("禁止されているのは花火、たき火、釣りです。", "禁止されて(い)?るものを全部", "(花火|たき火|釣り)は禁止されて(い)?るものに入りますか"),
        ("色は赤、青、緑の三色です。", "色を全部", "(赤|青|緑)は色に入りますか"),
        ("道具はのこぎり、かんな、金づちなどです。", "道具を全部", "(のこぎり|かんな|金づち)は道具に入りますか"),
        ("くわ、スコップ、じょうろは無料で使えます。", "(何|なに)が無料で使えますか。全部", "(くわ|スコップ|じょうろ)は無料で使えますか"),
    ],
)  # fmt: skip
def test_a_list_and_one_thing_of_it(text, whole, one):
    asked = ask(text)
    for form, pattern in (("whole_list", whole), ("membership", one)):
        questions = [question for kind, question, end in asked if kind == form and not end]
        assert questions and all(re.search(pattern, question) for question in questions), (form, questions)


def test_things_that_are_only_named_under_a_heading():
    facts = [PageFact(f"F{at}", one, ("町の図書館", "持ち込めないもの")) for at, one in enumerate(("かさ", "三脚"))]
    rows = japanese.make_rows(Page("町の図書館", facts), 1)
    whole = [row for row in rows if row.form == "whole_list"]
    assert whole and all((row.answer, row.facts) == ("かさ、三脚", ("F0", "F1")) for row in whole)
    assert "三脚は「持ち込めないもの」に入りますか" in " ".join(
        row.question for row in rows if row.form == "membership"
    )


@pytest.mark.parametrize("title", ["白瀬市民農園の利用案内", "白瀬市民農園のご利用案内", "白瀬市民農園利用案内"])
def test_a_title_is_cut_behind_its_name(title):
    assert find_names(title)[0] == "白瀬市民農園"


@pytest.mark.parametrize(
    ("span", "fits", "values"),
    [
        (NumberSpan(Decimal(16)), True, range(16, 20)),
        (NumberSpan(Decimal(16), has_low=False), True, range(17, 20)),
        (NumberSpan(Decimal(6), Decimal(12), has_high=False), True, range(6, 12)),
        (NumberSpan(Decimal(6), Decimal(12), has_high=False), False, (3, 4, 5, 12, 13, 14, 15)),
        (NumberSpan(high=Decimal(2)), False, range(3, 6)),
    ],
)
def test_numbers_are_chosen_at_the_ends_of_a_span(span, fits, values):
    found = {choose_number(span, fits, random.Random(seed)) for seed in range(80)}
    assert found == {Decimal(one) for one in values}


def test_times_are_clearly_within_or_beyond():
    dice = random.Random(1)
    assert all(9 * 60 < choose_time(9 * 60, 12 * 60, True, dice) < 12 * 60 for _ in range(50))
    assert all(not 9 * 60 <= choose_time(9 * 60, 12 * 60, False, dice) <= 12 * 60 for _ in range(50))
    assert choose_time(22 * 60, 2 * 60, True, dice) is None, "over midnight"
