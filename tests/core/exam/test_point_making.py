"""The key points that are made from an answer: a table by hand, and that they mark as their author would."""

import pytest

from core.exam.graders import PlainQuestion, by_key_points
from core.exam.point_making import gives_answer_away, suggest_points

MADE = [
    # Only the figure that is asked for, with its unit.
    ("What would an adult pay?", "An adult pays €18 from Monday to Friday.", "", "€18"),
    ("How many must we be?", "Groups need 12 or more guests to get 15 per cent off.", "", "12"),
    ("When does it open?", "At 9:30, because the shutters are heavy.", "", "9:30"),
    ("From what time is it cheaper?", "It costs half from 15:30.", "", "15:30|3:30"),
    ("How long is it valid?", "It is valid for six months.", "", "six months"),
    ("How are bookings made?", "By phone or at the front desk.", "", "phone|front|desk"),
    (
        "What are the two limits?",
        "Ten hours at the least and fourteen hours at most.",
        "",
        "Ten hours ; fourteen hours",
    ),
    ("何人で組みますか?", "1チームは5人です。", "", "5人|5名"),
    ("いくらですか?", "1,110円です。", "", "1,110円"),
    ("何時に出ますか?", "10時45分です。", "", "10時45分"),
    # What is worked out, not what it is worked out from.
    ("How much is it for both?", "€22 for both, because each pays half.", "", "€22"),
    ("What does the repair cost?", "Nothing, we repair for nothing.", "", None),
    # One cell of a table's row: the one that is named, else the first one.
    ("Who is the teacher of the knots course?", "Course: Knots; Price: €30; Teacher: Ana Ruel", "", "ana|ruel"),
    ("What does a knots course cost?", "Course: Knots; Price: €30; Teacher: Ana Ruel", "", "€30"),
    ("What costs €30?", "Course: Knots; Price: €30; Teacher: Ana Ruel", "", "knots"),
    ("結び方の講師はだれですか。", "講座：結び方、料金：3,000円、講師：青木", "", "青木"),
    ("3,000円なのはどれですか。", "講座：結び方、料金：3,000円、講師：青木", "", "結び方"),
    # What is concluded, whatever the rule says.
    (
        "A warden agrees. May I open the valve?",
        "You must not open the valve unless a warden agrees. So yes.",
        "applied",
        "yes ; !no",
    ),
    (
        "Is the pool open at 19:15?",
        "The pool is open from 7:00 to 19:00. 19:15 is not between 7:00 and 19:00, so no.",
        "applied",
        "no ; !yes",
    ),
    (
        "会員は予約できますか。",
        "会員以外は予約できません。会員については、答えは「はい」です。",
        "applied",
        "yes ; !no",
    ),
    # A verdict, and what must not be said.
    ("Can six of us go?", "No, four people at most.", "", "no|four ; !yes"),
    ("Is it safe to boil?", "It must never boil.", "false_premise", "no ; !yes"),
    ("May he come?", "Yes, if an adult stays with him.", "", "adult ; !no"),
    # The words that the question does not have; each thing of a list.
    ("What do you sell?", "Nails, screws and sandpaper.", "", "nails ; screws ; sandpaper"),
    ("Who drives the van?", "Marlow Finch.", "", "marlow|finch"),
    ("Where is the panel?", "The panel is behind the rack.", "", "behind|rack"),
    ("どうやって決めますか?", "延長戦ではなく、「樽くらべ」で決めます。", "", None),
    # An answer that repeats the question: what its condition adds, else all of its words.
    (
        "When is it given to the next person?",
        "If nobody comes within 20 minutes, it is given to the next person.",
        "",
        "20 minutes",
    ),
    ("What has a pond and two wells of the park?", "The park has a pond and two wells.", "", "park ; pond ; wells"),
    # Another one says whether it is stated.
    ("What colour is it?", "The page does not say.", "not_stated", ""),
    ("", "", "", ""),
]


@pytest.mark.parametrize(("question", "answer", "kind", "points"), [one for one in MADE if one[3] is not None])
def test_made_points(question, answer, kind, points):
    assert suggest_points(answer, answer, question, kind) == points


