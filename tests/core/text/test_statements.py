"""A spec is taken apart into statements that stand alone, each with the passage it stands on."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.paths import RESOURCES
from core.text import statements
from tests.support.patience import effort

SAMPLES = RESOURCES / "samples"
# Facts whose quote is not one sentence: a part of one, or a sentence with the list after it.
APART = {"hobannu-en": {"f04", "f18"}, "hobannu-ja": {"f18"}}


def texts(markdown):
    return [statement.text for statement in statements.split_statements(markdown)]


def quotes(markdown):
    return [statement.quote for statement in statements.split_statements(markdown)]


def checked(markdown):
    found = statements.split_statements(markdown)
    assert all(markdown[one.start : one.end] == one.quote for one in found)
    assert all(one.start < one.end for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.text == one.text.strip() and one.text and "\n" not in one.text for one in found)
    return found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("月見湯のご案内\n\n月見湯は銭湯です。創業は1934年です。", "月見湯は銭湯です。"),
        ("The Ostrel ferry\n\nThe crossing takes 50 minutes.", "The crossing takes 50 minutes."),
        ("The crossing takes 50 minutes\n\nIt is free", "The crossing takes 50 minutes"),  # no sentence has a mark
        ("定休日は火曜日です\n\n入浴料は520円です。", "定休日は火曜日です"),
        ("The ferry is free.\n\nIt is red.", "The ferry is free."),
        ("The ferry has\ntwo decks\n\nIt is red.", "The ferry has two decks"),
        ("Only one line", "Only one line"),
    ],
)
def test_a_title_in_plain_text_is_no_statement(text, first):
    """It became a fact, with rows and an exam question."""
    assert checked(text)[0].text == first


@pytest.mark.parametrize("sample", ["hobannu-en", "hobannu-ja"])
def test_the_facts_of_the_samples_come_out(sample):
    folder = SAMPLES / sample
    found = {one.quote: one for one in checked((folder / "spec.md").read_text(encoding="utf-8"))}
    facts = map(json.loads, (folder / "facts.jsonl").read_text(encoding="utf-8").splitlines())
    missing = {fact["id"] for fact in facts if fact["quote"] not in found}
    assert missing == APART[sample]
    assert all(one.text == one.quote for one in found.values() if one.quote.endswith((".", "。")))


def test_sample_lists_stand_alone():
    english = statements.split_statements((SAMPLES / "hobannu-en" / "spec.md").read_text(encoding="utf-8"))
    assert [one.text for one in english if one.heading == "Hobannu › Fouls"] == [
        "There are three fouls:",
        "There are three fouls: pushing an opponent",
        "There are three fouls: grabbing an opponent",
        "There are three fouls: knocking a ball out of an opponent's hands",
        "After a foul, the other team gets a free throw.",
        "A player who commits a third foul must leave the match.",
    ]
    japanese = texts((SAMPLES / "hobannu-ja" / "spec.md").read_text(encoding="utf-8"))
    assert "反則は次の3つです：相手を押すこと" in japanese


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Use a ball, e.g. a red one. It is round.", ["Use a ball, e.g. a red one.", "It is round."]),
        ("Mr. Ito and Dr. J. F. Smith lead it. They sit.", ["Mr. Ito and Dr. J. F. Smith lead it.", "They sit."]),
        ("See No. 5 vs. No. 6. The answer is no. Go.", ["See No. 5 vs. No. 6.", "The answer is no.", "Go."]),
        ("The U.S. team came at 5 p.m. The game began.", ["The U.S. team came at 5 p.m.", "The game began."]),
        ("Balls, nets, etc. are used. Bring them.", ["Balls, nets, etc. are used.", "Bring them."]),
        ("It is 3.5 m wide. Version 1.2.3 counts.", ["It is 3.5 m wide.", "Version 1.2.3 counts."]),
        ("Wait... then throw. Well... Then go.", ["Wait... then throw.", "Well...", "Then go."]),
        ("Read https://a.example/b?c=d.e now. Then play.", ["Read https://a.example/b?c=d.e now.", "Then play."]),
        ("He said “Stop. Now.” Then he left.", ["He said “Stop. Now.”", "Then he left."]),
        ('"Stop! Now." he said. "Go."', ['"Stop! Now." he said.', '"Go."']),
        (
            "Play stops (see rule 3.) and starts. (It rains.) Go.",
            ["Play stops (see rule 3.) and starts.", "(It rains.)", "Go."],
        ),
        ("Rule 1. The ball is round. 2 balls are used.", ["Rule 1. The ball is round.", "2 balls are used."]),
        ("the ball is round. it is red.", ["the ball is round.", "it is red."]),
        ("Is it?! Yes.", ["Is it?!", "Yes."]),
        ("ボールは2個です。審判は2人です！本当？はい", ["ボールは2個です。", "審判は2人です！", "本当？", "はい"]),
        ("「止まれ。」と言います。次です。", ["「止まれ。」と言います。", "次です。"]),
        ("笛が鳴ります（長く。）試合が終わります。", ["笛が鳴ります（長く。）", "試合が終わります。"]),
        ("幅は３．５メートルです．次です．", ["幅は３．５メートルです．", "次です．"]),
        ("すごい!次はYahoo!ニュースです。えっ……はい。", ["すごい!", "次はYahoo!ニュースです。", "えっ……はい。"]),
        ("「何個？」と聞く。何個？と聞く。", ["「何個？」と聞く。", "何個？と聞く。"]),
    ],
)
def test_sentences(paragraph, expected):
    assert texts(paragraph) == expected
    checked(paragraph)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**Bold.** _Then_ *this* ~~not~~ `a. B` too.", ["Bold.", "Then this not a. B too."]),
        ("**反則。**次は**強い**です。", ["反則。", "次は強いです。"]),
        ("Stars * stay, so do 2 * 3 and snake_case_names.", ["Stars * stay, so do 2 * 3 and snake_case_names."]),
        ("A [link](http://x.example/a_(b). C 'T. U') here.", ["A [link](http://x.example/a_(b). C 'T. U') here."]),
        ('A [link](<x y> "T. U") and [ref][1]. No [x][y].\n\n[1]: /z', ["A link and ref.", "No [x][y]."]),
        ("![A picture.](a.png)", []),
        ("[![badge](a)](b) Text.", ["Text."]),
        ("Tom &amp; Jerry &lt;3 \\*x\\*.", ["Tom & Jerry <3 *x*."]),
        ("A<br>b <!-- no. -->c <https://x.example> 3 < 4.", ["Ab c https://x.example 3 < 4."]),
        ("A note.[^1] More.\n\n[^1]: The note says so.", ["A note.", "More.", "The note says so."]),
        ("Two\nlines\n  here.", ["Two lines here."]),
        ("二つの\n行と3\n個です。", ["二つの行と3個です。"]),
        ("---\ntitle: A spec. Yes.\n---\nText.", ["Text."]),
        ("---\n\nText.", ["Text."]),
        ("# Head.\n\nOne.\n\nTwo\n---\n\n***\n\nThree.", ["One.", "Three."]),
        ("```\nCode. Here.\n```\n\n    More.\n\n<div>\nNo.\n</div>\n\nText.", ["Text."]),
        ("> [!NOTE]\n> Quoted. Lazy\ngoes on.", ["Quoted.", "Lazy goes on."]),
        ("- [ ] Open task.\n- [x] Done task.", ["Open task.", "Done task."]),
        ("-\n- …\n- One. Two.", ["One.", "Two."]),
        ("1. One.\n\n   More.\n2. Two.", ["One.", "More.", "Two."]),
        (
            "反則は次の2つです。\n・押すこと\n・持つ\n　こと",
            ["反則は次の2つです。", "反則は次の2つです：押すこと", "反則は次の2つです：持つこと"],
        ),
        ("１．球は2個です\n（2） 笛は1個です\n③輪です。", ["球は2個です", "笛は1個です", "輪です。"]),
        ("• One\n• Two (2)\n(3) and 2.5 m\n\n2、3人です。", ["One", "Two (2) (3) and 2.5 m", "2、3人です。"]),
    ],
)
def test_marks_and_blocks(markdown, expected):
    assert texts(markdown) == expected
    checked(markdown)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("Fouls:\n- pushing;\n- A grab is one.", ["Fouls: pushing", "A grab is one."]),
        (
            "There are two fouls:\n\n- pushing\n- pulling",
            ["There are two fouls:", *(f"There are two fouls: {x}" for x in ("pushing", "pulling"))],
        ),
        ("A foul is one of the following.\n\n* Pushing", ["A foul is one of the following: Pushing"]),
        ("All sizes are in metres:\n\n- The ball is 1.", ["All sizes are in metres:", "The ball is 1."]),
        ("Note:\n\n- The ball is 1.", ["The ball is 1."]),
        (
            "以下は禁止です。\n\n- 押すこと。\n- 持つ者は退場です。",
            ["以下は禁止です：押すこと。", "持つ者は退場です。"],
        ),
        ("道具：\n\n- ボール、\n- 笛", ["道具：ボール", "道具：笛"]),
        ("- Equipment\n  - 2 balls\n  - a net", ["Equipment: 2 balls", "Equipment: a net"]),
        ("Two sets:\n- Small:\n  - a ball", ["Two sets:", "Two sets: Small: a ball"]),
        ("It is so.\n\n- pushing", ["It is so.", "pushing"]),
        ("Fouls:\n\nIt is so.\n\n- pushing", ["Fouls:", "It is so.", "pushing"]),
    ],
)
def test_a_lead_in_goes_before_its_items(markdown, expected):
    assert texts(markdown) == expected
    checked(markdown)


def test_table_rows():
    markdown = (
        "The sizes:\n\n> | Thing | **Size** |\n> |---|---:|\n> | Ball | 18 `cm` |\n> | Goal \\| net | |\n> | | |\n"
    )
    found = checked(markdown)
    assert [one.text for one in found] == ["Thing: Ball; Size: 18 cm", "Thing: Goal | net"]
    assert [one.quote for one in found] == ["| Ball | 18 `cm` |", "| Goal \\| net | |"]
    assert texts("|名前|大きさ|\n|-|-|\n|球|18|") == ["名前：球、大きさ：18"]
    assert texts("a|b\n-|-\n1|2\n\nc|d\n-|-") == ["a: 1; b: 2"]


def test_headings():
    found = statements.split_statements("Top.\n# *A*\nOne.\n### C\nTwo.\n## B [x](y)\nThree.\n\nD\n=\n\nFour.")
    assert [one.heading for one in found] == ["", "A", "A › C", "A › B x", "D"]


def test_quotes_are_to_the_letter():
    markdown = "> - **One\r\n>   line.**  Two\t*x*.\r\n\r\n1.\tThree\0.\r"
    assert quotes(markdown) == ["**One\r\n>   line.**", "Two\t*x*.", "Three\0."]
    assert [one.text for one in checked(markdown)] == ["One line.", "Two x.", "Three\ufffd."]


def test_what_is_too_deep_costs_only_itself():
    markdown = "".join(f"{'  ' * depth}- Item {depth} is here.\n" for depth in range(40)) + "\n# Head\n\nTail.\n"
    found = checked(markdown)
    assert found[0].text == "Item 0 is here."
    assert (found[-1].text, found[-1].heading) == ("Tail.", "Head")


PIECES = st.sampled_from(
    ["\n", "\r\n", "\r", "\n\n", " ", "\t", "- ", "1. ", "> ", "# ", "```", "~~", "|", "|-|-|", "---", "===", "*", "**", "_", "`",
     "[", "]", "](", ")", "![", "[a]: b", "[^1]:", "<", "<br>", "<!--", "-->", "&amp;", "\\", ":", "：", "。", ".", "!", "？", "「",
     "」", "(", "\"", "“", "”", "…", "A word", "次の3つです", "ボール", "three", "e.g.", "[x] ", "\0", "\ud800", "\u2028", "\x0b", "\x0c",
     "\u3000", "\x85", "\ue000", "\ue001", "    ", "<div>", "title: x", "\U00020000"]
)  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=60).map("".join))
@example("- \x0b\n  text")
@example("\x0c\n\x0bA word.")
@example("---\ntitle: x\n---")
def test_every_quote_stands_where_it_says(markdown):
    """`checked` compares each quote with the text at its place."""
    checked(markdown)


@pytest.mark.parametrize(
    "unit",
    ["[", "](", "` `` ", "**a** _b ", '"a. ', "「あ。", ". ", "> ", "- ", "<a ", "&a", "- a\n", "[a]: b\n", "|a"],
)
def test_time_grows_with_the_length(unit):
    assert effort(lambda: statements.split_statements(unit * (30_000 // len(unit)))) < 5


@pytest.mark.parametrize(
    ("text", "said", "heading"),
    [
        ("#Title\nThe pool opens at six.\n", ["The pool opens at six."], "Title"),
        ("#Title\n\nThe pool opens at six.\n", ["The pool opens at six."], "Title"),
        ("Pool rules\nThe pool opens at six.\n", ["The pool opens at six."], "Pool rules"),
        ("**Opening hours**\nThe pool opens at six.\n", ["The pool opens at six."], "Opening hours"),
        ("プール案内\nプールは6時に開きます。\n", ["プールは6時に開きます。"], "プール案内"),
        ("■営業時間\nプールは6時に開きます。\n", ["プールは6時に開きます。"], "営業時間"),
        ("【営業時間】\nプールは6時に開きます。\n", ["プールは6時に開きます。"], "営業時間"),
        ("＃ 営業時間\nプールは6時に開きます。\n", ["プールは6時に開きます。"], "営業時間"),
        ("The pool belongs to the town of\nHallstatt and opens at six.\n", ["The pool belongs to the town of Hallstatt and opens at six."], ""),
        ("The pool is open from six\nin the morning.\n", ["The pool is open from six in the morning."], ""),
        ("■赤\n■青\n", ["赤", "青"], ""),
    ],
)  # fmt: skip
def test_a_heading_is_not_glued_to_the_sentence_below_it(text, said, heading):
    found = statements.split_statements(text)
    assert [one.text for one in found] == said
    assert {one.heading for one in found} == {heading}
    assert all(text[one.start : one.end] == one.quote for one in found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. Hours\nThe gate opens at 9.\n\n2. Price\nA ticket costs 5 dollars.\n",
         [("Hours", "The gate opens at 9."), ("Price", "A ticket costs 5 dollars.")]),
        ("1. Hours\n   The gate opens at 9.\n", [("Hours", "The gate opens at 9.")]),
        ("1. 営業時間\n当館は9時に開きます。\n", [("営業時間", "当館は9時に開きます。")]),
        ("１．営業時間\n当館は9時に開きます。\n", [("営業時間", "当館は9時に開きます。")]),
        ("1. Open the door.\n2. Close it.\n", [("", "Open the door."), ("", "Close it.")]),
        ("1. The gate opens at nine\n   on Mondays.\n", [("", "The gate opens at nine on Mondays.")]),
    ],
)  # fmt: skip
def test_a_numbered_heading_is_no_part_of_the_statement_below(text, found):
    assert [(one.heading, one.text) for one in statements.split_statements(text)] == found
