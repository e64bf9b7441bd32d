"""Near duplicates: what is one, and that none is lost in a large set."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.progress import Cancelled, Reporter
from core.text import near_duplicates
from tools import bench_duplicates


def near(*texts):
    return near_duplicates.find_duplicates(texts, Reporter()).near.tolist()


def same(*texts):
    return near_duplicates.find_duplicates(texts, Reporter()).same.tolist()


def test_width_case_and_blanks_make_no_difference():
    assert same("How  many players?", "HOW MANY PLAYERS?\n", "Ｈｏｗ many players？", "How many teams?") == [0, 0, 0, 3]
    assert same("ﾎﾞｰﾙは何個ですか", "ボールは何個ですか") == [0, 0]


def test_small_changes_are_near():
    assert near("How many players are on the court?", "How many player are on the court?") == [0, 0]
    assert near("選手が退場になるのはどんなときですか。", "選手が退場になるのはどんな時ですか。") == [0, 0]
    assert near("How many players are on the court?", "Who whistles at the start of a half?") == [0, 1]


def test_another_figure_is_another_question():
    assert near("How long is the break after round 3?", "How long is the break after round 4?") == [0, 1]
    assert near_duplicates.compute_similarity("第3条の内容を述べよ", "第4条の内容を述べよ") == 0
    assert near_duplicates.compute_similarity("第3条の内容を述べよ", "第3条の内容を述べよ。") > 90


def test_nothing_and_very_short_texts():
    assert near() == []
    assert near("", " ", "a", "あ", "A") == [0, 0, 2, 3, 2]


def test_long_texts_differ_in_the_middle_unseen_but_are_not_the_same():
    start, end = "a rule of the game. " * 20, "what follows from it? " * 20
    texts = [f"{start} one {end}", f"{start} other {end}"]
    assert same(*texts) == [0, 1]
    assert near(*texts) == [0, 0]


def test_a_bucket_of_thousands_is_one_group():
    chance = random.Random(2)
    base = "please explain when the referee stops the clock during the second half of the game"
    texts = [base.replace(" ", "  ", 1)]
    texts += [base[:at] + chance.choice("aeiou") + base[at:] for at in chance.choices(range(len(base)), k=3000)]
    assert set(near(*texts)) == {0}


@pytest.mark.parametrize("seed", range(2))
def test_planted_pairs_are_found_and_nothing_else(seed):
    texts, pairs = bench_duplicates.questions(4000, 400, seed)
    groups = near_duplicates.find_duplicates(texts, Reporter()).near
    assert sum(groups[one] == groups[other] for one, other in pairs) >= 0.99 * len(pairs)
    for index, first in enumerate(groups.tolist()):
        if index != first:
            members = [texts[number] for number in range(len(texts)) if groups[number] == first and number != index]
            best = max(
                near_duplicates.compute_similarity(*map(near_duplicates.normalise, (texts[index], text)))
                for text in members
            )
            assert best >= near_duplicates.MIN_SIMILARITY


@given(st.lists(st.text(max_size=40), max_size=30))
def test_every_text_is_in_the_group_of_an_earlier_one_or_its_own(texts):
    groups = near_duplicates.find_duplicates(texts, Reporter())
    for kind in (groups.same, groups.near):
        assert all(kind[first] == first <= index for index, first in enumerate(kind.tolist()))
    for index, first in enumerate(groups.same.tolist()):
        assert near_duplicates.normalise(texts[index]) == near_duplicates.normalise(texts[first])


def test_it_can_be_cancelled():
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        near_duplicates.find_duplicates(["one", "two"], reporter)