MARKED = [
    ("From what time is it cheaper?", "It costs half from 15:30.", "", "From half past three.", True),
    ("From what time is it cheaper?", "It costs half from 15:30.", "", "From 18:00.", False),
    ("How long is it valid?", "It is valid for six months.", "", "You have half a year.", True),
    ("How long is it valid?", "It is valid for six months.", "", "For six weeks.", False),
    ("What does a year cost?", "It costs £10 a year.", "", "£10 a month.", False),
    ("What does a year cost?", "It costs £10 a year.", "", "10 pounds a year.", True),
    ("Can six of us go?", "No, four people at most.", "", "You can't, it takes four.", True),
    ("Can six of us go?", "No, four people at most.", "", "No, three at most.", False),
    ("Can six of us go?", "No, four people at most.", "", "Yes, four at a time.", False),
    ("What does the repair cost?", "Nothing, we repair for nothing.", "", "It's free.", True),
    ("What does the repair cost?", "Nothing, we repair for nothing.", "", "£8.", False),
    ("Who drives the van?", "Marlow Finch.", "", "A man called Harlow Fitch.", False),
    ("How much of it?", "Each row covers a third of the one before.", "", "By two thirds.", False),
    ("どうやって決めますか?", "延長戦ではなく、「樽くらべ」で決めます。", "", "樽くらべです。", True),
    ("どうやって決めますか?", "延長戦ではなく、「樽くらべ」で決めます。", "", "延長戦をします。", False),
    ("いくらですか?", "貸しタオルは一枚60円です。", "", "六十円で借りられます。", True),
    ("持てるのは何秒ですか?", "5秒までです。", "", "5秒までしか持てません。", True),
    ("持てるのは何秒ですか?", "5秒までです。", "", "5秒を超えると相手のものです。", True),
    ("What has a pond of the park?", "The park has a pond.", "", "I cannot tell you what is in the park.", False),
    ("What colour is it?", "The page does not say.", "not_stated", "That isn't mentioned.", True),
    ("何色ですか?", "書かれていません。", "not_stated", "案内には書いてありません。", True),
]


@pytest.mark.parametrize(("question", "reference", "kind", "answer", "passed"), MARKED)
def test_marks_with_made_points(question, reference, kind, answer, passed):
    points = suggest_points(reference, reference, question, kind)
    assert by_key_points(answer, PlainQuestion(question, reference, points, kind)).passed is passed


def test_a_word_of_many_facts_tells_nothing():
    others = tuple(f"A pane is {word}." for word in ("thin", "clear", "framed", "dry"))
    assert suggest_points("They make the rim of the pane.", "", "What are dulks for?", "", others) == "rim"


GIVEN_AWAY = [
    ("What has a pond and two wells of the park?", "The park has a pond and two wells.", True),
    (
        "What does a session cost 4 euros for guests?",
        "A session costs 4 euros for members and 9 euros for guests.",
        True,
    ),
    ("What does a guest pay?", "A session costs 4 euros for members and 9 euros for guests.", False),
    ("What do children under 12 pay?", "Children under 12 pay nothing.", False),
    ("What is counted twice?", "Knives are counted twice.", False),
    ("水曜日は休館ですか。", "水曜日は休館です。", True),
    ("何曜日が休館ですか。", "水曜日は休館です。", False),
]


@pytest.mark.parametrize(("question", "answer", "away"), GIVEN_AWAY)
def test_a_question_that_gives_its_answer_away(question, answer, away):
    assert gives_answer_away(question, answer) is away


def test_two_names_are_two_points_and_what_many_places_are_called_tells_nothing():
    answer = "The ferry links Port Hessan and Ostrel Island."
    assert suggest_points(answer, answer, "What does the ferry link?") == "Hessan ; Ostrel"
    assert suggest_points("It is at Port Hessan.", "", "Where is the office?") == "Hessan"


@pytest.mark.parametrize(
    ("question", "rule", "conclusion", "right", "wrong"),
    [
        ("A warden agrees. May I open it?", "You must not open it unless a warden agrees.", "So yes.", "Yes, I may.", "No."),
        ("I have a card. Must I pay?", "You must pay unless you have a card.", "So not if I have a card.", "No.", "Yes, you must pay."),
        ("Is it open at 19:15?", "It is open from 7:00 to 19:00.", "19:15 is not between 7:00 and 19:00, so no.", "No, until 19:00.", "It is open from 7:00 to 19:00. 19:15 is between 7:00 and 19:00, so yes."),
        ("会員は予約できますか。", "会員以外は予約できません。", "会員については、答えは「はい」です。", "はい、できます。", "会員以外は予約できません。会員については、答えは「いいえ」です。"),
    ],
)  # fmt: skip
def test_a_conclusion_is_what_is_marked(question, rule, conclusion, right, wrong):
    reference = f"{rule} {conclusion}"
    asked = PlainQuestion(question, reference, suggest_points(reference, rule, question, "applied"), "applied")
    marks = [by_key_points(answer, asked).passed for answer in (reference, right, wrong)]
    assert marks == [True, True, False]
