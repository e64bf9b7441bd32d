"""Passages are followed through an edit: to the same words, or to what became of them."""

import pytest

from core.spec import quote_tracking

EN = "# Game\n\n- Each team has three players.\n- Each ball is round.\n\nA goal is one point. The half lasts ten minutes.\n"
JA = "# 試合\n\n- 各チームは3人です。\n- ボールは丸いです。\n\nゴールは1点です。前半は10分です。\n"
ITEMS = "Fouls:\n\n- pushing an opponent\n- grabbing an opponent\n"


def followed(old, new, *quotes):
    """What the passages of these words are after the edit; None where they are gone."""
    places = quote_tracking.find_spans(old, enumerate(quotes))
    moved = quote_tracking.follow_quotes(old, new, places)
    return [place and new[slice(*place)] for place in (moved[number] for number in range(len(quotes)))]


@pytest.mark.parametrize(
    ("old", "before", "after", "quotes", "expected"),
    [
        # Inside a sentence: it has the new words, its neighbours their old ones.
        (EN, "three", "four", ["Each team has three players.", "Each ball is round."], ["Each team has four players.", 1]),
        (JA, "3人", "4人", ["各チームは3人です。", "ボールは丸いです。"], ["各チームは4人です。", 1]),
        # Directly before it and behind it, where it goes on.
        (JA, "前半は", "女子の前半は", ["ゴールは1点です。", "前半は10分です。"], [0, "女子の前半は10分です。"]),
        (EN, "- Each ball", "- Nearly Each ball", ["Each ball is round."], ["Nearly Each ball is round."]),
        (ITEMS, "an opponent\n- g", "an opponent hard\n- g", ["pushing an opponent"], ["pushing an opponent hard"]),
        ("- Each team has \n", "has ", "has 3 players.", ["Each team has"], ["Each team has 3 players."]),
        # Directly before it and behind it, where another sentence or item begins.
        (JA, "前半は", "以上です。前半は", ["ゴールは1点です。", "前半は10分です。"], [0, 1]),
        (EN, "- Each ball", "- Each net is blue.\n- Each ball", ["Each team has three players.", "Each ball is round."], [0, 1]),
        (ITEMS, "- grabbing", "- hitting\n- grabbing", ["pushing an opponent", "grabbing an opponent"], [0, 1]),
        # Taken away: nothing else is taken for it.
        (EN, "Each team has three players.\n- ", "", ["Each team has three players.", "Each ball is round."], [None, 1]),
        (JA, "ゴールは1点です。", "", ["ゴールは1点です。", "前半は10分です。"], [None, 1]),
        # Moved, also across other sentences.
        (
            EN,
            "- Each team has three players.\n- Each ball is round.",
            "- Each ball is round.\n- Each team has three players.",
            ["Each team has three players.", "Each ball is round."],
            [0, 1],
        ),
        # Written anew as a whole.
        (EN, "A goal is one point.", "Whoever scores gets 5.", ["A goal is one point."], ["Whoever scores gets 5."]),
        # Two sentences are edited at once.
        (
            EN,
            "three players.\n- Each ball is",
            "four players.\n- Each ball is never",
            ["Each team has three players.", "Each ball is round."],
            ["Each team has four players.", "Each ball is never round."],
        ),
        # Split in two: the likest of both.
        (JA, "ゴールは1点", "ゴールは入ります。1点", ["ゴールは1点です。"], ["1点です。"]),
        # A part of a sentence, and several sentences as one passage.
        (EN, "three players", "three tall players", ["Each team has three"], [0]),
        (EN, "three", "four", ["has three players"], ["has four players"]),
        (
            EN,
            "one point",
            "two points",
            ["A goal is one point. The half lasts ten minutes."],
            ["A goal is two points. The half lasts ten minutes."],
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_passages(old, before, after, quotes, expected):
    assert before in old
    wanted = [quotes[one] if isinstance(one, int) else one for one in expected]
    assert followed(old, old.replace(before, after, 1), *quotes) == wanted


def test_sentences_that_were_all_edited_are_told_by_their_likeness():
    old = "".join(f"- The {word} team has a {word} shirt.\n" for word in ("red", "blue", "green", "brown"))
    new = old.replace("team", "side").replace("green", "dark green")
    quotes = [line[2:] for line in old.splitlines()]
    assert followed(old, new, *quotes) == [line[2:] for line in new.splitlines()]


def test_a_quote_stands_where_it_is_a_sentence_of_its_own():
    text = "Playing ball is round the clock fun.\n\n- ball is round\n- net\n- net\n"
    found = quote_tracking.find_spans(
        text, [(1, "net"), (2, "ball is round"), (3, "net"), (4, "net"), (5, "none"), (6, "")]
    )
    assert {id: text[slice(*place)] for id, place in found.items()} == {
        1: "net",
        2: "ball is round",
        3: "net",
        4: "net",
    }
    assert text[: found[2][0]].endswith("\n- ")
    assert found[1] < found[3] == found[4]


def test_a_passage_that_stays_is_never_taken_for_another():
    """Of two equal sentences one is edited: the one fact that stands there has its words still."""
    old = "- It is red.\n- It is red.\n- It is blue.\n"
    assert followed(old, old.replace("red", "green", 1), "It is red.") == ["It is red."]
