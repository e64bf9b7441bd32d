"""Which key points an answer makes, and why it does not make one: a table by hand."""

import pytest

from core.exam import key_points

# Answer, key point, question, reference answer, and what speaks against it.
JUDGED = [
    ("Two or three players.", "3 players", "", "", "open"),
    ("Two or three players.", "3 players", "Two or three?", "", ""),
    ("Three or four players.", "3 players", "", "", "missing"),
    ("Three players, or maybe four.", "3 players", "", "", "open"),
    ("3 to 5", "3", "", "", "open"),
    ("From 3 to perhaps 5", "3", "", "", "open"),
    ("It is 3, then wait for 5 minutes.", "3", "", "", ""),
    ("Maybe 3 players.", "3 players", "", "", ""),
    ("Actually 5 players, no 3 players.", "3 players", "", "", "denied"),
    ("3 players. Actually 4.", "3 players", "", "", "open"),
    ("3 players, 4 minutes, maybe.", "3 players", "", "", ""),
    ("1,500 yen, and 1,200 yen for children.", "1,200 yen", "", "", "open"),
    ("1,500 yen and so 1,200 yen.", "1,200 yen", "", "", ""),
    ("Not 1,500 yen, 1,200 yen.", "1,200 yen", "", "", ""),
    ("1,500 yen, and 1,200 yen.", "1,200 yen", "Is it 1,500 yen?", "", ""),
    ("Only Monday and Tuesday.", "Monday", "", "", "open"),
    ("Monday and Tuesday.", "Monday", "", "Only on Monday.", "open"),
    ("Monday and Tuesday.", "Monday", "Monday or Tuesday?", "Only on Monday.", ""),
    ("Hands and feet.", "hands", "", "Only with the hands.", "open"),
    ("Hands and the feet.", "hands", "", "Only with the hands.", "open"),
    ("Hands and feet.", "hands", "", "With the hands.", ""),
    ("Hands or elbows.", "hands", "Hands or elbows?", "Only with the hands.", ""),
    ("手と足です。", "手", "", "手だけを使います。", "open"),
    ("手や肘です。", "手", "", "手だけを使います。", "open"),
    ("手は足より速い。", "手", "", "手だけを使います。", ""),
    ("月曜と火曜です。", "月曜", "", "", "open"),
    ("月曜日か火曜です。", "月曜", "", "", "open"),
    ("2.", "2 minutes", "For how many minutes?", "", ""),
    ("2 on each side", "2 players", "How many players?", "", ""),
    ("2 dogs", "2 players", "How many players?", "", "missing"),
    ("12", "2 players", "How many players?", "", "missing"),
    ("1 2", "2 players", "How many players?", "", "missing"),
    ("2人です", "2人", "何人ですか", "", ""),
    ("2です", "2人", "何人ですか", "", ""),
    ("2だ", "2人", "何人ですか", "", ""),
    ("2本", "2人", "何人ですか", "", "missing"),
    ("5 × 2 = 7", "5 seconds", "For how many seconds?", "", "missing"),
    ("120 seconds", "2 minutes", "", "", ""),
    ("2 minutes", "120 seconds", "", "", ""),
    ("Two, minutes", "2 minutes", "", "", ""),
    ("minute", "minute", "", "", ""),
    ("At least 5 seconds", "5 seconds", "", "At most 5 seconds.", "turned"),
    ("At most 5 seconds", "5 seconds", "", "At most 5 seconds.", ""),
    ("At least 5 seconds", "5 seconds", "", "", ""),
    ("It is not the hand.", "hand", "", "", "denied"),
    ("It is not the hand, it is the hand.", "hand", "", "", ""),
    ("6 kilometres", "6キロ", "どの距離ですか、km", "", ""),
    ("6キロ", "6 km", "", "", ""),
    ("6キロ", "6 kg", "", "", ""),
    ("", "!x", "", "", "missing"),
    ("a", "!x", "", "", ""),
    ("x", "!x", "", "", "forbidden"),
    ("x", "!y|x", "", "", "forbidden"),
    ("b", "a|b", "", "", ""),
    ("5 minutes, 1,200 yen", "1,200 yen", "", "", ""),
    ("—,;", "!x", "", "", "missing"),
    ("...", "!x", "", "", "missing"),
    ("At least the hands.", "hands", "", "At most the hands.", ""),
    ("At most 3 hands.", "hands", "", "At least 3 hands.", ""),
    ("Hands and ball.", "hands", "", "Only hands.", "open"),
    ("手と足です", "手", "", "手だけで足は使えません", ""),
    ("手と足です", "手", "", "手だけを使います。", "open"),
    ("Because of 1,500 yen, 1,200 yen", "1,200 yen", "", "", ""),
    ("60 points, 50 points", "50 points", "", "", "open"),
]


@pytest.mark.parametrize(("answer", "point", "question", "reference", "why"), JUDGED)
def test_what_speaks_against_a_point(answer, point, question, reference, why):
    (found,) = key_points.judge_points(answer, point, question, reference)
    assert (found.why, found.is_met) == (why, not why)


def test_which_of_several_wordings_was_said_is_told():
    (found,) = key_points.judge_points("A side of three.", "team | side ")
    assert (found.text, found.wording) == ("team | side", "side")
    (found,) = key_points.judge_points("Not a side.", "team|side")
    assert (found.why, found.wording) == (key_points.DENIED, "side")
    (found,) = key_points.judge_points("None.", "team|side")
    assert (found.why, found.wording) == (key_points.MISSING, "")
    assert key_points.judge_points("anything", " ; | ") == []


def test_no_more_of_an_answer_is_read_than_says_something_new():
    long = "word " * (key_points.MAX_CHARACTERS_READ // 5)
    assert not key_points.judge_points(long + "hand", "hand")[0].is_met
    assert key_points.judge_points(long[:-10] + " hand", "hand")[0].is_met
    assert not key_points.find_points(long + "hand", "hand")[0].is_met
    assert key_points.find_points(long[:-10] + " hand", "hand")[0].is_met


def test_what_stands_in_an_answer_counts_also_where_it_is_denied():
    found = key_points.find_points("It is not 60 points, a side.", "60 points ; team|side ; !kick ; !points|x ; hand")
    assert [(one.why, one.wording) for one in found] == [
        ("", "60 points"), ("", "side"), ("", ""), (key_points.FORBIDDEN, "points"), (key_points.MISSING, ""),
    ]  # fmt: skip
    assert [one.why for one in key_points.find_points("", "hand ; !kick")] == [key_points.MISSING] * 2


def test_points_are_read_as_a_person_reads_them():
    assert key_points.format_points("3 ; team | side|; !five|") == "“3”; “team” or “side”; must not contain “five”"
    assert key_points.format_points("") == ""
